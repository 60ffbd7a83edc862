/* SPDX-License-Identifier: MIT */
/*
 * Subject isa: each extension that the device tree names works, in so far as an instruction of it
 * gives the right result, and what a guest could do harm with doesn't: cbo.* beyond its RAM, and
 * cbo.inval, which must not throw away what was written.
 */
#include "kit/csr.h"
#include "kit/fdt.h"
#include "kit/kit.h"
#include "kit/mmio.h"
#include "kit/mmu.h"
#include "kit/string.h"
#include "kit/test.h"
#include "subjects.h"

#define HYPERVISOR 0x80000000UL
#define PAGE_SIZE  0x1000UL
#define TOP	   (1UL << (XLEN - 1))
#define INSN_RET   0x00008067
#define SSTATUS_FS 0x6000

/* With rd and rs1 a0 (or fa0) and rs2 a1, unless it says otherwise. */
#define R(opcode, funct3, funct7)                                                                  \
	((opcode) | 10u << 7 | (funct3) << 12 | 10u << 15 | 11u << 20 | (uint32_t)(funct7) << 25)
#define I(funct3, immediate)                                                                       \
	(0x13u | 10u << 7 | (funct3) << 12 | 10u << 15 | (uint32_t)(immediate) << 20)
#define FP(funct3, rs2, funct7)                                                                    \
	(0x53u | 10u << 7 | (funct3) << 12 | 10u << 15 | (rs2) << 20 | (uint32_t)(funct7) << 25)
/* Of a2 at a1. */
#define ATOMIC(funct3, funct5)                                                                     \
	(0x2fu | 10u << 7 | (funct3) << 12 | 11u << 15 | 12u << 20 | (uint32_t)(funct5) << 27)
/* What is to be done to the block at a0. */
#define CBO(what) (0x0fu | 2u << 12 | 10u << 15 | (uint32_t)(what) << 20)

enum { CBO_INVAL, CBO_CLEAN, CBO_FLUSH, CBO_ZERO = 4 };

#define FMV_X_W FP(0, 0, 0x70)
#define FMV_H_X FP(0, 0, 0x7a)
#define FMV_X_H FP(0, 0, 0x72)
#define NOP	0x13

static const struct row {
	const char *name;
	uint32_t insns[3];
	unsigned long a0, a1, expected;
} rows[] = {
	{"zba", {R(0x33, 2, 0x10), NOP, NOP}, 3, 100, 106},			       /* sh1add */
	{"zbb", {R(0x33, 7, 0x20), NOP, NOP}, 0xff, 0x0f, 0xf0},		       /* andn */
	{"zbc", {R(0x33, 1, 0x05), NOP, NOP}, 3, 3, 5},				       /* clmul */
	{"zbs", {R(0x33, 1, 0x14), NOP, NOP}, 1, 5, 33},			       /* bset */
	{"zbkb", {I(5, 0x687), NOP, NOP}, 0x0103, 0, 0x80c0},			       /* brev8 */
	{"zbkc", {R(0x33, 3, 0x05), NOP, NOP}, TOP, 2, 1},			       /* clmulh */
	{"zbkx", {R(0x33, 4, 0x14), NOP, NOP}, 0x04030201, ~0xfffefdfcUL, 0x01020304}, /* xperm8 */
	{"zicond", {R(0x33, 5, 0x07), NOP, NOP}, 5, 0, 0},	   /* czero.eqz */
	{"zicond", {R(0x33, 7, 0x07), NOP, NOP}, 5, 0, 5},	   /* czero.nez */
	{"zknh", {I(1, 0x100), NOP, NOP}, 1, 0, 0x40080400},	   /* sha256sum0 */
	{"zksh", {I(1, 0x108), NOP, NOP}, 1, 0, 0x20201},	   /* sm3p0 */
	{"zksed", {R(0x33, 0, 0x18), NOP, NOP}, 0, 0, 0x5b5bd58e}, /* sm4ed */
#if XLEN == 64
	{"zkne", {R(0x33, 0, 0x3f), NOP, NOP}, 1UL << 32, 2, 0x300000003}, /* aes64ks2 */
	{"zknd", {R(0x33, 0, 0x3f), NOP, NOP}, 1UL << 32, 2, 0x300000003},
#else
	{"zkne", {R(0x33, 0, 0x11), NOP, NOP}, 0, 0, 0x63}, /* aes32esi */
	{"zknd", {R(0x33, 0, 0x15), NOP, NOP}, 0, 0, 0x52}, /* aes32dsi */
#endif
	{"zimop", {0x81c04073 | 10u << 7 | 10u << 15, NOP, NOP}, 7, 0, 0}, /* mop.r.0 */
	{"zcmop", {0x00016081, NOP, NOP}, 7, 0, 7},			   /* c.mop.1, c.nop */
	{"zcb", {0x00019d75, NOP, NOP}, 7, 0, ~7UL},			   /* c.not, c.nop */
	{"zawrs", {0x00d00073, 0x01d00073, NOP}, 7, 0, 7},		   /* wrs.nto, wrs.sto */
	{"zicbop", {0x13 | 6 << 12 | 10u << 15 | 1 << 20, NOP, NOP}, HYPERVISOR, 0, HYPERVISOR},
	{"zfa", {FP(0, 1, 0x78) ^ (10u ^ 16u) << 15, FMV_X_W, NOP}, 0, 0, 0x3f800000}, /* fli.s */
	{"zfh", {FMV_H_X, FP(7, 10, 0x02), FMV_X_H}, 0x3c00, 0, 0x4000},	       /* fadd.h */
	{"zfhmin", {FMV_H_X, FP(0, 2, 0x20), FMV_X_W}, 0x3c00, 0, 0x3f800000}, /* fcvt.s.h */
	{"svinval", {0x18000073, 0x16000073, 0x18100073}, 7, 0, 7},
};

/* True when the tree names it. */
static bool has(const char *name)
{
	uint32_t size = 0;
	int cpu = fdt_next_with(&kit.fdt, -1, "device_type", "cpu");
	const char *list = fdt_property(&kit.fdt, cpu, "riscv,isa-extensions", &size);
	const char *end = list + size;

	for (; list && list < end; list += strlen(list) + 1)
		if (!strcmp(list, name))
			return true;
	return false;
}

static bool run(struct trap *t, const uint32_t insns[3], unsigned long a0, unsigned long a1,
		unsigned long a2)
{
	static uint32_t code[4] __attribute__((aligned(16)));

	for (unsigned int i = 0; i < 3; i++)
		*(volatile uint32_t *)&code[i] = insns[i];
	*(volatile uint32_t *)&code[3] = INSN_RET;
	__asm__ volatile("fence.i" : : : "memory");
	return trap_call(t, code, a0, a1, a2);
}

static void check_rows(void)
{
	CSR_SET(sstatus, SSTATUS_FS);
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		struct trap t;

		if (!has(row->name))
			continue;
		run(&t, row->insns, row->a0, row->a1, 0);
		test_true(!t.taken && t.value == row->expected, "%s is named and works", row->name);
	}
	CSR_CLEAR(sstatus, SSTATUS_FS);
}

static void check_atomics(void)
{
	static const uint32_t amocas[3] = {ATOMIC(2, 0x05), NOP, NOP};
	static const uint32_t amoadd_b[3] = {ATOMIC(0, 0), NOP, NOP};
	static volatile uint32_t word;
	struct trap t;

	if (has("zacas")) {
		word = 5;
		run(&t, amocas, 5, (unsigned long)&word, 9);
		test_true(!t.taken && t.value == 5 && word == 9, "zacas is named and works");
	}
	if (has("zabha")) {
		word = 0x7f05;
		run(&t, amoadd_b, 0, (unsigned long)&word, 0xff);
		test_true(!t.taken && t.value == 5 && word == 0x7f04, "zabha is named and works");
	}
}

static bool cbo(struct trap *t, unsigned int what, unsigned long at)
{
	const uint32_t insns[3] = {CBO(what), NOP, NOP};

	return run(t, insns, at, 0, 0);
}

/* Access faults of stores, whatever the instruction ("Cache-Block Management ... Traps"). */
static void check_foreign(unsigned int what, const char *name)
{
	struct trap t;

	cbo(&t, what, HYPERVISOR);
	test_trap(&t, CAUSE_STORE_ACCESS, HYPERVISOR, "%s of the hypervisor", name);
	cbo(&t, what, mmio_uart().base);
	test_trap(&t, CAUSE_STORE_ACCESS, mmio_uart().base, "%s of a device", name);
}

static uint32_t block_size(const char *property)
{
	return fdt_cell(&kit.fdt, fdt_next_with(&kit.fdt, -1, "device_type", "cpu"), property, 0,
			0);
}

static unsigned char blocks[3 * PAGE_SIZE] __attribute__((aligned(4096)));

static void check_managed(void)
{
	static const char *const names[] = {"cbo.inval", "cbo.clean", "cbo.flush"};

	for (unsigned int what = CBO_INVAL; what <= CBO_FLUSH; what++) {
		struct test_tally kept = {0};
		struct trap t;

		if (!has("zicbom")) {
			cbo(&t, what, (unsigned long)blocks);
			test_true(t.taken && t.frame.cause == CAUSE_ILLEGAL,
				  "%s, which isn't offered, is illegal", names[what]);
			continue;
		}
		for (unsigned int i = 0; i < sizeof(blocks); i++)
			blocks[i] = (unsigned char)(i * 7 + what);
		for (unsigned int at = 0; at < sizeof(blocks); at += 16)
			if (cbo(&t, what, (unsigned long)&blocks[at]))
				test_tally(&kept, at, 0, t.frame.cause);
		for (unsigned int i = 0; i < sizeof(blocks); i++)
			test_tally(&kept, i, (unsigned char)(i * 7 + what), blocks[i]);
		test_tally_end(&kept, "%s leaves what was written", names[what]);
		check_foreign(what, names[what]);
	}
	if (has("zicbom"))
		test_true(block_size("riscv,cbom-block-size") != 0, "its block's size is told");
}

static void check_zeroed(void)
{
	unsigned long size = block_size("riscv,cboz-block-size");
	struct test_tally tally = {0};
	struct trap t;

	if (!has("zicboz")) {
		cbo(&t, CBO_ZERO, (unsigned long)blocks);
		test_true(t.taken && t.frame.cause == CAUSE_ILLEGAL,
			  "cbo.zero, which isn't offered, is illegal");
		return;
	}
	if (!test_true(size && 3 * size <= sizeof(blocks), "the size of cbo.zero's block is told"))
		return;
	memset(blocks, 0xa5, sizeof(blocks));
	cbo(&t, CBO_ZERO, (unsigned long)&blocks[size + 3]);
	test_true(!t.taken, "cbo.zero works");
	for (unsigned long i = 0; i < sizeof(blocks); i++)
		test_tally(&tally, i, i / size == 1 ? 0 : 0xa5, blocks[i]);
	test_tally_end(&tally, "it zeroes its block and no more");
	check_foreign(CBO_ZERO, "cbo.zero");
}

/* 64 KiB by sixteen entries that say so, to RAM, and to a device, which has to be found by them. */
static void check_napot(void)
{
	static unsigned char ram[65536] __attribute__((aligned(65536)));
	const unsigned long va = 0x40000000, napot = 8UL << 12, n = TOP;
	unsigned long uart = mmio_uart().base;
	struct mmu m;
	struct trap t;

	if (XLEN == 32 || !has("svnapot") || !mmu_init(&m, &mmu_modes[0]))
		return;
	for (unsigned long page = 0; page < 65536; page += PAGE_SIZE) {
		*mmu_map(&m, va + page, 0, 0, PTE_RW) =
			mmu_pte((unsigned long)ram | napot, PTE_RW) | n;
		*mmu_map(&m, va + 65536 + page, 0, 0, PTE_RW) = mmu_pte(uart | napot, PTE_RW) | n;
	}
	ram[3 * PAGE_SIZE + 5] = 0x5a;
	mmu_on(&m, 0);
	trap_call(&t, probe_load8, va + 3 * PAGE_SIZE + 5, 0, 0);
	test_true(!t.taken && t.value == 0x5a, "svnapot is named and works");
	trap_call(&t, probe_load8, va + 65536 + 5, 0, 0);
	mmu_off();
	test_true(!t.taken && (t.value & 0x60) == 0x60, "a device is reached through such a page");
}

void isa_test(void)
{
	if (!kit.diosix) {
		test_skip("not a capsule", "what its tree names works");
		return;
	}
	check_rows();
	check_atomics();
	check_managed();
	check_zeroed();
	check_napot();
}
