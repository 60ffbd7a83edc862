/* SPDX-License-Identifier: MIT */
/* What the victim can't say in C: sleep with every register set. */
#include "kit/csr.h"

	.text
	.globl	victim_sleep
	.balign	4
victim_sleep:
	wfi
	c.ebreak
