/* SPDX-License-Identifier: MIT */
/*
 * What the files of the console share. console.c has the guests' side, console_control.c that of
 * boot and scheduler; console_pump.c moves bytes between ports and device, console_input.c takes
 * keys, console_view.c makes the merged view's lines, console_menu.c talks to the user. All of this
 * is guarded by console_road.lock, which the callers of every function here hold.
 */
#ifndef CORE_CONSOLE_INTERNAL_H
#define CORE_CONSOLE_INTERNAL_H

#include "core/console.h"

/* Text of our own on its way to the terminal; whole lines, but for the menu's prompt. */
struct console_text {
	unsigned length;
	unsigned sent;
	char bytes[384];
};

/* What is left to be done once the lock is dropped. */
enum console_command { COMMAND_NONE, COMMAND_FIGURES, COMMAND_RESTART, COMMAND_STOP, COMMAND_HINT };

enum menu_state {
	MENU_CLOSED,
	MENU_OPEN,  /* waits for a key */
	MENU_WHICH, /* waits for the number of the capsule that `asked` is about */
	MENU_BUSY,  /* `command` runs, or figures are told */
};

struct console_state {
	const struct console_device *device; /* NULL: there is none, nothing is shown */
	const struct console_commands *commands;
	struct console_port *ports;    /* all, in the order of their numbers */
	struct console_port *attached; /* NULL: merged view */
	uint8_t *open_from;	       /* where its `next` was when `head` was right */
	struct console_port *turn;     /* whose line is next in the merged view */
	bool started;		       /* console_start() was called */
	bool leaving;		       /* merged view once the ended guest's rest is shown */
	enum console_view start;

	bool log_waits;		  /* the log has lines that weren't shown */
	xlen_t log_after;	  /* they come after this byte of the attached guest */
	xlen_t clean_at;	  /* the terminal is at the start of a line when `sent` is here */
	struct console_text text; /* on its way */

	unsigned budget;       /* what this call of console_pump() may still do: bytes */
	unsigned room;	       /* bytes that the device takes without being asked again */
	unsigned taken;	       /* by the device, but for the quick road's; free-running */
	bool starved;	       /* some shown port's guest was told that there is no room */
	bool output_interrupt; /* the device raises one when it has room */
	bool polled;	       /* its interrupts reach nobody */
	bool input_stopped;    /* the port was full: bytes wait in the device */
	int held;	       /* one that was taken before that was known, or -1 */
	uint64_t input_due;    /* when such bytes are given up: ticks */

	uint64_t silence;  /* ticks until an unfinished line is shown */
	uint64_t deadline; /* when console_tick() is due at the latest */
	bool deadline_moved;
	bool flushing; /* nothing waits for its time */
	bool telling;  /* there are figures to be told */

	enum menu_state menu;
	enum console_command asked;   /* MENU_WHICH */
	unsigned digits_due;	      /* of a number of several digits that is being typed */
	unsigned typed;		      /* what there is of it */
	enum console_command command; /* to be carried out without the lock */
	unsigned about;		      /* number of the capsule that it is about */
	bool hinted;		      /* the merged view's user was told of the menu */
	uint64_t menu_due;	      /* when it closes by itself: ticks */
	struct console_text said;     /* by the menu */
};

extern struct console_state console;

#define NEVER (~(uint64_t)0)

/* As many bytes of a ring may wait: the one before them tells whether a line began with them. */
enum { CONSOLE_WAITING_MAX = CONSOLE_OUTPUT_SIZE - 1 };

static inline bool console_device_ready(void)
{
	const struct console_device *device = console.device;

	return device->status ? (*device->status & device->status_ready) : device->ready();
}

/* True when the device takes a byte. */
static inline bool console_has_room(void)
{
	if (!console.room && console_device_ready())
		console.room = console.device->burst;
	return console.room;
}

/* --- console.c ---------------------------------------------------------------------- */

/* Whatever looks at the console's state looks at it with the quick road closed. */
void console_lock(void);
void console_unlock(void);

/* Close the quick road alone, by who has no need of the lock, or can't wait for it. */
void console_close_road(void);

/* What every change of the view, key or interrupt ends with: pump, unlock, tell the guests. */
void console_finish(void);

/* Make console_tick() come by at `when`. */
void console_call_at(uint64_t when);

/* --- console_pump.c ----------------------------------------------------------------- */

/*
 * Move what waits to the device as long as it takes it, but no more at once than CONSOLE_PUMP_MAX
 * bytes: interrupts are off, and whoever calls pays. What is left is the clock's.
 */
void console_pump(void);

/* What a pump does at most, in bytes of guests; a line of ours or of the merged view is worth some.
 */
enum { CONSOLE_PUMP_MAX = 512, CONSOLE_PUMP_LINE = 64 };

/* So much of it was done. */
static inline void console_spend(unsigned bytes)
{
	console.budget -= bytes < console.budget ? bytes : console.budget;
}

/* Where the device is polled: make console_tick() come by for it. */
void console_call_for_poll(void);

/* True when something that is to be shown hasn't been sent to the device. */
bool console_waits(void);

/* Give the device up to `size` bytes; how many it took, 0 when it is busy. */
unsigned console_send(const uint8_t *bytes, unsigned size);

/* Guests that wait for room, and have it now, shall be told so by console_finish(). */
void console_serve_starved(void);

/* Choose what raises the device's interrupt, from console.input_stopped and output_interrupt. */
void console_set_interrupts(void);

/* True when the port's bytes go to the terminal, so that they may have to wait. */
bool console_is_shown(const struct console_port *port);

/* Change the view to `port`, or merged for NULL. The terminal is at the start of a line. */
void console_show(struct console_port *port);

/* True when the attached guest is in the middle of a line on the terminal. */
bool console_in_line(void);

/* The start of the line that holds byte `at` of the port; `at` itself when that is too far back. */
xlen_t console_line_start(const struct console_port *port, xlen_t at);

/* The lines that wait in the log may be shown right away. */
void console_log_now(void);

/* The port with that number, or NULL. */
struct console_port *console_find(unsigned number);

/* How many capsules run; `which` becomes one of them. */
unsigned console_running(struct console_port **which);

/* --- console_view.c ----------------------------------------------------------------- */

/* Put the next whole line of any guest into `text`. False when there is none. */
bool console_view_compose(struct console_text *text);

/* Unfinished lines whose time has come are ready. */
void console_view_tick(uint64_t now);

/* True when the port has bytes, finished or not, that the merged view hasn't shown. */
bool console_view_waits(const struct console_port *port);

/* Forget the line that was being put together. */
void console_view_reset(struct console_port *port);

/* --- console_menu.c ----------------------------------------------------------------- */

enum { MENU_KEY = 0x1d }; /* Ctrl-] */

/* Show `text` before anything else; whole lines, or the menu's prompt. */
void console_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Open the menu, or use `key` in it. */
void console_menu_key(uint8_t key);

/* Close it when nobody used it for long. */
void console_menu_tick(uint64_t now);

/* The command has been done. */
void console_menu_done(void);

/* Close it, whatever it waits for. */
void console_menu_close(void);

#endif
