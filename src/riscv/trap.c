/* SPDX-License-Identifier: MIT */
#include "riscv/trap.h"

#include "core/arch.h"
#include "core/assert.h"
#include "core/capsule.h"
#include "core/sched.h"
#include "drivers/drivers.h"
#include "riscv/access.h"
#include "riscv/cpu.h"
#include "riscv/report.h"
#include "riscv/virtual.h"

/* Where the guest takes its exceptions: the base in either mode of stvec. */
static xlen_t trap_handler_of_guest(void)
{
	return guest_read(stvec) & ~(xlen_t)3;
}

/* Entries from riscv/trap.S. */
void trap_exception(struct context *context, xlen_t cause, xlen_t value);
void trap_interrupt(xlen_t cause);
void trap_work(struct context *context);
void trap_leave(struct cpu *cpu);

/*
 * Of a guest with V=1 it is its own, or a sign that a trap was delivered to HS-mode, where there
 * is nothing to fetch: then delegation doesn't do what it was told, and the guest can't go on.
 */
static enum trap_result insn_access(struct context *context, struct trap *trap)
{
	(void)trap;
	if (!virtual_guests() || !virtual_is_stray())
		return TRAP_REFLECT;
	capsule_end(context->vcpu.capsule, CAPSULE_FAILED,
		    "stopped: the hart delivered one of its traps to HS-mode, where nothing runs");
	return TRAP_RESUME;
}

/* An exception that a guest without H doesn't know, to be reflected as one that it does. */
static enum trap_result guest_page(struct context *context, struct trap *trap)
{
	(void)context;
	trap->cause = virtual_cause(trap->cause);
	return TRAP_REFLECT;
}

static trap_handler *const exceptions[CAUSE_COUNT] = {
	[CAUSE_INSN_ACCESS] = insn_access,
	[CAUSE_ILLEGAL] = emulate_illegal,
	[CAUSE_LOAD_MISALIGNED] = emulate_misaligned,
	[CAUSE_STORE_MISALIGNED] = emulate_misaligned,
	[CAUSE_LOAD_ACCESS] = mmio_exception,
	[CAUSE_STORE_ACCESS] = mmio_exception,
	[CAUSE_INSN_GUEST_PAGE] = guest_page,
	[CAUSE_LOAD_GUEST_PAGE] = mmio_exception,
	[CAUSE_VIRTUAL_INSN] = emulate_illegal,
	[CAUSE_STORE_GUEST_PAGE] = mmio_exception,
};

/* What every full entry ends with, but the usual change of vCPU: all that was left to be done. */
__attribute__((noinline)) void trap_leave(struct cpu *cpu)
{
	ASSERT(*cpu->stack_limit == CPU_STACK_CANARY);
	while (cpu->work) {
		cpu->work = 0;
		sched_work(&cpu->hart);
	}
}

/* A short entry has left work. All registers are saved now: a failure it reported can be shown. */
void trap_work(struct context *context)
{
	const struct capsule *capsule = context->vcpu.capsule;

	if (capsule->state == CAPSULE_STOPPING && capsule->end == CAPSULE_FAILED)
		report_failure(context);
	trap_leave(context->cpu);
}

/* Instructions are two bytes long unless the low two bits are set. */
static unsigned insn_length(uint32_t insn)
{
	return (insn & 3) == 3 ? 4 : 2;
}

/*
 * True when the guest would meet the same exception for ever: the first instruction of its
 * handler raises it. Reflecting it changes nothing that the instruction depends on, turns
 * interrupts off, and there is no other vCPU that could change the code.
 */
static bool is_stuck(const struct context *context, const struct trap *trap)
{
	return context->pc == trap_handler_of_guest() && (trap->status & MSTATUS_MPP_S) &&
	       context->vcpu.capsule->vcpu_count == 1;
}

/* The others are counted where it is known what they are. */
static bool is_counted_here(xlen_t cause)
{
	const uint32_t others = 1u << CAUSE_ILLEGAL | 1u << CAUSE_LOAD_ACCESS |
				1u << CAUSE_STORE_ACCESS | 1u << CAUSE_LOAD_GUEST_PAGE |
				1u << CAUSE_VIRTUAL_INSN | 1u << CAUSE_STORE_GUEST_PAGE;

	return cause >= CAUSE_COUNT || !(others >> cause & 1);
}

void trap_exception(struct context *context, xlen_t cause, xlen_t value)
{
	struct trap trap = {.cause = cause, .value = value, .status = context->status};
	enum trap_result result = TRAP_REFLECT;

	if (is_counted_here(cause))
		context->counts[EXIT_EXCEPTION]++;

	if (cause < CAUSE_COUNT && exceptions[cause])
		result = exceptions[cause](context, &trap);
	if (result == TRAP_REFLECT && is_stuck(context, &trap))
		result = TRAP_FATAL;

	switch (result) {
	case TRAP_RESUME: break;
	case TRAP_SKIP: context->pc += insn_length(trap.insn); break;
	case TRAP_REFLECT: trap_reflect(context, trap.cause, trap.value); break;
	case TRAP_FATAL:
		report_guest(context, &trap);
		capsule_end(context->vcpu.capsule, CAPSULE_FAILED,
			    "stopped: its trap handler itself traps, for ever");
		break;
	}
	trap_leave(context->cpu);
}

void trap_set_external(bool level)
{
	if (virtual_guests() && level)
		csr_set(hvip, MIP_VSEIP);
	else if (virtual_guests())
		csr_clear(hvip, MIP_VSEIP);
	else if (level)
		csr_set(mip, MIP_SEIP);
	else
		csr_clear(mip, MIP_SEIP);
}

/*
 * Another hart wants something of this one or of its vCPU. A call by MSI has been claimed by now,
 * and the write does nothing: 0 is no identity.
 */
static void woken(struct cpu *cpu)
{
	*cpu->msip = 0;
	/* The device is quiet before we look at what we were called for. */
	__asm__ volatile("fence o, rw" : : : "memory");
	if (panic_has_begun())
		arch_hart_park();
	if (sched_interrupt(&cpu->hart))
		cpu->work = 1;
}

/* Among them, where there are MSIs, may be another hart. */
static void devices_call(struct cpu *cpu)
{
	if (drivers_interrupt(&cpu->hart))
		woken(cpu);
}

static void timer_rings(struct cpu *cpu)
{
	if (arch_timer_interrupt(arch_time()))
		cpu->work = 1;
}

/* It took the hart out of a guest. */
void trap_interrupt(xlen_t cause)
{
	struct cpu *cpu = cpu_of(hart_this());
	xlen_t *counts = cpu->context->counts;

	switch (cause << 1 >> 1) {
	case IRQ_M_EXT:
		counts[EXIT_EXTERNAL]++;
		devices_call(cpu);
		break;
	case IRQ_M_TIMER:
		counts[EXIT_TIMER]++;
		timer_rings(cpu);
		break;
	case IRQ_M_SOFT:
		counts[EXIT_HOST_IPI]++;
		woken(cpu);
		break;
	default: panic("interrupt %lu, which was never enabled", cause << 1 >> 1);
	}
}

void arch_hart_poll(void)
{
	struct cpu *cpu = cpu_of(hart_this());
	xlen_t pending = csr_read(mip) & csr_read(mie);

	if (pending & MIP_MSIP)
		woken(cpu);
	if (pending & MIP_MTIP)
		timer_rings(cpu);
	if (pending & MIP_MEIP)
		devices_call(cpu);
}

/* Interrupts are off in M-mode: what comes between look and WFI stays pending, and ends the WFI. */
void arch_hart_sleep(bool for_guest)
{
	const xlen_t of_guest = MIP_GUEST | MIP_VIRTUAL;
	xlen_t enabled = csr_read(mie);

	if (!for_guest)
		csr_clear(mie, of_guest);
	if (!(csr_read(mip) & csr_read(mie) & (MIP_HOST | of_guest)))
		__asm__ volatile("wfi" : : : "memory");
	if (!for_guest)
		csr_set(mie, enabled & of_guest);
	arch_hart_poll();
}

/* Privileged spec, "Trap Entry" as seen by S-mode: what hardware does when it delegates. */
void trap_reflect(struct context *context, xlen_t cause, xlen_t value)
{
	xlen_t status = csr_read(mstatus);
	xlen_t from_supervisor = context->status & MSTATUS_MPP_S;

	if (virtual_guests()) {
		virtual_reflect(context, cause, value);
		return;
	}
	csr_write(scause, cause);
	csr_write(stval, value);
	csr_write(sepc, context->pc);
	context->pc = trap_handler_of_guest();

	status &= ~(xlen_t)(MSTATUS_SPP | MSTATUS_SPIE);
	if (from_supervisor)
		status |= MSTATUS_SPP;
	if (status & MSTATUS_SIE)
		status |= MSTATUS_SPIE;
	status &= ~(xlen_t)MSTATUS_SIE;
	csr_write(mstatus, status);
	context->status |= MSTATUS_MPP_S;
}
