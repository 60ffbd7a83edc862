/* SPDX-License-Identifier: MIT */
/*
 * What a boot loader before firmware does, where an emulator's own can't be told what to hand
 * on: enters OpenSBI's fw_dynamic as its documentation says, with a device tree of the caller's.
 * Assembled with FIRMWARE, TREE and NEXT, the addresses of firmware, device tree and kernel.
 */
#if __riscv_xlen == 64
#define WORD .dword
#else
#define WORD .word
#endif
	.globl	_start
_start:
	csrr	a0, mhartid
	li	a1, TREE
	la	a2, info
	li	t0, FIRMWARE
	jr	t0

	/* struct fw_dynamic_info */
	.balign	8
info:
	WORD	0x4942534f	/* magic */
	WORD	2		/* version */
	WORD	NEXT
	WORD	1		/* enter it in S-mode */
	WORD	0		/* options */
	WORD	-1		/* no preferred boot hart */
