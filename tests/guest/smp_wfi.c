/* SPDX-License-Identifier: MIT */
/*
 * Subject wfi: no wake-up is lost. Two harts throw a ball to and fro by IPI, and each
 * sleeps until it comes; a lost IPI leaves both asleep, until the timer of hart 0
 * ends the game. How often: the boot argument rounds=.
 */
#include "kit/csr.h"
#include "kit/kit.h"
#include "kit/smp.h"
#include "kit/test.h"
#include "kit/trap.h"
#include "smp_subjects.h"

#define ROUNDS	500
#define GIVE_UP 600000000UL /* a minute at 10 MHz */

static volatile unsigned long ball;

/* Until an IPI comes, or, with `timed`, the timer's interrupt. */
static void sleep(bool timed)
{
	while (!(CSR_READ(sip) & SIP_SSIP) && !(timed && trap_is_pending(IRQ_TIMER)))
		__asm__ volatile("wfi" : : : "memory");
	CSR_CLEAR(sip, SIP_SSIP);
}

/* Odd balls are hart 1's. */
static void throw_back(unsigned long last)
{
	CSR_SET(sie, SIP_SSIP);
	while (ball < last) {
		sleep(false);
		if (__atomic_load_n(&ball, __ATOMIC_SEQ_CST) & 1) {
			__atomic_add_fetch(&ball, 1, __ATOMIC_SEQ_CST);
			smp_send_ipi(0);
		}
	}
}

static unsigned long rounds(void)
{
	unsigned long value = 0;
	char text[16];

	if (!kit_argument("rounds", text, sizeof(text)))
		return ROUNDS;
	for (const char *p = text; *p >= '0' && *p <= '9'; p++)
		value = value * 10 + (unsigned long)(*p - '0');
	return value;
}

static void check_pairs(void)
{
	unsigned long count = rounds(), thrown = 0;

	ball = 0;
	CSR_CLEAR(sip, SIP_SSIP);
	CSR_SET(sie, SIP_SSIP | SIP_STIP);
	sbi_set_timer(csr_time() + GIVE_UP);
	smp_start(1, throw_back, 2 * count);
	smp_wait_state(1, HSM_STARTED);
	for (; thrown < count && !trap_is_pending(IRQ_TIMER); thrown++) {
		__atomic_add_fetch(&ball, 1, __ATOMIC_SEQ_CST);
		smp_send_ipi(1);
		while ((ball & 1) && !trap_is_pending(IRQ_TIMER))
			sleep(true);
	}
	test_equal(count, thrown, "a ball is thrown to and fro %lu times, and no wake-up is lost",
		   count);
	sbi_set_timer(~(uint64_t)0);
	CSR_CLEAR(sie, SIP_SSIP | SIP_STIP);
	CSR_CLEAR(sip, SIP_SSIP);
	smp_wait_stopped();
}

/* --- a token, among all, between timers ----------------------------------------------------- */

static volatile unsigned long token, passed, enough, over;
static uint64_t give_up;

static unsigned long random_below(uint32_t *state, uint32_t bound)
{
	*state = *state * 1103515245 + 12345;
	return (*state >> 8) % bound;
}

/* A timer soon, or none: hart 0's is never later than the end of patience. */
static void set_some_timer(unsigned long number, uint32_t *state)
{
	if (random_below(state, 2))
		sbi_set_timer(csr_time() + random_below(state, 2000));
	else
		sbi_set_timer(number ? ~(uint64_t)0 : give_up);
}

/* Asleep until it has the token. What is looked at last is looked at after SSIP is cleared. */
static void wait_for_token(unsigned long number, uint32_t *state)
{
	for (;;) {
		CSR_CLEAR(sip, SIP_SSIP);
		if (__atomic_load_n(&token, __ATOMIC_SEQ_CST) == number ||
		    __atomic_load_n(&over, __ATOMIC_SEQ_CST))
			return;
		if (!number && csr_time() >= give_up)
			over = 1;
		set_some_timer(number, state);
		__asm__ volatile("wfi" : : : "memory");
	}
}

static void pass_on(unsigned long number)
{
	uint32_t state = 977 * (uint32_t)number + 1;

	CSR_SET(sie, SIP_SSIP | SIP_STIP);
	for (;;) {
		unsigned long next;

		wait_for_token(number, &state);
		if (over)
			break;
		for (volatile unsigned long n = random_below(&state, 300); n; n--)
			;
		next = (number + 1 + random_below(&state, smp_count - 1)) % smp_count;
		if (++passed == enough)
			over = 1;
		__atomic_store_n(&token, next, __ATOMIC_SEQ_CST);
		smp_send_ipi(next);
	}
	sbi_send_ipi(0, -1UL);
	sbi_set_timer(~(uint64_t)0);
	CSR_CLEAR(sie, SIP_SSIP | SIP_STIP);
	CSR_CLEAR(sip, SIP_SSIP);
}

static void check_token(void)
{
	token = passed = over = 0;
	enough = 4 * rounds();
	give_up = csr_time() + GIVE_UP;
	for (unsigned i = 1; i < smp_count; i++)
		smp_start(i, pass_on, i);
	pass_on(0);
	test_equal(enough, passed,
		   "a token is passed on %lu times between timers, and none is lost", enough);
	test_true(smp_wait_stopped(), "and all come to the end");
	CSR_CLEAR(sip, SIP_SSIP);
}

/* --- timers ---------------------------------------------------------------------------------- */

#define BEATS  50
#define PERIOD 10000 /* 1 ms at 10 MHz */

static volatile unsigned long beats[SMP_MAX], early, together;

/* All at the same moments: `together`, and a period later each. */
static void beat(unsigned long number)
{
	uint64_t due = together;

	CSR_SET(sie, SIP_STIP);
	for (unsigned long i = 0; i < BEATS; i++) {
		due += PERIOD;
		sbi_set_timer(due);
		while (!trap_is_pending(IRQ_TIMER))
			__asm__ volatile("wfi" : : : "memory");
		if (csr_time() < due)
			early++;
		beats[number]++;
	}
	sbi_set_timer(~(uint64_t)0);
	CSR_CLEAR(sie, SIP_STIP);
}

static void check_timers(void)
{
	struct test_tally t = {0};
	uint64_t start;

	early = 0;
	start = csr_time();
	together = (unsigned long)csr_time() + PERIOD;
	for (unsigned i = 0; i < smp_count; i++)
		beats[i] = 0;
	for (unsigned i = 1; i < smp_count; i++)
		smp_start(i, beat, i);
	beat(0);
	test_true(smp_wait_stopped(), "timers of all harts at the same moments: all come");
	for (unsigned i = 0; i < smp_count; i++)
		test_tally(&t, i, BEATS, beats[i]);
	test_tally_end(&t, "each has its %u", BEATS);
	test_equal(0, early, "none came early");
	test_true(csr_time() - start >= (uint64_t)BEATS * PERIOD, "they took their time");
}

/* --- the clock ------------------------------------------------------------------------------- */

static volatile uint64_t noted[2];

static void note_time(unsigned long unused)
{
	(void)unused;
	noted[1] = csr_time();
}

static void check_clock(void)
{
	struct test_tally t = {0};

	for (unsigned long i = 0; i < 20; i++) {
		uint64_t before = csr_time();

		smp_start(1, note_time, 0);
		smp_wait_state(1, HSM_STOPPED);
		test_tally(&t, i, true, before <= noted[1] && noted[1] <= csr_time());
	}
	test_tally_end(&t, "the clock is the same on both harts");
}

void smp_wfi_test(void)
{
	check_pairs();
	check_token();
	check_timers();
	check_clock();
}
