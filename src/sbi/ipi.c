/* SPDX-License-Identifier: MIT */
/* "IPI Extension (EID #0x735049 "sPI: s-mode IPI")". */
#include "core/arch.h"
#include "core/sched.h"
#include "sbi/pmu.h"
#include "sbi/sbi.h"

static __attribute__((noinline)) void send_to_others(const struct capsule *capsule, uint32_t harts)
{
	for (unsigned id = 0; harts; id++, harts >>= 1) {
		struct vcpu *vcpu = capsule->vcpus[id];

		if (!(harts & 1) || !sbi_is_there(vcpu))
			continue;
		sched_post(vcpu, VCPU_WANT_IPI);
		pmu_note_request(vcpu_this(), vcpu, PMU_IPI_SENT);
	}
}

SBI_HANDLER(sbi_ipi)
{
	struct vcpu *self = vcpu_this();
	uint32_t harts;

	if (fid != 0)
		return sbi_return(SBI_ERR_NOT_SUPPORTED, 0);
	if (!sbi_harts(self->capsule, a0, a1, &harts))
		return sbi_return(SBI_ERR_INVALID_PARAM, 0);
	if (harts >> self->id & 1)
		arch_vcpu_honour(self, VCPU_WANT_IPI);
	harts &= ~((uint32_t)1 << self->id);
	if (harts)
		send_to_others(self->capsule, harts);
	return sbi_return(SBI_SUCCESS, 0);
}
