/* SPDX-License-Identifier: MIT */
/*
 * Load: every vCPU does one thing from one moment to another, and the capsule
 * then tells how much of the time it had. It has no table of pointers and no
 * jump table, so that it is also a flat binary for any address: many can run side by side.
 *
 * Boot arguments: work=spin, off (spin with interrupts off and pending), sleep, ipi, fence, vector
 * (an instruction of V each so often) or past (a timer in the past, over and over); from=, to= (ms
 * of `time`); count=: the plugin's marks, the first one so many ms after from=, when all have had
 * their first turn.
 *
 * A turn of the spinning loop is LOOP instructions. With -icount shift=0 each of them takes a
 * nanosecond of `time`, so what was counted against what passed is the share that was had.
 */
#include "kit/csr.h"
#include "kit/kit.h"
#include "kit/print.h"
#include "kit/sbi.h"
#include "kit/smp.h"
#include "kit/string.h"
#include "kit/trap.h"

#define LOOP	    204
#define MARK(n)	    __asm__ volatile("slti x0, x0, %0" : : "i"(n) : "memory")
#define MARK_TRAPS  1000 /* tools/bench/count.c: traps from here on */
#define SLEEP_TICKS 1000 /* 100 us at 10 MHz */
#define FENCE_BYTES 4096

static char work[8];
static unsigned long from, to; /* ticks, the low word */
static unsigned long counts[SMP_MAX];

static unsigned long ticks(void)
{
	return CSR_READ(time);
}

static unsigned long argument(const char *name, unsigned long otherwise)
{
	unsigned long value = 0;
	char text[16];

	if (!kit_argument(name, text, sizeof(text)))
		return otherwise;
	for (const char *p = text; *p >= '0' && *p <= '9'; p++)
		value = value * 10 + (unsigned long)(*p - '0');
	return value;
}

/* LOOP instructions a turn; how many turns until `end`. */
static unsigned long spin(unsigned long end)
{
	unsigned long turns = 0, now;

	/* The clock is looked at rarely: emulators are slow at that. */
	__asm__ volatile("1: li %1, 100\n"
			 "2: addi %1, %1, -1\n"
			 "bnez %1, 2b\n"
			 "csrr %1, time\n"
			 "addi %0, %0, 1\n"
			 "bltu %1, %2, 1b"
			 : "+r"(turns), "=&r"(now)
			 : "r"(end));
	return turns;
}

/* Sleeps a little; the timer's interrupt stays pending, as SIE is 0. That isn't looked at: QEMU 7.2
 * doesn't show it in sip with V=1. */
static void nap(void)
{
	unsigned long begin = ticks();

	sbi_set_timer(csr_time() + SLEEP_TICKS);
	CSR_SET(sie, SIP_STIP);
	while (ticks() - begin < SLEEP_TICKS)
		__asm__ volatile("wfi" : : : "memory");
}

/* Between two looks at the clock. */
static void use_vectors(void)
{
	unsigned long left = 100;

	CSR_SET(sstatus, SSTATUS_VS);
	__asm__ volatile(".option push\n"
			 ".option arch, +v\n"
			 "vsetivli zero, 4, e8, m1, ta, ma\n"
			 "vmv.v.i v8, 1\n"
			 ".option pop\n"
			 "1: addi %0, %0, -1\n"
			 "bnez %0, 1b"
			 : "+r"(left));
}

static void once(void)
{
	if (!strcmp(work, "sleep"))
		nap();
	else if (!strcmp(work, "ipi"))
		sbi_send_ipi(0, -1UL);
	else if (!strcmp(work, "fence"))
		sbi_call(SBI_RFENCE, SBI_RFENCE_VMA, 0, -1UL, 0, FENCE_BYTES, 0, 0);
	else if (!strcmp(work, "vector"))
		use_vectors();
	else
		sbi_set_timer(0);
}

/* Asleep, so that nobody pays for it. */
static void wait_for_begin(void)
{
	sbi_set_timer(from);
	CSR_SET(sie, SIP_STIP);
	while (ticks() < from)
		__asm__ volatile("wfi" : : : "memory");
	CSR_CLEAR(sie, SIP_STIP);
	sbi_set_timer(~(uint64_t)0);
}

/* Every vCPU's: `number` is its own. */
static void run(unsigned long number)
{
	unsigned long count = 0;

	wait_for_begin();
	if (!strcmp(work, "off")) {
		CSR_SET(sie, SIP_SSIP | SIP_STIP);
		CSR_SET(sip, SIP_SSIP);
	}
	if (!strcmp(work, "spin") || !strcmp(work, "off"))
		count = spin(to);
	else
		for (; ticks() < to; count++)
			once();
	counts[number] = count;
}

void main(void)
{
	unsigned long hz =
		fdt_cell(&kit.fdt, fdt_path(&kit.fdt, "/cpus"), "timebase-frequency", 0, 10000000);
	unsigned long marks = argument("count", 0), all = 0, window;
	bool spins;

	if (!kit_argument("work", work, sizeof(work)))
		work[0] = 's', work[1] = 'p', work[2] = 'i', work[3] = 'n';
	from = argument("from", 100) * (hz / 1000);
	to = argument("to", 1100) * (hz / 1000);
	spins = !strcmp(work, "spin") || !strcmp(work, "off");
	smp_init();
	print("# load: %s on %u\n", work, smp_count);
	for (unsigned i = 1; i < smp_count; i++)
		if (smp_start(i, run, i).error)
			print("FAIL: load: start of vCPU %u\n", i);
	if (marks) {
		wait_for_begin();
		spin(from + marks * (hz / 1000));
		MARK(MARK_TRAPS);
	}
	run(0);
	if (marks)
		MARK(-MARK_TRAPS);
	if (!smp_wait_stopped())
		print("FAIL: load: a vCPU doesn't stop\n");
	for (unsigned i = 0; i < smp_count; i++)
		all += counts[i];
	/* A tick is hz/10^9 of a nanosecond's; in thousandths of one hart's time. */
	window = (to - from) / 1000;
	if (spins)
		print("LOAD: %s share %lu of 1000, late by %lu ticks\n", work,
		      all * LOOP / (1000000000 / hz) / window, ticks() - to);
	else
		print("LOAD: %s did %lu, late by %lu ticks\n", work, all, ticks() - to);
}
