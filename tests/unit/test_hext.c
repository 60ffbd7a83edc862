/* SPDX-License-Identifier: MIT */
/*
 * The `hext` back end (src/riscv/hext/hext.c) on a hart whose registers are variables: what its
 * PMP entries open, that a change of capsule writes none of them, what is refused, and that a
 * refused capsule leaves nothing behind. The tables are test_gstage.c's subject.
 */
#include "unit.h"

#include "core/arch.h"
#include "riscv/csr.h"

static xlen_t fake_hgatp;
#undef csr_read
#define csr_read(name) (fake_##name)
#include "fake/said.h"
#include "riscv/hext/gstage.h"
#include "riscv/hext/hext.c"

static struct cpu cpu;
static struct pmp_entry written[HEXT_PMP_SLOTS];
static unsigned writes, fences;
static uint64_t coarsest;
static struct ram_map ram;
static struct reason why;
static uint8_t *memory;

_Thread_local struct hart *arch_this_hart;

bool pmp_write_address(unsigned slot, xlen_t value)
{
	/* Never while any entry is in force. */
	for (unsigned i = 0; i < HEXT_PMP_SLOTS; i++)
		assert_int_equal(written[i].config & PMP_A, PMP_OFF);
	written[slot].address = value;
	writes++;
	return true;
}

bool pmp_write_config(unsigned csr, xlen_t value)
{
	assert_int_equal(csr, 0);
	for (unsigned i = 0; i < 8; i++)
		written[i].config = value >> (8 * i);
	writes++;
	return true;
}

void pmp_fence(struct cpu *of)
{
	of->pmp_dirty = false;
	fences++;
}

uint64_t pmp_grain(void)
{
	return coarsest;
}

enum status pmp_verify(const struct pmp_entry *entries, unsigned count, struct reason *reason)
{
	for (unsigned i = 0; i < count; i++)
		if (entries[i].address != written[i].address ||
		    entries[i].config != written[i].config)
			return refuse(reason, ERR_LIMIT, "entry %u", i);
	return OK;
}

const struct isolation_ops pmp_isolation;

static int set_up(void **state)
{
	(void)state;
	cpu = (struct cpu){
		.has_hypervisor = true,
		.gstage_modes = 1u << 8 | 1u << 9,
		.pmp_slots = 16,
	};
	arch_this_hart = &cpu.hart;
	wall = (struct wall){.count = 0};
	memset(&pool, 0, sizeof(pool));
	memset(&ram, 0, sizeof(ram));
	memset(written, 0, sizeof(written));
	writes = fences = 0;
	coarsest = PAGE_SIZE;
	memory = aligned_alloc(MIB(2), MIB(64));
	assert_int_equal(ram_add(&ram, (struct hpa_range){{(uintptr_t)memory}, MIB(64)}, &why), OK);
	hext_init(&ram);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	free(memory);
	return 0;
}

static struct space make(uint64_t from, uint64_t to, uint64_t size)
{
	struct space space = {.ops = &hext_isolation};

	assert_int_equal(
		hext_isolation.map(&space, (gpa_t){from}, (hpa_t){to}, size, ALLOW_ALL, &why), OK);
	return space;
}

/* What the entries that are in force allow at one place. */
static void expect(uint64_t at, unsigned allow)
{
	assert_int_equal(pmp_lookup(written, HEXT_PMP_SLOTS, at, 8), allow);
}

static void test_wall(void **state)
{
	struct space one = make(0x80000000, GIB(8), MIB(4));
	struct space other = make(0x80000000, GIB(8) + MIB(4), MIB(2));
	struct space far = make(GIB(1), GIB(16), MIB(2));

	(void)state;
	hext_isolation.activate(&one);
	expect(pool.base.raw, ALLOW_READ);
	expect(pool.base.raw + GSTAGE_POOL_SIZE - 8, ALLOW_READ);
	expect(pool.base.raw + GSTAGE_POOL_SIZE, 0);
	expect(GIB(8) - 8, 0);
	expect(GIB(8), ALLOW_ALL);
	expect(GIB(8) + MIB(6) - 8, ALLOW_ALL);
	expect(GIB(8) + MIB(6), 0);
	expect(GIB(16), ALLOW_ALL);
	expect(GIB(16) + MIB(2), 0);
	expect(0x10000000, 0);
	/* Neighbours are one range. */
	assert_int_equal(wall.count, 2);

	/* A change of capsule writes nothing and fences nothing. */
	writes = fences = 0;
	hext_isolation.activate(&other);
	hext_isolation.activate(&far);
	hext_isolation.activate(&one);
	assert_int_equal(writes + fences, 0);

	/* After one of the other kind all is written anew, and fenced. */
	hext_leave(&cpu);
	expect(GIB(8), 0);
	expect(pool.base.raw, 0);
	assert_true(cpu.pmp_dirty);
	hext_isolation.activate(&one);
	expect(GIB(8), ALLOW_ALL);
	assert_int_equal(fences, 1);
	assert_false(cpu.pmp_dirty);
	hext_leave(&cpu);
	writes = 0;
	hext_leave(&cpu);
	assert_int_equal(writes, 0);
}

static void test_hgatp(void **state)
{
	struct space one = make(0x80000000, GIB(8), MIB(4));
	struct space wide = make((uint64_t)1 << 41, GIB(9), MIB(2));
	struct space plain = {.ops = &pmp_isolation};

	(void)state;
	assert_int_equal(hext_hgatp(&one, 5) >> 60, 8);
	assert_int_equal(hext_hgatp(&one, 5) >> 44 & 0x3fff, 5);
	assert_int_equal(hext_hgatp(&one, 5) << 20 >> 20, one.stage_root.raw >> 12);
	assert_int_equal(hext_hgatp(&wide, 0x3fff) >> 44, 9 << 16 | 0x3fff);
	assert_int_equal(hext_hgatp(&plain, 5), 0);

	hext_isolation.activate(&one);
	fake_hgatp = hext_hgatp(&one, 77);
	assert_int_equal(hext_isolation.verify(&one, &why), OK);
	fake_hgatp = 0;
	assert_int_equal(hext_isolation.verify(&one, &why), ERR_LIMIT);
	assert_non_null(strstr(why.text, "hgatp reads back as 0x0"));
	fake_hgatp = hext_hgatp(&one, 77);
	written[1].address ^= 1;
	assert_int_equal(hext_isolation.verify(&one, &why), ERR_LIMIT);
}

/* What a capsule took is given back, also out of the middle of a range. */
static void test_unmap(void **state)
{
	struct space first = make(0x80000000, GIB(8), MIB(2));
	struct space middle = make(0x80000000, GIB(8) + MIB(2), MIB(2));
	struct space last = make(0x80000000, GIB(8) + MIB(4), MIB(2));
	unsigned pages = 0;

	(void)state;
	assert_int_equal(wall.count, 1);
	hext_isolation.unmap(&middle);
	assert_int_equal(wall.count, 2);
	hext_isolation.activate(&first);
	expect(GIB(8), ALLOW_ALL);
	expect(GIB(8) + MIB(2), 0);
	expect(GIB(8) + MIB(4), ALLOW_ALL);
	hext_isolation.unmap(&first);
	hext_isolation.unmap(&last);
	hext_isolation.unmap(&last);
	assert_int_equal(wall.count, 0);
	for (unsigned i = 0; i < GSTAGE_POOL_PAGES; i++)
		pages += pool.owner[i] != 0;
	assert_int_equal(pages, 0);
}

static enum status try_map(struct space *space, uint64_t from, uint64_t to, uint64_t size)
{
	return hext_isolation.map(space, (gpa_t){from}, (hpa_t){to}, size, ALLOW_ALL, &why);
}

static void test_too_many_pieces(void **state)
{
	struct space spaces[16] = {{.ops = NULL}};
	unsigned count = 0, before;

	(void)state;
	/* TOR pairs: not powers of two. */
	while (try_map(&spaces[count], 0x80000000, GIB(8 + count), MIB(6)) == OK)
		count++;
	assert_int_equal(count, 3);
	assert_non_null(strstr(why.text, "3 pieces"));
	hext_isolation.unmap(&spaces[count]);
	/* All is as before. */
	before = wall.count;
	hext_isolation.activate(&spaces[0]);
	expect(GIB(8 + count), 0);
	expect(GIB(8), ALLOW_ALL);
	assert_int_equal(before, 3);

	/* One more region than a space has room for. */
	spaces[0].region_count = SPACE_REGIONS_MAX;
	assert_int_equal(try_map(&spaces[0], GIB(4), GIB(8) + MIB(6), MIB(2)), ERR_LIMIT);
	spaces[0].region_count = 1;
	/* The same guest address twice. */
	assert_int_equal(try_map(&spaces[0], 0x80000000, GIB(8) + MIB(6), MIB(2)), ERR_OVERLAP);
}

static void refused(const char *word)
{
	const char *text = hext_unfit(&cpu);

	assert_non_null(text);
	assert_non_null(strstr(text, word));
	fake_said(text);
}

static void test_unfit(void **state)
{
	(void)state;
	assert_null(hext_unfit(&cpu));
	pool.memory = NULL;
	refused("no memory");
	cpu.pmp_slots = 7;
	refused("too few PMP entries");
	cpu.gstage_modes = 1u << 9;
	refused("without Sv39x4");
	cpu.has_hypervisor = false;
	refused("no H extension");
}

static void test_places(void **state)
{
	struct ram_map none = {.count = 0};

	(void)state;
	assert_true(hext_isolation.translates);
	assert_int_equal(hext_isolation.guest_address((hpa_t){GIB(9)}).raw, 0x80000000);
	assert_int_equal(hext_isolation.alignment(MIB(32)), MIB(2));
	coarsest = MIB(4);
	assert_int_equal(hext_isolation.alignment(MIB(32)), MIB(4));
	/* A machine without room for tables still runs capsules by PMP. */
	pool.memory = NULL;
	hext_init(&none);
	assert_null(pool.memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_wall, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_hgatp, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_unmap, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_too_many_pieces, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_unfit, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_places, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
