/* SPDX-License-Identifier: MIT */
/*
 * Our own broken invariants, and nothing else: what a guest, an image, a
 * manifest or a device tree controls is refused, never asserted.
 */
#ifndef CORE_ASSERT_H
#define CORE_ASSERT_H

#include <stdbool.h>

#include "core/types.h"

/* Report and stop the whole machine. Any hart, M-mode, any state. */
_Noreturn void panic(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * The first part of it, for whoever has more to say first: this hart is the one that reports, the
 * others stop. Returns only on that hart.
 */
void panic_begin(void);

/* Hart id + 1 of the first hart to panic, which reports; 0: there is none. */
extern xlen_t panic_hart;

/* True when a hart has begun: all others should park. */
static inline bool panic_has_begun(void)
{
	return __atomic_load_n(&panic_hart, __ATOMIC_RELAXED) != 0;
}

/* Kept in release builds: the binary that is tested is the one that ships. */
#define ASSERT(condition)                                                                          \
	do {                                                                                       \
		if (__builtin_expect(!(condition), 0))                                             \
			panic("%s:%d: assertion failed: %s", __FILE__, __LINE__, #condition);      \
	} while (0)

#endif
