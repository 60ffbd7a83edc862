/* SPDX-License-Identifier: MIT */
/*
 * The console's outside for guests: its lock, the quick road of the attached guest's bytes, and
 * what else they may do with their ports. Boot and scheduler are console_control.c's.
 */
#include "core/arch.h"
#include "core/console_internal.h"
#include "lib/string.h"

struct console_road console_road;
struct console_state console = {.held = -1, .deadline = NEVER};

/* --- the quick road and the lock ---------------------------------------------------- */

/* Account for what went over the quick road. */
static inline void follow_road(struct console_port *port)
{
	unsigned used = port->next - console.open_from;

	port->head += used;
	port->sent = port->head;
	console.room = used < console.room ? console.room - used : 0; /* blocks don't look at it */
	console.open_from = port->next;
}

/* As far as the device takes bytes, or to the end of the ring's memory. */
static inline void lay_road(struct console_port *port)
{
	unsigned at = port->head % CONSOLE_OUTPUT_SIZE;
	unsigned length = CONSOLE_OUTPUT_SIZE - at;

	if (length > console.room)
		length = console.room;
	port->next = port->output + at;
	port->stop = port->next + length;
	console.open_from = port->next;
}

void console_close_road(void)
{
	struct console_port *port = console_road.open;

	if (!port)
		return;
	follow_road(port);
	port->stop = port->next;
	console_road.open = NULL;
}

static void open_road(void)
{
	struct console_port *port = console.attached;

	if (!port || port->sent != port->head || !console_road.data || console.menu ||
	    console.text.length || console.log_waits || console.leaving)
		return;
	lay_road(port);
	console_road.open = port;
	console_road.end = port->output + CONSOLE_OUTPUT_SIZE;
}

/*
 * The road of `port` was open to its end: lay the next piece. Nothing else has changed
 * since it was opened.
 */
static inline bool lengthen_road(struct console_port *port)
{
	if (port != console_road.open)
		return false;
	follow_road(port);
	if (!console_has_room())
		return false;
	lay_road(port);
	return true;
}

void console_lock(void)
{
	lock_take(&console_road.lock);
	console_close_road();
}

void console_unlock(void)
{
	bool moved = console.deadline_moved;

	console.deadline_moved = false;
	open_road();
	lock_drop(&console_road.lock);
	if (moved && console.commands)
		console.commands->deadline_moved();
}

void console_call_at(uint64_t when)
{
	if (when >= console.deadline)
		return;
	console.deadline = when;
	console.deadline_moved = true;
}

/* Not with the lock: `changed` takes the capsule's, which comes first. */
static void tell_changed(void)
{
	for (struct console_port *port = console.ports; port; port = port->link) {
		bool notify;

		lock_take(&console_road.lock);
		notify = port->notify;
		port->notify = false;
		lock_drop(&console_road.lock);
		if (notify)
			port->changed(port);
	}
}

void console_finish(void)
{
	console_pump();
	console_serve_starved();
	console_pump();
	console_unlock();
	tell_changed();
}

/* --- the guests' side --------------------------------------------------------------- */

/* Into the ring; how many bytes found room. */
static size_t append(struct console_port *port, const uint8_t *bytes, size_t size)
{
	bool shown = console_is_shown(port);
	unsigned at = port->head % CONSOLE_OUTPUT_SIZE;
	xlen_t room = CONSOLE_WAITING_MAX - (shown ? port->head - port->sent : 0);

	if (room > CONSOLE_OUTPUT_SIZE - at)
		room = CONSOLE_OUTPUT_SIZE - at;
	if (size > room)
		size = room;
	memcpy(port->output + at, bytes, size);
	port->head += size;
	if (!shown)
		port->sent = port->head;
	return size;
}

static size_t write_bytes(struct console_port *port, const uint8_t *bytes, size_t size)
{
	size_t taken = 0;
	bool pumped = false;

	while (taken < size) {
		size_t count = append(port, bytes + taken, size - taken);

		if (!count && pumped) {
			port->starved = console.starved = true;
			break;
		}
		/* Once: each pump frees some bytes, and takes its time. */
		if (!count)
			console_pump();
		pumped |= !count;
		taken += count;
	}
	console_pump();
	return taken;
}

bool console_write_slowly(struct console_port *port, xlen_t byte)
{
	uint8_t one = byte;
	bool taken = true;

	lock_take(&console_road.lock);
	if (lengthen_road(port)) {
		*port->next++ = one;
		console_store(console_road.data, one);
		lock_drop(&console_road.lock);
	} else {
		console_close_road();
		taken = write_bytes(port, &one, 1);
		console_unlock();
	}
	return taken;
}

bool console_is_patient(struct console_patience *patience)
{
	uint64_t now = arch_time();

	/* An open menu holds output up as well, but closes by itself. */
	if (!patience->until || patience->sent != console.taken ||
	    (console.menu && console.menu != MENU_BUSY)) {
		/* An eighth of a silence is twelve milliseconds. */
		patience->until = now + (console.silence >> 3);
		patience->sent = console.taken;
	}
	if (now < patience->until)
		return true;
	patience->until = 0;
	return false;
}

/* Registers that may overlay bytes. */
typedef xlen_t __attribute__((may_alias)) word_t;

static inline __attribute__((always_inline)) void send_word(volatile uint8_t *data, word_t *to,
							    const word_t *from)
{
	xlen_t word = *from;

	*to = word;
#pragma GCC unroll 8
	for (unsigned i = 0; i < sizeof(word); i++, word >>= 8)
		console_store(data, word);
}

/*
 * Blocks to ring and device at once, as long as the device takes them; each in one piece, since
 * every byte costs the guest otherwise. In line, and twice, so that nothing is decided for each
 * block. Returns where in the ring it ended.
 */
static inline __attribute__((always_inline)) uint8_t *send_blocks(uint8_t *to, const uint8_t *from,
								  const uint8_t *end, bool by_words)
{
	volatile uint8_t *data = console_road.data;
	const volatile uint8_t *status = console_road.status;
	xlen_t ready = console_road.ready;

	for (; from != end && (*status & ready); from += CONSOLE_BLOCK, to += CONSOLE_BLOCK) {
		if (by_words) {
#pragma GCC unroll 8
			for (unsigned i = 0; i < CONSOLE_BLOCK; i += sizeof(word_t))
				send_word(data, (word_t *)(to + i), (const word_t *)(from + i));
			continue;
		}
#pragma GCC unroll 16
		for (unsigned i = 0; i < CONSOLE_BLOCK; i++) {
			xlen_t byte = from[i];

			to[i] = byte;
			console_store(data, byte);
		}
	}
	return to;
}

/*
 * Along the quick road, as long as the device takes whole blocks and the ring's memory
 * goes on. Returns how many bytes went. No calls: they would cost registers. The road has come to
 * its end then, and the next use of it asks the device.
 */
static inline size_t send_quickly(struct console_port *port, const uint8_t *bytes, size_t size)
{
	uint8_t *to = port->next;
	size_t memory = console_road.end - to;
	const uint8_t *end =
		bytes + ((size < memory ? size : memory) & ~(size_t)(CONSOLE_BLOCK - 1));

	if ((((uintptr_t)to | (uintptr_t)bytes) & (sizeof(word_t) - 1)) == 0)
		to = send_blocks(to, bytes, end, true);
	else
		to = send_blocks(to, bytes, end, false);
	size = to - port->next;
	port->next = port->stop = to;
	return size;
}

/* The rest, when the road has come to an end. Drops the lock. */
static __attribute__((noinline)) size_t write_rest(struct console_port *port, const uint8_t *bytes,
						   size_t size, size_t taken)
{
	console_close_road();
	taken += write_bytes(port, bytes + taken, size - taken);
	console_unlock();
	return taken;
}

size_t console_write_bytes(struct console_port *port, const uint8_t *bytes, size_t size)
{
	size_t taken = 0;

	lock_take(&console_road.lock);
	if (port == console_road.open)
		taken = send_quickly(port, bytes, size);
	if (taken != size)
		return write_rest(port, bytes, size, taken);
	lock_drop(&console_road.lock);
	return taken;
}
