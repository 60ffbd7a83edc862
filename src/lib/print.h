/* SPDX-License-Identifier: MIT */
/*
 * Formatted text, the subset of printf that the hypervisor uses: %s %.*s %c %d
 * %u %x %lu %ld %lx %p, PRIu64, PRIx64, PRId64 (so also %llx-style where the
 * host's inttypes need it), %%, with width, zero and minus flags. Anything else
 * is a mistake that the compiler's format check reports.
 */
#ifndef LIB_PRINT_H
#define LIB_PRINT_H

#include <stdarg.h>
#include <stddef.h>

/*
 * Like snprintf: at most `size` bytes with the terminating zero, and the
 * length that the whole text would have had is returned.
 */
size_t print_text(char *out, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
size_t print_text_v(char *out, size_t size, const char *format, va_list args)
	__attribute__((format(printf, 3, 0)));

#endif
