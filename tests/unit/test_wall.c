/* SPDX-License-Identifier: MIT */
/*
 * src/riscv/hext/wall.c: what the PMP opens to guests with a second stage, for maps of RAM made by
 * hand and at random, compared byte by byte with who owns what.
 */
#include "unit.h"

#include "ram_fixture.h"
#include "riscv/hext/wall.h"
#include "riscv/pmp/encode.h"

enum { UNIT = 64 * 1024, UNITS = 64 };

#define START 0x80000000u

static struct ram_map map;
static struct wall wall;
static struct reason why;
static struct hpa_range pool;

static void own(unsigned from, unsigned count, unsigned owner)
{
	assert_int_equal(ram_claim(&map, (struct hpa_range){{START + from * UNIT}, count * UNIT},
				   owner, "it", &why),
			 OK);
}

/* Some RAM of which the first two units are the hypervisor's, with its tables in the second. */
static void fresh(unsigned units)
{
	memset(&map, 0, sizeof(map));
	assert_int_equal(ram_add(&map, (struct hpa_range){{START}, units * UNIT}, &why), OK);
	own(0, 2, RAM_OWNER_HYPERVISOR);
	pool = (struct hpa_range){{START + UNIT}, UNIT};
}

static int set_up(void **state)
{
	(void)state;
	fresh(UNITS);
	return 0;
}

static void build(unsigned slots)
{
	if (wall_build(&wall, &map, pool, slots, PAGE_SIZE, &why) != OK)
		fail_msg("%s", why.text);
	assert_true(wall.entry_count <= slots);
}

static unsigned allowed(unsigned unit)
{
	unsigned first = pmp_lookup(wall.entries, WALL_SLOTS_MAX, START + unit * UNIT, 8);

	assert_int_equal(
		first, pmp_lookup(wall.entries, WALL_SLOTS_MAX, START + (unit + 1) * UNIT - 8, 8));
	return first;
}

/* Guests' RAM and nothing else, side by side in one range. */
static void test_exact(void **state)
{
	(void)state;
	own(40, 3, RAM_OWNER_STAGED + 1);
	own(43, 8, RAM_OWNER_STAGED + 2);
	own(60, 4, RAM_OWNER_STAGED + 1);
	build(8);
	assert_int_equal(wall.opening, WALL_EXACT);
	assert_string_equal(wall_opened(&wall), "");
	assert_int_equal(wall.entry_count, 1 + 2 + 1);
	for (unsigned i = 0; i < UNITS; i++)
		assert_int_equal(allowed(i), i == 1			      ? ALLOW_READ
					     : (i >= 40 && i < 51) || i >= 60 ? ALLOW_ALL
									      : 0);
	/* No guest, no more than the tables. */
	fresh(UNITS);
	build(8);
	assert_int_equal(wall.entry_count, 1);
}

/* With every entry less, what is given up first is what is needed least. */
static void test_openings(void **state)
{
	static const struct {
		unsigned owner;
		enum wall_opening opening;
		const char *words;
	} between[] = {
		{RAM_OWNER_NOBODY, WALL_FREE, ""},
		{RAM_OWNER_TREE, WALL_TREE, "tree"},
		{RAM_OWNER_MANIFEST, WALL_MANIFEST, "manifest"},
		{RAM_OWNER_RESERVED, WALL_RESERVED, "reserved"},
		{RAM_OWNER_GUEST + 7, WALL_GUEST, "under pmp"},
		{RAM_OWNER_CAPSULE + 7, WALL_CLOSED, NULL},
		{RAM_OWNER_HYPERVISOR, WALL_CLOSED, NULL},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LENGTH(between); i++) {
		fresh(UNITS);
		/* Four ranges of two entries, of which 8 slots have room for three. */
		for (unsigned at = 10; at < 50; at += 10) {
			own(at, 3, RAM_OWNER_STAGED + 1);
			if (between[i].owner != RAM_OWNER_NOBODY)
				own(at + 3, 7, between[i].owner);
		}
		build(9);
		assert_int_equal(wall.opening, WALL_EXACT);
		if (!between[i].words) {
			assert_int_equal(wall_build(&wall, &map, pool, 8, PAGE_SIZE, &why),
					 ERR_LIMIT);
			assert_non_null(strstr(why.text, "4 ranges"));
			assert_non_null(strstr(why.text, "8 PMP entries"));
			continue;
		}
		build(8);
		assert_int_equal(wall.opening, between[i].opening);
		assert_non_null(strstr(wall_opened(&wall), between[i].words));
		assert_int_equal(wall.entry_count, 1 + 2);
		assert_int_equal(allowed(9), 0);
		for (unsigned at = 10; at < 43; at++)
			assert_int_equal(allowed(at), ALLOW_ALL);
		assert_int_equal(allowed(43), 0);
		assert_int_equal(allowed(1), ALLOW_READ);
	}
}

/* What lies between two banks of RAM may be devices, and stays closed whatever is open. */
static void test_banks(void **state)
{
	(void)state;
	memset(&map, 0, sizeof(map));
	for (unsigned bank = 0; bank < 4; bank++) {
		assert_int_equal(ram_add(&map,
					 (struct hpa_range){{START + bank * 8 * UNIT}, 4 * UNIT},
					 &why),
				 OK);
		own(bank * 8 + 1, 3, RAM_OWNER_STAGED + bank);
	}
	build(9);
	for (unsigned i = 0; i < 32; i++)
		if (i != 1) /* where these tables are */
			assert_int_equal(allowed(i), i % 8 >= 1 && i % 8 < 4 ? ALLOW_ALL : 0);
	assert_int_equal(wall_build(&wall, &map, pool, 8, PAGE_SIZE, &why), ERR_LIMIT);
	assert_non_null(strstr(why.text, "4 ranges"));
}

/* Other refusals than that of too few entries pass through. */
static void test_grain(void **state)
{
	(void)state;
	own(41, 1, RAM_OWNER_STAGED + 1);
	assert_int_equal(wall_build(&wall, &map, pool, 8, 2 * UNIT, &why), ERR_RANGE);
	assert_non_null(strstr(why.text, "grain"));
}

static unsigned random_owner(void)
{
	static const unsigned owners[] = {
		RAM_OWNER_NOBODY,     RAM_OWNER_NOBODY,	    RAM_OWNER_TREE,
		RAM_OWNER_MANIFEST,   RAM_OWNER_RESERVED,   RAM_OWNER_GUEST + 1,
		RAM_OWNER_STAGED + 1, RAM_OWNER_STAGED + 2, RAM_OWNER_STAGED + 1,
		RAM_OWNER_STAGED + 2, RAM_OWNER_CAPSULE,    RAM_OWNER_HYPERVISOR,
	};

	return owners[unit_random_below(ARRAY_LENGTH(owners))];
}

/* Whatever lies where: guests have all of theirs, and nobody reaches what is ours. */
static void test_random(void **state)
{
	unsigned built = 0, refused = 0;

	(void)state;
	for (unsigned round = 0; round < 3000; round++) {
		unsigned slots = 8 + unit_random_below(9);

		fresh(UNITS);
		for (unsigned at = 2; at < UNITS;) {
			unsigned count = 1 + unit_random_below(4), owner = random_owner();

			if (count > UNITS - at)
				count = UNITS - at;
			if (owner)
				own(at, count, owner);
			at += count;
		}
		if (wall_build(&wall, &map, pool, slots, PAGE_SIZE, &why) != OK) {
			refused++;
			continue;
		}
		built++;
		for (unsigned i = 0; i < UNITS; i++) {
			unsigned owner = ram_owner_of(&map, (hpa_t){START + i * UNIT});
			unsigned is = allowed(i);

			if (i == 1)
				assert_int_equal(is, ALLOW_READ);
			else if (owner >= RAM_OWNER_STAGED)
				assert_int_equal(is, ALLOW_ALL);
			else if (owner == RAM_OWNER_HYPERVISOR || owner == RAM_OWNER_CAPSULE ||
				 wall.opening == WALL_EXACT)
				assert_int_equal(is, 0);
			else if (owner == RAM_OWNER_GUEST + 1 && wall.opening < WALL_GUEST)
				assert_int_equal(is, 0);
		}
		/* Beyond RAM on either side. */
		assert_int_equal(pmp_lookup(wall.entries, WALL_SLOTS_MAX, START - 8, 8), 0);
		assert_int_equal(allowed(UNITS), 0);
	}
	if (built < 1000 || !refused)
		fail_msg("%u built, %u refused", built, refused);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_exact, set_up),
		cmocka_unit_test_setup(test_openings, set_up),
		cmocka_unit_test_setup(test_banks, set_up),
		cmocka_unit_test_setup(test_grain, set_up),
		cmocka_unit_test_setup(test_random, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
