/* SPDX-License-Identifier: MIT */
/*
 * Illegal instructions of guests, which are not delegated because a guest's WFI, and its wrs.nto,
 * arrive as one (mstatus.TW). What isn't emulated here goes
 * back to the guest as the exception that it is.
 */
#include "core/arch.h"
#include "core/sched.h"
#include "riscv/access.h"
#include "riscv/cpu.h"
#include "riscv/doze.h"
#include "riscv/trap.h"
#include "riscv/vector.h"
#include "riscv/virtual.h"
#include "sbi/pmu.h"

enum {
	INSN_WFI = 0x10500073,
	INSN_WRS_NTO = 0x00d00073,
};

/* csrrs rd, csr, x0 */
#define INSN_CSRR(csr) ((uint32_t)(csr) << 20 | 0x2073)
#define INSN_CSRR_MASK 0xfffff07fu
#define INSN_RD(insn)  ((insn) >> 7 & 31)

/* WFI: the hart sleeps until an interrupt of the guest's is pending and enabled, globally or not.
 */
static enum trap_result wait_for_interrupt(struct context *context)
{
	if (!(context->status & MSTATUS_MPP_S))
		return TRAP_REFLECT; /* "may raise illegal" in U; a guest's user program can't sleep
				      */
	if (!arch_vcpu_interrupted(&context->vcpu)) {
		context->vcpu.wait = true;
		arch_hart_request_work();
	}
	return TRAP_SKIP;
}

long emulate_wait(void)
{
	const xlen_t of_guest = virtual_guests() ? MIP_VIRTUAL : MIP_GUEST;

	/* Where mtval doesn't hold the instruction, it is fetched by the full entry. */
	if (csr_read(mtval) != INSN_WFI || !(csr_read(mstatus) & MSTATUS_MPP_S))
		return TRAP_NEEDS_FULL;
	csr_write(mepc, csr_read(mepc) + 4);
	context_of(vcpu_this())->counts[EXIT_WFI]++;
	if (csr_read(mip) & csr_read(mie) & of_guest)
		return 0;
	return doze_until_interrupted(of_guest);
}

/* A read of the `time` CSR on a hart that leaves it to M-mode? */
static bool reads_time(const struct context *context, uint32_t insn)
{
	uint32_t csrr = insn & INSN_CSRR_MASK;

	return !context->cpu->has_time &&
	       (csrr == INSN_CSRR(CSR_TIME) || (XLEN == 32 && csrr == INSN_CSRR(CSR_TIMEH)));
}

static bool emulate_time(struct context *context, uint32_t insn)
{
	bool high = (insn & INSN_CSRR_MASK) == INSN_CSRR(CSR_TIMEH);
	uint64_t now;

	if (!reads_time(context, insn))
		return false;
	if (!(context->status & MSTATUS_MPP_S) && !(csr_read(scounteren) & SCOUNTEREN_TM))
		return false;
	now = arch_time() - context->time_zero;
	if (INSN_RD(insn))
		context->x[INSN_RD(insn)] = high ? now >> 32 : now;
	return true;
}

/*
 * mtval has the instruction or zero ("Machine Trap Value Register"), or so it should: for some
 * QEMU leaves one there that was illegal earlier, and may have been another capsule's (7.2 for a
 * few with V=1, 10.0 for mret). So it is believed where it saves time, and what the guest is told
 * is fetched. False: it can't be, and trap->cause and value say why.
 */
static bool find_instruction(const struct context *context, struct trap *trap)
{
	bool is_virtual = trap->cause == CAUSE_VIRTUAL_INSN;
	xlen_t cause, at;

	trap->cause = CAUSE_ILLEGAL;
	trap->insn = trap->value;
	if (trap->insn == INSN_WFI || (!is_virtual && reads_time(context, trap->insn)))
		return true;
	if (!trap_fetch(context->pc, trap->status, &trap->insn, &cause, &at)) {
		trap->cause = cause;
		trap->value = at;
		return false;
	}
	trap->value = trap->insn;
	return true;
}

/*
 * Of a guest with V=1 these are its WFI, the instructions and CSRs of H, which it hasn't, and its
 * first vector instruction.
 */
enum trap_result emulate_illegal(struct context *context, struct trap *trap)
{
	if (trap->cause == CAUSE_ILLEGAL && vector_turn_on(context))
		return TRAP_RESUME;
	if (!find_instruction(context, trap)) {
		context->counts[EXIT_ILLEGAL]++;
		return TRAP_REFLECT;
	}
	context->counts[trap->insn == INSN_WFI ? EXIT_WFI : EXIT_ILLEGAL]++;
	switch (trap->insn) {
	case INSN_WFI: return wait_for_interrupt(context);
	case INSN_WRS_NTO:
		pmu_note(&context->vcpu, PMU_ILLEGAL_INSN);
		/* It may end for any reason ("Zawrs"): the guest looks again. */
		return context->cpu->isa & ISA_BIT(ISA_ZAWRS) ? TRAP_SKIP : TRAP_REFLECT;
	default:
		pmu_note(&context->vcpu, PMU_ILLEGAL_INSN);
		return emulate_time(context, trap->insn) ? TRAP_SKIP : TRAP_REFLECT;
	}
}
