/* SPDX-License-Identifier: MIT */
/*
 * src/riscv/pmp/encode.c against the privileged specification's own words: which
 * bytes an entry matches is worked out here a second time, bit by bit, as the
 * tables of "Address Matching" say it.
 */
#include "unit.h"

#include "core/types.h"
#include "riscv/pmp/encode.h"

enum { ENTRIES = 8, PMPADDR_BITS = XLEN == 64 ? 54 : 32 };

/* What entries of this width can express. */
#define REACH ((uint64_t)1 << (PMPADDR_BITS + 2))

static struct pmp_entry entries[ENTRIES];
static unsigned count;
static struct reason why;

static int set_up(void **state)
{
	(void)state;
	memset(entries, 0xa5, sizeof(entries));
	strcpy(why.text, "(no reason given)");
	count = 0;
	return 0;
}

static void assert_says(const char *text)
{
	if (!strstr(why.text, text))
		fail_msg("\"%s\" is not in \"%s\"", text, why.text);
}

static enum status encode(uint64_t base, uint64_t size, unsigned allow)
{
	return pmp_encode(entries, &count, ENTRIES, base, size, allow, 4, XLEN, &why);
}

/*
 * "Address Matching": does entry `i` match the byte at `at`? NAPOT as a comparison
 * under a mask, TOR as pmpaddr(i-1) <= y < pmpaddr(i), NA4 as equality.
 */
static bool matches(unsigned i, uint64_t at)
{
	uint64_t y = at >> 2, address = entries[i].address;

	switch (entries[i].config >> 3 & 3) {
	case 0: return false;
	case 1: return (i ? entries[i - 1].address : 0) <= y && y < address;
	case 2: return y == address;
	default: return ((y ^ address) & ~(address ^ (address + 1))) == 0;
	}
}

/* The rights of one byte: "the lowest-numbered PMP entry that matches any byte of an access". */
static unsigned rights(uint64_t at)
{
	for (unsigned i = 0; i < count; i++)
		if (matches(i, at))
			return (entries[i].config & 1 ? ALLOW_READ : 0) |
			       (entries[i].config & 2 ? ALLOW_WRITE : 0) |
			       (entries[i].config & 4 ? ALLOW_EXECUTE : 0);
	return 0;
}

/* The same for an access of several bytes: the first entry that matches any must match all. */
static unsigned access_rights(uint64_t at, unsigned size)
{
	for (unsigned i = 0; i < count; i++) {
		unsigned bytes = 0;

		for (unsigned b = 0; b < size; b++)
			bytes += matches(i, at + b);
		if (bytes)
			return bytes == size ? rights(at) : 0;
	}
	return 0;
}

/* The first and the last byte of [base, base + size) are granted, their neighbours are not. */
static void check_edges(uint64_t base, uint64_t size, unsigned allow)
{
	assert_int_equal(rights(base), allow);
	assert_int_equal(rights(base + size / 2), allow);
	assert_int_equal(rights(base + size - 1), allow);
	assert_int_equal(rights(base + size), 0);
	if (base)
		assert_int_equal(rights(base - 1), 0);
	assert_int_equal(pmp_lookup(entries, count, base, 1), allow);
	assert_int_equal(pmp_lookup(entries, count, base, size), allow);
	assert_int_equal(pmp_lookup(entries, count, base + size - 1, 1), allow);
	assert_int_equal(pmp_lookup(entries, count, base + size - 1, 2), 0);
	assert_int_equal(pmp_lookup(entries, count, base + size, 1), 0);
	if (base) {
		assert_int_equal(pmp_lookup(entries, count, base - 1, 1), 0);
		assert_int_equal(pmp_lookup(entries, count, base - 1, 2), 0);
		assert_int_equal(pmp_lookup(entries, count, base - 1, size + 2), 0);
	}
}

/* Every power of two that is naturally aligned takes one entry, also where more alignment is. */
static void test_napot(void **state)
{
	(void)state;
	for (unsigned bits = 3; bits <= PMPADDR_BITS; bits++) {
		uint64_t size = (uint64_t)1 << bits;

		for (unsigned shift = bits; shift <= PMPADDR_BITS; shift++) {
			uint64_t base = (uint64_t)1 << shift;

			count = 0;
			assert_int_equal(encode(base, size, ALLOW_ALL), OK);
			assert_int_equal(count, 1);
			assert_int_equal(entries[0].config, PMP_NAPOT | PMP_R | PMP_W | PMP_X);
			assert_int_equal((uint64_t)entries[0].address >> PMPADDR_BITS, 0);
			check_edges(base, size, ALLOW_ALL);
		}
		count = 0;
		assert_int_equal(encode(0, size, ALLOW_READ), OK);
		assert_int_equal(count, 1);
		check_edges(0, size, ALLOW_READ);
	}
}

/* Whatever isn't naturally aligned takes a TOR pair, whose first half is off. */
static void test_tor(void **state)
{
	static const uint64_t sizes[] = {4, 12, 20, 0x1000 - 4, 0x3000, MIB(96), GIB(5)};

	(void)state;
	for (unsigned s = 0; s < ARRAY_LENGTH(sizes); s++) {
		for (unsigned shift = 2; shift < PMPADDR_BITS; shift++) {
			uint64_t base = (uint64_t)1 << shift;

			count = 0;
			assert_int_equal(encode(base, sizes[s], ALLOW_READ | ALLOW_EXECUTE), OK);
			assert_int_equal(count, 2);
			assert_int_equal(entries[0].config, PMP_OFF);
			assert_int_equal(entries[0].address, base >> 2);
			assert_int_equal(entries[1].config, PMP_TOR | PMP_R | PMP_X);
			assert_int_equal(entries[1].address, (base + sizes[s]) >> 2);
			check_edges(base, sizes[s], ALLOW_READ | ALLOW_EXECUTE);
		}
	}
	/* A power of two, but not at a multiple of itself. */
	for (unsigned bits = 3; bits < PMPADDR_BITS; bits++) {
		uint64_t size = (uint64_t)1 << bits, base = size + size / 2;

		count = 0;
		assert_int_equal(encode(base, size, ALLOW_ALL), OK);
		assert_int_equal(count, 2);
		check_edges(base, size, ALLOW_ALL);
	}
}

/* Every combination of rights, and no other bit of the configuration. */
static void test_permissions(void **state)
{
	(void)state;
	for (unsigned allow = 0; allow <= ALLOW_ALL; allow++) {
		count = 0;
		assert_int_equal(encode(0x80000000, 0x1000, allow), OK);
		assert_int_equal(entries[0].config & ~7, PMP_NAPOT);
		assert_int_equal(rights(0x80000abc), allow);
		assert_int_equal(pmp_lookup(entries, count, 0x80000abc, 4), allow);
		assert_int_equal(encode(0x90001000, 0x3000, allow), OK);
		assert_int_equal(entries[2].config & ~7, PMP_TOR);
		assert_int_equal(rights(0x90003fff), allow);
	}
}

/* A region that begins where the TOR before it ended needs no first half, unless it is NAPOT. */
static void test_joined(void **state)
{
	(void)state;
	assert_int_equal(encode(0x80001000, 0x3000, ALLOW_READ), OK);
	assert_int_equal(count, 2);
	assert_int_equal(encode(0x80004000, 0x3000, ALLOW_WRITE), OK);
	assert_int_equal(count, 3);
	assert_int_equal(entries[2].config, PMP_TOR | PMP_W);
	assert_int_equal(rights(0x80000fff), 0);
	assert_int_equal(rights(0x80003fff), ALLOW_READ);
	assert_int_equal(rights(0x80004000), ALLOW_WRITE);
	assert_int_equal(rights(0x80006fff), ALLOW_WRITE);
	assert_int_equal(rights(0x80007000), 0);
	assert_int_equal(pmp_lookup(entries, count, 0x80003ffc, 8), 0);

	/* A neighbour that is a power of two takes a NAPOT, the one after it both halves again. */
	assert_int_equal(encode(0x80007000, 0x1000, ALLOW_ALL), OK);
	assert_int_equal(count, 4);
	assert_int_equal(entries[3].config & PMP_A, PMP_NAPOT);
	assert_int_equal(encode(0x80008000, 0x3000, ALLOW_ALL), OK);
	assert_int_equal(count, 6);
	assert_int_equal(entries[4].config, PMP_OFF);
	assert_int_equal(rights(0x80008000), ALLOW_ALL);
	assert_int_equal(rights(0x8000b000), 0);

	/* A gap of one grain is a gap. */
	assert_int_equal(encode(0x8000b004, 0xc, ALLOW_ALL), OK);
	assert_int_equal(count, 8);
	assert_int_equal(rights(0x8000b003), 0);
	assert_int_equal(rights(0x8000b004), ALLOW_ALL);
}

/* A half that is switched off, or the number that a NAPOT happens to be, joins nothing. */
static void test_not_joined(void **state)
{
	(void)state;
	entries[0] = (struct pmp_entry){0x80004000 >> 2, PMP_OFF};
	count = 1;
	assert_int_equal(encode(0x80004000, 0x3000, ALLOW_ALL), OK);
	assert_int_equal(count, 3);
	check_edges(0x80004000, 0x3000, ALLOW_ALL);

	assert_int_equal(encode(0x20000, 8, ALLOW_ALL), OK);
	assert_int_equal(encode((uint64_t)entries[3].address << 2, 12, ALLOW_ALL), OK);
	assert_int_equal(count, 6);
}

/* Every budget that is too small: both numbers, and nothing changed. */
static void test_budget(void **state)
{
	(void)state;
	for (unsigned limit = 0; limit <= 4; limit++) {
		for (unsigned used = 0; used <= limit; used++) {
			struct pmp_entry before[ENTRIES];
			char text[64];
			unsigned left = limit - used;

			set_up(NULL);
			count = used;
			memcpy(before, entries, sizeof(before));
			if (left < 2) {
				assert_int_equal(pmp_encode(entries, &count, limit, 0x80001000,
							    0x3000, ALLOW_ALL, 4, 64, &why),
						 ERR_LIMIT);
				snprintf(text, sizeof(text),
					 "needs 2 PMP entries and %u of %u are free", left, limit);
				assert_says(text);
				assert_int_equal(count, used);
				assert_memory_equal(entries, before, sizeof(before));
			}
			if (left < 1) {
				assert_int_equal(pmp_encode(entries, &count, limit, 0x80000000,
							    0x1000, ALLOW_ALL, 4, 64, &why),
						 ERR_LIMIT);
				snprintf(text, sizeof(text), "needs 1 PMP entries and 0 of %u",
					 limit);
				assert_says(text);
				assert_int_equal(count, used);
				assert_memory_equal(entries, before, sizeof(before));
			}
		}
	}
	/* The last entries are used, and a joined half fits in the last one. */
	set_up(NULL);
	assert_int_equal(pmp_encode(entries, &count, 3, 0x80001000, 0x3000, 7, 4, 64, &why), OK);
	assert_int_equal(pmp_encode(entries, &count, 3, 0x80004000, 0x3000, 7, 4, 64, &why), OK);
	assert_int_equal(count, 3);
}

/* What isn't made of grains is refused, whichever of base and size it is. */
static void test_grain(void **state)
{
	(void)state;
	for (uint64_t grain = 4; grain <= MIB(1); grain <<= 1) {
		uint64_t base = 0x80000000 + grain;

		count = 0;
		assert_int_equal(
			pmp_encode(entries, &count, 8, base, 3 * grain, 7, grain, 64, &why), OK);
		check_edges(base, 3 * grain, ALLOW_ALL);
		count = 0;
		assert_int_equal(
			pmp_encode(entries, &count, 8, base + grain / 2, grain, 7, grain, 64, &why),
			ERR_RANGE);
		assert_says("isn't a multiple of the PMP's grain");
		assert_int_equal(
			pmp_encode(entries, &count, 8, base, grain + grain / 2, 7, grain, 64, &why),
			ERR_RANGE);
		assert_int_equal(
			pmp_encode(entries, &count, 8, base, grain / 2, 7, grain, 64, &why),
			ERR_RANGE);
		assert_int_equal(pmp_encode(entries, &count, 8, base, 0, 7, grain, 64, &why),
				 ERR_RANGE);
		assert_int_equal(count, 0);
	}
	assert_int_equal(pmp_encode(entries, &count, 8, 0x80000800, 0x1000, 7, 0x1000, 64, &why),
			 ERR_RANGE);
	assert_says("0x80000800");
	assert_says("0x1000");
}

/* pmpaddr has address bits 33:2 on RV32 and 55:2 on RV64: nothing is cut off silently. */
static void test_reach(void **state)
{
	static const struct {
		unsigned xlen, bits;
	} widths[] = {{32, 34}, {64, 56}};

	(void)state;
	for (unsigned w = 0; w < ARRAY_LENGTH(widths) && widths[w].xlen <= XLEN; w++) {
		uint64_t limit = (uint64_t)1 << widths[w].bits;
		unsigned xlen = widths[w].xlen;

		const struct {
			uint64_t base, size;
			bool good;
		} cases[] = {
			{limit - 0x4000, 0x3000, true},
			{limit - 0x2000, 0x1000, true},
			{limit / 2, limit / 4, true},
			{limit - 8, 4, true},
			{limit - 4, 8, false},
			/* The top of a TOR pair would be one more than pmpaddr holds. */
			{limit - 4, 4, false},
			{limit - 0x3000, 0x3000, false},
			{limit, 4, false},
			{limit, 0x1000, false},
			{limit - 0x1000, 0x3000, false},
			{0x1000, limit, false},
			{UINT64_MAX - 0xfff, 0x1000, false},
			{UINT64_MAX - 0xfff, 0x2000, false},
			{0x1000, UINT64_MAX - 0xfff, false},
			{0x3000, 0 - (uint64_t)0x1000, false},
		};

		for (unsigned i = 0; i < ARRAY_LENGTH(cases); i++) {
			enum status status;

			count = 0;
			status = pmp_encode(entries, &count, 8, cases[i].base, cases[i].size, 7, 4,
					    xlen, &why);
			assert_int_equal(status, cases[i].good ? OK : ERR_RANGE);
			if (!cases[i].good) {
				assert_says("beyond the PMP's reach");
				assert_int_equal(count, 0);
				continue;
			}
			for (unsigned e = 0; e < count; e++)
				assert_true((uint64_t)entries[e].address < limit >> 2);
			check_edges(cases[i].base, cases[i].size, ALLOW_ALL);
		}
	}
	/* What RV64 reaches and RV32 does not. */
	count = 0;
	assert_int_equal(pmp_encode(entries, &count, 8, GIB(16), MIB(2), 7, 4, 32, &why),
			 ERR_RANGE);
	assert_int_equal(pmp_encode(entries, &count, 8, GIB(16), MIB(2), 7, 4, 64, &why), OK);
}

/* "PMP configuration CSRs": pmp0cfg is byte 0 of pmpcfg0; RV64 has the even CSRs only. */
static void test_config(void **state)
{
	(void)state;
	for (unsigned slot = 0; slot < 64; slot++) {
		assert_int_equal(pmp_config_csr(slot, 32), slot / 4);
		assert_int_equal(pmp_config_shift(slot, 32), 8 * (slot & 3));
		assert_int_equal(pmp_config_csr(slot, 64) & 1, 0);
		assert_int_equal(pmp_config_csr(slot, 64) / 2, slot / 8);
		assert_int_equal(pmp_config_shift(slot, 64), 8 * (slot & 7));
	}
	assert_int_equal(pmp_config_csr(15, 64), 2);
	assert_int_equal(pmp_config_shift(15, 64), 56);
	assert_int_equal(pmp_config_csr(15, 32), 3);
	assert_int_equal(pmp_config_shift(15, 32), 24);
	assert_int_equal(pmp_config_csr(63, 64), 14);
	assert_int_equal(pmp_config_csr(63, 32), 15);
}

/* Entries that pmp_encode() never makes: NA4, a TOR in slot 0, one upside down, all ones. */
static void test_lookup_others(void **state)
{
	(void)state;
	count = 1;
	entries[0] = (struct pmp_entry){0x1000 >> 2, PMP_NA4 | PMP_R};
	check_edges(0x1000, 4, ALLOW_READ);

	entries[0] = (struct pmp_entry){0x1000 >> 2, PMP_TOR | PMP_X};
	check_edges(0, 0x1000, ALLOW_EXECUTE);

	count = 2;
	entries[0] = (struct pmp_entry){0x2000 >> 2, PMP_OFF};
	entries[1] = (struct pmp_entry){0x1000 >> 2, PMP_TOR | PMP_R};
	for (uint64_t at = 0x800; at < 0x2800; at += 4)
		assert_int_equal(pmp_lookup(entries, count, at, 4), 0);
	entries[1].address = 0x2000 >> 2;
	assert_int_equal(pmp_lookup(entries, count, 0x2000, 4), 0);
	assert_int_equal(pmp_lookup(entries, count, 0x1ffc, 4), 0);

	/* All ones match everything that the width can address. */
	count = 1;
	entries[0] = (struct pmp_entry){~(xlen_t)0 >> (XLEN - PMPADDR_BITS), PMP_NAPOT | PMP_W};
	assert_int_equal(pmp_lookup(entries, count, 0, 8), ALLOW_WRITE);
	assert_int_equal(pmp_lookup(entries, count, REACH - 8, 8), ALLOW_WRITE);

	assert_int_equal(pmp_lookup(entries, 0, 0, 1), 0);
	assert_int_equal(pmp_lookup(entries, count, UINT64_MAX, 1), 0);
}

/*
 * Random regions side by side, apart and over each other. A byte's rights are those of the
 * first region it was put in; an access needs all of its bytes in that region.
 */
static void test_random(void **state)
{
	enum { BYTES = 512, ROUNDS = 4000 };
	static const unsigned sizes[] = {1, 2, 4, 8, 16, 64};

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		uint64_t origin =
			round % 4 == 0 ? 0 : unit_random_below(REACH / 4) & ~(uint64_t)511;
		uint8_t owner[BYTES] = {0}, allow[ENTRIES + 1] = {0};
		uint64_t starts[ENTRIES + 1], ends[ENTRIES + 1];
		unsigned regions = 0, last_end = 0;

		count = 0;
		while (regions < ENTRIES) {
			bool joins = unit_random_below(3) == 0;
			unsigned from = joins ? last_end : 4 * unit_random_below(BYTES / 4);
			unsigned size = 4 * (1 + unit_random_below(BYTES / 8));
			unsigned before = count;

			if (unit_random_below(3) == 0)
				size = 4u << unit_random_below(7);
			if (size > BYTES - from)
				continue;
			if (encode(origin + from, size, unit_random_below(8)) != OK)
				break;
			assert_in_range(count - before, 1, 2);
			regions++;
			last_end = from + size == BYTES ? 0 : from + size;
			allow[regions] = entries[count - 1].config & 7;
			starts[regions] = origin + from;
			ends[regions] = origin + from + size;
			for (unsigned b = from; b < from + size; b++)
				if (!owner[b])
					owner[b] = regions;
		}
		for (unsigned b = 0; b < BYTES; b++) {
			assert_int_equal(rights(origin + b), allow[owner[b]]);
			assert_int_equal(pmp_lookup(entries, count, origin + b, 1),
					 allow[owner[b]]);
		}
		for (unsigned i = 0; i < 32; i++) {
			unsigned size = sizes[unit_random_below(ARRAY_LENGTH(sizes))];
			uint64_t at = origin + unit_random_below(BYTES);
			unsigned expected = 0;

			for (unsigned r = 1; r <= regions; r++) {
				if (at + size > starts[r] && at < ends[r]) {
					if (at >= starts[r] && at + size <= ends[r])
						expected = allow[r];
					break;
				}
			}
			assert_int_equal(pmp_lookup(entries, count, at, size), expected);
			assert_int_equal(access_rights(at, size), expected);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_napot, set_up),
		cmocka_unit_test_setup(test_tor, set_up),
		cmocka_unit_test_setup(test_permissions, set_up),
		cmocka_unit_test_setup(test_joined, set_up),
		cmocka_unit_test_setup(test_not_joined, set_up),
		cmocka_unit_test_setup(test_budget, set_up),
		cmocka_unit_test_setup(test_grain, set_up),
		cmocka_unit_test_setup(test_reach, set_up),
		cmocka_unit_test_setup(test_config, set_up),
		cmocka_unit_test_setup(test_lookup_others, set_up),
		cmocka_unit_test_setup(test_random, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
