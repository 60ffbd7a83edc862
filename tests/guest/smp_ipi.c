/* SPDX-License-Identifier: MIT */
/*
 * Subject ipi: IPIs to other harts, running, asleep and stopped, one by one, by mask
 * and to all (SBI 3.0, chapters "IPI Extension" and "Binary Encoding").
 */
#include "kit/csr.h"
#include "kit/kit.h"
#include "kit/print.h"
#include "kit/smp.h"
#include "kit/test.h"
#include "smp_subjects.h"

#define FLOOD 500

static volatile unsigned long received[SMP_MAX], stop, flooded;

static void on_ipi(struct trap_frame *frame)
{
	(void)frame;
	CSR_CLEAR(sip, SIP_SSIP);
	__atomic_add_fetch(&received[smp_this()], 1, __ATOMIC_SEQ_CST);
}

static void begin(void)
{
	CSR_SET(sie, SIP_SSIP);
	CSR_SET(sstatus, SSTATUS_SIE);
}

static void end(void)
{
	CSR_CLEAR(sstatus, SSTATUS_SIE);
	CSR_CLEAR(sie, SIP_SSIP);
}

static void run(unsigned long unused)
{
	(void)unused;
	begin();
	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE))
		;
	end();
}

/* Asleep with interrupts off, so that none comes between the look at `stop` and the wfi. */
static void sleep(unsigned long unused)
{
	(void)unused;
	CSR_SET(sie, SIP_SSIP);
	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		__asm__ volatile("wfi" : : : "memory");
		CSR_SET(sstatus, SSTATUS_SIE);
		CSR_CLEAR(sstatus, SSTATUS_SIE);
	}
	end();
}

static void start_all(void (*what)(unsigned long))
{
	stop = 0;
	for (unsigned i = 0; i < smp_count; i++)
		received[i] = 0;
	for (unsigned i = 1; i < smp_count; i++) {
		smp_start(i, what, i);
		smp_wait_state(i, HSM_STARTED);
	}
}

static void stop_all(void)
{
	stop = 1;
	sbi_send_ipi(0, -1UL);
	smp_wait_stopped();
}

/* That each has what is expected of it; what isn't is given time to come. */
static void expect(const unsigned long *expected, const char *what, const char *kind)
{
	struct test_tally t = {0};

	for (unsigned i = 0; i < smp_count; i++)
		smp_wait_word(&received[i], expected[i]);
	kit_delay(20000);
	for (unsigned i = 0; i < smp_count; i++)
		test_tally(&t, i, expected[i], received[i]);
	test_tally_end(&t, "%s: %s", kind, what);
}

static void check_targets(void (*what)(unsigned long), const char *kind)
{
	unsigned long expected[SMP_MAX] = {0}, base = smp[1].id;

	start_all(what);
	for (unsigned i = 1; i < smp_count; i++) {
		smp_send_ipi(i);
		expected[i]++;
		expect(expected, "one gets it, no other", kind);
	}
	sbi_send_ipi(smp_others(), 0);
	for (unsigned i = 1; i < smp_count; i++)
		expected[i]++;
	expect(expected, "all but the sender, by mask", kind);
	sbi_send_ipi(0, -1UL);
	for (unsigned i = 0; i < smp_count; i++)
		expected[i]++;
	expect(expected, "all, by base -1", kind);
	sbi_send_ipi(1, base);
	expected[1]++;
	expect(expected, "bit 0 with a base", kind);
	if (kit.diosix) {
		test_error(SBI_ERR_INVALID_PARAM, sbi_send_ipi(1UL << (XLEN - 1) | 2, 0),
			   "%s: a mask with a hart that isn't there", kind);
		test_error(SBI_ERR_INVALID_PARAM, sbi_send_ipi(1UL << smp_count, base),
			   "%s: a base with a bit too high", kind);
		expect(expected, "nothing is sent by either", kind);
	}
	stop_all();
}

static void nothing(unsigned long unused)
{
	(void)unused;
	received[1] = CSR_READ(sip) & SIP_SSIP ? 2 : 1;
}

static void check_stopped(void)
{
	test_error(SBI_SUCCESS, sbi_send_ipi(smp_others(), 0), "to those that are stopped");
	test_error(SBI_SUCCESS, smp_send_ipi(1), "to one that is stopped");
	received[1] = 0;
	smp_start(1, nothing, 0);
	test_true(smp_wait_state(1, HSM_STOPPED) && received[1], "it can still be started");
	if (kit.diosix)
		test_equal(1, received[1], "it doesn't find it pending then");
}

/* --- floods ---------------------------------------------------------------------------------- */

static void flood(unsigned long number)
{
	begin();
	for (unsigned long i = 0; i < FLOOD; i++)
		sbi_send_ipi(0, -1UL);
	__atomic_add_fetch(&flooded, 1, __ATOMIC_SEQ_CST);
	if (number)
		while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE))
			;
	else
		smp_wait_word(&flooded, smp_count);
	end();
}

static void check_flood(void)
{
	unsigned long least = ~0UL, last;

	flooded = 0;
	start_all(flood);
	flood(0);
	test_equal(smp_count, flooded, "all send %u IPIs to all at once, and come to the end",
		   FLOOD);
	CSR_SET(sstatus, SSTATUS_SIE);
	for (unsigned i = 0; i < smp_count; i++)
		if (received[i] < least)
			least = received[i];
	test_true(least > 0, "everybody received some");
	last = received[1];
	smp_send_ipi(1);
	test_true(smp_wait_word(&received[1], last + 1) || received[1] > last,
		  "and receives what comes afterwards");
	CSR_CLEAR(sstatus, SSTATUS_SIE);
	stop_all();
}

void smp_ipi_test(void)
{
	trap_on_interrupt(IRQ_SOFT, on_ipi);
	begin(); /* hart 0 has its own */
	check_targets(run, "running");
	check_targets(sleep, "asleep");
	check_stopped();
	check_flood();
	end();
	CSR_CLEAR(sip, SIP_SSIP);
	trap_on_interrupt(IRQ_SOFT, NULL);
}
