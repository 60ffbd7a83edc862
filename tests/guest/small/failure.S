/* SPDX-License-Identifier: MIT */
/* The guest that gives up: shutdown with the reason "system failure". */
#include "small.h"
	say	"# failure: asking for a shutdown, system failure\r\n"
	reset	SRST_SHUTDOWN, FAILURE
