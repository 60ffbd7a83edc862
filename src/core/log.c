/* SPDX-License-Identifier: MIT */
#include "core/log.h"

#include "core/arch.h"
#include "core/assert.h"
#include "core/console.h"
#include "core/lock.h"
#include "core/log_ring.h"
#include "lib/print.h"
#include "lib/string.h"

/* The ring's memory: powers of two, since its counters run freely. */
enum { RING_FIRST = 4096, LINE_MAX = 256 };

static char first_bytes[RING_FIRST];

static struct {
	struct lock lock;
	/* Guarded by lock. */
	enum log_level shown;
	unsigned head; /* next byte to write; free-running */
	unsigned tail; /* next byte to show; free-running */
	unsigned lost; /* bytes that were overwritten before they were shown */
	unsigned size;
	char *bytes;
} ring = {.shown = LOG_DEBUG, .size = RING_FIRST, .bytes = first_bytes};

/* The ring's byte with that free-running number. */
static inline char *byte_at(unsigned number)
{
	return &ring.bytes[number & (ring.size - 1)];
}

/* The oldest byte that is still there. Caller holds the ring's lock. */
static unsigned oldest(void)
{
	return ring.head < ring.size ? 0 : ring.head - ring.size;
}

static const char marks[] = {
	[LOG_ALERT] = '!',
	[LOG_INFO] = '+',
	[LOG_DEBUG] = '?',
};

/* Put a line into the ring, over the oldest ones. Caller holds the ring's lock. */
static void append(const char *line, size_t length)
{
	unsigned head = ring.head, mask = ring.size - 1;
	char *bytes = ring.bytes;

	for (size_t i = 0; i < length; i++)
		bytes[head++ & mask] = line[i];
	ring.head = head;
	if (head - ring.tail > ring.size) {
		ring.lost += head - ring.tail - ring.size;
		ring.tail = head - ring.size;
	}
}

void log_line(enum log_level level, const char *format, ...)
{
	char line[LINE_MAX];
	const struct hart *hart = hart_this();
	size_t length, room = sizeof(line) - 1;
	va_list args;

	length = print_text(line, room, "[%c] CPU %u: ", marks[level], hart->id);
	va_start(args, format);
	length += print_text_v(line + length, room - length, format, args);
	va_end(args);
	if (length > room - 1)
		length = room - 1;
	/* Names come from manifests and device trees: no control sequence gets to the terminal. */
	for (size_t i = 0; i < length; i++)
		if (line[i] < ' ' || line[i] > '~')
			line[i] = '?';
	line[length++] = '\n';

	lock_take(&ring.lock);
	append(line, length);
	lock_drop(&ring.lock);
	console_show_log();
}

void log_set_level(enum log_level level)
{
	ring.shown = level;
}

static bool is_shown(char mark)
{
	for (unsigned level = 0; level < sizeof(marks); level++)
		if (marks[level] == mark)
			return level <= ring.shown;
	return true; /* a line that lost its beginning */
}

/* The next line that waits, without newline; 0 when none does. Caller holds the ring's lock. */
static size_t next_line(char *line, size_t size)
{
	size_t length = 0;

	while (ring.tail != ring.head) {
		char c = *byte_at(ring.tail++);

		if (c == '\n')
			break;
		if (length + 1 < size)
			line[length++] = c;
	}
	line[length] = '\0';
	return length;
}

/* Whoever reports a panic may hold the lock, or whoever does has stopped for it. */
static void take_ring(void)
{
	if (!panic_has_begun())
		lock_take(&ring.lock);
}

size_t log_take_line(char *line, size_t size)
{
	size_t length = 0;

	take_ring();
	if (ring.lost) {
		next_line(line, size);
		length = print_text(line, size, "[!] %u bytes of messages were lost", ring.lost);
		ring.lost = 0;
	} else {
		while (ring.tail != ring.head) {
			length = next_line(line, size);
			if (length > 1 && is_shown(line[1]))
				break;
			length = 0;
		}
	}
	lock_drop(&ring.lock);
	return length;
}

bool log_has_room(void)
{
	bool has_room;

	lock_take(&ring.lock);
	has_room = ring.head - ring.tail < ring.size / 2;
	lock_drop(&ring.lock);
	return has_room;
}

void log_rewind(void)
{
	lock_take(&ring.lock);
	ring.tail = oldest();
	while (ring.tail && ring.tail != ring.head && *byte_at(ring.tail - 1) != '\n')
		ring.tail++;
	ring.lost = 0;
	lock_drop(&ring.lock);
}

/* What is older than the first ring kept becomes empty lines, which aren't shown. */
void log_extend(char *bytes, unsigned size)
{
	unsigned from;

	ASSERT(size >= ring.size && (size & (size - 1)) == 0);
	memset(bytes, '\n', size);
	lock_take(&ring.lock);
	for (from = oldest(); from != ring.head; from++)
		bytes[from & (size - 1)] = *byte_at(from);
	ring.bytes = bytes;
	ring.size = size;
	lock_drop(&ring.lock);
}

void log_forget(void)
{
	ring.head = ring.tail = 0;
}
