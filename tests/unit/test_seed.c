/* SPDX-License-Identifier: MIT */
/* src/core/seed.c: what guests' random number generators start from. */
#include "unit.h"

#include "core/seed.h"

static const uint8_t host[SEED_SIZE + 1] = "a seed of the host, thirty-two b.";

static void test_none(void **state)
{
	uint8_t seed[SEED_SIZE] = {0};

	(void)state;
	seed_begin(NULL, 0);
	assert_false(seed_next(seed));
	/* Not enough is none. */
	seed_begin(host, SEED_SIZE - 1);
	assert_false(seed_next(seed));
	for (unsigned i = 0; i < SEED_SIZE; i++)
		assert_int_equal(seed[i], 0);
}

/* state = SHA-256(host); seed = SHA-256(state, 1), state = SHA-256(state, 2): by another
 * implementation. */
static const uint8_t first[SEED_SIZE] = {
	0x00, 0x12, 0x24, 0xe2, 0xfe, 0xeb, 0x79, 0xdd, 0xab, 0x47, 0x41,
	0x8d, 0xd7, 0x17, 0x7e, 0xbf, 0x1c, 0xda, 0x45, 0x66, 0x96, 0xd6,
	0x05, 0x3a, 0x9e, 0x1b, 0xf8, 0xa5, 0x8e, 0x12, 0x66, 0x8b,
};
static const uint8_t second[SEED_SIZE] = {
	0x76, 0x7c, 0x0b, 0x5a, 0x91, 0x1d, 0x98, 0x50, 0x18, 0x77, 0x4e,
	0x4b, 0x35, 0x39, 0x73, 0x0a, 0x47, 0x51, 0x6a, 0x22, 0x8d, 0xa9,
	0x92, 0xa8, 0x18, 0x1c, 0x90, 0xc0, 0x86, 0xf6, 0x23, 0xfc,
};

static void test_chain(void **state)
{
	enum { COUNT = 64 };
	static uint8_t seeds[COUNT][SEED_SIZE];
	uint8_t other[SEED_SIZE];

	(void)state;
	seed_begin(host, SEED_SIZE);
	for (unsigned i = 0; i < COUNT; i++) {
		assert_true(seed_next(seeds[i]));
		for (unsigned j = 0; j < i; j++)
			assert_memory_not_equal(seeds[i], seeds[j], SEED_SIZE);
	}
	assert_memory_equal(seeds[0], first, SEED_SIZE);
	assert_memory_equal(seeds[1], second, SEED_SIZE);
	/* Every byte of a longer one counts. */
	seed_begin(host, SEED_SIZE + 1);
	assert_true(seed_next(other));
	assert_memory_not_equal(seeds[0], other, SEED_SIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_chain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
