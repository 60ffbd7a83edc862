/* SPDX-License-Identifier: MIT */
/*
 * Where traces.elf starts: a0 is known to be 0, the id of a capsule's only vCPU, so it is
 * the one register that is free before the kit's own start needs stvec and sscratch.
 */
#include "kit/csr.h"

	.text
	.globl	traces_start
traces_start:
	bnez	a0, 1f
	la	a0, traces_seen
	REG_S	t0, 0(a0)
	csrr	t0, stvec
	REG_S	t0, XLEN_BYTES(a0)
	csrr	t0, sscratch
	REG_S	t0, (2 * XLEN_BYTES)(a0)
	REG_L	t0, 0(a0)
	li	a0, 0
1:	j	_start

	/*
	 * traces_end(type, reason): SRST with a pattern in every other register. It returns only
	 * if the call is refused.
	 */
	.globl	traces_end
traces_end:
	li	t0, 0x7ace7ace
	.irp	n, 1,2,3,4,6,7,8,9,12,13,14,15,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	mv	x\n, t0
	.endr
	li	a6, 0
	li	a7, 0x53525354
	ecall
2:	wfi
	j	2b
	.data
	.balign	XLEN_BYTES
	/* t0, stvec and sscratch as they were at the start */
	.globl	traces_seen
traces_seen:
	.fill	3 * XLEN_BYTES, 1, 0
