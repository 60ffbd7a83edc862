/* SPDX-License-Identifier: MIT */
/*
 * Formatted text, the subset of printf that the hypervisor uses: %s %.*s %c %d
 * %u %x %p %%, with l, ll or z before d, u and x, and with width, zero and minus
 * flags. PRIu64 and its like, which a freestanding compiler has no header for,
 * are here too. Anything else is a mistake; the compiler's format check reports
 * most of them, and at run time the conversion shows up as it was written.
 */
#ifndef LIB_PRINT_H
#define LIB_PRINT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#if __STDC_HOSTED__
#include <inttypes.h>
#else
#if defined(__UINT64_FMTx__) /* clang knows its own types */
#define PRId32 __INT32_FMTd__
#define PRIu32 __UINT32_FMTu__
#define PRIx32 __UINT32_FMTx__
#define PRId64 __INT64_FMTd__
#define PRIu64 __UINT64_FMTu__
#define PRIx64 __UINT64_FMTx__
#elif __SIZEOF_LONG__ == 8
#define PRId32 "d"
#define PRIu32 "u"
#define PRIx32 "x"
#define PRId64 "ld"
#define PRIu64 "lu"
#define PRIx64 "lx"
#else /* gcc's bare-metal 32-bit targets: uint32_t is an unsigned long */
#define PRId32 "ld"
#define PRIu32 "lu"
#define PRIx32 "lx"
#define PRId64 "lld"
#define PRIu64 "llu"
#define PRIx64 "llx"
#endif
#endif

/*
 * Like snprintf: at most `size` bytes with the terminating zero (none at all
 * when `size` is 0), and the length that the whole text would have had is
 * returned. A NULL string prints as "(null)". Any hart, any state; no locks.
 */
size_t print_text(char *out, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
size_t print_text_v(char *out, size_t size, const char *format, va_list args)
	__attribute__((format(printf, 3, 0)));

#endif
