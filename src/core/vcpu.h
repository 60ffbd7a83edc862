/* SPDX-License-Identifier: MIT */
/*
 * A virtual CPU: what every architecture's has. Registers and CSRs live in the
 * structure that embeds this one (riscv/context.h).
 */
#ifndef CORE_VCPU_H
#define CORE_VCPU_H

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

struct vcpu {
	struct capsule *capsule;
	struct console_port *console; /* the capsule's, a load nearer */
	unsigned id;		      /* hart id as the guest sees it */
	xlen_t state;		      /* enum vcpu_state; written with release order, last */
	struct hart *hart;	      /* where it runs */

	/* What a call left to be done before the guest's next instruction. */
	bool wait;   /* sleep until an interrupt is pending and enabled */
	bool resume; /* then start afresh at resume_at */
	xlen_t resume_at;
	xlen_t resume_opaque;

	struct vcpu_sbi sbi; /* zero when it starts */

	/* Figures. */
	uint64_t run_time; /* ticks that it was loaded and not asleep */
	uint32_t switches; /* how often it was loaded */
};

#endif
