/* SPDX-License-Identifier: MIT */
/*
 * What happens to a guest that trapped: the C side of riscv/trap.S.
 */
#ifndef RISCV_TRAP_H
#define RISCV_TRAP_H

#include "core/types.h"
#include "riscv/context.h"

/* What trap_exception() must do once a handler returns. */
enum trap_result {
	TRAP_RESUME,  /* run the guest again, at the pc that is in the context */
	TRAP_SKIP,    /* the instruction was emulated: step over it */
	TRAP_REFLECT, /* deliver the exception to the guest's own handler */
	TRAP_FATAL,   /* the guest can't go on: stop the capsule */
};

struct trap {
	xlen_t cause;
	xlen_t value;  /* mtval */
	xlen_t status; /* mstatus when it trapped */
	uint32_t insn; /* set by a handler that fetched it; TRAP_SKIP needs its length */
};

/* The two editions of the vector: mtvec's values. Never called. */
void trap_entry_sstc(void);
void trap_entry_mtimecmp(void);

/* The same behind features_note_trap() (riscv/trap_noted.S). */
void trap_noted_sstc(void);
void trap_noted_mtimecmp(void);

/*
 * A load or store that the fences denied, with only the caller-saved registers saved
 * (riscv/emul/mmio.c). The result is the register that takes cpu->mmio_value, 0 for a
 * store; or, negative, that this needs a full entry and trap_exception().
 */
enum { MMIO_NEEDS_FULL = -1 };

long mmio_load(void);
long mmio_store(void);

/* Handlers of exceptions (full entry: every register is in the context). */
typedef enum trap_result trap_handler(struct context *context, struct trap *trap);

trap_handler mmio_exception, emulate_illegal, emulate_misaligned;

/*
 * Give the guest an exception as hardware would: scause, stval, sepc, sstatus,
 * and pc at stvec ("Supervisor Trap Vector Base Address").
 */
void trap_reflect(struct context *context, xlen_t cause, xlen_t value);

/*
 * Fetch the instruction at the context's pc with the guest's own rights; the
 * result is false when the guest couldn't (any more): then `*cause` and `*at` say
 * what to reflect. `status` is mstatus of the trap.
 */
bool trap_fetch(xlen_t pc, xlen_t status, uint32_t *insn, xlen_t *cause, xlen_t *at);

#endif
