/* SPDX-License-Identifier: MIT */
/*
 * Vector registers and their CSRs, into a context and out of one. Whole registers, whatever vl and
 * vtype say, so that no tail of one guest's is left for another ("Vector Load/Store Whole Register
 * Instructions"); these begin at vstart, so that is zeroed first and set last. The CSRs are struct
 * vector's of context.h.
 *
 * context_exchange: `from` and `to` are left where they are. Both leave mstatus.VS on. Use t0, t1,
 * a2. M-mode, on a hart with vector registers.
 */
#include "asm_offsets.h"
#include "riscv/csr.h"
#include "riscv/xlen.h"

	.text
	.option	push
	.option	arch, +v

.macro TURN_ON
	li	t0, MSTATUS_VS
	csrs	mstatus, t0
.endm

/* All 32, eight at a time; vl8re8.v and vs8r.v need no alignment but that of bytes. */
.macro EACH_V insn
	csrr	t0, vlenb
	slli	t0, t0, 3
	\insn	v0, (a2)
	.irp	n, 8,16,24
	add	a2, a2, t0
	\insn	v\n, (a2)
	.endr
.endm

	/* void vector_save(struct context *from, struct context *): out of the hart */
	.globl	vector_save
vector_save:
	TURN_ON
	REG_L	a2, CONTEXT_VECTORS(a0)
	csrrw	t0, vstart, zero
	REG_S	t0, CONTEXT_VSTART(a0)
	csrr	t0, vcsr
	REG_S	t0, CONTEXT_VCSR(a0)
	csrr	t0, vl
	REG_S	t0, CONTEXT_VL(a0)
	csrr	t0, vtype
	REG_S	t0, CONTEXT_VTYPE(a0)
	EACH_V	vs8r.v
	ret

	/* void vector_load(struct context *, struct context *to): into the hart */
	.globl	vector_load
vector_load:
	TURN_ON
	REG_L	a2, CONTEXT_VECTORS(a1)
	csrw	vstart, zero
	EACH_V	vl8re8.v
	/* A vl that was read with its vtype is one that vsetvl gives again; so is vill. */
	REG_L	t0, CONTEXT_VL(a1)
	REG_L	t1, CONTEXT_VTYPE(a1)
	vsetvl	zero, t0, t1
	REG_L	t0, CONTEXT_VCSR(a1)
	csrw	vcsr, t0
	REG_L	t0, CONTEXT_VSTART(a1)
	csrw	vstart, t0
	ret
	.option	pop
