/* SPDX-License-Identifier: MIT */
/*
 * Subject base: the base extension, and how calls that do not exist are
 * answered (SBI 3.0, chapters "Binary Encoding" and "Base Extension").
 */
#include "kit/csr.h"
#include "kit/kit.h"
#include "kit/sbi.h"
#include "kit/test.h"
#include "subjects.h"

/* Diosix claims this version of the specification; older firmware claims less. */
#define SPEC_DIOSIX 0x3000000
#define SPEC_OLDEST 0x0000002

/* Every extension that SBI 3.0 defines, with functions whose number nobody has. */
static const unsigned long known[] = {
	SBI_BASE,
	SBI_TIME,
	SBI_IPI,
	SBI_RFENCE,
	SBI_HSM,
	SBI_SRST,
	SBI_DBCN,
	SBI_PMU,
	SBI_SUSP,
	SBI_STA,
	SBI_FWFT,
	/* What Diosix doesn't have. */
	0x43505043 /* CPPC */,
	0x4e41434c /* NACL */,
	0x535345 /* SSE */,
	0x44425452 /* DBTR */,
	0x4d505859 /* MPXY */,
};
#define KNOWN_COUNT (sizeof(known) / sizeof(*known))
#define HAD_COUNT   (KNOWN_COUNT - 5)

static struct sbiret call(unsigned long eid, unsigned long fid)
{
	return sbi_call(eid, fid, 0, 0, 0, 0, 0, 0);
}

static void check_identity(void)
{
	static const char *const names[] = {"mvendorid", "marchid", "mimpid"};
	struct sbiret spec = call(SBI_BASE, SBI_BASE_SPEC);

	test_error(SBI_SUCCESS, spec, "get_spec_version succeeds");
	test_equal(0, spec.value & ~0x7fffffffUL, "bits 31 and up of the version are 0");
	if (kit.diosix)
		test_equal(SPEC_DIOSIX, spec.value, "the version is 3.0");
	else
		test_true(spec.value >= SPEC_OLDEST, "the version is 0.2 or later");

	test_error(SBI_SUCCESS, call(SBI_BASE, SBI_BASE_IMPL), "get_impl_id succeeds");
	test_error(SBI_SUCCESS, call(SBI_BASE, SBI_BASE_IMPL_VER), "get_impl_version succeeds");
	for (unsigned long i = 0; i < 3; i++)
		test_error(SBI_SUCCESS, call(SBI_BASE, SBI_BASE_MVENDORID + i), "get_%s succeeds",
			   names[i]);
}

static void check_probe(void)
{
	struct test_tally t = {0}, all = {0};

	test_true(sbi_probe(SBI_BASE), "the base extension is present");
	test_true(sbi_probe(SBI_TIME) && sbi_probe(SBI_IPI) && sbi_probe(SBI_RFENCE) &&
			  sbi_probe(SBI_HSM) && sbi_probe(SBI_SRST),
		  "TIME, IPI, RFENCE, HSM and SRST are present");
	if (kit.diosix)
		test_true(sbi_probe(SBI_DBCN), "DBCN is present");
	else if (!sbi_probe(SBI_DBCN))
		test_skip("an SBI before 2.0", "DBCN is present");

	for (unsigned long i = 0; kit.diosix && i < KNOWN_COUNT; i++)
		test_tally(&all, known[i], i < HAD_COUNT, sbi_probe(known[i]));
	if (kit.diosix)
		test_tally_end(&all, "all extensions of 3.0 are present but CPPC, NACL, SSE, DBTR "
				     "and MPXY");
	for (unsigned long i = 0; i < KNOWN_COUNT; i++) {
		if (!sbi_probe(known[i]))
			test_tally(&t, known[i], SBI_ERR_NOT_SUPPORTED,
				   (unsigned long)call(known[i], 0).error);
	}
	test_tally_end(&t, "an extension that probes as absent answers NOT_SUPPORTED");

	if (XLEN == 64)
		test_equal(0, sbi_probe((unsigned long)SBI_TIME | 1UL << (XLEN - 1)),
			   "an extension id with high bits is absent");
	test_equal(0, sbi_probe(0x0a000005), "no firmware-specific extension is offered");
}

/* An extension that is there must still refuse the functions that it does not have. */
static void check_functions(void)
{
	static const unsigned long fids[] = {0x40, 0xff, 0x100, 0x7fffffff, 0x80000000, -1UL};
	struct test_tally t = {0};

	for (unsigned long i = 0; i < KNOWN_COUNT; i++) {
		if (known[i] == SBI_SRST && !kit.diosix)
			continue; /* OpenSBI 1.1 resets for any of its functions */
		for (unsigned long k = 0; k < sizeof(fids) / sizeof(*fids); k++)
			test_tally(&t, known[i], SBI_ERR_NOT_SUPPORTED,
				   (unsigned long)call(known[i], fids[k]).error);
	}
	test_tally_end(&t, "functions that do not exist answer NOT_SUPPORTED");

	if (XLEN == 64)
		test_error(SBI_ERR_NOT_SUPPORTED, call(SBI_BASE, 1UL << (XLEN - 1)),
			   "a function id with high bits answers NOT_SUPPORTED");
}

/*
 * Calls `eid` with a pattern in every register and tallies what changed. The
 * patterns differ between registers, so that a swap is seen as well.
 */
static void check_registers(struct test_tally *t, unsigned long eid, unsigned long fid,
			    unsigned long a0, unsigned int changed)
{
	static const uint16_t code[] __attribute__((aligned(4))) = {0x0073, 0x0000, 0x9002};
	unsigned long x[32];
	struct trap trap;

	for (unsigned long n = 0; n < 32; n++)
		x[n] = (0x5a5a1234UL + n * 0x01010101UL) ^ (n << (XLEN - 8)) ^ eid;
	x[10] = a0;
	x[16] = fid;
	x[17] = eid;
	trap_call_registers(&trap, x, code);
	test_tally(t, eid, CAUSE_BREAKPOINT, trap.frame.cause);
	test_tally(t, eid, (unsigned long)code + 4, trap.frame.pc);
	for (unsigned int n = 1; n < 32; n++) {
		if (!(changed >> n & 1))
			test_tally(t, eid << 8 | n, x[n], trap.frame.x[n]);
	}
	if (changed == 3 << 10 && !(eid == SBI_BASE && fid < 7))
		test_tally(t, eid << 8 | 10, SBI_ERR_NOT_SUPPORTED, trap.frame.x[10]);
}

static void check_preserved(void)
{
	struct test_tally known_calls = {0}, absent = {0};

	for (unsigned long fid = 0; fid < 7; fid++)
		check_registers(&known_calls, SBI_BASE, fid, SBI_TIME, 3 << 10);
	for (unsigned long i = 0; i < KNOWN_COUNT; i++) {
		if (known[i] != SBI_SRST || kit.diosix)
			check_registers(&absent, known[i], 0x77777777, 0, 3 << 10);
	}
	test_tally_end(&known_calls, "calls of the base extension keep all but a0 and a1");
	test_tally_end(&absent, "calls that do not exist keep all but a0 and a1");
}

/* What no specification defines: every id up to 0x1000, then pseudo-random ones of 32 bits. */
static void check_sweep(void)
{
	struct test_tally low = {0}, high = {0}, wide = {0};
	uint32_t random = 0x12345678;

	for (unsigned long eid = 0x20; eid <= 0x1000; eid++)
		check_registers(&low, eid, eid & 7, 0, 3 << 10);
	test_tally_end(&low, "extension ids 0x20 to 0x1000 answer NOT_SUPPORTED, registers kept");

	for (int i = 0; i < 2000; i++) {
		random = random * 1664525 + 1013904223;
		/* On RV64 an id is a 32-bit number, sign-extended like any int. */
		if (!sbi_probe((unsigned long)(long)(int32_t)random))
			check_registers(&high, (unsigned long)(long)(int32_t)random, random >> 28,
					0, 3 << 10);
	}
	test_tally_end(&high, "random extension ids answer NOT_SUPPORTED, registers kept");

	if (XLEN == 32)
		return;
	for (unsigned int bit = 32; bit < XLEN; bit++) {
		check_registers(&wide, SBI_BASE | 1UL << bit, 0, 0, 3 << 10);
		check_registers(&wide, SBI_TIME | 1UL << bit, 0, 0, 3 << 10);
		check_registers(&wide, SBI_LEGACY_SHUTDOWN | 1UL << bit, 0, 0, 3 << 10);
		check_registers(&wide, SBI_BASE, 1UL << bit | 7, 0, 3 << 10);
	}
	test_tally_end(&wide, "ids with one of the bits 32 to 63 answer NOT_SUPPORTED");
}

void base_test(void)
{
	check_identity();
	check_probe();
	check_functions();
	check_preserved();
	check_sweep();
}
