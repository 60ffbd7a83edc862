/* SPDX-License-Identifier: MIT */
/*
 * "System Suspend Extension (EID #0x53555350 "SUSP")". The system is the capsule: its one
 * vCPU that isn't stopped sleeps until an interrupt is pending that its `sie` allows, and
 * goes on as after a non-retentive suspend of the hart.
 */
#include "core/arch.h"
#include "sbi/sbi.h"

enum { SYSTEM_SUSPEND = 0 };

enum { SUSPEND_TO_RAM = 0 };

/* "All but the calling hart be in the HSM STOPPED state": nobody else could start one. */
static bool others_are_stopped(const struct vcpu *vcpu)
{
	const struct capsule *capsule = vcpu->capsule;

	for (unsigned i = 0; i < capsule->vcpu_count; i++) {
		const struct vcpu *other = capsule->vcpus[i];

		if (other != vcpu &&
		    __atomic_load_n(&other->state, __ATOMIC_ACQUIRE) != VCPU_STOPPED)
			return false;
	}
	return true;
}

/* `type` is 32 bits wide. */
static long suspend(uint32_t type, xlen_t resume_address, xlen_t opaque)
{
	struct vcpu *vcpu = vcpu_this();

	if (type != SUSPEND_TO_RAM)
		return SBI_ERR_INVALID_PARAM;
	if (!sbi_can_start_at(vcpu->capsule, resume_address))
		return SBI_ERR_INVALID_ADDRESS;
	if (!others_are_stopped(vcpu))
		return SBI_ERR_DENIED;
	sbi_resume_at(vcpu, resume_address, opaque);
	sbi_suspend(vcpu);
	return SBI_SUCCESS;
}

SBI_HANDLER(sbi_susp)
{
	if (fid != SYSTEM_SUSPEND)
		return sbi_return(SBI_ERR_NOT_SUPPORTED, 0);
	return sbi_return(suspend(a0, a1, a2), 0);
}
