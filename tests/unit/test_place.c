/* SPDX-License-Identifier: MIT */
/* src/core/place.c: which harts a capsule gets, and every refusal with its numbers. */
#include "unit.h"

#include "core/options.h"
#include "core/place.h"
#include "core/share.h"
#include "fake/arch.h"
#include "fake/console.h"

static uint8_t cells[8 * 4];
static struct manifest_capsule wish;
static struct hart_set harts;
static struct reason why;

/* The next capsule's: these hart ids, up to one of -1. */
static const struct manifest_capsule *wishes(const int *ids, uint32_t cap)
{
	wish = (struct manifest_capsule){.name = "it", .cap_percent = cap, .harts = cells};
	for (; ids && ids[wish.harts_count] >= 0; wish.harts_count++)
		for (unsigned i = 0; i < 4; i++)
			cells[4 * wish.harts_count + i] =
				(uint8_t)((uint32_t)ids[wish.harts_count] >> (24 - 8 * i));
	return &wish;
}

#define IDS(...) ((const int[]){__VA_ARGS__, -1})

static int set_up(void **state)
{
	(void)state;
	fake_arch_reset();
	fake_log_clear();
	fake_console_reset();
	options.isolation = ISOLATION_AUTO;
	place_init(FAKE_HARTS);
	return 0;
}

static void assert_gets(const int *ids, uint32_t cap, uint32_t expected)
{
	if (place_harts(wishes(ids, cap), &harts, &why) != OK)
		fail_msg("%s", why.text);
	assert_int_equal(harts.words[0], expected);
}

static void assert_refuses(const int *ids, uint32_t cap, enum status status, const char *words)
{
	assert_int_equal(place_harts(wishes(ids, cap), &harts, &why), status);
	if (!strstr(why.text, words))
		fail_msg("\"%s\" is not in \"%s\"", words, why.text);
}

/* Named ones, by hart id; without a name all that nobody has to itself. */
static void test_affinity(void **state)
{
	(void)state;
	assert_gets(NULL, 0, 0xf);
	assert_gets(IDS(2), 0, 4);
	assert_gets(IDS(3, 0), 0, 9);
	place_note(wishes(IDS(2), 0));
	assert_true(place_is_dedicated(&fake_arch.harts[2]));
	assert_gets(NULL, 0, 0xb);
	assert_gets(IDS(2), 0, 4);
	/* Named by two it is shared, by these and all others. */
	place_note(wishes(IDS(1, 2), 0));
	assert_false(place_is_dedicated(&fake_arch.harts[2]));
	assert_true(place_is_dedicated(&fake_arch.harts[1]));
	assert_gets(NULL, 0, 0xd);
	/* Ids needn't be indexes. */
	fake_arch.harts[3].id = 77;
	assert_gets(IDS(77), 0, 8);
	place_note(wishes(IDS(99), 0));
	for (unsigned i = 0; i < 300; i++)
		place_note(wishes(IDS(77), 0));
	assert_false(place_is_dedicated(&fake_arch.harts[3]));
}

static void test_refusals(void **state)
{
	(void)state;
	assert_refuses(IDS(4), 0, ERR_MISSING, "CPU 4, which this machine's 4 CPU cores");
	assert_refuses(IDS(0, 9), 0, ERR_MISSING, "CPU 9, ");
	assert_refuses(NULL, 401, ERR_RANGE, "cap-percent is 401, but its 4 CPU cores have 400");
	assert_refuses(IDS(1), 101, ERR_RANGE, "cap-percent is 101, but its 1 CPU core have 100");
	assert_gets(NULL, 400, 0xf);
	assert_gets(IDS(1), 100, 2);
	fake_arch.harts[0].unfit = "it has no S-mode";
	assert_gets(NULL, 0, 0xe);
	assert_gets(IDS(0, 1), 0, 2);
	assert_refuses(IDS(0), 0, ERR_MISSING,
		       "none of its 1 CPU core can run it: it has no S-mode");
	assert_refuses(NULL, 301, ERR_RANGE, "its 3 CPU cores have 300");
	fake_arch.harts[1].presence = HART_LEFT_OUT; /* it didn't come up */
	assert_refuses(IDS(1), 0, ERR_MISSING, "CPU 1, ");
	assert_gets(NULL, 0, 0xc);
	place_note(wishes(IDS(2, 3), 0));
	assert_refuses(NULL, 0, ERR_MISSING, "none of its 4 CPU cores can run it: other capsules");
}

/* Of harts that differ those like the first. */
static void test_kinds(void **state)
{
	(void)state;
	fake_arch.different = 2;
	assert_gets(NULL, 0, 3);
	assert_gets(IDS(3, 2, 1), 0, 2);
	assert_gets(IDS(3, 2), 0, 0xc);
	assert_refuses(NULL, 201, ERR_RANGE, "its 2 CPU cores have 200");
}

static const struct manifest_capsule *fenced(const int *ids, enum manifest_isolation isolation)
{
	wishes(ids, 0);
	wish.isolation = isolation;
	return &wish;
}

static void assert_fenced(const int *ids, enum manifest_isolation isolation, uint32_t expected)
{
	if (place_harts(fenced(ids, isolation), &harts, &why) != OK)
		fail_msg("%s", why.text);
	assert_int_equal(harts.words[0], expected);
}

/* A machine of which the last two harts have a second stage, and the first two haven't. */
static void test_isolation(void **state)
{
	(void)state;
	fake_arch.hext = 0xc;
	fake_arch.different = 2;
	assert_fenced(NULL, ISOLATION_HEXT, 0xc);
	assert_fenced(NULL, ISOLATION_AUTO, 0xc); /* the stronger fence, where there is one */
	assert_fenced(NULL, ISOLATION_PMP, 3);	  /* either kind, but one: the first */
	assert_fenced(IDS(3, 2), ISOLATION_PMP, 0xc);
	assert_fenced(IDS(0, 1), ISOLATION_AUTO, 3);
	assert_fenced(IDS(1, 2), ISOLATION_HEXT, 4);
	assert_true(fake_log_contains("Capsule it runs on CPU 2 and not on CPU 1, which it names"));
	fake_log_clear();
	assert_fenced(IDS(1, 2), ISOLATION_AUTO, 4);
	assert_fenced(IDS(0, 1), ISOLATION_PMP, 3);
	assert_fenced(IDS(2, 3), ISOLATION_PMP, 0xc);
	/* Refused, with the harts that it could have had and what they lack. */
	assert_int_equal(place_harts(fenced(IDS(0, 1), ISOLATION_HEXT), &harts, &why), ERR_LIMIT);
	assert_string_equal(why.text, "none of CPU 0 1 can run it: isolation is hext, but CPU 0 "
				      "has no such thing");
	assert_int_equal(place_harts(fenced(IDS(1), ISOLATION_HEXT), &harts, &why), ERR_LIMIT);
	assert_non_null(strstr(why.text, "none of CPU 1 can run it: isolation is hext, but CPU 1"));
	/* What the manifest leaves open is the command line's. */
	options.isolation = ISOLATION_HEXT;
	assert_fenced(NULL, ISOLATION_AUTO, 0xc);
	assert_fenced(NULL, ISOLATION_PMP, 3);
	assert_int_equal(place_harts(fenced(IDS(0), ISOLATION_AUTO), &harts, &why), ERR_LIMIT);
	options.isolation = ISOLATION_PMP;
	assert_fenced(NULL, ISOLATION_AUTO, 3);
	assert_fenced(NULL, ISOLATION_HEXT, 0xc);
	options.isolation = ISOLATION_AUTO;
	/* Those that could are another's. */
	place_note(wishes(IDS(2), 0));
	place_note(wishes(IDS(3), 0));
	assert_int_equal(place_harts(fenced(NULL, ISOLATION_HEXT), &harts, &why), ERR_LIMIT);
	assert_non_null(strstr(why.text, "none of CPU 0 1 can run it"));
	assert_fenced(NULL, ISOLATION_AUTO, 3);
}

/* Where the least weight is: of equals the last. */
static void test_choose(void **state)
{
	struct hart_set all = {{0xf}}, two = {{6}};

	(void)state;
	assert_ptr_equal(place_choose(&all, 300), &fake_arch.harts[3]);
	assert_ptr_equal(place_choose(&all, 100), &fake_arch.harts[2]);
	assert_ptr_equal(place_choose(&two, 50), &fake_arch.harts[1]);
	assert_ptr_equal(place_choose(&two, 100), &fake_arch.harts[1]);
	assert_ptr_equal(place_choose(&two, 1), &fake_arch.harts[2]);
	assert_ptr_equal(place_choose(&all, 1), &fake_arch.harts[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_affinity, set_up),
		cmocka_unit_test_setup(test_refusals, set_up),
		cmocka_unit_test_setup(test_kinds, set_up),
		cmocka_unit_test_setup(test_isolation, set_up),
		cmocka_unit_test_setup(test_choose, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
