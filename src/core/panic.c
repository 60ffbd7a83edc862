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
	xlen_t self = (xlen_t)hart_this()->id + 1, first = 0;

	if (__atomic_compare_exchange_n(&panic_hart, &first, self, false, __ATOMIC_ACQ_REL,
					__ATOMIC_ACQUIRE)) {
		drivers_emergency();
		arch_harts_stop();
	} else if (first != self) {
		arch_hart_park();
	}
}

/* Where nothing can power it off, this hart stops like all others. */
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
