/* SPDX-License-Identifier: MIT */
#include "core/arch.h"
#include "core/assert.h"
#include "core/boot.h"
#include "core/console.h"
#include "drivers/drivers.h"
#include "lib/print.h"

/* The first hart to panic reports; others that follow only stop. */
static unsigned panicking;

_Noreturn void panic(const char *format, ...)
{
	char text[256];
	size_t length;
	va_list args;

	if (__atomic_exchange_n(&panicking, 1, __ATOMIC_ACQ_REL))
		arch_hart_park();

	length = print_text(text, sizeof(text), "[!] CPU %u: Panic: ", hart_this()->id);
	va_start(args, format);
	print_text_v(text + length, sizeof(text) - length, format, args);
	va_end(args);
	console_emergency(text);
	console_emergency("\n");
	arch_backtrace();
	drivers_power_off(EXIT_NONE);
	arch_hart_park();
}
