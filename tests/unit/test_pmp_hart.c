/* SPDX-License-Identifier: MIT */
/*
 * src/riscv/pmp/pmp.c on a PMP that is made of variables: how entries and their grain
 * are found on good and on odd hardware, and that a fence which the hardware doesn't
 * keep is noticed. What the entries mean is test_pmp.c's subject.
 */
#include "unit.h"

#include "core/arch.h"
#include "riscv/csr.h"
#include "riscv/pmp/encode.h"

/* The hardware. */
static struct {
	unsigned entries;
	unsigned zero_bits; /* of pmpaddr, which a coarse grain keeps at 0 when off or TOR */
	uint64_t no_napot;  /* bit n: entry n keeps no NAPOT */
	xlen_t address[64];
	uint8_t config[64];
	unsigned fences;
} pmp;

static bool is_locked(unsigned slot)
{
	return pmp.config[slot] & PMP_L;
}

static xlen_t fake_address(unsigned slot)
{
	xlen_t low = ((xlen_t)1 << pmp.zero_bits) - 1;

	/* "Reads of pmpaddr as if bits G-2 to 0 are ones" under NAPOT, zeros otherwise. */
	return (pmp.config[slot] & PMP_A) == PMP_NAPOT ? pmp.address[slot] | low >> 1
						       : pmp.address[slot] & ~low;
}

/* Never while the entry is in force, half of it old and half of it new. */
static void fake_set_address(unsigned slot, xlen_t value)
{
	assert_true(is_locked(slot) || (pmp.config[slot] & PMP_A) == PMP_OFF);
	if (!is_locked(slot))
		pmp.address[slot] = value & ((xlen_t)-1 >> (XLEN == 64 ? 10 : 0));
}

static void fake_set_config(unsigned slot, uint8_t config)
{
	if (slot >= pmp.entries || is_locked(slot))
		return;
	if ((config & PMP_A) == PMP_NAPOT && pmp.no_napot >> slot & 1)
		config &= ~PMP_A;
	pmp.config[slot] = config;
}

bool pmp_read_address(unsigned slot, xlen_t *value)
{
	if (slot < pmp.entries)
		*value = fake_address(slot);
	return slot < pmp.entries;
}

bool pmp_write_address(unsigned slot, xlen_t value)
{
	if (slot < pmp.entries)
		fake_set_address(slot, value);
	return slot < pmp.entries;
}

bool pmp_read_config(unsigned csr, xlen_t *value)
{
	assert_true(csr % (XLEN / 32) == 0 && csr < 16);
	*value = 0;
	for (unsigned i = 0; i < XLEN / 8; i++)
		*value |= (xlen_t)pmp.config[csr * 4 + i] << (8 * i);
	return csr * 4 < pmp.entries;
}

bool pmp_write_config(unsigned csr, xlen_t value)
{
	assert_true(csr % (XLEN / 32) == 0 && csr < 16);
	for (unsigned i = 0; i < XLEN / 8; i++)
		fake_set_config(csr * 4 + i, value >> (8 * i));
	return csr * 4 < pmp.entries;
}

/* csr_write(pmpaddr3, value) and the like, by the CSR's name. */
static void write_named(const char *csr, xlen_t value)
{
	unsigned number;

	if (sscanf(csr, "pmpaddr%u", &number) == 1)
		pmp_write_address(number, value);
	else if (sscanf(csr, "pmpcfg%u", &number) == 1)
		pmp_write_config(number, value);
	else
		fail_msg("%s is no CSR of the PMP", csr);
}

_Thread_local struct hart *arch_this_hart;

#undef csr_write
#define csr_write(csr, value) write_named(#csr, value)
#include "core/assert.h"
#include "core/lock.h"
#include "riscv/access.h"
#include "riscv/hext/hext.h"
#include "riscv/pmp/pmp.c"
#include "riscv/pmp/pmp.h"
#include "riscv/virtual.h"

void fence_pages(void)
{
	pmp.fences++;
}

/* There is no second stage here: tests/unit/test_fences.c. */
void fence_second_stage(void)
{
	fail();
}

/* Switches its entries off; there are none here. */
void hext_leave(struct cpu *of)
{
	assert_int_equal(of->hext_edition, 0);
}

static struct cpu cpu;
static struct reason why;
static struct space space;

static int set_up(void **state)
{
	(void)state;
	memset(&pmp, 0, sizeof(pmp));
	pmp.entries = 16;
	memset(&cpu, 0, sizeof(cpu));
	memset(&space, 0, sizeof(space));
	arch_this_hart = &cpu.hart;
	grain = PAGE_SIZE;
	strcpy(why.text, "(no reason given)");
	return 0;
}

static enum status map_at(uint64_t from, uint64_t to, uint64_t size)
{
	return pmp_isolation.map(&space, (gpa_t){from}, (hpa_t){to}, size, ALLOW_ALL, &why);
}

static void assert_says(const char *text)
{
	if (!strstr(why.text, text))
		fail_msg("\"%s\" is not in \"%s\"", text, why.text);
}

static void test_count(void **state)
{
	static const unsigned counts[] = {0, 4, 8, 16, 64};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LENGTH(counts); i++) {
		set_up(state);
		pmp.entries = counts[i];
		memset(pmp.config, PMP_NAPOT | PMP_R, counts[i]); /* left over, not locked */
		pmp_probe(&cpu);
		assert_int_equal(cpu.pmp_slots, counts[i]);
		assert_false(cpu.pmp_locked);
		assert_true(pmp.fences > 0 && !cpu.pmp_dirty);
		for (unsigned slot = 0; slot < 64; slot++)
			assert_int_equal(pmp.config[slot], 0);
	}
}

/* An entry that doesn't do what it is told ends the count: those before it are usable. */
static void test_entry_without_napot(void **state)
{
	(void)state;
	pmp.no_napot = 1 << 5;
	pmp_probe(&cpu);
	assert_int_equal(cpu.pmp_slots, 5);
}

static void test_locked(void **state)
{
	(void)state;
	pmp.config[11] = PMP_L | PMP_NAPOT;
	pmp_probe(&cpu);
	assert_true(cpu.pmp_locked);
	assert_int_equal(cpu.pmp_slots, 0);
}

/* The coarsest of all harts decides where regions may be. */
static void test_grain(void **state)
{
	(void)state;
	pmp_probe(&cpu);
	assert_int_equal(cpu.pmp_grain, 4);
	assert_int_equal(pmp_isolation.alignment(), MIB(128 / XLEN));
	assert_int_equal(pmp_isolation.best_alignment(GIB(3)), MIB(128 / XLEN));
	pmp.zero_bits = 21; /* 8 MiB: 2^(21 + 2) */
	pmp_probe(&cpu);
	assert_int_equal(cpu.pmp_grain, MIB(8));
	assert_int_equal(pmp_isolation.alignment(), MIB(8));
	assert_int_equal(map_at(MIB(4), MIB(4), MIB(8)), ERR_RANGE);
	assert_says("isn't a multiple of the PMP's grain, 0x800000");
	pmp.zero_bits = 0;
	pmp_probe(&cpu);
	assert_int_equal(pmp_isolation.alignment(), MIB(8));
}

static void test_map(void **state)
{
	(void)state;
	assert_int_equal(pmp_isolation.guest_address((hpa_t){MIB(64)}).raw, MIB(64));
	assert_int_equal(map_at(0, MIB(64), MIB(64)), ERR_RANGE);
	assert_says("guest address 0x0 can't be host address 0x4000000: PMP doesn't translate");
	assert_int_equal(space.region_count, 0);
	for (unsigned i = 0; i < PMP_SLOT_GUEST_COUNT; i++)
		assert_int_equal(map_at(MIB(64 * (i + 1)), MIB(64 * (i + 1)), MIB(64)), OK);
	assert_int_equal(map_at(MIB(1024), MIB(1024), MIB(64)), ERR_LIMIT);
	assert_says("it needs 1 PMP entries and 0 of 4 are free");
	assert_int_equal(space.region_count, PMP_SLOT_GUEST_COUNT);
	space.region_count = SPACE_REGIONS_MAX;
	assert_int_equal(map_at(MIB(1024), MIB(1024), MIB(64)), ERR_LIMIT);
	assert_says("a capsule has at most 16 regions of memory");
}

/* After the space of another capsule nothing of that one's is left in force. */
static void test_activate(void **state)
{
	struct space other;

	(void)state;
	pmp_probe(&cpu);
	assert_int_equal(map_at(MIB(64), MIB(64), MIB(64)), OK);
	assert_int_equal(map_at(MIB(256), MIB(256), MIB(96)), OK); /* a pair */
	other = space;
	memset(&space, 0, sizeof(space));
	assert_int_equal(map_at(MIB(128), MIB(128), MIB(128)), OK);

	pmp.fences = 0;
	pmp_isolation.activate(&other);
	assert_int_equal(pmp.fences, 1);
	assert_int_equal(pmp_isolation.verify(&other, &why), OK);
	assert_int_equal(pmp.config[2] & PMP_A, PMP_TOR);
	pmp_isolation.activate(&space);
	assert_int_equal(pmp_isolation.verify(&space, &why), OK);
	assert_int_equal(pmp.fences, 2);
	assert_false(cpu.pmp_dirty);
	for (unsigned slot = 1; slot < 64; slot++)
		assert_int_equal(pmp.config[slot] & PMP_A, PMP_OFF);
}

static void test_verify(void **state)
{
	(void)state;
	pmp_probe(&cpu);
	assert_int_equal(map_at(MIB(64), MIB(64), MIB(64)), OK);
	pmp_isolation.activate(&space);
	pmp.address[0] ^= 1 << 23;
	assert_int_equal(pmp_isolation.verify(&space, &why), ERR_LIMIT);
	assert_says("PMP entry 0 reads back as 0x");
	pmp.address[0] ^= 1 << 23;
	assert_int_equal(pmp_isolation.verify(&space, &why), OK);
	/* Rights that the hardware doesn't take away. */
	space.entries[0].config &= ~PMP_X;
	assert_int_equal(pmp_isolation.verify(&space, &why), ERR_LIMIT);
	assert_says("(0x1f) instead of 0x");
	assert_says("(0x1b)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_count, set_up),
		cmocka_unit_test_setup(test_entry_without_napot, set_up),
		cmocka_unit_test_setup(test_locked, set_up),
		cmocka_unit_test_setup(test_grain, set_up),
		cmocka_unit_test_setup(test_map, set_up),
		cmocka_unit_test_setup(test_activate, set_up),
		cmocka_unit_test_setup(test_verify, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
