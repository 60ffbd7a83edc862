/* SPDX-License-Identifier: MIT */
/* Loads and stores all of FP; kit/fp.h has the layout. */
	.text
	.option	arch, +d
	.globl	fp_load
fp_load:
	.irp	n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	fld	f\n, (\n * 8)(a0)
	.endr
	lw	t0, (32 * 8)(a0)
	csrw	fcsr, t0
	ret

	.globl	fp_store
fp_store:
	.irp	n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	fsd	f\n, (\n * 8)(a0)
	.endr
	csrr	t0, fcsr
	sw	t0, (32 * 8)(a0)
	sw	zero, (32 * 8 + 4)(a0)
	ret
