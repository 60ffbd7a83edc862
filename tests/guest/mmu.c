/* SPDX-License-Identifier: MIT */
/*
 * Subject mmu: the guest's own translation, in every mode that the hart has.
 * RAM through pages of every size; memory that is not the guest's through them,
 * and page tables in it; devices through them, which a hypervisor that traps
 * device accesses reaches by walking these very tables.
 */
#include "kit/mmu.h"

#include "kit/csr.h"
#include "kit/kit.h"
#include "kit/mmio.h"
#include "kit/string.h"
#include "kit/test.h"
#include "subjects.h"

#define HYPERVISOR 0x80000000UL
#define PAGE_SIZE  0x1000UL

/* Virtual addresses far from everything that is mapped where it is. */
#define VA_RAM	  0x40000000UL
#define VA_DEVICE 0x50000000UL
#define VA_CODE	  0x60000000UL

static const char *mode_name;
static unsigned char data_page[PAGE_SIZE] __attribute__((aligned(4096)));
static uint16_t code_pages[4][PAGE_SIZE / 2] __attribute__((aligned(4096)));

/* A superpage's virtual address is aligned to its size: the top half of the tables. */
static unsigned long va_for(const struct mmu *m, unsigned int level)
{
	unsigned int bits = XLEN == 64 ? 12 + 9 * m->mode->levels : 32;
	unsigned long va = VA_RAM;

	if (mmu_page_size(level) > VA_RAM)
		va = 0UL - (1UL << (bits - 1) % XLEN);
	return va & ~(mmu_page_size(level) - 1);
}

static void check_ram(struct mmu *m)
{
	unsigned long *word = (unsigned long *)data_page;

	for (unsigned int level = 0; level < m->mode->levels && level < 4; level++) {
		unsigned long pa = (unsigned long)data_page;
		unsigned long va = va_for(m, level) + (pa & (mmu_page_size(level) - 1));
		struct trap t;

		if (XLEN == 32 && level == 1)
			va = 0xc0000000 + (pa & (mmu_page_size(level) - 1));
		mmu_init(m, m->mode);
		mmu_map(m, va, pa, level, PTE_RW);
		*word = 0x1234 + level;
		mmu_on(m, 0);
		trap_call(&t, probe_load, va, 0, 0);
		test_true(!t.taken && t.value == 0x1234 + level,
			  "%s: own RAM is read through a page of level %u", mode_name, level);
		trap_call(&t, probe_store, va, 0x4321, 0);
		mmu_off();
		test_true(!t.taken && *word == 0x4321,
			  "%s: own RAM is written through a page of level %u", mode_name, level);
	}
}

/* What the mapping grants, the fence must not. */
static void check_foreign(struct mmu *m)
{
	unsigned long va = VA_RAM;
	struct trap t;

	mmu_init(m, m->mode);
	mmu_map(m, va, HYPERVISOR, 0, PTE_RW | PTE_X);
	mmu_on(m, 0);
	trap_call(&t, probe_load, va, 0, 0);
	test_trap(&t, CAUSE_LOAD_ACCESS, va, "%s: hypervisor mapped, load: access fault",
		  mode_name);
	trap_call(&t, probe_store, va, 0, 0);
	test_trap(&t, CAUSE_STORE_ACCESS, va, "%s: hypervisor mapped, store: access fault",
		  mode_name);
	trap_call(&t, (void *)va, 0, 0, 0);
	test_trap(&t, CAUSE_FETCH_ACCESS, va, "%s: hypervisor mapped, fetch: access fault",
		  mode_name);
	mmu_off();
}

/*
 * Physical addresses that look like RAM or a device to whoever drops their high
 * bits: 2^32 more on RV32, whose page tables reach 34 bits, 2^40 on RV64.
 */
static void check_alias(struct mmu *m, unsigned long pa, const char *what)
{
	const unsigned long high = 1UL << (XLEN == 64 ? 40 - 12 + 10 : 32 - 12 + 10);
	unsigned long va = VA_RAM, *entry;
	struct trap t;

	/*
	 * QEMU 7.2 for RV32 drops the high bits itself, so RAM is met at its
	 * alias, and devices too unless the hypervisor that emulates them looks.
	 */
	if (XLEN == 32 && (!kit.diosix || pa == (unsigned long)data_page)) {
		test_skip("the emulator drops the high bits", "%s: alias of %s", mode_name, what);
		return;
	}
	mmu_init(m, m->mode);
	entry = mmu_map(m, va, pa, 0, PTE_RW);
	*entry |= high;
	mmu_on(m, 0);
	trap_call(&t, probe_load8, va, 0, 0);
	test_trap(&t, CAUSE_LOAD_ACCESS, va, "%s: alias of %s, load: access fault", mode_name,
		  what);
	trap_call(&t, probe_store8, va, 0, 0);
	test_trap(&t, CAUSE_STORE_ACCESS, va, "%s: alias of %s, store: access fault", mode_name,
		  what);
	mmu_off();
}

/* Page tables inside the hypervisor: the walk itself is what must fail. */
static void check_foreign_table(struct mmu *m)
{
	for (unsigned int level = 1; level < m->mode->levels; level++) {
		unsigned long va = va_for(m, level), *entry;
		struct trap t;

		mmu_init(m, m->mode);
		entry = mmu_entry(m, va, level);
		*entry = mmu_pte(HYPERVISOR, PTE_V);
		mmu_on(m, 0);
		trap_call(&t, probe_load, va, 0, 0);
		test_trap(&t, CAUSE_LOAD_ACCESS, va,
			  "%s: table of level %u in the hypervisor, load", mode_name, level - 1);
		trap_call(&t, probe_store, va, 0, 0);
		test_trap(&t, CAUSE_STORE_ACCESS, va,
			  "%s: table of level %u in the hypervisor, store", mode_name, level - 1);
		trap_call(&t, (void *)va, 0, 0, 0);
		test_trap(&t, CAUSE_FETCH_ACCESS, va,
			  "%s: table of level %u in the hypervisor, fetch", mode_name, level - 1);
		if (kit.diosix) {
			*entry = mmu_pte(0x10000000, PTE_V); /* in the UART: not a table either */
			__asm__ volatile("sfence.vma" : : : "memory");
			trap_call(&t, probe_load, va, 0, 0);
			test_trap(&t, CAUSE_LOAD_ACCESS, va,
				  "%s: table of level %u in a device, load", mode_name, level - 1);
		}
		mmu_off();
	}
}

static void check_page_faults(struct mmu *m)
{
	unsigned long va = VA_RAM, pa = (unsigned long)data_page;
	unsigned long *entry;
	struct trap t;

	mmu_init(m, m->mode);
	entry = mmu_map(m, va, pa, 0, 0);
	mmu_on(m, 0);
	trap_call(&t, probe_load, va, 0, 0);
	test_trap(&t, CAUSE_LOAD_PAGE, va, "%s: not mapped, load: page fault", mode_name);
	trap_call(&t, probe_store, va, 0, 0);
	test_trap(&t, CAUSE_STORE_PAGE, va, "%s: not mapped, store: page fault", mode_name);
	trap_call(&t, (void *)va, 0, 0, 0);
	test_trap(&t, CAUSE_FETCH_PAGE, va, "%s: not mapped, fetch: page fault", mode_name);

	*entry = mmu_pte(pa, PTE_V | PTE_R | PTE_AD);
	__asm__ volatile("sfence.vma" : : : "memory");
	trap_call(&t, probe_store, va, 0, 0);
	test_trap(&t, CAUSE_STORE_PAGE, va, "%s: read-only page, store: page fault", mode_name);

	*entry = mmu_pte(pa, PTE_RW | PTE_U);
	__asm__ volatile("sfence.vma" : : : "memory");
	trap_call(&t, probe_load, va, 0, 0);
	test_trap(&t, CAUSE_LOAD_PAGE, va, "%s: user page, SUM = 0: page fault", mode_name);
	CSR_SET(sstatus, SSTATUS_SUM);
	trap_call(&t, probe_load, va, 0, 0);
	test_true(!t.taken, "%s: user page, SUM = 1: allowed", mode_name);
	CSR_CLEAR(sstatus, SSTATUS_SUM);

	*entry = mmu_pte(pa, PTE_V | PTE_X | PTE_AD);
	__asm__ volatile("sfence.vma" : : : "memory");
	trap_call(&t, probe_load, va, 0, 0);
	test_trap(&t, CAUSE_LOAD_PAGE, va, "%s: execute-only page, MXR = 0: page fault", mode_name);
	CSR_SET(sstatus, SSTATUS_MXR);
	trap_call(&t, probe_load, va, 0, 0);
	test_true(!t.taken, "%s: execute-only page, MXR = 1: allowed", mode_name);
	CSR_CLEAR(sstatus, SSTATUS_MXR);
	mmu_off();
}

/*
 * Code for a page of its own, without addresses: store, then load of the
 * scratch register at a0, then ecall for user code or return.
 * sb a1, 0(a0); lbu a0, 0(a0); then `end`.
 */
static void make_code(uint16_t *at, uint32_t end)
{
	static const uint32_t store = 0x00b50023, load = 0x00054503;

	memcpy(at, &store, 4);
	memcpy(at + 2, &load, 4);
	memcpy(at + 4, &end, 4);
	__asm__ volatile("fence.i" : : : "memory");
}

#define INSN_RET   0x00008067
#define INSN_ECALL 0x00000073

/* The code runs at `va` and must bring back `value` from the register. */
static void expect_code(unsigned long va, unsigned long device, uint8_t value, const char *what)
{
	struct trap t;

	trap_call(&t, (void *)va, device, value, 0);
	test_true(!t.taken && t.value == value, "%s: %s", mode_name, what);
	if (t.taken)
		test_trap(&t, ~0UL, 0, "%s: that was", mode_name);
}

static void check_device(struct mmu *m, struct mmio_device uart, struct mmio_device plic)
{
	unsigned long scratch = VA_DEVICE + UART_SCR, va = VA_CODE, priority;
	struct trap t;

	mmu_init(m, m->mode);
	mmu_map(m, VA_DEVICE, uart.base, 0, PTE_RW);
	mmu_map(m, VA_DEVICE + PAGE_SIZE, plic.base, 0, PTE_RW);
	make_code(code_pages[0], INSN_RET);
	mmu_map(m, va, (unsigned long)code_pages[0], 0, PTE_V | PTE_X | PTE_AD);

	mmu_on(m, 0);
	expect_code((unsigned long)code_pages[0], scratch, 0x5a, "UART through a 4 KiB page");
	expect_code(va, scratch, 0xa5, "UART by code in an execute-only page");
	CSR_SET(sstatus, SSTATUS_MXR);
	expect_code(va, scratch, 0x3c, "UART by code in an execute-only page, MXR = 1");
	CSR_CLEAR(sstatus, SSTATUS_MXR);
	priority = VA_DEVICE + PAGE_SIZE + PLIC_PRIORITY(uart.irq);
	trap_call(&t, probe_store32, priority, 5, 0);
	test_true(!t.taken, "%s: PLIC written through a 4 KiB page", mode_name);
	trap_call(&t, probe_load32, priority, 0, 0);
	test_true(!t.taken && t.value == 5, "%s: PLIC read through a 4 KiB page", mode_name);
	probe_store32(priority, 0);
	mmu_off();

	mmu_on(m, 3);
	expect_code(va, scratch, 0x69, "UART with an ASID");
	mmu_off();
}

/* Superpages that hold the device at an offset. */
static void check_device_superpage(struct mmu *m, struct mmio_device uart)
{
	for (unsigned int level = 1; level < m->mode->levels && level < 4; level++) {
		unsigned long size = mmu_page_size(level);
		unsigned long va = va_for(m, level);

		if (XLEN == 32)
			va = VA_DEVICE;
		mmu_init(m, m->mode);
		mmu_map(m, va, uart.base, level, PTE_RW);
		make_code(code_pages[0], INSN_RET);
		mmu_on(m, 0);
		expect_code((unsigned long)code_pages[0], va + (uart.base & (size - 1)) + UART_SCR,
			    (uint8_t)(0x10 + level), "UART through a superpage");
		mmu_off();
	}
}

/*
 * An instruction whose two halves lie in pages that are not neighbours in
 * memory: it has to be fetched in two steps, each translated.
 */
static void check_device_straddle(struct mmu *m, struct mmio_device uart)
{
	static const uint16_t nop = 0x0001;
	uint16_t code[6];

	make_code(code, INSN_RET);
	for (unsigned int first = 1; first < 4; first += 2) {
		memset(code_pages, 0, sizeof(code_pages));
		code_pages[0][PAGE_SIZE / 2 - 4] = nop;
		memcpy(&code_pages[0][PAGE_SIZE / 2 - first], code, first * 2);
		memcpy(code_pages[3], code + first, sizeof(code) - first * 2);
		__asm__ volatile("fence.i" : : : "memory");
		mmu_init(m, m->mode);
		mmu_map(m, VA_DEVICE, uart.base, 0, PTE_RW);
		mmu_map(m, VA_CODE, (unsigned long)code_pages[0], 0, PTE_V | PTE_X | PTE_AD);
		mmu_map(m, VA_CODE + PAGE_SIZE, (unsigned long)code_pages[3], 0,
			PTE_V | PTE_X | PTE_AD);
		mmu_on(m, 0);
		expect_code(VA_CODE + PAGE_SIZE - first * 2, VA_DEVICE + UART_SCR,
			    (uint8_t)(0x77 + first),
			    first == 1 ? "UART by a store across two pages"
				       : "UART by a load across two pages");
		mmu_off();
	}
}

/*
 * A page that is unmapped without a fence: the hart may go on with what it
 * remembers, while who walks the tables finds nothing. Both answers are right:
 * the access happens, or the guest takes a fault of its own.
 */
static void check_device_stale(struct mmu *m, struct mmio_device uart)
{
	unsigned long scratch = VA_DEVICE + UART_SCR, *device, *text, saved;
	struct trap t;

	make_code(code_pages[0], INSN_RET);
	mmu_init(m, m->mode);
	device = mmu_map(m, VA_DEVICE, uart.base, 0, PTE_RW);
	text = mmu_map(m, VA_CODE, (unsigned long)code_pages[0], 0, PTE_RX);
	for (int i = 0; i < 2; i++) {
		unsigned long *entry = i ? device : text;

		mmu_on(m, 0);
		trap_call(&t, (void *)VA_CODE, scratch, 0x11, 0);
		saved = *entry;
		*(volatile unsigned long *)entry = 0;
		trap_call(&t, (void *)VA_CODE, scratch, 0x22, 0);
		*(volatile unsigned long *)entry = saved;
		test_true(!t.taken || t.frame.cause == CAUSE_FETCH_PAGE ||
				  t.frame.cause == CAUSE_STORE_PAGE ||
				  t.frame.cause == CAUSE_STORE_ACCESS ||
				  t.frame.cause == CAUSE_FETCH_ACCESS,
			  "%s: UART after its %s was unmapped without a fence", mode_name,
			  i ? "page" : "code's page");
		mmu_off();
	}
}

/* User code with a user mapping, and what it may not do. */
static void check_device_user(struct mmu *m, struct mmio_device uart)
{
	unsigned long scratch = VA_DEVICE + UART_SCR;
	struct trap t;

	make_code(code_pages[0], INSN_ECALL);
	mmu_init(m, m->mode);
	mmu_map(m, VA_DEVICE, uart.base, 0, PTE_RW | PTE_U);
	mmu_map(m, VA_DEVICE + PAGE_SIZE, uart.base, 0, PTE_RW);
	mmu_map(m, VA_CODE, (unsigned long)code_pages[0], 0, PTE_V | PTE_X | PTE_U | PTE_AD);
	mmu_on(m, 0);
	trap_call_user(&t, (void *)VA_CODE, scratch, 0x96);
	test_true(t.frame.cause == CAUSE_ECALL_U && t.frame.x[10] == 0x96,
		  "%s: UART from U-mode through a user page", mode_name);
	trap_call_user(&t, (void *)VA_CODE, scratch + PAGE_SIZE, 0x69);
	test_trap(&t, CAUSE_STORE_PAGE, scratch + PAGE_SIZE,
		  "%s: UART from U-mode through a kernel page: page fault", mode_name);
	trap_call(&t, probe_load8, scratch, 0, 0);
	test_trap(&t, CAUSE_LOAD_PAGE, scratch, "%s: UART through a user page, SUM = 0: page fault",
		  mode_name);
	CSR_SET(sstatus, SSTATUS_SUM);
	trap_call(&t, probe_load8, scratch, 0, 0);
	test_true(!t.taken && t.value == 0x96, "%s: UART through a user page, SUM = 1", mode_name);
	CSR_CLEAR(sstatus, SSTATUS_SUM);
	mmu_off();
}

void mmu_test(void)
{
	struct mmio_device uart = mmio_uart(), plic = mmio_plic();
	struct mmu m;

	for (const struct mmu_mode *mode = mmu_modes; mode->name; mode++) {
		mode_name = mode->name;
		if (!mmu_init(&m, mode)) {
			test_skip("the hart does not have it", "%s", mode->name);
			continue;
		}
		check_ram(&m);
		check_foreign(&m);
		check_foreign_table(&m);
		check_page_faults(&m);
		check_alias(&m, (unsigned long)data_page, "RAM");
		if (!uart.base || !plic.base) {
			test_skip("no UART or no PLIC", "%s: devices", mode->name);
			continue;
		}
		check_alias(&m, uart.base, "the UART");
		check_alias(&m, plic.base, "the PLIC");
		check_device(&m, uart, plic);
		check_device_superpage(&m, uart);
		check_device_straddle(&m, uart);
		check_device_stale(&m, uart);
		check_device_user(&m, uart);
	}
}
