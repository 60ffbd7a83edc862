/* SPDX-License-Identifier: MIT */
/*
 * The guest whose trap handler begins with an illegal instruction: nothing that it
 * could ever do again would differ from what it has just done.
 */
#include "small.h"
	say	"# stuck: its handler is no code\r\n"
	la	t0, no_code
	csrw	stvec, t0
	j	break_contract

	.globl	break_contract
	.type	break_contract, @function
break_contract:
	li	s7, 0x5ca1ab1e
	.word	0xffffffff
	ret
	.size	break_contract, . - break_contract

	.balign	4
	.globl	no_code
	.type	no_code, @function
no_code:
	.word	0xffffffff
	.size	no_code, . - no_code
