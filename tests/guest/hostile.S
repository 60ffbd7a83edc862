/* SPDX-License-Identifier: MIT */
/*
 * The accesses that hostile.c makes besides the kit's own, and the way into code
 * that is made up. A trap of hostile_amo etc. has their first instruction's pc.
 */
#include "kit/csr.h"

#define X(n) ((n) * XLEN_BYTES)

	.text
	.option	norvc
	.macro	access name, insn:vararg
	.globl	\name
\name:	\insn
	ret
	.endm
	access	hostile_amo, amoadd.w a0, a1, (a0)
	access	hostile_amo_wide, amoswap.w.aqrl a0, zero, (a0)
	access	hostile_lr, lr.w a0, (a0)
	access	hostile_read_signed, lb a0, 0(a0)
	access	hostile_fence, fence.i

	/* A store-conditional needs a reservation first: one of our own memory, on the stack. */
	.globl	hostile_sc
hostile_sc:
	lr.w	a2, (sp)
	sc.w	a0, a1, (a0)
	ret

	/* hostile_fetch(address): a call into it; the link register tells that it came back. */
	.globl	hostile_fetch
hostile_fetch:
	jr	a0

/*
 * hostile_enter(const unsigned long x[32], code, status): goes on at `code` with x1 to x31 as
 * given, by an sret with these bits of sstatus (SPP, SPIE and others) set. Ends by a trap.
 */
	.globl	hostile_enter
hostile_enter:
	csrw	sepc, a1
	li	t0, SSTATUS_SPP | SSTATUS_SPIE
	csrc	sstatus, t0
	csrs	sstatus, a2
	.irp	n, 1,2,3,4,5,6,7,8,9,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	REG_L	x\n, X(\n)(a0)
	.endr
	REG_L	a0, X(10)(a0)
	sret

	/* Where the alarm sends code that doesn't end. */
	.globl	hostile_stop
hostile_stop:
	ebreak
