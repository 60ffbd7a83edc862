/* SPDX-License-Identifier: MIT */
/*
 * exits.elf: leaves for the hypervisor a known number of times for each reason, `rounds=` times
 * over. What the figures of two runs differ by is what the further rounds did.
 */
#include "kit/csr.h"
#include "kit/kit.h"
#include "kit/mmio.h"
#include "kit/print.h"
#include "kit/sbi.h"
#include "kit/trap.h"

#define UNKNOWN 0x0abcdef0
#define NEVER	(~(uint64_t)0)

#define TIMES(n, what)                                                                             \
	for (unsigned i_ = 0; i_ < (n); i_++)                                                      \
	what

static char byte = '#';

static void call(unsigned times, unsigned long eid, unsigned long fid, unsigned long a0,
		 unsigned long a1)
{
	TIMES(times, sbi_call(eid, fid, a0, a1, 0, 0, 0, 0));
}

static void calls(void)
{
	call(101, SBI_BASE, SBI_BASE_SPEC, 0, 0);
	call(52, SBI_IPI, SBI_IPI_SEND, 1, 0);
	call(33, SBI_RFENCE, SBI_RFENCE_I, 1, 0);
	call(24, SBI_HSM, SBI_HSM_STATUS, 0, 0);
	call(5, SBI_DBCN, SBI_DBCN_WRITE, 0, (unsigned long)&byte);
	call(66, SBI_PMU, SBI_PMU_COUNT, 0, 0);
	call(7, SBI_SUSP, SBI_SUSP_SUSPEND, 1, 0);
	call(8, SBI_STA, 1, 0, 0);
	call(9, SBI_FWFT, SBI_FWFT_GET, 0, 0);
	call(10, SBI_SRST, SBI_SRST_RESET, 77, 0);
	call(11, SBI_LEGACY_GETCHAR, 0, 0, 0);
	call(12, SBI_LEGACY_CLEAR_IPI, 0, 0, 0);
	call(13, UNKNOWN, 0, 0, 0);
	TIMES(144, sbi_set_timer(NEVER)); /* by the short road */
	call(15, SBI_TIME, 1, 0, 0);
}

/* An instruction that nobody has, and a CSR. */
static void illegal(void)
{
	__asm__ volatile("unimp");
}

static void others(void)
{
	struct mmio_device uart = mmio_uart();
	struct trap t;

	TIMES(160, mmio_read8(uart.base + UART_SCR));
	TIMES(17, mmio_write8(uart.base + UART_SCR, 1));
	TIMES(18, trap_call(&t, illegal, 0, 0, 0));
	CSR_SET(sie, SIP_SSIP);
	CSR_SET(sip, SIP_SSIP);
	TIMES(19, __asm__ volatile("wfi"));
	CSR_CLEAR(sip, SIP_SSIP);
	CSR_CLEAR(sie, SIP_SSIP);
	/* To nowhere: an instruction access fault, which is reflected. */
	TIMES(20, trap_call(&t, (const void *)8, 0, 0, 0));
}

void main(void)
{
	char rounds[4];

	if (!kit_argument("rounds", rounds, sizeof(rounds)))
		rounds[0] = '1';
	for (char round = '0'; round < rounds[0]; round++) {
		calls();
		others();
	}
	print("# exits: %c\n", rounds[0]);
}
