/* SPDX-License-Identifier: MIT */
#include "riscv/vector.h"

#include "lib/string.h"
#include "riscv/access.h"
#include "riscv/features.h"

/* "Vector Type (vtype) Register", vill: as is recommended for a reset. */
#define VTYPE_VILL ((xlen_t)1 << (XLEN - 1))

/*
 * VS stays on until cpu_set_up(). Drafts before 1.0 have it elsewhere in mstatus, and other
 * instructions: of those nothing is known here. Where the device tree names no vector extension
 * none is offered; with V=0 a guest can switch it on all the same.
 */
void vector_probe(struct cpu *cpu)
{
	xlen_t vlenb;

	csr_set(mstatus, MSTATUS_VS);
	if (!(csr_read(mstatus) & MSTATUS_VS) || !csr_probe_vlenb(&vlenb))
		return;
	if (!cpu->has_hypervisor || (cpu->isa & ISA_VECTOR))
		cpu->vlenb = vlenb;
}

void vector_reset(struct context *context)
{
	struct vector *vector = &context->vector;

	memset(vector->registers, 0, vector->size);
	vector->vstart = vector->vcsr = vector->vl = 0;
	vector->vtype = VTYPE_VILL;
}

/*
 * Since VS was on, the registers were used: whether they are dirty isn't asked. (QEMU 7.2 doesn't
 * make it so for what a load did before it faulted, nor with V=1 for writes of CSRs.)
 */
void vector_switch(const struct cpu *cpu, struct context *from, struct context *to)
{
	if (cpu->has_hypervisor && !(csr_read(mstatus) & MSTATUS_VS))
		return;
	if (from)
		vector_save(from, to);
	if (cpu->has_hypervisor)
		csr_clear(mstatus, MSTATUS_VS);
	else
		vector_load(from, to);
}

/* One that is illegal all the same traps once more, and finds VS on. */
bool vector_turn_on(struct context *context)
{
	const struct cpu *cpu = context->cpu;

	if (!cpu->vlenb || !cpu->has_hypervisor || (csr_read(mstatus) & MSTATUS_VS) ||
	    !(csr_read(vsstatus) & MSTATUS_VS))
		return false;
	context->counts[EXIT_ILLEGAL]++;
	vector_load(NULL, context);
	features_settle(context);
	return true;
}
