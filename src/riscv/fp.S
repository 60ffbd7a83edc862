/* SPDX-License-Identifier: MIT */
/*
 * The floating-point registers, which belong to guests alone: the hypervisor is built
 * without F and D. mstatus.FS must not be off. The layout is struct fp of context.h: a
 * register takes eight bytes whether it has four or eight.
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

	/* void vector_clear(void): registers, and the CSRs that a guest can see. mstatus.VS is on. */
	.option	push
	.option	arch, +v
	.globl	vector_clear
vector_clear:
	csrw	vcsr, zero
	vsetvli	t0, zero, e8, m8, ta, ma
	vmv.v.i	v0, 0
	vmv.v.i	v8, 0
	vmv.v.i	v16, 0
	vmv.v.i	v24, 0
	vsetivli zero, 0, e8, m1, ta, ma
	csrw	vstart, zero
	ret
	.option	pop
