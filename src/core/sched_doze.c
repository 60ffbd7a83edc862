/* SPDX-License-Identifier: MIT */
/* The usual wait, as far as it isn't inline (core/sched_doze.h). */
#include "core/sched_internal.h"

bool sched_doze_on(struct hart *hart, struct vcpu *vcpu, struct vcpu *called, xlen_t wanted)
{
	vcpu->place = VCPU_ASLEEP;
	if (sched_serve(vcpu, wanted) | sched_receive(hart, called) || hart->sched.calls)
		arch_hart_request_work();
	arch_hart_poll();
	while (!arch_vcpu_interrupted(vcpu) && !arch_hart_has_work())
		arch_hart_sleep(true);
	vcpu->place = VCPU_RUNNING;
	sched_doze_end(hart, arch_time());
	if (arch_hart_has_work())
		return false;
	vcpu->wait = false;
	return true;
}

bool sched_doze(struct hart *hart)
{
	struct sched *sched = &hart->sched;
	struct vcpu *vcpu = hart->vcpu;
	uint64_t now = arch_time();

	if (vcpu->place != VCPU_RUNNING || sched->runnable.count || sched->inbox || sched->calls ||
	    now >= sched->timer_at || vcpu->capped || sched_has_ended(vcpu))
		return false;
	sched_pay(sched, vcpu, now);
	sched_set_idle(hart, true);
	sched_ask_for_work(hart, now);
	return sched_doze_on(hart, vcpu, NULL, 0);
}
