/* SPDX-License-Identifier: MIT */
/*
 * The floating-point registers, which belong to guests alone: the hypervisor is built
 * without F and D. To save and load them mstatus.FS must not be off. The layout is struct fp
 * of context.h: a register takes eight bytes whether it has four or eight.
 *
 * fp_zero_d and fp_copy_d borrow a few, whoever's they are, and give them back.
 */
#include "asm_offsets.h"
#include "riscv/csr.h"
#include "riscv/xlen.h"

	.text

.macro EACH_F insn
	.irp	n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	\insn	f\n, (\n * 8)(a0)
	.endr
.endm

	/* void fp_save_d(struct fp *), fp_load_d, and for harts with F only fp_save_f, fp_load_f */
	.option	push
	.option	arch, +d
	.globl	fp_save_d
fp_save_d:
	EACH_F	fsd
	csrr	t0, fcsr
	REG_S	t0, FP_FCSR(a0)
	ret

	.globl	fp_load_d
fp_load_d:
	EACH_F	fld
	REG_L	t0, FP_FCSR(a0)
	csrw	fcsr, t0
	ret

/*
 * Loads and stores of D change no bit of what they carry, and nothing of fcsr. mstatus comes back
 * as it was, so that FS doesn't become dirty. The stack stays aligned to 16 bytes.
 */
.macro BORROW registers:vararg
	li	t0, MSTATUS_FS
	csrrs	t1, mstatus, t0
	addi	sp, sp, -64
	.irp	n, \registers
	fsd	f\n, (\n * 8)(sp)
	.endr
.endm

.macro GIVE_BACK registers:vararg
	.irp	n, \registers
	fld	f\n, (\n * 8)(sp)
	.endr
	addi	sp, sp, 64
	csrw	mstatus, t1
	ret
.endm

	/* void fp_zero_d(void *to, void *end): FP_BLOCK bytes a round, at least one; aligned to 8 */
	.section .text.fp_zero_d, "ax"
	.globl	fp_zero_d
fp_zero_d:
	BORROW	0
	sw	zero, 8(sp)
	sw	zero, 12(sp)
	fld	f0, 8(sp)
1:
	.irp	n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
	fsd	f0, (\n * 8)(a0)
	.endr
	addi	a0, a0, FP_BLOCK
	bne	a0, a1, 1b
	GIVE_BACK 0

	/* void fp_copy_d(void *to, const void *from, void *end): the same; `end` is that of `to` */
	.section .text.fp_copy_d, "ax"
	.globl	fp_copy_d
fp_copy_d:
	BORROW	0,1,2,3,4,5,6,7
1:
	.irp	half, 0,64
	.irp	n, 0,1,2,3,4,5,6,7
	fld	f\n, (\half + \n * 8)(a1)
	.endr
	.irp	n, 0,1,2,3,4,5,6,7
	fsd	f\n, (\half + \n * 8)(a0)
	.endr
	.endr
	addi	a1, a1, FP_BLOCK
	addi	a0, a0, FP_BLOCK
	bne	a0, a2, 1b
	GIVE_BACK 0,1,2,3,4,5,6,7
	.text
	.option	pop

	.option	push
	.option	arch, +f
	.globl	fp_save_f
fp_save_f:
	EACH_F	fsw
	csrr	t0, fcsr
	REG_S	t0, FP_FCSR(a0)
	ret

	.globl	fp_load_f
fp_load_f:
	EACH_F	flw
	REG_L	t0, FP_FCSR(a0)
	csrw	fcsr, t0
	ret
	.option	pop
