/* SPDX-License-Identifier: MIT */
/*
 * A physical CPU, as far as it isn't RISC-V's business. The architecture embeds
 * this in its own structure (riscv/cpu.h).
 */
#ifndef CORE_HART_H
#define CORE_HART_H

#include "core/machine.h"
#include "core/vcpu.h"

enum { HART_VCPUS_MAX = 64 };

struct hart {
	const struct machine_hart *description; /* of the device tree */
	unsigned id;				/* `CPU n` in messages: the hardware's hart id */
	xlen_t vendor, architecture, implementation; /* mvendorid, marchid, mimpid */
	const char *unfit; /* why it can run no capsule, or NULL: it can */
	bool ready;	   /* it has probed itself; written with release order */

	/* The vCPUs that run here, and nowhere else; constant once `vcpu_count` is published. */
	unsigned vcpu_count;
	struct vcpu *vcpus[HART_VCPUS_MAX];

	/* The hart's own business; no other hart looks. */
	struct vcpu *vcpu;  /* whose state is in the registers, or NULL */
	unsigned turn;	    /* its index in vcpus, for the round robin */
	uint64_t slice_end; /* when another one's turn comes */
	uint64_t loaded_at; /* since when `vcpu` runs, for the figures */
};

#endif
