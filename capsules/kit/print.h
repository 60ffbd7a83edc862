/* SPDX-License-Identifier: MIT */
/*
 * Text to the console of the capsule.
 */
#ifndef KIT_PRINT_H
#define KIT_PRINT_H

#include <stdarg.h>
#include <stdbool.h>

/*
 * A small printf: %s %c %d %u %x, %lu %ld %lx for `unsigned long`, PRIx64
 * for uint64_t, %%; a width with or without a leading 0 for numbers. Output is sent
 * at the end of each line.
 */
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));
void print_va(const char *format, va_list args);

/* Sends what waits for the end of its line. */
void print_flush(void);

/*
 * Keeps lines back until it is called with false, as far as there is room: for
 * tests of a device that the environment prints with.
 */
void print_hold(bool hold);

/*
 * Chooses the console: DBCN where it is probed, else the legacy call, else the
 * 16550 at `uart` (0: none). Called by kit_main() before anything is printed.
 */
void print_init(unsigned long uart);

#endif
