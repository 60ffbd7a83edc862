/* SPDX-License-Identifier: MIT */
/* "IPI Extension (EID #0x735049 "sPI: s-mode IPI")". */
#include "core/arch.h"
#include "core/sched.h"
#include "core/sched_post.h"
#include "sbi/pmu.h"
#include "sbi/sbi.h"

static void send_to_others(const struct capsule *capsule, uint32_t harts)
{
	for (unsigned id = 0; harts; id++, harts >>= 1) {
		struct vcpu *vcpu = capsule->vcpus[id];

		if (!(harts & 1) || !sbi_is_there(vcpu))
			continue;
		sched_post(vcpu, VCPU_WANT_IPI);
		pmu_note_request(vcpu_this(), vcpu, PMU_IPI_SENT);
	}
}

static __attribute__((noinline)) struct sbi_ret send(struct vcpu *self, xlen_t mask, xlen_t base)
{
	uint32_t harts;

	if (!sbi_harts(self->capsule, mask, base, &harts))
		return sbi_return(SBI_ERR_INVALID_PARAM, 0);
	if (harts >> self->id & 1)
		arch_vcpu_raise_ipi();
	harts &= ~((uint32_t)1 << self->id);
	if (harts)
		send_to_others(self->capsule, harts);
	return sbi_return(SBI_SUCCESS, 0);
}

/* A vCPU by its id as the base: without a call, unless one of the two counts its IPIs. */
SBI_HANDLER(sbi_ipi)
{
	struct vcpu *self = vcpu_this();
	struct vcpu *one;

	if (fid != 0)
		return sbi_unknown();
	if (sbi_is_alone(self, a0, a1)) {
		arch_vcpu_raise_ipi();
		return sbi_return(SBI_SUCCESS, 0);
	}
	if (a0 != 1 || a1 >= self->capsule->vcpu_count)
		return send(self, a0, a1);
	one = self->capsule->vcpus[a1];
	if (pmu_is_watched(self) || pmu_is_watched(one))
		return send(self, a0, a1);
	if (sbi_is_there(one))
		sched_post_now(one, VCPU_WANT_IPI);
	return sbi_return(SBI_SUCCESS, 0);
}
