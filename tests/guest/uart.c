/* SPDX-License-Identifier: MIT */
/*
 * Subject uart: the guest's 16550A looks like one: registers, identities,
 * loopback and the transmit interrupt (PC16550D data sheet).
 */
#include "kit/csr.h"
#include "kit/kit.h"
#include "kit/mmio.h"
#include "kit/print.h"
#include "kit/test.h"
#include "subjects.h"

static struct mmio_device uart, plic;
static int context;
static volatile unsigned int interrupts, claimed, identity;

static uint8_t get(unsigned int reg)
{
	return mmio_read8(uart.base + reg);
}

static void set(unsigned int reg, uint8_t value)
{
	mmio_write8(uart.base + reg, value);
}

static void check_registers(void)
{
	struct test_tally scr = {0}, lcr = {0}, ier = {0}, dl = {0};

	for (unsigned int value = 0; value < 256; value += 15) {
		set(UART_SCR, (uint8_t)value);
		test_tally(&scr, value, value, get(UART_SCR));
	}
	test_tally_end(&scr, "the scratch register keeps its value");

	for (unsigned int value = 0; value < 0x40; value++) {
		set(UART_LCR, (uint8_t)value);
		test_tally(&lcr, value, value, get(UART_LCR));
	}
	set(UART_LCR, 3);
	test_tally_end(&lcr, "the line control register keeps its value");

	for (unsigned int value = 0; value < 256; value += 51) {
		set(UART_IER, (uint8_t)value);
		test_tally(&ier, value, value & 0xf, get(UART_IER));
		set(UART_IER, 0);
	}
	test_tally_end(&ier, "the interrupt enable register has four bits");

	/* With DLAB set, two registers are the divisor and nothing is sent. */
	set(UART_LCR, UART_LCR_DLAB | 3);
	for (unsigned int value = 1; value < 256; value += 50) {
		set(UART_DATA, (uint8_t)value);
		set(UART_IER, (uint8_t)~value);
		test_tally(&dl, value, value, get(UART_DATA));
		test_tally(&dl, value, (uint8_t)~value, get(UART_IER));
	}
	set(UART_DATA, 1);
	set(UART_IER, 0);
	set(UART_LCR, 3);
	test_tally(&dl, 0, 0, get(UART_IER));
	test_tally_end(&dl, "the divisor latch is behind DLAB");
}

static void check_identity(void)
{
	set(UART_FCR, 0);
	test_equal(UART_IIR_NONE, get(UART_IIR), "IIR: no interrupt, FIFO off");
	set(UART_FCR, UART_FCR_FIFO);
	test_equal(UART_IIR_FIFO | UART_IIR_NONE, get(UART_IIR), "IIR: FIFO on: it is a 16550A");
	test_equal(UART_LSR_THRE | UART_LSR_TEMT, get(UART_LSR), "LSR: sender empty, nothing read");
	set(UART_LSR, 0xff);
	test_equal(UART_LSR_THRE | UART_LSR_TEMT, get(UART_LSR), "LSR can't be written");
}

static void check_loopback(void)
{
	struct test_tally data = {0}, modem = {0};
	uint8_t mcr = get(UART_MCR);

	set(UART_MCR, UART_MCR_LOOP);
	for (unsigned int value = 0; value < 256; value += 13) {
		set(UART_DATA, (uint8_t)value);
		for (int i = 0; i < 10000 && !(get(UART_LSR) & UART_LSR_DR); i++)
			;
		test_tally(&data, value, value,
			   get(UART_LSR) & UART_LSR_DR ? get(UART_DATA) : ~0UL);
	}
	test_tally(&data, 0, 0, get(UART_LSR) & UART_LSR_DR);
	test_tally_end(&data, "loopback: what is sent is received");

	/* OUT1, OUT2, RTS, DTR come back as RI, DCD, CTS, DSR. */
	static const uint8_t pairs[][2] = {{0x1, 0x20}, {0x2, 0x10}, {0x4, 0x40}, {0x8, 0x80}};

	for (unsigned int i = 0; i < 4; i++) {
		set(UART_MCR, UART_MCR_LOOP | pairs[i][0]);
		test_tally(&modem, i, pairs[i][1], get(UART_MSR) & 0xf0);
	}
	test_tally_end(&modem, "loopback: modem outputs come back as inputs");
	set(UART_MCR, mcr);
}

/* The receiver, fed by loopback: its FIFO of 16, overrun, reset and identity. */
static void check_receiver(void)
{
	struct test_tally t = {0};
	uint8_t mcr = get(UART_MCR);

	set(UART_FCR, UART_FCR_FIFO | UART_FCR_CLEAR_RX);
	set(UART_MCR, UART_MCR_LOOP);
	set(UART_IER, UART_IER_RX);
	set(UART_DATA, 0x41);
	kit_delay(20000);
	test_true((get(UART_IIR) & UART_IIR_RX) == UART_IIR_RX, "IIR names the receiver");
	test_equal(0x41, get(UART_DATA), "the byte is read");
	test_equal(UART_IIR_FIFO | UART_IIR_NONE, get(UART_IIR), "reading it clears the interrupt");
	set(UART_IER, 0);

	for (unsigned int i = 0; i < 16; i++)
		set(UART_DATA, (uint8_t)(0x80 + i));
	kit_delay(20000);
	for (unsigned int i = 0; i < 16; i++) {
		test_tally(&t, i, 1, get(UART_LSR) & UART_LSR_DR);
		test_tally(&t, i, 0x80 + i, get(UART_DATA));
	}
	test_tally(&t, 16, 0, get(UART_LSR) & UART_LSR_DR);
	test_tally_end(&t, "the receive FIFO keeps 16 bytes in order");

	set(UART_DATA, 0x55);
	kit_delay(20000);
	set(UART_FCR, UART_FCR_FIFO | UART_FCR_CLEAR_RX);
	test_equal(0, get(UART_LSR) & UART_LSR_DR, "FCR empties the receive FIFO");
	set(UART_MCR, mcr);
}

static void on_external(struct trap_frame *frame)
{
	(void)frame;
	interrupts++;
	claimed = mmio_read32(plic.base + PLIC_CLAIM(context));
	identity = get(UART_IIR);
	set(UART_IER, 0);
	mmio_write32(plic.base + PLIC_CLAIM(context), claimed);
	/* Never for ever, whatever the hypervisor does. */
	if (interrupts > 100)
		CSR_CLEAR(sie, SIP_SEIP);
}

static void check_interrupt(void)
{
	unsigned long enable = plic.base + PLIC_ENABLE(context, uart.irq);

	mmio_write32(plic.base + PLIC_PRIORITY(uart.irq), 1);
	mmio_write32(plic.base + PLIC_THRESHOLD(context), 0);
	mmio_write32(enable, 1u << uart.irq % 32);
	/* A request that the gateway forwarded stays pending, though the line fell since. */
	claimed = mmio_read32(plic.base + PLIC_CLAIM(context));
	mmio_write32(plic.base + PLIC_CLAIM(context), claimed);
	trap_on_interrupt(IRQ_EXTERNAL, on_external);
	CSR_SET(sie, SIP_SEIP);
	CSR_SET(sstatus, SSTATUS_SIE);
	kit_delay(1000);
	test_equal(0, interrupts, "no interrupt while IER is 0");
	for (unsigned int i = 1; i <= 3; i++) {
		set(UART_IER, UART_IER_THRE);
		for (int wait = 0; wait < 1000000 && interrupts < i; wait++)
			;
		test_equal(i, interrupts, "an empty sender interrupts when it is enabled (%u)", i);
		test_equal(uart.irq, claimed, "the PLIC names the UART");
		test_equal(UART_IIR_FIFO | UART_IIR_THRE, identity, "IIR names the sender");
	}
	CSR_CLEAR(sstatus, SSTATUS_SIE);
	CSR_CLEAR(sie, SIP_SEIP);
	trap_on_interrupt(IRQ_EXTERNAL, NULL);

	/* Reading IIR is what takes the sender's interrupt back. */
	set(UART_IER, UART_IER_THRE);
	test_equal(UART_IIR_FIFO | UART_IIR_THRE, get(UART_IIR), "IIR names the sender, polled");
	test_equal(UART_IIR_FIFO | UART_IIR_NONE, get(UART_IIR), "reading IIR clears it");
	set(UART_IER, 0);
	mmio_write32(plic.base + PLIC_PRIORITY(uart.irq), 0);
	mmio_write32(enable, 0);
}

/* Widths and offsets that a 16550 does not have. The guest lives, whatever they do. */
static void check_wrong(void)
{
	static const void *const probes[] = {probe_load8,   probe_load16, probe_load32,
					     probe_load,    probe_store8, probe_store16,
					     probe_store32, probe_store};
	struct test_tally t = {0};

	set(UART_IER, 0);
	for (unsigned long offset = UART_MCR; offset < 0x108; offset++) {
		for (unsigned int i = 0; i < 8; i++) {
			struct trap trap;

			trap_call(&trap, probes[i], uart.base + offset, 0, 0);
			test_tally(&t, offset << 4 | i, 1,
				   !trap.taken || (trap.frame.cause >= CAUSE_LOAD_MISALIGNED &&
						   trap.frame.cause <= CAUSE_STORE_ACCESS));
		}
	}
	test_tally_end(&t, "wrong widths and offsets do nothing, or fault");
	set(UART_IER, 0);
	set(UART_LCR, 3);
	set(UART_FCR, UART_FCR_FIFO);
	set(UART_SCR, 0x42);
	test_equal(0x42, get(UART_SCR), "the UART still works after them");
}

void uart_test(void)
{
	uart = mmio_uart();
	plic = mmio_plic();
	context = mmio_plic_context();
	if (!uart.base || !plic.base || context < 0) {
		test_skip("no UART or no PLIC", "16550A");
		return;
	}
	/* Firmware prints through the same device. */
	print_hold(true);
	check_registers();
	check_identity();
	check_loopback();
	check_receiver();
	interrupts = 0;
	check_interrupt();
	check_wrong();
}
