/* SPDX-License-Identifier: MIT */
/*
 * Tables of the second stage (src/riscv/hext/gstage.c), in every shape: what is mapped is found
 * by a walk that is written anew here from the specification, nothing else is, leaves are as
 * large as can be, and pages of the pool are given back.
 */
#include "unit.h"

#include "riscv/hext/gstage.h"

static uint16_t owners[GSTAGE_POOL_PAGES];
static struct gstage_pool pool;
static struct gstage stage;
static struct reason why;

enum { V = 1, R = 2, W = 4, X = 8, U = 16, G = 32, A = 64, D = 128 };

static int set_up(void **state)
{
	(void)state;
	memset(owners, 0, sizeof(owners));
	pool.owner = owners;
	pool.memory = aligned_alloc(GSTAGE_POOL_SIZE, GSTAGE_POOL_SIZE);
	pool.base.raw = MIB(0x802);
	/* RAM is not zero on a board. */
	memset(pool.memory, 0xa5, GSTAGE_POOL_SIZE);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	free(pool.memory);
	return 0;
}

static unsigned pages_taken(void)
{
	unsigned count = 0;

	for (unsigned i = 0; i < GSTAGE_POOL_PAGES; i++)
		count += pool.owner[i] != 0;
	return count;
}

static uint64_t read_at(uint64_t physical, unsigned size)
{
	assert_true(range_contains(pool.base.raw, GSTAGE_POOL_SIZE, physical, size));
	return size == 8 ? *(uint64_t *)(pool.memory + (physical - pool.base.raw))
			 : *(uint32_t *)(pool.memory + (physical - pool.base.raw));
}

struct found {
	bool mapped;
	uint64_t at, size;
	unsigned flags;
};

/*
 * "Virtual Address Translation Process" with the root of "Guest Physical Address Translation":
 * each step by the numbers of the specification, and no look at the code under test.
 */
static struct found walk(unsigned mode, uint64_t root, uint64_t gpa)
{
	unsigned levels = mode == 1 ? 2 : mode == 8 ? 3 : 4;
	unsigned bits = mode == 1 ? 10 : 9, size = mode == 1 ? 4 : 8;
	uint64_t table = root;

	assert_int_equal(root % 16384, 0);
	for (unsigned i = levels; i-- > 0;) {
		unsigned shift = 12 + i * bits;
		uint64_t index = i == levels - 1 ? gpa >> shift : gpa >> shift & ((1u << bits) - 1);
		uint64_t pte, ppn;

		assert_true(i < levels - 1 || index < 4u << bits);
		pte = read_at(table + index * size, size);
		ppn = pte >> 10;
		if (!(pte & V)) {
			assert_int_equal(pte, 0);
			return (struct found){.mapped = false};
		}
		assert_int_equal(pte >> 54, 0);
		if (pte & (R | W | X)) {
			/* A misaligned superpage is a fault. */
			assert_int_equal(ppn << 12 & (((uint64_t)1 << shift) - 1), 0);
			return (struct found){true,
					      (ppn << 12) | (gpa & (((uint64_t)1 << shift) - 1)),
					      (uint64_t)1 << shift, pte & 0x3ff};
		}
		/* A, D and U of a pointer are reserved. */
		assert_int_equal(pte & 0x3ff, V);
		table = ppn << 12;
	}
	fail_msg("a pointer in the last level");
	return (struct found){.mapped = false};
}

static void make(const struct gstage_shape *shape)
{
	assert_int_equal(gstage_create(&stage, shape, &pool, &why), OK);
}

static enum status map(uint64_t from, uint64_t to, uint64_t size, unsigned allow)
{
	return gstage_map(&stage, (gpa_t){from}, (hpa_t){to}, size, allow, &why);
}

/* By both walks. */
static void expect(uint64_t gpa, bool mapped, uint64_t at, uint64_t leaf, unsigned flags)
{
	struct found found = walk(stage.shape->mode, gstage_root(&stage).raw, gpa);
	uint64_t size;
	unsigned allow;
	hpa_t out;

	assert_int_equal(found.mapped, mapped);
	assert_int_equal(gstage_lookup(&stage, (gpa_t){gpa}, &out, &allow, &size), mapped);
	if (!mapped)
		return;
	assert_int_equal(found.at, at);
	assert_int_equal(found.size, leaf);
	assert_int_equal(found.flags, flags);
	assert_int_equal(out.raw, at);
	assert_int_equal(size, leaf);
	assert_int_equal(allow, ((flags & R) ? ALLOW_READ : 0) | ((flags & W) ? ALLOW_WRITE : 0) |
					((flags & X) ? ALLOW_EXECUTE : 0));
}

static const struct gstage_shape *const shapes[] = {&gstage_sv32x4, &gstage_sv39x4, &gstage_sv48x4};
static const unsigned all = V | R | W | X | U | A | D;

/* The first level above pages: 4 MiB or 2 MiB. */
static uint64_t large(const struct gstage_shape *shape)
{
	return MIB(shape->entry_size == 4 ? 4 : 2);
}

static void test_ram(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_LENGTH(shapes); i++) {
		uint64_t leaf = large(shapes[i]);
		uint64_t end = 0x80000000 + 16 * leaf;

		make(shapes[i]);
		assert_int_equal(
			map(0x80000000, 0x8a000000 - 0x8a000000 % leaf, 16 * leaf, ALLOW_ALL), OK);
		for (uint64_t at = 0x80000000; at < end; at += leaf / 4)
			expect(at + 0x123, true,
			       0x8a000000 - 0x8a000000 % leaf + (at - 0x80000000) + 0x123, leaf,
			       all);
		expect(0x7fffffff, false, 0, 0, 0);
		expect(end, false, 0, 0, 0);
		expect(0, false, 0, 0, 0);
		expect(((uint64_t)1 << shapes[i]->address_bits) - 1, false, 0, 0, 0);
		/* The root and a table for each level between it and the leaves. */
		assert_int_equal(pages_taken(), 4 + shapes[i]->levels - 2);
		gstage_destroy(&stage);
		assert_int_equal(pages_taken(), 0);
	}
}

/* 1 GiB leaves where both addresses allow them; what is left over in the next smaller ones. */
static void test_largest_leaves(void **state)
{
	(void)state;
	make(&gstage_sv39x4);
	assert_int_equal(map(0x80000000, GIB(4), GIB(2) + MIB(2) + 4096, ALLOW_ALL), OK);
	expect(0x80000000, true, GIB(4), GIB(1), all);
	expect(0xffffffff, true, GIB(6) - 1, GIB(1), all);
	expect(GIB(4) + 5, true, GIB(6) + 5, MIB(2), all);
	expect(GIB(4) + MIB(2) + 5, true, GIB(6) + MIB(2) + 5, 4096, all);
	expect(GIB(4) + MIB(2) + 4096, false, 0, 0, 0);
	gstage_destroy(&stage);

	/* Only one of the two is aligned: small pages, up to where they would be. */
	make(&gstage_sv39x4);
	assert_int_equal(map(0x80000000, 0x80001000, MIB(4), ALLOW_ALL), OK);
	expect(0x80000000, true, 0x80001000, 4096, all);
	expect(0x80000000 + MIB(4) - 1, true, 0x80001000 + MIB(4) - 1, 4096, all);
	gstage_destroy(&stage);

	make(&gstage_sv32x4);
	assert_int_equal(map(GIB(14), 0x80000000, MIB(5), ALLOW_ALL), OK);
	expect(GIB(14), true, 0x80000000, MIB(4), all);
	expect(GIB(14) + MIB(4), true, 0x80000000 + MIB(4), 4096, all);
	expect(GIB(14) + MIB(5), false, 0, 0, 0);
	gstage_destroy(&stage);
}

static void test_rights(void **state)
{
	(void)state;
	make(&gstage_sv39x4);
	assert_int_equal(map(0x80000000, 0x90000000, 4096, ALLOW_READ), OK);
	assert_int_equal(map(0x80001000, 0x90001000, 4096, ALLOW_READ | ALLOW_WRITE), OK);
	assert_int_equal(map(0x80002000, 0x90002000, 4096, ALLOW_READ | ALLOW_EXECUTE), OK);
	expect(0x80000000, true, 0x90000000, 4096, V | R | U | A | D);
	expect(0x80001000, true, 0x90001000, 4096, V | R | W | U | A | D);
	expect(0x80002000, true, 0x90002000, 4096, V | R | X | U | A | D);
	gstage_destroy(&stage);
}

static void refused(uint64_t from, uint64_t to, uint64_t size, unsigned allow, enum status status,
		    const char *word)
{
	assert_int_equal(map(from, to, size, allow), status);
	assert_non_null(strstr(why.text, word));
}

static void test_refused(void **state)
{
	(void)state;
	make(&gstage_sv39x4);
	assert_int_equal(map(0x80000000, 0x90000000, MIB(4), ALLOW_ALL), OK);
	refused(0x80000000, 0xa0000000, MIB(2), ALLOW_ALL, ERR_OVERLAP, "0x80000000");
	refused(0x80200000, 0xa0000000, 4096, ALLOW_ALL, ERR_OVERLAP, "0x80200000");
	refused(0x40000000, 0xc0000000, GIB(2), ALLOW_ALL, ERR_OVERLAP, "0x80000000");
	refused(0x90000000, 0xa0000000, 4095, ALLOW_ALL, ERR_RANGE, "whole pages");
	refused(0x90000800, 0xa0000800, 4096, ALLOW_ALL, ERR_RANGE, "whole pages");
	refused(0x90000000, 0xa0000800, 4096, ALLOW_ALL, ERR_RANGE, "whole pages");
	refused(0x90000000, 0xa0000000, 0, ALLOW_ALL, ERR_RANGE, "whole pages");
	refused(0x90000000, 0xa0000000, 4096, ALLOW_WRITE, ERR_RANGE, "may be read");
	refused(((uint64_t)1 << 41) - 4096, 0xa0000000, 8192, ALLOW_ALL, ERR_RANGE, "Sv39x4");
	refused(-(uint64_t)4096, 0xa0000000, 8192, ALLOW_ALL, ERR_RANGE, "41 bits");
	assert_true(gstage_is_beyond(&gstage_sv39x4, (gpa_t){(uint64_t)1 << 41}, 4096));
	assert_false(gstage_is_beyond(&gstage_sv48x4, (gpa_t){(uint64_t)1 << 41}, 4096));
	assert_true(gstage_is_beyond(&gstage_sv32x4, (gpa_t){GIB(16) - 4096}, 8192));
	assert_false(gstage_is_beyond(&gstage_sv32x4, (gpa_t){GIB(16) - 4096}, 4096));
	assert_int_equal(map(((uint64_t)1 << 41) - 4096, 0xa0000000, 4096, ALLOW_ALL), OK);
	expect(((uint64_t)1 << 41) - 1, true, 0xa0000fff, 4096, all);
	gstage_destroy(&stage);
}

/* As many capsules as a manifest can have, and what happens when the pool is full. */
static void test_pool(void **state)
{
	enum { CAPSULES = 64 };
	static struct gstage many[CAPSULES];
	unsigned count = 0;

	(void)state;
	for (unsigned i = 0; i < CAPSULES; i++) {
		assert_int_equal(gstage_create(&many[i], &gstage_sv39x4, &pool, &why), OK);
		stage = many[i];
		/* The worst of sizes in MiB: an odd one. */
		assert_int_equal(map(0x80000000, GIB(4) + i * GIB(1), MIB(33), ALLOW_ALL), OK);
	}
	for (unsigned i = 0; i < CAPSULES; i++) {
		stage = many[i];
		expect(0x80000000 + MIB(32), true, GIB(4) + i * GIB(1) + MIB(32), 4096, all);
	}
	/* Each has its own pages, and gives back no other's. */
	gstage_destroy(&many[7]);
	stage = many[8];
	expect(0x80000000, true, GIB(12), MIB(2), all);
	make(&gstage_sv39x4);
	expect(0x80000000, false, 0, 0, 0);

	/* One page a 2 MiB that isn't aligned. */
	while (map(GIB(8) + count * MIB(2), 0x90001000, 4096, ALLOW_ALL) == OK)
		count++;
	assert_true(count > 50);
	assert_non_null(strstr(why.text, "no page is left"));
	assert_int_equal(gstage_create(&many[7], &gstage_sv39x4, &pool, &why), ERR_NOMEM);
	gstage_destroy(&stage);
	assert_int_equal(gstage_create(&many[7], &gstage_sv39x4, &pool, &why), OK);
	for (unsigned i = 0; i < CAPSULES; i++)
		gstage_destroy(&many[i]);
	assert_int_equal(pages_taken(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_ram, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_largest_leaves, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_rights, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_pool, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
