/* SPDX-License-Identifier: MIT */
/*
 * Subject legacy: the console and shutdown calls of SBI 0.1, which return in a0
 * alone and keep a1 (SBI 3.0, chapter "Legacy Extensions").
 */
#include "kit/csr.h"
#include "kit/kit.h"
#include "kit/print.h"
#include "kit/sbi.h"
#include "kit/test.h"
#include "subjects.h"

static struct sbiret call(unsigned long eid, unsigned long a0)
{
	return sbi_call(eid, 0, a0, 0x5a5a5a5a, 0, 0, 0, 0);
}

/*
 * A call keeps a1. OpenSBI keeps it since 1.0; the pattern shows a hypervisor
 * that answers legacy calls in the manner of the newer ones.
 */
static void check_putchar(void)
{
	static const char text[] = "# legacy putchar\r\n";
	struct sbiret r = {0, 0x5a5a5a5a};

	for (const char *c = text; *c && !r.error && r.value == 0x5a5a5a5a; c++)
		r = call(SBI_LEGACY_PUTCHAR, (unsigned char)*c);
	test_error(SBI_SUCCESS, r, "putchar returns 0");
	test_equal(0x5a5a5a5a, r.value, "putchar keeps a1");

	/* Only the low byte is a character. */
	test_error(SBI_SUCCESS, call(SBI_LEGACY_PUTCHAR, 0xffffff00 | '\n'),
		   "putchar takes an int with high bits");
}

static void check_getchar(void)
{
	struct sbiret r = call(SBI_LEGACY_GETCHAR, 0);

	test_equal(-1UL, (unsigned long)r.error, "getchar returns -1 when nothing waits");
	test_equal(0x5a5a5a5a, r.value, "getchar keeps a1");
}

/*
 * Diosix offers no call that takes a pointer to a hart mask, which firmware would
 * have to follow through the guest's page tables. Where they exist they must
 * fault like a load of the guest if the pointer is bad, so they are not tried.
 */
static void check_absent(void)
{
	struct test_tally t = {0};

	if (!kit.diosix) {
		test_skip("others may have them", "IPI and fences by pointer are absent");
		return;
	}
	for (unsigned long eid = SBI_LEGACY_SEND_IPI; eid < SBI_LEGACY_SHUTDOWN; eid++) {
		test_tally(&t, eid, 0, sbi_probe(eid));
		test_tally(&t, eid, SBI_ERR_NOT_SUPPORTED, (unsigned long)call(eid, 0).error);
	}
	for (unsigned long eid = SBI_LEGACY_SHUTDOWN + 1; eid < SBI_BASE; eid++)
		test_tally(&t, eid, SBI_ERR_NOT_SUPPORTED, (unsigned long)call(eid, 0).error);
	test_tally_end(&t, "IPI and fences by pointer and 0x9 to 0xf answer NOT_SUPPORTED");
}

/* Optional: set_timer clears the pending bit, clear_ipi the software interrupt. */
static void check_optional(void)
{
	unsigned long high = XLEN == 32 ? -1UL : 0;

	if (sbi_probe(SBI_LEGACY_SET_TIMER)) {
		struct sbiret r = sbi_call(SBI_LEGACY_SET_TIMER, 0, -1UL, high, 0, 0, 0, 0);

		test_error(SBI_SUCCESS, r, "set_timer returns 0");
		test_equal(high, r.value, "set_timer keeps a1");
		test_equal(0, CSR_READ(sip) & SIP_STIP, "set_timer clears the timer interrupt");
	} else {
		test_error(SBI_ERR_NOT_SUPPORTED, call(SBI_LEGACY_SET_TIMER, -1UL),
			   "set_timer, absent, answers NOT_SUPPORTED");
	}

	if (sbi_probe(SBI_LEGACY_CLEAR_IPI)) {
		CSR_SET(sip, SIP_SSIP);
		call(SBI_LEGACY_CLEAR_IPI, 0);
		test_equal(0, CSR_READ(sip) & SIP_SSIP, "clear_ipi clears the software interrupt");
	} else {
		test_error(SBI_ERR_NOT_SUPPORTED, call(SBI_LEGACY_CLEAR_IPI, 0),
			   "clear_ipi, absent, answers NOT_SUPPORTED");
	}
}

void legacy_test(void)
{
	print_flush();
	check_putchar();
	check_getchar();
	check_absent();
	check_optional();
}
