/* SPDX-License-Identifier: MIT */
/* The console's input: keys, interrupts and the passing of time. */
#include "core/arch.h"
#include "core/console_internal.h"
#include "core/log.h"
#include "core/log_ring.h"

enum { KEYS_AT_ONCE = 4096 }; /* that are thrown away */

static bool input_full(const struct console_port *port)
{
	return port->input_tail - port->input_head == CONSOLE_INPUT_SIZE;
}

static void put_input(struct console_port *port, uint8_t byte)
{
	port->input[port->input_tail++ % CONSOLE_INPUT_SIZE] = byte;
}

/* The guest has taken a byte: there is room for what waited. */
static void resume_input(struct console_port *port)
{
	if (console.held >= 0)
		put_input(port, console.held);
	console.held = -1;
	console.input_stopped = false;
	console_set_interrupts();
}

int console_read(struct console_port *port)
{
	int byte = -1;

	lock_take(&console_road.lock);
	if (port->input_head != port->input_tail)
		byte = port->input[port->input_head++ % CONSOLE_INPUT_SIZE];
	if (console.input_stopped && port == console.attached)
		resume_input(port);
	lock_drop(&console_road.lock);
	return byte;
}

bool console_readable(struct console_port *port)
{
	return port->input_head != port->input_tail;
}

/* What fits nowhere stays where it is, for a second: then the menu's key must get through. */
static void stop_input(uint8_t byte)
{
	console.held = byte;
	console.input_stopped = true;
	console.input_due = arch_time() + 10 * console.silence;
	console_call_at(console.input_due);
	console_set_interrupts();
}

/* A key outside of the menu. */
static void take_key(uint8_t byte)
{
	struct console_port *only = NULL;

	if (!console.started)
		return;
	if (!console.attached && console_running(&only) == 1)
		console_show(only);
	if (!console.attached) {
		if (!console.hinted)
			console.command = COMMAND_HINT;
		console.hinted = true;
	} else if (input_full(console.attached)) {
		stop_input(byte);
	} else if (!console.attached->ended) {
		put_input(console.attached, byte);
		console.attached->notify = true;
	}
}

/* Until there is nothing more, no room, or a command to be carried out first. */
static void take_input(void)
{
	while (!console.command && !console.input_stopped) {
		int byte = console.held >= 0 ? console.held : console.device->get();

		console.held = -1;
		if (byte < 0)
			return;
		if (byte == MENU_KEY || (console.menu && console.menu != MENU_BUSY))
			console_menu_key(byte);
		else
			take_key(byte);
	}
}

/* The guest doesn't read: nothing is kept for it, so that the menu's key is found. */
static void give_input_up(void)
{
	int byte = -1;

	for (unsigned i = 0; i < KEYS_AT_ONCE; i++) {
		byte = console.device->get();
		if (byte < 0 || byte == MENU_KEY)
			break;
	}
	console.held = -1;
	console.input_stopped = false;
	if (byte == MENU_KEY)
		console_menu_key(byte);
	console_set_interrupts();
}

/* Carry out what the menu's user, or the lack of one, asked for. */
static void carry_out(enum console_command command, unsigned about)
{
	const struct console_commands *commands = console.commands;

	if (command == COMMAND_HINT) {
		log_info(
			"What is typed goes nowhere: press Ctrl-] and a digit to attach a capsule");
		return;
	}
	if (!commands)
		return;
	if (command == COMMAND_FIGURES)
		commands->figures();
	else if (command == COMMAND_RESTART)
		commands->restart(about);
	else if (command == COMMAND_STOP)
		commands->stop(about);
}

/* Take the lock before; drops it. Commands are carried out one by one, in the order of the keys. */
static void serve_input(void)
{
	for (;;) {
		enum console_command command;
		unsigned about;

		if (console.device)
			take_input();
		command = console.command;
		about = console.about;
		console_finish();
		if (!command)
			return;
		carry_out(command, about);
		console_lock();
		console.command = COMMAND_NONE;
		/* Figures are told at the clock's ticks, and the menu is busy for so long. */
		if (command != COMMAND_FIGURES || !console.telling)
			console_menu_done();
	}
}

void console_interrupt(void)
{
	console_lock();
	serve_input();
}

uint64_t console_deadline(void)
{
	uint64_t deadline;

	lock_take(&console_road.lock);
	deadline = console.deadline;
	lock_drop(&console_road.lock);
	return deadline;
}

/* A piece of the figures, if the log has room for it; else at another tick. */
static void tell(void)
{
	bool more;

	console_lock();
	more = console.telling && console.device && !log_has_room();
	if (more)
		console_call_at(arch_time() + console.silence);
	if (more || !console.telling) {
		console.deadline_moved = false;
		console_unlock();
		return;
	}
	/* Whoever has more to be told from now on says so. */
	console.telling = false;
	console_unlock();
	more = console.commands->tell();
	console_lock();
	console.telling |= more;
	if (console.telling)
		console_call_at(arch_time() + (console.silence >> 6));
	else
		console_menu_done();
	console.deadline_moved = false; /* as above: it is the clock that calls */
	console_finish();
}

/* Whoever still waits for a time says so again. */
void console_tick(void)
{
	uint64_t now = arch_time();

	console_lock();
	console.deadline = NEVER;
	console_view_tick(now);
	console_menu_tick(now);
	if (console.input_stopped && now >= console.input_due)
		give_input_up();
	else if (console.input_stopped)
		console_call_at(console.input_due);
	console_call_for_poll();
	console.deadline_moved = false; /* the caller is the one who would be told */
	serve_input();
	tell();
}
