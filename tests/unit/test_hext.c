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

enum { SLOTS = 16 };

/* Where guests have RAM that is none of this program's. */
#define FAR ((uint64_t)1 << 49)

static struct cpu cpu;
static struct pmp_entry written[SLOTS];
static unsigned writes, fences;
static uint64_t coarsest;
static struct ram_map ram;
static unsigned capsules;
static struct reason why;
static uint8_t *memory;

_Thread_local struct hart *arch_this_hart;

bool pmp_write_address(unsigned slot, xlen_t value)
{
	/* Never while any entry is in force. */
	for (unsigned i = 0; i < SLOTS; i++)
		assert_int_equal(written[i].config & PMP_A, PMP_OFF);
	written[slot].address = value;
	writes++;
	return true;
}

bool pmp_write_config(unsigned csr, xlen_t value)
{
	assert_true(csr == 0 || csr == 2);
	for (unsigned i = 0; i < 8; i++)
		written[4 * csr + i].config = value >> (8 * i);
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
	wall = (struct wall){.entry_count = 0};
	edition = 0;
	memset(&pool, 0, sizeof(pool));
	memset(&ram, 0, sizeof(ram));
	memset(written, 0, sizeof(written));
	writes = fences = 0;
	coarsest = PAGE_SIZE;
	memory = aligned_alloc(MIB(2), MIB(64));
	assert_int_equal(ram_add(&ram, (struct hpa_range){{(uintptr_t)memory}, MIB(64)}, &why), OK);
	hext_init(&ram, SLOTS);
	/* Far away from there is more, of which nothing is ever touched. */
	assert_int_equal(ram_add(&ram, (struct hpa_range){{FAR}, GIB(16)}, &why), OK);
	capsules = 0;
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
	struct space space = {.ops = &hext_isolation, .end = {from + size}};

	assert_int_equal(ram_claim(&ram, (struct hpa_range){{to}, size},
				   RAM_OWNER_STAGED + ++capsules, "it", &why),
			 OK);
	assert_int_equal(
		hext_isolation.map(&space, (gpa_t){from}, (hpa_t){to}, size, ALLOW_ALL, &why), OK);
	return space;
}

/* What the entries that are in force allow at one place. */
static void expect(uint64_t at, unsigned allow)
{
	assert_int_equal(pmp_lookup(written, SLOTS, at, 8), allow);
}

static void test_wall(void **state)
{
	struct space one = make(0x80000000, FAR + GIB(8), MIB(4));
	struct space other = make(0x80000000, FAR + GIB(8) + MIB(4), MIB(2));
	struct space far = make(GIB(1), FAR + GIB(12), MIB(2));

	(void)state;
	assert_int_equal(hext_seal(&why), OK);
	hext_isolation.activate(&one);
	expect(pool.base.raw, ALLOW_READ);
	expect(pool.base.raw + GSTAGE_POOL_SIZE - 8, ALLOW_READ);
	expect(pool.base.raw + GSTAGE_POOL_SIZE, 0);
	expect(FAR + GIB(8) - 8, 0);
	expect(FAR + GIB(8), ALLOW_ALL);
	expect(FAR + GIB(8) + MIB(6) - 8, ALLOW_ALL);
	expect(FAR + GIB(8) + MIB(6), 0);
	expect(FAR + GIB(12), ALLOW_ALL);
	expect(FAR + GIB(12) + MIB(2), 0);
	expect(0x10000000, 0);

	/* A change of capsule writes nothing and fences nothing. */
	writes = fences = 0;
	hext_isolation.activate(&other);
	hext_isolation.activate(&far);
	hext_isolation.activate(&one);
	assert_int_equal(writes + fences, 0);

	/* After one of the other kind all is written anew, and fenced. */
	hext_leave(&cpu);
	expect(FAR + GIB(8), 0);
	expect(pool.base.raw, 0);
	assert_true(cpu.pmp_dirty);
	hext_isolation.activate(&one);
	expect(FAR + GIB(8), ALLOW_ALL);
	assert_int_equal(fences, 1);
	assert_false(cpu.pmp_dirty);
	hext_leave(&cpu);
	writes = 0;
	hext_leave(&cpu);
	assert_int_equal(writes, 0);
}

/* Built anew, it is in force on a hart from its next switch on. */
static void test_seal_again(void **state)
{
	struct space one = make(0x80000000, FAR + GIB(8), MIB(4));

	(void)state;
	assert_int_equal(hext_seal(&why), OK);
	hext_isolation.activate(&one);
	make(0x80000000, FAR + GIB(9), MIB(2));
	assert_int_equal(hext_seal(&why), OK);
	expect(FAR + GIB(9), 0);
	hext_isolation.activate(&one);
	expect(FAR + GIB(9), ALLOW_ALL);
	/* A machine without H has nothing to seal. */
	pool.memory = NULL;
	assert_int_equal(hext_seal(&why), OK);
}

static void test_hgatp(void **state)
{
	struct space one = make(0x80000000, FAR + GIB(8), MIB(4));
	struct space wide = make((uint64_t)1 << 41, FAR + GIB(9), MIB(2));
	struct space plain = {.ops = &pmp_isolation};

	(void)state;
	assert_int_equal(hext_hgatp(&one, 5) >> 60, 8);
	assert_int_equal(hext_hgatp(&one, 5) >> 44 & 0x3fff, 5);
	assert_int_equal(hext_hgatp(&one, 5) << 20 >> 20, one.stage_root.raw >> 12);
	assert_int_equal(hext_hgatp(&wide, 0x3fff) >> 44, 9 << 16 | 0x3fff);
	assert_int_equal(hext_hgatp(&plain, 5), 0);
	assert_int_equal(hext_seal(&why), OK);

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

/* What a capsule took is given back; twice is once. */
static void test_unmap(void **state)
{
	struct space first = make(0x80000000, FAR + GIB(8), MIB(2));
	struct space last = make(0x80000000, FAR + GIB(8) + MIB(4), MIB(2));
	unsigned pages = 0;

	(void)state;
	hext_isolation.unmap(&first);
	assert_int_equal(first.region_count, 0);
	hext_isolation.unmap(&last);
	hext_isolation.unmap(&last);
	for (unsigned i = 0; i < GSTAGE_POOL_PAGES; i++)
		pages += pool.owner[i] != 0;
	assert_int_equal(pages, 0);
}

static enum status try_map(struct space *space, uint64_t from, uint64_t to, uint64_t size)
{
	return hext_isolation.map(space, (gpa_t){from}, (hpa_t){to}, size, ALLOW_ALL, &why);
}

/* A guest's RAM in pieces: each as it is told, and the shape of the tables is that of the whole. */
static void test_pieces(void **state)
{
	uint64_t from = ((uint64_t)1 << 41) - MIB(4);
	struct space space = {.ops = &hext_isolation, .end = {from + MIB(7)}};
	struct gstage stage;
	uint64_t leaf;
	unsigned allow;
	hpa_t at;

	(void)state;
	assert_int_equal(try_map(&space, from, FAR + GIB(3), MIB(2)), OK);
	assert_int_equal(try_map(&space, from + MIB(2), FAR + MIB(6), MIB(4)), OK);
	assert_int_equal(try_map(&space, from + MIB(6), FAR + GIB(9), MIB(1)), OK);
	assert_int_equal(space.region_count, 3);
	assert_int_equal(space.stage_shape, SHAPE_LAST);
	stage = stage_of(&space);
	assert_true(gstage_lookup(&stage, (gpa_t){from + MIB(4)}, &at, &allow, &leaf));
	assert_int_equal(at.raw, FAR + MIB(8));
	assert_int_equal(leaf, MIB(2));
	assert_true(gstage_lookup(&stage, (gpa_t){from + MIB(7) - 1}, &at, &allow, &leaf));
	assert_int_equal(at.raw, FAR + GIB(9) + MIB(1) - 1);
	assert_int_equal(leaf, PAGE_SIZE);
	assert_false(gstage_lookup(&stage, (gpa_t){from + MIB(7)}, &at, &allow, &leaf));
}

static void test_refusals(void **state)
{
	struct space space = make(0x80000000, FAR + GIB(8), MIB(2));

	(void)state;
	/* One more region than a space has room for. */
	space.region_count = SPACE_REGIONS_MAX;
	assert_int_equal(try_map(&space, GIB(4), FAR + MIB(6), MIB(2)), ERR_LIMIT);
	assert_non_null(strstr(why.text, "at most 16 regions"));
	space.region_count = 1;
	/* The same guest address twice. */
	assert_int_equal(try_map(&space, 0x80000000, FAR + MIB(6), MIB(2)), ERR_OVERLAP);
	coarsest = MIB(4);
	assert_int_equal(try_map(&space, GIB(4), FAR + MIB(8), MIB(6)), ERR_RANGE);
	assert_non_null(strstr(why.text, "isn't a multiple of the PMP's grain, 0x400000"));
}

/* Memory of ours lies between so many guests that the entries don't suffice: the last is refused.
 */
static void test_too_many_ranges(void **state)
{
	struct space space = {.ops = &hext_isolation, .end = {0x80000000 + MIB(6)}};
	unsigned count = 0;

	(void)state;
	for (enum status status = OK; status == OK; count++) {
		uint64_t at = FAR + MIB(16) * count;

		assert_int_equal(ram_claim(&ram, (struct hpa_range){{at}, MIB(6)},
					   RAM_OWNER_STAGED + count, "it", &why),
				 OK);
		assert_int_equal(ram_claim(&ram, (struct hpa_range){{at + MIB(8)}, PAGE_SIZE},
					   RAM_OWNER_CAPSULE + count, "it", &why),
				 OK);
		status = try_map(&space, 0x80000000, at, MIB(6));
		hext_isolation.unmap(&space);
	}
	assert_int_equal(count, 8); /* the pool's, and seven of two entries */
	assert_non_null(strstr(why.text, "8 ranges"));
	assert_non_null(strstr(why.text, "16 PMP entries"));
	assert_int_equal(hext_seal(&why), ERR_LIMIT);
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
	assert_int_equal(hext_isolation.alignment(), MIB(2));
	assert_int_equal(hext_isolation.best_alignment(GIB(1) - 1), MIB(2));
	assert_int_equal(hext_isolation.best_alignment(GIB(1)), GIB(1));
	coarsest = MIB(4);
	assert_int_equal(hext_isolation.alignment(), MIB(4));
	assert_int_equal(hext_isolation.best_alignment(MIB(32)), MIB(4));
	/* A machine without room for tables still runs capsules by PMP. */
	pool.memory = NULL;
	hext_init(&none, SLOTS);
	assert_null(pool.memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_wall, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_hgatp, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_unmap, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_seal_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_pieces, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refusals, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_too_many_ranges, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_unfit, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_places, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
