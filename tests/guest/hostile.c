/* SPDX-License-Identifier: MIT */
/*
 * The hostile guest's start, its chance and its clock; the attacks are in
 * hostile_*.c. Boot arguments: seed=N, and ops=N or seconds=N; wait=1: it begins
 * when a g is typed.
 */
#include "hostile.h"

#include "kit/csr.h"
#include "kit/kit.h"
#include "kit/print.h"
#include "kit/sbi.h"

#define MIB(n) ((unsigned long)(n) << 20)

/* A remark every so many seconds: the console isn't what is attacked here. */
#define REMARK_SECONDS 10

struct hostile hostile;

extern char hostile_stop[];

/* xoshiro128**, by Blackman and Vigna (public domain): 32-bit words, a period of 2^128 - 1. */
static uint32_t state[4];

static uint32_t rotate(uint32_t x, int by)
{
	return x << by | x >> (32 - by);
}

uint32_t hostile_random(void)
{
	uint32_t result = rotate(state[1] * 5, 7) * 9, t = state[1] << 9;

	state[2] ^= state[0];
	state[3] ^= state[1];
	state[1] ^= state[2];
	state[0] ^= state[3];
	state[2] ^= t;
	state[3] = rotate(state[3], 11);
	return result;
}

/* Fills the state from the seed (splitmix32's mixing); never all zeroes. */
static void seed_random(uint64_t seed)
{
	uint32_t x = (uint32_t)seed ^ (uint32_t)(seed >> 32);

	for (int i = 0; i < 4; i++) {
		uint32_t z = x += 0x9e3779b9;

		z = (z ^ z >> 16) * 0x21f0aaad;
		z = (z ^ z >> 15) * 0x735a2d97;
		state[i] = z ^ z >> 15;
	}
	state[0] |= 1;
}

unsigned long hostile_below(unsigned long n)
{
	return hostile_random() % n;
}

static unsigned long wide_random(void)
{
	unsigned long low = hostile_random();

	return XLEN == 32 ? low : low | (unsigned long)hostile_random() << (XLEN / 2);
}

unsigned long hostile_value(void)
{
	static const unsigned long edges[] = {
		0,	    1,		2,	    XLEN - 1, XLEN,
		0x7fffffff, 0x80000000, 0xffffffff, -1UL,     -2UL,
		-XLEN,	    -4096UL,	4095,	    4096,     1UL << (XLEN - 1),
		-1UL >> 1,  0x55555555, -1UL / 3,
	};

	switch (hostile_below(8)) {
	case 0:
	case 1: return edges[hostile_below(sizeof(edges) / sizeof(*edges))];
	case 2: return 1UL << hostile_below(XLEN);
	case 3: return -1UL << hostile_below(XLEN);
	case 4:
	case 5: return hostile_foreign();
	default: break;
	}
	for (;;) {
		unsigned long value = wide_random();

		/* Made-up code must not hit upon the rest of this program. */
		if (!hostile_touches_ram(value - 4096, 8192))
			return value;
	}
}

bool hostile_touches_ram(unsigned long at, unsigned long size)
{
	unsigned long last = at + size - 1;

	if (last < at) /* around the end of the address space: the RAM isn't there */
		return at < hostile.ram_end || last >= hostile.ram;
	return at < hostile.ram_end && last >= hostile.ram;
}

static bool inside(unsigned long base, unsigned long length, unsigned long at, unsigned long size)
{
	return at >= base && size <= length && at - base <= length - size;
}

bool hostile_is_mine(unsigned long at, unsigned long size)
{
	return inside(hostile.ram, hostile.ram_end - hostile.ram, at, size) ||
	       inside(hostile.uart.base, hostile.uart.size, at, size) ||
	       inside(hostile.plic.base, hostile.plic.size, at, size);
}

/* Where QEMU's virt machine, and with it the hypervisor, has something; the rest are holes. */
static unsigned long interesting(void)
{
	static const unsigned long bases[] = {
		0x0,	    0x1000,	0x100000,   0x101000,	0x2000000,  0x2004000,	0x200bff8,
		0x3000000,  0xc000000,	0xc200000,  0x10000000, 0x10001000, 0x10008000, 0x10100000,
		0x20000000, 0x24000000, 0x28000000, 0x30000000, 0x40000000, 0x80000000, 0x80000000,
		0x80000000, 0x80010000, 0x80020000, 0x80040000, 0x80080000, 0x80100000, 0x80200000,
		0x84000000, 0x86000000, 0x86000000, 0x86200000, 0x86800000, 0x88000000, 0x90000000,
		0x98000000, 0xa0000000, 0xfffff000,
	};

	return bases[hostile_below(sizeof(bases) / sizeof(*bases))];
}

static unsigned long any_address(void)
{
	switch (hostile_below(8)) {
	case 0: return interesting() + hostile_below(64) - 32;
	case 1: return interesting() + hostile_below(MIB(2));
	case 2: return interesting() + (hostile_random() & 0xfff000);
	case 3: return 0x80000000 + hostile_below(MIB(512));
	case 4: return 0x80000000 + hostile_below(MIB(1));
	case 5: return (hostile_below(2) ? hostile.ram : hostile.ram_end) + hostile_below(16) - 8;
	case 6: return 1UL << hostile_below(XLEN) | hostile_below(16);
	default: return wide_random();
	}
}

unsigned long hostile_foreign(void)
{
	for (;;) {
		unsigned long at = any_address();

		if (!hostile_touches_ram(at, XLEN_BYTES) && !hostile_is_mine(at, 1))
			return at;
	}
}

void hostile_escape(const char *what, unsigned long a, unsigned long b)
{
	CSR_WRITE(satp, 0);
	print("FAIL: hostile: escape: %s, 0x%lx, 0x%lx, after %lu operations, seed %lu\n", what, a,
	      b, hostile.count, (unsigned long)hostile.seed);
	kit_fail();
}

void hostile_alarm(unsigned long ticks)
{
	uint64_t when = csr_time() + ticks;

	if (hostile.has_stimecmp && hostile_below(2))
		csr_write_stimecmp(when);
	else
		sbi_set_timer(when);
}

/*
 * In code that is made up nothing else ends an endless loop. It may have ended by itself already:
 * then interrupts are on in our own code, for a moment.
 */
static void on_alarm(struct trap_frame *frame)
{
	sbi_set_timer(-1);
	if (frame->pc >= (unsigned long)image_start && frame->pc < (unsigned long)image_end)
		return;
	frame->pc = (unsigned long)hostile_stop;
	frame->status |= SSTATUS_SPP;
}

static void on_soft(struct trap_frame *frame)
{
	(void)frame;
	CSR_CLEAR(sip, SIP_SSIP);
}

static void on_external(struct trap_frame *frame)
{
	(void)frame;
	CSR_CLEAR(sie, SIP_SEIP);
}

/* Everything that the device tree is needed for: later it may be overwritten. */
static void set_up(void)
{
	struct trap t;

	hostile.ram = (unsigned long)kit.ram_base;
	hostile.ram_end = hostile.ram + (unsigned long)kit.ram_size;
	hostile.uart = mmio_uart();
	hostile.plic = mmio_plic();
	hostile.code = hostile.ram + MIB(6);
	hostile.data = hostile.code + MIB(1) / 4;
	hostile.has_stimecmp = !trap_call(&t, csr_read_stimecmp, 0, 0, 0);
	for (unsigned long at = hostile.ram + MIB(4); at < hostile.ram_end; at += 4)
		*(volatile uint32_t *)at = HOSTILE_FILLER << 16 | HOSTILE_FILLER;
	__asm__ volatile("fence.i" : : : "memory");
	trap_on_interrupt(IRQ_TIMER, on_alarm);
	trap_on_interrupt(IRQ_SOFT, on_soft);
	trap_on_interrupt(IRQ_EXTERNAL, on_external);
}

/* The attacks, some of them more often; the boot argument only=N chooses one, to narrow a bug down.
 */
static void (*const attacks[])(void) = {
	hostile_memory,	 hostile_tables, hostile_devices, hostile_csrs,
	hostile_calls,	 hostile_words,	 hostile_memory,  hostile_tables,
	hostile_devices, hostile_calls,	 hostile_memory,  hostile_programs,
};

#define ATTACKS (sizeof(attacks) / sizeof(*attacks))

/* Asleep but for a look at the console now and then. */
static void wait_for_go(void)
{
	print("# hostile: waits for a g\n");
	CSR_WRITE(sie, SIP_STIP);
	while (sbi_call(SBI_LEGACY_GETCHAR, 0, 0, 0, 0, 0, 0, 0).error != 'g') {
		sbi_set_timer(csr_time() + 100000);
		__asm__ volatile("wfi");
	}
	CSR_WRITE(sie, 0);
}

void main(void)
{
	uint32_t hz =
		fdt_cell(&kit.fdt, fdt_path(&kit.fdt, "/cpus"), "timebase-frequency", 0, 10000000);
	unsigned long ops = kit_argument_number("ops", -1UL),
		      seconds = kit_argument_number("seconds", 10);
	unsigned long only = kit_argument_number("only", ATTACKS);
	uint64_t start, remark, end;

	if (kit_argument_number("wait", 0))
		wait_for_go();
	start = remark = csr_time();
	end = start + (uint64_t)seconds * hz;
	hostile.seed = kit_argument_number("seed", (unsigned long)start);
	print("# hostile: seed %lu\n", (unsigned long)hostile.seed);
	if (ops != -1UL)
		end = -1;
	seed_random(hostile.seed);
	set_up();
	while (hostile.count < ops && csr_time() < end) {
		attacks[only < ATTACKS ? only : hostile_below(ATTACKS)]();
		if (csr_time() - remark >= (uint64_t)REMARK_SECONDS * hz) {
			remark += (uint64_t)REMARK_SECONDS * hz;
			print("# hostile: %lu operations\n", hostile.count);
		}
	}
	print("PASS: hostile: %lu operations, seed %lu\n", hostile.count,
	      (unsigned long)hostile.seed);
}
