/* SPDX-License-Identifier: MIT */
/* src/core/share.c: the bucket of a ceiling, against exact sums. */
#include "unit.h"

#include "core/share.h"

enum { TURN = 50000 };

static void test_init(void **state)
{
	struct share_cap cap = {0};

	(void)state;
	share_cap_init(&cap, 50, TURN, 7);
	assert_int_equal(cap.rate, 1 << 15);
	assert_int_equal(cap.inverse_rate, 1 << 17);
	assert_true(cap.depth == TURN / 2 && cap.left == TURN / 2 && cap.filled_at == 7);
	share_cap_init(&cap, 250, TURN, 7);
	assert_true(cap.depth == TURN * 5 / 4);
}

/* Nothing is earned twice and nothing is lost, however often it is asked for, at any rate. */
static void test_earnings(void **state)
{
	(void)state;
	for (unsigned percent = 1; percent <= 12800; percent += 1 + percent / 7) {
		struct share_cap cap = {0};
		uint64_t now = unit_random(), began = now, taken = 0;
		int64_t left = 0, ideal;

		share_cap_init(&cap, percent, TURN, now);
		/* Kept far from full, so that nothing runs over. */
		cap.left = -((int64_t)1 << 50);
		for (unsigned i = 0; i < 20000; i++) {
			uint64_t ran = unit_random_below(3);

			now += 1 + unit_random_below(unit_random_below(8) ? 10 : 100000);
			taken += ran;
			left = share_cap_charge(&cap, ran, now);
		}
		ideal = -((int64_t)1 << 50) - (int64_t)taken +
			(int64_t)((now - began) * percent / 100);
		/* The rate has sixteen bits below the point. */
		int64_t error = left - ideal, most = (int64_t)((now - began) >> 15) + 4;

		if (error > most ||
		    error < -(int64_t)(now - began) * (int64_t)percent / 100 / 200 - most)
			fail_msg("%u %%: %ld ticks off, of %ld", percent, (long)error,
				 (long)(now - began));
	}
}

/* Never more than it holds, after any time; a clock that is behind changes nothing. */
static void test_limits(void **state)
{
	struct share_cap cap = {0};

	(void)state;
	share_cap_init(&cap, 20, TURN, 1000);
	assert_true(share_cap_charge(&cap, 0, 1000 + ((uint64_t)1 << 62)) == TURN / 2);
	assert_true(share_cap_charge(&cap, TURN / 2, 1000 + ((uint64_t)1 << 62)) == 0);
	assert_true(share_cap_charge(&cap, 10, 1000) == -10);
	/* What ran while it was full was earned as well. */
	share_cap_init(&cap, 99, TURN, 0);
	assert_in_range(share_cap_charge(&cap, TURN, TURN), TURN * 48 / 100, TURN / 2);
}

/* It says when there is as much again: not before, and hardly after. */
static void test_wait(void **state)
{
	(void)state;
	for (unsigned percent = 1; percent <= 400; percent++) {
		struct share_cap cap = {0};
		uint64_t wait;
		int64_t left;

		share_cap_init(&cap, percent, TURN, 0);
		left = share_cap_charge(&cap, TURN + unit_random_below(5 * TURN) + 3 * TURN, 0);
		wait = share_cap_wait(&cap, left, TURN / 2);
		left = share_cap_charge(&cap, 0, wait);
		assert_true(left >= TURN / 2 - TURN / 100 - 2);
		assert_true(left <= TURN / 2 + TURN / 100 + (int64_t)percent / 100 + 2);
		assert_true(share_cap_wait(&cap, TURN, TURN / 2) == 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_init),
		cmocka_unit_test(test_earnings),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
