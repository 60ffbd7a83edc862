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

/*
 * The editions of the vector, without H and with it, by how a timer is set: mtvec's values. Never
 * called.
 */
void trap_entry_sstc(void);
void trap_entry_mtimecmp(void);
void trap_entry_halves(void); /* mtimecmp, 32 bits at a time */
void trap_entry_virtual_sstc(void);
void trap_entry_virtual_mtimecmp(void);
void trap_entry_virtual_halves(void);

/* The same behind features_note_trap() (riscv/trap_noted.S). */
void trap_noted_sstc(void);
void trap_noted_mtimecmp(void);
void trap_noted_virtual_sstc(void);
void trap_noted_virtual_mtimecmp(void);
void trap_noted_halves(void);
void trap_noted_virtual_halves(void);

/*
 * A load or store that the fences denied, with only the caller-saved registers saved
 * (riscv/emul/mmio.c). The result is the register that takes cpu->mmio_value, 0 for a
 * store; or, negative, that this needs a full entry and trap_exception().
 */
enum { TRAP_NEEDS_FULL = -1 };

long mmio_load(void);
long mmio_store(void);

/* The same for a guest with V=1 that is fenced by PMP, and for one with a second stage. */
long mmio_load_virtual(void);
long mmio_store_virtual(void);
long mmio_load_guest_page(void);
long mmio_store_guest_page(void);

/* The same for an illegal (with V=1: virtual) instruction, if it is a WFI (riscv/emul/illegal.c).
 */
long emulate_wait(void);

/* Handlers of exceptions (full entry: every register is in the context). */
typedef enum trap_result trap_handler(struct context *context, struct trap *trap);

trap_handler mmio_exception, emulate_illegal, emulate_misaligned;

/* Where an emulated load's value goes, eight bytes of code for each register (trap.S). */
extern const uint8_t trap_load_results[];

/* The level of the loaded guest's external interrupt. */
void trap_set_external(bool level);

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
