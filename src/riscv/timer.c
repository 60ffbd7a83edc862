/* SPDX-License-Identifier: MIT */
/*
 * Timers: the supervisor's, by Sstc or through mtimecmp, and the hart's own alarm, which
 * always is mtimecmp's.
 */
#include "core/arch.h"
#include "riscv/access.h"
#include "riscv/cpu.h"
#include "riscv/virtual.h"

static const uint64_t never = (uint64_t)-1;

static inline void write_mtimecmp(uintptr_t at, uint64_t when)
{
	volatile uint32_t *halves = (volatile uint32_t *)at;

	halves[0] = (uint32_t)-1;
	halves[1] = when >> 32;
	halves[0] = when;
}

void arch_timer_quiet(void)
{
	csr_write64_parked(CSR_STIMECMP, CSR_STIMECMPH, never);
}

/* The supervisor timer's interrupt without Sstc. */
static bool is_raised(const struct cpu *cpu)
{
	return csr_read(mip) & (cpu->has_hypervisor ? MIP_VSTIP : MIP_STIP);
}

static void raise(const struct cpu *cpu)
{
	if (cpu->has_hypervisor)
		csr_set(hvip, MIP_VSTIP);
	else
		csr_set(mip, MIP_STIP);
}

/*
 * Without Sstc a hart's one mtimecmp serves itself and the guest that is loaded: it is set to the
 * earlier of the alarm and of the guest's timer, unless that has raised STIP already.
 */
static void set_mtimecmp(struct cpu *cpu)
{
	uint64_t when = cpu->hart.sched.alarm;

	if (!cpu->has_sstc && cpu->context && !is_raised(cpu) && cpu->context->timer < when)
		when = cpu->context->timer;
	write_mtimecmp(cpu->mtimecmp, when);
}

void timer_set_up(const struct cpu *cpu)
{
	if (!cpu->mtimecmp)
		return;
	write_mtimecmp(cpu->mtimecmp, never);
	csr_set(mie, MIP_MTIP);
}

void arch_alarm_set(uint64_t when)
{
	struct cpu *cpu = cpu_of(hart_this());

	if (cpu->hart.sched.alarm == when)
		return;
	cpu->hart.sched.alarm = when;
	if (cpu->has_sstc) {
		write_mtimecmp(cpu->mtimecmp, when);
		return;
	}
	if (cpu->context)
		cpu->context->alarm = when; /* for the short road */
	set_mtimecmp(cpu);
}

bool arch_timer_interrupt(uint64_t now)
{
	struct cpu *cpu = cpu_of(hart_this());
	bool rang = cpu->hart.sched.alarm <= now;

	if (!cpu->has_sstc && cpu->context && cpu->context->timer <= now)
		raise(cpu);
	if (rang)
		arch_alarm_set(never);
	else
		set_mtimecmp(cpu);
	return rang;
}

void arch_timer_set(struct vcpu *vcpu, uint64_t when)
{
	struct context *context = context_of(vcpu);

	if (context->cpu->has_hypervisor) {
		virtual_set_timer(context->cpu, context, when);
		arch_timer_reset();
		return;
	}
	if (context->cpu->has_sstc) {
		csr_write64_parked(CSR_STIMECMP, CSR_STIMECMPH, when);
		return;
	}
	context->timer = when;
	csr_clear(mip, MIP_STIP);
	set_mtimecmp(context->cpu);
}

void arch_timer_reset(void)
{
	struct cpu *cpu = cpu_of(hart_this());

	if (!cpu->has_sstc)
		set_mtimecmp(cpu);
}
