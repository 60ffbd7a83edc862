/* SPDX-License-Identifier: MIT */
/*
 * Subject trap: every exception that a guest's kernel can raise arrives in the
 * guest's own handler, with the cause and stval of the privileged
 * specification, and memory that is not the guest's can't be touched.
 */
#include "kit/trap.h"

#include "kit/csr.h"
#include "kit/kit.h"
#include "kit/string.h"
#include "kit/test.h"
#include "subjects.h"

/* Instructions that the assembler would refuse, or that must not be compressed. */
#define INSN_EBREAK   0x00100073
#define INSN_MRET     0x30200073
#define INSN_FP	      0xf0000053 /* fmv.w.x f0, x0 */
#define INSN_HFENCE   0x62000073 /* hfence.gvma x0, x0 */
#define INSN_CSR_NONE 0x5c002573 /* csrr a0, 0x5c0: a CSR that nobody has */
#define INSN_MSTATUS  0x30002573 /* csrr a0, mstatus */
#define INSN_RET      0x00008067

/* Runs one instruction, followed by a return. */
static bool run(struct trap *t, uint32_t insn)
{
	static uint32_t code[2] __attribute__((aligned(8)));

	*(volatile uint32_t *)&code[0] = insn;
	*(volatile uint32_t *)&code[1] = INSN_RET;
	__asm__ volatile("fence.i" : : : "memory");
	return trap_call(t, code, 0, 0, 0);
}

static void check_breakpoints(void)
{
	static const uint16_t compressed[] __attribute__((aligned(4))) = {0x9002, 0x8082};
	struct trap t;

	run(&t, INSN_EBREAK);
	test_true(t.taken && t.frame.cause == CAUSE_BREAKPOINT, "ebreak is a breakpoint");
	test_true(t.taken && (t.frame.tval == 0 || t.frame.tval == t.frame.pc),
		  "its stval is 0 or its address");
	trap_call(&t, compressed, 0, 0, 0);
	test_true(t.taken && t.frame.cause == CAUSE_BREAKPOINT &&
			  t.frame.pc == (unsigned long)compressed,
		  "c.ebreak is a breakpoint");
}

/* stval of an illegal instruction is 0 or the instruction. */
static void check_illegal_one(uint32_t insn, uint32_t shown, const char *what)
{
	struct trap t;

	run(&t, insn);
	test_true(t.taken && t.frame.cause == CAUSE_ILLEGAL, "%s is an illegal instruction", what);
	test_true(t.taken && (t.frame.tval == 0 || t.frame.tval == shown),
		  "%s: stval is 0 or the instruction", what);
}

static void check_illegal(void)
{
	check_illegal_one(0, 0, "all zeros");
	check_illegal_one(0xffffffff, 0xffffffff, "all ones");
	check_illegal_one(INSN_CSR_NONE, INSN_CSR_NONE, "a CSR that nobody has");
	check_illegal_one(INSN_MSTATUS, INSN_MSTATUS, "mstatus");
	check_illegal_one(INSN_MRET, INSN_MRET, "mret");
	check_illegal_one(INSN_HFENCE, INSN_HFENCE, "hfence.gvma");
	CSR_CLEAR(sstatus, SSTATUS_FS);
	check_illegal_one(INSN_FP, INSN_FP, "floating point with FS off");
}

static void check_counters(void)
{
	struct trap t;

	trap_call(&t, csr_time, 0, 0, 0);
	test_true(!t.taken, "rdtime works");
	run(&t, 0xc0002573);
	test_true(!t.taken, "rdcycle works");
	run(&t, 0xc0202573);
	test_true(!t.taken, "rdinstret works");
}

static void check_one(unsigned long address, const char *what)
{
	struct trap t;

	trap_call(&t, probe_load8, address, 0, 0);
	test_trap(&t, CAUSE_LOAD_ACCESS, address, "load of %s: access fault", what);
	trap_call(&t, probe_load32, address & ~3UL, 0, 0);
	test_trap(&t, CAUSE_LOAD_ACCESS, address & ~3UL, "wide load of %s: access fault", what);
	trap_call(&t, probe_store8, address, 0, 0);
	test_trap(&t, CAUSE_STORE_ACCESS, address, "store to %s: access fault", what);
	trap_call(&t, probe_store32, address & ~3UL, 0x5555, 0);
	test_trap(&t, CAUSE_STORE_ACCESS, address & ~3UL, "wide store to %s: access fault", what);
	trap_call(&t, (void *)(address & ~3UL), 0, 0, 0);
	test_trap(&t, CAUSE_FETCH_ACCESS, address & ~3UL, "fetch of %s: access fault", what);
}

static void check_foreign(void)
{
	unsigned long base = (unsigned long)kit.ram_base;
	unsigned long end = (unsigned long)(kit.ram_base + kit.ram_size);

	check_one(0x80000000, "the hypervisor's first byte");
	/* Only on Diosix is the machine's other memory, and are its devices, foreign. */
	if (!kit.diosix) {
		test_skip("the machine is the guest's", "foreign memory and devices");
		return;
	}
	check_one(base - 1, "the byte before RAM");
	check_one(end, "the byte after RAM");
	check_one(0x02000000, "the CLINT's msip");
	check_one(0x02004000, "the CLINT's mtimecmp");
	check_one(0x0200bff8, "the CLINT's mtime");
	check_one(0x00100000, "the test finisher");
	check_one(0x00101000, "the real-time clock");
	check_one(0x10001000, "the first virtio device");
	check_one(0x0d000000, "an APLIC's domain for the supervisor");
	check_one(0x20000000, "the flash");
	check_one(0x24000000, "an IMSIC's page of the machine");
	check_one(0x28000000, "an IMSIC's page of the supervisor");
	check_one(0, "address 0");
	check_one(0x40000000, "a hole");
	if (XLEN == 64) {
		check_one(1UL << (XLEN - 9), "an address of more than 55 bits");
		check_one(0x10000000 | 1UL << (XLEN - 24), "the UART's address plus 2^40");
		check_one(base | 1UL << (XLEN - 24), "RAM's address plus 2^40");
	}
}

/* Accesses that start in RAM and end outside. stval may be either part's address. */
static void check_straddle(void)
{
	unsigned long end = (unsigned long)(kit.ram_base + kit.ram_size);
	struct test_tally cause = {0}, kept = {0};
	struct trap t;

	if (!kit.diosix) {
		test_skip("the machine is the guest's", "accesses across the end of RAM");
		return;
	}
	for (unsigned long back = 1; back < XLEN_BYTES; back++) {
		unsigned long before = probe_load(end - XLEN_BYTES);

		trap_call(&t, probe_load, end - back, 0, 0);
		test_tally(&cause, end - back, CAUSE_LOAD_ACCESS, t.taken ? t.frame.cause : ~0UL);
		trap_call(&t, probe_store, end - back, ~before, 0);
		test_tally(&cause, end - back, CAUSE_STORE_ACCESS, t.taken ? t.frame.cause : ~0UL);
		test_tally(&kept, end - back, before, probe_load(end - XLEN_BYTES));
	}
	test_tally_end(&cause, "misaligned accesses across the end of RAM: access fault");
	test_tally_end(&kept, "a store across the end of RAM changes nothing");
}

/*
 * Instructions in the last bytes of RAM: who fetches them to decode them must
 * not read past the end, nor take a cut one for whole. What was there is put back.
 */
static void check_last_instruction(void)
{
	unsigned long end = (unsigned long)(kit.ram_base + kit.ram_size);
	volatile uint16_t *last = (uint16_t *)end - 1;
	uint16_t saved = *last;
	struct trap t;

	if (!kit.diosix) {
		test_skip("the machine is the guest's", "instructions at the end of RAM");
		return;
	}
	*last = 0;
	__asm__ volatile("fence.i" : : : "memory");
	trap_call(&t, (void *)last, 0, 0, 0);
	test_trap(&t, CAUSE_ILLEGAL, 0, "a 16-bit illegal instruction in the last two bytes");
	*last = INSN_MSTATUS & 0xffff;
	__asm__ volatile("fence.i" : : : "memory");
	trap_call(&t, (void *)last, 0, 0, 0);
	test_trap(&t, CAUSE_FETCH_ACCESS, end, "half of an instruction in the last two bytes");
	*last = 0x4108; /* c.lw a0, 0(a0) */
	__asm__ volatile("fence.i" : : : "memory");
	trap_call(&t, (void *)last, 0x80000000, 0, 0);
	test_trap(&t, CAUSE_LOAD_ACCESS, 0x80000000, "a 16-bit load in the last two bytes");
	*last = saved;
}

/* Waiting on a reservation set: illegal, or, where the hart has it, over at once. */
static void check_wrs(void)
{
	static const uint32_t insns[] = {0x00d00073, 0x01d00073};

	for (unsigned int i = 0; i < 2; i++) {
		struct trap t;

		run(&t, insns[i]);
		test_true(!t.taken || t.frame.cause == CAUSE_ILLEGAL,
			  "wrs.%s is illegal or completes", i ? "sto" : "nto");
	}
}

static void check_misaligned(void)
{
	static unsigned char bytes[32] __attribute__((aligned(16)));
	struct test_tally loads = {0}, stores = {0};
	struct trap t;

	for (unsigned int i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(0x81 + i);
	for (unsigned long at = 1; at < 16; at++) {
		unsigned long expected;

		memcpy(&expected, bytes + at, sizeof(expected));
		trap_call(&t, probe_load, (unsigned long)bytes + at, 0, 0);
		test_tally(&loads, at, expected, t.taken ? t.frame.cause : t.value);
		trap_call(&t, probe_load16, (unsigned long)bytes + at, 0, 0);
		test_tally(&loads, at, expected & 0xffff, t.taken ? t.frame.cause : t.value);
		trap_call(&t, probe_store, (unsigned long)bytes + at, ~expected, 0);
		memcpy(&expected, bytes + at, sizeof(expected));
		test_tally(&stores, at, 0, t.taken);
		trap_call(&t, probe_store, (unsigned long)bytes + at, ~expected, 0);
	}
	test_tally_end(&loads, "misaligned loads work");
	test_tally_end(&stores, "misaligned stores work");
	for (unsigned int i = 0; i < sizeof(bytes); i++)
		test_tally(&stores, i, (unsigned char)(0x81 + i), ((volatile uint8_t *)bytes)[i]);
	test_tally_end(&stores, "misaligned stores write what they should");
}

/*
 * AMO, LR and SC are never made of smaller accesses: misaligned or access fault.
 * An AMO should fault as a store; QEMU 7.2 says load, and who passes the fault
 * on can't know better.
 */
static void check_atomic(unsigned long address, unsigned long load_cause, unsigned long store_cause,
			 const char *what)
{
	static const uint32_t lr[] = {0x1005252f, INSN_RET};	 /* lr.w a0, (a0) */
	static const uint32_t amoadd[] = {0x00b5252f, INSN_RET}; /* amoadd.w a0, a1, (a0) */
	struct trap t;

	trap_call(&t, lr, address, 0, 0);
	test_true(t.taken && (t.frame.cause == load_cause || t.frame.cause == CAUSE_LOAD_ACCESS),
		  "lr.w of %s faults as a load", what);
	test_true(t.taken && t.frame.tval == address, "lr.w of %s: stval is its address", what);
	trap_call(&t, amoadd, address, 1, 0);
	test_true(t.taken && (t.frame.cause == store_cause || t.frame.cause == CAUSE_STORE_ACCESS ||
			      t.frame.cause == load_cause || t.frame.cause == CAUSE_LOAD_ACCESS),
		  "amoadd.w of %s faults", what);
	test_true(t.taken && t.frame.tval == address, "amoadd.w of %s: stval is its address", what);
}

/* The frame that the handler saw holds the registers of the trap, and they survive it. */
static void check_registers(void)
{
	static const uint16_t code[] __attribute__((aligned(4))) = {0x9002};
	struct test_tally t = {0};
	unsigned long x[32];
	struct trap trap;

	for (unsigned long n = 0; n < 32; n++)
		x[n] = n * 0x01030507UL ^ n << (XLEN - 8);
	trap_call_registers(&trap, x, code);
	for (unsigned int n = 1; n < 32; n++)
		test_tally(&t, n, x[n], trap.frame.x[n]);
	test_tally_end(&t, "an exception leaves x1 to x31 alone");

	*(volatile unsigned long *)&x[1] = 0x80000000;
	for (unsigned int n = 2; n < 32; n++)
		x[n] = 0x80000000;
	static const uint32_t load[] = {0x00032f83}; /* lw x31, 0(x6) */
	t = (struct test_tally){0};
	trap_call_registers(&trap, x, load);
	test_tally(&t, 0, CAUSE_LOAD_ACCESS, trap.frame.cause);
	for (unsigned int n = 1; n < 32; n++)
		test_tally(&t, n, x[n], trap.frame.x[n]);
	test_tally_end(&t, "an access fault that is passed on leaves x1 to x31 alone");
}

void trap_test(void)
{
	static uint32_t words[4];

	check_breakpoints();
	check_illegal();
	check_counters();
	check_foreign();
	check_straddle();
	check_last_instruction();
	check_wrs();
	check_misaligned();
	check_atomic((unsigned long)words + 2, CAUSE_LOAD_MISALIGNED, CAUSE_STORE_MISALIGNED,
		     "a misaligned word");
	check_atomic(0x80000000, CAUSE_LOAD_ACCESS, CAUSE_STORE_ACCESS, "the hypervisor's memory");
	check_registers();
}
