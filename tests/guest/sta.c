/* SPDX-License-Identifier: MIT */
/*
 * Subject sta: where stolen time is shown (SBI 3.0, chapter "Steal-time Accounting
 * Extension"). How much of it there is takes other capsules to say.
 */
#include "kit/csr.h"
#include "kit/kit.h"
#include "kit/sbi.h"
#include "kit/string.h"
#include "kit/test.h"
#include "subjects.h"

#define FOREIGN 0x80000000UL
#define SIZE	64

static unsigned char memory[4 * SIZE] __attribute__((aligned(SIZE)));

static struct sbiret set(unsigned long low, unsigned long high, unsigned long flags)
{
	return sbi_call(SBI_STA, SBI_STA_SET, low, high, flags, 0, 0, 0);
}

static void tally_refused(struct test_tally *t, long error, unsigned long low, unsigned long high,
			  unsigned long flags)
{
	struct sbiret r = set(low, high, flags);

	test_tally(t, low, (unsigned long)error, (unsigned long)r.error);
	test_tally(t, low, 0, r.value);
}

static void check_set(void)
{
	unsigned long here = (unsigned long)memory + SIZE;
	struct test_tally inside = {0}, outside = {0};
	struct sbiret r;

	memset(memory, 0x5a, sizeof(memory));
	r = set(here, 0, 0);
	test_error(SBI_SUCCESS, r, "memory of its own");
	test_equal(0, r.value, "the value is 0");
	/* Alone on its hart, nothing is stolen; `sequence` may have been counted on. */
	for (unsigned long i = 4; i < SIZE; i++)
		test_tally(&inside, i, 0, memory[SIZE + i]);
	for (unsigned long i = 0; i < SIZE; i++) {
		test_tally(&outside, i, 0x5a, memory[i]);
		test_tally(&outside, i, 0x5a, memory[2 * SIZE + i]);
	}
	test_tally_end(&inside, "its 64 bytes are zeroed");
	test_tally_end(&outside, "and none beside them");
	test_equal(0, *(volatile unsigned int *)here & 1, "the sequence is even");
	test_error(SBI_SUCCESS, set(here + SIZE, 0, 0), "another place");
	test_equal(0, memory[2 * SIZE], "is zeroed as well");
	test_error(SBI_SUCCESS, set(-1UL, -1UL, 0), "no more, by -1 and -1");
	memory[2 * SIZE] = 0x77;
	test_error(SBI_SUCCESS, set(-1UL, -1UL, 0), "no more, once more");
	test_equal(0x77, memory[2 * SIZE], "nothing is written then");
}

static void check_refused(void)
{
	unsigned long here = (unsigned long)memory;
	unsigned long end = (unsigned long)(kit.ram_base + kit.ram_size);
	unsigned long ends[] = {FOREIGN,	 0, 0x10000000, end, -(unsigned long)SIZE,
				FOREIGN + 0x1000};
	struct test_tally flags = {0}, alignment = {0}, address = {0};

	memset(memory, 0x5a, sizeof(memory));
	for (unsigned int bit = 0; bit < XLEN; bit++) {
		tally_refused(&flags, SBI_ERR_INVALID_PARAM, here, 0, 1UL << bit);
		tally_refused(&flags, SBI_ERR_INVALID_PARAM, -1UL, -1UL, 1UL << bit);
	}
	for (unsigned long offset = 1; offset < SIZE; offset++)
		tally_refused(&alignment, SBI_ERR_INVALID_PARAM, here + offset, 0, 0);
	tally_refused(&alignment, SBI_ERR_INVALID_PARAM, -1UL, 0, 0);
	for (unsigned long i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		tally_refused(&address, SBI_ERR_INVALID_ADDRESS, ends[i], 0, 0);
	tally_refused(&address, SBI_ERR_INVALID_ADDRESS, here, 1, 0);
	tally_refused(&address, SBI_ERR_INVALID_ADDRESS, here, -1UL, 0);
	test_tally_end(&flags, "flags that aren't 0: INVALID_PARAM");
	test_tally_end(&alignment, "an address that isn't a multiple of 64: INVALID_PARAM");
	test_tally_end(&address, "memory that isn't its own: INVALID_ADDRESS");
	for (unsigned long i = 0; i < sizeof(memory); i++)
		if (memory[i] != 0x5a) {
			test_true(false, "a call that is refused writes nothing");
			return;
		}
	test_true(true, "a call that is refused writes nothing");
	/* The last 64 bytes of RAM are still its own. */
	test_error(SBI_SUCCESS, set(end - SIZE, 0, 0), "the end of RAM");
	set(-1UL, -1UL, 0);
}

void sta_test(void)
{
	if (!sbi_probe(SBI_STA)) {
		test_skip("firmware steals nothing", "STA");
		return;
	}
	check_set();
	check_refused();
}
