/* SPDX-License-Identifier: MIT */
/*
 * The host's UART: NS16550A and compatibles (data sheet: National PC16550D), those
 * without a FIFO (8250, 16450, and the 16550, whose FIFO doesn't work),
 * Synopsys' DesignWare (DW_apb_uart databook) and Intel's XScale (PXA27x manual). Its caller, the
 * console, serialises.
 */
#include "drivers/ns16550.h"

#include "drivers/mmio.h"

enum { RBR_THR = 0, IER = 1, IIR_FCR = 2, LCR = 3, MCR = 4, LSR = 5, DW_USR = 0x1f };

enum {
	IER_INPUT = 1,
	IER_OUTPUT = 2,
	IER_UNIT = 0x40, /* XScale: the UART is on */
	IIR_CAUSE = 0xf,
	IIR_TIMEOUT = 0xc,     /* input has waited for some time */
	IIR_DW_BUSY = 7,       /* LCR was written while a character was under way: ignored */
	IIR_FIFO_WORKS = 0xc0, /* both bits: an 8250 and 16450 have none, the 16550 one */
	FCR_ENABLE_AND_CLEAR = 7,
	LCR_8N1 = 3,
	MCR_DTR_RTS_OUT2 = 0xb, /* OUT2 gates the interrupt on PC-like boards */
	LSR_INPUT = 1,
	LSR_OUTPUT_EMPTY = 0x20,
	FIFO_SIZE = 16,
	LCR_TRIES = 1000,
};

static uintptr_t base;
static unsigned shift;
static bool wide; /* registers want 32-bit accesses */
static bool is_designware;
static uint8_t always; /* of IER */

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

/* An empty transmitter takes a whole FIFO, so LSR is read once for so many bytes. */
static bool ready(void)
{
	return get_register(LSR) & LSR_OUTPUT_EMPTY;
}

static void put(uint8_t byte)
{
	set_register(RBR_THR, byte);
}

/*
 * DesignWare: the interrupt of a write to LCR that was ignored stays until its status
 * register is read, and that of input that has waited may stay although there is none, until
 * some is taken. Everything else that IIR tells is found out by LSR.
 */
static void quiet(void)
{
	uint8_t cause = is_designware ? get_register(IIR_FCR) & IIR_CAUSE : 0;

	if (cause == IIR_DW_BUSY)
		get_register(DW_USR);
	else if (cause == IIR_TIMEOUT && !(get_register(LSR) & LSR_INPUT))
		get_register(RBR_THR);
}

static int get(void)
{
	if (get_register(LSR) & LSR_INPUT)
		return get_register(RBR_THR);
	quiet();
	return -1;
}

static void interrupts(bool on_input, bool on_output)
{
	set_register(IER, always | (on_input ? IER_INPUT : 0) | (on_output ? IER_OUTPUT : 0));
}

static struct console_device device = {
	.status_ready = LSR_OUTPUT_EMPTY,
	.ready = ready,
	.put = put,
	.get = get,
	.interrupts = interrupts,
};

/*
 * 8n1. DesignWare ignores it until the character that an earlier stage left under way is
 * sent, or what has come in is taken: try for some thousand accesses.
 */
static void set_format(void)
{
	for (unsigned i = 0; i < LCR_TRIES; i++) {
		set_register(LCR, LCR_8N1);
		if (!is_designware || get_register(LCR) == LCR_8N1)
			return;
		set_register(IIR_FCR, FCR_ENABLE_AND_CLEAR);
		get_register(RBR_THR);
		quiet();
	}
}

const struct console_device *ns16550_start(const struct machine_uart *uart)
{
	base = uart->base.raw;
	shift = uart->reg_shift;
	wide = uart->io_width == 4;
	is_designware = uart->kind == UART_DESIGNWARE;
	always = uart->kind == UART_XSCALE ? IER_UNIT : 0;
	device.data = wide ? NULL : (volatile uint8_t *)base;
	device.status = wide ? NULL : (volatile uint8_t *)(base + ((uintptr_t)LSR << shift));

	interrupts(false, false);
	set_format();
	set_register(IIR_FCR, FCR_ENABLE_AND_CLEAR);
	device.burst = (get_register(IIR_FCR) & IIR_FIFO_WORKS) == IIR_FIFO_WORKS ? FIFO_SIZE : 1;
	set_register(MCR, MCR_DTR_RTS_OUT2);
	return &device;
}
