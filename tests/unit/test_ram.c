/* SPDX-License-Identifier: MIT */
/*
 * src/core/ram.c: every refusal by name, and long random sequences of calls
 * compared with a model that keeps one number for each page.
 */
#include "unit.h"

#include "ram_fixture.h"

enum { BASE = 0x80000000u, CAPSULE = RAM_OWNER_CAPSULE };

static struct ram_map map;
static struct reason why;

static struct hpa_range pages(unsigned first, unsigned count)
{
	return (struct hpa_range){{BASE + (uint64_t)first * PAGE_SIZE}, count * PAGE_SIZE};
}

/* A map of `count` free pages from BASE on. */
static int fresh(unsigned count)
{
	memset(&map, 0, sizeof(map));
	return ram_add(&map, pages(0, count), &why);
}

static void assert_says(const char *text)
{
	if (!strstr(why.text, text))
		fail_msg("\"%s\" is not in \"%s\"", text, why.text);
}

static void test_add(void **state)
{
	(void)state;
	memset(&map, 0, sizeof(map));
	assert_int_equal(ram_add(&map, pages(8, 4), &why), OK);
	assert_int_equal(ram_add(&map, pages(0, 4), &why), OK);
	assert_int_equal(map.count, 2);
	assert_int_equal(ram_add(&map, pages(4, 4), &why), OK); /* closes the gap */
	assert_int_equal(map.count, 1);
	assert_int_equal(ram_add(&map, pages(20, 0), &why), OK); /* nothing at all */
	assert_int_equal(map.count, 1);
	assert_int_equal(ram_total(&map, RAM_OWNER_NOBODY), 12 * PAGE_SIZE);
}

static void test_add_refuses(void **state)
{
	(void)state;
	assert_int_equal(fresh(4), OK);
	assert_int_equal(ram_add(&map, pages(3, 2), &why), ERR_OVERLAP);
	assert_says("0x80003000-0x80004fff");
	assert_says("0x80000000-0x80003fff");
	assert_int_equal(ram_add(&map, (struct hpa_range){{BASE + 1}, PAGE_SIZE}, &why), ERR_RANGE);
	assert_int_equal(ram_add(&map, (struct hpa_range){{0}, 100}, &why), ERR_RANGE);
	assert_int_equal(ram_add(&map, (struct hpa_range){{-(uint64_t)PAGE_SIZE}, PAGE_SIZE}, &why),
			 ERR_RANGE);
	assert_int_equal(ram_add(&map, (struct hpa_range){{PAGE_SIZE}, -(uint64_t)PAGE_SIZE}, &why),
			 ERR_RANGE);
	assert_int_equal(map.count, 1);
	for (unsigned i = 1; i < RAM_EXTENTS_FIRST; i++)
		assert_int_equal(ram_add(&map, pages(10 * i, 1), &why), OK);
	assert_int_equal(ram_add(&map, pages(10 * RAM_EXTENTS_FIRST, 1), &why), ERR_LIMIT);
	assert_says("128");
}

static void test_claim(void **state)
{
	struct hpa_range odd = {{BASE + 2 * PAGE_SIZE + 5}, PAGE_SIZE};

	(void)state;
	assert_int_equal(fresh(10), OK);
	assert_int_equal(ram_claim(&map, odd, RAM_OWNER_TREE, "tree", &why), OK);
	assert_int_equal(ram_total(&map, RAM_OWNER_TREE), 2 * PAGE_SIZE);
	assert_int_equal(ram_owner_of(&map, (hpa_t){BASE + 2 * PAGE_SIZE}), RAM_OWNER_TREE);
	assert_int_equal(ram_owner_of(&map, (hpa_t){BASE + 4 * PAGE_SIZE - 1}), RAM_OWNER_TREE);
	assert_int_equal(ram_owner_of(&map, (hpa_t){BASE + 4 * PAGE_SIZE}), RAM_OWNER_NOBODY);
	assert_int_equal(ram_owner_of(&map, (hpa_t){BASE + 10 * PAGE_SIZE}), RAM_OWNER_RESERVED);
	assert_int_equal(ram_claim(&map, pages(5, 0), RAM_OWNER_TREE, "empty", &why), OK);
	assert_int_equal(map.count, 3);
}

static void test_claim_refuses(void **state)
{
	struct hpa_range wraps = {{BASE}, UINT64_MAX}, last = {{UINT64_MAX}, 1};
	struct ram_map before;

	(void)state;
	assert_int_equal(fresh(10), OK);
	assert_int_equal(ram_claim(&map, pages(0, 4), RAM_OWNER_HYPERVISOR, "the hypervisor", &why),
			 OK);
	before = map;
	assert_int_equal(ram_claim(&map, pages(3, 2), RAM_OWNER_MANIFEST, "the initrd", &why),
			 ERR_OVERLAP);
	assert_says("the initrd (manifest) at 0x80003000-0x80004fff");
	assert_says("0x80000000-0x80003fff (hypervisor)");
	assert_int_equal(ram_claim(&map, pages(9, 2), CAPSULE, "web", &why), ERR_RANGE);
	assert_says("web (capsule) at 0x80009000-0x8000afff");
	assert_int_equal(ram_claim(&map, pages(100, 1), CAPSULE, "web", &why), ERR_RANGE);
	assert_int_equal(ram_claim(&map, wraps, CAPSULE, "web", &why), ERR_RANGE);
	assert_int_equal(ram_claim(&map, last, CAPSULE, "web", &why), ERR_RANGE);
	assert_memory_equal(&map, &before, sizeof(map));
	assert_string_equal(ram_owner_name(CAPSULE + 5), "capsule");
}

static void test_reserve(void **state)
{
	struct hpa_range everything = {{BASE + 12 * PAGE_SIZE}, UINT64_MAX};

	(void)state;
	assert_int_equal(fresh(4), OK);
	assert_int_equal(ram_add(&map, pages(6, 4), &why), OK);
	assert_int_equal(ram_add(&map, pages(14, 4), &why), OK);
	/* Over a hole, twice, and partly its own. */
	assert_int_equal(ram_reserve(&map, pages(3, 4), RAM_OWNER_RESERVED, "a", &why), OK);
	assert_int_equal(ram_total(&map, RAM_OWNER_RESERVED), 2 * PAGE_SIZE);
	assert_int_equal(ram_reserve(&map, pages(2, 6), RAM_OWNER_RESERVED, "b", &why), OK);
	assert_int_equal(ram_total(&map, RAM_OWNER_RESERVED), 4 * PAGE_SIZE);
	assert_int_equal(ram_reserve(&map, pages(11, 2), RAM_OWNER_RESERVED, "no RAM", &why), OK);
	assert_int_equal(ram_reserve(&map, pages(0, 0), RAM_OWNER_RESERVED, "empty", &why), OK);
	assert_int_equal(ram_total(&map, RAM_OWNER_RESERVED), 4 * PAGE_SIZE);
	assert_int_equal(ram_reserve(&map, everything, RAM_OWNER_RESERVED, "wraps", &why), OK);
	assert_int_equal(ram_total(&map, RAM_OWNER_RESERVED), 8 * PAGE_SIZE);
	assert_int_equal(ram_reserve(&map, pages(0, 9), RAM_OWNER_TREE, "c", &why), ERR_OVERLAP);
	assert_says("c (host's device tree) at 0x80000000-0x80008fff");
	assert_int_equal(ram_total(&map, RAM_OWNER_TREE), 0);
}

/* What was handed over may lie in a reservation, or be one; the image may not. */
static void test_reserve_around(void **state)
{
	(void)state;
	assert_int_equal(fresh(16), OK);
	assert_int_equal(ram_claim(&map, pages(4, 2), RAM_OWNER_TREE, "tree", &why), OK);
	assert_int_equal(ram_claim(&map, pages(8, 2), RAM_OWNER_MANIFEST, "m", &why), OK);
	assert_int_equal(ram_claim(&map, pages(14, 1), RAM_OWNER_HYPERVISOR, "h", &why), OK);
	assert_int_equal(ram_reserve(&map, pages(4, 2), RAM_OWNER_RESERVED, "it", &why), OK);
	assert_int_equal(ram_total(&map, RAM_OWNER_RESERVED), 0);
	assert_int_equal(ram_reserve(&map, pages(3, 8), RAM_OWNER_RESERVED, "more", &why), OK);
	assert_int_equal(ram_total(&map, RAM_OWNER_RESERVED), 4 * PAGE_SIZE);
	assert_int_equal(ram_total(&map, RAM_OWNER_TREE), 2 * PAGE_SIZE);
	assert_int_equal(ram_total(&map, RAM_OWNER_MANIFEST), 2 * PAGE_SIZE);
	assert_int_equal(ram_reserve(&map, pages(9, 6), RAM_OWNER_RESERVED, "x", &why),
			 ERR_OVERLAP);
	assert_int_equal(ram_total(&map, RAM_OWNER_RESERVED), 4 * PAGE_SIZE);
}

static void test_alloc(void **state)
{
	hpa_t at;

	(void)state;
	memset(&map, 0, sizeof(map));
	assert_int_equal(ram_add(&map, pages(1, 63), &why), OK);
	assert_int_equal(ram_alloc(&map, 16 * PAGE_SIZE, 16 * PAGE_SIZE, CAPSULE, &at, &why), OK);
	assert_int_equal(at.raw, BASE + 16 * PAGE_SIZE);
	assert_int_equal(ram_alloc(&map, PAGE_SIZE, PAGE_SIZE, CAPSULE + 1, &at, &why), OK);
	assert_int_equal(at.raw, BASE + PAGE_SIZE);
	assert_int_equal(ram_largest_free(&map, PAGE_SIZE, 0), 32 * PAGE_SIZE);
	assert_int_equal(ram_largest_free(&map, 16 * PAGE_SIZE, 0), 32 * PAGE_SIZE);
	assert_int_equal(ram_largest_free(&map, 64 * PAGE_SIZE, 0), 0);
	assert_int_equal(ram_alloc(&map, 33 * PAGE_SIZE, PAGE_SIZE, CAPSULE, &at, &why), ERR_NOMEM);
	assert_says("no 132 KiB of free RAM aligned to 4 KiB");
	assert_says("has 128 KiB");
	assert_int_equal(ram_alloc(&map, UINT64_MAX & ~4095ull, 1ull << 63, CAPSULE, &at, &why),
			 ERR_NOMEM);
}

/* From the other end, at what remainder one wants. */
static void test_alloc_high(void **state)
{
	hpa_t at;

	(void)state;
	memset(&map, 0, sizeof(map));
	assert_int_equal(ram_add(&map, pages(1, 63), &why), OK);
	assert_int_equal(ram_add(&map, pages(80, 9), &why), OK);
	assert_int_equal(
		ram_alloc_high(&map, 16 * PAGE_SIZE, 16 * PAGE_SIZE, 0, CAPSULE, &at, &why), OK);
	assert_int_equal(at.raw, BASE + 48 * PAGE_SIZE);
	assert_int_equal(ram_alloc_high(&map, 8 * PAGE_SIZE, PAGE_SIZE, 0, CAPSULE, &at, &why), OK);
	assert_int_equal(at.raw, BASE + 81 * PAGE_SIZE);
	assert_int_equal(ram_alloc_high(&map, 4 * PAGE_SIZE, 16 * PAGE_SIZE, 3 * PAGE_SIZE, CAPSULE,
					&at, &why),
			 OK);
	assert_int_equal(at.raw, BASE + 35 * PAGE_SIZE);
	assert_int_equal(ram_alloc_high(&map, PAGE_SIZE, PAGE_SIZE, 0, CAPSULE, &at, &why), OK);
	assert_int_equal(at.raw, BASE + 80 * PAGE_SIZE);
	/* 1 to 34, and 39 to 47 are free. */
	assert_int_equal(ram_largest_free(&map, 32 * PAGE_SIZE, 2 * PAGE_SIZE), 33 * PAGE_SIZE);
	assert_int_equal(ram_largest_free(&map, 32 * PAGE_SIZE, 8 * PAGE_SIZE), 27 * PAGE_SIZE);
	assert_int_equal(ram_alloc_high(&map, 28 * PAGE_SIZE, 32 * PAGE_SIZE, 8 * PAGE_SIZE,
					CAPSULE, &at, &why),
			 ERR_NOMEM);
	assert_says("the largest piece so aligned has 108 KiB");
	assert_int_equal(
		ram_alloc_high(&map, UINT64_MAX & ~4095ull, 1ull << 63, 0, CAPSULE, &at, &why),
		ERR_NOMEM);
	/* No remainder leads below the range. */
	assert_int_equal(ram_alloc_high(&map, 9 * PAGE_SIZE, 64 * PAGE_SIZE, 38 * PAGE_SIZE,
					CAPSULE, &at, &why),
			 ERR_NOMEM);
}

/* Alignment of an extent near the end of the address space must not wrap to 0. */
static void test_alloc_at_the_top(void **state)
{
	struct hpa_range top = {{-(uint64_t)4 * PAGE_SIZE}, 3 * PAGE_SIZE};
	hpa_t at;

	(void)state;
	memset(&map, 0, sizeof(map));
	assert_int_equal(ram_add(&map, top, &why), OK);
	assert_int_equal(ram_alloc(&map, PAGE_SIZE, 8 * PAGE_SIZE, CAPSULE, &at, &why), ERR_NOMEM);
	assert_int_equal(ram_alloc(&map, 3 * PAGE_SIZE, PAGE_SIZE, CAPSULE, &at, &why), OK);
	assert_true(at.raw == top.base.raw);
}

static void test_give_back(void **state)
{
	hpa_t a, b;

	(void)state;
	assert_int_equal(fresh(16), OK);
	assert_int_equal(ram_alloc(&map, 2 * PAGE_SIZE, PAGE_SIZE, CAPSULE, &a, &why), OK);
	assert_int_equal(ram_alloc(&map, 2 * PAGE_SIZE, PAGE_SIZE, CAPSULE, &b, &why), OK);
	assert_int_equal(ram_total(&map, CAPSULE), 4 * PAGE_SIZE);
	assert_int_equal(ram_free_owner(&map, CAPSULE + 1), 0);
	assert_int_equal(ram_free_owner(&map, CAPSULE), 4 * PAGE_SIZE);
	assert_int_equal(ram_free_owner(&map, CAPSULE), 0);
	assert_int_equal(map.count, 1);
}

static void test_full_table(void **state)
{
	struct ram_map before;
	unsigned taken = 0;
	hpa_t at;

	(void)state;
	assert_int_equal(fresh(4 * RAM_EXTENTS_FIRST), OK);
	while (ram_alloc(&map, PAGE_SIZE, 2 * PAGE_SIZE, CAPSULE, &at, &why) == OK)
		taken++;
	assert_int_equal(taken, RAM_EXTENTS_FIRST / 2); /* a hole behind each */
	before = map;
	assert_int_equal(ram_alloc(&map, PAGE_SIZE, 2 * PAGE_SIZE, CAPSULE, &at, &why), ERR_LIMIT);
	assert_says("full");
	assert_int_equal(ram_claim(&map, pages(300, 1), CAPSULE, "x", &why), ERR_LIMIT);
	assert_int_equal(ram_reserve(&map, pages(300, 1), CAPSULE, "x", &why), ERR_LIMIT);
	assert_memory_equal(&map, &before, sizeof(map));
	/* A whole extent can still change hands. */
	assert_int_equal(ram_claim(&map, pages(1, 1), CAPSULE, "x", &why), OK);
}

/* The table moves into memory of its own and goes on there; or stays where it is. */
static void test_extend(void **state)
{
	enum { MORE = 500, PAGES = (MORE * sizeof(struct ram_extent) + PAGE_SIZE - 1) / PAGE_SIZE };
	static uint8_t memory[8 * MORE * PAGE_SIZE] __attribute__((aligned(4096)));
	struct hpa_range all = {{(uintptr_t)memory}, sizeof(memory)};
	unsigned taken = 0;
	hpa_t at;

	(void)state;
	assert_int_equal(fresh(PAGES - 1), OK);
	assert_int_equal(ram_extend(&map, MORE, &why), ERR_NOMEM);
	assert_int_equal(ram_total(&map, RAM_OWNER_NOBODY), (PAGES - 1) * PAGE_SIZE);
	assert_null(map.extents);

	memset(&map, 0, sizeof(map));
	assert_int_equal(ram_add(&map, all, &why), OK);
	assert_int_equal(ram_alloc(&map, PAGE_SIZE, PAGE_SIZE, RAM_OWNER_TREE, &at, &why), OK);
	assert_int_equal(ram_extend(&map, MORE, &why), OK);
	assert_int_equal(ram_owner_of(&map, at), RAM_OWNER_TREE);
	assert_int_equal(ram_total(&map, RAM_OWNER_HYPERVISOR), PAGES * PAGE_SIZE);
	assert_int_equal(ram_owner_of(&map, (hpa_t){(uintptr_t)map.extents}), RAM_OWNER_HYPERVISOR);
	while (ram_alloc(&map, PAGE_SIZE, 2 * PAGE_SIZE, CAPSULE, &at, &why) == OK)
		taken++;
	assert_in_range(taken, MORE / 2 - 3, MORE / 2);
	assert_says("at most 500");
	assert_int_equal(ram_free_owner(&map, CAPSULE), taken * PAGE_SIZE);
	assert_in_range(map.count, 3, 4);
}

/* Memory of our own: whole pages, for any number of bytes. */
static void test_pages(void **state)
{
	void *memory;

	(void)state;
	assert_int_equal(fresh(4), OK);
	assert_int_equal(ram_alloc_pages(&map, 1, CAPSULE, &memory, &why), OK);
	assert_ptr_equal(memory, (void *)(uintptr_t)BASE);
	assert_int_equal(ram_total(&map, CAPSULE), PAGE_SIZE);
	assert_int_equal(ram_alloc_pages(&map, PAGE_SIZE + 1, CAPSULE, &memory, &why), OK);
	assert_ptr_equal(memory, (void *)(uintptr_t)(BASE + PAGE_SIZE));
	assert_int_equal(ram_total(&map, CAPSULE), 3 * PAGE_SIZE);
	assert_int_equal(ram_alloc_pages(&map, PAGE_SIZE + 1, CAPSULE, &memory, &why), ERR_NOMEM);
	assert_says("no 8 KiB of free RAM");
}

static void test_broken_calls_panic(void **state)
{
	hpa_t at;

	(void)state;
	assert_int_equal(fresh(4), OK);
	expect_assert_failure((void)!ram_alloc(&map, 0, PAGE_SIZE, CAPSULE, &at, &why));
	expect_assert_failure((void)!ram_alloc(&map, 100, PAGE_SIZE, CAPSULE, &at, &why));
	expect_assert_failure((void)!ram_alloc(&map, PAGE_SIZE, 1, CAPSULE, &at, &why));
	expect_assert_failure((void)!ram_alloc(&map, PAGE_SIZE, 3 * PAGE_SIZE, CAPSULE, &at, &why));
	expect_assert_failure((void)!ram_claim(&map, pages(0, 1), RAM_OWNER_NOBODY, "x", &why));
	expect_assert_failure((void)ram_free_owner(&map, RAM_OWNER_NOBODY));
}

/* --- the model: one owner for each page, -1 where there is no RAM ---------- */

enum { MODEL_PAGES = 64, NO_RAM = -1 };

static int model[MODEL_PAGES];

static void model_set(unsigned first, unsigned count, int owner)
{
	for (unsigned i = first; i < first + count; i++)
		model[i] = owner;
}

static bool model_all(unsigned first, unsigned count, int owner)
{
	for (unsigned i = first; i < first + count; i++)
		if (model[i] != owner)
			return false;
	return true;
}

static enum status model_claim(unsigned first, unsigned count, int owner)
{
	for (unsigned i = first; i < first + count; i++)
		if (model[i] > RAM_OWNER_NOBODY)
			return ERR_OVERLAP;
	if (!model_all(first, count, RAM_OWNER_NOBODY))
		return ERR_RANGE;
	model_set(first, count, owner);
	return OK;
}

static enum status model_reserve(unsigned first, unsigned count, int owner)
{
	for (unsigned i = first; i < first + count; i++)
		if (model[i] > RAM_OWNER_NOBODY && model[i] != owner &&
		    model[i] != RAM_OWNER_TREE && model[i] != RAM_OWNER_MANIFEST)
			return ERR_OVERLAP;
	for (unsigned i = first; i < first + count; i++)
		if (model[i] == RAM_OWNER_NOBODY)
			model[i] = owner;
	return OK;
}

static enum status model_alloc(unsigned count, unsigned align, int owner, unsigned *at)
{
	for (*at = 0; *at + count <= MODEL_PAGES; *at += align) {
		if (model_all(*at, count, RAM_OWNER_NOBODY)) {
			model_set(*at, count, owner);
			return OK;
		}
	}
	return ERR_NOMEM;
}

static enum status model_add(unsigned first, unsigned count)
{
	if (!model_all(first, count, NO_RAM))
		return ERR_OVERLAP;
	model_set(first, count, RAM_OWNER_NOBODY);
	return OK;
}

static void compare_with_model(void)
{
	uint64_t totals[RAM_OWNER_CAPSULE + 4] = {0};

	for (unsigned i = 0; i < MODEL_PAGES; i++) {
		hpa_t at = {BASE + (uint64_t)i * PAGE_SIZE + unit_random_below(PAGE_SIZE)};

		assert_int_equal(ram_owner_of(&map, at),
				 model[i] == NO_RAM ? (int)RAM_OWNER_RESERVED : model[i]);
		if (model[i] != NO_RAM)
			totals[model[i]] += PAGE_SIZE;
	}
	for (unsigned i = 0; i < RAM_OWNER_CAPSULE + 4; i++)
		assert_int_equal(ram_total(&map, i), totals[i]);
	for (unsigned i = 0; i < map.count; i++) {
		assert_true(map.first[i].size > 0);
		if (i)
			assert_true(map.first[i].base.raw >=
				    map.first[i - 1].base.raw + map.first[i - 1].size);
	}
}

static void random_call(void)
{
	unsigned first = unit_random_below(MODEL_PAGES);
	unsigned count = 1 + unit_random_below(MODEL_PAGES - first);
	unsigned owner = RAM_OWNER_TREE + unit_random_below(5), at = 0;
	unsigned align = 1u << unit_random_below(4);
	uint64_t freed = 0;
	enum status expected;
	hpa_t out;

	if (unit_random_below(3))
		count = 1 + (count - 1) % 6;
	switch (unit_random_below(6)) {
	case 0:
		assert_int_equal(ram_add(&map, pages(first, count), &why), model_add(first, count));
		break;
	case 1:
		assert_int_equal(ram_claim(&map, pages(first, count), owner, "x", &why),
				 model_claim(first, count, owner));
		break;
	case 2:
		assert_int_equal(ram_reserve(&map, pages(first, count), owner, "x", &why),
				 model_reserve(first, count, owner));
		break;
	case 3:
		for (unsigned i = 0; i < MODEL_PAGES; i++) {
			if (model[i] != (int)owner)
				continue;
			model[i] = RAM_OWNER_NOBODY;
			freed += PAGE_SIZE;
		}
		assert_int_equal(ram_free_owner(&map, owner), freed);
		break;
	default:
		expected = model_alloc(count, align, owner, &at);
		assert_int_equal(ram_alloc(&map, (uint64_t)count * PAGE_SIZE,
					   (uint64_t)align * PAGE_SIZE, owner, &out, &why),
				 expected);
		if (expected == OK)
			assert_int_equal(out.raw, pages(at, 1).base.raw);
	}
}

static void test_against_model(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 300; round++) {
		memset(&map, 0, sizeof(map));
		for (unsigned i = 0; i < MODEL_PAGES; i++)
			model[i] = NO_RAM;
		for (unsigned call = 0; call < 100; call++) {
			random_call();
			compare_with_model();
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_add_refuses),
		cmocka_unit_test(test_claim),
		cmocka_unit_test(test_claim_refuses),
		cmocka_unit_test(test_reserve),
		cmocka_unit_test(test_reserve_around),
		cmocka_unit_test(test_alloc),
		cmocka_unit_test(test_alloc_high),
		cmocka_unit_test(test_alloc_at_the_top),
		cmocka_unit_test(test_give_back),
		cmocka_unit_test(test_full_table),
		cmocka_unit_test(test_extend),
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_broken_calls_panic),
		cmocka_unit_test(test_against_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
