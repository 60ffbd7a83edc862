/* SPDX-License-Identifier: MIT */
/*
 * storm.elf: what hostile.elf is for one vCPU this is for several. All of them, at random and all
 * at once, start and stop each other, suspend, call and fence each other, take and give back what
 * SBI extensions have, and use their devices through page tables whose entries, leaves and tables
 * alike, the others are changing meanwhile: to devices, to RAM, to the hypervisor, to the
 * neighbour.
 *
 * Whatever comes back must be an answer that the SBI specification allows there, or data that is
 * the capsule's own; and at the end each vCPU must still stop, and start again.
 *
 * Boot arguments: seconds=N, seed=N, then=off, reboot or fail: from the last vCPU, amid the storm.
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

#define PAGE	   4096UL
#define VA	   0x50000000UL /* three pages in a row: data, data, code */
#define VA_PAGES   3
#define VA_CODE	   (VA + 2 * PAGE)
#define HYPERVISOR 0x80000000UL
#define NEIGHBOUR  0x86200000UL
#define OWN_BYTE   0xa5
#define OWN_WORD   (-1UL / 0xff * OWN_BYTE)
/* In a device's page here are registers with at most three bits: the PLIC's priorities. */
#define OFFSET	   0x20
#define SOON	   2000
#define RETENTIVE  0x00000000UL
#define FORGETTING 0x80000000UL
#define CODE_WORDS 4

/* Data, code, and what the steal-time calls of each vCPU write to. */
static uint8_t own[2][PAGE] __attribute__((aligned(4096)));
static uint32_t code[2][PAGE / 4] __attribute__((aligned(4096)));
static uint8_t steal[SMP_MAX][2][64] __attribute__((aligned(64)));

static struct mmu m;
static unsigned long *leaves[VA_PAGES], *above;
static unsigned long table_entry;
static struct mmio_device uart, plic;
static uint64_t end;
static char then[8] = "off";
static volatile unsigned long over, operations[SMP_MAX], lives[SMP_MAX];
static uint32_t chance[SMP_MAX];

/* xorshift32 */
static uint32_t next(unsigned me)
{
	uint32_t x = chance[me];

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return chance[me] = x;
}

static unsigned long below(unsigned me, unsigned long n)
{
	return (next(me) >> 3) % n;
}

static void escape(const char *what, unsigned long a, unsigned long b)
{
	CSR_CLEAR(sstatus, SSTATUS_SIE);
	print("FAIL: storm: escape: %s, 0x%lx, 0x%lx, vCPU %u\n", what, a, b, smp_this());
	kit_fail();
}

/* The call's answer is one of those whose bits are set: bit n is error -n. */
static struct sbiret call(unsigned long allowed, unsigned long eid, unsigned long fid,
			  unsigned long a0, unsigned long a1, unsigned long a2, unsigned long a3)
{
	struct sbiret r = sbi_call(eid, fid, a0, a1, a2, a3, 0, 0);

	if (r.error > 0 || r.error < -31 || !(allowed >> -r.error & 1))
		escape("an answer that can't be", eid << 4 | fid, (unsigned long)r.error);
	return r;
}

#define OK	  1UL
#define OR(error) (1UL << -(error))

/* --- each other ------------------------------------------------------------------------------ */

static void storm(unsigned long number);

static void start_another(unsigned me)
{
	unsigned long id = below(me, smp_count);

	/* Where it begins and what it does is the same whoever starts it. */
	call(OK | OR(SBI_ERR_ALREADY_AVAILABLE) | OR(SBI_ERR_FAILED), SBI_HSM, SBI_HSM_START, id,
	     (unsigned long)smp_entry, (unsigned long)&smp[id], 0);
}

static void start_wrongly(unsigned me)
{
	static const unsigned long bad[] = {HYPERVISOR, NEIGHBOUR,  0x10000000, 0xc000000,
					    0x100000,	0x84200001, -2UL,	0,
					    0x2000000,	0x8000000};
	unsigned long at = bad[below(me, sizeof(bad) / sizeof(*bad))];

	call(OR(SBI_ERR_INVALID_ADDRESS), SBI_HSM, SBI_HSM_START, below(me, smp_count), at, 0, 0);
	call(OR(SBI_ERR_INVALID_PARAM), SBI_HSM, SBI_HSM_START, smp_count + below(me, 100), at, 0,
	     0);
	call(OR(SBI_ERR_INVALID_ADDRESS), SBI_HSM, SBI_HSM_SUSPEND, FORGETTING, at, 0, 0);
	call(OR(SBI_ERR_INVALID_PARAM), SBI_HSM, SBI_HSM_SUSPEND, 1 + below(me, 1000), at, 0, 0);
	call(OR(SBI_ERR_INVALID_ADDRESS), SBI_SUSP, SBI_SUSP_SUSPEND, 0, at, 0, 0);
	call(OR(SBI_ERR_INVALID_PARAM), SBI_SUSP, SBI_SUSP_SUSPEND, 1 + below(me, 1000), at, 0, 0);
}

static void ask_state(unsigned me)
{
	struct sbiret r = call(OK, SBI_HSM, SBI_HSM_STATUS, below(me, smp_count), 0, 0, 0);

	if (r.value > HSM_RESUME_PENDING)
		escape("a state that doesn't exist", r.value, 0);
	r = call(OK, SBI_HSM, SBI_HSM_STATUS, me, 0, 0, 0);
	if (r.value != HSM_STARTED)
		escape("one that runs isn't started", r.value, me);
}

/* With the timer soon, so that whatever happens it wakes. */
static void sleep_soon(unsigned me)
{
	CSR_CLEAR(sstatus, SSTATUS_SIE);
	sbi_set_timer(csr_time() + below(me, SOON));
	switch (below(me, 6)) {
	case 0: call(OK, SBI_HSM, SBI_HSM_SUSPEND, RETENTIVE, 0, 0, 0); break;
	case 1:
		call(0, SBI_HSM, SBI_HSM_SUSPEND, FORGETTING, (unsigned long)smp_entry,
		     (unsigned long)&smp[me], 0);
		break;
	case 2: /* succeeds when all others happen to be stopped */
		call(OR(SBI_ERR_DENIED), SBI_SUSP, SBI_SUSP_SUSPEND, 0, (unsigned long)smp_entry,
		     (unsigned long)&smp[me], 0);
		break;
	default: __asm__ volatile("wfi" : : : "memory"); break;
	}
	CSR_SET(sstatus, SSTATUS_SIE);
}

/* A list of harts, and whether it names one that isn't there. */
static bool any_list(unsigned me, unsigned long *mask, unsigned long *base)
{
	unsigned long all = (1UL << smp_count) - 1;

	switch (below(me, 6)) {
	case 0:
		*base = -1UL;
		*mask = next(me);
		return true;
	case 1:
		*base = 0;
		*mask = next(me) & all;
		return true;
	case 2:
		*base = below(me, smp_count);
		*mask = all >> *base & next(me);
		return true;
	case 3:
		*base = smp_count - 1;
		*mask = 1 | 2UL << below(me, XLEN - 1);
		return false;
	case 4:
		*base = smp_count + below(me, 1000);
		*mask = 1UL << below(me, XLEN);
		return false;
	default:
		*base = -2UL - below(me, XLEN);
		*mask = 1UL << below(me, XLEN);
		return false;
	}
}

static void disturb_others(unsigned me)
{
	unsigned long mask, base;
	bool good = any_list(me, &mask, &base);
	unsigned long expected = good ? OK : OR(SBI_ERR_INVALID_PARAM);

	switch (below(me, 4)) {
	case 0: call(expected, SBI_RFENCE, SBI_RFENCE_I, mask, base, 0, 0); break;
	case 1: call(expected, SBI_RFENCE, SBI_RFENCE_VMA, mask, base, VA, 3 * PAGE); break;
	case 2: call(expected, SBI_RFENCE, SBI_RFENCE_VMA, mask, base, next(me), -1UL); break;
	default: call(expected, SBI_IPI, SBI_IPI_SEND, mask, base, 0, 0); break;
	}
}

/* --- what is each vCPU's own --------------------------------------------------------------- */

static void count_events(unsigned me)
{
	unsigned long base = below(me, 12), mask = below(me, 4) ? 1UL << below(me, 12) : next(me);
	unsigned long any = OK | OR(SBI_ERR_NOT_SUPPORTED) | OR(SBI_ERR_INVALID_PARAM) |
			    OR(SBI_ERR_ALREADY_STARTED) | OR(SBI_ERR_ALREADY_STOPPED) |
			    OR(SBI_ERR_NO_SHMEM);

	switch (below(me, 4)) {
	case 0:
		call(any, SBI_PMU, SBI_PMU_CONFIG, base, mask, next(me) & 7,
		     below(me, 2) ? 0xf0000 + below(me, 24) : below(me, 4));
		break;
	case 1: call(any, SBI_PMU, SBI_PMU_START, base, mask, next(me) & 3, next(me)); break;
	case 2: call(any, SBI_PMU, SBI_PMU_STOP, base, mask, next(me) & 3, 0); break;
	default: call(any, SBI_PMU, SBI_PMU_READ, base, 0, 0, 0); break;
	}
}

static void set_features(unsigned me)
{
	unsigned long any = OK | OR(SBI_ERR_DENIED_LOCKED);

	if (below(me, 64))
		call(any, SBI_FWFT, SBI_FWFT_SET, 0, below(me, 2), 0, 0);
	else
		call(any, SBI_FWFT, SBI_FWFT_SET, 0, below(me, 2), 1, 0);
	call(OR(SBI_ERR_NOT_SUPPORTED), SBI_FWFT, SBI_FWFT_SET, 1 + below(me, 5), 1, 0, 0);
	call(OR(SBI_ERR_DENIED), SBI_FWFT, SBI_FWFT_GET, 6 + below(me, 1000), 0, 0, 0);
}

/* What was given back is written no more. */
static void show_steal(unsigned me)
{
	unsigned turn = (unsigned)below(me, 2);
	uint8_t *gone = steal[me][!turn];

	call(OK, SBI_STA, SBI_STA_SET, (unsigned long)steal[me][turn], 0, 0, 0);
	memset(gone, OWN_BYTE, 64);
	call(OR(SBI_ERR_INVALID_PARAM), SBI_STA, SBI_STA_SET, (unsigned long)steal[me][turn] + 8, 0,
	     0, 0);
	call(OR(SBI_ERR_INVALID_ADDRESS), SBI_STA, SBI_STA_SET,
	     below(me, 2) ? HYPERVISOR : NEIGHBOUR, 0, 0, 0);
	kit_delay(below(me, SOON));
	if (!below(me, 3))
		call(OK, SBI_STA, SBI_STA_SET, -1UL, -1UL, 0, 0);
	for (unsigned i = 0; i < 64; i++)
		if (gone[i] != OWN_BYTE)
			escape("steal time was written where it isn't any more", i, gone[i]);
}

/* --- devices, and tables that change ---------------------------------------------------------- */

static void change_tables(unsigned me)
{
	const unsigned long targets[] = {
		(unsigned long)own[0],
		(unsigned long)own[1],
		uart.base,
		plic.base,
		HYPERVISOR,
		NEIGHBOUR,
		0x100000,
	};
	unsigned long pa = targets[below(me, sizeof(targets) / sizeof(*targets))];
	unsigned long flags = below(me, 8) ? PTE_RW : PTE_V | (next(me) & 0xfe);
	unsigned long page = below(me, VA_PAGES);

	if (page == VA_PAGES - 1) {
		/* Our data isn't code that comes back. */
		pa = below(me, 4) ? (unsigned long)code[below(me, 2)]
				  : targets[2 + below(me, sizeof(targets) / sizeof(*targets) - 2)];
		flags |= PTE_X | PTE_R;
	}
	*(volatile unsigned long *)leaves[page] = mmu_pte(pa, flags);
	if (!below(me, 16)) /* the table itself, for a moment */
		*(volatile unsigned long *)above = mmu_pte(pa, PTE_V);
	__asm__ volatile("sfence.vma" : : : "memory");
	*(volatile unsigned long *)above = table_entry;
	if (below(me, 2))
		__asm__ volatile("sfence.vma" : : : "memory");
}

/* Bytes that come back are our own memory's, or a device's register of few bits. */
static void check_data(unsigned long at, unsigned long value, unsigned width)
{
	for (; width; width--, value >>= 8)
		if ((value & 0xff) != OWN_BYTE && (value & 0xff) > 7)
			escape("data of others", at, value);
}

static void use_tables(unsigned me)
{
	static const struct {
		const void *run;
		unsigned width;
		bool stores;
	} ways[] = {
		{probe_load8, 1, false},  {probe_load16, 2, false},
		{probe_load32, 4, false}, {probe_load, XLEN_BYTES, false},
		{probe_store8, 1, true},  {probe_store16, 2, true},
		{probe_store32, 4, true}, {probe_store, XLEN_BYTES, true},
		{NULL, 1, false},	  {NULL, 1, false},
		{NULL, 1, false},
	};
	unsigned way = (unsigned)below(me, sizeof(ways) / sizeof(*ways));
	const void *run = ways[way].run;
	unsigned long at = VA + OFFSET + below(me, 8);
	struct trap t;

	if (!below(me, 8))
		at = VA + PAGE - 1 - below(me, 8);
	if (!run) /* its code may be exchanged while it is looked at */
		run = (const void *)(VA_CODE + 4 * CODE_WORDS * below(me, 8));
	if (!trap_call(&t, run, at, OWN_WORD, 0) && ways[way].run && !ways[way].stores)
		check_data(at, t.value, ways[way].width);
	if (t.taken && t.frame.cause > CAUSE_STORE_PAGE)
		escape("an impossible cause", at, t.frame.cause);
}

/* Its own interrupts, those of the others, and the wires between. */
static void use_devices(unsigned me)
{
	unsigned context = (unsigned)below(me, smp_count + 2);

	switch (below(me, 6)) {
	case 0: mmio_write32(plic.base + PLIC_PRIORITY(below(me, 32)), next(me)); break;
	case 1: mmio_write32(plic.base + PLIC_ENABLE(context, 1), next(me)); break;
	case 2: mmio_write32(plic.base + PLIC_THRESHOLD(context), next(me)); break;
	case 3:
		mmio_write32(plic.base + PLIC_CLAIM(context),
			     mmio_read32(plic.base + PLIC_CLAIM(context)));
		break;
	case 4: mmio_write8(uart.base + UART_IER, (uint8_t)next(me)); break;
	default:
		mmio_read8(uart.base + UART_IIR);
		mmio_read8(uart.base + UART_LSR);
		break;
	}
}

/* Of a call nothing comes back but a0 and a1. */
static void keep_registers(unsigned me)
{
	static const uint32_t ecall_ebreak[2] = {0x00000073, 0x00100073};
	unsigned long x[32];
	struct trap t;

	for (unsigned i = 0; i < 32; i++)
		x[i] = next(me);
	x[17] = SBI_IPI;
	x[16] = SBI_IPI_SEND;
	x[10] = 1;
	x[11] = below(me, smp_count);
	CSR_CLEAR(sstatus, SSTATUS_SIE);
	trap_call_registers(&t, x, ecall_ebreak);
	for (unsigned i = 1; i < 32; i++)
		if (i != 10 && i != 11 && t.frame.x[i] != x[i])
			escape("a call changed a register", i, t.frame.x[i]);
	CSR_SET(sstatus, SSTATUS_SIE);
}

/* --- the storm -------------------------------------------------------------------------------- */

static void (*const deeds[])(unsigned me) = {
	start_another, start_wrongly, ask_state,  sleep_soon,  disturb_others, disturb_others,
	count_events,  set_features,  show_steal, use_devices, change_tables,  change_tables,
	use_tables,    use_tables,    use_tables, use_tables,  keep_registers, sleep_soon,
};

static void finish(void)
{
	unsigned long count = 0, started = 0;

	if (!strcmp(then, "reboot"))
		sbi_reset(SRST_COLD, SRST_NO_REASON);
	if (!strcmp(then, "fail"))
		sbi_reset(SRST_SHUTDOWN, SRST_FAILURE);
	over = 1;
	for (unsigned i = 1; i < smp_count; i++) {
		uint64_t start = csr_time();

		while (smp_state(i) != HSM_STOPPED && csr_time() - start < SMP_PATIENCE)
			sbi_send_ipi(1, i);
		if (smp_state(i) != HSM_STOPPED)
			escape("a vCPU doesn't stop any more, its state", i, smp_state(i));
	}
	mmu_off();
	for (unsigned i = 0; i < smp_count; i++) {
		count += operations[i];
		started += lives[i];
	}
	print("PASS: storm: %lu operations in %lu lives of %u vCPUs\n", count, started, smp_count);
	kit_shutdown();
}

static void storm(unsigned long number)
{
	unsigned me = (unsigned)number;

	lives[me]++;
	mmu_on(&m, me & 1);
	sbi_set_timer(-1);
	CSR_WRITE(sie, SIP_SSIP | SIP_STIP | SIP_SEIP);
	CSR_SET(sstatus, SSTATUS_SIE);
	while (!over) {
		if (me == 0 && csr_time() >= end)
			finish();
		if (me && !below(me, 64))
			break;
		deeds[below(me, sizeof(deeds) / sizeof(*deeds))](me);
		operations[me]++;
	}
	CSR_CLEAR(sstatus, SSTATUS_SIE);
	mmu_off();
}

static void on_soft(struct trap_frame *frame)
{
	(void)frame;
	CSR_CLEAR(sip, SIP_SSIP);
}

static void on_timer(struct trap_frame *frame)
{
	(void)frame;
	sbi_set_timer(-1);
}

/* Whatever context it is: all are silenced. */
static void on_external(struct trap_frame *frame)
{
	(void)frame;
	for (unsigned i = 0; i < smp_count; i++)
		mmio_write32(plic.base + PLIC_ENABLE(i, 1), 0);
}

/* Code that reaches for a0, in the two pages by other instructions; whoever executes it may be
 * changed from the one to the other in between. */
static void write_code(void)
{
	static const uint32_t first[8][2] = {
		{0x00050503, 0x00008067}, /* lb a0, 0(a0); ret */
		{0x00b50023, 0x00008067}, /* sb a1, 0(a0) */
		{0x0005100f, 0x00008067}, /* fence.i */
		{0x00008082, 0x00008067}, /* c.ret */
		{0x80824108, 0x80828082}, /* c.lw a0, 0(a0); c.ret */
		{0x8082c10c, 0x80828082}, /* c.sw a1, 0(a0) */
		{0x40b5252f, 0x00008067}, /* amoor.w a0, a1, (a0) */
		{0x1005252f, 0x00008067}, /* lr.w a0, (a0) */
	};
	static const uint32_t second[8][2] = {
		{0x00052503, 0x00008067}, /* lw a0, 0(a0) */
		{0x00b52023, 0x00008067}, /* sw a1, 0(a0) */
		{0x00050503, 0x00008067}, {0x00b50023, 0x00008067},
		{0x00052507, 0x00008067},			    /* flw */
		{0x00050503, 0x00008067}, {0x00b51023, 0x00008067}, /* sh */
		{0x00055503, 0x00008067},			    /* lhu */
	};

	for (unsigned i = 0; i < PAGE / 4; i++)
		code[0][i] = code[1][i] = 0x80828082;
	for (unsigned i = 0; i < 8; i++) {
		memcpy(&code[0][CODE_WORDS * i], first[i], 8);
		memcpy(&code[1][CODE_WORDS * i], second[i], 8);
	}
	__asm__ volatile("fence.i" : : : "memory");
}

static bool make_tables(void)
{
	if (!mmu_init(&m, &mmu_modes[0]))
		return false;
	for (unsigned i = 0; i < VA_PAGES; i++)
		leaves[i] = mmu_map(&m, VA + i * PAGE, (unsigned long)own[0], 0, PTE_RW);
	above = mmu_entry(&m, VA, 1);
	table_entry = *above;
	for (unsigned long at = 0; at < plic.size; at += mmu_page_size(1))
		mmu_map(&m, plic.base + at, plic.base + at, 1, PTE_RW);
	mmu_map(&m, uart.base, uart.base, 1, PTE_RW);
	return true;
}

void main(void)
{
	uint32_t hz =
		fdt_cell(&kit.fdt, fdt_path(&kit.fdt, "/cpus"), "timebase-frequency", 0, 10000000);
	unsigned long seconds = kit_argument_number("seconds", 5);
	unsigned long seed = kit_argument_number("seed", 1);

	kit_argument("then", then, sizeof(then));
	smp_init();
	uart = mmio_uart();
	plic = mmio_plic();
	memset(own, OWN_BYTE, sizeof(own));
	write_code();
	if (!make_tables()) {
		print("SKIP: storm: no translation\n");
		return;
	}
	trap_on_interrupt(IRQ_SOFT, on_soft);
	trap_on_interrupt(IRQ_TIMER, on_timer);
	trap_on_interrupt(IRQ_EXTERNAL, on_external);
	for (unsigned i = 0; i < smp_count; i++) {
		smp[i].run = storm;
		smp[i].argument = i;
		chance[i] = (uint32_t)(seed * 2654435761UL + i * 40503) | 1;
	}
	end = csr_time() + (uint64_t)seconds * hz;
	print("# storm: seed %lu, %u vCPUs, %lu seconds\n", seed, smp_count, seconds);
	print_flush();
	for (unsigned i = 1; i < smp_count; i++)
		start_another(i);
	storm(0);
}
