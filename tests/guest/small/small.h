/* SPDX-License-Identifier: MIT */
/*
 * What the guests of a few instructions share. They are position-independent
 * and use no memory but their own image, so each can be built as an ELF or as
 * a flat binary.
 */
#define SBI_DBCN      0x4442434e
#define SBI_SRST      0x53525354
#define SBI_HSM	      0x48534d
#define SRST_SHUTDOWN 0
#define SRST_COLD     1
#define NO_REASON     0
#define FAILURE	      1

/* Prints `text` by DBCN, all of it: the call may take a part only. */
.macro	say text
	la	s1, 8f
	la	s2, 9f
7:	sub	a0, s2, s1
	mv	a1, s1
	li	a2, 0
	li	a6, 0
	li	a7, SBI_DBCN
	ecall
	bnez	a0, 6f
	add	s1, s1, a1
	bltu	s1, s2, 7b
	j	6f
8:	.ascii	"\text"
9:	.balign	4
6:
	.endm

	.macro	reset type, reason
	li	a0, \type
	li	a1, \reason
	li	a6, 0
	li	a7, SBI_SRST
	ecall
	say	"FAIL: reset: the call returned\r\n"
5:	wfi
	j	5b
	.endm

	/* Alignment after text of any length must not wait for the linker. */
	.option	norelax
	.section .text.start, "ax"
	.globl	_start
_start:
