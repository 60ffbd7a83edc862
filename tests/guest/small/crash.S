/* SPDX-License-Identifier: MIT */
/*
 * The guest that dies as a kernel does: with its page tables on, a function reads
 * where nothing is mapped, and the trap handler reports a system failure.
 *
 * The tables map the guest's RAM one to one with a large page, and the two places
 * before it by an entry of their own each: one that isn't valid.
 */
#include "small.h"
	say	"# crash: reading where nothing is mapped\r\n"
	la	t0, on_trap
	csrw	stvec, t0
	la	t1, root
	la	t2, _start
#if __riscv_xlen == 64
	/* Sv39, a leaf at level 1: the index of the root is bits 38:30, of the next 29:21. */
	la	t3, middle
	srli	t4, t3, 12
	slli	t4, t4, 10
	ori	t4, t4, 0x01
	srli	t5, t2, 30
	andi	t5, t5, 0x1ff
	slli	t5, t5, 3
	add	t5, t5, t1
	sd	t4, 0(t5)
	srli	t4, t2, 21
	andi	t5, t4, 0x1ff
	slli	t5, t5, 3
	add	t5, t5, t3
	slli	t4, t4, 19
	ori	t4, t4, 0xcf
	sd	t4, 0(t5)
	li	t0, 8 << 60
#else
	/* Sv32, a leaf in the root: its index is bits 31:22. */
	srli	t4, t2, 22
	slli	t5, t4, 2
	add	t5, t5, t1
	slli	t4, t4, 20
	ori	t4, t4, 0xcf
	sw	t4, 0(t5)
	li	t0, 1 << 31
#endif
	srli	t1, t1, 12
	or	t0, t0, t1
	sfence.vma
	csrw	satp, t0
	sfence.vma
	call	read_nothing
	say	"FAIL: crash: the load succeeded\r\n"
	j	on_trap

	.globl	read_nothing
	.type	read_nothing, @function
read_nothing:
	li	t6, 0x40001234
	li	s7, 0x5ca1ab1e
	lw	a0, 0(t6)
	ret
	.size	read_nothing, . - read_nothing

	.balign	4
	.globl	on_trap
	.type	on_trap, @function
on_trap:
	reset	SRST_SHUTDOWN, FAILURE
	.size	on_trap, . - on_trap

	.balign	4096
root:	.zero	4096
middle:	.zero	4096
