/* SPDX-License-Identifier: MIT */
/*
 * Notes which formats a test printed with, one a line, in the file that
 * UNIT_SAID names; tools/check-refusals looks there for messages that no test
 * produces. The format tells which message it was, however little of it isn't
 * filled in. refuse() and the like come here through print_text_v(), which the
 * linker wraps (mk/unit.mk), the log through its fake.
 */
#include "unit.h"

#include "fake/said.h"
#include "lib/print.h"

enum { KNOWN_MAX = 1 << 10 };

/* Not yet noted by this program; a test may refuse millions of times. */
static bool is_new(const char *format)
{
	static const char *known[KNOWN_MAX];
	size_t at = (uintptr_t)format / 8 % KNOWN_MAX;

	for (unsigned tries = 0; tries < KNOWN_MAX; tries++, at = (at + 1) % KNOWN_MAX) {
		if (known[at] == format)
			return false;
		if (!known[at]) {
			known[at] = format;
			return true;
		}
	}
	return false;
}

void fake_said(const char *format)
{
	const char *name = getenv("UNIT_SAID");
	char line[512];
	size_t length;
	FILE *file;

	if (!name || !is_new(format))
		return;
	length = strlen(format);
	if (length > sizeof(line) - 2 || strchr(format, '\n'))
		return;
	memcpy(line, format, length);
	line[length] = '\n';
	file = fopen(name, "a");
	if (!file)
		fail_msg("UNIT_SAID=%s can't be opened", name);
	/* One write, so that programs that run at once don't mix their lines. */
	setvbuf(file, NULL, _IOFBF, sizeof(line));
	fwrite(line, 1, length + 1, file);
	fclose(file);
}

size_t __real_print_text_v(char *out, size_t size, const char *format, va_list args);
size_t __wrap_print_text_v(char *out, size_t size, const char *format, va_list args);

size_t __wrap_print_text_v(char *out, size_t size, const char *format, va_list args)
{
	fake_said(format);
	return __real_print_text_v(out, size, format, args);
}
