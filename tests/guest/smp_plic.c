/* SPDX-License-Identifier: MIT */
/*
 * Subject plic: each hart has a context of its own in the interrupt controller, and an
 * external interrupt goes to those whose context enables it, wherever they sleep.
 */
#include "kit/csr.h"
#include "kit/kit.h"
#include "kit/mmio.h"
#include "kit/smp.h"
#include "kit/test.h"
#include "kit/trap.h"
#include "smp_subjects.h"

static struct mmio_device uart, plic;
static volatile unsigned long claimed[SMP_MAX], stop;

static void set(unsigned long offset, uint32_t value)
{
	mmio_write32(plic.base + offset, value);
}

/* Sleeps until it has an interrupt or is to stop (then by IPI), and takes what it was. */
static void wait_for_it(unsigned long number)
{
	int context = mmio_plic_context_of(smp[number].id);
	uint32_t irq;

	CSR_SET(sie, SIP_SEIP | SIP_SSIP);
	while (!stop) {
		__asm__ volatile("wfi" : : : "memory");
		CSR_CLEAR(sip, SIP_SSIP);
		if (!trap_is_pending(IRQ_EXTERNAL))
			continue;
		irq = mmio_read32(plic.base + PLIC_CLAIM(context));
		if (!irq)
			continue; /* another one was faster */
		mmio_write8(uart.base + UART_IER, 0);
		set(PLIC_CLAIM(context), irq);
		claimed[number] = irq;
	}
}

static void check_one(unsigned number)
{
	int context = mmio_plic_context_of(smp[number].id);
	struct test_tally t = {0};

	for (unsigned i = 0; i < smp_count; i++)
		claimed[i] = 0;
	set(PLIC_THRESHOLD(context), 0);
	set(PLIC_ENABLE(context, uart.irq), 1u << uart.irq % 32);
	mmio_write8(uart.base + UART_IER, UART_IER_THRE);
	test_true(smp_wait_word(&claimed[number], uart.irq), "the interrupt comes to hart %u",
		  number);
	kit_delay(20000);
	for (unsigned i = 1; i < smp_count; i++)
		test_tally(&t, i, i == number ? uart.irq : 0, claimed[i]);
	test_tally_end(&t, "and to no other hart");
	set(PLIC_ENABLE(context, uart.irq), 0);
}

/* Enabled for all: one gets it by its claim, for the others it is gone. */
static void check_all(void)
{
	unsigned long takers = 0;

	for (unsigned i = 1; i < smp_count; i++) {
		claimed[i] = 0;
		set(PLIC_ENABLE(mmio_plic_context_of(smp[i].id), uart.irq), 1u << uart.irq % 32);
	}
	mmio_write8(uart.base + UART_IER, UART_IER_THRE);
	kit_delay(1000000);
	for (unsigned i = 1; i < smp_count; i++) {
		takers += claimed[i] == uart.irq;
		set(PLIC_ENABLE(mmio_plic_context_of(smp[i].id), uart.irq), 0);
	}
	test_true(takers >= 1, "enabled for all, somebody takes it");
}

void smp_plic_test(void)
{
	uart = mmio_uart();
	plic = mmio_plic();
	if (!kit.diosix || !uart.base || !plic.base) {
		test_skip("the console is on this UART", "external interrupts of several harts");
		return;
	}
	set(PLIC_PRIORITY(uart.irq), 1);
	stop = 0;
	for (unsigned i = 1; i < smp_count; i++) {
		test_true(mmio_plic_context_of(smp[i].id) >= 0, "hart %u has a context", i);
		smp_start(i, wait_for_it, i);
		smp_wait_state(i, HSM_STARTED);
	}
	for (unsigned i = 1; i < smp_count; i++)
		check_one(i);
	check_all();
	stop = 1;
	sbi_send_ipi(smp_others(), 0);
	test_true(smp_wait_stopped(), "all stop");
	set(PLIC_PRIORITY(uart.irq), 0);
	mmio_write8(uart.base + UART_IER, 0);
}
