/* SPDX-License-Identifier: MIT */
/*
 * A physical CPU, as far as it isn't RISC-V's business. The architecture embeds
 * this in its own structure (riscv/cpu.h).
 */
#ifndef CORE_HART_H
#define CORE_HART_H

#include "core/heap.h"
#include "core/machine.h"
#include "core/vcpu.h"

/*
 * A hart's scheduler (core/sched.h). What other harts may touch is said to be atomic; all else is
 * the hart's own, so there is no lock.
 */
struct sched {
	struct vcpu *inbox; /* atomic: those that something is wanted of */
	xlen_t calls;	    /* atomic: SCHED_CALL_*, what is wanted of the hart itself */
	/* The hart's places in struct sched_harts (core/sched_doze.h); constant. */
	uint32_t *idle_word;
	uint32_t idle_bit;
	uint8_t *waiting;

	struct heap runnable; /* QUEUED, by virtual time */
	struct heap timers;   /* ASLEEP and THROTTLED ones that time wakes, by that time */
	uint64_t timer_at;    /* ticks: key of the first of `timers`; all ones: none */
	uint64_t turn;	      /* ticks: how long one is */
	uint64_t forget;      /* ticks: a vCPU that slept for longer has no debts */
	uint64_t floor;	      /* virtual time: no runnable vCPU is far below */
	uint64_t turn_end;    /* ticks: when the running vCPU's turn is over */
	uint64_t look_at;     /* ticks: when to look whether it spins; not after turn_end */
	uint64_t entered;     /* ticks: when what is to be looked at went on; not before that */
	uint64_t since;	      /* ticks: up to when the running vCPU has been charged */
	uint64_t alarm;	      /* ticks: when the hart is called again; arch_alarm_set()'s */
	int64_t left;	      /* ticks: of the ceiling of what runs, when it was charged last */
	uint64_t asked_at;    /* ticks: when it last asked another hart for work */
	unsigned looks_in;    /* turns that end before it looks at other harts once more */
	unsigned looks;	      /* at what runs, in this turn */
	uint64_t least; /* service of whoever had least here at the last look; to be peeked at */
	uint64_t lag;	/* virtual time: what those here have beside it (struct vcpu, lag) */
	unsigned peer;	/* index of the hart that it last compared itself with */
	bool woke;	/* somebody came who may go first */
	bool spent;	/* what runs has used up its capsule's ceiling */
	struct heap_node keeping; /* in `timers`: what a keeper does (core/watch.h) */
};

/* What capsules want of a hart, noted at boot (core/place.c). */
struct hart_placed {
	uint32_t weight; /* of all vCPUs that begin there */
	uint8_t names;	 /* how many capsules name it; it stays at 255 */
};

enum hart_presence {
	HART_EXPECTED, /* it may still come */
	HART_READY,    /* it has probed itself */
	HART_LEFT_OUT, /* it came too late, or not at all; nothing counts on it ever after */
};

struct hart {
	const struct machine_hart *description; /* of the device tree */
	unsigned id;				/* `CPU n` in messages: the hardware's hart id */
	unsigned index;				/* in the machine: 0, 1, ... */
	xlen_t vendor, architecture, implementation; /* mvendorid, marchid, mimpid */
	const char *unfit; /* why it can run no capsule, or NULL: it can; also the watch's */
	unsigned missed;   /* looks of the watch at which it had not taken the last call */
	bool reachable; /* the interrupt controller's part of it is set up (drivers_start_hart) */
	unsigned presence; /* enum hart_presence; atomic, written once, by whoever is first */

	struct vcpu *vcpu; /* whose state is in the registers, or NULL; atomic to read */
	struct sched sched;
	struct hart_placed placed;
};

#endif
