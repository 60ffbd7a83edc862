/* SPDX-License-Identifier: MIT */
/*
 * Subject emulate: every instruction that can reach a device register does to
 * the registers what it does to RAM. A hypervisor decodes them one by one, so
 * each destination, source, base, width and sign is tried, on the scratch
 * register of the UART.
 */
#include "kit/csr.h"
#include "kit/kit.h"
#include "kit/mmio.h"
#include "kit/string.h"
#include "kit/test.h"
#include "subjects.h"

#define C_EBREAK 0x9002

static unsigned long scratch;
static uint16_t code[4] __attribute__((aligned(8)));

/* Puts an instruction of 4 or 2 bytes and a breakpoint after it into `code`. */
static unsigned long assemble(uint32_t insn)
{
	unsigned int halves = (insn & 3) == 3 ? 2 : 1;

	memcpy(code, &insn, halves * 2);
	code[halves] = C_EBREAK;
	__asm__ volatile("fence.i" : : : "memory");
	return (unsigned long)&code[halves];
}

static uint32_t load_insn(unsigned int width, unsigned int rd, unsigned int base, uint32_t offset)
{
	return 0x03 | rd << 7 | width << 12 | base << 15 | (offset & 0xfff) << 20;
}

static uint32_t store_insn(unsigned int width, unsigned int source, unsigned int base,
			   uint32_t offset)
{
	return 0x23 | (offset & 31) << 7 | width << 12 | base << 15 | source << 20 |
	       (offset >> 5 & 127) << 25;
}

/*
 * Runs `insn` with patterned registers, `base` pointing `offset` before the
 * device register; all registers but `changed` must stay.
 */
static bool run(struct test_tally *tally, uint32_t insn, unsigned long x[32], unsigned int changed,
		struct trap *t)
{
	unsigned long end = assemble(insn);

	trap_call_registers(t, x, code);
	if (!test_tally(tally, insn, CAUSE_BREAKPOINT, t->frame.cause) ||
	    !test_tally(tally, insn, end, t->frame.pc))
		return false;
	for (unsigned int n = 1; n < 32; n++) {
		if (n != changed)
			test_tally(tally, insn, x[n], t->frame.x[n]);
	}
	return true;
}

static void patterns(unsigned long x[32])
{
	for (unsigned long n = 0; n < 32; n++)
		x[n] = (0xa5c30000UL + n * 0x0107UL) ^ n << (XLEN - 8);
}

static void check_load_registers(void)
{
	struct test_tally t = {0};
	unsigned long x[32];
	struct trap trap;

	mmio_write8(scratch, 0x9d);
	for (unsigned int rd = 0; rd < 32; rd++) {
		unsigned int base = rd == 31 ? 5 : rd + 1;

		patterns(x);
		x[base] = scratch - 3;
		if (run(&t, load_insn(4, rd, base, 3), x, rd, &trap) && rd)
			test_tally(&t, rd, 0x9d, trap.frame.x[rd]);
		patterns(x);
		if (!rd)
			continue;
		x[rd] = scratch + 9; /* the destination is the base as well */
		if (run(&t, load_insn(4, rd, rd, (uint32_t)-9), x, rd, &trap))
			test_tally(&t, rd, 0x9d, trap.frame.x[rd]);
	}
	test_tally_end(&t, "lbu into each register, from each base, offsets of both signs");
}

static void check_store_registers(void)
{
	struct test_tally t = {0};
	unsigned long x[32];
	struct trap trap;

	for (unsigned int source = 0; source < 32; source++) {
		unsigned int base = source == 31 ? 5 : source + 1;

		patterns(x);
		x[source] = 0xffffff00 | (source * 5 + 1);
		x[base] = scratch + 100;
		mmio_write8(scratch, 0xee);
		run(&t, store_insn(0, source, base, (uint32_t)-100), x, 0, &trap);
		test_tally(&t, source, source ? source * 5 + 1 : 0, mmio_read8(scratch));
	}
	test_tally_end(&t, "sb from each register, through each base");
}

/* What a device of bytes answers to wider loads is its own affair; the low byte and rest are not.
 */
static void check_signs(void)
{
	struct test_tally t = {0};
	unsigned long x[32];
	struct trap trap;

	for (unsigned long value = 0; value < 256; value += 17) {
		mmio_write8(scratch, (uint8_t)value);
		patterns(x);
		x[7] = scratch;
		if (run(&t, load_insn(0, 28, 7, 0), x, 28, &trap))
			test_tally(&t, value, (unsigned long)(long)(int8_t)value, trap.frame.x[28]);
		if (run(&t, load_insn(4, 28, 7, 0), x, 28, &trap))
			test_tally(&t, value, value, trap.frame.x[28]);
	}
	test_tally_end(&t, "lb extends the sign, lbu does not");
}

/* Words: the PLIC's registers are 32 bits wide, with instructions of 2 and 4 bytes. */
static void check_words(unsigned long priority)
{
	/* Registers x8 to x15 are what compressed instructions can name: here s1 = (a5). */
	static const uint32_t c_sw = 0xc384, c_lw = 0x4384;
	struct test_tally t = {0};
	unsigned long x[32];
	struct trap trap;

	for (unsigned long value = 0; value < 8; value++) {
		patterns(x);
		x[15] = priority;
		x[9] = value;
		run(&t, c_sw, x, 0, &trap);
		test_tally(&t, value, value, mmio_read32(priority));
		patterns(x);
		x[15] = priority;
		if (run(&t, c_lw, x, 9, &trap))
			test_tally(&t, value, value, trap.frame.x[9]);
		if (run(&t, load_insn(2, 9, 15, 0), x, 9, &trap))
			test_tally(&t, value, value, trap.frame.x[9]);
		if (XLEN == 64 && run(&t, load_insn(6, 9, 15, 0), x, 9, &trap))
			test_tally(&t, value, value, trap.frame.x[9]);
		x[15] = priority - 64;
		if (run(&t, 0x43a4, x, 9, &trap)) /* c.lw s1, 64(a5) */
			test_tally(&t, value, value, trap.frame.x[9]);
		x[2] = priority - 12;
		if (run(&t, 0x4eb2, x, 29, &trap)) /* c.lwsp t4, 12(sp) */
			test_tally(&t, value, value, trap.frame.x[29]);
		x[29] = value ^ 7;
		run(&t, 0xc676, x, 0, &trap); /* c.swsp t4, 12(sp) */
		test_tally(&t, value, value ^ 7, mmio_read32(priority));
	}
	mmio_write32(priority, 0);
	test_tally_end(&t, "lw, lwu, sw and their compressed forms");
}

/* AMO, LR and SC on a device register: a fault of the guest, with its address. */
static void check_atomics(void)
{
	static const struct {
		const char *what;
		uint32_t insn;
		unsigned long cause;
	} cases[] = {
		{"lr.w", 0x1005252f, CAUSE_LOAD_ACCESS},
		{"amoadd.w", 0x00b5252f, CAUSE_STORE_ACCESS},
		{"amoswap.w", 0x08b5252f, CAUSE_STORE_ACCESS},
	};
	unsigned long x[32];
	struct trap t;

	/* A machine's own UART may take them, as an emulator's does. */
	if (!kit.diosix) {
		test_skip("the device decides", "atomics on a device: access fault");
		return;
	}
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		patterns(x);
		x[10] = scratch & ~3UL;
		assemble(cases[i].insn);
		trap_call_registers(&t, x, code);
		/* An AMO is a store, but QEMU 7.2 reports it as a load. */
		test_true(t.taken && t.frame.tval == x[10] &&
				  (t.frame.cause == cases[i].cause ||
				   t.frame.cause == CAUSE_LOAD_ACCESS),
			  "%s on a device: access fault", cases[i].what);
	}
}

/* Interrupted between nothing: hundreds of accesses in a row, values all right. */
static void check_many(void)
{
	struct test_tally t = {0};

	for (unsigned long i = 0; i < 1000; i++) {
		mmio_write8(scratch, (uint8_t)(i * 7));
		test_tally(&t, i, (uint8_t)(i * 7), mmio_read8(scratch));
	}
	test_tally_end(&t, "a thousand writes are read back");
}

void emulate_test(void)
{
	struct mmio_device uart = mmio_uart(), plic = mmio_plic();

	if (!uart.base || !plic.base) {
		test_skip("no UART or no PLIC", "accesses to devices");
		return;
	}
	scratch = uart.base + UART_SCR;
	check_load_registers();
	check_store_registers();
	check_signs();
	check_words(plic.base + PLIC_PRIORITY(uart.irq));
	check_atomics();
	check_many();
}
