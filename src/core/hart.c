/* SPDX-License-Identifier: MIT */
#include "core/hart.h"

#include "core/arch.h"
#include "core/boot.h"
#include "core/capsule.h"

_Noreturn void hart_run(struct hart *hart)
{
	for (;;) {
		struct vcpu *vcpu = __atomic_load_n(&hart->vcpu, __ATOMIC_ACQUIRE);

		if (vcpu && vcpu->capsule->state == CAPSULE_LOADED) {
			vcpu->capsule->state = CAPSULE_RUNNING;
			arch_vcpu_enter(vcpu);
		}
		arch_hart_sleep();
	}
}

void hart_work(struct hart *hart, struct vcpu *vcpu)
{
	if (vcpu->capsule->state == CAPSULE_ENDED) {
		hart->vcpu = NULL;
		boot_capsule_ended(vcpu->capsule);
	}

	if (vcpu->wait) {
		while (!arch_vcpu_interrupted(vcpu))
			arch_hart_sleep();
		vcpu->wait = false;
	}
	if (vcpu->resume) {
		vcpu->resume = false;
		arch_vcpu_resume_at(vcpu, vcpu->resume_at, vcpu->resume_opaque);
	}
	if (vcpu->state == VCPU_SUSPENDED)
		__atomic_store_n(&vcpu->state, VCPU_STARTED, __ATOMIC_RELEASE);
}
