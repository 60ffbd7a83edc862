/* SPDX-License-Identifier: MIT */
/*
 * Subject csr: every CSR number, read and written by an instruction made for
 * it: a value, or an illegal instruction in the guest's own handler.
 */
#include "kit/csr.h"

#include "kit/kit.h"
#include "kit/test.h"
#include "subjects.h"

#define CSR_COUNT    4096
#define CSR_STVEC    0x105
#define CSR_SSCRATCH 0x140
#define CSR_SATP     0x180

#define CSRRW(rd, csr, rs1) ((uint32_t)(csr) << 20 | (rs1) << 15 | 1 << 12 | (rd) << 7 | 0x73)
#define CSRRS(rd, csr, rs1) ((uint32_t)(csr) << 20 | (rs1) << 15 | 2 << 12 | (rd) << 7 | 0x73)
#define INSN_RET	    0x00008067

enum { A0 = 10, A1 = 11, A2 = 12, ZERO = 0 };

static uint32_t code[4] __attribute__((aligned(16)));

static bool run(struct trap *t, uint32_t first, uint32_t second, uint32_t third,
		unsigned long value)
{
	volatile uint32_t *c = code;

	c[0] = first;
	c[1] = second;
	c[2] = third;
	c[3] = INSN_RET;
	__asm__ volatile("fence.i" : : : "memory");
	return trap_call(t, code, value, 0, 0);
}

/*
 * Bits 9 and 8 of a number are the lowest privilege that may touch it. OpenSBI
 * emulates htimedelta and htimedeltah for a kernel on a hart without H.
 */
static bool is_higher(unsigned int csr)
{
	bool emulated = !kit.diosix && (csr == 0x605 || csr == 0x615);

	return (csr >> 8 & 3) >= 2 && !emulated;
}

/* OpenSBI 1.6 hangs on counters that the hart does not have (0xc03 up, 0xc83 up). */
static bool is_poison(unsigned int csr)
{
	return !kit.diosix && (csr & ~0x80u) > 0xc02 && (csr & ~0x80u) < 0xc20;
}

static bool is_read_only(unsigned int csr)
{
	return csr >> 10 == 3;
}

static bool ends_well(const struct trap *t)
{
	return !t->taken || (t->frame.cause == CAUSE_ILLEGAL &&
			     (t->frame.tval == 0 || t->frame.tval == *(uint32_t *)t->frame.pc));
}

static void check_reads(void)
{
	struct test_tally any = {0}, machine = {0};

	for (unsigned int csr = 0; csr < CSR_COUNT; csr++) {
		struct trap t;

		if (is_poison(csr))
			continue;
		run(&t, CSRRS(A0, csr, ZERO), INSN_RET, INSN_RET, 0);
		test_tally(&any, csr, 1, ends_well(&t));
		/* Privilege 2 is the hypervisor's: the guest's hart has no H. */
		if (is_higher(csr))
			test_tally(&machine, csr, 1, t.taken);
	}
	test_tally_end(&any, "each of 4096 CSRs reads, or is an illegal instruction");
	test_tally_end(&machine, "CSRs of the hypervisor and machine levels are illegal to read");
}

/*
 * Writes `value` between two reads and puts back what was there, all without an
 * interrupt. Not the three that hold this test itself up.
 */
static void check_writes(unsigned long value, const char *what)
{
	struct test_tally any = {0}, machine = {0}, constant = {0};

	for (unsigned int csr = 0; csr < CSR_COUNT; csr++) {
		struct trap t;

		if (csr == CSR_STVEC || csr == CSR_SATP || csr == CSR_SSCRATCH || is_poison(csr))
			continue;
		run(&t, CSRRW(A1, csr, A0), CSRRS(A2, csr, ZERO), CSRRW(ZERO, csr, A1), value);
		test_tally(&any, csr, 1, ends_well(&t));
		if (is_higher(csr))
			test_tally(&machine, csr, 1, t.taken);
		if (is_read_only(csr))
			test_tally(&constant, csr, 1, t.taken);
	}
	test_tally_end(&any, "each CSR is written with %s, or is an illegal instruction", what);
	test_tally_end(&machine, "CSRs of higher levels are illegal to write with %s", what);
	test_tally_end(&constant, "read-only CSRs are illegal to write with %s", what);
}

static void check_wfi_and_time(void)
{
	struct trap t;

	/* What only traps when it is emulated must have no side effects. */
	run(&t, CSRRS(A0, 0xc01, ZERO), INSN_RET, INSN_RET, 0);
	test_true(!t.taken, "time is read by csrr");
	run(&t, CSRRS(ZERO, 0xc01, ZERO), INSN_RET, INSN_RET, 0x1234);
	test_true(!t.taken && t.value == 0x1234, "time is read into x0");
	run(&t, CSRRW(A0, 0xc01, A0), INSN_RET, INSN_RET, 0);
	test_true(t.taken && t.frame.cause == CAUSE_ILLEGAL, "time is illegal to write");
}

/* satp: a mode that is not there must not be taken over (privileged specification, satp). */
static void check_satp(void)
{
	unsigned long reserved = XLEN == 64 ? 5UL << (SATP_MODE_SHIFT & 63) : 0;

	CSR_WRITE(satp, reserved | 0x80000);
	test_equal(0, XLEN == 64 ? CSR_READ(satp) : 0, "a reserved mode of satp is not taken");
	CSR_WRITE(satp, 0);
}

void csr_test(void)
{
	CSR_CLEAR(sstatus, SSTATUS_SIE);
	check_reads();
	check_writes(0, "zeros");
	check_writes(-1UL, "ones");
	check_writes(-1UL / 3, "0x55");
	check_writes(-1UL / 3 * 2, "0xaa");
	check_wfi_and_time();
	check_satp();
	CSR_WRITE(sie, 0);
	CSR_CLEAR(sip, SIP_SSIP);
}
