/* SPDX-License-Identifier: MIT */
/*
 * What every unit test includes: cmocka with the headers that it wants before
 * it, and the fakes that stand for the console.
 */
#ifndef UNIT_H
#define UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/*
 * The fake of core/log.h keeps the newest lines, each with its prefix ("[!] ",
 * "[+] ", "[?] "), and shows them when UNIT_VERBOSE is in the environment.
 */
void fake_log_clear(void);

/* True when a line since the last clear contains `text`. */
bool fake_log_contains(const char *text);

/* How many lines have been logged since the last clear. */
unsigned fake_log_count(void);

/*
 * The fake of panic() fails the test that runs, with its text, unless the test
 * waits for it: expect_assert_failure(call()) of cmocka.
 */

/* A random number, the same sequence in every run: xorshift, seeded by `unit_seed`. */
extern uint64_t unit_seed;
uint64_t unit_random(void);

/* A random number below `limit` (not 0). */
static inline uint64_t unit_random_below(uint64_t limit)
{
	return unit_random() % limit;
}

/* The whole file in malloc'ed memory of exactly its size (so that ASan sees its end), or NULL. */
void *unit_read_file(const char *path, size_t *size);

#endif
