/* SPDX-License-Identifier: MIT */
/*
 * The worst: provokes what takes the hypervisor longest, each call and each trap with all other
 * vCPUs in the state in which it costs most. What it takes is counted from outside, by cause and
 * function (tests/system/test_worst.py); here nothing is measured, and little is checked.
 *
 * Every vCPU watches what it counts most with all counters that the SBI's PMU has. Boot argument
 * only=others: nothing but what goes to all vCPUs, and once.
 */
#include "kit/csr.h"
#include "kit/kit.h"
#include "kit/mmio.h"
#include "kit/mmu.h"
#include "kit/print.h"
#include "kit/sbi.h"
#include "kit/smp.h"
#include "kit/string.h"
#include "kit/trap.h"

#define ROUNDS	   3
#define NAP_TICKS  10000 /* a millisecond at 10 MHz */
#define PAGE	   4096UL
#define DBCN_SIZE  256UL /* more than one call takes isn't looked at */
#define VA_DEVICE  0x50000000UL
#define VA_CODE	   0x60000000UL
#define FENCE_SIZE (16 * PAGE) /* more pages are one fence of everything */

/* Of the SBI's PMU: the first counter of firmware events, how many there are, and events. */
enum { FIRMWARE = 3, FIRMWARE_COUNTERS = 16, EVENTS = 256 };
enum { CLEAR_AND_START = 6, IPI_SENT = 0xf0006, IPI_RECEIVED, FENCE_I_SENT, FENCE_I_RECEIVED };

/* Read once: while translation is on, the device tree can't be. */
static struct mmio_device uart, plic;
static volatile unsigned long stop, begun;
static int rounds = ROUNDS;
static uint8_t bytes[2 * DBCN_SIZE + 1];
static uint32_t events[4 * EVENTS] __attribute__((aligned(16)));
static uint16_t code[2 * PAGE / 2] __attribute__((aligned(4096)));
static unsigned long shared[64 / XLEN_BYTES] __attribute__((aligned(64)));

static void nap(void)
{
	sbi_set_timer(csr_time() + NAP_TICKS);
	CSR_SET(sie, SIP_STIP);
	while (!trap_is_pending(IRQ_TIMER))
		__asm__ volatile("wfi" : : : "memory");
	CSR_CLEAR(sie, SIP_STIP);
	sbi_set_timer(-1);
}

static void watch(unsigned long event)
{
	sbi_call(SBI_PMU, SBI_PMU_STOP, FIRMWARE, (1UL << FIRMWARE_COUNTERS) - 1, 1, 0, 0, 0);
	for (unsigned i = 0; i < FIRMWARE_COUNTERS; i++)
		sbi_call(SBI_PMU, SBI_PMU_CONFIG, FIRMWARE, (1UL << FIRMWARE_COUNTERS) - 1,
			 CLEAR_AND_START, event, 0, 0);
}

static void begin(unsigned long event)
{
	if (event)
		watch(event);
	sbi_call(SBI_STA, SBI_STA_SET, (unsigned long)shared, 0, 0, 0, 0, 0);
	__atomic_add_fetch(&begun, 1, __ATOMIC_SEQ_CST);
}

/* What the others do. */
static void sleeps(unsigned long event)
{
	begin(event);
	CSR_SET(sie, SIP_SSIP);
	while (!stop) {
		__asm__ volatile("wfi" : : : "memory");
		CSR_CLEAR(sip, SIP_SSIP);
	}
}

static void spins(unsigned long event)
{
	begin(event);
	while (!stop)
		;
}

static void start_others(void (*run)(unsigned long), unsigned long event)
{
	stop = begun = 0;
	for (unsigned i = 1; i < smp_count; i++)
		if (smp_start(i, run, event).error)
			print("FAIL: worst: start of vCPU %u\n", i);
	while (begun != smp_count - 1)
		nap();
	nap(); /* they are asleep by now, if they sleep */
}

static void stop_others(void)
{
	stop = 1;
	sbi_send_ipi(0, -1UL);
	CSR_CLEAR(sip, SIP_SSIP);
	for (unsigned i = 1; i < smp_count; i++)
		while (smp_state(i) != HSM_STOPPED)
			nap();
}

static void fence(unsigned long fid, unsigned long start, unsigned long size)
{
	sbi_call(SBI_RFENCE, fid, 0, -1UL, start, size, 1, 0);
}

/* What goes to all of them. They come to rest in between. */
static void disturb(void)
{
	for (int i = 0; i < rounds; i++) {
		sbi_send_ipi(0, -1UL);
		nap();
		fence(SBI_RFENCE_I, 0, 0);
		nap();
		fence(SBI_RFENCE_VMA, PAGE - 1, FENCE_SIZE);
		nap();
		fence(SBI_RFENCE_VMA_ASID, PAGE - 1, FENCE_SIZE);
		nap();
		/* Into what the first one has left. */
		sbi_send_ipi(0, -1UL);
		fence(SBI_RFENCE_VMA, 0, 0);
		nap();
	}
}

static void disturb_all(void)
{
	static const struct {
		void (*run)(unsigned long);
		unsigned long sent, received;
	} cases[] = {
		{sleeps, 0, 0},
		{spins, 0, 0},
		{sleeps, IPI_SENT, IPI_RECEIVED},
		{spins, FENCE_I_SENT, FENCE_I_RECEIVED},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		if (cases[i].sent)
			watch(cases[i].sent);
		start_others(cases[i].run, cases[i].received);
		disturb();
		stop_others();
		print("# worst: vCPUs of kind %u\n", i);
	}
}

static void dbcn(const uint8_t *from, unsigned long size)
{
	sbi_call(SBI_DBCN, SBI_DBCN_WRITE, size, (unsigned long)from, 0, 0, 0, 0);
}

/* Lines of nothing, control sequences without end, bytes that are no characters. */
static void write_much(void)
{
	static const char kinds[] = {'x', '\n', 0x1b, (char)0xf4, '\t'};

	for (unsigned i = 0; i < sizeof(kinds); i++) {
		memset(bytes, kinds[i], sizeof(bytes));
		for (int j = 0; j < ROUNDS; j++) {
			dbcn(bytes + j, DBCN_SIZE);
			nap();
		}
		for (int j = 0; j < 100; j++)
			dbcn(bytes, sizeof(bytes));
		sbi_call(SBI_DBCN, SBI_DBCN_BYTE, kinds[i], 0, 0, 0, 0, 0);
		sbi_call(SBI_LEGACY_PUTCHAR, 0, kinds[i], 0, 0, 0, 0, 0);
		mmio_write8(uart.base + UART_DATA, kinds[i]);
		dbcn((const uint8_t *)"\x18\n", 2);
	}
	sbi_call(SBI_DBCN, SBI_DBCN_READ, DBCN_SIZE, (unsigned long)bytes, 0, 0, 0, 0);
	sbi_call(SBI_LEGACY_GETCHAR, 0, 0, 0, 0, 0, 0, 0);
	print("\n# worst: written\n");
}

static void count_events(void)
{
	const unsigned long all = (1UL << (FIRMWARE + FIRMWARE_COUNTERS)) - 1;

	for (unsigned i = 0; i < EVENTS; i++)
		events[4 * i] = 0xf0000 + i % 32;
	sbi_call(SBI_PMU, SBI_PMU_EVENTS, (unsigned long)events, 0, EVENTS, 0, 0, 0);
	sbi_call(SBI_PMU, SBI_PMU_STOP, 0, all & ~2UL, 1, 0, 0, 0);
	watch(IPI_SENT);
	sbi_call(SBI_PMU, SBI_PMU_STOP, 0, all & ~2UL, 0, 0, 0, 0);
	sbi_call(SBI_PMU, SBI_PMU_START, 0, all & ~2UL, 1, 77, 0, 0);
	sbi_call(SBI_PMU, SBI_PMU_READ, FIRMWARE, 0, 0, 0, 0, 0);
	sbi_call(SBI_PMU, SBI_PMU_READ_HI, FIRMWARE, 0, 0, 0, 0, 0);
	for (unsigned i = 0; i < FIRMWARE + FIRMWARE_COUNTERS; i++)
		sbi_call(SBI_PMU, SBI_PMU_INFO, i, 0, 0, 0, 0, 0);
	sbi_call(SBI_PMU, SBI_PMU_COUNT, 0, 0, 0, 0, 0, 0);
	sbi_call(SBI_PMU, SBI_PMU_STOP, 0, all & ~2UL, 1, 0, 0, 0);
}

/* What has few ways to go. */
static void call_the_rest(void)
{
	for (unsigned long fid = 0; fid < 8; fid++)
		sbi_call(SBI_BASE, fid, SBI_PMU, 0, 0, 0, 0, 0);
	for (unsigned long feature = 0; feature < 8; feature++) {
		sbi_call(SBI_FWFT, SBI_FWFT_SET, feature, 1, 0, 0, 0, 0);
		sbi_call(SBI_FWFT, SBI_FWFT_GET, feature, 0, 0, 0, 0, 0);
		sbi_call(SBI_FWFT, SBI_FWFT_SET, feature, 0, 0, 0, 0, 0);
	}
	sbi_call(SBI_HSM, SBI_HSM_START, smp[0].id, (unsigned long)smp_entry, 0, 0, 0, 0);
	sbi_call(SBI_HSM, SBI_HSM_SUSPEND, 1, 0, 0, 0, 0, 0);
	sbi_call(SBI_SRST, SBI_SRST_RESET, 77, 0, 0, 0, 0, 0);
	sbi_call(SBI_LEGACY_SET_TIMER, 0, -1UL, -1UL, 0, 0, 0, 0);
	sbi_call(SBI_LEGACY_CLEAR_IPI, 0, 0, 0, 0, 0, 0, 0);
	sbi_call(SBI_TIME, 1, 0, 0, 0, 0, 0, 0);
	sbi_call(0x12345, 0, 0, 0, 0, 0, 0, 0);
	/* Woken at once, by what is pending. */
	CSR_SET(sie, SIP_SSIP);
	CSR_SET(sip, SIP_SSIP);
	sbi_call(SBI_HSM, SBI_HSM_SUSPEND, 0, 0, 0, 0, 0, 0);
	sbi_call(SBI_SUSP, SBI_SUSP_SUSPEND, 0, 1, 0, 0, 0, 0);
	__asm__ volatile("wfi");
	CSR_CLEAR(sip, SIP_SSIP);
	CSR_CLEAR(sie, SIP_SSIP);
}

/* The one source that there is, pending for all contexts, and taken from all of them. */
static void interrupt_all(void)
{
	unsigned long mine = plic.base + PLIC_CLAIM(mmio_plic_context());

	mmio_write8(uart.base + UART_IER, UART_IER_THRE);
	for (unsigned i = 0; i < smp_count; i++)
		mmio_write32(plic.base + PLIC_ENABLE(mmio_plic_context_of(smp[i].id), uart.irq),
			     -1U);
	for (int i = 0; i < ROUNDS; i++) {
		mmio_write32(plic.base + PLIC_PRIORITY(uart.irq), 7);
		nap();
		mmio_write32(plic.base + PLIC_PRIORITY(uart.irq), 0);
		nap();
		mmio_write32(plic.base + PLIC_PRIORITY(uart.irq), 7);
		nap();
		mmio_read32(mine);
		nap();
		mmio_write32(mine, uart.irq);
		nap();
	}
	mmio_write8(uart.base + UART_IER, 0);
	mmio_read32(mine);
	mmio_write32(mine, uart.irq);
}

static unsigned long lr(unsigned long at)
{
	unsigned long value;

	__asm__ volatile("lr.w %0, (%1)" : "=r"(value) : "r"(at) : "memory");
	return value;
}

static void illegal(void)
{
	__asm__ volatile("unimp");
}

static void except(void)
{
	struct trap t;

	trap_call(&t, illegal, 0, 0, 0);
	trap_call(&t, lr, (unsigned long)bytes + 1, 0, 0);
	trap_call(&t, lr, uart.base, 0, 0);
	trap_call(&t, (const void *)8, 0, 0, 0);
	trap_call(&t, probe_load, 8, 0, 0);
	trap_call(&t, probe_store, 8, 0, 0);
}

/* Device accesses of every size, aligned or not, at `at`, where pages of two devices meet. */
static void access(unsigned long at)
{
	struct trap t;

	for (unsigned long offset = PAGE - 9; offset < PAGE + 9; offset++) {
		trap_call(&t, probe_load8, at + offset, 0, 0);
		trap_call(&t, probe_load16, at + offset, 0, 0);
		trap_call(&t, probe_load32, at + offset, 0, 0);
		trap_call(&t, probe_load, at + offset, 0, 0);
		trap_call(&t, probe_store8, at + offset, 0, 0);
		trap_call(&t, probe_store16, at + offset, 0, 0);
		trap_call(&t, probe_store32, at + offset, 0, 0);
		trap_call(&t, probe_store, at + offset, 0, 0);
	}
}

/* With the most levels that there are: lbu and sb that lie on two pages, too. */
static void access_translated(void)
{
	static struct mmu m;
	const struct mmu_mode *mode = mmu_modes, *deepest = NULL;
	const uint32_t insns[] = {UART_SCR << 20 | 10 << 15 | 4 << 12 | 10 << 7 | 0x03,
				  10 << 20 | 10 << 15 | UART_SCR << 7 | 0x23};
	struct trap t;

	for (; mode->name; mode++)
		if (mmu_init(&m, mode))
			deepest = mode;
	if (!deepest || !mmu_init(&m, deepest))
		return;
	mmu_map(&m, VA_DEVICE, uart.base, 0, PTE_RW);
	mmu_map(&m, VA_DEVICE + PAGE, plic.base, 0, PTE_RW);
	mmu_map(&m, VA_DEVICE + 2 * PAGE, (unsigned long)code, 0, PTE_RW);
	mmu_map(&m, VA_DEVICE + 3 * PAGE, uart.base, 0, PTE_RW);
	mmu_map(&m, VA_DEVICE + 4 * PAGE, 8 * PAGE, 0, PTE_RW);
	mmu_map(&m, VA_CODE, (unsigned long)code, 0, PTE_RX);
	mmu_map(&m, VA_CODE + PAGE, (unsigned long)code + PAGE, 0, PTE_RX);
	for (unsigned i = 0; i < 2; i++) {
		code[PAGE / 2 - 1] = (uint16_t)insns[i];
		code[PAGE / 2] = (uint16_t)(insns[i] >> 16);
		code[PAGE / 2 + 1] = 0x8082; /* ret */
		__asm__ volatile("fence.i" : : : "memory");
		mmu_on(&m, 0);
		trap_call(&t, (const void *)(VA_CODE + PAGE - 2), VA_DEVICE, 0, 0);
		mmu_off();
	}
	mmu_on(&m, 0);
	for (unsigned long at = VA_DEVICE; at < VA_DEVICE + 4 * PAGE; at += PAGE)
		access(at);
	except();
	mmu_off();
	print("# worst: %s\n", deepest->name);
}

void main(void)
{
	char only[8];

	uart = mmio_uart();
	plic = mmio_plic();
	smp_init();
	trap_learn_sip();
	if (kit_argument("only", only, sizeof(only))) {
		rounds = 1;
		disturb_all();
		print("DONE: worst, %u vCPUs\n", smp_count);
		return;
	}
	access(uart.base - PAGE);
	access(plic.base - PAGE);
	except();
	access_translated();
	call_the_rest();
	count_events();
	write_much();
	disturb_all();
	start_others(sleeps, 0);
	interrupt_all();
	stop_others();
	start_others(spins, 0);
	interrupt_all();
	print("DONE: worst, %u vCPUs\n", smp_count);
	/* And now the end of all of them, by one. */
}
