/* SPDX-License-Identifier: MIT */
/*
 * Subject rfence: remote fences, with one vCPU: all are of itself (SBI 3.0,
 * chapter "RFENCE Extension").
 */
#include "kit/csr.h"
#include "kit/kit.h"
#include "kit/mmu.h"
#include "kit/sbi.h"
#include "kit/test.h"
#include "subjects.h"

/* One call of the extension, to this hart unless said otherwise. */
static struct sbiret fence(unsigned long fid, unsigned long start, unsigned long size,
			   unsigned long asid)
{
	return sbi_call(SBI_RFENCE, fid, 1, kit.hart, start, size, asid, 0);
}

static struct sbiret fence_of(unsigned long fid, unsigned long mask, unsigned long base)
{
	return sbi_call(SBI_RFENCE, fid, mask, base, 0, 0, 0, 0);
}

static void check_ranges(void)
{
	static const struct {
		const char *what;
		unsigned long start, size;
	} ranges[] = {
		{"one page", 0x1000, 0x1000},	 {"start and size 0", 0, 0},
		{"size all ones", 0x1000, -1UL}, {"start 0, size all ones", 0, -1UL},
		{"a huge range", 0, -1UL >> 1},	 {"up to the top of memory", -0x1000UL, 0x1000},
		{"no page", 0x1000, 0},		 {"not aligned", 0x1001, 3},
	};

	test_error(SBI_SUCCESS, fence(SBI_RFENCE_I, 0, 0, 0), "fence_i");
	for (unsigned long i = 0; i < sizeof(ranges) / sizeof(*ranges); i++) {
		test_error(SBI_SUCCESS, fence(SBI_RFENCE_VMA, ranges[i].start, ranges[i].size, 0),
			   "sfence_vma, %s", ranges[i].what);
		test_error(SBI_SUCCESS,
			   fence(SBI_RFENCE_VMA_ASID, ranges[i].start, ranges[i].size, 1),
			   "sfence_vma_asid, %s", ranges[i].what);
	}
	test_error_either(SBI_SUCCESS, SBI_ERR_INVALID_ADDRESS,
			  fence(SBI_RFENCE_VMA, -0x1000UL, 0x3000, 0),
			  "sfence_vma, a range that wraps");
	test_error_either(SBI_SUCCESS, SBI_ERR_INVALID_ADDRESS,
			  fence(SBI_RFENCE_VMA_ASID, -0x1000UL, 0x3000, 1),
			  "sfence_vma_asid, a range that wraps");
}

static void check_harts(void)
{
	struct test_tally t = {0}, bad = {0};

	for (unsigned long fid = SBI_RFENCE_I; fid <= SBI_RFENCE_VMA_ASID; fid++) {
		test_tally(&t, fid, SBI_SUCCESS, (unsigned long)fence_of(fid, 0, -1UL).error);
		test_tally(&t, fid, SBI_SUCCESS, (unsigned long)fence_of(fid, -1UL, -1UL).error);
		test_tally(&t, fid, SBI_SUCCESS, (unsigned long)fence_of(fid, 0, kit.hart).error);
	}
	test_tally_end(&t, "base -1 is everybody, mask 0 is nobody");

	/* OpenSBI leaves unknown harts out in silence. */
	if (!kit.diosix) {
		test_skip("not so strict elsewhere", "harts that are not there: INVALID_PARAM");
		test_skip("not so strict elsewhere", "ASID out of range: INVALID_PARAM");
		return;
	}
	for (unsigned long fid = SBI_RFENCE_I; fid <= SBI_RFENCE_VMA_ASID; fid++) {
		static const unsigned long pairs[][2] = {{2, 0},    {1, 1},    {0x8001, 0},
							 {1, 4096}, {1, -2UL}, {4, -2UL}};

		for (unsigned long i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
			struct sbiret r = fence_of(fid, pairs[i][0], pairs[i][1]);

			test_tally(&bad, fid << 8 | i, SBI_ERR_INVALID_PARAM,
				   (unsigned long)r.error);
		}
	}
	test_tally_end(&bad, "harts that are not there: INVALID_PARAM");
	test_error(SBI_ERR_INVALID_PARAM, fence(SBI_RFENCE_VMA_ASID, 0, 0, 1UL << SATP_ASID_BITS),
		   "ASID out of range: INVALID_PARAM");
	test_error(SBI_ERR_INVALID_PARAM, fence(SBI_RFENCE_VMA_ASID, 0, 0, -1UL),
		   "ASID all ones: INVALID_PARAM");
}

/* Without H there is nothing that an hfence could do. */
static void check_hfence(void)
{
	struct test_tally t = {0};

	for (unsigned long fid = SBI_RFENCE_VMA_ASID + 1; fid <= SBI_RFENCE_LAST; fid++)
		test_tally(&t, fid, SBI_ERR_NOT_SUPPORTED,
			   (unsigned long)fence(fid, 0, 0, 0).error);
	test_tally_end(&t, "hfence functions: NOT_SUPPORTED");
}

/* addi a0, zero, value; ret: written over itself, with the SBI's fence in between. */
static void check_fence_i(void)
{
	static uint32_t code[2] __attribute__((aligned(8)));
	struct test_tally t = {0};

	code[1] = 0x00008067;
	for (uint32_t value = 0; value < 100; value++) {
		struct trap trap;

		*(volatile uint32_t *)&code[0] = 0x00000513 | value << 20;
		fence(SBI_RFENCE_I, 0, 0, 0);
		trap_call(&trap, code, 0, 0, 0);
		test_tally(&t, value, value, trap.taken ? ~0UL : trap.value);
	}
	test_tally_end(&t, "code written before fence_i is what runs after it");
}

/* A mapping changes from one page to the other, with only the SBI's fence after it. */
static void check_mapping(unsigned long fid, unsigned long asid, const char *what)
{
	static unsigned long pages[2][1024] __attribute__((aligned(4096)));
	const unsigned long va = 0x40001000;
	struct test_tally t = {0};
	unsigned long *entry;
	struct mmu m;

	if (!mmu_init(&m, &mmu_modes[0])) {
		test_skip("no translation", "%s", what);
		return;
	}
	pages[0][0] = 0x1111;
	pages[1][0] = 0x2222;
	entry = mmu_map(&m, va, (unsigned long)pages[0], 0, PTE_RW);
	mmu_on(&m, asid);
	for (unsigned long i = 0; i < 50; i++) {
		struct trap trap;

		*(volatile unsigned long *)entry = mmu_pte((unsigned long)pages[i & 1], PTE_RW);
		fence(fid, va, 0x1000, asid);
		trap_call(&trap, probe_load, va, 0, 0);
		test_tally(&t, i, pages[i & 1][0], trap.taken ? ~0UL : trap.value);
	}
	mmu_off();
	test_tally_end(&t, "%s", what);
}

void rfence_test(void)
{
	check_ranges();
	check_harts();
	check_hfence();
	check_fence_i();
	check_mapping(SBI_RFENCE_VMA, 0, "a mapping changed before sfence_vma is seen after it");
	check_mapping(SBI_RFENCE_VMA_ASID, 5,
		      "a mapping changed before sfence_vma_asid is seen after it");
}
