/* SPDX-License-Identifier: MIT */
/*
 * Subject rfence: what one hart changes in page tables and code, others see after
 * its remote fence has returned (SBI 3.0, chapter "RFENCE Extension").
 *
 * Hart 0 maps one address to two pages in turns. A page holds the number of the change
 * that mapped it, which hart 0 publishes after the fence; the others use the
 * mapping all the time, and none may find a number less than what was published before it looked.
 */
#include "kit/csr.h"
#include "kit/kit.h"
#include "kit/mmu.h"
#include "kit/smp.h"
#include "kit/test.h"
#include "kit/trap.h"
#include "smp_subjects.h"

#define VA_SHARED 0x50000000UL
#define PAGE	  4096UL
#define CHANGES	  60
#define CROSSED	  100
#define ASID	  1

static unsigned long pages[2][PAGE / XLEN_BYTES] __attribute__((aligned(4096)));
static uint32_t code[2] __attribute__((aligned(8)));
static struct mmu m;
static volatile unsigned long published, stop, stale[SMP_MAX], looks[SMP_MAX], errors;

static struct sbiret fence(unsigned long fid, unsigned long start, unsigned long size,
			   unsigned long asid)
{
	return sbi_call(SBI_RFENCE, fid, smp_others(), 0, start, size, asid, 0);
}

static void note(unsigned long number, unsigned long least, unsigned long got)
{
	if (got < least)
		stale[number]++;
	looks[number]++;
}

static void use_mapping(unsigned long number)
{
	mmu_on(&m, ASID);
	while (!stop) {
		unsigned long least = __atomic_load_n(&published, __ATOMIC_SEQ_CST);

		note(number, least, *(volatile unsigned long *)VA_SHARED);
	}
	mmu_off();
}

/* Sleeps most of the time, so that fences have to be remembered for it. */
static void use_mapping_sleeping(unsigned long number)
{
	mmu_on(&m, ASID);
	CSR_SET(sie, SIP_STIP);
	while (!stop) {
		unsigned long least;

		sbi_set_timer(csr_time() + 1000);
		while (!trap_is_pending(IRQ_TIMER))
			__asm__ volatile("wfi" : : : "memory");
		least = __atomic_load_n(&published, __ATOMIC_SEQ_CST);
		note(number, least, *(volatile unsigned long *)VA_SHARED);
	}
	sbi_set_timer(~(uint64_t)0);
	mmu_off();
}

/*
 * Nobody is in the code while it is being written: QEMU 7.2 may translate what another hart writes
 * at that moment, and keeps it, since its fence.i drops no translations.
 */
static volatile unsigned long writing, inside[SMP_MAX];

static void use_code(unsigned long number)
{
	unsigned long (*call)(void) = (unsigned long (*)(void))(unsigned long)code;

	while (!stop) {
		__atomic_store_n(&inside[number], 1, __ATOMIC_SEQ_CST);
		if (!__atomic_load_n(&writing, __ATOMIC_SEQ_CST)) {
			unsigned long least = __atomic_load_n(&published, __ATOMIC_SEQ_CST);

			note(number, least, call());
		}
		__atomic_store_n(&inside[number], 0, __ATOMIC_SEQ_CST);
	}
}

static void keep_out(void)
{
	__atomic_store_n(&writing, 1, __ATOMIC_SEQ_CST);
	for (unsigned i = 1; i < smp_count; i++)
		for (uint64_t start = csr_time(); __atomic_load_n(&inside[i], __ATOMIC_SEQ_CST) &&
						  csr_time() - start < SMP_PATIENCE;)
			;
}

static void start_all(void (*what)(unsigned long))
{
	stop = published = 0;
	for (unsigned i = 1; i < smp_count; i++) {
		stale[i] = looks[i] = 0;
		smp_start(i, what, i);
	}
	for (unsigned i = 1; i < smp_count; i++)
		for (uint64_t start = csr_time(); !looks[i] && csr_time() - start < SMP_PATIENCE;)
			;
}

static void stop_all(const char *what)
{
	struct test_tally t = {0}, used = {0};

	stop = 1;
	smp_wait_stopped();
	for (unsigned i = 1; i < smp_count; i++) {
		test_tally(&t, i, 0, stale[i]);
		test_tally(&used, i, true, looks[i] > 0);
	}
	test_tally_end(&used, "%s: all looked", what);
	test_tally_end(&t, "%s: nobody saw what was before", what);
}

static void map(unsigned long change)
{
	unsigned long *page = pages[change & 1];

	*(volatile unsigned long *)page = change;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	mmu_map(&m, VA_SHARED, (unsigned long)page, 0, PTE_RW);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static void change_mapping(void (*user)(unsigned long), unsigned long fid, unsigned long start,
			   unsigned long size, const char *what)
{
	struct test_tally t = {0};

	if (!mmu_init(&m, &mmu_modes[0])) {
		test_skip("no translation", "%s", what);
		return;
	}
	map(1);
	start_all(user);
	for (unsigned long change = 2; change < CHANGES; change++) {
		map(change);
		test_tally(&t, change, SBI_SUCCESS,
			   (unsigned long)fence(fid, start, size, ASID).error);
		published = change;
		if (change % 16 == 0)
			kit_delay(
				20000); /* on one hart the others get a turn, with their TLB full */
	}
	stop_all(what);
	test_tally_end(&t, "%s: %u fences", what, CHANGES);
}

/* addi a0, zero, value; ret. */
static void write_code(unsigned long value)
{
	__atomic_store_n(&code[0], 0x00000513 | (uint32_t)value << 20, __ATOMIC_SEQ_CST);
}

static void change_code(void)
{
	code[1] = 0x00008067;
	write_code(0);
	sbi_call(SBI_RFENCE, SBI_RFENCE_I, 0, -1UL, 0, 0, 0, 0);
	start_all(use_code);
	for (unsigned long change = 1; change < CHANGES; change++) {
		keep_out();
		write_code(change);
		fence(SBI_RFENCE_I, 0, 0, 0);
		published = change;
		__atomic_store_n(&writing, 0, __ATOMIC_SEQ_CST);
		if (change % 16 == 0)
			kit_delay(20000);
	}
	stop_all("fence.i");
}

/* --- at once --------------------------------------------------------------------------------- */

static void fence_all(unsigned long unused)
{
	(void)unused;
	for (unsigned long i = 0; i < CROSSED; i++) {
		struct sbiret r = sbi_call(SBI_RFENCE, i % 2 ? SBI_RFENCE_VMA : SBI_RFENCE_I, 0,
					   -1UL, 0, 0, 0, 0);

		sbi_send_ipi(0, -1UL);
		if (r.error)
			__atomic_add_fetch(&errors, 1, __ATOMIC_SEQ_CST);
	}
}

static void check_crossed(void)
{
	errors = 0;
	for (unsigned i = 1; i < smp_count; i++)
		smp_start(i, fence_all, i);
	fence_all(0);
	test_true(smp_wait_stopped(), "all fence all at once %u times, and nobody waits for ever",
		  CROSSED);
	test_equal(0, errors, "all of it succeeded");
	CSR_CLEAR(sip, SIP_SSIP);
}

static void check_stopped(void)
{
	struct test_tally t = {0};

	for (unsigned long fid = SBI_RFENCE_I; fid <= SBI_RFENCE_VMA_ASID; fid++)
		test_tally(&t, fid, SBI_SUCCESS, (unsigned long)fence(fid, 0, 0, 0).error);
	test_tally_end(&t, "fences of those that are stopped");
	if (!kit.diosix) {
		test_skip("not so strict elsewhere", "fences of one that isn't there");
		return;
	}
	for (unsigned long fid = SBI_RFENCE_I; fid <= SBI_RFENCE_VMA_ASID; fid++)
		test_error(SBI_ERR_INVALID_PARAM,
			   sbi_call(SBI_RFENCE, fid, 1UL << smp_count | 2, 0, 0, 0, 0, 0),
			   "function %lu of one that isn't there", fid);
}

void smp_fence_test(void)
{
	check_stopped();
	change_mapping(use_mapping, SBI_RFENCE_VMA, 0, 0, "sfence.vma of everything");
	change_mapping(use_mapping, SBI_RFENCE_VMA, VA_SHARED, PAGE, "sfence.vma of the page");
	change_mapping(use_mapping, SBI_RFENCE_VMA, VA_SHARED - PAGE, 3 * PAGE,
		       "sfence.vma of a range with it");
	change_mapping(use_mapping, SBI_RFENCE_VMA, 0, -1UL, "sfence.vma, size all ones");
	change_mapping(use_mapping, SBI_RFENCE_VMA_ASID, VA_SHARED, PAGE, "sfence.vma of its ASID");
	change_mapping(use_mapping_sleeping, SBI_RFENCE_VMA, VA_SHARED, PAGE, "of sleepers");
	change_code();
	check_crossed();
}
