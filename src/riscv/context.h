/* SPDX-License-Identifier: MIT */
/*
 * A vCPU's registers: what mscratch points at while its guest runs.
 *
 * x[0] stays unused, so that x[n] is register n. The trap path saves x in two
 * steps: the caller-saved ones always, the rest only for causes that need them
 * (riscv/trap.S); supervisor CSRs stay in the hart until another vCPU comes.
 */
#ifndef RISCV_CONTEXT_H
#define RISCV_CONTEXT_H

#include "core/vcpu.h"
#include "riscv/csr.h"
#include "riscv/emul/walk.h"
#include "sbi/sbi.h"

struct cpu;
struct context;

/* `from`, which is loaded, gives the hart to `to`: see riscv/exchange.S. */
typedef void context_exchange(struct context *from, struct context *to);

/*
 * The registers, bit n for xn, that the context holds after a short entry of the trap path:
 * ra, sp, tp, t0, t1, a0-a7. riscv/trap.S checks what it saves against this and makes the
 * full entry's saves of the others from it; emulation reads no others before that.
 */
#define CONTEXT_SHORT_SAVED                                                                        \
	(1 << 1 | 1 << 2 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 10 | 1 << 11 | 1 << 12 | 1 << 13 |      \
	 1 << 14 | 1 << 15 | 1 << 16 | 1 << 17)

/*
 * The supervisor's CSRs, in so far as a guest has them; with V=1 those named vs..., and sstatus
 * too: with V=0 that is part of the context's mstatus.
 */
struct supervisor {
	xlen_t sstatus, stvec, sscratch, sepc, scause, stval, satp, sie, scounteren, senvcfg;
};

/*
 * What is pending for a guest and isn't its timer, with its bits where mip has them: the two
 * bytes are mip's lower ones.
 */
struct pending {
	uint8_t software; /* PENDING_SOFTWARE or 0, while it isn't loaded */
	uint8_t external; /* PENDING_EXTERNAL or 0: wanted level of SEIP, set by any hart */
} __attribute__((aligned(2)));

enum { PENDING_SOFTWARE = MIP_SSIP, PENDING_EXTERNAL = MIP_SEIP >> 8 };

/*
 * Floating point. mstatus.FS proves nothing here, since a guest in S-mode may set it as it
 * likes: the registers are switched whatever it says ("Extension Context Status").
 */
struct fp {
	uint64_t f[32];
	xlen_t fcsr;
};

/* Vectors, where the hart has them, while they aren't in it (riscv/vector.h). */
struct vector {
	xlen_t vstart, vcsr, vl, vtype;
	uint8_t *registers; /* v0 first, each as long as the hart's (vlenb) */
	size_t size;	    /* of all of them, in bytes */
};

enum { VECTOR_REGISTERS = 32 };

enum { FP_BLOCK = 128 }; /* bytes that a round of fp_zero_d and fp_copy_d does (riscv/fp.S) */

enum { CONTEXT_EXITS = 32 };

/* Reasons to leave the guest that are counted, besides those calls that have a slot. */
enum context_exit {
	EXIT_SET_TIMER, /* SBI TIME, by the short road */
	EXIT_UNKNOWN_CALL,
	EXIT_ACCESS, /* outside its RAM: as a rule to a device */
	EXIT_WFI,
	EXIT_ILLEGAL, /* emulated or the guest's own fault */
	EXIT_EXCEPTION,
	EXIT_TIMER, /* its own, without Sstc, or the scheduler's */
	EXIT_HOST_IPI,
	EXIT_EXTERNAL,
	EXIT_KINDS,
};

/*
 * A vCPU's own copy of an element of sbi_slots, with how often it was called: the count costs the
 * trap path nothing, since it reads the rest from here.
 */
struct context_slot {
	xlen_t eid;
	sbi_handler *call;
	xlen_t count;
} __attribute__((aligned(SBI_SLOT_COPY)));

_Static_assert(sizeof(struct context_slot) == SBI_SLOT_COPY, "the trap path scales by a shift");

/* What the vCPU has set of its hart by SBI calls (riscv/features.h); all zero when it starts. */
struct features {
	bool special;			/* anything below isn't zero */
	bool misaligned;		/* misaligned accesses are delegated to it */
	bool noted;			/* its traps take the vector that notes them */
	bool counters;			/* cycle and instret are its own, not the hart's */
	uint8_t inhibited;		/* mcountinhibit: those of them that are stopped */
	uint64_t counts[ARCH_COUNTERS]; /* their values while it isn't loaded */
};

struct context {
	xlen_t x[32];
	xlen_t pc;
	/*
	 * mstatus of the last full save. While it is loaded MPP alone counts, and the guest's
	 * other bits of it are the CSR's; when it isn't, they are here (with V=0).
	 */
	xlen_t status;
	struct cpu *cpu; /* the hart that runs it */
	xlen_t mtimecmp; /* address of that hart's compare register, for the short road */
	/*
	 * When the supervisor timer is due. With Sstc only while not loaded, and in the guest's
	 * own time; without, in the host's.
	 */
	uint64_t timer;
	uint64_t alarm; /* when the hart itself wants mtimecmp's interrupt; all ones: never */
	xlen_t seen_pc; /* where it was when it was last looked at (arch_vcpu_is_in_place) */
	bool fresh;	/* not loaded since its image was: see first_time() in vcpu.c */
	struct pending pending;
	/* Which element of `cpu`'s `exchange`, if that is a usual one and has nothing special to do
	 * for it: else NULL. Two that have the same are exchanged by riscv/exchange.S. */
	context_exchange *const *exchange_on;

	/* With V=1 (riscv/virtual.c). */
	uint64_t time_zero; /* the host's time when the guest's was 0 */
	xlen_t hgatp;	    /* 0: no second stage */
	bool has_vmid;	    /* the VMID in it is this vCPU's alone */

	/* The next element of `exits` to be written (riscv/trap.S, RECORD_EXIT). */
	xlen_t *exit_next;

	/* What the registers of a hart hold while another vCPU is loaded there. */
	struct supervisor supervisor;
	struct fp fp;
	struct vector vector;
	struct features features;

	/* The last exits, aligned to twice their size. */
	xlen_t exits[CONTEXT_EXITS] __attribute__((aligned(2 * CONTEXT_EXITS * sizeof(xlen_t))));

	struct walk walk; /* constant part of walks: the RAM that its page tables are in */
	struct vcpu vcpu;

	xlen_t counts[EXIT_KINDS];
	struct context_slot slots[SBI_SLOTS];
};

_Static_assert(offsetof(struct context, slots) + SBI_SLOT_COPY < 2048,
	       "the trap path reaches it with an offset of 12 bits");

static inline struct context *context_of(const struct vcpu *vcpu)
{
	return (struct context *)((uintptr_t)vcpu - offsetof(struct context, vcpu));
}

/* Load all of `context` into the hart and enter the guest (riscv/trap.S). The stack is abandoned.
 */
_Noreturn void context_enter(struct context *context);

#endif
