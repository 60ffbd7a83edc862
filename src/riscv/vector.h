/* SPDX-License-Identifier: MIT */
/*
 * The vector extension (V 1.0, and what there is of it in Zve...): whose registers are in the hart.
 *
 * With V=1 mstatus.VS is the hypervisor's and vsstatus.VS the guest's, and a vector instruction
 * needs both ("Virtual Supervisor Status (vsstatus) Register"). So VS is off when a vCPU is loaded.
 * Its first vector instruction traps, its state is put into the hart, and from then on, until
 * another vCPU gets the hart, VS is on and the state in the hart is what counts. A vCPU that uses
 * none costs nothing, and while one has VS on it takes the long way out (features_settle()).
 *
 * With V=0 VS is the guest's, which may set it as it likes, whatever is in the registers: there
 * they are switched with everything else, always.
 */
#ifndef RISCV_VECTOR_H
#define RISCV_VECTOR_H

#include "riscv/cpu.h"

/* riscv/vector.S */
context_exchange vector_save, vector_load;

/* How long this hart's vector registers are: cpu->vlenb, 0 where guests get none. At boot. */
void vector_probe(struct cpu *cpu);

enum { VECTOR_ALIGN = 64 }; /* of where they are kept */

/* Bytes that a vCPU of `cpu` needs for its vector registers, and where they are from now on. */
static inline size_t vector_size(const struct cpu *cpu)
{
	return VECTOR_REGISTERS * cpu->vlenb;
}

static inline void vector_create(struct context *context, const struct cpu *cpu, void *registers)
{
	context->vector.size = vector_size(cpu);
	context->vector.registers = registers;
}

/* As a life begins: all zero, and no vtype chosen. The vCPU isn't loaded anywhere. */
void vector_reset(struct context *context);

/*
 * The vCPU of `to` gets this hart, which has that of `from` (NULL: nobody's, who was dropped). On a
 * hart with vector registers, before mstatus becomes the new one's.
 */
void vector_switch(const struct cpu *cpu, struct context *from, struct context *to);

/*
 * The loaded vCPU's guest has met an illegal instruction. True when that may be because its vector
 * registers weren't in the hart: now they are, and it can be tried again.
 */
bool vector_turn_on(struct context *context);

#endif
