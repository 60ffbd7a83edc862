/* SPDX-License-Identifier: MIT */
/*
 * The virtual NS16550A (National PC16550D data sheet).
 *
 * The line has no speed: what is sent is gone at once unless the console is
 * full, and input arrives whenever that suits. The latter is used to keep
 * typed-ahead input from drivers that start up: they reset the FIFO and read
 * LSR and RBR blindly to clear old state. So the next byte is, as seen by the
 * guest, still on the wire after a reset of the receiver, and for one look at
 * LSR after IER was written with receiving off; a read of RBR takes a byte only
 * once LSR or the interrupt has announced one. A guest that polls sees it on its
 * next look.
 */
#include "vdev/vuart.h"

/* Offsets; the first two are the divisor's while LCR has DLAB set. */
enum { RBR_THR, IER, IIR_FCR, LCR, MCR, LSR, MSR, SCR };

enum { IER_RECEIVE = 1, IER_TRANSMIT = 2, IER_LINE = 4, IER_MODEM = 8, IER_ALL = 15 };

/* IIR's low four bits: what interrupts, by descending priority. */
enum {
	IIR_LINE = 6,
	IIR_RECEIVE = 4,
	IIR_TIMEOUT = 12, /* input waits, but less than the trigger level */
	IIR_TRANSMIT = 2,
	IIR_MODEM = 0,
	IIR_NONE = 1,
	IIR_FIFOS = 0xc0,
};

enum { FCR_ENABLE = 1, FCR_RESET_RECEIVER = 2, FCR_KEPT = 0xc9, FCR_TRIGGER = 0xc0 };
enum { LCR_DLAB = 0x80, LCR_8N1 = 3 };
enum { MCR_DTR = 1, MCR_RTS = 2, MCR_OUT1 = 4, MCR_OUT2 = 8, MCR_LOOP = 16, MCR_ALL = 31 };
enum { LSR_DATA = 1, LSR_OVERRUN = 2, LSR_THRE = 0x20, LSR_TEMT = 0x40 };
enum { MSR_CTS = 0x10, MSR_DSR = 0x20, MSR_RI = 0x40, MSR_DCD = 0x80, MSR_RI_DELTA = 4 };

/* The divisor of 115200 baud, as a firmware would have left it. */
enum { DIVISOR = VUART_CLOCK / 16 / 115200 };

/* Why LSR isn't as simple as usual. */
enum {
	ODD_LOOP = 1,	      /* loop-back is on */
	ODD_HELD = 2,	      /* `held` isn't empty */
	ODD_OVERRUN = 4,      /* loop-back lost a byte and LSR hasn't told so */
	ODD_SETTLING = 8,     /* the next look at LSR finds no input yet */
	ODD_UNANNOUNCED = 16, /* RBR gives nothing before LSR has shown that it has */
};

static inline struct vuart *vuart_of(struct vdev *dev)
{
	return (struct vuart *)dev;
}

/* False when it is full. */
static bool fifo_put(struct vuart_fifo *fifo, uint8_t byte)
{
	if (fifo->count == VUART_FIFO)
		return false;
	fifo->bytes[(fifo->first + fifo->count) % VUART_FIFO] = byte;
	fifo->count++;
	return true;
}

/* The oldest byte; there is one. */
static uint8_t fifo_take(struct vuart_fifo *fifo)
{
	uint8_t byte = fifo->bytes[fifo->first];

	fifo->first = (fifo->first + 1) % VUART_FIFO;
	fifo->count--;
	return byte;
}

static bool has_input(const struct vuart *uart)
{
	return uart->odd & ODD_LOOP ? uart->loop.count != 0 : uart->input;
}

/* What IIR reports: the most urgent of the interrupts that are enabled. */
static unsigned interrupt_of(const struct vuart *uart)
{
	unsigned ier = uart->ier;

	if ((ier & IER_LINE) && (uart->odd & ODD_OVERRUN))
		return IIR_LINE;
	/* With a trigger level above 1 always the timeout: it promises no number of bytes. */
	if ((ier & IER_RECEIVE) && has_input(uart))
		return uart->fcr & FCR_TRIGGER ? IIR_TIMEOUT : IIR_RECEIVE;
	if ((ier & IER_TRANSMIT) && uart->thre_pending)
		return IIR_TRANSMIT;
	if ((ier & IER_MODEM) && uart->msr_delta)
		return IIR_MODEM;
	return IIR_NONE;
}

/* Bring the interrupt line up to date. OUT2 doesn't gate it: that is a PC's wiring. */
static void update(struct vuart *uart)
{
	bool level = uart->ier && interrupt_of(uart) != IIR_NONE;

	if (level == uart->line)
		return;
	uart->line = level;
	vplic_set(uart->plic, uart->irq, level);
}

/* Give the console what it had no room for. The transmitter is empty when all is gone. */
static void send_held(struct vuart *uart)
{
	struct vuart_fifo *held = &uart->held;

	while (held->count && console_write(uart->port, held->bytes[held->first]))
		fifo_take(held);
	if (held->count)
		return;
	uart->odd &= ~ODD_HELD;
	uart->thre_pending = true;
}

/* One byte into the looped-back receiver: a FIFO, or a single byte without that. */
static void loop_back(struct vuart *uart, uint8_t byte)
{
	struct vuart_fifo *loop = &uart->loop;

	if (!(uart->fcr & FCR_ENABLE) && loop->count) {
		loop->bytes[loop->first] = byte; /* the old one is overwritten */
		uart->odd |= ODD_OVERRUN;
	} else if (!fifo_put(loop, byte)) {
		uart->odd |= ODD_OVERRUN; /* the new one is lost */
	}
}

/*
 * Send a byte. A guest may write 16 when it has seen THRE, and all of them find
 * room; what it writes without looking may be lost, as in the real one.
 */
static void write_thr(struct vuart *uart, uint8_t byte)
{
	bool sent = true;

	if (uart->odd & ODD_LOOP) {
		loop_back(uart, byte);
	} else if ((uart->odd & ODD_HELD) || !console_write(uart->port, byte)) {
		fifo_put(&uart->held, byte);
		uart->odd |= ODD_HELD;
		sent = false;
	}
	uart->thre_pending = sent;
	if (uart->ier)
		update(uart);
}

static void write_ier(struct vuart *uart, uint8_t value)
{
	uint8_t enabled = value & ~uart->ier;

	uart->ier = value & IER_ALL;
	/* Enabling it asks about the present, not about what was: an empty transmitter interrupts.
	 */
	if ((enabled & IER_TRANSMIT) && !(uart->odd & ODD_HELD))
		uart->thre_pending = true;
	if (value & IER_RECEIVE)
		uart->odd &= ~(ODD_SETTLING | ODD_UNANNOUNCED);
	else
		uart->odd |= ODD_SETTLING;
	update(uart);
}

/* The transmitter's reset does nothing: what is held counts as sent. */
static void write_fcr(struct vuart *uart, uint8_t value)
{
	bool reset = (value ^ uart->fcr) & FCR_ENABLE;

	uart->fcr = value & FCR_ENABLE ? value & FCR_KEPT : 0;
	if (!reset &&
	    (value & (FCR_ENABLE | FCR_RESET_RECEIVER)) != (FCR_ENABLE | FCR_RESET_RECEIVER))
		return;
	uart->loop.count = 0;
	if (!(uart->ier & IER_RECEIVE))
		uart->odd |= ODD_SETTLING | ODD_UNANNOUNCED;
	update(uart);
}

/* The modem lines: a terminal that is there and ready, or our own outputs looped back. */
static uint8_t modem_lines(const struct vuart *uart)
{
	uint8_t mcr = uart->mcr;

	if (!(mcr & MCR_LOOP))
		return MSR_DCD | MSR_DSR | MSR_CTS;
	return (mcr & MCR_DTR ? MSR_DSR : 0) | (mcr & MCR_RTS ? MSR_CTS : 0) |
	       (mcr & MCR_OUT1 ? MSR_RI : 0) | (mcr & MCR_OUT2 ? MSR_DCD : 0);
}

static void write_mcr(struct vuart *uart, uint8_t value)
{
	uint8_t before = modem_lines(uart), changed;

	if ((value ^ uart->mcr) & MCR_LOOP) {
		uart->loop.count = 0;
		uart->odd ^= ODD_LOOP;
	}
	uart->mcr = value & MCR_ALL;
	changed = (before ^ modem_lines(uart)) >> 4;
	/* Of the ring indicator only the end counts. */
	if (!(before & MSR_RI))
		changed &= ~MSR_RI_DELTA;
	uart->msr_delta |= changed;
	update(uart);
}

static uint8_t read_rbr(struct vuart *uart)
{
	int byte = -1;

	if (uart->odd & ODD_LOOP) {
		byte = uart->loop.count ? fifo_take(&uart->loop) : -1;
	} else if (!(uart->odd & ODD_UNANNOUNCED)) {
		byte = console_read(uart->port);
		uart->input = console_readable(uart->port);
	}
	if (uart->ier)
		update(uart);
	return byte < 0 ? 0 : (uint8_t)byte;
}

/* Reading it takes the transmitter's interrupt back, if that is what is reported. */
static uint8_t read_iir(struct vuart *uart)
{
	unsigned interrupt = interrupt_of(uart);

	if (interrupt == IIR_TRANSMIT) {
		uart->thre_pending = false;
		update(uart);
	}
	return interrupt | (uart->fcr & FCR_ENABLE ? IIR_FIFOS : 0);
}

static uint8_t read_lsr_odd(struct vuart *uart)
{
	uint8_t lsr = 0;

	if (uart->odd & ODD_HELD)
		send_held(uart);
	if (!(uart->odd & ODD_HELD))
		lsr = LSR_THRE | LSR_TEMT;
	if (uart->odd & ODD_OVERRUN)
		lsr |= LSR_OVERRUN;

	if (uart->odd & ODD_LOOP) {
		lsr |= uart->loop.count ? LSR_DATA : 0;
	} else if (uart->odd & ODD_SETTLING) {
		uart->odd |= ODD_UNANNOUNCED;
	} else if (uart->input) {
		uart->odd &= ~ODD_UNANNOUNCED;
		lsr |= LSR_DATA;
	}
	uart->odd &= ~(ODD_OVERRUN | ODD_SETTLING);
	update(uart);
	return lsr;
}

static uint8_t read_msr(struct vuart *uart)
{
	uint8_t msr = modem_lines(uart) | uart->msr_delta;

	uart->msr_delta = 0;
	update(uart);
	return msr;
}

/* Out of line, so that the usual read of LSR saves no registers. */
static __attribute__((noinline)) uint64_t read_register(struct vuart *uart, uint32_t offset)
{
	switch (offset) {
	case RBR_THR: return uart->lcr & LCR_DLAB ? uart->dll : read_rbr(uart);
	case IER: return uart->lcr & LCR_DLAB ? uart->dlm : uart->ier;
	case IIR_FCR: return read_iir(uart);
	case LSR: return read_lsr_odd(uart);
	case MSR: return read_msr(uart);
	default: return 0;
	}
}

static uint64_t vuart_read(struct vdev *dev, uint32_t offset, unsigned size)
{
	struct vuart *uart = vuart_of(dev);

	if (size != 1)
		return 0;
	if (offset == LSR && !(uart->odd & ~ODD_UNANNOUNCED)) {
		if (uart->input)
			uart->odd = 0;
		return LSR_THRE | LSR_TEMT | uart->input;
	}
	/* Those that are nothing but memory. */
	if (offset == SCR)
		return uart->scr;
	if (offset == LCR)
		return uart->lcr;
	if (offset == MCR)
		return uart->mcr;
	return read_register(uart, offset);
}

/* LSR and MSR can't be written. */
static __attribute__((noinline)) void write_register(struct vuart *uart, uint32_t offset,
						     uint8_t value)
{
	switch (offset) {
	case RBR_THR: uart->dll = value; break;
	case IER:
		if (uart->lcr & LCR_DLAB)
			uart->dlm = value;
		else
			write_ier(uart, value);
		break;
	case IIR_FCR: write_fcr(uart, value); break;
	case LCR: uart->lcr = value; break;
	case MCR: write_mcr(uart, value); break;
	case SCR: uart->scr = value; break;
	}
}

static void vuart_write(struct vdev *dev, uint32_t offset, unsigned size, uint64_t value)
{
	struct vuart *uart = vuart_of(dev);

	if (size != 1)
		return;
	if (offset == RBR_THR && !(uart->lcr & LCR_DLAB))
		write_thr(uart, (uint8_t)value);
	else
		write_register(uart, offset, (uint8_t)value);
}

static const struct vdev_ops vuart_ops = {
	.name = "uart",
	.read = vuart_read,
	.write = vuart_write,
};

void vuart_init(struct vuart *uart, gpa_t base, struct vplic *plic, unsigned irq,
		struct console_port *port)
{
	*uart = (struct vuart){
		.dev = {.ops = &vuart_ops, .base = base, .size = VUART_SIZE},
		.port = port,
		.plic = plic,
		.irq = irq,
		.odd = ODD_SETTLING | ODD_UNANNOUNCED,
		.lcr = LCR_8N1,
		.dll = DIVISOR,
	};
}

void vuart_poll(struct vuart *uart)
{
	uart->input = console_readable(uart->port);
	if (uart->odd & ODD_HELD)
		send_held(uart);
	update(uart);
}
