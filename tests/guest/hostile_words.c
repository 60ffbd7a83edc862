/* SPDX-License-Identifier: MIT */
/*
 * The hostile guest's attacks by instructions that nobody wrote: single ones in
 * S-mode, whole programs of them in U-mode.
 *
 * In S-mode a word may do what this guest could not recover from, though its
 * capsule may do so if it likes: change stvec, sscratch or satp, or jump into the
 * rest of the program. So there it is one word at a time, with filler around.
 */
#include "hostile.h"

#include "kit/csr.h"
#include "kit/mmu.h"
#include "kit/sbi.h"

void hostile_enter(const unsigned long *x, unsigned long code, unsigned long status);

#define WORD_STRIDE  16
#define PROGRAM_SIZE 2048
#define PATIENCE     2000 /* ticks */

/* Major opcodes ("RV32/64G Instruction Set Listings"). */
enum {
	OP_LOAD = 0x03,
	OP_LOAD_FP = 0x07,
	OP_FENCE = 0x0f,
	OP_STORE = 0x23,
	OP_STORE_FP = 0x27,
	OP_AMO = 0x2f,
	OP_VECTOR = 0x57,
	OP_BRANCH = 0x63,
	OP_JALR = 0x67,
	OP_JAL = 0x6f,
	OP_SYSTEM = 0x73,
};

static uint32_t any_word(void)
{
	static const uint8_t opcodes[] = {OP_LOAD, OP_LOAD_FP, OP_FENCE,  OP_STORE,  OP_STORE_FP,
					  OP_AMO,  OP_VECTOR,  OP_SYSTEM, OP_SYSTEM, 0x0b,
					  0x2b,	   0x5b,       0x7b,	  OP_JALR};
	uint32_t word = hostile_random();

	if (hostile_below(2))
		word = (word & ~0x7fU) | opcodes[hostile_below(sizeof(opcodes))];
	if ((word & 0x7f) == OP_SYSTEM && !hostile_below(4)) /* sret, wfi, fences, hlv, hsv */
		word &= ~0x7000U | (hostile_below(2) ? 0x4000U : 0);
	return word;
}

static bool is_compressed(uint32_t word)
{
	return (word & 3) != 3;
}

/* c.jr and c.jalr; c.j, c.jal, c.beqz and c.bnez, which could jump to themselves. */
static bool is_compressed_jump(uint32_t word)
{
	unsigned int quadrant = word & 3, funct3 = word >> 13 & 7;

	if (quadrant == 2)
		return funct3 == 4 && !(word >> 2 & 31);
	return quadrant == 1 && (funct3 >= 5 || (XLEN == 32 && funct3 == 1));
}

/* What S-mode must not be given, see above. */
static bool is_reckless(uint32_t word)
{
	unsigned int csr = word >> 20;

	if (is_compressed(word))
		return is_compressed_jump(word) || word >> 16 != HOSTILE_FILLER;
	switch (word & 0x7f) {
	case OP_JALR: return true;
	case OP_JAL: return !(word >> 12);
	case OP_BRANCH: return !(word & 0xfe000f80);
	case OP_SYSTEM: return word >> 12 & 3 && (csr == 0x105 || csr == 0x140 || csr == 0x180);
	default: return false;
	}
}

/* Registers for code that is made up: a third of them lead to its data. */
static void any_registers(unsigned long x[32])
{
	for (int i = 1; i < 32; i++)
		x[i] = hostile_below(3) ? hostile_value() : hostile.data + hostile_below(64);
	/* Not the legacy calls, one of which ends the capsule. */
	if (x[17] <= SBI_LEGACY_SHUTDOWN)
		x[17] = SBI_BASE;
}

/*
 * Made-up code may have set UXL to 3, registers of 128 bits in U-mode, which no hart has. QEMU 7.2
 * takes it, and ends with a failed assertion at the first word of user code that depends on the
 * width (clz, for one); a program of a few instructions in M-mode alone does that to it.
 */
static void mend_width(void)
{
	const unsigned long uxl = 3UL << XLEN / 2;

	if (XLEN == 64 && (CSR_READ(sstatus) & uxl) == uxl)
		CSR_CLEAR(sstatus, 1UL << XLEN / 2);
}

/* Runs code till it traps, or till the patience with it is at its end. */
static void run(unsigned long code, unsigned long status)
{
	unsigned long x[32] = {0};
	struct trap t;

	hostile.count++;
	any_registers(x);
	hostile_alarm(PATIENCE);
	CSR_WRITE(sie, SIP_STIP | SIP_SSIP | SIP_SEIP);
	CSR_WRITE(scounteren, hostile_random() & 7);
	trap_call(&t, hostile_enter, (unsigned long)x, code, status);
	CSR_WRITE(sie, 0);
	CSR_CLEAR(sip, SIP_SSIP);
	CSR_CLEAR(sstatus, SSTATUS_SIE | SSTATUS_SUM | SSTATUS_MXR | SSTATUS_FS);
	mend_width();
}

void hostile_words(void)
{
	volatile uint32_t *code = (volatile uint32_t *)hostile.code;

	for (int i = 0; i < HOSTILE_BATCH; i++) {
		uint32_t word = any_word();

		if (is_compressed(word))
			word = HOSTILE_FILLER << 16 | (word & 0xffff);
		if (is_reckless(word))
			word = HOSTILE_FILLER << 16 | HOSTILE_FILLER;
		code[WORD_STRIDE / 4 * i] = word;
		for (int j = 1; j < WORD_STRIDE / 4; j++)
			code[WORD_STRIDE / 4 * i + j] = HOSTILE_FILLER << 16 | HOSTILE_FILLER;
	}
	__asm__ volatile("fence.i" : : : "memory");
	for (int i = 0; i < HOSTILE_BATCH; i++)
		run(hostile.code + (unsigned long)(WORD_STRIDE * i),
		    SSTATUS_SPP | SSTATUS_SPIE | (hostile_random() & SSTATUS_FS));
}

/*
 * Programs in U-mode. With translation on they reach a page of code, one of data and some that
 * lead to foreign memory, and nothing else of ours.
 */
void hostile_programs(void)
{
	volatile uint32_t *code = (volatile uint32_t *)hostile.code;
	const unsigned long user = PTE_V | PTE_R | PTE_W | PTE_AD | PTE_U;
	unsigned long window = hostile.data + 4096;
	unsigned int modes = 0;
	struct mmu m;

	while (mmu_modes[modes].name)
		modes++;
	if (!mmu_init(&m, &mmu_modes[hostile_below(modes)]))
		return;
	for (int i = 0; i < PROGRAM_SIZE / 4; i++)
		code[i] = any_word();
	mmu_map(&m, hostile.code, hostile.code, 0, user | PTE_X);
	mmu_map(&m, hostile.data, hostile.data, 0, user);
	for (int i = 0; i < 16; i++, window += 4096) {
		unsigned long pa = hostile_foreign() & ~4095UL;

		if (!hostile_touches_ram(pa, 4096))
			mmu_map(&m, window, pa, 0, user | PTE_X);
	}
	mmu_on(&m, hostile_random() & 0xff);
	__asm__ volatile("fence.i" : : : "memory");
	for (int i = 0; i < HOSTILE_BATCH; i++)
		run(hostile.code + (hostile_below(PROGRAM_SIZE) & ~1UL),
		    SSTATUS_SPIE | (hostile_random() & SSTATUS_FS));
	mmu_off();
	for (int i = 0; i < 4096 / 4; i++)
		code[i] = HOSTILE_FILLER << 16 | HOSTILE_FILLER;
}
