/* SPDX-License-Identifier: MIT */
/* The guest that calls and calls: its traps are its own time, not its neighbours'. */
#include "small.h"
	say	"# ecallloop: the cheapest call, for ever\r\n"
1:	li	a6, 0
	li	a7, 0x10
	ecall
	j	1b
