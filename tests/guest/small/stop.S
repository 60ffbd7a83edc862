/* SPDX-License-Identifier: MIT */
/* The guest whose only hart stops itself: nothing can ever start it again. */
#include "small.h"
	say	"# stop: the last hart stops\r\n"
	li	a6, 1
	li	a7, SBI_HSM
	ecall
	say	"FAIL: stop: the call returned\r\n"
	reset	SRST_SHUTDOWN, FAILURE
