/* SPDX-License-Identifier: MIT */
/* The guest that spins for ever with interrupts off, after a line that says so. */
#include "small.h"
	say	"# spin: from here on nothing\r\n"
1:	j	1b
