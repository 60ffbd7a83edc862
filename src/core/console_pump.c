/* SPDX-License-Identifier: MIT */
/* The console's pump: what is shown next, and its way to the device. */
#include "core/arch.h"
#include "core/console_internal.h"
#include "core/log_ring.h"
#include "lib/string.h"

/* How far the start of a line is looked for: back, and from the oldest byte on. */
enum { LINE_BACK_MAX = 256, LINE_AHEAD_MAX = 1024 };

bool console_in_line(void)
{
	const struct console_port *port = console.attached;

	return port && port->sent != console.clean_at &&
	       port->output[(port->sent - 1) % CONSOLE_OUTPUT_SIZE] != '\n';
}

/* The oldest byte that may wait (again). */
static xlen_t oldest(const struct console_port *port)
{
	return port->head < CONSOLE_WAITING_MAX ? 0 : port->head - CONSOLE_WAITING_MAX;
}

xlen_t console_line_start(const struct console_port *port, xlen_t at)
{
	xlen_t from = at;

	for (unsigned i = 0; i < LINE_BACK_MAX && from != oldest(port); i++, from--)
		if (port->output[(from - 1) % CONSOLE_OUTPUT_SIZE] == '\n')
			return from;
	return from == oldest(port) ? from : at;
}

/* Where a replay begins: at the first whole line, if there is one near. */
static xlen_t replay_start(const struct console_port *port)
{
	xlen_t first = oldest(port);

	for (xlen_t at = first; first && at != port->head && at - first < LINE_AHEAD_MAX; at++)
		if (port->output[at % CONSOLE_OUTPUT_SIZE] == '\n')
			return at + 1;
	return first;
}

void console_log_now(void)
{
	console.log_waits = true;
	if (console.attached)
		console.log_after = console.attached->sent;
}

struct console_port *console_find(unsigned number)
{
	struct console_port *port = console.ports;

	while (port && port->number != number)
		port = port->link;
	return port;
}

unsigned console_running(struct console_port **which)
{
	unsigned count = 0;

	for (struct console_port *port = console.ports; port; port = port->link) {
		if (port->ended)
			continue;
		*which = port;
		count++;
	}
	return count;
}

bool console_is_shown(const struct console_port *port)
{
	return console.device && console.started && (!console.attached || port == console.attached);
}

void console_set_interrupts(void)
{
	if (console.device)
		console.device->interrupts(!console.input_stopped, console.output_interrupt);
}

void console_show(struct console_port *port)
{
	if (!port && !console.attached)
		return;
	for (struct console_port *each = console.ports; each; each = each->link) {
		console_view_reset(each);
		if (port)
			each->sent = each->head;
		else if (!console.leaving || each != console.attached)
			each->sent = console_line_start(each, each->sent);
	}
	console.attached = port;
	console.leaving = false;
	if (port) {
		port->sent = replay_start(port);
		console.clean_at = console.log_after = port->sent;
	}
	console.input_stopped = false;
	console_set_interrupts();
}

/* An eighth of a silence is twelve milliseconds; while bytes wait, two: a FIFO at 115200 baud. */
void console_call_for_poll(void)
{
	uint64_t often = console.output_interrupt ? console.silence >> 6 : console.silence >> 3;

	if (console.polled && console.started)
		console_call_at(arch_time() + often);
}

/* --- the pump ----------------------------------------------------------------------- */

/* Copy to the device; unrolled, since each byte costs the guest otherwise. */
static inline void store_bytes(volatile uint8_t *data, const uint8_t *bytes, unsigned size)
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

unsigned console_send(const uint8_t *bytes, unsigned size)
{
	if (!console_has_room())
		return 0;
	if (size > console.room)
		size = console.room;
	console.room -= size;
	console.taken += size;
	if (console_road.data)
		store_bytes(console_road.data, bytes, size);
	else
		for (unsigned i = 0; i < size; i++)
			console.device->put(bytes[i]);
	return size;
}

/* False when the device is busy. */
static bool send_text(void)
{
	struct console_text *text = &console.text;
	unsigned count =
		console_send((const uint8_t *)text->bytes + text->sent, text->length - text->sent);

	text->sent += count;
	if (text->sent == text->length)
		text->sent = text->length = 0;
	return count;
}

/* Bytes of the attached guest; one, while lines of the log wait for their place. Likewise. */
static bool send_attached(struct console_port *port)
{
	unsigned at = port->sent % CONSOLE_OUTPUT_SIZE;
	xlen_t size = port->head - port->sent;
	unsigned count;

	if (size > CONSOLE_OUTPUT_SIZE - at)
		size = CONSOLE_OUTPUT_SIZE - at;
	if (console.log_waits)
		size = 1;
	if (size > console.budget)
		size = console.budget;
	count = console_send(port->output + at, size);
	console_spend(count);
	port->sent += count;
	return count;
}

static bool compose_newline(void)
{
	memcpy(console.text.bytes, "\r\n", 2);
	console.text.length = 2;
	console.clean_at = console.attached->sent;
	return true;
}

/* True when a guest that is shown has ended, and its last words weren't shown yet. */
static bool rest_waits(void)
{
	if (console.attached)
		return console.attached->ended && console.attached->sent != console.attached->head;
	for (const struct console_port *port = console.ports; port; port = port->link)
		if (port->ended && console_view_waits(port))
			return true;
	return false;
}

/* True when a line of the log may be shown now. */
static bool log_fits(void)
{
	const struct console_port *port = console.attached;

	/* What a command tells: guests' output waits for that, and the terminal is at a line's
	 * start. */
	if (console.menu)
		return true;
	if (rest_waits())
		return false;
	return !port || (!console_in_line() && (long)(port->sent - console.log_after) >= 0);
}

static bool compose_log(void)
{
	struct console_text *text = &console.text;
	size_t length = log_take_line(text->bytes, sizeof(text->bytes) - 2);

	console.log_waits = length;
	if (!length)
		return false;
	console_spend(CONSOLE_PUMP_LINE);
	memcpy(text->bytes + length, "\r\n", 2);
	text->length = length + 2;
	return true;
}

/* The attached guest won't go on with the line that it is in, but somebody else has to. */
static bool is_left_alone(const struct console_port *port)
{
	return port && port->sent == port->head &&
	       (console.leaving || (console.log_waits && (port->ended || console.flushing)));
}

/* The next piece of text of our own; false when there is none, or when it isn't its turn. */
static bool compose(void)
{
	if (console.said.length) {
		console.text = console.said;
		console.said.length = 0;
		return true;
	}
	if (console.menu == MENU_OPEN || console.menu == MENU_WHICH)
		return false;
	if (is_left_alone(console.attached)) {
		if (console_in_line())
			return compose_newline();
		if (console.leaving)
			console_show(NULL);
	}
	if (console.log_waits && log_fits() && compose_log())
		return true;
	return !console.menu && !console.attached && console.started &&
	       console_view_compose(&console.text);
}

bool console_waits(void)
{
	if (console.text.length || console.said.length || console.log_waits)
		return true;
	if (console.attached)
		return console.attached->sent != console.attached->head;
	for (const struct console_port *port = console.ports; port; port = port->link)
		if (console.started && console_view_waits(port))
			return true;
	return false;
}

void console_pump(void)
{
	bool stuck = false;
	bool waiting;

	if (!console.device)
		return;
	/* Before that there may be no clock, and nobody waits. */
	console.budget = console.started ? CONSOLE_PUMP_MAX : (unsigned)-1;
	while (!stuck && console.budget) {
		struct console_port *port = console.attached;

		if (console.text.length || compose())
			stuck = !send_text();
		else if (console.attached != port)
			continue; /* compose() has changed the view */
		else if (port && !console.menu && port->sent != port->head)
			stuck = !send_attached(port);
		else
			break;
	}
	if (!console.budget)
		console_call_at(arch_time() + (console.silence >> 6));
	/* Not while there is more than one pump does: a device that is quick would call at once. */
	waiting = console.budget && (stuck || (console.starved && !console.menu));
	if (waiting != console.output_interrupt) {
		console.output_interrupt = waiting;
		console_set_interrupts();
		console_call_for_poll();
	}
}

void console_serve_starved(void)
{
	if (!console.starved)
		return;
	console.starved = false;
	for (struct console_port *port = console.ports; port; port = port->link) {
		if (port->starved && (!console_is_shown(port) ||
				      port->head - port->sent <= CONSOLE_OUTPUT_SIZE / 2)) {
			port->starved = false;
			port->notify = true;
		}
		console.starved |= port->starved;
	}
}
