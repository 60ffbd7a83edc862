/* SPDX-License-Identifier: MIT */
/*
 * How boot and scheduler steer the console, and the machine's last words. Nothing that a guest's
 * byte comes by is here.
 */
#include "core/arch.h"
#include "core/console_internal.h"

enum {
	/*
	 * How often a busy transmitter is asked before what waits is given up: some
	 * seconds at any speed, so that a stuck terminal can't hang the machine.
	 */
	PATIENCE = 20000000,
};

/* --- boot --------------------------------------------------------------------------- */

void console_init(uint32_t timebase)
{
	/* A tenth of a second, without a division: 1/16 + 1/32 + 1/256 + 1/512 are 0.0996. */
	console.silence = (timebase >> 4) + (timebase >> 5) + (timebase >> 8) + (timebase >> 9);
}

bool console_has_device(void)
{
	return console.device != NULL;
}

/* A device that takes no blocks, or can't be asked so simply, never says that it takes one. */
static void set_road(const struct console_device *device)
{
	static const uint8_t never;
	bool blocks = device && device->status && device->burst >= CONSOLE_BLOCK;

	console_road.data = device ? device->data : NULL;
	console_road.status = blocks ? device->status : &never;
	console_road.ready = blocks ? device->status_ready : 0;
}

void console_set_device(const struct console_device *device)
{
	console_lock();
	console.device = device;
	set_road(device);
	console_set_interrupts();
	console_pump();
	console_unlock();
}

void console_poll_device(void)
{
	console_lock();
	console.polled = true;
	console_call_for_poll();
	console_unlock();
}

void console_set_commands(const struct console_commands *commands)
{
	console.commands = commands;
}

void console_set_start(enum console_view view)
{
	console.start = view;
}

void console_add(struct console_port *port, unsigned number, const char *name, uint8_t *output)
{
	struct console_port **at = &console.ports;

	port->number = number;
	port->name = name;
	port->output = output;
	port->next = port->stop = output;
	console_lock();
	while (*at && (*at)->number < number)
		at = &(*at)->link;
	port->link = *at;
	*at = port;
	console_unlock();
}

void console_start(void)
{
	struct console_port *first;

	console_lock();
	first = console.ports;
	if (console.start == CONSOLE_VIEW_MERGED ||
	    (console.start == CONSOLE_VIEW_AUTO && first && first->link))
		first = NULL;
	console.started = true;
	console_show(first);
	console_call_for_poll();
	console_finish();
}

/* --- the scheduler's side ----------------------------------------------------------- */

void console_begin(struct console_port *port)
{
	console_lock();
	port->ended = false;
	port->input_head = port->input_tail;
	if (port == console.attached)
		console.leaving = false;
	console_finish();
}

void console_end(struct console_port *port, bool for_good)
{
	struct console_port *other;

	console_lock();
	port->ended = true;
	if (port == console.attached && for_good && console_running(&other))
		console.leaving = true;
	console_finish();
}

void console_show_log(void)
{
	console_lock();
	if (!console.log_waits && console.attached)
		console.log_after = console.attached->head;
	console.log_waits = true;
	console_pump();
	console_unlock();
}

void console_tell(void)
{
	console_lock();
	console.telling = true;
	console_call_at(arch_time());
	console_unlock();
}

/* --- the last words ----------------------------------------------------------------- */

/* Show everything, without regard to menus and silences; a bounded time. */
static void show_everything(void)
{
	console.flushing = true;
	console_menu_close();
	for (unsigned i = 0; console.device && i < PATIENCE; i++) {
		console_pump();
		if (!console_waits())
			break;
	}
	console.flushing = false;
}

bool console_flush(void)
{
	bool stuck;

	console_lock();
	show_everything();
	stuck = console_waits();
	console_unlock();
	return !stuck;
}

static void put_patiently(const char *bytes, unsigned size)
{
	static bool stuck; /* nobody reads the last words: then don't wait for each of them */

	for (unsigned i = 0; size && !stuck; i++) {
		unsigned count = console_send((const uint8_t *)bytes, size);

		bytes += count;
		size -= count;
		stuck = !count && i >= PATIENCE;
	}
}

void console_emergency(const char *text)
{
	if (!console.device)
		return;
	console_close_road();
	show_everything();
	if (console_in_line()) {
		put_patiently("\r\n", 2);
		console.clean_at = console.attached->sent;
	}
	for (; *text; text++) {
		if (*text == '\n')
			put_patiently("\r", 1);
		put_patiently(text, 1);
	}
}
