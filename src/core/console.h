/* SPDX-License-Identifier: MIT */
/*
 * The terminal: who may write to it, and who gets what is typed.
 *
 * Bytes of the attached capsule go out as they are. Lines of the hypervisor
 * wait in the log's ring until the guest is at the start of a line, so that
 * neither lands inside a line of the other; when the capsule ends, whatever
 * waits is shown. Nothing blocks: when the UART is busy, bytes wait in a ring
 * that its interrupt drains, and when that is full the guest is told so.
 */
#ifndef CORE_CONSOLE_H
#define CORE_CONSOLE_H

#include "core/types.h"

enum { CONSOLE_INPUT_SIZE = 1024 }; /* a power of two */

/*
 * A capsule's end of the console. `changed` is called, with the console's lock
 * not held, on the hart that drives the UART, when input has come in or room
 * for output has come back.
 */
struct console_port {
	void (*changed)(struct console_port *port);
	/* Guarded by the console's lock. */
	unsigned input_head; /* next byte to read; free-running */
	unsigned input_tail; /* next byte to write; free-running */
	uint8_t input[CONSOLE_INPUT_SIZE];
};

/* Send one byte of the guest's output. False when there is no room now: try again after `changed`.
 */
bool console_write(struct console_port *port, uint8_t byte);

/* Send up to `size` bytes; returns how many were taken. */
size_t console_write_bytes(struct console_port *port, const uint8_t *bytes, size_t size);

/* True when the next console_write() of one byte will be taken. */
bool console_writable(struct console_port *port);

/* The next byte that was typed, or -1. */
int console_read(struct console_port *port);

/* True when console_read() has a byte. */
bool console_readable(struct console_port *port);

#endif
