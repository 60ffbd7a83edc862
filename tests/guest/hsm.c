/* SPDX-License-Identifier: MIT */
/*
 * Subject hsm: hart state management with one vCPU: status, start of what can't
 * be started, and both kinds of suspend (SBI 3.0, chapter "Hart State
 * Management Extension"). Stopping the last vCPU is a capsule of its own.
 */
#include "kit/csr.h"
#include "kit/kit.h"
#include "kit/sbi.h"
#include "kit/test.h"
#include "subjects.h"

#define NEVER	      (~(uint64_t)0)
#define SOON	      5000
#define STARTED	      0
#define RETENTIVE     0x00000000UL
#define NON_RETENTIVE 0x80000000UL

/* Firmware that owns the whole machine, and so may not be touched. */
#define FOREIGN 0x80000000UL

static struct sbiret hsm(unsigned long fid, unsigned long a0, unsigned long a1, unsigned long a2)
{
	return sbi_call(SBI_HSM, fid, a0, a1, a2, 0, 0, 0);
}

static void check_status(void)
{
	struct sbiret r = hsm(SBI_HSM_STATUS, kit.hart, 0, 0);

	test_error(SBI_SUCCESS, r, "status of itself");
	test_equal(STARTED, r.value, "it is STARTED");
	test_error(SBI_ERR_INVALID_PARAM, hsm(SBI_HSM_STATUS, 1000, 0, 0), "status of hart 1000");
	test_error(SBI_ERR_INVALID_PARAM, hsm(SBI_HSM_STATUS, -1UL, 0, 0), "status of hart -1");
	if (XLEN == 64 && kit.diosix) /* OpenSBI takes a hart id for 32 bits */
		test_error(SBI_ERR_INVALID_PARAM,
			   hsm(SBI_HSM_STATUS, kit.hart | 1UL << (XLEN - 1), 0, 0),
			   "status of its own id with high bits");
}

static void check_start(void)
{
	unsigned long here = (unsigned long)context_resume;

	test_error(SBI_ERR_ALREADY_AVAILABLE, hsm(SBI_HSM_START, kit.hart, here, 0),
		   "start of itself");
	test_error(SBI_ERR_INVALID_PARAM, hsm(SBI_HSM_START, 1000, here, 0), "start of hart 1000");
	test_error(SBI_ERR_INVALID_PARAM, hsm(SBI_HSM_START, -1UL, here, 0), "start of hart -1");
	if (kit.diosix) /* elsewhere the machine may have it */
		test_error(SBI_ERR_INVALID_PARAM, hsm(SBI_HSM_START, kit.hart + 1, here, 0),
			   "start of the next hart");
}

/* Sleeps until the timer, with the interrupt enabled in sie but not taken. */
static void arm(void)
{
	CSR_CLEAR(sstatus, SSTATUS_SIE);
	CSR_SET(sie, SIP_STIP);
	sbi_set_timer(csr_time() + SOON);
}

static void disarm(void)
{
	CSR_CLEAR(sie, SIP_STIP);
	sbi_set_timer(NEVER);
}

static void check_retentive(unsigned long type, const char *what)
{
	static const unsigned long opaque = 0x5a5a5a5a;
	uint64_t start = csr_time();
	unsigned long satp = CSR_READ(satp);
	struct sbiret r;

	arm();
	r = hsm(SBI_HSM_SUSPEND, type, FOREIGN, opaque); /* the address is not used */
	test_error(SBI_SUCCESS, r, "%s returns", what);
	test_true(csr_time() - start >= SOON && trap_is_pending(IRQ_TIMER),
		  "%s lasts until the timer", what);
	test_true(CSR_READ(satp) == satp && (CSR_READ(sie) & SIP_STIP), "%s keeps the registers",
		  what);
	disarm();
}

/* Suspends and checks what it resumes with. Interrupts are on, to see that they are off after. */
static void check_non_retentive(unsigned long opaque)
{
	struct context c;
	uint64_t start = csr_time();

	arm();
	if (!context_save(&c)) {
		struct sbiret r =
			hsm(SBI_HSM_SUSPEND, NON_RETENTIVE, (unsigned long)context_resume, opaque);

		disarm();
		test_error(SBI_SUCCESS, r, "non-retentive suspend does not return");
		test_true(false, "non-retentive suspend resumes at its address");
		return;
	}
	test_true(csr_time() - start >= SOON, "non-retentive suspend lasts until the timer");
	disarm();
	test_equal(kit.hart, c.hart, "it resumes with a0 = hart id");
	test_equal(opaque, c.opaque, "it resumes with a1 = opaque, all bits");
	test_equal(0, c.satp, "it resumes with satp = 0");
	test_equal(0, c.status & SSTATUS_SIE, "it resumes with sstatus.SIE = 0");
}

/* Suspend with an interrupt pending and enabled is over before it starts. */
static void check_pending(void)
{
	CSR_CLEAR(sstatus, SSTATUS_SIE);
	CSR_SET(sie, SIP_SSIP);
	CSR_SET(sip, SIP_SSIP);
	test_error(SBI_SUCCESS, hsm(SBI_HSM_SUSPEND, RETENTIVE, 0, 0),
		   "suspend with an interrupt pending returns at once");
	CSR_CLEAR(sip, SIP_SSIP);
	CSR_CLEAR(sie, SIP_SSIP);
}

static void check_bad_types(void)
{
	static const unsigned long reserved[] = {1, 0x0fffffff, 0x80000001, 0x8fffffff};
	static const unsigned long platform[] = {0x10000000, 0x7fffffff, 0x90000000, 0xffffffff};
	unsigned long here = (unsigned long)context_resume;
	struct test_tally t = {0}, p = {0};

	for (unsigned long i = 0; i < 4; i++) {
		test_tally(&t, reserved[i], SBI_ERR_INVALID_PARAM,
			   (unsigned long)hsm(SBI_HSM_SUSPEND, reserved[i], here, 0).error);
		/* OpenSBI says NOT_SUPPORTED, which is for types that are implemented. */
		if (kit.diosix)
			test_tally(&p, platform[i], SBI_ERR_INVALID_PARAM,
				   (unsigned long)hsm(SBI_HSM_SUSPEND, platform[i], here, 0).error);
	}
	test_tally_end(&t, "reserved suspend types: INVALID_PARAM");
	if (kit.diosix)
		test_tally_end(&p, "platform suspend types: INVALID_PARAM");
	if (XLEN == 64)
		test_error(SBI_ERR_INVALID_PARAM,
			   hsm(SBI_HSM_SUSPEND, 1UL << (XLEN - 1) | 1, here, 0),
			   "a reserved suspend type with high bits: INVALID_PARAM");
}

static void check_bad_addresses(void)
{
	static const unsigned long bad[] = {FOREIGN, 0, 0x10000000, 0x00100000, -2UL, -0x1000UL};
	struct test_tally t = {0};

	arm(); /* a suspend that is not refused ends some time */
	test_error(SBI_ERR_INVALID_ADDRESS, hsm(SBI_HSM_SUSPEND, NON_RETENTIVE, FOREIGN, 0),
		   "non-retentive suspend, resume address in the hypervisor: INVALID_ADDRESS");
	/* OpenSBI lets a guest resume at a device, or nowhere. */
	if (kit.diosix) {
		for (unsigned long i = 0; i < sizeof(bad) / sizeof(*bad); i++)
			test_tally(&t, bad[i], SBI_ERR_INVALID_ADDRESS,
				   (unsigned long)hsm(SBI_HSM_SUSPEND, NON_RETENTIVE, bad[i], 0)
					   .error);
		test_tally(&t, 1, SBI_ERR_INVALID_ADDRESS,
			   (unsigned long)hsm(SBI_HSM_SUSPEND, NON_RETENTIVE,
					      (unsigned long)(kit.ram_base + kit.ram_size), 0)
				   .error);
		test_tally_end(&t, "resume addresses outside RAM: INVALID_ADDRESS");
	}
	disarm();
}

void hsm_test(void)
{
	check_status();
	check_start();
	check_retentive(RETENTIVE, "retentive suspend");
	/* The parameter is a uint32_t: the bits above it do not count (binary encoding). */
	if (XLEN == 64)
		check_retentive(1UL << (XLEN - 1), "retentive suspend with high bits");
	check_non_retentive(0x12345678);
	check_non_retentive(-0x54321UL);
	check_pending();
	check_bad_types();
	check_bad_addresses();
}
