/* SPDX-License-Identifier: MIT */
/*
 * How a capsule with several vCPUs ends, by the boot argument how=:
 *
 *   off, fail, reboot	SRST from the last vCPU while all others spin with interrupts off
 *   asleep		SRST from the last vCPU while all others sleep
 *   race		reboot; two vCPUs start a third all the time, which stops
 *   last		one vCPU after the other stops, the first one first
 *
 * With slow=1 that takes three seconds. Each life begins with a look at the other vCPUs, which must
 * be stopped.
 */
#include "kit/csr.h"
#include "kit/kit.h"
#include "kit/print.h"
#include "kit/sbi.h"
#include "kit/smp.h"
#include "kit/string.h"
#include "kit/trap.h"

#define QUICKLY 20000UL	   /* 2 ms at 10 MHz */
#define SLOWLY	30000000UL /* 3 s: as often as it may for ever */

static char how[8], slow[2];
static volatile unsigned long up, first_up;

static void spin(void)
{
	CSR_CLEAR(sstatus, SSTATUS_SIE);
	for (;;)
		;
}

static void sleep(void)
{
	for (;;)
		__asm__ volatile("wfi" : : : "memory");
}

static void end_all(void)
{
	if (!strcmp(how, "fail"))
		sbi_reset(SRST_SHUTDOWN, SRST_FAILURE);
	else if (!strcmp(how, "reboot") || !strcmp(how, "race"))
		sbi_reset(SRST_COLD, SRST_NO_REASON);
	else
		sbi_reset(SRST_SHUTDOWN, SRST_NO_REASON);
	print("FAIL: ends: the call returned\n");
}

static void stop_at_once(unsigned long unused)
{
	(void)unused;
}

/* Whoever comes first starts it, or it is on its way: any other answer is wrong. */
static void start_for_ever(void)
{
	for (;;) {
		struct sbiret r = smp_start(1, stop_at_once, 0);

		if (r.error && r.error != SBI_ERR_ALREADY_AVAILABLE && r.error != SBI_ERR_FAILED)
			print("FAIL: ends: start says %ld\n", r.error);
	}
}

static void other(unsigned long number)
{
	/* Each leaves what a next life must not see. */
	CSR_SET(sie, SIP_SSIP | SIP_STIP | SIP_SEIP);
	sbi_send_ipi(0, -1UL);
	sbi_set_timer(csr_time() + 1000);
	__atomic_add_fetch(&up, 1, __ATOMIC_SEQ_CST);
	if (number == 1)
		first_up = 1;
	if (!strcmp(how, "last")) { /* in turn: each waits for the one before */
		while (smp_state((unsigned)number - 1) != HSM_STOPPED)
			;
		if (number == smp_count - 1)
			print("# ends: the last one stops\n");
		return;
	}
	if (!strcmp(how, "race") && number < smp_count - 1) {
		/* What it is to do is in memory: not before it has begun with this. */
		while (number > 1 && !first_up)
			;
		if (number > 1)
			start_for_ever();
		return;
	}
	if (number == smp_count - 1) {
		smp_wait_word(&up, smp_count - 1);
		kit_delay(kit_argument("slow", slow, sizeof(slow)) ? SLOWLY : QUICKLY);
		end_all();
	}
	if (strcmp(how, "asleep"))
		spin();
	CSR_WRITE(sie, 0);
	sleep();
}

void main(void)
{
	bool stopped = true;

	smp_init();
	kit_argument("how", how, sizeof(how));
	for (unsigned i = 1; i < smp_count; i++)
		stopped = smp_state(i) == HSM_STOPPED && stopped;
	print("%s: ends: all other vCPUs are stopped at first\n", stopped ? "PASS" : "FAIL");
	print("%s: ends: nothing is pending\n",
	      CSR_READ(sip) || start_registers[34] ? "FAIL" : "PASS");
	print_flush();
	for (unsigned i = 1; i < smp_count; i++)
		if (smp_start(i, other, i).error)
			print("FAIL: ends: start of vCPU %u\n", i);
	if (!strcmp(how, "last")) {
		smp_wait_word(&up, smp_count - 1);
		sbi_call(SBI_HSM, SBI_HSM_STOP, 0, 0, 0, 0, 0, 0);
	}
	if (!strcmp(how, "asleep")) {
		CSR_WRITE(sie, 0);
		sleep();
	}
	if (!strcmp(how, "race")) {
		smp_wait_word(&up, smp_count - 1);
		start_for_ever();
	}
	spin();
}
