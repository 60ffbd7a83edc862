/* SPDX-License-Identifier: MIT */
/*
 * The victim: a capsule that wants to be left alone, and looks. All its free RAM
 * holds a known pattern; every 10 ms it wakes by its timer, compares all
 * registers with what they were when it fell asleep, and hashes a slice of RAM.
 *
 * Boot arguments: seconds=N (else it ends when a q is typed), and neighbours=N, how many
 * capsules may be in front of it when it wakes: each may take a turn of 5 ms. late=N: how
 * many of a hundred beats may come later than that and tolerance=N us.
 */
#include "kit/csr.h"
#include "kit/fp.h"
#include "kit/kit.h"
#include "kit/print.h"
#include "kit/sbi.h"
#include "kit/string.h"
#include "kit/trap.h"

#define BEATS_A_SECOND 100
#define TURN_US	       5000
/* What an emulator on a busy machine may be late by without any neighbour, and how often more. */
#define TOLERANCE_US 5000
#define LATE_PERCENT 5
#define SLICE	     (32 * 1024)

/* victim.S: wfi, then c.ebreak, with all registers as given. */
extern const char victim_sleep[];

static unsigned long x[32];
static uint64_t f[FP_WORDS]; /* the last one is fcsr */
static bool has_fp, has_menvcfg;
static unsigned long free_start, free_end, scan_at;
static unsigned long beats, late, worst, passes;
static uint32_t hz;

/* The word that belongs at an address. */
static unsigned long pattern(unsigned long at)
{
	return (at ^ at << 7) * 0x9e3779b1UL + 0x55;
}

static void fail(const char *what, unsigned long where, unsigned long expected, unsigned long got)
{
	print("FAIL: victim: %s 0x%lx: expected 0x%lx, got 0x%lx, after %lu beats\n", what, where,
	      expected, got, beats);
	kit_fail();
}

static void fill_memory(void)
{
	free_start = ((unsigned long)image_end + 4095) & ~4095UL;
	/* The device tree is somewhere in front of the image or at the end of RAM. */
	free_end = (unsigned long)(kit.ram_base + kit.ram_size) - (256 << 10);
	for (unsigned long at = free_start; at < free_end; at += XLEN_BYTES)
		*(volatile unsigned long *)at = pattern(at);
	scan_at = free_start;
}

static void check_memory(unsigned long size)
{
	unsigned long end = free_end - scan_at < size ? free_end : scan_at + size;

	for (; scan_at < end; scan_at += XLEN_BYTES) {
		unsigned long got = *(volatile unsigned long *)scan_at;

		if (got != pattern(scan_at))
			fail("memory at", scan_at, pattern(scan_at), got);
	}
	if (scan_at == free_end) {
		scan_at = free_start;
		passes++;
	}
}

static unsigned long read_senvcfg(void)
{
	return CSR_READ(0x10a);
}

/* CSRs that are ours and don't change by sleeping. */
enum { SSCRATCH, STVEC, SATP, SIE, SCOUNTEREN, SENVCFG, CSR_COUNT };

static void read_csrs(unsigned long csrs[CSR_COUNT])
{
	csrs[SSCRATCH] = CSR_READ(sscratch);
	csrs[STVEC] = CSR_READ(stvec);
	csrs[SATP] = CSR_READ(satp);
	csrs[SIE] = CSR_READ(sie);
	csrs[SCOUNTEREN] = CSR_READ(scounteren);
	csrs[SENVCFG] = has_menvcfg ? read_senvcfg() : 0;
}

static void set_up_registers(void)
{
	struct trap t;

	for (unsigned long i = 1; i < 32; i++)
		x[i] = pattern(i * 0x1001);
	for (unsigned long i = 0; i < FP_COUNT; i++)
		f[i] = (uint64_t)pattern(i + 99) << (XLEN / 2) ^ pattern(i + 7);
	f[FP_COUNT] = 0x35;
	CSR_SET(sstatus, SSTATUS_FS);
	has_fp = CSR_READ(sstatus) & SSTATUS_FS;
	if (has_fp)
		fp_load(f);
	has_menvcfg = !trap_call(&t, read_senvcfg, 0, 0, 0);
	CSR_WRITE(scounteren, 5);
	CSR_WRITE(sie, SIP_STIP);
}

/* Falls asleep with all registers set, and looks at them when the timer has woken it. */
static void sleep_until(uint64_t due)
{
	unsigned long before[CSR_COUNT], after[CSR_COUNT];
	uint64_t now_f[FP_WORDS];
	struct trap t;

	read_csrs(before);
	sbi_set_timer(due);
	/* It also ends for other interrupts, of which there are none, and may end for no reason. */
	do {
		trap_call_registers(&t, x, victim_sleep);
		if (!t.taken || t.frame.cause != CAUSE_BREAKPOINT)
			fail("trap cause at", t.frame.pc, CAUSE_BREAKPOINT, t.frame.cause);
		for (unsigned long i = 1; i < 32; i++)
			if (t.frame.x[i] != x[i])
				fail("register x", i, x[i], t.frame.x[i]);
	} while (csr_time() < due);
	read_csrs(after);
	for (unsigned long i = 0; i < CSR_COUNT; i++)
		if (before[i] != after[i])
			fail("CSR of the list, number", i, before[i], after[i]);
	if (!has_fp)
		return;
	fp_store(now_f);
	for (unsigned long i = 0; i <= FP_COUNT; i++)
		if (now_f[i] != f[i])
			fail("register f", i, (unsigned long)f[i], (unsigned long)now_f[i]);
}

static bool is_asked_to_end(void)
{
	return sbi_call(SBI_LEGACY_GETCHAR, 0, 0, 0, 0, 0, 0, 0).error == 'q';
}

/* One beat; the next is due a period after this one was, however late this one came. */
static uint64_t beat(uint64_t due, unsigned long limit)
{
	unsigned long delay;

	sleep_until(due);
	delay = (unsigned long)(csr_time() - due) / (hz / 1000000);
	beats++;
	if (delay > worst)
		worst = delay;
	if (delay > limit)
		late++;
	check_memory(SLICE);
	due += hz / BEATS_A_SECOND;
	/* What was missed while it was not its turn isn't made up for. */
	return csr_time() < due ? due : csr_time() + hz / BEATS_A_SECOND;
}

void main(void)
{
	unsigned long seconds = kit_argument_number("seconds", 0);
	unsigned long limit = kit_argument_number("neighbours", 0) * TURN_US +
			      kit_argument_number("tolerance", TOLERANCE_US);
	unsigned long late_percent = kit_argument_number("late", LATE_PERCENT);
	uint64_t start, due;

	hz = fdt_cell(&kit.fdt, fdt_path(&kit.fdt, "/cpus"), "timebase-frequency", 0, 10000000);
	fill_memory();
	set_up_registers();
	print("# victim: %lu KiB of pattern, beats are late after %lu us\n",
	      (free_end - free_start) >> 10, limit);
	start = csr_time();
	due = start + hz / BEATS_A_SECOND;
	while (seconds ? csr_time() - start < (uint64_t)seconds * hz : !is_asked_to_end()) {
		due = beat(due, limit);
		if (beats % BEATS_A_SECOND == 0)
			print("# victim: %lu beats, hash ok, worst delay %lu us, %lu late\n", beats,
			      worst, late);
	}
	check_memory(free_end - scan_at);
	if (!passes)
		fail("passes over memory", 0, 1, passes);
	if (late * 100 > beats * late_percent)
		fail("late beats, at most", beats * late_percent / 100, 0, late);
	print("PASS: victim: %lu beats, worst delay %lu us, %lu late, memory unchanged\n", beats,
	      worst, late);
}
