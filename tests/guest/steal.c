/* SPDX-License-Identifier: MIT */
/*
 * Two capsules that never sleep share a hart, and each compares the time that it is told was
 * stolen from it with what it sees itself: gaps in `time`. Run it with -icount, where nothing else
 * makes gaps.
 */
#include "kit/csr.h"
#include "kit/kit.h"
#include "kit/print.h"
#include "kit/sbi.h"
#include "kit/test.h"

#define GAP	 200 /* ticks: more than any exit takes, less than a turn */
#define DURATION 20  /* parts of a second: one */

/* "STA Shared Memory Structure". */
static volatile struct {
	uint32_t sequence, flags;
	uint64_t steal;
	unsigned char preempted, pad[47];
} shared __attribute__((aligned(64)));

static uint64_t stolen(void)
{
	uint32_t before;
	uint64_t value;

	do {
		before = shared.sequence;
		value = shared.steal;
	} while (before & 1 || before != shared.sequence);
	return value;
}

static void steal_test(void)
{
	uint32_t hz = fdt_cell(&kit.fdt, fdt_path(&kit.fdt, "/cpus"), "timebase-frequency", 0, 0);
	uint64_t end, last, now, gaps = 0, told, share = 1000000000 / hz;
	unsigned long preempted = 0;
	struct sbiret r = sbi_call(SBI_STA, SBI_STA_SET, (unsigned long)&shared, 0, 0, 0, 0, 0);

	test_error(SBI_SUCCESS, r, "memory for it is taken");
	last = csr_time();
	end = last + hz / DURATION;
	for (now = last; now < end; last = now) {
		now = csr_time();
		if (now - last > GAP)
			gaps += now - last;
		preempted += shared.preempted;
	}
	told = stolen();
	gaps *= share;
	print("# %lu us of gaps, %lu us stolen, sequence %lu\n", (unsigned long)gaps / 1000,
	      (unsigned long)told / 1000, (unsigned long)shared.sequence);
	test_true(gaps > 1000000000 / DURATION / 4, "the other had its turns");
	test_true(told > gaps - gaps / 20 && told < gaps + gaps / 20,
		  "what was stolen is what was missing, within 5 %%");
	test_equal(0, preempted, "who runs isn't preempted");
	test_equal(0, shared.sequence & 1, "the sequence is even");
	sbi_call(SBI_STA, SBI_STA_SET, -1UL, -1UL, 0, 0, 0, 0);
	told = shared.steal;
	kit_delay(hz / DURATION);
	test_true(told == shared.steal, "nothing is written when it is told no more");
}

static const struct test_subject subjects[] = {{"steal", steal_test}, {0}};

void main(void)
{
	test_run(subjects);
	/* The other one wants somebody to share with until it is done, too. */
	kit_delay(5000000);
}
