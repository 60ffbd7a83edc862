/* SPDX-License-Identifier: MIT */
/*
 * Subject ipi: the IPI extension with one vCPU, and the hart mask rules (SBI
 * 3.0, chapters "IPI Extension" and "Binary Encoding", hart list parameter).
 */
#include "kit/csr.h"
#include "kit/kit.h"
#include "kit/sbi.h"
#include "kit/test.h"
#include "subjects.h"

static volatile unsigned int received;

static void on_ipi(struct trap_frame *frame)
{
	(void)frame;
	received++;
	CSR_CLEAR(sip, SIP_SSIP);
}

/* Sends and reports whether it arrived, leaving nothing pending. */
static bool arrives(unsigned long mask, unsigned long base, struct sbiret *r)
{
	bool pending;

	*r = sbi_send_ipi(mask, base);
	pending = CSR_READ(sip) & SIP_SSIP;
	CSR_CLEAR(sip, SIP_SSIP);
	return pending;
}

static void check_valid(void)
{
	struct sbiret r;
	bool got;

	CSR_CLEAR(sie, SIP_SSIP);
	CSR_CLEAR(sip, SIP_SSIP);
	got = arrives(1, kit.hart, &r);
	test_error(SBI_SUCCESS, r, "to itself by mask 1 and its own base");
	test_true(got, "SSIP is pending");
	test_equal(0, CSR_READ(sip) & SIP_SSIP, "the guest clears SSIP by itself");

	if (kit.hart < XLEN) {
		got = arrives(1UL << kit.hart, 0, &r);
		test_error(SBI_SUCCESS, r, "to itself by its bit and base 0");
		test_true(got, "SSIP is pending");
	}
	got = arrives(0, -1UL, &r);
	test_error(SBI_SUCCESS, r, "base -1, mask 0: to all");
	test_true(got, "SSIP is pending");
	got = arrives(-1UL, -1UL, &r);
	test_error(SBI_SUCCESS, r, "base -1, mask all ones: the mask is ignored");
	test_true(got, "SSIP is pending");
	got = arrives(0, kit.hart, &r);
	test_error(SBI_SUCCESS, r, "mask 0: to nobody");
	test_true(!got, "nothing is pending");
}

/*
 * Hart ids that the guest does not have. OpenSBI leaves unknown harts out in
 * silence where the specification wants an error, so this is for Diosix only.
 */
static void check_invalid(void)
{
	static const struct {
		const char *what;
		unsigned long mask, base;
	} cases[] = {
		{"the next hart", 1, 1},
		{"a sparse mask", 0x1001, 0},
		{"all bits of the mask", -1UL, 0},
		{"hart 1000", 1, 1000},
		{"base -2", 1, -2UL},
		{"base -2, bit 1", 2, -2UL},
		{"base -2, wrapping to it", 4, -2UL},
		{"the greatest signed base", 1, -1UL >> 1},
		{"the top bit of the mask", 1UL << (XLEN - 1), 0},
	};
	struct sbiret r;

	for (unsigned long i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		unsigned long base = cases[i].base;
		bool got;

		/* Positive bases are meant from this hart on. */
		if (base < 0x10000)
			base += kit.hart;
		if (!kit.diosix) {
			test_skip("not so strict elsewhere", "%s: INVALID_PARAM", cases[i].what);
			continue;
		}
		got = arrives(cases[i].mask, base, &r);
		test_error(SBI_ERR_INVALID_PARAM, r, "%s: INVALID_PARAM", cases[i].what);
		test_true(!got, "%s: nothing is sent", cases[i].what);
	}
	if (kit.diosix)
		test_error(SBI_SUCCESS, sbi_send_ipi(0, 1000),
			   "mask 0 with a base that is no hart is allowed");
}

static void check_delivery(void)
{
	received = 0;
	trap_on_interrupt(IRQ_SOFT, on_ipi);
	CSR_SET(sstatus, SSTATUS_SIE);
	sbi_send_ipi(1, kit.hart);
	test_equal(0, received, "sie.SSIE = 0 holds it back");
	CSR_SET(sie, SIP_SSIP);
	test_equal(1, received, "it arrives when sie.SSIE is set");
	sbi_send_ipi(1, kit.hart);
	test_equal(2, received, "it arrives before the next instruction but one");
	for (int i = 0; i < 100; i++)
		sbi_send_ipi(1, kit.hart);
	test_equal(102, received, "a hundred sent are a hundred received");
	CSR_SET(sip, SIP_SSIP);
	test_equal(103, received, "the guest's own sip.SSIP does the same");
	CSR_CLEAR(sstatus, SSTATUS_SIE);
	CSR_CLEAR(sie, SIP_SSIP);
	trap_on_interrupt(IRQ_SOFT, NULL);
}

void ipi_test(void)
{
	check_valid();
	check_invalid();
	check_delivery();
}
