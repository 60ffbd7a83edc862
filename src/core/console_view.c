/* SPDX-License-Identifier: MIT */
/*
 * The merged view: the guests' bytes become lines of printable text, each with the
 * number of its capsule before it. Several terminals' worth of bytes end up on one, so
 * nothing gets through that moves a cursor, changes a mode or looks like another's
 * prefix: control sequences are left out (ECMA-48, sections 5.3 to 5.6), and of
 * other bytes only well-formed UTF-8 (RFC 3629, section 4) without C1 controls.
 */
#include "core/arch.h"
#include "core/console_internal.h"
#include "lib/print.h"
#include "lib/string.h"

enum filter {
	TEXT,
	ESCAPE,	    /* after ESC, and its intermediate bytes */
	SEQUENCE,   /* after ESC [: until a byte of 0x40 to 0x7e */
	STRING,	    /* after ESC ] and its like: until BEL, or ESC \ (or the end of the line) */
	STRING_END, /* in such a string, after ESC */
};

enum { BELL = 0x07, CANCEL = 0x18, SUBSTITUTE = 0x1a, ESC = 0x1b, DELETE = 0x7f };

enum { CHARACTER_MAX = 4 }; /* bytes of UTF-8 */

/* Where a control sequence goes on after `byte`. */
static enum filter next_filter(enum filter filter, uint8_t byte)
{
	if (byte == CANCEL || byte == SUBSTITUTE || byte == '\n')
		return TEXT;
	switch (filter) {
	case ESCAPE:
		if (byte == '[')
			return SEQUENCE;
		if (byte == ']' || byte == 'P' || byte == 'X' || byte == '^' || byte == '_')
			return STRING;
		return byte == ESC || (byte >= 0x20 && byte < 0x30) ? ESCAPE : TEXT;
	case SEQUENCE:
		if (byte == ESC)
			return ESCAPE;
		return byte >= 0x40 && byte < DELETE ? TEXT : SEQUENCE;
	case STRING:
		if (byte == ESC)
			return STRING_END;
		return byte == BELL ? TEXT : STRING;
	case STRING_END: return byte == '\\' ? TEXT : next_filter(ESCAPE, byte);
	case TEXT: break;
	}
	return TEXT;
}

/*
 * The lead byte of a character of several bytes: how many follow, and what the
 * first of them can be. False when there is no such character.
 */
static bool begin_character(struct console_line *line, uint8_t byte)
{
	line->low = 0x80;
	line->high = 0xbf;
	if (byte == 0xc2)
		line->low = 0xa0; /* what is below are the C1 controls */
	if (byte >= 0xc2 && byte <= 0xdf) {
		line->rest = 1;
	} else if (byte >= 0xe0 && byte <= 0xef) {
		line->rest = 2;
		if (byte == 0xe0)
			line->low = 0xa0;
		if (byte == 0xed)
			line->high = 0x9f;
	} else if (byte >= 0xf0 && byte <= 0xf4) {
		line->rest = 3;
		if (byte == 0xf0)
			line->low = 0x90;
		if (byte == 0xf4)
			line->high = 0x8f;
	} else {
		return false;
	}
	return true;
}

static void put(struct console_line *line, uint8_t byte)
{
	line->text[line->length++] = byte;
	if (!line->rest)
		line->whole = line->length;
}

/* A question mark for what is no character. */
static void put_garbage(struct console_line *line)
{
	line->rest = 0;
	line->length = line->whole;
	put(line, '?');
}

/* A byte that belongs to no control sequence. True when it was the end of the line. */
static bool add_text(struct console_line *line, uint8_t byte)
{
	if (line->rest) {
		if (byte >= line->low && byte <= line->high) {
			line->rest--;
			line->low = 0x80;
			line->high = 0xbf;
			put(line, byte);
			return false;
		}
		put_garbage(line);
	}
	if (byte == '\n')
		return true;
	if (byte == ESC)
		line->filter = ESCAPE;
	else if (byte == '\t' || (byte >= ' ' && byte < DELETE))
		put(line, byte);
	else if (byte > DELETE && begin_character(line, byte))
		put(line, byte);
	else if (byte > DELETE)
		put_garbage(line);
	return false;
}

/*
 * One byte of the guest's. The line is ready when it ends, or when little room is left: a byte
 * adds at most two, and a character that isn't whole yet has at most three.
 */
static void add(struct console_line *line, uint8_t byte)
{
	bool ended;

	if (line->filter != TEXT) {
		line->filter = next_filter(line->filter, byte);
		ended = byte == '\n';
	} else {
		ended = add_text(line, byte);
	}
	/* The end of a line whose text was all shown already isn't an empty line. */
	if (ended && line->cut && !line->length) {
		line->cut = false;
	} else if (ended || line->whole > CONSOLE_LINE_SIZE - 2 * CHARACTER_MAX) {
		line->ready = true;
		line->cut = !ended;
	}
}

/* Show what there is of an unfinished line. */
static void cut(struct console_line *line)
{
	line->ready = line->cut = true;
}

/* Put the port's line together as far as it goes. True when it is ready. */
static bool feed(struct console_port *port)
{
	struct console_line *line = &port->line;
	bool fed = port->sent != port->head;

	while (!line->ready && port->sent != port->head && console.budget) {
		add(line, port->output[port->sent++ % CONSOLE_OUTPUT_SIZE]);
		console.budget--;
	}
	if (line->ready || !line->whole)
		return line->ready;
	if (port->ended || console.flushing) {
		if (port->sent == port->head)
			cut(line);
	} else if (fed) {
		line->due = arch_time() + console.silence;
		console_call_at(line->due);
	}
	return line->ready;
}

static void compose(struct console_text *text, const struct console_port *port)
{
	const struct console_line *line = &port->line;

	text->length = print_text(text->bytes, sizeof(text->bytes),
				  "CPU %u: Capsule %u: ", port->cpu, port->number);
	memcpy(text->bytes + text->length, line->text, line->whole);
	text->length += line->whole;
	memcpy(text->bytes + text->length, "\r\n", 2);
	text->length += 2;
}

/* The line is on its way; of a character at its end that isn't complete the bytes are kept. */
static void begin_line(struct console_line *line)
{
	line->length -= line->whole;
	memmove(line->text, line->text + line->whole, line->length);
	line->whole = 0;
	line->ready = false;
}

bool console_view_compose(struct console_text *text)
{
	struct console_port *first = console.turn ? console.turn : console.ports;
	struct console_port *port = first;

	if (!port)
		return false;
	do {
		struct console_port *next = port->link ? port->link : console.ports;

		if (feed(port)) {
			console_spend(CONSOLE_PUMP_LINE);
			compose(text, port);
			begin_line(&port->line);
			console.turn = next;
			return true;
		}
		port = next;
	} while (port != first);
	return false;
}

void console_view_tick(uint64_t now)
{
	for (struct console_port *port = console.ports; port; port = port->link) {
		struct console_line *line = &port->line;

		if (line->ready || !line->whole)
			continue;
		if (now >= line->due)
			cut(line);
		else
			console_call_at(line->due);
	}
}

bool console_view_waits(const struct console_port *port)
{
	return port->sent != port->head || port->line.ready || port->line.whole;
}

void console_view_reset(struct console_port *port)
{
	port->line = (struct console_line){.filter = TEXT};
}
