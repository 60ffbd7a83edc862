/* SPDX-License-Identifier: MIT */
/*
 * The hostile guest's attacks on what it may ask for: every CSR, and every call
 * of the SBI with arguments from the ends of their ranges.
 */
#include "hostile.h"

#include "kit/csr.h"
#include "kit/sbi.h"

void hostile_fence(void);

#define CSR_STVEC    0x105
#define CSR_SSCRATCH 0x140
#define CSR_SATP     0x180

/* Fields of an instruction (unprivileged specification, chapter "Zicsr"). */
#define CSR_INSN(csr, rs1, funct3, rd)                                                             \
	((uint32_t)(csr) << 20 | (uint32_t)(rs1) << 15 | (uint32_t)(funct3) << 12 |                \
	 (uint32_t)(rd) << 7 | 0x73)
#define INSN_RET   0x00008067
#define INSN_NOP   0x00000013
#define INSN_ECALL 0x00000073

enum { ZERO = 0, A0 = 10, A1 = 11, A2 = 12 };
enum { CSRRW = 1, CSRRS = 2, CSRRC = 3, IMMEDIATE = 4 };

#define STUB_WORDS 4

/*
 * A function that touches a CSR in one of the six ways, puts back what was there and
 * returns; true when it writes. satp is only read here: page tables have their own attack.
 */
static bool write_stub(volatile uint32_t *stub, unsigned int csr)
{
	unsigned int way = 1 + (unsigned int)hostile_below(3);
	unsigned int source = (unsigned int)hostile_below(2) ? A1 : hostile_random() & 31;
	bool writes = true;

	if (csr == CSR_SATP || !hostile_below(3)) {
		way = CSRRS;
		source = ZERO;
		writes = false;
	} else if (source != A1) {
		way |= IMMEDIATE;
		writes = way == (CSRRW | IMMEDIATE) || source;
	}
	stub[0] = CSR_INSN(csr, source, way, A0);
	stub[1] = writes ? CSR_INSN(csr, ZERO, CSRRS, A2) : INSN_NOP;
	stub[2] = writes ? CSR_INSN(csr, A0, CSRRW, ZERO) : INSN_NOP;
	stub[3] = INSN_RET;
	return writes;
}

/* "CSR Address Mapping Conventions": the top bits say who may, and whether it can be written. */
static void try_csr(unsigned long stub, unsigned int csr, bool writes)
{
	bool privileged = (csr >> 8 & 3) >= 2, read_only = csr >> 10 == 3;
	struct trap t;

	hostile.count++;
	CSR_CLEAR(sstatus, SSTATUS_SIE);
	if (!trap_call(&t, (void *)stub, 0, hostile_value(), 0)) {
		if (privileged || (read_only && writes))
			hostile_escape("access to a CSR of others", csr, writes);
	} else if (t.frame.cause != CAUSE_ILLEGAL) {
		hostile_escape("a CSR ended by an impossible cause", csr, t.frame.cause);
	}
	CSR_CLEAR(sstatus, SSTATUS_SIE | SSTATUS_SUM | SSTATUS_MXR | SSTATUS_FS);
}

void hostile_csrs(void)
{
	volatile uint32_t *stubs = (volatile uint32_t *)hostile.code;
	unsigned int csrs[HOSTILE_BATCH];
	bool writes[HOSTILE_BATCH];

	for (int i = 0; i < HOSTILE_BATCH; i++) {
		csrs[i] = hostile_random() & 0xfff;
		if (!hostile_below(3)) /* the supervisor's own */
			csrs[i] = 0x100 | (csrs[i] & 0x4ff);
		writes[i] = write_stub(stubs + STUB_WORDS * i, csrs[i]);
	}
	__asm__ volatile("fence.i" : : : "memory");
	for (int i = 0; i < HOSTILE_BATCH; i++)
		try_csr((unsigned long)(stubs + STUB_WORDS * i), csrs[i], writes[i]);
	CSR_WRITE(sie, 0);
}

/* --- calls ------------------------------------------------------------------------------------ */

#define SBI_SRST_TYPES	  3
#define SBI_SUSPEND_RESET 0x80000000
#define SPARINGLY	  4096

static unsigned long any_extension(void)
{
	static const unsigned long known[] = {
		SBI_BASE,   SBI_TIME,	SBI_IPI,    SBI_RFENCE, SBI_HSM,    SBI_SRST,
		SBI_DBCN,   SBI_RFENCE, SBI_DBCN,   SBI_HSM,	SBI_IPI,    SBI_PMU,
		SBI_SUSP,   0x43505043, 0x4e41434c, SBI_STA,	0x535345,   SBI_FWFT,
		0x44425452, 0x4d505859, 0x0a000005, 0x09000000, 0x08000000,
	};

	if (hostile_below(4))
		return known[hostile_below(sizeof(known) / sizeof(*known))];
	return hostile_below(2) ? hostile_below(0x100) : hostile_value();
}

/* Legacy calls and DBCN write to the terminal that people see: not too much of it. */
static bool is_noise(const unsigned long x[32])
{
	return x[17] == SBI_LEGACY_PUTCHAR || (x[17] == SBI_DBCN && x[16] == SBI_DBCN_BYTE) ||
	       (x[17] == SBI_DBCN && x[16] == SBI_DBCN_WRITE && hostile_is_mine(x[11], 1));
}

/* Calls that would end this capsule, or start it elsewhere, or break it. */
static bool is_the_end(const unsigned long x[32])
{
	uint32_t type = (uint32_t)x[10];

	switch (x[17]) {
	case SBI_LEGACY_SHUTDOWN: return true;
	case SBI_SRST: return x[16] == SBI_SRST_RESET && type < SBI_SRST_TYPES;
	case SBI_HSM:
		if (x[16] == SBI_HSM_STOP)
			return true;
		return x[16] == SBI_HSM_SUSPEND && type == SBI_SUSPEND_RESET &&
		       hostile_is_mine(x[11], 1);
	case SBI_SUSP: return x[16] == SBI_SUSP_SUSPEND && !type && hostile_is_mine(x[11], 1);
	/* These write to its own memory, which may be itself. */
	case SBI_STA: return x[16] == SBI_STA_SET && hostile_is_mine(x[10], 1);
	case SBI_PMU: return x[16] == SBI_PMU_EVENTS && hostile_is_mine(x[10], 1);
	default: return false;
	}
}

static void choose_call(unsigned long x[32])
{
	do {
		for (int i = 1; i < 32; i++)
			x[i] = hostile_value();
		x[17] = any_extension();
		x[16] = hostile_below(8) ? hostile_below(9) : hostile_value();
		if (!hostile_below(64)) /* some of our own memory, by the length it has */
			x[11] = hostile.data + hostile_below(64);
	} while (is_the_end(x) || (is_noise(x) && hostile_below(SPARINGLY)));
}

/* What must hold whatever was asked: no register but a0 and a1 changes, nothing foreign is used. */
static void check_call(const unsigned long x[32], const struct trap *t)
{
	bool console = x[17] == SBI_DBCN && x[16] <= SBI_DBCN_READ;

	if (!t->taken || t->frame.cause != CAUSE_BREAKPOINT)
		hostile_escape("a call didn't return", x[17], t->frame.cause);
	for (int i = 1; i < 32; i++)
		if (i != A0 && i != A1 && t->frame.x[i] != x[i])
			hostile_escape("a call changed a register", x[17], (unsigned long)i);
	if (console && x[10] && t->frame.x[A0] == SBI_SUCCESS && t->frame.x[A1] &&
	    !hostile_is_mine(x[11], t->frame.x[A1]))
		hostile_escape("a call used foreign memory", x[11], t->frame.x[A1]);
}

void hostile_calls(void)
{
	volatile uint32_t *code = (volatile uint32_t *)hostile.code;
	unsigned long x[32] = {0};
	struct trap t;

	code[0] = INSN_ECALL;
	code[1] = HOSTILE_FILLER << 16 | HOSTILE_FILLER;
	__asm__ volatile("fence.i" : : : "memory");
	for (int i = 0; i < HOSTILE_BATCH; i++) {
		hostile.count++;
		choose_call(x);
		if (x[17] == SBI_HSM && x[16] == SBI_HSM_SUSPEND) {
			hostile_alarm(1000);
			CSR_WRITE(sie, SIP_STIP);
		}
		trap_call_registers(&t, x, (void *)hostile.code);
		CSR_WRITE(sie, 0);
		check_call(x, &t);
	}
}
