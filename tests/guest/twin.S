/* SPDX-License-Identifier: MIT */
/*
 * What twins do with all registers taken: twin_hold() fills them, lets time pass
 * in which the other twin runs, and writes down what they are then. Traps are not
 * possible meanwhile, because stvec and sscratch hold patterns as well.
 */
#include "kit/csr.h"

#define X(n) ((n) * XLEN_BYTES)

	.text
/*
 * twin_hold(struct twin_registers *): x[0] is how often to spin before the wfi. All of
 * x1 to x31 are as given there but tp, which points at the structure, and t6, which
 * counts down to zero; `after` has what they were after the wfi.
 */
	.globl	twin_hold
twin_hold:
	addi	sp, sp, -16 * XLEN_BYTES
	REG_S	ra, X(0)(sp)
	REG_S	gp, X(1)(sp)
	REG_S	tp, X(2)(sp)
	REG_S	s0, X(3)(sp)
	REG_S	s1, X(4)(sp)
	.irp	n, 18,19,20,21,22,23,24,25,26,27
	REG_S	x\n, X(\n - 13)(sp)
	.endr
	mv	tp, a0
	REG_S	sp, X(64)(tp)
	REG_L	t6, X(0)(tp)
	.irp	n, 1,2,3,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30
	REG_L	x\n, X(\n)(tp)
	.endr
1:	beqz	t6, 2f
	addi	t6, t6, -1
	j	1b
2:	wfi
	.irp	n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	REG_S	x\n, X(32 + \n)(tp)
	.endr
	REG_L	sp, X(64)(tp)
	REG_L	ra, X(0)(sp)
	REG_L	gp, X(1)(sp)
	REG_L	s0, X(3)(sp)
	REG_L	s1, X(4)(sp)
	.irp	n, 18,19,20,21,22,23,24,25,26,27
	REG_L	x\n, X(\n - 13)(sp)
	.endr
	REG_L	tp, X(2)(sp)
	addi	sp, sp, 16 * XLEN_BYTES
	ret

	/* twin_reserve(int *at): an LR, then time passes; twin_conditional(int *, value): the SC */
	.globl	twin_reserve, twin_conditional
twin_reserve:
	lr.w	a0, (a0)
	wfi
	ret
twin_conditional:
	sc.w	a0, a1, (a0)
	ret
