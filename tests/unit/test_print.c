/* SPDX-License-Identifier: MIT */
/* src/lib/print.c against the C library's snprintf, and src/lib/div64.h against `/`. */
#include "unit.h"

#include <inttypes.h>

#include "core/status.h"
#include "lib/div64.h"
#include "lib/print.h"

enum { SIZE = 128 };

static char ours[SIZE], theirs[SIZE];

/* Numbers whose digits are few, many, or at an edge. */
static uint64_t interesting(void)
{
	uint64_t value = unit_random() >> unit_random_below(64);

	return unit_random_below(4) ? value : -value;
}

static void check(size_t size, const char *format, ...)
{
	va_list args, again;
	size_t length;
	int expected;

	memset(ours, '#', SIZE);
	memset(theirs, '#', SIZE);
	va_start(args, format);
	va_copy(again, args);
	length = print_text_v(ours, size, format, args);
	expected = vsnprintf(theirs, size, format, again);
	va_end(again);
	va_end(args);
	if (length != (size_t)expected || memcmp(ours, theirs, SIZE))
		fail_msg("format \"%s\", size %zu: \"%.*s\" instead of \"%.*s\"", format, size,
			 SIZE, ours, SIZE, theirs);
}

/* Every conversion with every mix of flags, width, and length, whole and cut off. */
static void test_numbers(void **state)
{
	static const char *const lengths[] = {"", "l", "ll", "z"};
	static const char *const flags[] = {"", "-", "0"};
	static const char *const kinds[] = {"d", "u", "x"};
	char format[32];

	(void)state;
	for (int round = 0; round < 60000; round++) {
		unsigned length = unit_random_below(4);
		unsigned width = unit_random_below(25);
		size_t size = unit_random_below(3) ? SIZE : unit_random_below(SIZE);
		uint64_t value = interesting();
		char digits[4] = "";

		if (width)
			snprintf(digits, sizeof(digits), "%u", width);
		snprintf(format, sizeof(format), "<%%%s%s%s%s>", flags[unit_random_below(3)],
			 digits, lengths[length], kinds[unit_random_below(3)]);
		switch (length) {
		case 0: check(size, format, (int)value); break;
		case 1: check(size, format, (long)value); break;
		case 2: check(size, format, value); break;
		case 3: check(size, format, (size_t)value); break;
		}
	}
}

static void test_number_edges(void **state)
{
	(void)state;
	check(SIZE, "%d %d %d", 0, INT32_MIN, INT32_MAX);
	check(SIZE, "%u %x", UINT32_MAX, UINT32_MAX);
	check(SIZE, "%" PRId64 " %" PRId64, INT64_MIN, INT64_MAX);
	check(SIZE, "%" PRIu64 " 0x%" PRIx64, UINT64_MAX, UINT64_MAX);
	check(SIZE, "%ld %lu %lx", -1L, -1L, -1L);
	check(SIZE, "%05d|%-5d|%5d|%-05x", -42, -42, -42, 42);
	check(SIZE, "%016" PRIx64, (uint64_t)0x80000000);
	check(SIZE, "100%% of %d", 3);
	check(SIZE, "%p", (void *)0x80001234);
	check(SIZE, "%20p|%-20p|", (void *)0x80001234, (void *)1);
}

static void test_text(void **state)
{
	static const char *const strings[] = {"", "a", "capsule",
					      "0123456789012345678901234567890"};
	static const char *const formats[] = {
		"<%s>", "<%10s>", "<%-10s>", "<%.3s>", "<%.0s>", "<%-10.3s>", "<%40.20s>",
	};

	(void)state;
	for (unsigned s = 0; s < 4; s++)
		for (unsigned f = 0; f < 7; f++)
			for (size_t size = 0; size < 60; size++)
				check(size, formats[f], strings[s]);
	for (int precision = -1; precision < 12; precision++)
		check(SIZE, "<%.*s> <%-12.*s>", precision, "capsule", precision, "capsule");
	check(SIZE, "%c%c<%3c|%-3c>", 'a', 0x80, 'b', 'c');
	check(SIZE, "%s", "");
	check(0, "gone");
}

/* A string that isn't terminated is read no further than its precision. */
static void test_precision_bounds_reading(void **state)
{
	char *text = malloc(3);

	(void)state;
	memcpy(text, "abc", 3);
	assert_int_equal(print_text(ours, SIZE, "%.*s", 3, text), 3);
	assert_string_equal(ours, "abc");
	free(text);
}

static void test_odd_formats(void **state)
{
	const char *odd = "100%", *unknown = "%k %d", *volatile nothing = NULL;

	(void)state;
	assert_int_equal(print_text(ours, SIZE, "%s", nothing), 6);
	assert_string_equal(ours, "(null)");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
	assert_int_equal(print_text(ours, SIZE, odd), 3);
	assert_string_equal(ours, "100");
	print_text(ours, SIZE, unknown, 7);
	assert_string_equal(ours, "%k 7");
#pragma GCC diagnostic pop
}

static void test_division(void **state)
{
	(void)state;
	for (int round = 0; round < 300000; round++) {
		uint64_t n = interesting();
		uint32_t d = interesting() | (unit_random_below(8) ? 1 : 0x80000001);
		uint32_t rem = 0, rem_steps = 0;

		assert_true(div64_u32_by_steps(n, d, &rem_steps) == n / d);
		assert_true(div64_u32(n, d, &rem) == n / d);
		assert_int_equal(rem_steps, n % d);
		assert_int_equal(rem, n % d);
	}
	assert_true(div64_u32(UINT64_MAX, 1, NULL) == UINT64_MAX);
	assert_true(div64_u32_by_steps(UINT64_MAX, UINT32_MAX, NULL) == UINT64_MAX / UINT32_MAX);
}

static void test_refuse(void **state)
{
	struct reason why;

	(void)state;
	assert_int_equal(refuse(&why, ERR_RANGE, "memory-mib = <%u> of %s", 7u, "web"), ERR_RANGE);
	assert_string_equal(why.text, "memory-mib = <7> of web");
	assert_int_equal(refuse(&why, ERR_FORMAT, "%0300d", 1), ERR_FORMAT);
	assert_int_equal(strlen(why.text), sizeof(why.text) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),	    cmocka_unit_test(test_number_edges),
		cmocka_unit_test(test_text),	    cmocka_unit_test(test_precision_bounds_reading),
		cmocka_unit_test(test_odd_formats), cmocka_unit_test(test_division),
		cmocka_unit_test(test_refuse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
