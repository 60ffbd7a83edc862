/* SPDX-License-Identifier: MIT */
/*
 * Stands for core/console.c: one terminal, whose input the test types and whose
 * output it reads, and which is full when the test says so.
 */
#include "unit.h"

#include "core/console.h"
#include "fake/console.h"

static struct fake_console fake;

struct fake_console *fake_console(void)
{
	return &fake;
}

void fake_console_reset(void)
{
	memset(&fake, 0, sizeof(fake));
	fake.room = sizeof(fake.output);
	fake.deadline = UINT64_MAX;
}

void fake_console_type(struct console_port *port, const char *text)
{
	while (*text)
		port->input[port->input_tail++ % CONSOLE_INPUT_SIZE] = (uint8_t)*text++;
}

/* The quick road of a zeroed port is never open. */
struct console_road console_road;

bool console_write_slowly(struct console_port *port, xlen_t byte)
{
	uint8_t one = (uint8_t)byte;

	return console_write_bytes(port, &one, 1) == 1;
}

bool console_is_patient(struct console_patience *patience)
{
	(void)patience;
	return fake.patience && fake.patience--;
}

size_t console_write_bytes(struct console_port *port, const uint8_t *bytes, size_t size)
{
	size_t taken = 0;

	(void)port;
	while (taken < size && fake.room && fake.length < sizeof(fake.output)) {
		fake.output[fake.length++] = (char)bytes[taken++];
		fake.room--;
	}
	return taken;
}

int console_read(struct console_port *port)
{
	if (!console_readable(port))
		return -1;
	return port->input[port->input_head++ % CONSOLE_INPUT_SIZE];
}

bool console_readable(struct console_port *port)
{
	return port->input_head != port->input_tail;
}

void console_add(struct console_port *port, unsigned number, const char *name, uint8_t *output)
{
	port->number = number;
	port->name = name;
	port->output = output;
}

uint64_t console_deadline(void)
{
	return fake.deadline;
}

void console_tick(void)
{
	fake.ticks++;
	fake.deadline = UINT64_MAX;
	if (fake.on_tick)
		fake.on_tick();
}

void console_poll_device(void)
{
	fake.polled = true;
}

void console_tell(void)
{
	fake.tells++;
}

void console_set_start(enum console_view view)
{
	fake.start = view;
}

void console_begin(struct console_port *port)
{
	fake.begins++;
	port->ended = false;
	port->input_head = port->input_tail;
}

void console_end(struct console_port *port, bool for_good)
{
	fake.ends++;
	fake.ends_for_good += for_good;
	port->ended = true;
}
