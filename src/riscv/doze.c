/* SPDX-License-Identifier: MIT */
/*
 * A guest's WFI where nobody else wants the hart: the vCPU's state stays in the registers, the hart
 * waits in M-mode, and what wakes it up as a rule (another vCPU's IPI, a timer that raises the
 * guest's interrupt by itself) is served here. core/sched_doze.h has the scheduler's part.
 *
 * Calls are the last thing that a function here does, so that the usual way saves no register.
 */
#include "riscv/doze.h"

#include "core/arch.h"
#include "core/assert.h"
#include "core/sched.h"
#include "core/sched_doze.h"
#include "riscv/cpu.h"
#include "riscv/csr.h"

/* Somebody else wants to run here, or the vCPU has a ceiling: the scheduler sees to it. */
static __attribute__((noinline)) long wait_for_turn(struct vcpu *vcpu)
{
	vcpu->wait = true;
	if (!sched_doze(hart_this()))
		arch_hart_request_work();
	return 0;
}

/* Woken for more than an IPI: see sched_doze_on(). */
static __attribute__((noinline)) long go_on(struct vcpu *called, xlen_t wanted)
{
	struct vcpu *vcpu = vcpu_this();

	vcpu->wait = true;
	if (!sched_doze_on(hart_this(), vcpu, called, wanted))
		arch_hart_request_work();
	return 0;
}

/*
 * Interrupts are off in M-mode: one that is pending, or becomes so between any look here and the
 * WFI, ends that at once, delegated or not ("Wait for Interrupt": it goes by mip and mie alone).
 * WFI may also end for no reason. The guest's own bits in mie are its `sie`.
 *
 * msip is cleared before anything is looked at that another hart may have written before it rang:
 * whoever writes later rings again.
 */
static __attribute__((noinline)) long sleep(xlen_t of_guest)
{
	struct cpu *cpu = cpu_of(hart_this());
	struct vcpu *vcpu = vcpu_this();

	for (;;) {
		struct vcpu *called;
		xlen_t pending, wanted;

		__asm__ volatile("wfi" : : : "memory");
		pending = csr_read(mip) & csr_read(mie);
		if (pending & of_guest)
			break;
		if (!pending)
			continue;
		if (pending != MIP_MSIP)
			return go_on(NULL, 0);
		*cpu->msip = 0;
		__asm__ volatile("fence o, rw" : : : "memory");
		if (panic_has_begun())
			arch_hart_park();
		called = sched_doze_called(&cpu->hart);
		if (called != vcpu || vcpu->inbox_next || cpu->hart.sched.calls)
			return go_on(called, 0);
		wanted = sched_take_wanted(vcpu);
		if (wanted != VCPU_WANT_IPI)
			return go_on(NULL, wanted);
		arch_vcpu_raise_ipi();
		if (csr_read(mie) & of_guest & (MIP_SSIP | MIP_VSSIP))
			break;
	}
	sched_doze_end(&cpu->hart, inline_time(cpu));
	return 0;
}

/* There are many harts, or somebody waits for a turn on one of them. */
static __attribute__((noinline)) long sleep_among_many(xlen_t of_guest)
{
	struct hart *hart = hart_this();

	sched_ask_for_work(hart, hart->sched.since);
	return sleep(of_guest);
}

long doze_until_interrupted(xlen_t of_guest)
{
	struct cpu *cpu = cpu_of(hart_this());
	struct vcpu *vcpu = vcpu_this();

	if (!sched_doze_begin(&cpu->hart, vcpu, inline_time(cpu)))
		return wait_for_turn(vcpu);
	return sched_nobody_waits() ? sleep(of_guest) : sleep_among_many(of_guest);
}
