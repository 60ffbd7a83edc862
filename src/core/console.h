/* SPDX-License-Identifier: MIT */
/*
 * The terminal: who may write to it, and who gets what is typed.
 *
 * Each capsule has a port. What its guest writes goes into the port's ring, which
 * is the queue of what the terminal hasn't been sent yet and the history that is
 * replayed later, in one. The terminal shows one of two views:
 *
 *   attached  one capsule's bytes as they are; what is typed goes to its guest
 *   merged    every capsule's lines, filtered, each with a prefix (console_view.c)
 *
 * Ctrl-] opens a menu in which the user changes that (console_menu.c). Lines of the
 * hypervisor's log appear between lines in both. A port that is shown and whose
 * ring is full has no room, and its guest is told so; one that isn't shown forgets
 * its oldest bytes. Nothing here waits for the UART, except where it says so.
 */
#ifndef CORE_CONSOLE_H
#define CORE_CONSOLE_H

#include "core/lock.h"
#include "core/types.h"

enum {
	CONSOLE_INPUT_SIZE = 1024,   /* a power of two */
	CONSOLE_OUTPUT_SIZE = 16384, /* a power of two */
	CONSOLE_LINE_SIZE = 160,     /* the longest text of a merged line */
	CONSOLE_BLOCK = 16,	     /* the FIFO of nearly every UART */
};

/* A line of a guest that the merged view is putting together; console_view.c. */
struct console_line {
	uint8_t filter;	   /* enum filter: inside which control sequence */
	uint8_t rest;	   /* continuation bytes that the last character still needs */
	uint8_t low, high; /* what the next of them may be */
	bool ready;	   /* may be shown */
	bool cut;	   /* its beginning was shown already */
	unsigned length;
	unsigned whole; /* bytes in whole characters */
	uint64_t due;	/* when it is shown though it doesn't end: ticks */
	char text[CONSOLE_LINE_SIZE];
};

/*
 * A capsule's end of the console. `changed` is called without the console's lock
 * by console_interrupt(), console_tick() and whoever changes the view, when input
 * has come in or room for output has come back. Zeroed, then console_add()ed.
 */
struct console_port {
	/* Guarded by the console's lock: where the quick road puts the next byte, and where it
	 * ends. It is closed when they are equal. */
	uint8_t *next, *stop;

	/* Constant. */
	uint8_t *output; /* CONSOLE_OUTPUT_SIZE bytes */
	void (*changed)(struct console_port *port);
	unsigned number; /* the capsule's */
	const char *name;
	struct console_port *link;

	unsigned cpu; /* hart id of the capsule's vCPU, for the prefix; the scheduler's */

	/* Guarded by the console's lock. */
	bool ended;	     /* its capsule doesn't run */
	bool starved;	     /* its guest was told that there is no room */
	bool notify;	     /* `changed` is due */
	xlen_t head;	     /* next byte to write; free-running */
	xlen_t sent;	     /* next byte to show; free-running */
	unsigned input_head; /* next byte to read; free-running */
	unsigned input_tail; /* next byte to write; free-running */
	uint8_t input[CONSOLE_INPUT_SIZE];
	struct console_line line;
};

/*
 * What drives the terminal: a UART. `ready` tells that the transmitter takes
 * `burst` bytes, each by put() or, where `data` isn't NULL, by a store there; `get`
 * gives what was typed or -1; `interrupts` chooses what raises the device's interrupt.
 * Where `status` isn't NULL, ready() is the same as "*status & status_ready".
 */
struct console_device {
	volatile uint8_t *data;
	const volatile uint8_t *status;
	uint8_t status_ready;
	unsigned burst;
	bool (*ready)(void);
	void (*put)(uint8_t byte);
	int (*get)(void);
	void (*interrupts)(bool on_input, bool on_output);
};

/* What the menu lets the user do to capsules; called without the console's lock. */
struct console_commands {
	void (*figures)(void); /* of all: have them told */
	bool (*tell)(void);    /* the next piece of what is to be told; true: there is more */
	void (*restart)(unsigned number);
	void (*stop)(unsigned number);
	/*
	 * console_deadline() has become earlier: make the hart that calls console_tick() look.
	 * Any hart, maybe with a capsule's device lock held: it must not call the console.
	 */
	void (*deadline_moved)(void);
};

enum console_view {
	CONSOLE_VIEW_AUTO, /* attached when there is one capsule, else merged */
	CONSOLE_VIEW_MERGED,
	CONSOLE_VIEW_ATTACHED,
};

/*
 * The part of the console that a guest's output touches when nothing is in its way.
 * Some port's road is open only while its guest is attached, all it wrote is sent, nothing
 * else waits to be shown, and the device has a data register with room.
 */
struct console_road {
	struct lock lock;
	/* Guarded by lock. */
	volatile uint8_t *data;
	struct console_port *open; /* whose road is open, or has come to its end */
	uint8_t *end;		   /* of its ring's memory */
	/* When the device takes a block of CONSOLE_BLOCK bytes: "*status & ready". */
	const volatile uint8_t *status;
	xlen_t ready;
};

extern struct console_road console_road;

/*
 * One store of one byte. Not to a volatile object, before which gcc would clear the
 * register's upper bits; the barrier makes it happen here, and once.
 */
static inline __attribute__((always_inline)) void console_store(volatile uint8_t *data, xlen_t byte)
{
	*(uint8_t *)(uintptr_t)data = byte;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/* console_write() when the quick road is closed. Takes the lock. */
bool console_write_slowly(struct console_port *port, xlen_t byte);

/* True when the byte is sent: the quick road was open. The byte's upper bits don't matter. */
static inline bool console_write_quickly(struct console_port *port, xlen_t byte)
{
	uint8_t *next;
	bool open;

	lock_take(&console_road.lock);
	next = port->next;
	open = next != port->stop;
	if (open) {
		*next = byte;
		port->next = next + 1;
		console_store(console_road.data, byte);
	}
	lock_drop(&console_road.lock);
	return open;
}

/* Send one byte of the guest's output. False when there is no room now: try again after `changed`.
 */
static inline bool console_write(struct console_port *port, xlen_t byte)
{
	return console_write_quickly(port, byte) || console_write_slowly(port, byte);
}

/*
 * For calls that block, and are made again until there is room: whose they are remembers in here
 * how long that may take. Zeroed before the first one.
 */
struct console_patience {
	uint64_t until; /* ticks; 0: nothing waits */
	unsigned sent;	/* by the terminal, at that moment */
};

/*
 * console_write() has found no room. True: try again. False: the terminal hasn't taken anything
 * for some milliseconds, and the byte is lost.
 */
bool console_is_patient(struct console_patience *patience);

/* Send up to `size` bytes; returns how many were taken. */
size_t console_write_bytes(struct console_port *port, const uint8_t *bytes, size_t size);

/* The next byte that was typed, or -1. */
int console_read(struct console_port *port);

/* True when console_read() has a byte. */
bool console_readable(struct console_port *port);

/* --- boot, on the boot hart --------------------------------------------------------- */

/* Ticks of arch_time() in a second: how long silences and menus last depends on it. */
void console_init(uint32_t timebase);

/* The terminal is `device` from now on. */
void console_set_device(const struct console_device *device);

/* False before that. Any state. */
bool console_has_device(void);

/*
 * The device's interrupts reach nobody: from console_start() on, console_tick() looks at it
 * each twelve milliseconds, while output waits each two.
 */
void console_poll_device(void);

/* What the menu's commands do. Without them it has none. */
void console_set_commands(const struct console_commands *commands);

/* The view that console_start() chooses; from `console=` on the host's command line. */
void console_set_start(enum console_view view);

/*
 * A capsule's port, zeroed by the caller, which has set `changed`. `name` and `output`,
 * CONSOLE_OUTPUT_SIZE bytes, must live as long. Its bytes are kept, but not shown before
 * console_start().
 */
void console_add(struct console_port *port, unsigned number, const char *name, uint8_t *output);

/* All capsules of the manifest are added: show them. */
void console_start(void);

/* --- any hart, without a capsule's device lock -------------------------------------- */

/* The capsule begins its (next) life: what was typed for the last one is forgotten. */
void console_begin(struct console_port *port);

/*
 * The capsule's guest runs no more; call it before the line that says so is logged: what it
 * wrote is shown first. When it won't come back (`for_good`) and others run, the merged
 * view follows.
 */
void console_end(struct console_port *port, bool for_good);

/* The device's interrupt: move input to where it belongs and waiting output to the device. */
void console_interrupt(void);

/* When console_tick() has to be called, in ticks of arch_time(); all ones: never. */
uint64_t console_deadline(void);

/* That time has come. */
void console_tick(void);

/* The log has a line that hasn't been shown. */
void console_show_log(void);

/* There is something to be told (struct console_commands), a piece at each of the clock's ticks. */
void console_tell(void);

/*
 * Wait (a bounded time) until everything is shown: before the power goes off. False: not all is,
 * because nobody takes it.
 */
bool console_flush(void);

/* For the last words: everything that waits, then `text`, without locks or rings. */
void console_emergency(const char *text);

#endif
