/* SPDX-License-Identifier: MIT */
/*
 * "SBI Firmware Features Extension (EID #0x46574654 "FWFT")".
 *
 * One feature can be had: who gets misaligned accesses. The others need extensions that
 * no guest is offered (riscv/cpu.c, guest_allowed): landing pads, shadow stacks, double
 * traps, the hardware's updating of A and D, pointer masking.
 */
#include "core/arch.h"
#include "sbi/sbi.h"

enum { FEATURE_SET = 0, FEATURE_GET = 1 };

enum feature { MISALIGNED_EXC_DELEG = 0, POINTER_MASKING_PMLEN = 5 };

enum { FLAG_LOCK = 1 };

/* What is said of a feature before its value matters. */
static long look_up(uint32_t feature)
{
	if (feature == MISALIGNED_EXC_DELEG)
		return SBI_SUCCESS;
	/* "Not reserved and valid", but not to be had; all others are reserved, or a platform's. */
	return feature <= POINTER_MASKING_PMLEN ? SBI_ERR_NOT_SUPPORTED : SBI_ERR_DENIED;
}

/* Setting what is there already succeeds, unless it is locked. */
static long set(uint32_t feature, xlen_t value, xlen_t flags)
{
	struct vcpu *vcpu = vcpu_this();
	struct vcpu_sbi *sbi = &vcpu->sbi;
	long error = look_up(feature);
	uint32_t bit = (uint32_t)1 << (feature & 31);

	if (error)
		return error;
	if (value > 1 || flags & ~(xlen_t)FLAG_LOCK)
		return SBI_ERR_INVALID_PARAM;
	if (sbi->locked & bit)
		return SBI_ERR_DENIED_LOCKED;
	if (!!(sbi->features & bit) != value) {
		if (!arch_vcpu_delegate_misaligned(vcpu, value))
			return SBI_ERR_NOT_SUPPORTED; /* "due to one or more missing dependencies"
						       */
		sbi->features ^= bit;
	}
	if (flags & FLAG_LOCK)
		sbi->locked |= bit;
	return SBI_SUCCESS;
}

static struct sbi_ret get(uint32_t feature)
{
	long error = look_up(feature);

	return sbi_return(error, error ? 0 : vcpu_this()->sbi.features >> feature & 1);
}

/* `feature` is 32 bits wide: what lies above it in a 64-bit register isn't looked at. */
SBI_HANDLER(sbi_fwft)
{
	switch (fid) {
	case FEATURE_SET: return sbi_return(set(a0, a1, a2), 0);
	case FEATURE_GET: return get(a0);
	default: return sbi_return(SBI_ERR_NOT_SUPPORTED, 0);
	}
}
