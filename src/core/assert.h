/* SPDX-License-Identifier: MIT */
/*
 * Our own broken invariants, and nothing else: what a guest, an image, a
 * manifest or a device tree controls is refused, never asserted.
 */
#ifndef CORE_ASSERT_H
#define CORE_ASSERT_H

#include <stdbool.h>

/* Report and stop the whole machine. Any hart, M-mode, any state. */
_Noreturn void panic(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * The first part of it, for whoever has more to say first: this hart is the one that reports, the
 * others stop. Returns only on that hart.
 */
void panic_begin(void);

/* True when a hart has begun: all others should park. */
bool panic_has_begun(void);

/* Kept in release builds: the binary that is tested is the one that ships. */
#define ASSERT(condition)                                                                          \
	do {                                                                                       \
		if (__builtin_expect(!(condition), 0))                                             \
			panic("%s:%d: assertion failed: %s", __FILE__, __LINE__, #condition);      \
	} while (0)

#endif
