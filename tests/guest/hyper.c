/* SPDX-License-Identifier: MIT */
/*
 * Subject hyper: whatever the hart is, a capsule's has no hypervisor extension. Each of its
 * instructions is illegal, in S-mode and in U-mode, and has no effect; so is mret. The CSRs are
 * subject csr's.
 */
#include "kit/csr.h"
#include "kit/kit.h"
#include "kit/test.h"
#include "subjects.h"

/* Unprivileged fields: rs1 is a0, rd and rs2 a1 where the instruction has them. */
#define A0_AS_RS1  (10 << 15)
#define A1_AS_RS2  (11 << 20)
#define A1_AS_RD   (11 << 7)
#define INSN_RET   0x00008067
#define INSN_ECALL 0x00000073

static const struct {
	const char *name;
	uint32_t insn;
} instructions[] = {
	{"hlv.b", 0x60004073 | A0_AS_RS1 | A1_AS_RD},
	{"hlv.bu", 0x60104073 | A0_AS_RS1 | A1_AS_RD},
	{"hlv.h", 0x64004073 | A0_AS_RS1 | A1_AS_RD},
	{"hlv.hu", 0x64104073 | A0_AS_RS1 | A1_AS_RD},
	{"hlvx.hu", 0x64304073 | A0_AS_RS1 | A1_AS_RD},
	{"hlv.w", 0x68004073 | A0_AS_RS1 | A1_AS_RD},
	{"hlv.wu", 0x68104073 | A0_AS_RS1 | A1_AS_RD},
	{"hlvx.wu", 0x68304073 | A0_AS_RS1 | A1_AS_RD},
	{"hlv.d", 0x6c004073 | A0_AS_RS1 | A1_AS_RD},
	{"hsv.b", 0x62004073 | A0_AS_RS1 | A1_AS_RS2},
	{"hsv.h", 0x66004073 | A0_AS_RS1 | A1_AS_RS2},
	{"hsv.w", 0x6a004073 | A0_AS_RS1 | A1_AS_RS2},
	{"hsv.d", 0x6e004073 | A0_AS_RS1 | A1_AS_RS2},
	{"hfence.vvma", 0x22000073},
	{"hfence.vvma with an address", 0x22000073 | A0_AS_RS1 | A1_AS_RS2},
	{"hfence.gvma", 0x62000073},
	{"hfence.gvma with an address", 0x62000073 | A0_AS_RS1 | A1_AS_RS2},
	{"hinval.vvma", 0x26000073},
	{"hinval.gvma", 0x66000073},
	{"mret", 0x30200073},
};

/* Where the operand may point: the guest's own memory, the hypervisor, and nowhere. */
static unsigned long own[2];
static unsigned long places[] = {(unsigned long)own, 0x80000000, 0, -8UL};

static uint32_t code[4] __attribute__((aligned(16)));

/* `then`: what ends it when it didn't trap. */
static void load(uint32_t insn, uint32_t then)
{
	volatile uint32_t *c = code;

	c[0] = insn;
	c[1] = then;
	__asm__ volatile("fence.i" : : : "memory");
}

static bool is_illegal(const struct trap *t, uint32_t insn)
{
	return t->taken && t->frame.cause == CAUSE_ILLEGAL && t->frame.pc == (unsigned long)code &&
	       (t->frame.tval == 0 || t->frame.tval == insn);
}

static void check_each(void)
{
	for (unsigned int i = 0; i < sizeof(instructions) / sizeof(instructions[0]); i++) {
		struct test_tally t = {0};

		load(instructions[i].insn, INSN_RET);
		for (unsigned int at = 0; at < sizeof(places) / sizeof(places[0]); at++) {
			struct trap trap;

			own[0] = own[1] = 0x600d;
			trap_call(&trap, code, places[at], 0xbad, 0);
			test_tally(&t, at, 1, is_illegal(&trap, instructions[i].insn));
			/* The register that a load would have changed. */
			test_tally(&t, at, 0xbad, trap.frame.x[11]);
			test_tally(&t, at, 0x600d, own[0]);
		}
		test_tally_end(&t, "%s is illegal", instructions[i].name);
	}
}

/* All encodings around those: HLV, HLVX and HSV with every rs2, which selects among them. */
static void check_around(void)
{
	struct test_tally t = {0};

	for (uint32_t funct7 = 0x30; funct7 < 0x38; funct7++) {
		for (uint32_t rs2 = 0; rs2 < 32; rs2++) {
			uint32_t insn = funct7 << 25 | rs2 << 20 | A0_AS_RS1 | 4 << 12 | 0x73;
			struct trap trap;

			load(insn, INSN_RET);
			trap_call(&trap, code, (unsigned long)own, 0, 0);
			test_tally(&t, insn, 1, is_illegal(&trap, insn));
		}
	}
	test_tally_end(&t, "all encodings of loads and stores for a virtual machine are illegal");
}

static void check_user(void)
{
	struct test_tally t = {0};

	for (unsigned int i = 0; i < sizeof(instructions) / sizeof(instructions[0]); i++) {
		struct trap trap;

		load(instructions[i].insn, INSN_ECALL);
		trap_call_user(&trap, code, (unsigned long)own, 0);
		test_tally(&t, i, 1, is_illegal(&trap, instructions[i].insn));
	}
	test_tally_end(&t, "all of them are illegal in U-mode");
}

void hyper_test(void)
{
	if (!kit.diosix) {
		test_skip("firmware has a message for each",
			  "the hypervisor extension's instructions");
		return;
	}
	check_each();
	check_around();
	check_user();
}
