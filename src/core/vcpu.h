/* SPDX-License-Identifier: MIT */
/*
 * A virtual CPU: what every architecture's has. Registers and CSRs live in the
 * structure that embeds this one (riscv/context.h).
 */
#ifndef CORE_VCPU_H
#define CORE_VCPU_H

#include "core/heap.h"
#include "core/types.h"
#include "core/vcpu_sbi.h"

struct capsule;
struct console_port;
struct hart;

/*
 * The SBI's view of a virtual hart ("HSM Hart States"; the values are the SBI's).
 *
 *   STOPPED -> START_PENDING -> STARTED <-> SUSPENDED
 *      ^                           |
 *      +-------- STOP_PENDING <----+
 */
enum vcpu_state {
	VCPU_STARTED = 0,
	VCPU_STOPPED = 1,
	VCPU_START_PENDING = 2,
	VCPU_STOP_PENDING = 3,
	VCPU_SUSPENDED = 4,
};

/*
 * The scheduler's view, changed by the vCPU's hart alone. The state of one that is QUEUED or
 * ASLEEP may still be in that hart's registers (hart->vcpu).
 *
 *   AWAY -> QUEUED <-> RUNNING -> ASLEEP     AWAY: stopped, or its capsule isn't running
 *             ^  ^        |         |        THROTTLED: has used up its capsule's ceiling
 *             |  |     THROTTLED    |        MOVING: on its way to another hart's inbox
 *          MOVING +---------+-------+
 */
enum vcpu_place {
	VCPU_AWAY,
	VCPU_QUEUED,
	VCPU_RUNNING,
	VCPU_ASLEEP,
	VCPU_THROTTLED,
	VCPU_MOVING,
};

/* What is wanted of a vCPU (sched_post). The first four are the hardware layer's to carry out. */
enum {
	VCPU_WANT_IPI = 1,	    /* its software interrupt is to be pending */
	VCPU_WANT_EXTERNAL = 2,	    /* the level of its external interrupt has changed */
	VCPU_WANT_FENCE_CODE = 4,   /* stores to code are to be seen */
	VCPU_WANT_FENCE_MEMORY = 8, /* changed page tables are to be seen */
	VCPU_WANT_START = 16,	    /* it is to start: START_PENDING */
	VCPU_WANT_LOOK = 32, /* its capsule has changed its state, or is asked for something */
	VCPU_WANT_OF_HART =
		VCPU_WANT_IPI | VCPU_WANT_EXTERNAL | VCPU_WANT_FENCE_CODE | VCPU_WANT_FENCE_MEMORY,
	VCPU_WANT_FENCES = VCPU_WANT_FENCE_CODE | VCPU_WANT_FENCE_MEMORY,
};

struct vcpu {
	/* Constant. */
	struct capsule *capsule;
	struct console_port *console; /* the capsule's, a load nearer */
	unsigned id;		      /* hart id as the guest sees it */
	uint32_t inverse_weight;      /* virtual time for each tick that it runs (core/share.h) */
	uint32_t weight;
	uint64_t grace; /* virtual time: so much less isn't worth another turn */
	bool capped;	/* its capsule has a ceiling */
	bool has_peers; /* its capsule has other vCPUs: one may spin until another has run */

	xlen_t state; /* enum vcpu_state; atomic, see sbi/hsm.c */

	/* Of others' wishes (core/sched_post.c). */
	xlen_t wanted;		 /* atomic: VCPU_WANT_* */
	xlen_t posted;		 /* atomic: its hart knows, or will look before it runs */
	struct vcpu *inbox_next; /* while it is in its hart's inbox */
	bool closed;		 /* its hart holds `posted` up until it runs */

	/* Of whoever brought `state` to START_PENDING, until VCPU_WANT_START is taken. */
	xlen_t start_at;
	xlen_t start_opaque;

	/* Whose scheduler has it; changes only while `posted` is held (core/sched_balance.c). */
	struct hart *hart; /* atomic */

	/* All else is of that hart. */
	enum vcpu_place place;
	bool plain; /* its turns begin and end with nothing but a switch (core/sched_tick.c) */
	struct heap_node run;	/* its key is the vCPU's virtual time; QUEUED */
	struct heap_node timer; /* ASLEEP or THROTTLED: when that ends, if time ends it */
	/*
	 * Virtual time is each hart's own. What it has had on other harts besides: the sum with
	 * run.key goes on when it moves, and tells who has had less on the whole machine.
	 */
	uint64_t lag;
	uint64_t since; /* ticks: when it came to be QUEUED, THROTTLED or ASLEEP */

	/* What a call left to be done before the guest's next instruction. */
	bool wait;   /* sleep until an interrupt is pending and enabled */
	bool resume; /* then start afresh at resume_at */
	xlen_t resume_at;
	xlen_t resume_opaque;

	struct vcpu_sbi sbi; /* zero when it starts */

	/* Figures, in ticks. */
	uint64_t run_time;
	uint64_t wait_time;  /* that it could have run and didn't: what SBI calls stolen */
	uint32_t switches;   /* how often it was loaded */
	uint32_t migrations; /* how often to another hart than before */
};

#endif
