/* SPDX-License-Identifier: MIT */
/* Stands for core/panic.c: a panic fails the test, or is what the test waits for. */
#include "unit.h"

#include "core/assert.h"
#include "core/this_hart.h"

xlen_t panic_hart;

void panic(const char *format, ...)
{
	static char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	mock_assert(0, text, "panic", 0);
	abort();
}

_Noreturn void arch_lock_is_stuck(unsigned long holder)
{
	panic("%lx never lets go of a lock", holder);
}
