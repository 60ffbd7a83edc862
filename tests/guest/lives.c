/* SPDX-License-Identifier: MIT */
/*
 * Lives: a capsule that reboots as often as one likes. Each life looks for what the one before has
 * left behind, in memory, in its other vCPUs and of interrupts; leaves that behind itself; waits
 * until it may reboot again; and does. It tells `cycle` when it begins and before it reboots: with
 * -icount that is what a restart costs.
 */
#include "kit/csr.h"
#include "kit/kit.h"
#include "kit/mmio.h"
#include "kit/print.h"
#include "kit/sbi.h"
#include "kit/smp.h"

#define PAGE	4096UL
#define PAUSE	21000000UL /* ticks: as often as it may for ever */
#define TAG	0x51feUL
#define PENDING 4 /* of the PLIC's sources, one that nobody raises */

static unsigned long begun; /* 0 when it does */

/* So that all have as many digits. */
static unsigned long clock(void)
{
	return (CSR_READ(cycle) & 0xfffffff) | 0x10000000;
}

static void fail(const char *what, unsigned long where)
{
	print("FAIL: lives: %s 0x%lx\n", what, where);
	kit_fail();
}

/* A word of each page that is neither the image nor the device tree. */
static void look_at_memory(void)
{
	unsigned long from = ((unsigned long)image_end + PAGE - 1) & -PAGE;
	unsigned long to = (unsigned long)(kit.ram_base + kit.ram_size) - (128UL << 10);

	for (unsigned long at = from; at < to; at += PAGE) {
		volatile unsigned long *word = (volatile unsigned long *)(at + at / PAGE % 64 * 8);

		if (*word)
			fail("of another life, at", (unsigned long)word);
		*word = TAG;
	}
}

static void sleep(unsigned long unused)
{
	(void)unused;
	sbi_set_timer(csr_time() + PAUSE);
	for (;;)
		__asm__ volatile("wfi" : : : "memory");
}

void main(void)
{
	unsigned long now = clock();
	struct mmio_device plic = mmio_plic();
	unsigned long since;

	print("life %lx\n", now);
	if (begun++)
		fail("the image is an earlier life's", (unsigned long)&begun);
	if (CSR_READ(sip) || CSR_READ(sie))
		fail("interrupts, pending or enabled:", CSR_READ(sip) << 16 | CSR_READ(sie));
	look_at_memory();
	smp_init();
	for (unsigned i = 1; i < smp_count; i++) {
		if (smp_state(i) != HSM_STOPPED)
			fail("not stopped: vCPU", i);
		if (smp_start(i, sleep, 0).error)
			fail("not started: vCPU", i);
	}
	if (mmio_read32(plic.base + PLIC_PRIORITY(PENDING)))
		fail("a priority in the PLIC, of source", PENDING);
	mmio_write32(plic.base + PLIC_PRIORITY(PENDING), 5);
	since = (unsigned long)csr_time();
	sbi_send_ipi(1, 0);
	while ((unsigned long)csr_time() - since < PAUSE) {
		sbi_set_timer(csr_time() + PAUSE / 8);
		CSR_WRITE(sie, SIP_STIP);
		__asm__ volatile("wfi" : : : "memory");
	}
	print("gone %lx\n", clock());
	sbi_reset(SRST_COLD, SRST_NO_REASON);
	fail("the call returned", 0);
}
