/* SPDX-License-Identifier: MIT */
/*
 * The UART of SiFive's chips (FU540-C000 manual, "UART"). Its caller, the console,
 * serialises.
 */
#include "drivers/sifive_uart.h"

#include "drivers/mmio.h"

enum { TXDATA = 0x00, RXDATA = 0x04, TXCTRL = 0x08, RXCTRL = 0x0c, IE = 0x10 };

#define DATA_FLAG 0x80000000u /* txdata: full; rxdata: empty */

enum {
	CTRL_ENABLE = 1,
	TXCTRL_WATERMARK_1 = 1 << 16, /* interrupt when less than one byte waits */
	IE_OUTPUT = 1,
	IE_INPUT = 2,
};

static uintptr_t base;

/* Full or not is all that it tells: a byte at a time. */
static bool ready(void)
{
	return !(mmio_read32(base + TXDATA) & DATA_FLAG);
}

static void put(uint8_t byte)
{
	mmio_write32(base + TXDATA, byte);
}

static int get(void)
{
	uint32_t data = mmio_read32(base + RXDATA);

	return data & DATA_FLAG ? -1 : (int)(data & 0xff);
}

static void interrupts(bool on_input, bool on_output)
{
	mmio_write32(base + IE, (on_input ? IE_INPUT : 0) | (on_output ? IE_OUTPUT : 0));
}

static const struct console_device device = {
	.burst = 1,
	.ready = ready,
	.put = put,
	.get = get,
	.interrupts = interrupts,
};

const struct console_device *sifive_uart_start(const struct machine_uart *uart)
{
	base = uart->base.raw;
	mmio_write32(base + IE, 0);
	mmio_write32(base + TXCTRL, CTRL_ENABLE | TXCTRL_WATERMARK_1);
	mmio_write32(base + RXCTRL, CTRL_ENABLE);
	return &device;
}
