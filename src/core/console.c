/* SPDX-License-Identifier: MIT */
#include "core/console.h"

#include "core/lock.h"
#include "core/log_ring.h"
#include "lib/string.h"

enum {
	OUTPUT_SIZE = 1024, /* a power of two */
	/*
	 * How often a busy transmitter is asked before a byte of ours is given up: some
	 * seconds at any speed, so that a stuck terminal can't hang the machine.
	 */
	PATIENCE = 20000000,
};

static struct {
	struct lock lock;
	/* Guarded by lock. */
	const struct console_device *device; /* NULL: there is none, output is thrown away */
	struct console_port *attached;
	bool guest_in_line;    /* the last byte of the guest was not the end of a line */
	bool starved;	       /* a port was told that there is no room */
	bool output_interrupt; /* the device raises one when it has room */
	bool input_stopped;    /* the attached port was full: its bytes wait in the device */
	unsigned head;	       /* next byte to write; free-running */
	unsigned tail;	       /* next byte to send; free-running */
	uint8_t output[OUTPUT_SIZE];
} console;

static void set_interrupts(void)
{
	console.device->interrupts(!console.input_stopped, console.output_interrupt);
}

/* Move waiting bytes to the device as long as it takes them. Caller holds the lock. */
static void drain(void)
{
	while (console.tail != console.head &&
	       console.device->put(console.output[console.tail % OUTPUT_SIZE]))
		console.tail++;

	bool waiting = console.tail != console.head || console.starved;

	if (waiting != console.output_interrupt) {
		console.output_interrupt = waiting;
		set_interrupts();
	}
}

/* Queue or send one byte. False when the ring is full. Caller holds the lock. */
static inline bool emit(uint8_t byte)
{
	if (__builtin_expect(console.tail == console.head, 1) && console.device->put(byte))
		return true;
	if (console.head - console.tail == OUTPUT_SIZE) {
		console.starved = true;
		drain();
		return false;
	}
	console.output[console.head++ % OUTPUT_SIZE] = byte;
	drain();
	return true;
}

static void emit_waiting(uint8_t byte)
{
	for (unsigned i = 0; i < PATIENCE && !emit(byte); i++)
		;
}

static void emit_text(const char *text)
{
	while (*text)
		emit_waiting(*text++);
}

/* Lines of the log, in so far as the guest is between two lines. Caller holds the lock. */
static void show_log(void)
{
	char line[256];

	while (!console.guest_in_line && log_take_line(line, sizeof(line))) {
		emit_text(line);
		emit_text("\r\n");
	}
}

/* Caller holds the lock. */
static inline bool write_byte(struct console_port *port, uint8_t byte)
{
	if (port != console.attached || !console.device)
		return true;
	if (!emit(byte))
		return false;
	if (byte != '\n') {
		console.guest_in_line = true;
	} else if (console.guest_in_line) {
		console.guest_in_line = false;
		show_log();
	}
	return true;
}

bool console_write(struct console_port *port, uint8_t byte)
{
	lock_take(&console.lock);

	bool taken = write_byte(port, byte);

	lock_drop(&console.lock);
	return taken;
}

size_t console_write_bytes(struct console_port *port, const uint8_t *bytes, size_t size)
{
	size_t taken = 0;

	lock_take(&console.lock);
	while (taken < size && write_byte(port, bytes[taken]))
		taken++;
	lock_drop(&console.lock);
	return taken;
}

void console_write_blocking(struct console_port *port, uint8_t byte)
{
	lock_take(&console.lock);
	for (unsigned i = 0; i < PATIENCE && !write_byte(port, byte); i++)
		;
	lock_drop(&console.lock);
}

bool console_writable(struct console_port *port)
{
	bool room = true;

	if (console.tail == console.head)
		return true;
	lock_take(&console.lock);
	if (port == console.attached && console.head - console.tail == OUTPUT_SIZE) {
		console.starved = true;
		drain();
		room = console.head - console.tail < OUTPUT_SIZE;
	}
	lock_drop(&console.lock);
	return room;
}

int console_read(struct console_port *port)
{
	int byte = -1;

	lock_take(&console.lock);
	if (port->input_head != port->input_tail)
		byte = port->input[port->input_head++ % CONSOLE_INPUT_SIZE];
	if (console.input_stopped && port == console.attached) {
		/* There is room again: let the device raise its interrupt for what waits in it. */
		console.input_stopped = false;
		set_interrupts();
	}
	lock_drop(&console.lock);
	return byte;
}

bool console_readable(struct console_port *port)
{
	return port->input_head != port->input_tail;
}

/* Move what was typed to the attached port; what doesn't fit stays in the device. Caller holds the
 * lock. */
static bool take_input(void)
{
	struct console_port *port = console.attached;
	bool any = false;

	while (port && port->input_tail - port->input_head < CONSOLE_INPUT_SIZE) {
		int byte = console.device->get();

		if (byte < 0)
			return any;
		port->input[port->input_tail++ % CONSOLE_INPUT_SIZE] = byte;
		any = true;
	}
	console.input_stopped = true;
	set_interrupts();
	return any;
}

void console_interrupt(void)
{
	struct console_port *changed = NULL;

	lock_take(&console.lock);
	if (console.device) {
		if (take_input())
			changed = console.attached;
		drain();
		if (console.starved && console.head - console.tail <= OUTPUT_SIZE / 2) {
			console.starved = false;
			changed = console.attached;
			drain();
		}
	}
	lock_drop(&console.lock);

	if (changed)
		changed->changed(changed);
}

void console_set_device(const struct console_device *device)
{
	lock_take(&console.lock);
	console.device = device;
	lock_drop(&console.lock);
	console_show_log();
}

void console_attach(struct console_port *port)
{
	lock_take(&console.lock);
	console.attached = port;
	console.guest_in_line = false;
	console.input_stopped = false;
	if (console.device)
		set_interrupts();
	lock_drop(&console.lock);
}

void console_detach(void)
{
	lock_take(&console.lock);
	if (console.guest_in_line && console.device)
		emit_text("\r\n");
	console.guest_in_line = false;
	console.attached = NULL;
	lock_drop(&console.lock);
	console_show_log();
}

void console_show_log(void)
{
	lock_take(&console.lock);
	if (console.device)
		show_log();
	lock_drop(&console.lock);
}

void console_flush(void)
{
	lock_take(&console.lock);
	for (unsigned i = 0; console.device && i < PATIENCE && console.tail != console.head; i++)
		drain();
	lock_drop(&console.lock);
}

static void put_waiting(uint8_t byte)
{
	for (unsigned i = 0; i < PATIENCE && !console.device->put(byte); i++)
		;
}

void console_emergency(const char *text)
{
	char line[256];

	if (!console.device)
		return;
	while (console.tail != console.head)
		put_waiting(console.output[console.tail++ % OUTPUT_SIZE]);
	if (console.guest_in_line) {
		put_waiting('\r');
		put_waiting('\n');
		console.guest_in_line = false;
	}
	while (log_take_line(line, sizeof(line))) {
		for (const char *c = line; *c; c++)
			put_waiting(*c);
		put_waiting('\r');
		put_waiting('\n');
	}
	for (; *text; text++) {
		if (*text == '\n')
			put_waiting('\r');
		put_waiting(*text);
	}
}
