/* SPDX-License-Identifier: MIT */
/*
 * What it costs when two vCPUs on two harts deal with each other. Rows stand
 * between markers (tools/bench/count.c), which counts what both harts execute, in the guest and
 * beyond it. It is run without -icount, under which one hart starves the other.
 *
 * The end of a row comes REST loops after its last event, so that the other
 * hart is asleep or back in its loop by then; those loops are in the row and taken off again
 * (tools/bench/smp.py).
 */
#include "kit/csr.h"
#include "kit/kit.h"
#include "kit/print.h"
#include "kit/sbi.h"
#include "kit/smp.h"

#define ROUNDS 30
#define REST   300000UL /* loops of two instructions */

enum { ROW_NOTHING = 1, ROW_PAIR, ROW_IPI, ROW_FENCE_I, ROW_SFENCE, ROW_FENCE_ASLEEP };

#define MARK(n) __asm__ volatile("slti x0, x0, %0" : : "i"(n) : "memory")

static volatile unsigned long stop, answered;

static void rest(void)
{
	unsigned long left = REST;

	__asm__ volatile("1: addi %0, %0, -1\n"
			 "bnez %0, 1b"
			 : "+r"(left));
}

static inline void sleep_for_ipi(void)
{
	while (!(CSR_READ(sip) & SIP_SSIP))
		__asm__ volatile("wfi" : : : "memory");
	CSR_CLEAR(sip, SIP_SSIP);
}

/* The other one, asleep: answers each IPI by one. */
static void answer(unsigned long hart)
{
	CSR_SET(sie, SIP_SSIP);
	for (;;) {
		sleep_for_ipi();
		if (stop)
			return;
		sbi_call(SBI_IPI, SBI_IPI_SEND, 1, hart, 0, 0, 0, 0);
	}
}

/* The other one, running: it sees its IPIs and does nothing else. */
static void watch(unsigned long unused)
{
	(void)unused;
	while (!stop)
		if (CSR_READ(sip) & SIP_SSIP) {
			CSR_CLEAR(sip, SIP_SSIP);
			answered++;
		}
}

static void doze(unsigned long unused)
{
	(void)unused;
	CSR_SET(sie, SIP_SSIP);
	while (!stop)
		sleep_for_ipi();
}

/* One row: ROUNDS of `what`, with time before each for the other hart to come to rest. */
#define MEASURE(row, what)                                                                         \
	for (int round_ = 0; round_ < ROUNDS; round_++) {                                          \
		rest();                                                                            \
		MARK(row);                                                                         \
		what;                                                                              \
		rest();                                                                            \
		MARK(-(row));                                                                      \
	}

static void begin(void (*other)(unsigned long), unsigned long argument)
{
	stop = 0;
	if (smp_start(1, other, argument).error || !smp_wait_state(1, HSM_STARTED))
		print("FAIL: cost: the other vCPU doesn't start\n");
	rest();
}

static void end(void)
{
	stop = 1;
	smp_send_ipi(1);
	if (!smp_wait_stopped())
		print("FAIL: cost: the other vCPU doesn't stop\n");
}

void main(void)
{
	unsigned long other;

	smp_init();
	other = smp[1].id;
	CSR_SET(sie, SIP_SSIP);
	MEASURE(ROW_NOTHING, (void)0);

	begin(answer, kit.hart);
	MEASURE(ROW_PAIR, ({
			sbi_call(SBI_IPI, SBI_IPI_SEND, 1, other, 0, 0, 0, 0);
			sleep_for_ipi();
		}));
	end();

	begin(watch, 0);
	MEASURE(ROW_IPI, ({
			unsigned long before = answered;

			sbi_call(SBI_IPI, SBI_IPI_SEND, 1, other, 0, 0, 0, 0);
			while (answered == before)
				;
		}));
	MEASURE(ROW_FENCE_I, sbi_call(SBI_RFENCE, SBI_RFENCE_I, 1, other, 0, 0, 0, 0));
	MEASURE(ROW_SFENCE, sbi_call(SBI_RFENCE, SBI_RFENCE_VMA, 1, other, 0x1000, 0x1000, 0, 0));
	end();
	if (answered != ROUNDS + 1 && answered != ROUNDS)
		print("FAIL: cost: %lu IPIs of %u arrived\n", answered, ROUNDS);

	begin(doze, 0);
	MEASURE(ROW_FENCE_ASLEEP, sbi_call(SBI_RFENCE, SBI_RFENCE_I, 1, other, 0, 0, 0, 0));
	end();
	print("DONE: costs of two\n");
}
