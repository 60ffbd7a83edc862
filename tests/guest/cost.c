/* SPDX-License-Identifier: MIT */
/*
 * cost.elf: what calls and emulated accesses cost, in retired instructions.
 *
 * Run it with `-icount shift=0,sleep=off -smp 1`: there `instret` counts guest
 * and hypervisor together, so that a difference read in the guest is the whole
 * round trip. Each row is the least of ROUNDS, with nothing taken off: the two
 * reads of the counter and the call sequence are in it. Rows that sleep stand
 * between markers, which tools/bench/count.c counts: `instret` would count the
 * idle time too.
 */
#include "kit/csr.h"
#include "kit/kit.h"
#include "kit/mmio.h"
#include "kit/mmu.h"
#include "kit/print.h"
#include "kit/sbi.h"
#include "kit/trap.h"

#define ROUNDS	    20
#define NEVER	    (~(uint64_t)0)
#define VA_DEVICE   0x50000000UL
#define EID_UNKNOWN 0x0abcdef0
#define SOON	    100 /* ticks: later than the way from here to waiting for it */

/* Rows that tools/bench counts, by their markers' numbers (tools/bench/rows.py). */
#define ROW_SLEEP 1

/* A hint that does nothing: starts row n, and -n ends it. */
#define MARK(n) __asm__ volatile("slti x0, x0, %0" : : "i"(n) : "memory")

/* Least difference of instret over ROUNDS runs of `what`, then printed. */
#define MEASURE(name, what)                                                                        \
	({                                                                                         \
		unsigned long best_ = ~0UL;                                                        \
		for (int round_ = 0; round_ < ROUNDS; round_++) {                                  \
			unsigned long start_ = csr_instret();                                      \
			what;                                                                      \
			unsigned long cost_ = csr_instret() - start_;                              \
			if (cost_ < best_)                                                         \
				best_ = cost_;                                                     \
		}                                                                                  \
		report(name, best_);                                                               \
	})

static char text[64] = "# the 64 bytes of a line that a capsule writes to the console.\r\n";
static volatile unsigned int received;

static unsigned long report(const char *name, unsigned long value)
{
	print("COST: %s %lu\n", name, value);
	return value;
}

static unsigned long larger(unsigned long a, unsigned long b)
{
	return a > b ? a : b;
}

/* The rows of a call that does nothing, and the worst of the four. */
static void measure_null(void)
{
	unsigned long hart = kit.hart, worst;

	worst = MEASURE("sbi-get-spec-version",
			sbi_call(SBI_BASE, SBI_BASE_SPEC, 0, 0, 0, 0, 0, 0));
	worst = larger(worst, MEASURE("sbi-probe-extension",
				      sbi_call(SBI_BASE, SBI_BASE_PROBE, SBI_TIME, 0, 0, 0, 0, 0)));
	worst = larger(worst, MEASURE("sbi-hart-get-status",
				      sbi_call(SBI_HSM, SBI_HSM_STATUS, hart, 0, 0, 0, 0, 0)));
	worst = larger(worst, MEASURE("sbi-unknown-extension",
				      sbi_call(EID_UNKNOWN, 0, 0, 0, 0, 0, 0, 0)));
	report("sbi-null", worst);
}

/* A handler as small as the compiler makes one, so that the row tells little of the guest's own. */
static void __attribute__((interrupt("supervisor"), aligned(4))) on_ipi(void)
{
	received++;
	CSR_CLEAR(sip, SIP_SSIP);
}

static void measure_ipi(void)
{
	unsigned long hart = kit.hart, vector = CSR_READ(stvec);

	MEASURE("ipi-send", sbi_call(SBI_IPI, SBI_IPI_SEND, 1, hart, 0, 0, 0, 0));
	CSR_CLEAR(sip, SIP_SSIP);
	CSR_WRITE(stvec, (unsigned long)on_ipi);
	CSR_SET(sie, SIP_SSIP);
	CSR_SET(sstatus, SSTATUS_SIE);
	MEASURE("ipi-to-self-with-handler", ({
			unsigned int before = received;

			sbi_call(SBI_IPI, SBI_IPI_SEND, 1, hart, 0, 0, 0, 0);
			while (received == before)
				;
		}));
	CSR_CLEAR(sstatus, SSTATUS_SIE);
	CSR_CLEAR(sie, SIP_SSIP);
	/* The guest's own share of the row above: the same interrupt without a call. */
	CSR_SET(sie, SIP_SSIP);
	CSR_SET(sstatus, SSTATUS_SIE);
	MEASURE("ipi-guest-share", CSR_SET(sip, SIP_SSIP));
	CSR_CLEAR(sstatus, SSTATUS_SIE);
	CSR_CLEAR(sie, SIP_SSIP);
	CSR_WRITE(stvec, vector);
}

static void measure_calls(void)
{
	unsigned long hart = kit.hart, never = XLEN == 32 ? -1UL : 0;

	MEASURE("set-timer", sbi_call(SBI_TIME, SBI_TIME_SET, -1UL, never, 0, 0, 0, 0));
	measure_ipi();
	MEASURE("remote-fence-i", sbi_call(SBI_RFENCE, SBI_RFENCE_I, 1, hart, 0, 0, 0, 0));
	MEASURE("remote-sfence-vma",
		sbi_call(SBI_RFENCE, SBI_RFENCE_VMA, 1, hart, 0x1000, 0x1000, 0, 0));
	if (sbi_probe(SBI_DBCN))
		MEASURE("dbcn-write-64", sbi_call(SBI_DBCN, SBI_DBCN_WRITE, sizeof(text),
						  (unsigned long)text, 0, 0, 0, 0));
}

/* The timer's interrupt `ticks` from now; NEVER: none, and none that is pending. */
static void set_timer(uint64_t when)
{
	sbi_call(SBI_TIME, SBI_TIME_SET, (unsigned long)when,
		 XLEN == 32 ? (unsigned long)(when >> 32) : 0, 0, 0, 0, 0);
}

/*
 * From the guest's last instruction before the timer's interrupt to the first
 * of its handler, which is here: nothing is saved, and it doesn't return.
 */
static unsigned long timer_interrupt(void)
{
	unsigned long before, after, vector = CSR_READ(stvec);

	set_timer(csr_time() + SOON);
	CSR_SET(sie, SIP_STIP);
	__asm__ volatile("la %1, 2f\n"
			 "csrw stvec, %1\n"
			 "csrsi sstatus, 2\n" /* SIE */
			 "1: .rept 64\n"
			 "csrr %0, instret\n"
			 ".endr\n"
			 "j 1b\n"
			 ".balign 4\n"
			 "2: csrr %1, instret\n"
			 : "=&r"(before), "=&r"(after)
			 :
			 : "memory");
	CSR_WRITE(stvec, vector);
	CSR_CLEAR(sie, SIP_STIP);
	set_timer(NEVER);
	return after - before;
}

/* Set the timer, sleep until it is due, go on. By the clock: not every emulator's sip shows it. */
static void sleep_once(void)
{
	uint64_t when = csr_time() + SOON;

	MARK(ROW_SLEEP);
	set_timer(when);
	while ((long)(CSR_READ(time) - (unsigned long)when) < 0)
		__asm__ volatile("wfi" : : : "memory");
	MARK(-ROW_SLEEP);
	set_timer(NEVER);
}

static void measure_timer(void)
{
	unsigned long best = ~0UL;

	for (int round = 0; round < ROUNDS; round++) {
		unsigned long cost = timer_interrupt();

		if (cost < best)
			best = cost;
	}
	report("timer-interrupt", best);
	CSR_SET(sie, SIP_STIP);
	for (int round = 0; round < ROUNDS; round++)
		sleep_once();
	CSR_CLEAR(sie, SIP_STIP);
}

static void measure_putchar(void)
{
	unsigned long start = csr_instret(), all;

	for (unsigned int i = 0; i < sizeof(text); i++)
		sbi_call(SBI_LEGACY_PUTCHAR, 0, (unsigned char)text[i], 0, 0, 0, 0, 0);
	all = csr_instret() - start;
	report("legacy-putchar-64", all);
	report("legacy-putchar", all / sizeof(text));
}

static void measure_uart(void)
{
	struct mmio_device uart = mmio_uart();
	unsigned long scratch = uart.base + UART_SCR;
	struct mmu m;

	if (!uart.base)
		return;
	MEASURE("uart-read", mmio_read8(scratch));
	MEASURE("uart-write", mmio_write8(scratch, 0x5a));
	MEASURE("uart-read-lsr", mmio_read8(uart.base + UART_LSR));
	for (const struct mmu_mode *mode = mmu_modes; mode->name; mode++) {
		if (!mmu_init(&m, mode))
			continue;
		mmu_map(&m, VA_DEVICE, uart.base, 0, PTE_RW);
		mmu_on(&m, 0);
		scratch = VA_DEVICE + UART_SCR;
		print("# with %s\n", mode->name);
		MEASURE(mode->levels == (XLEN == 64 ? 3 : 2) ? "uart-read-mmu"
			: mode->levels == 4		     ? "uart-read-sv48"
							     : "uart-read-sv57",
			mmio_read8(scratch));
		mmu_off();
	}
}

static void measure_wfi(void)
{
	CSR_SET(sie, SIP_SSIP);
	CSR_SET(sip, SIP_SSIP);
	MEASURE("wfi-pending", __asm__ volatile("wfi" : : : "memory"));
	CSR_CLEAR(sip, SIP_SSIP);
	CSR_CLEAR(sie, SIP_SSIP);
}

void main(void)
{
	MEASURE("nothing", (void)0);
	measure_null();
	measure_calls();
	measure_timer();
	measure_putchar();
	measure_uart();
	measure_wfi();
	MEASURE("read-time", CSR_READ(time));
	print("DONE: costs\n");
}
