/* SPDX-License-Identifier: MIT */
/* What a test sees of the fake console. */
#ifndef FAKE_CONSOLE_H
#define FAKE_CONSOLE_H

#include "core/console.h"

struct fake_console {
	size_t room;	   /* bytes that it takes before it is full */
	unsigned patience; /* so often console_is_patient() */
	size_t length;	   /* of what was written */
	char output[4096];

	uint64_t deadline;     /* of console_deadline(): the test sets it, a tick makes it never */
	unsigned ticks;	       /* calls of console_tick() */
	unsigned tells;	       /* calls of console_tell() */
	void (*on_tick)(void); /* what it does, if anything */
	unsigned begins, ends, ends_for_good; /* of capsules */
	enum console_view start;	      /* what the command line chose */
	bool polled;			      /* console_poll_device() was called */
};

struct fake_console *fake_console(void);

/* Empty, with room. */
void fake_console_reset(void);

/* Put text into the port's input; the test calls `changed` or what stands for it. */
void fake_console_type(struct console_port *port, const char *text);

#endif
