/* SPDX-License-Identifier: MIT */
/*
 * Subject fwft: firmware features (SBI 3.0, chapter "SBI Firmware Features Extension").
 * That delegation does what it says is seen on an LR, whose misaligned address traps on
 * every hart: its trap is firmware's to count, or it isn't (PMU).
 */
#include "kit/csr.h"
#include "kit/kit.h"
#include "kit/sbi.h"
#include "kit/test.h"
#include "kit/trap.h"
#include "subjects.h"

enum { MISALIGNED, LANDING_PAD, SHADOW_STACK, DOUBLE_TRAP, AD_UPDATING, POINTER_MASKING, RESERVED };

#define LOCK 1UL

/* "Firmware Events": misaligned load; any counter; clear and start it. */
#define FW_MISALIGNED_LOAD 0xf0000UL
#define CLEAR_AND_START	   6UL

static struct sbiret set(unsigned long feature, unsigned long value, unsigned long flags)
{
	return sbi_call(SBI_FWFT, SBI_FWFT_SET, feature, value, flags, 0, 0, 0);
}

static struct sbiret get(unsigned long feature)
{
	return sbi_call(SBI_FWFT, SBI_FWFT_GET, feature, 0, 0, 0, 0, 0);
}

static unsigned long lr(unsigned long at)
{
	unsigned long old;

	__asm__ volatile("lr.w %0, (%1)" : "=r"(old) : "r"(at) : "memory");
	return old;
}

/* How many traps of a misaligned LR the hypervisor gets; the guest has its exception always. */
static unsigned long traps_of_lr(unsigned long counter)
{
	static unsigned int words[2];
	unsigned long at = (unsigned long)words + 2, before, after;
	struct trap t;

	before = sbi_call(SBI_PMU, SBI_PMU_READ, counter, 0, 0, 0, 0, 0).value;
	trap_call(&t, lr, at, 0, 0);
	after = sbi_call(SBI_PMU, SBI_PMU_READ, counter, 0, 0, 0, 0, 0).value;
	test_trap(&t, CAUSE_LOAD_MISALIGNED, at, "a misaligned LR is the guest's exception");
	return after - before;
}

static void check_delegation(void)
{
	unsigned long firmware = (1UL << 16) - 1;
	struct sbiret r = sbi_call(SBI_PMU, SBI_PMU_CONFIG, 3, firmware, CLEAR_AND_START,
				   FW_MISALIGNED_LOAD, 0, 0);

	if (!test_error(SBI_SUCCESS, r, "a counter of misaligned loads"))
		return;
	test_equal(1, traps_of_lr(r.value), "its trap is the hypervisor's at first");
	test_error(SBI_SUCCESS, set(MISALIGNED, 1, 0), "MISALIGNED_EXC_DELEG is set to 1");
	test_equal(1, get(MISALIGNED).value, "and is 1");
	test_equal(0, traps_of_lr(r.value), "then it isn't");
	test_error(SBI_SUCCESS, set(MISALIGNED, 1, 0), "setting what is set succeeds");
	test_error(SBI_SUCCESS, set(MISALIGNED, 0, 0), "MISALIGNED_EXC_DELEG is set to 0");
	test_equal(0, get(MISALIGNED).value, "and is 0");
	test_equal(1, traps_of_lr(r.value), "its trap is the hypervisor's again");
	sbi_call(SBI_PMU, SBI_PMU_STOP, r.value, 1, 1, 0, 0, 0);
}

static void check_errors(void)
{
	static const unsigned long denied[] = {RESERVED,   0x3fffffff, 0x40000000, 0x7fffffff,
					       0x80000000, 0xbfffffff, 0xc0000000, 0xffffffff};
	struct test_tally sets = {0}, gets = {0}, values = {0}, absent = {0};

	for (unsigned long i = 0; i < sizeof(denied) / sizeof(*denied); i++) {
		struct sbiret r = get(denied[i]);

		test_tally(&sets, denied[i], (unsigned long)SBI_ERR_DENIED,
			   (unsigned long)set(denied[i], 0, 0).error);
		test_tally(&gets, denied[i], (unsigned long)SBI_ERR_DENIED, (unsigned long)r.error);
		test_tally(&values, denied[i], 0, r.value);
	}
	test_tally_end(&sets, "set of a reserved or platform's feature: DENIED");
	test_tally_end(&gets, "get of one: DENIED");
	test_tally_end(&values, "with the value 0");
	for (unsigned long f = LANDING_PAD; kit.diosix && f <= POINTER_MASKING; f++) {
		test_tally(&absent, f, (unsigned long)SBI_ERR_NOT_SUPPORTED,
			   (unsigned long)set(f, 0, 0).error);
		test_tally(&absent, f, (unsigned long)SBI_ERR_NOT_SUPPORTED,
			   (unsigned long)get(f).error);
	}
	if (kit.diosix)
		test_tally_end(&absent, "features whose extension isn't offered: NOT_SUPPORTED");
	test_error(SBI_ERR_INVALID_PARAM, set(MISALIGNED, 2, 0), "a value that isn't one");
	test_error(SBI_ERR_INVALID_PARAM, set(MISALIGNED, -1UL, 0), "the value -1");
	test_error(SBI_ERR_INVALID_PARAM, set(MISALIGNED, 0, 2), "a reserved flag");
	test_error(SBI_ERR_INVALID_PARAM, set(MISALIGNED, 0, 1UL << (XLEN - 1) | LOCK),
		   "a reserved flag and the lock");
	if (XLEN == 64) {
		test_error(SBI_SUCCESS, get(1UL << (XLEN - 1) | MISALIGNED),
			   "bits above a feature's 32 don't count");
		test_error(SBI_ERR_INVALID_PARAM, set(MISALIGNED, 1UL << (XLEN - 1), 0),
			   "those of a value do");
	}
	test_equal(0, get(MISALIGNED).value, "nothing of that has set it");
}

/* Last: it can't be undone. */
static void check_lock(void)
{
	test_error(SBI_SUCCESS, set(MISALIGNED, 0, LOCK), "it is locked at 0");
	/* OpenSBI 1.6 has an error of an earlier draft. */
	test_error_either(SBI_ERR_DENIED_LOCKED,
			  kit.diosix ? SBI_ERR_DENIED_LOCKED : SBI_ERR_DENIED,
			  set(MISALIGNED, 1, 0), "then it can't be set to 1");
	test_error_either(SBI_ERR_DENIED_LOCKED,
			  kit.diosix ? SBI_ERR_DENIED_LOCKED : SBI_ERR_DENIED,
			  set(MISALIGNED, 1, LOCK), "nor with the lock");
	test_equal(0, get(MISALIGNED).value, "it is still 0");
}

void fwft_test(void)
{
	if (!sbi_probe(SBI_FWFT)) {
		test_skip("an SBI before 3.0", "FWFT");
		return;
	}
	/* Firmware may have begun with 1, as the specification allows. */
	if (kit.diosix)
		test_equal(0, get(MISALIGNED).value, "misaligned accesses are emulated at first");
	else if (set(MISALIGNED, 0, 0).error)
		return;
	check_errors();
	if (kit.diosix)
		check_delegation();
	check_lock();
}
