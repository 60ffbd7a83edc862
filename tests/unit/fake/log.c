/* SPDX-License-Identifier: MIT */
/* Stands for core/log.c: the newest lines in a buffer that tests can search. */
#include "unit.h"

#include "core/log.h"
#include "fake/said.h"

enum { LINES = 64, LINE_SIZE = 512 };

static char lines[LINES][LINE_SIZE];
static unsigned count; /* free-running; the newest is lines[(count - 1) % LINES] */

void log_line(enum log_level level, const char *format, ...)
{
	static const char *const prefixes[] = {
		[LOG_ALERT] = "[!] ",
		[LOG_INFO] = "[+] ",
		[LOG_DEBUG] = "[?] ",
	};
	char *line = lines[count++ % LINES];
	va_list args;

	fake_said(format);
	va_start(args, format);
	strcpy(line, prefixes[level]);
	vsnprintf(line + 4, LINE_SIZE - 4, format, args);
	va_end(args);
	if (getenv("UNIT_VERBOSE"))
		printf("%s\n", line);
}

void log_set_level(enum log_level level)
{
	(void)level;
}

void fake_log_clear(void)
{
	count = 0;
}

unsigned fake_log_count(void)
{
	return count;
}

bool fake_log_contains(const char *text)
{
	unsigned kept = count < LINES ? count : LINES;

	for (unsigned i = 0; i < kept; i++)
		if (strstr(lines[(count - 1 - i) % LINES], text))
			return true;
	return false;
}
