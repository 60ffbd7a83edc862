/* SPDX-License-Identifier: MIT */
/*
 * Stolen time: how long a vCPU could have run and had to wait, shown to its guest in
 * memory that the guest names (SBI, "Steal-time Accounting Extension").
 */
#ifndef CORE_STEAL_H
#define CORE_STEAL_H

#include "core/vcpu.h"

/* "STA Shared Memory Structure". `steal` is two words, which RV32 can store. */
struct steal_memory {
	uint32_t sequence; /* odd while `steal` is being written */
	uint32_t flags;
	uint32_t steal[2]; /* nanoseconds, low half first */
	uint8_t preempted;
	uint8_t pad[47];
};

_Static_assert(sizeof(struct steal_memory) == 64, "the size that the SBI gives it");

/* Ticks of the clock are `hz` a second. Boot hart, once, before any vCPU runs. */
void steal_init(uint32_t hz);

/*
 * Show the time stolen from `vcpu` from now on at `shared`, in RAM of its capsule, which is
 * zeroed; NULL: nowhere. On the vCPU's own hart, by its own call.
 */
void steal_show(struct vcpu *vcpu, struct steal_memory *shared);

/* What steal_update() and steal_preempt() do when there is somewhere to write it. */
void steal_write(struct vcpu *vcpu, uint64_t ticks);
void steal_write_preempted(struct vcpu *vcpu);

/*
 * `vcpu` is about to run, having waited `ticks` of the clock for a hart although it could have
 * run: not while it slept, and not while its capsule was stopped or suspended. The hart that
 * loads it, before its guest's next instruction.
 */
static inline void steal_update(struct vcpu *vcpu, uint64_t ticks)
{
	if (vcpu->sbi.steal.shared)
		steal_write(vcpu, ticks);
}

/*
 * `vcpu` could go on, but another one gets its hart: "preempted" until steal_update(), which
 * must follow, maybe with 0. The hart that had it.
 */
static inline void steal_preempt(struct vcpu *vcpu)
{
	if (vcpu->sbi.steal.shared)
		steal_write_preempted(vcpu);
}

#endif
