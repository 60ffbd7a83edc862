/* SPDX-License-Identifier: MIT */
/*
 * Subject time: the TIME extension, Sstc where the device tree names it, and
 * the `time` counter (SBI 3.0, chapter "Timer Extension"). No check depends on
 * how fast anything is: waits have no upper bound but that of the test run.
 */
#include "kit/csr.h"
#include "kit/kit.h"
#include "kit/sbi.h"
#include "kit/string.h"
#include "kit/test.h"
#include "subjects.h"

#define NEVER	(~(uint64_t)0)
#define FAR	((uint64_t)1 << 40)
#define SHORT	2000
#define REPEATS 100

static volatile unsigned int fired, early;
static volatile uint64_t deadline;

static void on_timer(struct trap_frame *frame)
{
	(void)frame;
	fired++;
	if (csr_time() < deadline)
		early++;
	sbi_set_timer(NEVER);
}

/* Fires REPEATS times, each deadline a little after the one before. */
static void on_timer_again(struct trap_frame *frame)
{
	on_timer(frame);
	if (fired < REPEATS) {
		deadline += 100;
		sbi_set_timer(deadline);
	}
}

static bool pending(void)
{
	return trap_is_pending(IRQ_TIMER);
}

static void wait_pending(void)
{
	while (!pending())
		;
}

static void check_counter(void)
{
	uint64_t before = csr_time(), start = before;
	struct test_tally t = {0};

	for (unsigned long i = 0; i < 1000; i++) {
		uint64_t now = csr_time();

		test_tally(&t, i, 1, now >= before);
		before = now;
	}
	test_tally_end(&t, "time never goes back");
	while (csr_time() == start)
		;
	test_true(csr_time() > start, "time goes on");
}

static void check_pending(void)
{
	CSR_CLEAR(sie, SIP_STIP);
	test_error(SBI_SUCCESS, sbi_set_timer(csr_time() + FAR), "set_timer, far future");
	test_true(!pending(), "nothing is pending before the time");

	test_error(SBI_SUCCESS, sbi_set_timer(csr_time() + SHORT), "set_timer, near future");
	wait_pending();
	test_true(true, "STIP appears when the time has come, though masked in sie");
	kit_delay(SHORT);
	test_true(pending(), "STIP stays until the timer is set again");
	test_error(SBI_SUCCESS, sbi_set_timer(NEVER), "set_timer, all ones");
	test_true(!pending(), "set_timer clears STIP, though masked in sie");

	sbi_set_timer(0);
	wait_pending();
	test_true(true, "a time in the past is pending at once");
	sbi_set_timer(csr_time() + FAR);
	test_true(!pending(), "a time in the future clears STIP");

	/* sip.STIP is read-only for the guest (privileged specification, sip). */
	sbi_set_timer(0);
	wait_pending();
	CSR_CLEAR(sip, SIP_STIP);
	test_true(pending(), "the guest can't clear STIP by itself");
	sbi_set_timer(NEVER);
	CSR_SET(sip, SIP_STIP);
	test_true(!pending(), "the guest can't set STIP by itself");
}

static void check_delivery(void)
{
	fired = early = 0;
	trap_on_interrupt(IRQ_TIMER, on_timer);
	deadline = csr_time() + SHORT;
	sbi_set_timer(deadline);
	CSR_SET(sie, SIP_STIP);
	CSR_SET(sstatus, SSTATUS_SIE);
	while (!fired)
		;
	kit_delay(SHORT);
	test_equal(1, fired, "one timer gives one interrupt");
	test_equal(0, early, "it is not early");

	CSR_CLEAR(sie, SIP_STIP);
	sbi_set_timer(0);
	wait_pending();
	kit_delay(SHORT);
	test_equal(1, fired, "sie.STIE = 0 holds the interrupt back");
	CSR_SET(sie, SIP_STIP);
	test_equal(2, fired, "it arrives when sie.STIE is set");

	CSR_CLEAR(sstatus, SSTATUS_SIE);
	sbi_set_timer(0);
	wait_pending();
	test_equal(2, fired, "sstatus.SIE = 0 holds the interrupt back");
	CSR_SET(sstatus, SSTATUS_SIE);
	test_equal(3, fired, "it arrives when sstatus.SIE is set");

	fired = early = 0;
	trap_on_interrupt(IRQ_TIMER, on_timer_again);
	deadline = csr_time() + 100;
	sbi_set_timer(deadline);
	while (fired < REPEATS)
		;
	test_equal(0, early, "%u timers in a row, none early", REPEATS);
	CSR_CLEAR(sstatus, SSTATUS_SIE);
	CSR_CLEAR(sie, SIP_STIP);
	trap_on_interrupt(IRQ_TIMER, NULL);
}

/* Sets the low half of set_timer's argument only: on RV32 the high one must count too. */
static void check_halves(void)
{
	uint64_t now = csr_time();

	sbi_set_timer((now | 0xffffffff) + 1);
	test_true(!pending(), "the high word of the time counts");
	sbi_set_timer(NEVER);
}

static bool has_sstc(void)
{
	int cpu = fdt_next_with(&kit.fdt, -1, "device_type", "cpu");

	return strstr(fdt_string(&kit.fdt, cpu, "riscv,isa", ""), "_sstc");
}

static void check_sstc(void)
{
	struct trap t;

	if (!has_sstc()) {
		/* Others may leave it reachable without naming it. */
		if (kit.diosix) {
			trap_call(&t, csr_read_stimecmp, 0, 0, 0);
			test_true(t.taken && t.frame.cause == CAUSE_ILLEGAL,
				  "stimecmp, not in the ISA string, is an illegal instruction");
		} else {
			test_skip("no Sstc", "stimecmp");
		}
		return;
	}
	csr_write_stimecmp(csr_time() + FAR);
	test_true(!pending(), "stimecmp in the future: nothing pending");
	csr_write_stimecmp(csr_time() + SHORT);
	wait_pending();
	test_true(true, "stimecmp in the past: STIP appears");
	csr_write_stimecmp(NEVER);
	test_true(!pending(), "stimecmp all ones clears STIP");
	test_true(csr_read_stimecmp() == NEVER, "stimecmp reads back");

	fired = early = 0;
	trap_on_interrupt(IRQ_TIMER, on_timer);
	deadline = csr_time() + SHORT;
	csr_write_stimecmp(deadline);
	CSR_SET(sie, SIP_STIP);
	CSR_SET(sstatus, SSTATUS_SIE);
	while (!fired)
		;
	CSR_CLEAR(sstatus, SSTATUS_SIE);
	CSR_CLEAR(sie, SIP_STIP);
	trap_on_interrupt(IRQ_TIMER, NULL);
	test_equal(0, early, "stimecmp gives an interrupt, not early");
}

void time_test(void)
{
	check_counter();
	check_pending();
	check_delivery();
	check_halves();
	check_sstc();
}
