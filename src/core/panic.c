/* SPDX-License-Identifier: MIT */
#include "core/arch.h"
#include "core/assert.h"
#include "core/boot.h"
#include "core/console.h"
#include "drivers/drivers.h"
#include "lib/print.h"

xlen_t panic_hart;

void panic_begin(void)
{
	if (__atomic_exchange_n(&panic_hart, (xlen_t)hart_this()->id + 1, __ATOMIC_ACQ_REL) == 0) {
		drivers_emergency();
		arch_harts_stop();
	} else if (panic_hart != (xlen_t)hart_this()->id + 1) {
		arch_hart_park();
	}
}

static _Noreturn void end(void)
{
	drivers_power_off(EXIT_NONE);
	arch_hart_park();
}

_Noreturn void panic(const char *format, ...)
{
	static bool again; /* what reports a panic has panicked */
	char text[256];
	size_t length;
	va_list args;

	panic_begin();
	if (again)
		end();
	again = true;
	length = print_text(text, sizeof(text), "[!] CPU %u: Panic: ", hart_this()->id);
	va_start(args, format);
	print_text_v(text + length, sizeof(text) - length, format, args);
	va_end(args);
	console_emergency(text);
	console_emergency("\n");
	arch_backtrace();
	end();
}
