/* SPDX-License-Identifier: MIT */
/*
 * The guest that jumps to address 0 with stvec = 0: each fault's handler is the
 * next fault. It burns its own time and nobody else's, for ever.
 */
#include "small.h"
	say	"# faultloop: jumping to 0 with stvec = 0\r\n"
	csrw	stvec, zero
	jr	zero
