/* SPDX-License-Identifier: MIT */
/*
 * Subject vector: all harts of the guest use vectors at the same time, and each finds its own, on
 * as many harts of the machine or on fewer. One that is started again finds none.
 */
#include "kit/csr.h"
#include "kit/smp.h"
#include "kit/test.h"
#include "kit/vector.h"
#include "smp_subjects.h"

#define ROUNDS 200
#define SLEEP  2000 /* ticks */
#define SPIN   20000

static struct vector_state set[SMP_MAX], now[SMP_MAX];
static struct test_tally tallies[SMP_MAX];
static volatile unsigned long done, traces;

/* Some rounds asleep, so that others get the hart, and some through the ends of turns. */
static void pass_time(unsigned long round)
{
	uint64_t due = csr_time() + (round % 4 ? SLEEP : SPIN);

	if (round % 4)
		sbi_set_timer(due);
	while (csr_time() < due)
		if (round % 4)
			__asm__ volatile("wfi");
}

static void hold(unsigned long number)
{
	struct vector_state *mine = &set[number], *found = &now[number];

	CSR_SET(sie, SIP_STIP);
	for (unsigned long round = 0; round < ROUNDS; round++) {
		unsigned long where = 0;

		CSR_SET(sstatus, SSTATUS_VS);
		vector_fill(mine, number, round);
		vector_load(mine);
		if (round & 1)
			CSR_CLEAR(sstatus, SSTATUS_VS);
		pass_time(round);
		CSR_SET(sstatus, SSTATUS_VS);
		vector_store(found);
		test_tally(&tallies[number], where, 0, vector_differ(mine, found, &where));
	}
	CSR_CLEAR(sie, SIP_STIP);
	__atomic_add_fetch(&done, 1, __ATOMIC_SEQ_CST);
}

static void check_all_at_once(void)
{
	struct test_tally t = {0};

	done = 0;
	for (unsigned number = 1; number < smp_count; number++)
		test_tally(&t, number, SBI_SUCCESS,
			   (unsigned long)smp_start(number, hold, number).error);
	test_tally_end(&t, "all others are started");
	hold(0);
	test_true(smp_wait_word(&done, smp_count) && smp_wait_stopped(), "all come to their end");
	for (unsigned number = 0; number < smp_count; number++)
		test_tally_end(&tallies[number], "hart %u finds its registers and CSRs, %u times",
			       number, ROUNDS);
}

/* As it was started, and then it leaves something. */
static void look(unsigned long number)
{
	static const struct vector_state none = {.vtype = VECTOR_VILL};
	unsigned long where = 0;

	CSR_SET(sstatus, SSTATUS_VS);
	vector_store(&now[number]);
	traces = vector_differ(&none, &now[number], &where);
	vector_fill(&set[number], number, 7);
	vector_load(&set[number]);
}

static void check_again(void)
{
	struct test_tally off = {0}, zero = {0};

	for (unsigned long round = 0; round < 20; round++) {
		traces = ~0UL;
		test_tally(&off, round, SBI_SUCCESS, (unsigned long)smp_start(1, look, 1).error);
		test_tally(&off, round, true, smp_wait_state(1, HSM_STOPPED));
		test_tally(&off, round, 0, smp[1].sstatus & SSTATUS_VS);
		test_tally(&zero, round, 0, traces);
	}
	test_tally_end(&off, "started again, VS is off");
	test_tally_end(&zero, "and all registers are zero");
}

void smp_vector_test(void)
{
	if (!vector_offered()) {
		test_skip("the device tree has none", "vectors");
		return;
	}
	check_all_at_once();
	check_again();
	CSR_CLEAR(sstatus, SSTATUS_VS);
}
