/* SPDX-License-Identifier: MIT */
/*
 * "RFENCE Extension (EID #0x52464E43 "RFNC")". The HFENCE functions are for
 * guests with the H extension, which no guest has: not supported.
 *
 * The caller's own fence is what it asked for; others fence everything, since addresses and
 * an ASID only narrow a fence down, and the wish for one is a bit. A vCPU that
 * is in no hart fences before its next instruction, and nobody waits for it.
 */
#include "core/arch.h"
#include "core/sched.h"
#include "sbi/pmu.h"
#include "sbi/sbi.h"

enum { REMOTE_FENCE_I = 0, REMOTE_SFENCE_VMA = 1, REMOTE_SFENCE_VMA_ASID = 2 };

/* All at once, then wait for each: they work at the same time. */
static void fence_others(const struct capsule *capsule, uint32_t harts, xlen_t want,
			 enum pmu_event sent)
{
	uint32_t rest = harts;

	for (unsigned id = 0; rest; id++, rest >>= 1) {
		struct vcpu *vcpu = capsule->vcpus[id];

		if (!(rest & 1) || !sbi_is_there(vcpu))
			continue;
		sched_post(vcpu, want);
		pmu_note_request(vcpu_this(), vcpu, sent);
	}
	for (unsigned id = 0; harts; id++, harts >>= 1)
		if ((harts & 1) && sbi_is_there(capsule->vcpus[id]))
			sched_await(capsule->vcpus[id], want);
}

static __attribute__((noinline)) struct sbi_ret fence_instructions(xlen_t mask, xlen_t base)
{
	const struct vcpu *self = vcpu_this();
	uint32_t harts;

	if (!sbi_harts(self->capsule, mask, base, &harts))
		return sbi_return(SBI_ERR_INVALID_PARAM, 0);
	if (harts >> self->id & 1)
		arch_fence_instructions();
	harts &= ~((uint32_t)1 << self->id);
	if (harts)
		fence_others(self->capsule, harts, VCPU_WANT_FENCE_CODE, PMU_FENCE_I_SENT);
	return sbi_return(SBI_SUCCESS, 0);
}

static __attribute__((noinline)) struct sbi_ret fence_addresses(xlen_t mask, xlen_t base,
								xlen_t start, xlen_t size,
								enum pmu_event sent)
{
	const struct vcpu *self = vcpu_this();
	bool nothing = size == 0 && start != 0;
	uint32_t harts;

	/* The whole address space: "start_addr and size are both 0, or size is 2^XLEN-1". */
	if (size == (xlen_t)-1)
		size = 0;
	else if (size && size - 1 > (xlen_t)-1 - start)
		return sbi_return(SBI_ERR_INVALID_ADDRESS, 0);
	if (!sbi_harts(self->capsule, mask, base, &harts))
		return sbi_return(SBI_ERR_INVALID_PARAM, 0);
	if (nothing)
		return sbi_return(SBI_SUCCESS, 0);
	if (harts >> self->id & 1)
		arch_fence_addresses(start, size);
	harts &= ~((uint32_t)1 << self->id);
	if (harts)
		fence_others(self->capsule, harts, VCPU_WANT_FENCE_MEMORY, sent);
	return sbi_return(SBI_SUCCESS, 0);
}

static __attribute__((noinline)) struct sbi_ret fence_asid(xlen_t mask, xlen_t base, xlen_t start,
							   xlen_t size, xlen_t asid)
{
	if (!arch_asid_valid(asid))
		return sbi_return(SBI_ERR_INVALID_PARAM, 0);
	return fence_addresses(mask, base, start, size, PMU_SFENCE_VMA_ASID_SENT);
}

SBI_HANDLER(sbi_rfence)
{
	switch (fid) {
	case REMOTE_FENCE_I:
		if (!sbi_is_alone(vcpu_this(), a0, a1))
			return fence_instructions(a0, a1);
		arch_fence_instructions();
		return sbi_return(SBI_SUCCESS, 0);
	case REMOTE_SFENCE_VMA: return fence_addresses(a0, a1, a2, a3, PMU_SFENCE_VMA_SENT);
	case REMOTE_SFENCE_VMA_ASID: return fence_asid(a0, a1, a2, a3, a4);
	default: return sbi_return(SBI_ERR_NOT_SUPPORTED, 0);
	}
}
