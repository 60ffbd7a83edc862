/* SPDX-License-Identifier: MIT */
/*
 * Traps: interrupts go to the handler that was set for their cause, exceptions
 * to whoever expects them, on each hart for itself (smp.h). Handlers of interrupts are one
 * for all harts. A trap through trap_call_user() and context_save() are for hart 0 alone.
 */
#ifndef KIT_TRAP_H
#define KIT_TRAP_H

#include <stdbool.h>
#include <stdint.h>

/* What start.S saves; the offsets are its X(n). x[0] is unused, so x[n] is xn. */
struct trap_frame {
	unsigned long x[32];
	unsigned long pc, status, cause, tval;
};

/* How trap_call() ended. `frame` is valid if `taken`, `value` (a0) if not. */
struct trap {
	bool taken;
	unsigned long value;
	struct trap_frame frame;
};

/*
 * Calls fn(a0, a1, a2) and returns true if it ended by an exception, described
 * in `t`. May be nested. Interrupts taken on the way run their handlers. With
 * translation on, the kit's memory must be mapped where it is (identity).
 */
bool trap_call(struct trap *t, const void *fn, unsigned long a0, unsigned long a1,
	       unsigned long a2);

/* The same for code in U-mode. It has no stack worth the name and ends by a trap (ecall). */
bool trap_call_user(struct trap *t, const void *fn, unsigned long a0, unsigned long a1);

/* Runs `code` in S-mode with x1..x31 as given until it traps, which is its normal end. */
bool trap_call_registers(struct trap *t, const unsigned long x[32], const void *code);

/* Sets the handler of interrupt `cause` (IRQ_*); NULL: none is expected. Runs with SIE = 0. */
void trap_on_interrupt(unsigned int cause, void (*handler)(struct trap_frame *frame));

/*
 * True when interrupt `cause` is pending, masked or not: as sip has it, or, on emulators whose sip
 * hides what they deliver (QEMU 7.2 with V=1: STIP and SEIP), as a look at what is delivered tells.
 * Any hart, for itself. trap_learn_sip() finds out which; once, on hart 0, before others. It leaves
 * the timer at never.
 */
bool trap_is_pending(unsigned int cause);
void trap_learn_sip(void);

/* Single accesses to hand to trap_call(): their pc is their own address. */
unsigned long probe_load8(unsigned long address);
unsigned long probe_load16(unsigned long address);
unsigned long probe_load32(unsigned long address);
unsigned long probe_load(unsigned long address);
void probe_store8(unsigned long address, unsigned long value);
void probe_store16(unsigned long address, unsigned long value);
void probe_store32(unsigned long address, unsigned long value);
void probe_store(unsigned long address, unsigned long value);

/*
 * For HSM calls that forget the registers: context_save() returns false; the
 * hart that later starts at context_resume makes it return true once more, and
 * leaves here what it was started with. The layout is known to start.S.
 */
struct context {
	unsigned long callee[14];
	unsigned long hart, opaque, satp, status;
};
bool context_save(struct context *c) __attribute__((returns_twice));
void context_resume(void);

/* x1..x31, then satp, sstatus and sie, as _start found them. */
extern unsigned long start_registers[36];

#endif
