/* SPDX-License-Identifier: MIT */
/*
 * The host's UART: NS16550A and compatibles (data sheet: National PC16550D).
 * Its caller, the console, serialises.
 */
#include "drivers/ns16550.h"

#include "drivers/mmio.h"

enum { RBR_THR = 0, IER = 1, FCR = 2, LCR = 3, MCR = 4, LSR = 5 };

enum {
	IER_INPUT = 1,
	IER_OUTPUT = 2,
	FCR_ENABLE_AND_CLEAR = 7,
	LCR_8N1 = 3,
	MCR_DTR_RTS_OUT2 = 0xb, /* OUT2 gates the interrupt on PC-like boards */
	LSR_INPUT = 1,
	LSR_OUTPUT_EMPTY = 0x20,
	FIFO_SIZE = 16,
};

static uintptr_t base;
static unsigned shift;
static bool wide; /* registers want 32-bit accesses */

static inline uint8_t get_register(unsigned number)
{
	uintptr_t at = base + ((uintptr_t)number << shift);

	return wide ? mmio_read32(at) : mmio_read8(at);
}

static inline void set_register(unsigned number, uint8_t value)
{
	uintptr_t at = base + ((uintptr_t)number << shift);

	if (wide)
		mmio_write32(at, value);
	else
		mmio_write8(at, value);
}

/* An empty transmitter takes a whole FIFO, so LSR is read once for that many bytes. */
static bool ready(void)
{
	return get_register(LSR) & LSR_OUTPUT_EMPTY;
}

static void put(uint8_t byte)
{
	set_register(RBR_THR, byte);
}

static int get(void)
{
	return get_register(LSR) & LSR_INPUT ? get_register(RBR_THR) : -1;
}

static void interrupts(bool on_input, bool on_output)
{
	set_register(IER, (on_input ? IER_INPUT : 0) | (on_output ? IER_OUTPUT : 0));
}

static struct console_device device = {
	.status_ready = LSR_OUTPUT_EMPTY,
	.burst = FIFO_SIZE,
	.ready = ready,
	.put = put,
	.get = get,
	.interrupts = interrupts,
};

const struct console_device *ns16550_start(const struct machine_uart *uart)
{
	base = uart->base.raw;
	shift = uart->reg_shift;
	wide = uart->io_width == 4;
	device.data = wide ? NULL : (volatile uint8_t *)base;
	device.status = wide ? NULL : (volatile uint8_t *)(base + ((uintptr_t)LSR << shift));

	set_register(IER, 0);
	set_register(LCR, LCR_8N1);
	set_register(FCR, FCR_ENABLE_AND_CLEAR);
	set_register(MCR, MCR_DTR_RTS_OUT2);
	return &device;
}
