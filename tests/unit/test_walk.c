/* SPDX-License-Identifier: MIT */
/*
 * src/riscv/emul/walk.c: each rule of the privileged specification's "Virtual
 * Address Translation Process" by itself, and then random tables against a
 * second walker that is written down step by step from that text.
 */
#include "walk_fixture.h"

static void expect(xlen_t va, enum walk_access access, enum walk_result result, uint64_t pa)
{
	gpa_t out = {0xdead};
	enum walk_result got = walk_translate(&walk, xlen, va, access, &out);

	if (got != result || out.raw != (result == WALK_OK ? pa : 0xdead))
		fail_msg("va %lx access %x: %d %llx instead of %d %llx", va, access, got,
			 (unsigned long long)out.raw, result, (unsigned long long)pa);
}

/* The quick road goes as far as it is meant to, and its result is the same as the long one's. */
static bool quick_agrees(xlen_t va, enum walk_access access, enum walk_result result, uint64_t pa)
{
	gpa_t out = {0xdead};
	/* It is for a kernel's accesses only. */
	bool quick = !walk.user && walk_usual(&walk, xlen, walk.satp, va, access, &out);

	if (quick && (result != WALK_OK || out.raw != pa))
		fail_msg("va %lx access %x: quick %llx, but %d %llx", va, access,
			 (unsigned long long)out.raw, result, (unsigned long long)pa);
	return quick;
}

static void expect_fault(xlen_t va, enum walk_access access)
{
	expect(va, access, WALK_PAGE_FAULT, 0);
}

static const enum walk_access kinds[] = {WALK_READ, WALK_WRITE, WALK_EXECUTE};

static void test_bare(void **state)
{
	(void)state;
	start(0);
	expect(0x10000005, WALK_READ, WALK_OK, 0x10000005);
	expect(~(xlen_t)0, WALK_WRITE, WALK_OK, ~(xlen_t)0);
	start(1);
	walk.satp = 0x7fffffff; /* ASID and PPN mean nothing */
	expect(0xfffffffc, WALK_READ, WALK_OK, 0xfffffffc);
	walk.satp = (xlen_t)((uint64_t)0xf << 60);
	expect((xlen_t)((uint64_t)1 << 32 | 0x1000), WALK_READ, WALK_OK, 0x1000);
}

static void test_unknown_modes(void **state)
{
	(void)state;
	needs_rv64();
	for (unsigned mode = 1; mode < 16; mode++) {
		start(64);
		walk.satp = satp_of(mode);
		set(0, 0, entry(0, RWX));
		if (mode < 8 || mode > 10)
			expect_fault(0, WALK_READ);
		else
			expect(0, WALK_READ, WALK_OK, 0);
	}
}

/* A chain of pointers to the last level, and leaves at each level on the way. */
static void test_levels(void **state)
{
	static const struct {
		unsigned mode, levels, bits;
	} modes[] = {{1, 2, 10}, {8, 3, 9}, {9, 4, 9}, {10, 5, 9}};

	(void)state;
	for (size_t m = 0; m < (XLEN == 64 ? ARRAY_LENGTH(modes) : 1); m++) {
		unsigned bits = modes[m].bits, levels = modes[m].levels;
		xlen_t va = 0x678;

		start(modes[m].mode);
		/* Index 3 + level at each level, as a positive (lower half) address. */
		for (unsigned l = 0; l < levels; l++)
			va |= (xlen_t)(3 + l) << (12 + bits * l);
		for (unsigned leaf = 0; leaf < levels; leaf++) {
			unsigned shift = 12 + bits * leaf;
			uint64_t low = ((uint64_t)1 << shift) - 1;
			uint64_t pa = (uint64_t)3 << 30 & ~low;

			memset(ram, 0, sizeof(ram));
			for (unsigned l = levels - 1; l > leaf; l--)
				set(levels - 1 - l, 3 + l, table(levels - l) | (l & 1 ? G : 0x300));
			set(levels - 1 - leaf, 3 + leaf, entry(pa, RWX));
			for (unsigned k = 0; k < 3; k++)
				expect(va, kinds[k], WALK_OK, pa | (va & low));
			/* Every PPN bit below the level makes it a misaligned superpage. */
			for (unsigned bit = 12; bit < shift; bit++) {
				set(levels - 1 - leaf, 3 + leaf,
				    entry(pa | (uint64_t)1 << bit, RWX));
				expect_fault(va, WALK_READ);
			}
		}
		/* A pointer where only leaves can be. */
		set(levels - 1, 3, table(1));
		expect_fault(va, WALK_READ);
	}
}

/* RAM in two pieces that lie the other way round in the host's: tables in either are found. */
static void test_pieces(void **state)
{
	static _Alignas(4096) uint8_t second[PAGES * PAGE_SIZE];

	(void)state;
	for (unsigned mode = 1; mode <= (XLEN == 64 ? 8 : 1); mode += 7) {
		for (unsigned in_first = 1; in_first <= 3; in_first++) {
			uint64_t size = in_first * PAGE_SIZE;
			struct space space = {
				.region_count = 2,
				.regions = {{{RAM}, {(uintptr_t)ram}, size, ALLOW_ALL},
					    {{RAM + size},
					     {(uintptr_t)second + size},
					     sizeof(ram) - size,
					     ALLOW_ALL}},
			};
			unsigned levels = mode == 1 ? 2 : 3;
			gpa_t at;

			start(mode);
			for (unsigned l = 0; l + 1 < levels; l++)
				set(l, 0, table(l + 1));
			set(levels - 1, 5, entry(0x12345000, RWX));
			memcpy(second, ram, sizeof(ram));
			memset(ram + size, 0, sizeof(ram) - size);
			memset(second, 0, size);
			walk.ram_size = size;
			expect(0x5678, WALK_READ, in_first < levels ? WALK_ACCESS_FAULT : WALK_OK,
			       0x12345678);
			walk.space = &space;
			expect(0x5678, WALK_READ, WALK_OK, 0x12345678);
			/* The quick one leaves it alone. */
			assert_int_equal(walk_usual(&walk, xlen, walk.satp, 0x5678, WALK_READ, &at),
					 in_first >= levels);
			/* Beyond them all, below, and where addresses wrap. */
			assert_null(walk_page(&walk, (RAM + sizeof(ram)) >> 12));
			assert_null(walk_page(&walk, (RAM >> 12) - 1));
			assert_null(walk_page(&walk, (uint64_t)1 << 52 | RAM >> 12));
			assert_ptr_equal(walk_page(&walk, (RAM + size) >> 12), second + size);
			space.regions[1].allow = 0;
			assert_null(walk_page(&walk, (RAM + size) >> 12));
		}
	}
}

/* The upper half, and what is in neither. */
static void test_canonical(void **state)
{
	(void)state;
	needs_rv64();
	for (unsigned mode = 8; mode <= 10; mode++) {
		unsigned bits = 39 + 9 * (mode - 8), root = bits - 9;

		start(mode);
		set(0, 511, entry(0, RWX));
		set(0, 255, entry(0, RWX));
		expect(~(xlen_t)0, WALK_READ, WALK_OK, ((uint64_t)1 << root) - 1);
		expect(~(xlen_t)0 >> (65 - bits), WALK_READ, WALK_OK, ((uint64_t)1 << root) - 1);
		expect_fault((xlen_t)511 << root, WALK_READ);
		for (unsigned bit = bits; bit < 64; bit++) {
			expect_fault(~(xlen_t)0 ^ (xlen_t)1 << bit, WALK_READ);
			expect_fault(~(xlen_t)0 >> (65 - bits) | (xlen_t)1 << bit, WALK_READ);
		}
		expect_fault(~(xlen_t)0 ^ (xlen_t)1 << (bits - 1), WALK_READ);
	}
}

/* All 256 values of an entry's low byte, for all rights and accesses, at the last level. */
static void test_permissions(void **state)
{
	(void)state;
	for (unsigned run = 0; run < 256 * 8 * 3 * XLEN / 32; run++) {
		unsigned flags = run & 255, modes = run >> 8 & 7, kind = (run >> 11) % 3;
		bool readable, ok;

		start((run >> 11) / 3 ? 8 : 1);
		walk.user = modes & 1;
		walk.sum = modes & 2;
		walk.mxr = modes & 4;
		set(0, 0, table(1));
		if (xlen == 32) {
			set(1, 0, entry(0x10000000, flags));
		} else {
			set(1, 0, table(2));
			set(2, 0, entry(0x10000000, flags));
		}
		readable = flags & R || (flags & X && walk.mxr);
		ok = flags & V && flags & A && (flags & R || !(flags & W));
		ok = ok && (kind == 0	? readable
			    : kind == 1 ? (flags & W) && (flags & D)
					: !!(flags & X));
		if (flags & U)
			ok = ok && (walk.user || (walk.sum && kind != 2));
		else
			ok = ok && !walk.user;
		expect(0x123, kinds[kind], ok ? WALK_OK : WALK_PAGE_FAULT, 0x10000123);
	}
}

/* In pointers A, D, U and all high bits are reserved; in leaves those that no extension took. */
static void test_reserved(void **state)
{
	(void)state;
	needs_rv64();
	for (unsigned bit = 0; bit < 64; bit++) {
		bool pointer_ok = bit == 0 || bit == 5 || bit == 8 || bit == 9;

		if (bit >= 10 && bit < 54)
			continue;
		start(8);
		walk.pbmt = walk.napot = true; /* changes nothing for pointers */
		set(0, 0, table(1) | (uint64_t)1 << bit);
		set(1, 0, entry(0, RWX));
		expect(0x55, WALK_READ, pointer_ok ? WALK_OK : WALK_PAGE_FAULT, 0x55);
		if (bit < 54)
			continue;
		start(8);
		set(0, 0, entry(0, RWX) | (uint64_t)1 << bit);
		expect_fault(0, WALK_READ);
		walk.pbmt = walk.napot = true;
		expect(0, WALK_READ, bit == 61 || bit == 62 ? WALK_OK : WALK_PAGE_FAULT, 0);
	}
}

static void test_pbmt(void **state)
{
	(void)state;
	needs_rv64();
	start(8);
	walk.pbmt = true;
	for (unsigned type = 0; type < 4; type++) {
		set(0, 1, entry(0x40000000, RWX) | PBMT(type));
		expect(0x40000008, WALK_READ, type == 3 ? WALK_PAGE_FAULT : WALK_OK, 0x40000008);
	}
}

static void test_napot(void **state)
{
	(void)state;
	needs_rv64();
	for (unsigned ppn = 0; ppn < 16; ppn++) {
		start(8);
		set(0, 0, table(1));
		set(1, 0, table(2));
		set(2, 5, entry(0x10020000 + ppn * PAGE_SIZE, RWX) | N);
		expect_fault(0x5abc, WALK_READ);
		walk.napot = true;
		expect(0x5abc, WALK_READ, ppn == 8 ? WALK_OK : WALK_PAGE_FAULT, 0x10025abc);
		/* Only 4 KiB pages come in such ranges. */
		set(1, 1, entry((uint64_t)ppn << 21 | 8 << 12, RWX) | N);
		expect_fault(0x200000, WALK_READ);
	}
}

/* Tables anywhere but in the guest's RAM: an access fault, and nothing is read. */
static void test_tables_outside(void **state)
{
	static const uint64_t outside[] = {0, 0x1000, RAM - PAGE_SIZE, RAM + sizeof(ram),
					   (((uint64_t)1 << 44) - 1) << 12};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(outside); i++) {
		for (unsigned mode = 8; XLEN == 64 && mode <= 10; mode++) {
			start(mode);
			set(0, 0, entry(outside[i], V));
			expect(0, WALK_READ, WALK_ACCESS_FAULT, 0);
			set(0, 0, table(1));
			set(1, 0, entry(outside[i], V));
			expect(0, WALK_READ, WALK_ACCESS_FAULT, 0);
			walk.satp = (xlen_t)((uint64_t)mode << 60 | outside[i] >> 12);
			expect(0, WALK_READ, WALK_ACCESS_FAULT, 0);
		}
		start(1);
		set(0, 0, entry(outside[i] & 0x3fffff000, V));
		expect(0, WALK_READ, WALK_ACCESS_FAULT, 0);
		walk.satp = (xlen_t)1 << 31 | (outside[i] >> 12 & 0x3fffff);
		expect(0, WALK_READ, WALK_ACCESS_FAULT, 0);
	}
	/* The last page of RAM is inside. */
	start(1);
	set(0, 1, table(PAGES - 1));
	set(PAGES - 1, 1023, entry(0x7fe00000, RWX));
	expect(0x7ff000, WALK_READ, WALK_OK, 0x7fe00000);
	if (XLEN == 32)
		return;
	start(8);
	set(0, 0, table(PAGES - 1));
	set(PAGES - 1, 511, entry(0x7fe00000, RWX));
	expect(0x3fe00000, WALK_READ, WALK_OK, 0x7fe00000);
	/* An ASID in satp is nobody's business. */
	walk.satp |= (xlen_t)((uint64_t)0xffff << 44);
	expect(0x3fe00000, WALK_READ, WALK_OK, 0x7fe00000);
}

/* A table that points to itself is read once a level and no more. */
static void test_loop(void **state)
{
	(void)state;
	for (unsigned mode = 8; XLEN == 64 && mode <= 10; mode++) {
		start(mode);
		set(0, 0, table(0));
		expect_fault(0, WALK_READ);
		/* The trick of the recursive mapping: the last level finds a leaf of the same
		 * table. */
		set(0, 1, entry(0x12345000, RWX));
		expect(0x1678, WALK_READ, WALK_OK, 0x12345678);
	}
	start(1);
	set(0, 0, table(0));
	expect_fault(0, WALK_READ);
}

/* Sv32 reaches 34 bits, and its entries have no reserved high bits. */
static void test_sv32_wide(void **state)
{
	gpa_t at;

	(void)state;
	start(1);
	set(0, 0x3ff, entry(0x3ffc00000, RWX));
	expect(0xffffffff, WALK_WRITE, WALK_OK, 0x3ffffffff);
	set(0, 1, table(1));
	set(1, 0, entry(0x3fffff000, RWX));
	expect(0x400abc, WALK_READ, WALK_OK, 0x3fffffabc);
	assert_true(walk_usual(&walk, 32, walk.satp, 0x400abc, WALK_READ, &at));
	assert_true(at.raw == 0x3fffffabc);
	/* A table above 4 GiB, with the low half of its address inside RAM. */
	set(0, 2, entry(0x100000000 + RAM, V));
	expect(0x800000, WALK_READ, WALK_ACCESS_FAULT, 0);
	assert_false(walk_usual(&walk, 32, walk.satp, 0x800000, WALK_READ, &at));
	/* RAM up there. */
	walk.ram.raw += 0x100000000;
	walk.satp = (xlen_t)1 << 31 | walk.ram.raw >> 12;
	set(0, 3, entry(walk.ram.raw + PAGE_SIZE, V));
	expect(0xc00abc, WALK_READ, WALK_OK, 0x3fffffabc);
}

/* The specification's steps, one by one; nothing is shared with what is tested. */
static enum walk_result reference(xlen_t va, unsigned kind, uint64_t *pa)
{
	unsigned mode = xlen == 32 ? (walk.satp >> 31 & 1) : (uint64_t)walk.satp >> 60;
	unsigned levels = mode == 1 ? 2 : mode - 5, bits = mode == 1 ? 10 : 9;
	unsigned size = mode == 1 ? 4 : 8, width = 12 + levels * bits;
	uint64_t a = (walk.satp & (mode == 1 ? 0x3fffff : 0xfffffffffff)) * PAGE_SIZE;
	uint64_t pte = 0, ppn, span;
	int i;

	if (mode != 1 && (uint64_t)((int64_t)((uint64_t)va << (64 - width)) >> (64 - width)) != va)
		return WALK_PAGE_FAULT;
	for (i = levels - 1;; i--) {
		uint64_t at;

		if (i < 0)
			return WALK_PAGE_FAULT;
		at = a + (va / ((uint64_t)PAGE_SIZE << (bits * i))) % (1u << bits) * size;
		if (!range_contains(walk.ram.raw, walk.ram_size, at, size))
			return WALK_ACCESS_FAULT;
		pte = 0;
		memcpy(&pte, ram + (at - walk.ram.raw), size);
		if (!(pte & V) || (!(pte & R) && (pte & W)))
			return WALK_PAGE_FAULT;
		if (pte >> 54 & 0x7f)
			return WALK_PAGE_FAULT;
		if (pte & R || pte & X)
			break;
		if (pte & (A | D | U) || pte >> 61)
			return WALK_PAGE_FAULT;
		a = (pte >> 10) * PAGE_SIZE;
	}
	if (pte & N && (!walk.napot || i > 0 || (pte >> 10) % 16 != 8))
		return WALK_PAGE_FAULT;
	if ((pte >> 61 & 3) == 3 || ((pte >> 61 & 3) && !walk.pbmt))
		return WALK_PAGE_FAULT;
	ppn = (pte & 0x3fffffffffffff) >> 10;
	span = (uint64_t)1 << (bits * i);
	if (ppn % span)
		return WALK_PAGE_FAULT;
	if (pte & U ? !walk.user && (!walk.sum || kind == 2) : walk.user)
		return WALK_PAGE_FAULT;
	if (kind == 0 && !(pte & R) && !(walk.mxr && pte & X))
		return WALK_PAGE_FAULT;
	if ((kind == 1 && !(pte & W)) || (kind == 2 && !(pte & X)))
		return WALK_PAGE_FAULT;
	if (!(pte & A) || (kind == 1 && !(pte & D)))
		return WALK_PAGE_FAULT;
	if (pte & N) {
		span = 16;
		ppn -= ppn % 16;
	}
	*pa = (ppn + va / PAGE_SIZE % span) * PAGE_SIZE + va % PAGE_SIZE;
	return WALK_OK;
}

/* Entries that are mostly good, and wrong in every way now and then. */
static uint64_t random_entry(void)
{
	uint64_t pte = table(unit_random_below(PAGES)), dice = unit_random_below(16);

	if (dice < 6) {
		pte = entry((unit_random_below(64) << 30) & 0x3ffffffff, RWX);
	} else if (dice < 8) {
		pte = entry(unit_random() & 0x3ffffffff, RWX);
	} else if (dice < 9) {
		pte = entry(unit_random_below(1u << 18) << 16 | 0x8000, RWX) | N;
	}
	if (unit_random_below(4) == 0)
		pte ^= 1u << unit_random_below(8);
	if (unit_random_below(16) == 0)
		pte ^= (uint64_t)1 << unit_random_below(64);
	return pte;
}

static void test_random(void **state)
{
	static const unsigned modes[] = {1, 8, 9, 10};
	unsigned seen[3] = {0}, quick = 0;

	(void)state;
	for (unsigned run = 0; run < 400; run++) {
		start(modes[XLEN == 64 ? run & 3 : 0]);
		/* Only the first eight indexes of a table are used, so that walks go deep. */
		for (unsigned i = 0; i < PAGES * 8; i++)
			set(i / 8, i % 8, random_entry());
		for (unsigned i = 0; i < 300; i++) {
			unsigned bits = xlen == 32 ? 10 : 9, kind = unit_random_below(3);
			xlen_t va = unit_random_below(PAGE_SIZE);
			enum walk_result result;
			uint64_t pa = 0;

			for (unsigned level = 0; level < (xlen == 32 ? 2 : 5); level++)
				va |= (xlen_t)unit_random_below(8) << (12 + bits * level);
			if (xlen == 64 && modes[run & 3] < 10 && unit_random_below(8))
				va &= ((uint64_t)1 << (modes[run & 3] == 8 ? 38 : 47)) - 1;
			walk.user = unit_random_below(4) == 0;
			walk.sum = unit_random() & 1;
			walk.mxr = unit_random() & 1;
			walk.pbmt = unit_random() & 1;
			walk.napot = unit_random() & 1;
			result = reference(va, kind, &pa);
			seen[result]++;
			expect(va, kinds[kind], result, pa);
			quick += quick_agrees(va, kinds[kind], result, pa);
		}
	}
	assert_true(seen[WALK_OK] > 10000);
	assert_true(seen[WALK_PAGE_FAULT] > 10000);
	assert_true(seen[WALK_ACCESS_FAULT] > 100);
	assert_true(quick > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bare),	       cmocka_unit_test(test_unknown_modes),
		cmocka_unit_test(test_levels),	       cmocka_unit_test(test_canonical),
		cmocka_unit_test(test_permissions),    cmocka_unit_test(test_reserved),
		cmocka_unit_test(test_pbmt),	       cmocka_unit_test(test_napot),
		cmocka_unit_test(test_tables_outside), cmocka_unit_test(test_loop),
		cmocka_unit_test(test_sv32_wide),      cmocka_unit_test(test_random),
		cmocka_unit_test(test_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
