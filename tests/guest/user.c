/* SPDX-License-Identifier: MIT */
/*
 * Subject user: what the guest's own user mode does reaches the guest's handler
 * and nobody else, environment calls first of all.
 */
#include "kit/csr.h"
#include "kit/kit.h"
#include "kit/sbi.h"
#include "kit/test.h"
#include "subjects.h"

#define INSN_ECALL 0x00000073

/* Runs one instruction in U-mode; an ecall after it says that it did not trap. */
static bool run(struct trap *t, uint32_t insn)
{
	static uint32_t code[2] __attribute__((aligned(8)));

	*(volatile uint32_t *)&code[0] = insn;
	*(volatile uint32_t *)&code[1] = INSN_ECALL;
	__asm__ volatile("fence.i" : : : "memory");
	trap_call_user(t, code, 0, 0);
	return t->frame.pc != (unsigned long)&code[1];
}

static void check_illegal(uint32_t insn, const char *what)
{
	struct trap t;
	bool trapped = run(&t, insn);

	test_true(trapped && t.frame.cause == CAUSE_ILLEGAL, "%s in U-mode is illegal", what);
}

/* An SBI call by user code: its numbers must mean nothing, nor be answered. */
static void check_ecall(void)
{
	static const uint32_t code[] = {INSN_ECALL};
	struct trap t;

	trap_call_user(&t, code, SRST_SHUTDOWN, SRST_NO_REASON);
	test_trap(&t, CAUSE_ECALL_U, 0, "ecall from U-mode arrives in the guest");
	test_equal((unsigned long)code, t.frame.pc, "sepc is the ecall");
	test_equal(0, t.frame.status & SSTATUS_SPP, "it came from U-mode");
}

static void check_faults(unsigned long address, const char *what)
{
	struct trap t;

	trap_call_user(&t, probe_load32, address, 0);
	test_trap(&t, CAUSE_LOAD_ACCESS, address, "load of %s from U-mode", what);
	trap_call_user(&t, probe_store32, address, 0);
	test_trap(&t, CAUSE_STORE_ACCESS, address, "store to %s from U-mode", what);
	trap_call_user(&t, (void *)address, 0, 0);
	test_trap(&t, CAUSE_FETCH_ACCESS, address, "fetch of %s from U-mode", what);
	test_equal(0, t.frame.status & SSTATUS_SPP, "the fault came from U-mode");
}

static void check_wfi(void)
{
	struct trap t;
	bool trapped;

	/* With TW set it is illegal, else it may complete within a bounded time. */
	CSR_SET(sie, SIP_SSIP);
	CSR_SET(sip, SIP_SSIP);
	CSR_CLEAR(sie, SIP_SSIP);
	trapped = run(&t, 0x10500073);
	CSR_CLEAR(sip, SIP_SSIP);
	test_true(!trapped || t.frame.cause == CAUSE_ILLEGAL,
		  "wfi in U-mode is illegal or completes");
}

void user_test(void)
{
	struct trap t;

	check_ecall();
	run(&t, 0x00100073);
	test_true(t.frame.cause == CAUSE_BREAKPOINT, "ebreak from U-mode");
	check_illegal(0, "all zeros");
	check_illegal(0xffffffff, "all ones");
	check_illegal(0x10002573, "sstatus");
	check_illegal(0x30002573, "mstatus");
	check_illegal(0x10200073, "sret");
	check_illegal(0x30200073, "mret");
	check_illegal(0x12000073, "sfence.vma");
	check_faults(0x80000000, "the hypervisor's memory");
	if (kit.diosix) {
		check_faults((unsigned long)(kit.ram_base + kit.ram_size), "what follows RAM");
		check_faults(0x02000000, "the CLINT");
		check_faults(0x00100000, "the finisher");
	}
	check_wfi();
}
