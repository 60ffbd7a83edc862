/* SPDX-License-Identifier: MIT */
/*
 * src/vdev/vuart.c: the rules of the PC16550D, and the register sequences of
 * drivers: Linux's 8250 from probing to an interrupt-driven console, U-Boot's
 * ns16550, xv6's uart.
 */
#include "unit.h"

#include "fake/console.h"
#include "vdev/vuart.h"

enum { RBR, IER, IIR, LCR, MCR, LSR, MSR, SCR, THR = RBR, FCR = IIR };
enum { DLAB = 0x80, LOOP = 0x10, EMPTY = 0x60, DATA = 1, OVERRUN = 2, IRQ = 10 };
enum { NONE = 1, THRE = 2, RECEIVE = 4, TIMEOUT = 12, LINE = 6, FIFOS = 0xc0 };

static struct vplic plic;
static struct vuart uart;
static struct console_port port;
static bool irq; /* the vCPU's external interrupt */

static void output(struct vplic *from, unsigned context, bool level)
{
	(void)from;
	(void)context;
	irq = level;
}

static uint8_t get(unsigned reg)
{
	return uart.dev.ops->read(&uart.dev, reg, 1);
}

static void put(unsigned reg, uint8_t value)
{
	/* Upper bits of the value mean nothing. */
	uart.dev.ops->write(&uart.dev, reg, 1, 0xffffffffffffff00 | value);
}

static void type(const char *text)
{
	fake_console_type(&port, text);
	vuart_poll(&uart);
}

static int set_up(void **state)
{
	(void)state;
	memset(&uart, 0xa5, sizeof(uart));
	memset(&port, 0, sizeof(port));
	fake_console_reset();
	irq = false;
	vplic_init(&plic, (gpa_t){0xc000000}, 1, output);
	plic.dev.ops->write(&plic.dev, 4 * IRQ, 4, 1);
	plic.dev.ops->write(&plic.dev, 0x2000, 4, 1 << IRQ);
	vuart_init(&uart, (gpa_t){0x10000000}, &plic, IRQ, &port);
	return 0;
}

static void expect_output(const char *text)
{
	struct fake_console *console = fake_console();

	assert_int_equal(console->length, strlen(text));
	assert_memory_equal(console->output, text, console->length);
}

/* What the interrupt line is, without the PLIC's memory of what it was. */
static bool line(void)
{
	return plic.levels >> IRQ & 1;
}

/* Take an interrupt as a guest does; returns IIR. */
static uint8_t take(void)
{
	uint8_t iir;

	assert_true(irq);
	assert_int_equal(plic.dev.ops->read(&plic.dev, 0x200004, 4), IRQ);
	iir = get(IIR);
	plic.dev.ops->write(&plic.dev, 0x200004, 4, IRQ);
	return iir;
}

static void test_reset_state(void **state)
{
	(void)state;
	assert_int_equal(get(LSR), EMPTY);
	assert_int_equal(get(IIR), NONE);
	assert_int_equal(get(IER), 0);
	assert_int_equal(get(MCR), 0);
	assert_int_equal(get(MSR), 0xb0);
	assert_int_equal(get(RBR), 0);
	/* A divisor of 0 would make Linux's earlycon divide by it. */
	put(LCR, DLAB);
	assert_int_equal(get(RBR), 2);
	assert_int_equal(get(IER), 0);
	assert_false(line());
}

static void test_plain_registers(void **state)
{
	(void)state;
	for (unsigned value = 0; value < 256; value++) {
		put(SCR, value);
		assert_int_equal(get(SCR), value);
		put(LCR, value & ~DLAB);
		assert_int_equal(get(LCR), value & ~DLAB);
		put(IER, value);
		assert_int_equal(get(IER), value & 15);
		put(MCR, value);
		assert_int_equal(get(MCR), value & 31);
	}
	put(MCR, 0);
	put(LSR, 0xff);
	put(MSR, 0xff);
	assert_int_equal(get(LSR), EMPTY);
	assert_int_equal(get(SCR), 255);
}

/* With DLAB the first two registers are the divisor, and nothing is sent or taken. */
static void test_divisor(void **state)
{
	(void)state;
	put(IER, 5);
	type("x");
	put(LCR, DLAB | 3);
	put(RBR, 0x34);
	put(IER, 0x12);
	assert_int_equal(get(RBR), 0x34);
	assert_int_equal(get(IER), 0x12);
	put(LCR, 3);
	assert_int_equal(get(IER), 5);
	assert_int_equal(get(RBR), 'x');
	expect_output("");
	put(LCR, DLAB);
	assert_int_equal(get(RBR), 0x34);
	assert_int_equal(get(IER), 0x12);
}

/* Other widths and other offsets: zero, and nothing happens. */
static void test_no_register(void **state)
{
	struct vuart before;

	(void)state;
	put(IER, 1);
	type("abc");
	before = uart;
	for (unsigned size = 1; size <= 8; size *= 2) {
		for (unsigned offset = size == 1 ? 8 : 0; offset < VUART_SIZE; offset += size) {
			uart.dev.ops->write(&uart.dev, offset, size, ~(uint64_t)0);
			assert_int_equal(uart.dev.ops->read(&uart.dev, offset, size), 0);
		}
	}
	assert_memory_equal(&uart, &before, sizeof(uart));
	expect_output("");
	assert_int_equal(get(RBR), 'a');
}

static void test_receive_interrupt(void **state)
{
	(void)state;
	put(IER, 1);
	assert_false(line());
	type("ab");
	assert_int_equal(take(), RECEIVE);
	assert_int_equal(get(LSR), EMPTY | DATA);
	assert_int_equal(get(RBR), 'a');
	assert_true(line()); /* level: one more waits */
	assert_int_equal(get(IIR), RECEIVE);
	assert_int_equal(get(RBR), 'b');
	assert_false(line());
	assert_int_equal(get(IIR), NONE);
	assert_int_equal(get(LSR), EMPTY);
	assert_int_equal(get(RBR), 0);
	/* Enabling it with input waiting interrupts at once; disabling takes it back. */
	put(IER, 0);
	type("c");
	assert_false(line());
	put(IER, 1);
	assert_true(line());
	put(IER, 0);
	assert_false(line());
}

/* With a trigger level above one byte input is announced by the timeout; U-Boot and Linux take
 * both. */
static void test_trigger(void **state)
{
	(void)state;
	put(FCR, 0x01);
	put(IER, 1);
	type("a");
	assert_int_equal(get(IIR), FIFOS | RECEIVE);
	put(FCR, 0x81);
	assert_int_equal(get(IIR), FIFOS | TIMEOUT);
	assert_int_equal(get(RBR), 'a');
	assert_int_equal(get(IIR), FIFOS | NONE);
}

/* Without its enable bit the rest of FCR isn't programmed. */
static void test_fcr(void **state)
{
	(void)state;
	put(FCR, 0xc6);
	put(IER, 1);
	type("a");
	assert_int_equal(get(IIR), RECEIVE);
	put(FCR, 0xc7);
	assert_int_equal(get(IIR), FIFOS | TIMEOUT);
	put(FCR, 0);
	assert_int_equal(get(IIR), RECEIVE);
}

/* Latched when the transmitter becomes empty or the interrupt enabled; taken back by IIR or THR. */
static void test_transmit_interrupt(void **state)
{
	(void)state;
	put(IER, 2);
	assert_int_equal(take(), THRE);
	assert_false(line());
	assert_int_equal(get(IIR), NONE);
	put(IER, 2); /* no change: no interrupt */
	assert_int_equal(get(IIR), NONE);
	put(IER, 0);
	put(IER, 2);
	assert_true(line());
	assert_int_equal(get(IIR), THRE);
	put(THR, 'x');
	assert_true(line());
	assert_int_equal(get(LSR), EMPTY);
	assert_true(line()); /* LSR doesn't acknowledge it */
	assert_int_equal(get(IIR), THRE);
	assert_false(line());
	expect_output("x");
}

/* IIR takes the transmitter's interrupt back only when it is the one reported. */
static void test_order(void **state)
{
	(void)state;
	put(IER, 15);
	type("a");
	put(MCR, LOOP | 2); /* DCD and DSR fall */
	put(MCR, 2);
	assert_int_equal(get(IIR), RECEIVE);
	assert_int_equal(get(IIR), RECEIVE);
	assert_int_equal(get(RBR), 'a');
	assert_int_equal(get(IIR), THRE);
	assert_int_equal(get(IIR), 0);
	assert_int_equal(get(IIR), 0);
	assert_true(line());
	assert_int_equal(get(MSR), 0xb0 | 0x0a);
	assert_int_equal(get(IIR), NONE);
	assert_false(line());
	assert_int_equal(get(MSR), 0xb0);
}

/* The console takes five bytes; a guest that has seen THRE writes sixteen. None is lost. */
static void test_console_full(void **state)
{
	(void)state;
	put(FCR, 1);
	put(IER, 2);
	assert_int_equal(get(IIR), FIFOS | THRE);
	fake_console()->room = 5;
	for (unsigned i = 0; i < 16; i++)
		put(THR, 'a' + i);
	assert_false(line());
	assert_int_equal(get(LSR), 0);
	expect_output("abcde");
	fake_console()->room = 4;
	vuart_poll(&uart);
	expect_output("abcdefghi");
	assert_false(line());
	assert_int_equal(get(LSR), 0);
	assert_int_equal(get(IIR), FIFOS | NONE);
	/* Enabling the interrupt anew doesn't make the transmitter empty, nor does its reset. */
	put(IER, 0);
	put(IER, 2);
	assert_int_equal(get(IIR), FIFOS | NONE);
	put(FCR, 5);
	assert_int_equal(get(LSR), 0);
	fake_console()->room = 100;
	vuart_poll(&uart);
	expect_output("abcdefghijklmnop");
	assert_int_equal(take(), FIFOS | THRE);
	assert_int_equal(get(LSR), EMPTY);
	vuart_poll(&uart); /* once */
	assert_int_equal(get(IIR), FIFOS | NONE);
}

/* Sixteen are held in all, even from a guest that never looks; a guest that polls LSR gets on. */
static void test_console_full_polled(void **state)
{
	(void)state;
	fake_console()->room = 0;
	for (unsigned i = 0; i < 40; i++)
		put(THR, 'a' + i);
	assert_int_equal(get(LSR), 0);
	fake_console()->room = 100;
	assert_int_equal(get(LSR), EMPTY);
	expect_output("abcdefghijklmnop");
	fake_console()->room = 0;
	for (unsigned i = 0; i < 7; i++)
		put(THR, 'A' + i);
	fake_console()->room = 3;
	vuart_poll(&uart);
	for (unsigned i = 7; i < 19; i++) /* around the end of the ring */
		put(THR, 'A' + i);
	fake_console()->room = 100;
	vuart_poll(&uart);
	expect_output("abcdefghijklmnopABCDEFGHIJKLMNOPQRS");
}

static void test_loopback(void **state)
{
	(void)state;
	put(FCR, 1);
	put(IER, 5);
	put(MCR, LOOP);
	type("typed");
	assert_false(line()); /* the wire is cut off */
	assert_int_equal(get(LSR), EMPTY);
	for (unsigned i = 0; i < 16; i++)
		put(THR, i);
	assert_int_equal(get(IIR), FIFOS | RECEIVE);
	assert_int_equal(get(LSR), EMPTY | DATA);
	put(THR, 99); /* one too many */
	assert_int_equal(get(IIR), FIFOS | LINE);
	assert_int_equal(get(LSR), EMPTY | DATA | OVERRUN);
	assert_int_equal(get(LSR), EMPTY | DATA);
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(get(RBR), i);
	assert_int_equal(get(LSR), EMPTY);
	put(THR, 1);
	put(FCR, 3); /* the reset empties it */
	assert_int_equal(get(LSR), EMPTY);
	put(THR, 1);
	put(MCR, 0);
	expect_output("");
	assert_int_equal(get(RBR), 't');
}

/* Without the FIFO one byte is kept, the newest. */
static void test_loopback_16450(void **state)
{
	(void)state;
	put(MCR, LOOP);
	put(THR, 1);
	assert_int_equal(get(LSR), EMPTY | DATA);
	put(THR, 2);
	assert_int_equal(get(LSR), EMPTY | DATA | OVERRUN);
	assert_int_equal(get(RBR), 2);
	assert_int_equal(get(LSR), EMPTY);
}

static void test_modem_lines(void **state)
{
	static const uint8_t lines[] = {0x20, 0x10, 0x40, 0x80}; /* DTR RTS OUT1 OUT2 */

	(void)state;
	for (unsigned mcr = 0; mcr < 16; mcr++) {
		uint8_t expected = 0;

		for (unsigned bit = 0; bit < 4; bit++)
			if (mcr >> bit & 1)
				expected |= lines[bit];
		put(MCR, LOOP | mcr);
		assert_int_equal(get(MSR) & 0xf0, expected);
	}
	/* Deltas: CTS and DCD change, RI only when it ends. */
	put(MCR, LOOP);
	get(MSR);
	put(MCR, LOOP | 4);
	assert_int_equal(get(MSR), 0x40);
	put(MCR, LOOP | 2);
	assert_int_equal(get(MSR), 0x10 | 4 | 1);
	put(MCR, LOOP | 8 | 2);
	assert_int_equal(get(MSR), 0x90 | 8);
	assert_int_equal(get(MSR), 0x90);
}

/* Linux 8250: autoconfig(), as a driver that isn't told the type does it. */
static void linux_autoconfig(void)
{
	uint8_t mcr, lcr;
	unsigned count;

	get(IER);
	put(IER, 0);
	assert_int_equal(get(IER) & 15, 0);
	put(IER, 15);
	assert_int_equal(get(IER) & 15, 15);
	put(IER, 0);
	mcr = get(MCR);
	lcr = get(LCR);
	put(MCR, LOOP | 0x0a);
	assert_int_equal(get(MSR) & 0xf0, 0x90);
	put(MCR, mcr);
	/* Which chip is it: EFR (16650 and up) isn't there, the FIFO is. */
	put(LCR, 0xbf);
	put(FCR, 0);
	put(LCR, 0);
	put(FCR, 1);
	assert_int_equal(get(IIR) >> 6, 3);
	put(LCR, DLAB);
	put(FCR, 0x21); /* a 16750 would show bit 5 in IIR */
	assert_int_equal(get(IIR) & 0xe0, FIFOS);
	put(LCR, 0);
	put(FCR, 1);
	put(IER, 0x40); /* an XScale keeps that */
	assert_int_equal(get(IER) & 0x40, 0);
	/* size_fifo() */
	put(FCR, 7);
	put(MCR, LOOP);
	for (unsigned i = 0; i < 256; i++)
		put(THR, i);
	for (count = 0; (get(LSR) & DATA) && count < 256; count++)
		get(RBR);
	assert_int_equal(count, 16);
	put(MCR, mcr);
	put(LCR, lcr);
	put(FCR, 1);
	put(FCR, 7);
	put(FCR, 0);
	get(RBR);
	put(IER, 0);
}

/* Linux 8250: serial8250_do_startup() with both of its tests, and set_termios(). */
static void linux_startup(void)
{
	uint8_t iir1, iir2;

	put(FCR, 1);
	put(FCR, 7);
	put(FCR, 0);
	get(LSR);
	get(RBR);
	get(IIR);
	get(MSR);
	assert_int_not_equal(get(LSR), 0xff);
	assert_int_equal(get(LSR) & EMPTY, EMPTY);
	put(IER, 2);
	iir1 = get(IIR);
	put(IER, 0);
	put(IER, 2);
	iir2 = get(IIR);
	put(IER, 0);
	assert_int_equal(iir1 & 1, 0); /* no UART_BUG_THRE */
	assert_int_equal(iir2 & 1, 0);
	put(LCR, 3);
	put(MCR, 8);
	put(IER, 2);
	assert_int_equal(get(LSR) & EMPTY, EMPTY);
	assert_int_equal(get(IIR) & 1, 0); /* no UART_BUG_TXEN */
	put(IER, 0);
	get(LSR);
	get(RBR);
	get(IIR);
	get(MSR);
	put(IER, 5);
	put(LCR, DLAB | 3);
	put(RBR, 2);
	put(IER, 0);
	put(LCR, 3);
	put(FCR, 1);
	put(FCR, 0x81);
	put(MCR, 0x0b);
}

/* Linux 8250: serial8250_shutdown(). */
static void linux_shutdown(void)
{
	put(IER, 0);
	put(MCR, 3);
	put(LCR, get(LCR) & ~0x40);
	put(FCR, 1);
	put(FCR, 7);
	put(FCR, 0);
	get(RBR);
}

/* Linux 8250: the interrupt handler, sending `text` from `at` on. */
static void linux_interrupt(char *received, const char *text, size_t *at)
{
	while (irq) {
		uint8_t iir = take(), lsr;

		if (iir & 1)
			continue;
		lsr = get(LSR);
		while ((iir & RECEIVE) && (lsr & DATA)) {
			size_t length = strlen(received);

			received[length] = get(RBR);
			received[length + 1] = 0;
			lsr = get(LSR);
		}
		get(MSR);
		if (!(lsr & 0x20))
			continue;
		for (unsigned i = 0; i < 16 && text[*at]; i++)
			put(THR, text[(*at)++]);
		if (!text[*at])
			put(IER, 5);
	}
}

/* From probing to a session; the console is full now and then; what was typed early arrives. */
static void test_linux(void **state)
{
	static const char text[] = "The quick brown fox jumps over the lazy dog, again and again.";
	char received[64] = "";
	size_t at = 0;

	(void)state;
	type("root\n");
	linux_autoconfig();
	type("ls\n");
	linux_startup();
	fake_console()->room = 0;
	linux_interrupt(received, text, &at);
	assert_string_equal(received, "root\nls\n");
	put(IER, 7); /* start_tx */
	for (unsigned i = 0; i < 100; i++) {
		linux_interrupt(received, text, &at);
		if (i == 30)
			type("vi x\n");
		fake_console()->room = unit_random_below(4);
		vuart_poll(&uart);
	}
	linux_interrupt(received, text, &at);
	expect_output(text);
	assert_string_equal(received, "root\nls\nvi x\n");
	assert_false(irq);
	/* The last user of the terminal goes and the next comes: getty, then a shell. */
	received[0] = 0;
	type("typed");
	put(IER, 0);
	linux_shutdown();
	type(" ahead");
	linux_startup();
	linux_interrupt(received, text, &at);
	assert_string_equal(received, "typed ahead");
}

/* Linux's console: interrupts off, wait for the transmitter, write, restore. */
static void test_linux_console(void **state)
{
	(void)state;
	linux_startup();
	for (unsigned i = 0; i < 50; i++) {
		put(IER, 0);
		while ((get(LSR) & EMPTY) != EMPTY)
			fake_console()->room = 1;
		put(THR, '!');
		put(IER, 5);
		fake_console()->room = i & 1;
	}
	vuart_poll(&uart);
	assert_int_equal(fake_console()->length, 50);
	assert_false(line());
}

/* U-Boot ns16550: interrupts never enabled, every byte polled for. */
static void test_u_boot(void **state)
{
	char received[16] = "";
	size_t length = 0;

	(void)state;
	type("s");
	while (!(get(LSR) & 0x40))
		;
	put(IER, 0);
	put(MCR, 3);
	put(FCR, 7);
	put(LCR, DLAB | 3);
	put(RBR, 2);
	put(IER, 0);
	put(LCR, 3);
	for (const char *c = "U-Boot"; *c; c++) {
		while (!(get(LSR) & 0x20))
			;
		put(THR, *c);
	}
	type("top");
	for (unsigned polls = 0; polls < 20; polls++)
		if (get(LSR) & DATA)
			received[length++] = get(RBR);
	assert_string_equal(received, "stop");
	expect_output("U-Boot");
	assert_false(line());
}

/* xv6: both interrupts enabled for good; IIR acknowledges. */
static void test_xv6(void **state)
{
	char received[16] = "";
	size_t length = 0;

	(void)state;
	put(IER, 0);
	put(LCR, DLAB);
	put(RBR, 3);
	put(IER, 0);
	put(LCR, 3);
	put(FCR, 7);
	put(IER, 3);
	type("ls");
	put(THR, '$');
	while (irq) {
		take();
		while (get(LSR) & DATA)
			received[length++] = get(RBR);
	}
	assert_string_equal(received, "ls");
	expect_output("$");
}

/* A read of RBR that nothing announced takes nothing. */
static void test_blind_reads(void **state)
{
	(void)state;
	type("ab");
	assert_int_equal(get(RBR), 0);
	assert_int_equal(get(LSR), EMPTY);
	assert_int_equal(get(RBR), 0);
	assert_int_equal(get(LSR), EMPTY | DATA);
	assert_int_equal(get(RBR), 'a');
	assert_int_equal(get(LSR), EMPTY | DATA);
	put(IER, 0);
	assert_int_equal(get(LSR), EMPTY);
	assert_int_equal(get(RBR), 0);
	put(IER, 1);
	assert_int_equal(get(RBR), 'b');
}

/* Anything at all, in any order: no byte is lost or made up as long as the rules are kept. */
static void test_random(void **state)
{
	unsigned typed = 0, got = 0, written = 0;

	(void)state;
	put(IER, 1);
	for (unsigned i = 0; i < 100000; i++) {
		char text[2] = {(char)('!' + typed % 90), 0};
		bool up;

		switch (unit_random_below(8)) {
		case 0:
			if (port.input_tail - port.input_head < CONSOLE_INPUT_SIZE) {
				type(text);
				typed++;
			}
			break;
		case 1:
			if (get(LSR) & DATA)
				assert_int_equal(get(RBR), '!' + got++ % 90);
			break;
		case 2:
			if (get(LSR) & 0x20)
				for (unsigned n = unit_random_below(17); n; n--)
					put(THR, '!' + written++ % 90);
			break;
		case 3: put(IER, unit_random()); break;
		case 4: get(IIR); break;
		case 5: put(FCR, unit_random()); break;
		case 6: get(MSR); break;
		case 7:
			fake_console()->room = unit_random_below(40);
			vuart_poll(&uart);
			break;
		}
		/* The line is up exactly when IIR has something to say. */
		up = line();
		assert_int_equal(up, 1 & ~get(IIR));
		if (fake_console()->length > 2048) {
			unsigned first = written - uart.held.count - fake_console()->length;

			for (unsigned n = 0; n < fake_console()->length; n++)
				assert_int_equal(fake_console()->output[n], '!' + (first + n) % 90);
			fake_console()->length = 0;
		}
	}
	assert_true(written > 10000);
	assert_true(got > 5000);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
	const struct CMUnitTest tests[] = {
		TEST(test_reset_state),
		TEST(test_plain_registers),
		TEST(test_divisor),
		TEST(test_no_register),
		TEST(test_receive_interrupt),
		TEST(test_trigger),
		TEST(test_fcr),
		TEST(test_transmit_interrupt),
		TEST(test_order),
		TEST(test_console_full),
		TEST(test_console_full_polled),
		TEST(test_loopback),
		TEST(test_loopback_16450),
		TEST(test_modem_lines),
		TEST(test_linux),
		TEST(test_linux_console),
		TEST(test_u_boot),
		TEST(test_xv6),
		TEST(test_blind_reads),
		TEST(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
