/* SPDX-License-Identifier: MIT */
/* What of the fake of core/arch.h needs the scheduler; a file of its own for tests without one. */
#include "unit.h"

#include "core/sched.h"
#include "fake/arch.h"

void fake_arch_deliver(struct hart *hart)
{
	struct hart *before = arch_this_hart;

	if (!__atomic_exchange_n(&fake_arch.woken[hart->index], false, __ATOMIC_SEQ_CST))
		return;
	arch_this_hart = hart;
	if (sched_interrupt(hart))
		fake_arch.work[hart->index] = true;
	arch_this_hart = before;
}

/* As in riscv/vcpu.c. */
void arch_vcpu_set_external(struct vcpu *vcpu, bool level)
{
	struct fake_vcpu *fake = fake_vcpu_of(vcpu);

	fake_arch_note(FAKE_EXTERNAL, vcpu, level, 0);
	__atomic_store_n(&fake->external, level, __ATOMIC_RELEASE);
	if (fake_arch.loaded[arch_this_hart->index] == vcpu)
		fake->seip = level;
	else
		sched_post(vcpu, VCPU_WANT_EXTERNAL);
}
