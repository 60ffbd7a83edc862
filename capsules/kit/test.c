/* SPDX-License-Identifier: MIT */
/*
 * Counting and printing of test results.
 */
#include "kit/test.h"

#include "kit/kit.h"
#include "kit/print.h"
#include "kit/string.h"

static const char *subject;
static unsigned int passed, failed, skipped;

/* The start of a line, up to the details; the counters move with it. */
static void begin(bool ok, const char *what, va_list args)
{
	if (ok)
		passed++;
	else
		failed++;
	print("%s: %s: ", ok ? "PASS" : "FAIL", subject);
	print_va(what, args);
}

#define BEGIN(ok, what)                                                                            \
	do {                                                                                       \
		va_list args_;                                                                     \
		va_start(args_, what);                                                             \
		begin(ok, what, args_);                                                            \
		va_end(args_);                                                                     \
	} while (0)

bool test_true(bool ok, const char *what, ...)
{
	BEGIN(ok, what);
	print(ok ? "\n" : " (details: expected true, got false)\n");
	return ok;
}

bool test_equal(unsigned long expected, unsigned long got, const char *what, ...)
{
	bool ok = expected == got;

	BEGIN(ok, what);
	if (!ok)
		print(" (details: expected 0x%lx, got 0x%lx)", expected, got);
	print("\n");
	return ok;
}

bool test_error(long expected, struct sbiret got, const char *what, ...)
{
	bool ok = expected == got.error;

	BEGIN(ok, what);
	if (!ok)
		print(" (details: expected %s, got %s %ld)", sbi_error_name(expected),
		      sbi_error_name(got.error), got.error);
	print("\n");
	return ok;
}

bool test_error_either(long expected, long or_else, struct sbiret got, const char *what, ...)
{
	bool ok = expected == got.error || or_else == got.error;

	BEGIN(ok, what);
	if (!ok)
		print(" (details: expected %s or %s, got %s %ld)", sbi_error_name(expected),
		      sbi_error_name(or_else), sbi_error_name(got.error), got.error);
	print("\n");
	return ok;
}

bool test_trap(const struct trap *t, unsigned long cause, unsigned long tval, const char *what, ...)
{
	bool ok = t->taken && t->frame.cause == cause && t->frame.tval == tval;

	BEGIN(ok, what);
	if (!ok && t->taken)
		print(" (details: expected cause %lu stval 0x%lx, got cause %lu stval 0x%lx at "
		      "0x%lx)",
		      cause, tval, t->frame.cause, t->frame.tval, t->frame.pc);
	else if (!ok)
		print(" (details: expected cause %lu stval 0x%lx, got no trap and a0 0x%lx)", cause,
		      tval, t->value);
	print("\n");
	return ok;
}

void test_skip(const char *why, const char *what, ...)
{
	va_list args;

	va_start(args, what);
	skipped++;
	print("SKIP: %s: ", subject);
	print_va(what, args);
	print(" (%s)\n", why);
	va_end(args);
}

bool test_tally(struct test_tally *t, unsigned long where, unsigned long expected,
		unsigned long got)
{
	t->count++;
	if (expected == got)
		return true;
	if (!t->bad++) {
		t->where = where;
		t->expected = expected;
		t->got = got;
	}
	return false;
}

/* A tally of nothing fails: a loop that never ran has shown nothing. */
bool test_tally_end(const struct test_tally *t, const char *what, ...)
{
	bool ok = t->count && !t->bad;

	BEGIN(ok, what);
	if (!ok)
		print(" (details: expected 0x%lx, got 0x%lx, first at 0x%lx, %lu of %lu bad)",
		      t->expected, t->got, t->where, t->bad, t->count);
	print("\n");
	return ok;
}

static void run_subject(const struct test_subject *s)
{
	struct trap t;

	subject = s->name;
	print("# %s\n", s->name);
	trap_call(&t, s->run, 0, 0, 0);
	print_hold(false);
	if (t.taken) {
		failed++;
		print("FAIL: %s: runs to its end (details: expected no trap, got cause %lu at "
		      "0x%lx stval 0x%lx ra 0x%lx)\n",
		      s->name, t.frame.cause, t.frame.pc, t.frame.tval, t.frame.x[1]);
	}
}

void test_run(const struct test_subject *subjects)
{
	char only[32] = "";
	bool one = kit_argument("only", only, sizeof(only)), found = false;

	for (; subjects->name; subjects++) {
		if (one && strcmp(only, subjects->name))
			continue;
		found = true;
		run_subject(subjects);
	}
	if (!found) {
		failed++;
		print("FAIL: run: only=%s names a subject\n", only);
	}
	print("DONE: %u passed, %u failed, %u skipped\n", passed, failed, skipped);
}
