/* SPDX-License-Identifier: MIT */
/* Loads and stores all of V; kit/vector.h has the layout. */
#include "kit/csr.h"

#define X(n) ((n) * XLEN_BYTES)

	.text
	.option	arch, +v
	.macro	each_v insn
	csrr	t0, vlenb
	slli	t0, t0, 3
	addi	a0, a0, X(4)
	\insn	v0, (a0)
	.irp	n, 8,16,24
	add	a0, a0, t0
	\insn	v\n, (a0)
	.endr
	.endm

	.globl	vector_load
vector_load:
	mv	a1, a0
	csrw	vstart, zero
	each_v	vl8re8.v
	REG_L	t0, X(2)(a1)
	REG_L	t1, X(3)(a1)
	vsetvl	zero, t0, t1
	REG_L	t0, X(1)(a1)
	csrw	vcsr, t0
	REG_L	t0, X(0)(a1)
	csrw	vstart, t0
	ret

	/* vstart is as it was afterwards. */
	.globl	vector_store
vector_store:
	csrr	t1, vstart
	REG_S	t1, X(0)(a0)
	csrr	t0, vcsr
	REG_S	t0, X(1)(a0)
	csrr	t0, vl
	REG_S	t0, X(2)(a0)
	csrr	t0, vtype
	REG_S	t0, X(3)(a0)
	csrw	vstart, zero
	each_v	vs8r.v
	csrw	vstart, t1
	ret

	.globl	vector_length
vector_length:
	csrr	a0, vlenb
	ret
