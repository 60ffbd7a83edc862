/* SPDX-License-Identifier: MIT */
/* Writes the sentence that goes with a refusal. */
#include "core/status.h"
#include "lib/print.h"

enum status refuse(struct reason *why, enum status status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_text_v(why->text, sizeof(why->text), format, args);
	va_end(args);
	return status;
}
