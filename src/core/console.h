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

#include "core/lock.h"
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

/*
 * What drives the terminal: a UART. `ready` tells that the transmitter takes
 * `burst` bytes, each by put() or, where `data` isn't NULL, by a store there; `get`
 * gives what was typed or -1; `interrupts` chooses what raises the device's interrupt.
 */
struct console_device {
	volatile uint8_t *data;
	unsigned burst;
	bool (*ready)(void);
	void (*put)(uint8_t byte);
	int (*get)(void);
	void (*interrupts)(bool on_input, bool on_output);
};

/*
 * The part of the console that a guest's output touches when nothing is in its
 * way: the ring is empty, no line of the log waits, the device has a data register.
 */
struct console_road {
	struct lock lock;
	/* Guarded by lock. */
	struct console_port *port; /* whose bytes may take the short road; NULL: nobody's */
	volatile uint8_t *data;
	unsigned room; /* bytes that the device takes without being asked again */
	uint8_t last;  /* byte of the attached guest */
};

extern struct console_road console_road;

/* console_write() when the short road is closed. Takes the lock. */
bool console_write_slowly(struct console_port *port, uint8_t byte);

/* console_write_blocking(), likewise. */
bool console_write_patiently(struct console_port *port, uint8_t byte);

/* True when the byte is sent: the short road was open. */
static inline bool console_write_quickly(struct console_port *port, uint8_t byte)
{
	bool open;

	lock_take(&console_road.lock);
	open = port == console_road.port && console_road.room;
	if (open) {
		console_road.room--;
		console_road.last = byte;
		*console_road.data = byte;
	}
	lock_drop(&console_road.lock);
	return open;
}

/* Send one byte of the guest's output. False when there is no room now: try again after `changed`.
 */
static inline bool console_write(struct console_port *port, uint8_t byte)
{
	return console_write_quickly(port, byte) || console_write_slowly(port, byte);
}

/*
 * Send one byte, waiting for the UART while the ring is full: for calls that block. False when
 * the byte is lost because the UART takes nothing any more.
 */
static inline bool console_write_blocking(struct console_port *port, uint8_t byte)
{
	return console_write_quickly(port, byte) || console_write_patiently(port, byte);
}

/* Send up to `size` bytes; returns how many were taken. */
size_t console_write_bytes(struct console_port *port, const uint8_t *bytes, size_t size);

/* True when the next console_write() of one byte will be taken. */
bool console_writable(struct console_port *port);

/* The next byte that was typed, or -1. */
int console_read(struct console_port *port);

/* True when console_read() has a byte. */
bool console_readable(struct console_port *port);

/* The terminal is `device` from now on. Boot hart. */
void console_set_device(const struct console_device *device);

/* False before console_set_device(). Any state. */
bool console_has_device(void);

/* What is typed goes to `port` from now on, and its output is shown. */
void console_attach(struct console_port *port);

/* The attached guest is gone: end its line and show what waited. */
void console_detach(void);

/* The device's interrupt: move input to the port and waiting output to the device. Any hart. */
void console_interrupt(void);

/* Show the log's lines that haven't been shown, unless the guest is in the middle of a line. */
void console_show_log(void);

/* For the last words: everything that waits, then `text`, without locks or rings. */
void console_emergency(const char *text);

/* Wait (a bounded time) until everything has left the ring: before the power goes off. */
void console_flush(void);

#endif
