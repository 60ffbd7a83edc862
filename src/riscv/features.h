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

/* What features_save() and features_load() do when there is something to do. */
void features_save_counters(struct context *context);
void features_apply(struct context *context);

/*
 * The vCPU of `context` is being taken out of this hart, in which it is loaded; the next
 * features_load() here undoes what it has set.
 */
static inline void features_save(struct context *context)
{
	if (context->features.counters)
		features_save_counters(context);
}

/* The vCPU of `context` is being loaded into this hart. Nobody's guest runs in between. */
static inline void features_load(struct context *context)
{
	if (context->features.special | context->cpu->special)
		features_apply(context);
}

#endif
