/* SPDX-License-Identifier: MIT */
/*
 * Misaligned loads and stores, on harts that trap on them: done byte by byte
 * with the guest's own rights. LR, SC, AMOs and floating-point accesses are
 * reflected ("misaligned address exception", as the A extension has it).
 */
#include "riscv/access.h"
#include "riscv/emul/decode.h"
#include "riscv/trap.h"
#include "sbi/pmu.h"

static enum trap_result fault_of(struct trap *trap, bool store, xlen_t address)
{
	/* The last fault was the access's own: a page fault stays one, all else is an access fault.
	 */
	xlen_t cause = csr_read(mcause);
	bool page = cause == CAUSE_LOAD_PAGE || cause == CAUSE_STORE_PAGE;

	if (store)
		trap->cause = page ? CAUSE_STORE_PAGE : CAUSE_STORE_ACCESS;
	else
		trap->cause = page ? CAUSE_LOAD_PAGE : CAUSE_LOAD_ACCESS;
	trap->value = address;
	return TRAP_REFLECT;
}

/* A store that faults in its second half has changed the first: allowed, as for any misaligned
 * store. */
static enum trap_result store_bytes(struct context *context, const struct access_insn *insn,
				    struct trap *trap, xlen_t status)
{
	xlen_t value = context->x[insn->reg];

	for (unsigned i = 0; i < insn->size; i++, value >>= 8)
		if (guest_store8(trap->value + i, value & 0xff, status) < 0)
			return fault_of(trap, true, trap->value + i);
	return TRAP_SKIP;
}

static enum trap_result load_bytes(struct context *context, const struct access_insn *insn,
				   struct trap *trap, xlen_t status)
{
	xlen_t value = 0;
	unsigned shift = 0;

	for (unsigned i = 0; i < insn->size; i++, shift += 8) {
		long byte = guest_load8(trap->value + i, status);

		if (byte < 0)
			return fault_of(trap, false, trap->value + i);
		value |= (xlen_t)byte << shift;
	}
	if (insn->sign_extend) {
		unsigned unused = XLEN - shift;

		value = (xlen_t)((long)(value << unused) >> unused);
	}
	if (insn->reg)
		context->x[insn->reg] = value;
	return TRAP_SKIP;
}

enum trap_result emulate_misaligned(struct context *context, struct trap *trap)
{
	xlen_t status = guest_access_status(trap->status);
	struct access_insn insn;
	xlen_t cause, at;

	pmu_note(&context->vcpu, trap->cause == CAUSE_STORE_MISALIGNED ? PMU_MISALIGNED_STORE
								       : PMU_MISALIGNED_LOAD);
	if (!trap_fetch(context->pc, trap->status, &trap->insn, &cause, &at)) {
		trap->cause = cause;
		trap->value = at;
		return TRAP_REFLECT;
	}
	if (!decode_access(trap->insn, XLEN, &insn) ||
	    insn.store != (trap->cause == CAUSE_STORE_MISALIGNED))
		return TRAP_REFLECT;
	trap->value = context->x[insn.base] + (xlen_t)(long)insn.offset;
	return insn.store ? store_bytes(context, &insn, trap, status)
			  : load_bytes(context, &insn, trap, status);
}
