/* SPDX-License-Identifier: MIT */
/* "Hart State Management Extension (EID #0x48534D "HSM")". */
#include "core/arch.h"
#include "core/sched.h"
#include "sbi/sbi.h"

enum { HART_START = 0, HART_STOP = 1, HART_GET_STATUS = 2, HART_SUSPEND = 3 };

enum { SUSPEND_RETENTIVE = 0, SUSPEND_NON_RETENTIVE = 0x80000000 };

/*
 * Of several that ask at once, one brings the state from STOPPED to START_PENDING; it alone writes
 * where to start, before the wish is posted.
 */
static __attribute__((noinline)) struct sbi_ret start(xlen_t id, xlen_t address, xlen_t opaque)
{
	struct capsule *capsule = vcpu_this()->capsule;
	struct vcpu *vcpu = sbi_vcpu(capsule, id);
	xlen_t state = VCPU_STOPPED;

	if (!vcpu)
		return sbi_return(SBI_ERR_INVALID_PARAM, 0);
	if (!sbi_can_start_at(capsule, address))
		return sbi_return(SBI_ERR_INVALID_ADDRESS, 0);
	if (!__atomic_compare_exchange_n(&vcpu->state, &state, VCPU_START_PENDING, false,
					 __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		/* One that is about to stop isn't available yet: it is worth another try. */
		return sbi_return(
			state == VCPU_STOP_PENDING ? SBI_ERR_FAILED : SBI_ERR_ALREADY_AVAILABLE, 0);
	__atomic_add_fetch(&capsule->started, 1, __ATOMIC_RELAXED);
	vcpu->start_at = address;
	vcpu->start_opaque = opaque;
	sched_post(vcpu, VCPU_WANT_START);
	return sbi_return(SBI_SUCCESS, 0);
}

/* When the last one has gone, nobody is left to start another: that is the capsule's end. */
static __attribute__((noinline)) struct sbi_ret stop(void)
{
	struct vcpu *vcpu = vcpu_this();

	__atomic_store_n(&vcpu->state, VCPU_STOP_PENDING, __ATOMIC_RELEASE);
	if (!__atomic_sub_fetch(&vcpu->capsule->started, 1, __ATOMIC_ACQ_REL))
		capsule_end(vcpu->capsule, CAPSULE_SHUTDOWN, "stopped its last vCPU");
	arch_hart_request_work();
	return sbi_return(SBI_SUCCESS, 0);
}

/* The type is "32 bits wide": what lies above it in a 64-bit register isn't looked at. */
static __attribute__((noinline)) struct sbi_ret suspend(uint32_t type, xlen_t resume_address,
							xlen_t opaque)
{
	struct vcpu *vcpu = vcpu_this();

	if (type != SUSPEND_RETENTIVE && type != SUSPEND_NON_RETENTIVE)
		return sbi_return(SBI_ERR_INVALID_PARAM, 0);
	if (type == SUSPEND_NON_RETENTIVE) {
		if (!sbi_can_start_at(vcpu->capsule, resume_address))
			return sbi_return(SBI_ERR_INVALID_ADDRESS, 0);
		sbi_resume_at(vcpu, resume_address, opaque);
	}
	sbi_suspend(vcpu);
	return sbi_return(SBI_SUCCESS, 0);
}

static inline struct sbi_ret status(xlen_t id)
{
	const struct capsule *capsule = vcpu_this()->capsule;

	if (id >= capsule->vcpu_count)
		return sbi_return(SBI_ERR_INVALID_PARAM, 0);
	return sbi_return(SBI_SUCCESS,
			  __atomic_load_n(&capsule->vcpus[id]->state, __ATOMIC_RELAXED));
}

SBI_HANDLER(sbi_hsm)
{
	if (fid == HART_GET_STATUS)
		return status(a0);
	switch (fid) {
	case HART_START: return start(a0, a1, a2);
	case HART_STOP: return stop();
	case HART_SUSPEND: return suspend(a0, a1, a2);
	default: return sbi_return(SBI_ERR_NOT_SUPPORTED, 0);
	}
}
