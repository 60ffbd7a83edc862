/* SPDX-License-Identifier: MIT */
/*
 * Results of guest tests, one line each, for people and for the driver:
 *	PASS: subject: what
 *	FAIL: subject: what (details: expected x, got y)
 *	SKIP: subject: what (why)
 *	DONE: n passed, n failed, n skipped
 * Lines that start with '#' are remarks.
 */
#ifndef KIT_TEST_H
#define KIT_TEST_H

#include <stdbool.h>

#include "kit/sbi.h"
#include "kit/trap.h"

/* A subject: a name and what runs its checks. A table of them ends with name == NULL. */
struct test_subject {
	const char *name;
	void (*run)(void);
};

/*
 * Runs the subjects in order, or the one that the boot argument `only=` names,
 * and prints DONE. A subject that ends by an exception fails and the next starts.
 */
void test_run(const struct test_subject *subjects);

/* One check each. All return whether it passed; `what` may be printed with arguments. */
bool test_true(bool ok, const char *what, ...) __attribute__((format(printf, 2, 3)));
bool test_equal(unsigned long expected, unsigned long got, const char *what, ...)
	__attribute__((format(printf, 3, 4)));

/* The error of an SBI call, shown by name. */
bool test_error(long expected, struct sbiret got, const char *what, ...)
	__attribute__((format(printf, 3, 4)));

/* The same for one of two errors, where the specification allows both. */
bool test_error_either(long expected, long or_else, struct sbiret got, const char *what, ...)
	__attribute__((format(printf, 4, 5)));

/* That a trap_call() ended by `cause` with this stval. */
bool test_trap(const struct trap *t, unsigned long cause, unsigned long tval, const char *what, ...)
	__attribute__((format(printf, 4, 5)));

void test_skip(const char *why, const char *what, ...) __attribute__((format(printf, 2, 3)));

/*
 * Many checks that make one line: test_tally() for each, remembers the first
 * mismatch and where it was; test_tally_end() prints the line.
 */
struct test_tally {
	unsigned long count, bad, where, expected, got;
};
bool test_tally(struct test_tally *t, unsigned long where, unsigned long expected,
		unsigned long got);
bool test_tally_end(const struct test_tally *t, const char *what, ...)
	__attribute__((format(printf, 2, 3)));

#endif
