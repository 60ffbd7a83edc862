/* SPDX-License-Identifier: MIT */
/*
 * Subject wfi: waiting for an interrupt in S-mode returns when one is pending
 * and enabled in sie, whatever sstatus.SIE says (privileged specification,
 * "Wait for Interrupt").
 */
#include "kit/csr.h"
#include "kit/kit.h"
#include "kit/sbi.h"
#include "kit/test.h"
#include "subjects.h"

#define NEVER (~(uint64_t)0)
#define SOON  20000

static volatile unsigned int fired;

/*
 * With SIE = 1 the interrupt may come between the look at `fired` and the wfi, which then sleeps:
 * so there is always a next one.
 */
static void on_timer(struct trap_frame *frame)
{
	(void)frame;
	fired++;
	sbi_set_timer(csr_time() + SOON);
}

static void check_pending(void)
{
	struct test_tally t = {0};

	CSR_CLEAR(sstatus, SSTATUS_SIE);
	CSR_SET(sie, SIP_SSIP);
	CSR_SET(sip, SIP_SSIP);
	for (unsigned long i = 0; i < 100; i++) {
		__asm__ volatile("wfi" : : : "memory");
		test_tally(&t, i, SIP_SSIP, CSR_READ(sip) & SIP_SSIP);
	}
	CSR_CLEAR(sip, SIP_SSIP);
	CSR_CLEAR(sie, SIP_SSIP);
	test_tally_end(&t, "wfi with an interrupt pending returns");
}

/* wfi may return early, so it stands in a loop, as in every kernel. */
static void check_timer(void)
{
	uint64_t start = csr_time();
	unsigned long rounds = 0;

	CSR_SET(sie, SIP_STIP);
	sbi_set_timer(start + SOON);
	while (!trap_is_pending(IRQ_TIMER)) {
		__asm__ volatile("wfi" : : : "memory");
		rounds++;
	}
	test_true(csr_time() - start >= SOON, "wfi with SIE = 0 sleeps till the timer");
	test_true(rounds < SOON, "it sleeps rather than spins");
	sbi_set_timer(NEVER);

	fired = 0;
	trap_on_interrupt(IRQ_TIMER, on_timer);
	sbi_set_timer(csr_time() + SOON);
	CSR_SET(sstatus, SSTATUS_SIE);
	while (!fired)
		__asm__ volatile("wfi" : : : "memory");
	CSR_CLEAR(sstatus, SSTATUS_SIE);
	CSR_CLEAR(sie, SIP_STIP);
	trap_on_interrupt(IRQ_TIMER, NULL);
	sbi_set_timer(NEVER);
	test_true(fired, "wfi with SIE = 1 takes the interrupt");
}

void wfi_test(void)
{
	check_pending();
	check_timer();
}
