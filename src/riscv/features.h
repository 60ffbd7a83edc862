/* SPDX-License-Identifier: MIT */
/*
 * What a vCPU has set of its hart by SBI calls: delegation of misaligned accesses (FWFT),
 * counters of its own, and a vector that notes its traps (PMU).
 *
 * Few vCPUs set anything, so a switch between two that haven't costs a look at two flags.
 */
#ifndef RISCV_FEATURES_H
#define RISCV_FEATURES_H

#include "riscv/cpu.h"

/* As no vCPU has set anything yet: the vector, and what is delegated. This hart, at boot. */
void features_reset(struct cpu *cpu);

/* What features_switch() does when there is something to do. */
void features_exchange(struct cpu *cpu, struct context *from, struct context *to);

/*
 * The vCPU of `to` gets this hart, which has that of `from` (NULL: nobody's, who was dropped).
 * Nobody's guest runs in between.
 */
static inline void features_switch(struct cpu *cpu, struct context *from, struct context *to)
{
	if (cpu->special | to->features.special)
		features_exchange(cpu, from, to);
}

/* Whether `context`, which is loaded, may be exchanged the quick way from now on. */
void features_settle(struct context *context);

#endif
