/* SPDX-License-Identifier: MIT */
/*
 * Subject hsm: starting, stopping and suspending other harts (SBI 3.0, chapter
 * "Hart State Management Extension").
 */
#include "kit/csr.h"
#include "kit/kit.h"
#include "kit/smp.h"
#include "kit/test.h"
#include "smp_subjects.h"

#define NEVER	      (~(uint64_t)0)
#define SOON	      20000
#define ROUNDS	      60
#define RETENTIVE     0x00000000UL
#define NON_RETENTIVE 0x80000000UL
/* Firmware that owns the whole machine, and so may not be touched. */
#define FOREIGN 0x80000000UL

static volatile unsigned long flag, woken;

static struct sbiret start_at(unsigned number, unsigned long address)
{
	return sbi_call(SBI_HSM, SBI_HSM_START, smp[number].id, address,
			(unsigned long)&smp[number], 0, 0, 0);
}

/* Runs until it is told to end. */
static void until_flag(unsigned long value)
{
	smp_wait_word(&flag, value);
}

static void check_errors(void)
{
	static const unsigned long bad[] = {FOREIGN, 0, 0x10000000, 0x00100000, -2UL, -0x1000UL};
	struct test_tally t = {0};

	test_error(SBI_ERR_INVALID_PARAM,
		   sbi_call(SBI_HSM, SBI_HSM_START, 1000, (unsigned long)smp_entry, 0, 0, 0, 0),
		   "start of hart 1000");
	test_error(SBI_ERR_INVALID_PARAM,
		   sbi_call(SBI_HSM, SBI_HSM_START, -1UL, (unsigned long)smp_entry, 0, 0, 0, 0),
		   "start of hart -1");
	test_error(SBI_ERR_INVALID_ADDRESS, start_at(1, FOREIGN), "start in the firmware");
	if (kit.diosix) { /* OpenSBI lets a hart start at a device, or nowhere */
		for (unsigned long i = 0; i < sizeof(bad) / sizeof(*bad); i++)
			test_tally(&t, bad[i], SBI_ERR_INVALID_ADDRESS,
				   (unsigned long)start_at(1, bad[i]).error);
		test_tally(&t, 1, SBI_ERR_INVALID_ADDRESS,
			   (unsigned long)start_at(1, (unsigned long)smp_entry + 1).error);
		test_tally(&t, 2, SBI_ERR_INVALID_ADDRESS,
			   (unsigned long)start_at(1, (unsigned long)(kit.ram_base + kit.ram_size))
				   .error);
		test_tally_end(&t, "start outside RAM, or at an odd address: INVALID_ADDRESS");
	}
	test_equal(HSM_STOPPED, smp_state(1), "a start that was refused leaves it stopped");
}

static void check_start(unsigned number)
{
	struct smp_hart *hart = &smp[number];
	unsigned long entries = hart->entries;

	flag = 0;
	test_equal(HSM_STOPPED, smp_state(number), "hart %u is stopped at first", number);
	test_error(SBI_SUCCESS, smp_start(number, until_flag, number), "start of hart %u", number);
	test_true(smp_wait_word(&hart->entries, entries + 1), "hart %u comes up", number);
	test_equal(hart->id, hart->a0, "hart %u: a0 is its id", number);
	test_equal(0, hart->satp, "hart %u: satp is 0", number);
	test_equal(0, hart->sstatus & SSTATUS_SIE, "hart %u: sstatus.SIE is 0", number);
	test_true(smp_wait_state(number, HSM_STARTED), "hart %u is started", number);
	test_error(SBI_ERR_ALREADY_AVAILABLE, smp_start(number, until_flag, number),
		   "hart %u can't be started twice", number);
	flag = number;
	test_true(smp_wait_state(number, HSM_STOPPED), "hart %u stops", number);
	test_equal(entries + 1, hart->entries, "hart %u was started once", number);
}

/* Leaves traces in what a start has to reset. */
static void leave_traces(unsigned long unused)
{
	(void)unused;
	CSR_SET(sie, SIP_SSIP | SIP_STIP | SIP_SEIP);
	CSR_SET(sip, SIP_SSIP);
	CSR_WRITE(sscratch, 0x55aa);
	flag++;
}

/* That it starts with nothing pending that it could be asked for. */
static void look_at_traces(unsigned long unused)
{
	(void)unused;
	woken = CSR_READ(sip) & SIP_SSIP;
	flag++;
}

static void check_again(void)
{
	struct test_tally t = {0};

	flag = 0;
	for (unsigned long i = 0; i < ROUNDS; i++) {
		struct sbiret r = smp_start(1, i & 1 ? look_at_traces : leave_traces, 0);

		test_tally(&t, i, SBI_SUCCESS, (unsigned long)r.error);
		test_tally(&t, i, true, smp_wait_state(1, HSM_STOPPED));
		test_tally(&t, i, i + 1, flag);
		test_tally(&t, i, 0, smp[1].satp | (smp[1].sstatus & SSTATUS_SIE));
		if (i & 1 && kit.diosix)
			test_tally(&t, i, 0, woken);
	}
	test_tally_end(&t, "stopped and started again, %u times", ROUNDS);
}

/* --- two that start a third ------------------------------------------------------------------ */

static volatile unsigned long gate, successes, refusals;

/* All wait for the gate and then start the last hart. */
static void compete(unsigned long round)
{
	struct sbiret r;

	__atomic_add_fetch(&gate, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&gate, __ATOMIC_SEQ_CST) < round)
		;
	r = start_at(smp_count - 1, (unsigned long)smp_entry);
	if (r.error == SBI_SUCCESS)
		__atomic_add_fetch(&successes, 1, __ATOMIC_SEQ_CST);
	/* OpenSBI has other errors for a hart on its way. */
	else if (r.error == SBI_ERR_ALREADY_AVAILABLE || !kit.diosix)
		__atomic_add_fetch(&refusals, 1, __ATOMIC_SEQ_CST);
}

static void check_race(void)
{
	unsigned last = smp_count - 1;
	struct test_tally t = {0};

	for (unsigned long i = 0; i < ROUNDS; i++) {
		unsigned long entries = smp[last].entries;

		gate = successes = refusals = flag = 0;
		smp[last].run = until_flag;
		smp[last].argument = 1;
		test_tally(&t, i, SBI_SUCCESS, (unsigned long)smp_start(1, compete, 2).error);
		compete(2);
		test_tally(&t, i, true, smp_wait_state(1, HSM_STOPPED));
		test_tally(&t, i, 1, successes);
		test_tally(&t, i, 1, refusals);
		test_tally(&t, i, true, smp_wait_word(&smp[last].entries, entries + 1));
		flag = 1;
		test_tally(&t, i, true, smp_wait_state(last, HSM_STOPPED));
		test_tally(&t, i, entries + 1, smp[last].entries);
	}
	test_tally_end(&t, "of two that start a third at once exactly one does, %u times", ROUNDS);
}

/* Stops at once: what is started again is about to stop, or has just. */
static void pass_by(unsigned long unused)
{
	(void)unused;
}

/*
 * It stops by itself while it is started again, without a wait for its end: each start that
 * succeeds makes it come by once, whatever it met, and one that meets it before it has stopped says
 * so.
 */
static void check_stop_against_start(void)
{
	unsigned long entries = smp[1].entries, started = 0;
	uint64_t begun = csr_time();
	struct test_tally t = {0};

	smp_wait_state(1, HSM_STOPPED);
	while (started < 10 * ROUNDS && csr_time() - begun < SMP_PATIENCE) {
		struct sbiret r = smp_start(1, pass_by, 0);

		if (r.error == SBI_SUCCESS)
			started++;
		else if (r.error != SBI_ERR_ALREADY_AVAILABLE && r.error != SBI_ERR_FAILED &&
			 kit.diosix)
			test_tally(&t, started, SBI_SUCCESS, (unsigned long)r.error);
	}
	test_tally(&t, 0, true, smp_wait_state(1, HSM_STOPPED));
	test_tally(&t, 1, 10 * ROUNDS, started);
	test_tally(&t, 2, entries + started, smp[1].entries);
	test_tally_end(&t, "started again and again while it stops: it comes up once for each");
}

/* --- suspend --------------------------------------------------------------------------------- */

static void suspend_for_ipi(unsigned long type)
{
	unsigned long entries = smp[1].entries;

	CSR_SET(sie, SIP_SSIP);
	flag = 1;
	sbi_call(SBI_HSM, SBI_HSM_SUSPEND, type, (unsigned long)smp_entry, (unsigned long)&smp[1],
		 0, 0, 0);
	/* Only a retentive one comes by here. */
	woken = (CSR_READ(sip) & SIP_SSIP) && smp[1].entries == entries ? 1 : 2;
}

static void resumed(unsigned long unused)
{
	(void)unused;
	woken = 1;
}

static void suspend_for_timer(unsigned long ticks)
{
	uint64_t start = csr_time();

	CSR_SET(sie, SIP_STIP);
	sbi_set_timer(start + ticks);
	sbi_call(SBI_HSM, SBI_HSM_SUSPEND, RETENTIVE, 0, 0, 0, 0, 0);
	woken = csr_time() - start >= ticks ? 1 : 2;
	sbi_set_timer(NEVER);
}

static void check_suspend(unsigned long type, const char *kind)
{
	flag = woken = 0;
	smp_start(1, suspend_for_ipi, type);
	test_true(smp_wait_word(&flag, 1) && smp_wait_state(1, HSM_SUSPENDED), "%s: suspended",
		  kind);
	smp[1].run = resumed; /* where it resumes without its registers */
	kit_delay(SOON);
	test_equal(0, woken, "%s: it stays so", kind);
	if (kit.diosix)
		test_error(SBI_ERR_ALREADY_AVAILABLE, start_at(1, (unsigned long)smp_entry),
			   "%s: it can't be started", kind);
	smp_send_ipi(1);
	test_true(smp_wait_word(&woken, 1), "%s: an IPI wakes it, as it should", kind);
	test_true(smp_wait_state(1, HSM_STOPPED), "%s: it goes on and stops", kind);
	if (type == NON_RETENTIVE)
		test_true(smp[1].a0 == smp[1].id && !smp[1].satp && !(smp[1].sstatus & SSTATUS_SIE),
			  "%s: a0, satp and SIE are as at a start", kind);
}

void smp_hsm_test(void)
{
	check_errors();
	for (unsigned i = 1; i < smp_count; i++)
		check_start(i);
	check_again();
	check_race();
	check_stop_against_start();
	check_suspend(RETENTIVE, "retentive");
	check_suspend(NON_RETENTIVE, "non-retentive");
	woken = 0;
	smp_start(1, suspend_for_timer, SOON);
	test_true(smp_wait_word(&woken, 1), "its timer wakes it");
	smp_wait_stopped();
}
