/* SPDX-License-Identifier: MIT */
/*
 * The console's menu: Ctrl-] opens one line that says what can be done, the next key
 * does it. While it is open the guests' output waits, so that the line stays in
 * one piece; nobody can forget it open, since it closes by itself.
 */
#include "core/arch.h"
#include "core/console_internal.h"
#include "core/log_ring.h"
#include "lib/print.h"

enum {
	MENU_SILENCES = 50, /* until it closes: five seconds */
	LONG_NUMBER = 2,    /* digits after a 0, which reach every capsule */
};

void console_say(const char *format, ...)
{
	struct console_text *said = &console.said;
	size_t room = sizeof(said->bytes) - said->length;
	size_t length;
	va_list args;

	va_start(args, format);
	length = print_text_v(said->bytes + said->length, room, format, args);
	va_end(args);
	said->length += length < room ? length : room - 1;
}

static void open(enum menu_state state)
{
	console.menu = state;
	console.menu_due = arch_time() + MENU_SILENCES * console.silence;
	console_call_at(console.menu_due);
}

static void say_menu(void)
{
	bool more = false;

	if (console_in_line())
		console_say("\r\n");
	console_say("[ ");
	for (const struct console_port *port = console.ports; port; port = port->link)
		if (port->number > 9)
			more = true;
		else if (console.said.length < sizeof(console.said.bytes) * 2 / 5)
			console_say("%u: %s%s  ", port->number, port->name,
				    port->ended ? " (ended)" : "");
	console_say("%sm: merged  l: log  s: figures  r: restart  k: stop  Ctrl-]: send it ] ",
		    more ? "0 and two digits: others  " : "");
}

/*
 * However slow the device is, and however much waits to be said already: then there is no use in
 * more of it, but the keys that follow are still the menu's, and no guest's.
 */
static void open_menu(void)
{
	if (console.said.length <= sizeof(console.said.bytes) / 4)
		say_menu();
	console.digits_due = 0;
	open(MENU_OPEN);
}

/* The terminal is at the start of a line, where the guest's unfinished one appears again. */
static void resume_guest(void)
{
	struct console_port *port = console.attached;

	console.menu = MENU_CLOSED;
	if (!port)
		return;
	port->sent = console_line_start(port, port->sent);
	console.clean_at = port->sent;
}

static void close_menu(const char *answer)
{
	console_say("%s\r\n", answer);
	resume_guest();
}

static void switch_to(struct console_port *port)
{
	console.menu = MENU_CLOSED;
	if (port)
		console_say("%u: %s\r\n", port->number, port->name);
	else
		console_say("merged\r\n");
	console_show(port);
}

/* Carried out by serve_input(), which calls console_menu_done() then. */
static void command(enum console_command which, unsigned about)
{
	static const char *const names[] = {[COMMAND_FIGURES] = "figures",
					    [COMMAND_RESTART] = "restart",
					    [COMMAND_STOP] = "stop"};

	if (about)
		console_say("%s %u\r\n", names[which], about);
	else
		console_say("%s\r\n", names[which]);
	if (console.attached)
		console.clean_at = console.attached->sent;
	console.menu = MENU_BUSY;
	console.command = which;
	console.about = about;
}

/* Of the attached capsule, or of the one whose digit comes next. */
static void command_about(enum console_command which, const char *question)
{
	if (console.attached) {
		command(which, console.attached->number);
		return;
	}
	console.asked = which;
	console_say("%s", question);
	open(MENU_WHICH);
}

static void choose_number(unsigned number)
{
	struct console_port *port = console_find(number);

	if (!port)
		close_menu("there is no such capsule");
	else if (console.menu == MENU_WHICH)
		command(console.asked, number);
	else
		switch_to(port);
}

/* A digit from 1 to 9 is a capsule's number; a 0 begins one of two digits. */
static void choose_digit(unsigned digit)
{
	if (!console.digits_due && digit) {
		choose_number(digit);
		return;
	}
	console_say("%u", digit);
	if (!console.digits_due) {
		console.digits_due = LONG_NUMBER + 1;
		console.typed = 0;
	}
	console.typed = console.typed * 10 + digit;
	open(console.menu);
	if (!--console.digits_due) {
		console_say(" ");
		choose_number(console.typed);
	}
}

/* The literal key goes to the guest, as if it had been typed. */
static void send_key(void)
{
	struct console_port *port = console.attached;

	if (!port) {
		close_menu("no capsule is attached");
		return;
	}
	close_menu("sent");
	if (port->ended || port->input_tail - port->input_head == CONSOLE_INPUT_SIZE)
		return;
	port->input[port->input_tail++ % CONSOLE_INPUT_SIZE] = MENU_KEY;
	port->notify = true;
}

static void show_log_again(void)
{
	close_menu("log");
	log_rewind();
	console_log_now();
}

static void choose(uint8_t key)
{
	switch (key) {
	case 'm': switch_to(NULL); break;
	case 'l': show_log_again(); break;
	case 's': command(COMMAND_FIGURES, 0); break;
	case 'r': command_about(COMMAND_RESTART, "restart which? "); break;
	case 'k': command_about(COMMAND_STOP, "stop which? "); break;
	case MENU_KEY: send_key(); break;
	default: close_menu(""); break;
	}
}

void console_menu_key(uint8_t key)
{
	if (console.menu == MENU_CLOSED || console.menu == MENU_BUSY)
		open_menu();
	else if (key >= '0' && key <= '9')
		choose_digit(key - '0');
	else if (console.menu == MENU_OPEN && !console.digits_due)
		choose(key);
	else
		close_menu("");
}

void console_menu_tick(uint64_t now)
{
	if (console.menu != MENU_OPEN && console.menu != MENU_WHICH)
		return;
	if (now >= console.menu_due)
		close_menu("");
	else
		console_call_at(console.menu_due);
}

/* The lines that the command has logged come before the guest's unfinished one. */
void console_menu_done(void)
{
	if (console.menu != MENU_BUSY)
		return;
	resume_guest();
	if (console.log_waits)
		console_log_now();
}

void console_menu_close(void)
{
	if (console.menu == MENU_OPEN || console.menu == MENU_WHICH)
		close_menu("");
	else if (console.menu == MENU_BUSY)
		resume_guest();
}
