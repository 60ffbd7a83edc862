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
#include "riscv/emul/walk.h"

struct cpu;

struct context {
	xlen_t x[32];
	xlen_t pc;
	xlen_t status;	  /* mstatus of the last full save; of it only MPP is ever restored */
	struct cpu *cpu;  /* the hart that runs it */
	xlen_t mtimecmp;  /* address of that hart's compare register, for the short road */
	uint64_t timer;	  /* without Sstc: when the supervisor timer is due */
	bool external;	  /* wanted level of SEIP, applied by the hart that runs it */
	struct walk walk; /* constant part of walks: the RAM that its page tables are in */
	struct vcpu vcpu;
};

static inline struct context *context_of(const struct vcpu *vcpu)
{
	return (struct context *)((uintptr_t)vcpu - offsetof(struct context, vcpu));
}

/* Load all of `context` into the hart and enter the guest (riscv/trap.S). The stack is abandoned.
 */
_Noreturn void context_enter(struct context *context);

#endif
