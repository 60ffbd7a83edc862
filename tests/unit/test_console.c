/* SPDX-License-Identifier: MIT */
/*
 * src/core/console.c on a UART that the test makes slow, busy or small: what goes
 * out is what was written, in order, once, with the hypervisor's lines between
 * the guest's; nobody who was told to wait is forgotten.
 *
 * The short road stores into the device's register directly. To see each of those
 * stores, the register lies on a page that can't be written: the fault opens it
 * for one instruction, and the trap after it takes the byte. (x86 only.)
 */
#define _GNU_SOURCE /* REG_EFL */
#include "unit.h"

#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "core/console.c"

/* --- the log's ring, as the console sees it ---------------------------------------- */

enum { LINES = 64 };

static unsigned lines_said, lines_taken;

/* The n-th line of the hypervisor. Guests never write '<' nor '>'. */
size_t log_take_line(char *line, size_t size)
{
	if (lines_taken == lines_said)
		return 0;
	return (size_t)snprintf(line, size, "<%u>", lines_taken++);
}

static void say_line(void)
{
	lines_said++;
	console_show_log();
}

/* --- the UART ---------------------------------------------------------------------- */

enum { WIRE_SIZE = 1 << 18, TYPED_SIZE = 1 << 16 };

static struct {
	unsigned fifo;	    /* bytes in the transmitter */
	unsigned patience;  /* it gets done by itself after being asked so often; 0: never */
	unsigned polls;	    /* left until then */
	unsigned long asks; /* how often it was asked at all */
	bool on_input, on_output;
	size_t sent; /* bytes on the wire */
	char wire[WIRE_SIZE];
	size_t typed, taken;
	uint8_t keys[TYPED_SIZE];
} uart;

static struct console_device device;
static uint8_t *page; /* with the data register */

static void transmit(uint8_t byte)
{
	assert_true(uart.fifo < device.burst);
	assert_true(uart.sent < WIRE_SIZE);
	uart.fifo++;
	uart.polls = uart.patience;
	uart.wire[uart.sent++] = (char)byte;
}

static bool uart_ready(void)
{
	uart.asks++;
	if (uart.fifo && uart.polls && --uart.polls == 0)
		uart.fifo = 0;
	return uart.fifo == 0;
}

static int uart_get(void)
{
	return uart.taken == uart.typed ? -1 : uart.keys[uart.taken++];
}

static void uart_interrupts(bool on_input, bool on_output)
{
	uart.on_input = on_input;
	uart.on_output = on_output;
}

/* The transmitter is done; true when that, or what was typed, raises the interrupt. */
static bool uart_works(void)
{
	uart.fifo = 0;
	return uart.on_output || (uart.on_input && uart.taken != uart.typed);
}

static void type(const char *text)
{
	while (*text)
		uart.keys[uart.typed++] = (uint8_t)*text++;
}

enum { EFLAGS_TRAP = 0x100 };

static void on_store(int signal, siginfo_t *info, void *context)
{
	ucontext_t *registers = context;

	if (signal == SIGSEGV) {
		if (info->si_addr != page)
			abort();
		mprotect(page, PAGE_SIZE, PROT_READ | PROT_WRITE);
		registers->uc_mcontext.gregs[REG_EFL] |= EFLAGS_TRAP;
	} else {
		registers->uc_mcontext.gregs[REG_EFL] &= ~EFLAGS_TRAP;
		transmit(*page);
		mprotect(page, PAGE_SIZE, PROT_READ);
	}
}

/* For each test anew: cmocka puts its own handlers there before. */
static void watch_stores(void)
{
	struct sigaction action = {.sa_sigaction = on_store, .sa_flags = SA_SIGINFO | SA_NODEFER};

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGTRAP, &action, NULL);
}

/* --- the guest --------------------------------------------------------------------- */

static struct console_port port, other;
static unsigned changed;       /* calls of the port's `changed` */
static bool lock_held_changed; /* one of them with the console's lock held */

static void port_changed(struct console_port *which)
{
	assert_ptr_equal(which, &port);
	lock_held_changed |= atomic_load(&console_road.lock.held);
	changed++;
}

/* With a data register or with put() alone. */
static void start(unsigned burst, bool direct)
{
	watch_stores();
	memset(&console, 0, sizeof(console));
	memset(&console_road, 0, sizeof(console_road));
	memset(&uart, 0, offsetof(typeof(uart), wire));
	uart.typed = uart.taken = 0;
	memset(&port, 0, sizeof(port));
	memset(&other, 0, sizeof(other));
	port.changed = other.changed = port_changed;
	changed = lines_said = lines_taken = 0;
	lock_held_changed = false;
	device = (struct console_device){.data = direct ? page : NULL,
					 .burst = burst,
					 .ready = uart_ready,
					 .put = transmit,
					 .get = uart_get,
					 .interrupts = uart_interrupts};
	console_set_device(&device);
	console_attach(&port);
}

static void write_text(const char *text)
{
	for (; *text; text++)
		assert_true(console_write(&port, (uint8_t)*text));
}

/* Let the UART work, and serve its interrupt, until nothing happens any more. */
static void settle(void)
{
	for (unsigned i = 0; uart_works(); i++) {
		assert_true(i < 100000);
		console_interrupt();
	}
}

static void assert_wire(const char *text)
{
	if (uart.sent != strlen(text) || memcmp(uart.wire, text, uart.sent))
		fail_msg("\"%.*s\" instead of \"%s\"", (int)uart.sent, uart.wire, text);
}

static int set_up(void **state)
{
	(void)state;
	page = mmap(NULL, PAGE_SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return page == MAP_FAILED;
}

static int tear_down(void **state)
{
	(void)state;
	return munmap(page, PAGE_SIZE);
}

/* --- output ------------------------------------------------------------------------ */

static void test_plain(void **state)
{
	(void)state;
	for (unsigned burst = 1; burst <= 16; burst += 5) {
		for (unsigned direct = 0; direct < 2; direct++) {
			start(burst, direct);
			write_text("one\r\ntwo");
			settle();
			assert_wire("one\r\ntwo");
			assert_false(uart.on_output);
			assert_int_equal(changed, 0);
		}
	}
}

/* Bytes wait in the ring while the UART is busy, and come out in order. */
static void test_busy(void **state)
{
	(void)state;
	for (unsigned direct = 0; direct < 2; direct++) {
		start(2, direct);
		write_text("abcdef");
		assert_wire("ab");
		assert_true(uart.on_output);
		assert_true(uart_works());
		console_interrupt();
		assert_wire("abcd");
		settle();
		assert_wire("abcdef");
		assert_false(uart.on_output);
	}
}

/* The ring takes 1024 bytes. Then the guest is refused, and called back once there is room. */
static void test_full(void **state)
{
	(void)state;
	for (unsigned direct = 0; direct < 2; direct++) {
		unsigned taken = 0;

		start(16, direct);
		while (console_write(&port, (uint8_t)('a' + taken % 26)))
			assert_true(++taken <= 16 + OUTPUT_SIZE);
		assert_int_equal(taken, 16 + OUTPUT_SIZE);
		assert_false(console_writable(&port));
		assert_true(uart.on_output);
		assert_int_equal(changed, 0);
		settle();
		assert_int_equal(changed, 1);
		assert_true(console_writable(&port));
		assert_true(console_write(&port, '!'));
		settle();
		assert_int_equal(uart.sent, taken + 1);
		for (unsigned i = 0; i < taken; i++)
			assert_int_equal(uart.wire[i], 'a' + i % 26);
		assert_int_equal(uart.wire[taken], '!');
		assert_int_equal(changed, 1);
		assert_false(lock_held_changed);
	}
}

/* Fill the ring, until the guest is refused. */
static void fill(void)
{
	for (unsigned i = 0; i < device.burst + OUTPUT_SIZE; i++)
		assert_true(console_writable(&port) && console_write(&port, 'x'));
	assert_false(console_writable(&port));
}

/* Asking alone is enough to be called back, when half of the ring is free. */
static void test_asked(void **state)
{
	(void)state;
	start(1, true);
	fill();
	while (uart_works()) {
		console_interrupt();
		assert_int_equal(changed, console.head - console.tail <= OUTPUT_SIZE / 2);
	}
	assert_int_equal(changed, 1);
	assert_true(console_writable(&port));
	assert_int_equal(uart.sent, 1 + OUTPUT_SIZE);
}

/* Whoever else empties the ring doesn't take the call away from the guest that waits for it. */
static void test_asked_and_flushed(void **state)
{
	(void)state;
	start(1, true);
	fill();
	uart.patience = uart.polls = 1;
	console_flush();
	assert_int_equal(uart.sent, 1 + OUTPUT_SIZE);
	assert_int_equal(changed, 0);
	settle();
	assert_int_equal(changed, 1);
	assert_false(uart.on_output);
}

/* console_write_bytes() says how many it took: all, some, none. */
static void test_bytes(void **state)
{
	static uint8_t text[4 * OUTPUT_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = 'a' + i % 23;
	for (unsigned direct = 0; direct < 2; direct++) {
		for (unsigned burst = 1; burst <= 64; burst *= 4) {
			size_t taken;

			start(burst, direct);
			assert_int_equal(console_write_bytes(&port, text, 0), 0);
			taken = console_write_bytes(&port, text, sizeof(text));
			assert_int_equal(taken, burst + OUTPUT_SIZE);
			assert_int_equal(console_write_bytes(&port, text + taken, 10), 0);
			for (unsigned i = 0; taken < sizeof(text); i++) {
				assert_true(i < 100000 && uart_works());
				console_interrupt();
				taken += console_write_bytes(&port, text + taken,
							     sizeof(text) - taken);
			}
			settle();
			assert_int_equal(uart.sent, sizeof(text));
			assert_memory_equal(uart.wire, text, sizeof(text));
			assert_in_range(changed, 1, sizeof(text));
		}
	}
}

/* The calls that block get rid of every byte as long as the UART moves at all. */
static void test_blocking(void **state)
{
	(void)state;
	for (unsigned direct = 0; direct < 2; direct++) {
		start(3, direct);
		uart.patience = 7;
		for (unsigned i = 0; i < 4000; i++)
			console_write_blocking(&port, (uint8_t)('a' + i % 25));
		settle();
		assert_int_equal(uart.sent, 4000);
		for (unsigned i = 0; i < 4000; i++)
			assert_int_equal(uart.wire[i], 'a' + i % 25);
	}
}

static jmp_buf enough;

/* Takes nothing; leaves the test when it is asked more often than everything together may. */
static bool stuck_ready(void)
{
	if (++uart.asks > 2ul * PATIENCE)
		longjmp(enough, 1);
	return false;
}

static void get_stuck(void)
{
	device.ready = stuck_ready;
	uart.asks = 0;
}

/*
 * A stuck UART loses bytes in the end, says so, and hangs nobody: it is waited for once,
 * not once for every byte. When it takes bytes again, so do the calls.
 */
static void test_stuck(void **state)
{
	(void)state;
	start(1, true);
	fill();
	get_stuck();
	if (setjmp(enough))
		fail_msg("a stuck UART is waited for again and again");
	assert_false(console_write_blocking(&port, 'y'));
	assert_in_range(uart.asks, PATIENCE / 2, PATIENCE + 10);
	for (unsigned i = 0; i < 100; i++)
		assert_false(console_write_blocking(&port, 'y'));
	console_flush();
	assert_int_equal(uart.sent, 1);

	device.ready = uart_ready;
	settle();
	assert_int_equal(uart.sent, 1 + OUTPUT_SIZE);
	fill();
	uart.patience = uart.polls = 100;
	assert_true(console_write_blocking(&port, 'z'));
	settle();
	assert_int_equal(uart.wire[uart.sent - 1], 'z');
}

/* Nor do lines and the last words wait for each of their bytes. */
static void test_stuck_log(void **state)
{
	(void)state;
	start(1, false);
	console_detach();
	for (unsigned i = 0; i < 200; i++)
		say_line();
	get_stuck();
	if (setjmp(enough))
		fail_msg("a stuck UART is waited for again and again");
	for (unsigned i = 0; i < 200; i++)
		say_line();
	console_emergency("panic!\n");
	assert_int_equal(lines_taken, lines_said);
}

static void test_flush(void **state)
{
	(void)state;
	start(4, false);
	write_text("what waits must be out before the power is off");
	uart.patience = uart.polls = 3;
	console_flush();
	assert_wire("what waits must be out before the power is off");
}

/* Without a device, or from a port that isn't attached, output goes nowhere at once. */
static void test_nowhere(void **state)
{
	static const uint8_t text[3 * OUTPUT_SIZE];

	(void)state;
	start(16, true);
	for (unsigned i = 0; i < 2 * OUTPUT_SIZE; i++)
		assert_true(console_write(&other, 'x'));
	assert_int_equal(console_write_bytes(&other, text, sizeof(text)), sizeof(text));
	console_write_blocking(&other, 'x');
	assert_true(console_writable(&other));
	settle();
	assert_wire("");
	/* Nor does it disturb the one that is attached, when the ring is full. */
	while (console_write(&port, 'a'))
		;
	assert_true(console_writable(&other));
	assert_true(console_write(&other, 'x'));
	settle();
	for (unsigned i = 0; i < uart.sent; i++)
		assert_int_equal(uart.wire[i], 'a');

	memset(&console, 0, sizeof(console));
	memset(&console_road, 0, sizeof(console_road));
	uart.sent = 0;
	console_attach(&port);
	assert_true(console_write(&port, 'x'));
	assert_int_equal(console_write_bytes(&port, text, sizeof(text)), sizeof(text));
	console_write_blocking(&port, 'x');
	assert_true(console_writable(&port));
	assert_int_equal(console_read(&port), -1);
	say_line();
	console_interrupt();
	console_flush();
	console_emergency("nobody hears");
	console_detach();
	assert_int_equal(uart.sent, 0);
	assert_int_equal(lines_taken, 0);
}

/* --- the hypervisor's lines --------------------------------------------------------- */

static void test_lines(void **state)
{
	(void)state;
	for (unsigned direct = 0; direct < 2; direct++) {
		start(16, direct);
		uart.patience = 2;
		say_line();
		assert_wire("<0>\r\n");
		write_text("login: ");
		say_line();
		say_line();
		assert_int_equal(lines_taken, 1);
		write_text("root");
		settle();
		assert_wire("<0>\r\nlogin: root");
		write_text("\r");
		settle();
		assert_wire("<0>\r\nlogin: root\r");
		write_text("\nnext");
		settle();
		assert_wire("<0>\r\nlogin: root\r\n<1>\r\n<2>\r\nnext");
		console_detach();
		settle();
		assert_wire("<0>\r\nlogin: root\r\n<1>\r\n<2>\r\nnext\r\n");
	}
}

/* What waits is shown when the guest is gone, on a line of its own; from then on at once. */
static void test_detach(void **state)
{
	(void)state;
	start(16, true);
	uart.patience = 2;
	write_text("half a line");
	say_line();
	console_detach();
	settle();
	assert_wire("half a line\r\n<0>\r\n");
	say_line();
	settle();
	assert_wire("half a line\r\n<0>\r\n<1>\r\n");
	/* It has no terminal any more. */
	assert_true(console_write(&port, 'x'));
	type("y");
	console_interrupt();
	settle();
	assert_int_equal(console_read(&port), -1);
	assert_wire("half a line\r\n<0>\r\n<1>\r\n");

	/* Whoever is attached next finds what was typed meanwhile. */
	console_attach(&port);
	settle();
	assert_int_equal(console_read(&port), 'y');
}

/* Lines in the middle of a burst, by the call that takes many bytes. */
static void test_lines_in_bytes(void **state)
{
	(void)state;
	for (unsigned direct = 0; direct < 2; direct++) {
		start(16, direct);
		uart.patience = 2;
		assert_int_equal(console_write_bytes(&port, (const uint8_t *)"ab", 2), 2);
		say_line();
		assert_int_equal(console_write_bytes(&port, (const uint8_t *)"cd\nef\ngh", 8), 8);
		settle();
		assert_wire("abcd\n<0>\r\nef\ngh");
	}
}

/* A line that is said before there is a device waits for it. */
static void test_early_line(void **state)
{
	(void)state;
	start(16, false);
	memset(&console, 0, sizeof(console));
	say_line();
	assert_int_equal(lines_taken, 0);
	uart.patience = 1;
	console_set_device(&device);
	settle();
	assert_wire("<0>\r\n");
}

/* The short road is open only when nothing is in its way. */
static void test_short_road(void **state)
{
	(void)state;
	start(4, true);
	assert_ptr_equal(console_road.port, &port);
	assert_false(console_write_quickly(&other, 'x'));
	assert_false(console_write_quickly(&port, 'x')); /* nobody has asked the device */
	assert_true(console_write(&port, 'a'));
	assert_true(console_write_quickly(&port, 'b'));
	assert_int_equal(console_road.last, 'b');
	assert_wire("ab");

	/* A line waits: it would have to be shown after the newline. */
	say_line();
	assert_null(console_road.port);
	assert_false(console_write_quickly(&port, 'x'));
	assert_true(console_write(&port, 'c'));
	uart.patience = 1;
	assert_true(console_write(&port, '\n'));
	settle();
	assert_wire("abc\n<0>\r\n");
	assert_ptr_equal(console_road.port, &port);

	/* Bytes wait: they go first. */
	uart.patience = 0;
	uart.polls = 0;
	for (unsigned i = 0; i < 9; i++)
		assert_true(console_write(&port, (uint8_t)('0' + i)));
	assert_null(console_road.port);
	assert_false(console_write_quickly(&port, 'x'));
	settle();
	assert_wire("abc\n<0>\r\n012345678");
	assert_ptr_equal(console_road.port, &port);

	console_detach();
	assert_null(console_road.port);
	assert_false(console_write_quickly(&port, 'x'));
	assert_false(console_write_quickly(NULL, 'x'));

	/* A device without a data register never opens it. */
	start(4, false);
	write_text("ab");
	assert_null(console_road.port);
}

/* --- the last words ------------------------------------------------------------------ */

static void test_emergency(void **state)
{
	(void)state;
	for (unsigned direct = 0; direct < 2; direct++) {
		start(2, direct);
		write_text("guest's text");
		say_line();
		lock_take(&console_road.lock); /* whoever holds it may be dead */
		uart.patience = uart.polls = 2;
		console_emergency("panic!\n");
		console_emergency("again\n");
		lock_drop(&console_road.lock);
		assert_wire("guest's text\r\n<0>\r\npanic!\r\nagain\r\n");
	}
}

/* --- input --------------------------------------------------------------------------- */

static void test_input(void **state)
{
	(void)state;
	start(16, true);
	assert_true(uart.on_input);
	assert_false(console_readable(&port));
	assert_int_equal(console_read(&port), -1);
	type("ab\xff");
	assert_true(uart_works());
	console_interrupt();
	assert_int_equal(changed, 1);
	assert_true(console_readable(&port));
	assert_int_equal(console_read(&port), 'a');
	assert_int_equal(console_read(&port), 'b');
	assert_int_equal(console_read(&port), 0xff);
	assert_int_equal(console_read(&port), -1);
	assert_false(console_readable(&port));
	assert_int_equal(changed, 1);
	assert_false(lock_held_changed);
	assert_true(uart.on_input);
	/* An interrupt for nothing calls nobody. */
	console_interrupt();
	assert_int_equal(changed, 1);
}

/* A port that nobody reads: the rest stays in the device, whose interrupt is off until then. */
static void test_input_full(void **state)
{
	enum { TYPED = 3 * CONSOLE_INPUT_SIZE + 17 };

	(void)state;
	start(16, true);
	for (unsigned i = 0; i < TYPED; i++)
		uart.keys[uart.typed++] = (uint8_t)(i * 31);
	assert_true(uart_works());
	console_interrupt();
	assert_int_equal(uart.taken, CONSOLE_INPUT_SIZE);
	assert_false(uart.on_input);
	assert_false(uart_works());
	/* Whatever else wakes it doesn't overrun the port. */
	console_interrupt();
	assert_int_equal(uart.taken, CONSOLE_INPUT_SIZE);
	for (unsigned i = 0; i < TYPED; i++) {
		assert_int_equal(console_read(&port), (uint8_t)(i * 31));
		assert_true(uart.taken == TYPED || uart.on_input);
		settle();
	}
	assert_int_equal(console_read(&port), -1);
	assert_true(uart.on_input);
}

/* With nobody attached the interrupt goes quiet instead of storming. */
static void test_input_nobody(void **state)
{
	(void)state;
	start(16, true);
	console_detach();
	type("lost?");
	for (unsigned i = 0; uart_works(); i++) {
		assert_true(i < 3);
		console_interrupt();
	}
	assert_int_equal(changed, 0);
	console_attach(&port);
	settle();
	for (const char *c = "lost?"; *c; c++)
		assert_int_equal(console_read(&port), *c);
}

/* --- anything ------------------------------------------------------------------------ */

static char written[WIRE_SIZE]; /* what the guest wrote and was told is taken */
static size_t written_length;
static bool refused; /* the guest waits for `changed` */
static unsigned changed_before;

/* The guest's own bytes: newlines are frequent, the hypervisor's marks never occur. */
static uint8_t guest_byte(void)
{
	return unit_random_below(12) ? (uint8_t)('a' + unit_random_below(26)) : '\n';
}

static void note_written(uint8_t byte)
{
	assert_true(written_length < WIRE_SIZE);
	written[written_length++] = (char)byte;
}

static void refuse_guest(void)
{
	refused = true;
	changed_before = changed;
}

static void write_some(void)
{
	uint8_t bytes[200];
	size_t size = 1 + unit_random_below(sizeof(bytes)), taken;

	for (size_t i = 0; i < size; i++)
		bytes[i] = guest_byte();
	switch (unit_random_below(3)) {
	case 0:
		taken = console_write_bytes(&port, bytes, size);
		assert_true(taken <= size);
		for (size_t i = 0; i < taken; i++)
			note_written(bytes[i]);
		if (taken < size)
			refuse_guest();
		break;
	case 1:
		for (size_t i = 0; i < size && !refused; i++) {
			if (console_write(&port, bytes[i]))
				note_written(bytes[i]);
			else
				refuse_guest();
		}
		break;
	default:
		if (!console_writable(&port)) {
			refuse_guest();
		} else {
			assert_true(console_write(&port, bytes[0]));
			note_written(bytes[0]);
		}
	}
}

static size_t read_keys;

static void read_some(void)
{
	for (unsigned i = unit_random_below(60); i; i--) {
		int byte = console_read(&port);

		if (byte < 0)
			break;
		assert_int_equal(byte, uart.keys[read_keys++]);
	}
}

static void type_some(void)
{
	for (unsigned i = unit_random_below(100); i && uart.typed < TYPED_SIZE; i--)
		uart.keys[uart.typed++] = (uint8_t)unit_random();
}

/* The wire is the guest's bytes with whole lines of ours where one of its lines had ended. */
static void check_wire(bool all)
{
	unsigned line = 0;
	size_t guest = 0, at = 0;

	while (at < uart.sent) {
		char text[32];
		size_t length;

		if (uart.wire[at] != '<') {
			assert_true(guest < written_length);
			assert_int_equal(uart.wire[at], written[guest]);
			guest++;
			at++;
			continue;
		}
		assert_true(guest == 0 || written[guest - 1] == '\n');
		length = (size_t)snprintf(text, sizeof(text), "<%u>\r\n", line++);
		if (length > uart.sent - at) {
			assert_false(all);
			break;
		}
		assert_memory_equal(uart.wire + at, text, length);
		at += length;
	}
	if (all) {
		assert_int_equal(guest, written_length);
		assert_int_equal(line, lines_said);
	}
}

static void random_round(void)
{
	uart.patience = 1 + unit_random_below(5);
	read_keys = written_length = 0;
	refused = false;
	for (unsigned step = 0; step < 400; step++) {
		switch (unit_random_below(8)) {
		case 0:
		case 1:
		case 2:
			if (!refused)
				write_some();
			break;
		case 3: read_some(); break;
		case 4: type_some(); break;
		case 5:
			if (unit_random_below(4) == 0)
				say_line();
			break;
		case 6:
			if (!refused && unit_random_below(4) == 0) {
				uint8_t byte = guest_byte();

				console_write_blocking(&port, byte);
				note_written(byte);
			}
			break;
		default:
			if (uart_works())
				console_interrupt();
		}
		if (refused && changed != changed_before && console_writable(&port))
			refused = false;
		assert_int_equal(atomic_load(&console_road.lock.held), 0);
	}
	check_wire(false);
	settle();
	/* Nobody who was refused has been forgotten. */
	assert_true(!refused || changed != changed_before);
	while (console_write(&port, '\n') == false)
		settle();
	note_written('\n');
	settle();
	check_wire(true);
	while (read_keys < uart.typed) {
		size_t before = read_keys;

		read_some();
		settle();
		assert_true(read_keys > before || console_readable(&port));
	}
	assert_int_equal(console_read(&port), -1);
	assert_false(lock_held_changed);
}

static void test_random(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 120; round++) {
		start(1u << unit_random_below(6), round % 8 == 0);
		random_round();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_busy),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_asked),
		cmocka_unit_test(test_asked_and_flushed),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_blocking),
		cmocka_unit_test(test_stuck),
		cmocka_unit_test(test_stuck_log),
		cmocka_unit_test(test_flush),
		cmocka_unit_test(test_nowhere),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_detach),
		cmocka_unit_test(test_lines_in_bytes),
		cmocka_unit_test(test_early_line),
		cmocka_unit_test(test_short_road),
		cmocka_unit_test(test_emergency),
		cmocka_unit_test(test_input),
		cmocka_unit_test(test_input_full),
		cmocka_unit_test(test_input_nobody),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
