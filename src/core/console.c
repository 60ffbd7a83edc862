/* SPDX-License-Identifier: MIT */
#include "core/console.h"

#include "core/lock.h"
#include "core/log_ring.h"
#include "lib/string.h"

enum {
	OUTPUT_SIZE = 1024, /* a power of two */
	/*
	 * How often a busy transmitter is asked before it counts as stuck: some tenths of a
	 * second at least. From then on, until it takes a byte again, nothing waits for it.
	 */
	PATIENCE = 1000000,
};

struct console_road console_road;

/* The rest of the console's state, guarded by console_road.lock as well. */
static struct {
	const struct console_device *device; /* NULL: there is none, output is thrown away */
	struct console_port *attached;
	bool log_waits;	       /* lines of the log wait for the end of the guest's */
	bool starved;	       /* a port was told that there is no room */
	bool output_interrupt; /* the device raises one when it has room */
	bool stuck;	       /* the device took nothing for as long as anybody would wait */
	bool input_stopped;    /* the attached port was full: its bytes wait in the device */
	unsigned head;	       /* next byte to write; free-running */
	unsigned tail;	       /* next byte to send; free-running */
	uint8_t output[OUTPUT_SIZE];
} console;

static void lock_console(void)
{
	lock_take(&console_road.lock);
}

/* Every change of the console's state ends here: is the short road open? */
static void unlock_console(void)
{
	const struct console_device *device = console.device;
	bool open = device && device->data && !console.log_waits && console.tail == console.head;

	console_road.port = open ? console.attached : NULL;
	console_road.data = open ? device->data : NULL;
	lock_drop(&console_road.lock);
}

static bool guest_in_line(void)
{
	return console.attached && console_road.last != '\n';
}

static void set_interrupts(void)
{
	console.device->interrupts(!console.input_stopped, console.output_interrupt);
}

/* True when the device took the byte. */
static bool send(uint8_t byte)
{
	if (!console_road.room) {
		if (!console.device->ready())
			return false;
		console_road.room = console.device->burst;
		console.stuck = false;
	}
	console_road.room--;
	console.device->put(byte);
	return true;
}

/* Move waiting bytes to the device as long as it takes them. */
static void drain(void)
{
	while (console.tail != console.head && send(console.output[console.tail % OUTPUT_SIZE]))
		console.tail++;

	bool waiting = console.tail != console.head || console.starved;

	if (waiting != console.output_interrupt) {
		console.output_interrupt = waiting;
		set_interrupts();
	}
}

/* Queue or send one byte. False when the ring is full. */
static bool emit(uint8_t byte)
{
	if (console.tail == console.head && send(byte))
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

/* Whether to try once more after so many tries in vain. */
static bool is_worth_waiting(unsigned tries)
{
	if (tries >= PATIENCE)
		console.stuck = true;
	return !console.stuck;
}

static void emit_text(const char *text)
{
	for (; *text; text++)
		for (unsigned i = 0; !emit(*text) && is_worth_waiting(i); i++)
			;
}

/* Lines of the log, in so far as the guest is between two lines. */
static __attribute__((noinline)) void show_log(void)
{
	char line[256];

	console.log_waits = guest_in_line();
	while (!console.log_waits && log_take_line(line, sizeof(line))) {
		emit_text(line);
		emit_text("\r\n");
	}
}

static bool write_byte(struct console_port *port, uint8_t byte)
{
	if (port != console.attached || !console.device)
		return true;
	if (!emit(byte))
		return false;
	console_road.last = byte;
	if (byte == '\n' && console.log_waits)
		show_log();
	return true;
}

bool console_write_slowly(struct console_port *port, uint8_t byte)
{
	lock_console();

	bool taken = write_byte(port, byte);

	unlock_console();
	return taken;
}

/* The lock is not held while waiting: others may have something to do with the console. */
bool console_write_patiently(struct console_port *port, uint8_t byte)
{
	for (unsigned i = 0; !console_write_slowly(port, byte); i++)
		if (!is_worth_waiting(i))
			return false;
	return true;
}

/* Copy to the device's register; unrolled, since each byte costs the guest otherwise. */
static void store_bytes(volatile uint8_t *data, const uint8_t *bytes, size_t size)
{
	for (; size >= 4; size -= 4, bytes += 4) {
		*data = bytes[0];
		*data = bytes[1];
		*data = bytes[2];
		*data = bytes[3];
	}
	for (; size; size--)
		*data = *bytes++;
}

size_t console_write_bytes(struct console_port *port, const uint8_t *bytes, size_t size)
{
	size_t taken = 0;

	lock_console();
	while (taken < size) {
		size_t burst = size - taken;

		if (!console_road.room && console.device && console.device->ready())
			console_road.room = console.device->burst;
		if (burst > console_road.room)
			burst = console_road.room;
		if (port == console_road.port && burst) {
			store_bytes(console_road.data, bytes + taken, burst);
			console_road.room -= burst;
			taken += burst;
			console_road.last = bytes[taken - 1];
		} else if (write_byte(port, bytes[taken])) {
			taken++;
		} else {
			break;
		}
		/* What write_byte() queued has closed the short road for the rest. */
		if (console.tail != console.head)
			console_road.port = NULL;
	}
	unlock_console();
	return taken;
}

bool console_writable(struct console_port *port)
{
	bool room = true;

	if (console.tail == console.head)
		return true;
	lock_console();
	if (port == console.attached && console.head - console.tail == OUTPUT_SIZE) {
		console.starved = true;
		drain();
		room = console.head - console.tail < OUTPUT_SIZE;
	}
	unlock_console();
	return room;
}

int console_read(struct console_port *port)
{
	int byte = -1;

	lock_console();
	if (port->input_head != port->input_tail)
		byte = port->input[port->input_head++ % CONSOLE_INPUT_SIZE];
	if (console.input_stopped && port == console.attached) {
		/* There is room again: let the device raise its interrupt for what waits in it. */
		console.input_stopped = false;
		set_interrupts();
	}
	unlock_console();
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

	lock_console();
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
	unlock_console();

	if (changed)
		changed->changed(changed);
}

bool console_has_device(void)
{
	return console.device != NULL;
}

void console_set_device(const struct console_device *device)
{
	lock_console();
	console.device = device;
	unlock_console();
	console_show_log();
}

void console_attach(struct console_port *port)
{
	lock_console();
	console.attached = port;
	console_road.last = '\n';
	console.input_stopped = false;
	if (console.device)
		set_interrupts();
	unlock_console();
}

void console_detach(void)
{
	lock_console();
	if (guest_in_line() && console.device)
		emit_text("\r\n");
	console.attached = NULL;
	unlock_console();
	console_show_log();
}

void console_show_log(void)
{
	lock_console();
	if (console.device)
		show_log();
	unlock_console();
}

void console_flush(void)
{
	lock_console();
	for (unsigned i = 0; console.device && console.tail != console.head; i++) {
		drain();
		if (!is_worth_waiting(i))
			break;
	}
	unlock_console();
}

static void put_waiting(uint8_t byte)
{
	for (unsigned i = 0; !send(byte) && is_worth_waiting(i); i++)
		;
}

void console_emergency(const char *text)
{
	char line[256];

	if (!console.device)
		return;
	while (console.tail != console.head)
		put_waiting(console.output[console.tail++ % OUTPUT_SIZE]);
	if (guest_in_line()) {
		put_waiting('\r');
		put_waiting('\n');
		console_road.last = '\n';
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
