/* SPDX-License-Identifier: MIT */
/*
 * src/lib/string.c, under the names of rename_string.h, against the C library:
 * every length and alignment that its inner loops tell apart.
 */
#include "unit.h"

void *our_memcpy(void *restrict to, const void *restrict from, size_t size);
void *our_memmove(void *to, const void *from, size_t size);
void *our_memset(void *to, int byte, size_t size);
int our_memcmp(const void *a, const void *b, size_t size);
void *our_memchr(const void *in, int byte, size_t size);
size_t our_strlen(const char *s);
size_t our_strnlen(const char *s, size_t limit);
int our_strcmp(const char *a, const char *b);
int our_strncmp(const char *a, const char *b, size_t limit);
char *our_strchr(const char *s, int c);
char *our_strrchr(const char *s, int c);

enum { ARENA = 1024 };

static unsigned char ours[ARENA] __attribute__((aligned(16)));
static unsigned char theirs[ARENA] __attribute__((aligned(16)));

static void fill(void)
{
	for (int i = 0; i < ARENA; i++)
		ours[i] = theirs[i] = unit_random();
}

static int sign(int x)
{
	return (x > 0) - (x < 0);
}

static void test_memset(void **state)
{
	(void)state;
	for (size_t at = 0; at < 17; at++) {
		for (size_t size = 0; size < 420; size++) {
			int byte = (int)unit_random();

			fill();
			assert_ptr_equal(our_memset(ours + at, byte, size), ours + at);
			memset(theirs + at, byte, size);
			assert_memory_equal(ours, theirs, ARENA);
		}
	}
}

static void test_memcpy(void **state)
{
	unsigned char from[600];

	(void)state;
	for (size_t i = 0; i < sizeof(from); i++)
		from[i] = unit_random();
	for (size_t to = 0; to < 9; to++) {
		for (size_t at = 0; at < 9; at++) {
			for (size_t size = 0; size < 420; size++) {
				fill();
				assert_ptr_equal(our_memcpy(ours + to, from + at, size), ours + to);
				memcpy(theirs + to, from + at, size);
				assert_memory_equal(ours, theirs, ARENA);
			}
		}
	}
}

/* Exactly allocated, so that ASan sees a single byte read or written outside. */
static void test_memcpy_stays_inside(void **state)
{
	(void)state;
	for (size_t skip = 0; skip < 8; skip++) {
		for (size_t size = 0; size < 300; size++) {
			unsigned char *from = malloc(size + skip + 1);
			unsigned char *to = malloc(size + 1);

			memset(from, 0x5a, size + skip + 1);
			our_memcpy(to, from + skip + 1, size);
			our_memset(to + 1, 0xa5, size);
			free(from);
			free(to);
		}
	}
}

static void test_memmove_overlapping(void **state)
{
	(void)state;
	for (size_t from = 200; from < 209; from++) {
		for (size_t to = 0; to < 420; to++) {
			size_t size = unit_random_below(400);

			fill();
			assert_ptr_equal(our_memmove(ours + to, ours + from, size), ours + to);
			memmove(theirs + to, theirs + from, size);
			assert_memory_equal(ours, theirs, ARENA);
		}
	}
}

/* Distances smaller than a block: loads must not pass the stores that they need. */
static void test_memmove_near(void **state)
{
	(void)state;
	for (int distance = -140; distance <= 140; distance++) {
		for (size_t size = 0; size < 400; size += 7) {
			fill();
			our_memmove(ours + 300 + distance, ours + 300, size);
			memmove(theirs + 300 + distance, theirs + 300, size);
			assert_memory_equal(ours, theirs, ARENA);
		}
	}
}

static void test_memory_searches(void **state)
{
	(void)state;
	for (int round = 0; round < 20000; round++) {
		size_t size = unit_random_below(40);
		int byte = unit_random_below(4) + 254; /* 254..257: also beyond a byte */

		for (size_t i = 0; i < 40; i++) {
			ours[i] = 254 + unit_random_below(2);
			theirs[i] = unit_random_below(8) ? ours[i] : ours[i] ^ 0x81;
		}
		assert_int_equal(sign(our_memcmp(ours, theirs, size)),
				 sign(memcmp(ours, theirs, size)));
		assert_ptr_equal(our_memchr(ours, byte, size), memchr(ours, byte, size));
	}
}

static void random_string(char *out, size_t limit)
{
	size_t length = unit_random_below(limit);

	for (size_t i = 0; i < length; i++)
		out[i] = "ab\x80\xff"[unit_random_below(4)];
	out[length] = '\0';
}

static void test_strings(void **state)
{
	char a[12], b[12];

	(void)state;
	for (int round = 0; round < 50000; round++) {
		size_t limit = unit_random_below(14);
		int c = "ab\x80\xff"[unit_random_below(5)]; /* the terminator too */

		random_string(a, sizeof(a));
		random_string(b, sizeof(b));
		assert_int_equal(our_strlen(a), strlen(a));
		assert_int_equal(our_strnlen(a, limit), strnlen(a, limit));
		assert_int_equal(sign(our_strcmp(a, b)), sign(strcmp(a, b)));
		assert_int_equal(sign(our_strncmp(a, b, limit)), sign(strncmp(a, b, limit)));
		assert_ptr_equal(our_strchr(a, c), strchr(a, c));
		assert_ptr_equal(our_strrchr(a, c), strrchr(a, c));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memset),
		cmocka_unit_test(test_memcpy),
		cmocka_unit_test(test_memcpy_stays_inside),
		cmocka_unit_test(test_memmove_overlapping),
		cmocka_unit_test(test_memmove_near),
		cmocka_unit_test(test_memory_searches),
		cmocka_unit_test(test_strings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
