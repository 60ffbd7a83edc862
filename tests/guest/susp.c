/* SPDX-License-Identifier: MIT */
/*
 * Subject susp: suspend of the system by its only running vCPU, and what it is refused for
 * (SBI 3.0, chapter "System Suspend Extension").
 */
#include "kit/csr.h"
#include "kit/kit.h"
#include "kit/sbi.h"
#include "kit/test.h"
#include "subjects.h"

#define NEVER	(~(uint64_t)0)
#define SOON	5000
#define TO_RAM	0UL
#define FOREIGN 0x80000000UL

/* Not in line: its arguments would be in registers when a context is saved. */
static __attribute__((noinline)) struct sbiret suspend(unsigned long type, unsigned long address,
						       unsigned long opaque)
{
	return sbi_call(SBI_SUSP, SBI_SUSP_SUSPEND, type, address, opaque, 0, 0, 0);
}

/* The timer wakes it, enabled in sie, whatever sstatus.SIE is. */
static void arm(bool interrupts)
{
	CSR_SET(sie, SIP_STIP);
	sbi_set_timer(csr_time() + SOON);
	if (interrupts)
		CSR_SET(sstatus, SSTATUS_SPIE);
}

static void disarm(void)
{
	CSR_CLEAR(sie, SIP_STIP);
	sbi_set_timer(NEVER);
}

static __attribute__((noinline)) void check_started(void)
{
	struct sbiret r = sbi_call(SBI_HSM, SBI_HSM_STATUS, kit.hart, 0, 0, 0, 0, 0);

	test_error(SBI_SUCCESS, r, "the status of its hart");
	test_equal(0, r.value, "is STARTED");
}

static void check_suspend(unsigned long type, unsigned long opaque)
{
	uint64_t start = csr_time();
	struct context c;

	arm(true);
	if (!context_save(&c)) {
		struct sbiret r = suspend(type, (unsigned long)context_resume, opaque);

		disarm();
		test_error(SBI_SUCCESS, r, "a suspend does not return");
		test_true(false, "it resumes at its address");
		return;
	}
	test_true(csr_time() - start >= SOON, "it lasts until the timer");
	disarm();
	test_equal(kit.hart, c.hart, "it resumes with a0 = hart id");
	test_equal(opaque, c.opaque, "it resumes with a1 = opaque, all bits");
	test_equal(0, c.satp, "it resumes with satp = 0");
	test_equal(0, c.status & SSTATUS_SIE, "it resumes with sstatus.SIE = 0");
	check_started();
}

/* An interrupt that is pending already: no sleep, but the same way back. */
static void check_pending(void)
{
	struct context c;

	CSR_SET(sie, SIP_SSIP);
	CSR_SET(sip, SIP_SSIP);
	if (!context_save(&c))
		suspend(TO_RAM, (unsigned long)context_resume, 77);
	CSR_CLEAR(sip, SIP_SSIP);
	CSR_CLEAR(sie, SIP_SSIP);
	test_equal(77, c.opaque, "with an interrupt pending it resumes at once");
}

static void check_refused(void)
{
	static const unsigned long types[] = {1, 2, 0x7fffffff, 0x80000000, 0xffffffff};
	unsigned long end = (unsigned long)(kit.ram_base + kit.ram_size);
	unsigned long here = (unsigned long)context_resume;
	unsigned long bad[] = {FOREIGN, 0, 0x10000000, -2UL, end, end + 0x1000, here + 1};
	struct test_tally t = {0}, a = {0};

	arm(false); /* a suspend that is not refused ends some time */
	for (unsigned long i = 0; i < sizeof(types) / sizeof(*types); i++)
		test_tally(&t, types[i], (unsigned long)SBI_ERR_INVALID_PARAM,
			   (unsigned long)suspend(types[i], here, 0).error);
	test_tally_end(&t, "sleep types that are reserved or a platform's: INVALID_PARAM");
	for (unsigned long i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		test_tally(&a, bad[i], (unsigned long)SBI_ERR_INVALID_ADDRESS,
			   (unsigned long)suspend(TO_RAM, bad[i], 0).error);
	test_tally_end(&a, "addresses where it can't resume: INVALID_ADDRESS");
	disarm();
}

void susp_test(void)
{
	if (!sbi_probe(SBI_SUSP)) {
		test_skip("firmware may lack it", "SUSP");
		return;
	}
	CSR_CLEAR(sstatus, SSTATUS_SIE);
	check_suspend(TO_RAM, 0x12345678);
	check_suspend(TO_RAM, -0x54321UL);
	/* The parameter is a uint32_t. */
	if (XLEN == 64)
		check_suspend(1UL << (XLEN - 1), 3);
	check_pending();
	check_refused();
}
