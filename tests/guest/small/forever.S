/* SPDX-License-Identifier: MIT */
/*
 * The guest that waits for an interrupt that can't come: none is enabled. Its
 * capsule sleeps, and so should the hart.
 */
#include "small.h"
	say	"# forever: waiting with no interrupt enabled\r\n"
	csrw	sie, zero
1:	wfi
	j	1b
