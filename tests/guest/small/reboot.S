/* SPDX-License-Identifier: MIT */
/*
 * The guest that reboots for ever. Each start must find its image as it was
 * packed: the word that it changes is 0 again.
 */
#include "small.h"
	la	t0, mark
	lw	t1, 0(t0)
	bnez	t1, 2f
	li	t1, 1
	sw	t1, 0(t0)
	say	"# reboot: asking for a cold reboot\r\n"
	reset	SRST_COLD, NO_REASON
2:	say	"FAIL: reboot: the image was not loaded afresh\r\n"
	reset	SRST_SHUTDOWN, FAILURE
	.balign	4
mark:	.word	0
