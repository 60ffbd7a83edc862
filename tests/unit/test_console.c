/* SPDX-License-Identifier: MIT */
/*
 * The console with one capsule attached: what goes out is what was written, in order,
 * once, with the hypervisor's lines between the guest's; nobody who was told to wait is
 * forgotten; what is typed arrives.
 */
#include "console_fixture.h"

enum { RING = CONSOLE_OUTPUT_SIZE, WAITING = RING - 1 };

static struct console_port *const port = &ports[0];

static void start(unsigned burst, bool direct)
{
	prepare(1, burst, direct);
	console_start();
}

/* --- output ------------------------------------------------------------------------ */

static void test_plain(void **state)
{
	(void)state;
	for (unsigned burst = 1; burst <= 16; burst += 5) {
		for (unsigned direct = 0; direct < 2; direct++) {
			start(burst, direct);
			write_to(port, "one\r\ntwo");
			settle();
			assert_wire("one\r\ntwo");
			assert_false(uart.on_output);
			assert_int_equal(changed[0], 0);
		}
	}
}

/* A device whose readiness is a bit of a register isn't asked in any other way. */
static void test_status(void **state)
{
	uint8_t status = 0x20;

	(void)state;
	start(4, true);
	device.status = &status;
	device.status_ready = 0x20;
	write_to(port, "abcd");
	status = 0x1f;
	write_to(port, "efgh");
	assert_wire("abcd");
	assert_true(uart.on_output);
	status = 0xff;
	settle();
	assert_wire("abcdefgh");
	assert_int_equal(uart.asks, 0);
}

/* Bytes wait in the ring while the UART is busy, and come out in order. */
static void test_busy(void **state)
{
	(void)state;
	for (unsigned direct = 0; direct < 2; direct++) {
		start(2, direct);
		write_to(port, "abcdef");
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

/* Then the guest is refused, and called back once half of the ring is free. */
static void test_full(void **state)
{
	(void)state;
	for (unsigned direct = 0; direct < 2; direct++) {
		unsigned taken = 0;

		start(16, direct);
		while (console_write(port, 'a' + taken % 26))
			assert_true(++taken <= 16 + WAITING);
		assert_int_equal(taken, 16 + WAITING);
		assert_true(uart.on_output);
		assert_int_equal(changed[0], 0);
		while (uart.sent < 16 + WAITING - RING / 2) {
			assert_int_equal(changed[0], 0);
			assert_true(uart_works());
			console_interrupt();
		}
		assert_int_equal(changed[0], 1);
		settle();
		assert_int_equal(changed[0], 1);
		assert_true(console_write(port, '!'));
		settle();
		assert_int_equal(uart.sent, taken + 1);
		for (unsigned i = 0; i < taken; i++)
			assert_int_equal(uart.wire[i], 'a' + i % 26);
		assert_int_equal(uart.wire[taken], '!');
		assert_int_equal(changed[0], 1);
		assert_false(lock_held_at_callback);
	}
}

/* The hart looks at the clock as it is told to, and at nothing else. Returns how often. */
static unsigned pass_unserved(uint64_t ticks)
{
	uint64_t end = fake_arch.time + ticks;
	unsigned count = 0;

	for (; console_deadline() <= end; count++) {
		assert_true(count < 1000);
		if (fake_arch.time < console_deadline())
			fake_arch.time = console_deadline();
		uart.fifo = 0;
		console_tick();
	}
	fake_arch.time = end;
	return count;
}

/* A device whose interrupts reach nobody: what is typed arrives, and what waits is sent. */
static void test_polled(void **state)
{
	uint64_t often;
	unsigned busy;

	(void)state;
	prepare(1, 16, false);
	console_poll_device();
	assert_true(console_deadline() == NEVER);
	console_start();
	often = console.silence / 8;
	type("ab");
	assert_int_equal(console_read(port), -1);
	assert_int_equal(pass_unserved(often), 1);
	assert_int_equal(console_read(port), 'a');
	assert_int_equal(console_read(port), 'b');
	assert_int_equal(changed[0], 1);
	assert_int_equal(pass_unserved(80 * often), 80);
	for (unsigned i = 0; i < 160; i++)
		write_to(port, "x");
	assert_int_equal(uart.sent, 16);
	busy = pass_unserved(2 * often);
	assert_int_equal(uart.sent, 160);
	assert_in_range(busy, 9, 16);
	assert_int_equal(pass_unserved(80 * often), 80);
}

/* console_write_bytes() says how many it took: all, some, none. */
static void test_bytes(void **state)
{
	static uint8_t text[2 * WAITING];

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = 'a' + i % 23;
	for (unsigned direct = 0; direct < 2; direct++) {
		for (unsigned burst = direct ? 64 : 1; burst <= 64; burst *= 4) {
			size_t taken;

			start(burst, direct);
			assert_int_equal(bytes_to(port, text, 0), 0);
			taken = bytes_to(port, text, sizeof(text));
			assert_int_equal(taken, burst + WAITING);
			assert_int_equal(bytes_to(port, text + taken, 10), 0);
			for (unsigned i = 0; taken < sizeof(text); i++) {
				assert_true(i < 100000 && uart_works());
				console_interrupt();
				taken += bytes_to(port, text + taken, sizeof(text) - taken);
			}
			settle();
			assert_int_equal(uart.sent, sizeof(text));
			assert_memory_equal(uart.wire, text, sizeof(text));
			assert_in_range(changed[0], 1, sizeof(text));
		}
	}
}

/* Every alignment of text, ring and end of the ring, by the road that is the quickest. */
static void test_bytes_aligned(void **state)
{
	static _Alignas(16) uint8_t text[128];
	static const uint8_t status = 1;

	(void)state;
	for (unsigned i = 0; i < sizeof(text); i++)
		text[i] = 'A' + i % 57;
	for (unsigned from = 0; from < 9; from++) {
		for (unsigned size = from; size < 90; size += 4) {
			start(16, true);
			device.status = &status;
			device.status_ready = 1;
			console_lock();
			port->head = port->sent = RING - 45;
			console_unlock();
			write_to(port, "0123456789" + from);
			assert_int_equal(bytes_to(port, text + from, size), size);
			write_to(port, "!");
			assert_int_equal(uart.sent, 10 - from + size + 1);
			assert_memory_equal(uart.wire + 10 - from, text + from, size);
			for (unsigned i = 0; i < uart.sent; i++)
				assert_int_equal(rings[0][(RING - 45 + i) % RING],
						 (uint8_t)uart.wire[i]);
		}
	}
}

/* What a call that blocks does, over and over. */
static bool write_blocking(uint8_t byte)
{
	struct console_patience patience = {0};

	while (!console_write(port, byte)) {
		if (!console_is_patient(&patience))
			return false;
		fake_arch.time += SECOND / 100000;
	}
	return true;
}

/* The calls that block get rid of every byte as long as the UART moves at all. */
static void test_blocking(void **state)
{
	(void)state;
	for (unsigned direct = 0; direct < 2; direct++) {
		start(3, direct);
		uart.patience = 7;
		for (unsigned i = 0; i < 20000; i++)
			assert_true(write_blocking('a' + i % 25));
		settle();
		assert_int_equal(uart.sent, 20000);
		for (unsigned i = 0; i < 20000; i++)
			assert_int_equal(uart.wire[i], 'a' + i % 25);
	}
}

/* A stuck UART loses the byte in the end, and hangs nobody. */
static void test_stuck(void **state)
{
	(void)state;
	start(1, true);
	for (unsigned i = 0; i < 1 + WAITING; i++)
		assert_true(console_write(port, 'x'));
	assert_false(write_blocking('y'));
	assert_int_equal(uart.sent, 1);
	console_flush();
	assert_int_equal(uart.sent, 1);
	settle();
	assert_int_equal(uart.sent, 1 + WAITING);
}

/* Nor does it lose one while the user has the menu open, which isn't for ever. */
static void test_blocking_behind_menu(void **state)
{
	struct console_patience patience = {0};
	uint64_t began;

	(void)state;
	start(4, true);
	uart.patience = 1;
	type("\x1d");
	console_interrupt();
	for (unsigned i = 0; i < WAITING; i++)
		assert_true(console_write(port, 'x'));
	began = fake_arch.time;
	while (!console_write(port, 'y')) {
		assert_true(console_is_patient(&patience));
		fake_arch.time += SECOND / 100;
		if (fake_arch.time >= console_deadline())
			console_tick();
	}
	assert_in_range(fake_arch.time - began, 4 * SECOND, 6 * SECOND);
	assert_int_equal(console.menu, MENU_CLOSED);
}

static void test_flush(void **state)
{
	(void)state;
	start(4, false);
	write_to(port, "what waits must be out before the power is off");
	say_line();
	uart.patience = uart.polls = 3;
	console_flush();
	assert_wire("what waits must be out before the power is off\r\n<0>\r\n");
}

/* Without a device output goes into the history only, at once. */
static void test_nowhere(void **state)
{
	static const uint8_t text[3 * WAITING];

	(void)state;
	start(16, true);
	console_set_device(NULL);
	assert_true(console_write(port, 'x'));
	assert_int_equal(bytes_to(port, text, sizeof(text)), sizeof(text));
	assert_true(write_blocking('x'));
	assert_int_equal(console_read(port), -1);
	say_line();
	console_interrupt();
	console_tick();
	console_flush();
	console_emergency("nobody hears");
	console_end(port, true);
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
		write_to(port, "login: ");
		say_line();
		say_line();
		assert_int_equal(lines_taken, 1);
		write_to(port, "root");
		settle();
		assert_wire("<0>\r\nlogin: root");
		write_to(port, "\r");
		settle();
		assert_wire("<0>\r\nlogin: root\r");
		write_to(port, "\nnext");
		settle();
		assert_wire("<0>\r\nlogin: root\r\n<1>\r\n<2>\r\nnext");
	}
}

/* A line doesn't overtake what the guest wrote before it, even if that waits. */
static void test_line_after_bytes(void **state)
{
	(void)state;
	start(2, true);
	write_to(port, "a\nb\nc\n");
	say_line();
	write_to(port, "d\n");
	assert_wire("a\n");
	settle();
	assert_wire("a\nb\nc\n<0>\r\nd\n");
}

/* The last words come before the line that says that the guest is gone, on lines of their own. */
static void test_end(void **state)
{
	(void)state;
	for (unsigned for_good = 0; for_good < 2; for_good++) {
		start(2, true);
		write_to(port, "one\nhalf a line");
		console_end(port, for_good);
		say_line();
		say_line();
		assert_wire("on");
		settle();
		assert_wire("one\nhalf a line\r\n<0>\r\n<1>\r\n");
		/* Keys are lost, until the next life begins. */
		type("x");
		settle();
		assert_false(console_readable(port));
		console_begin(port);
		type("y");
		settle();
		assert_int_equal(console_read(port), 'y');
		write_to(port, "two\n");
		settle();
		assert_wire("one\nhalf a line\r\n<0>\r\n<1>\r\ntwo\n");
	}
}

/* What was typed for one life isn't read by the next. */
static void test_begin(void **state)
{
	(void)state;
	start(16, true);
	type("secret");
	settle();
	console_end(port, false);
	console_begin(port);
	assert_int_equal(console_read(port), -1);
}

/* Lines in the middle of a burst, by the call that takes many bytes. */
static void test_lines_in_bytes(void **state)
{
	(void)state;
	for (unsigned direct = 0; direct < 2; direct++) {
		start(16, direct);
		uart.patience = 2;
		assert_int_equal(bytes_to(port, "ab", 2), 2);
		say_line();
		assert_int_equal(bytes_to(port, "cd\nef\ngh", 8), 8);
		settle();
		assert_wire("abcd\n<0>\r\nef\ngh");
	}
}

/* A line that is said before there is a device waits for it. */
static void test_early_line(void **state)
{
	(void)state;
	prepare(0, 16, false);
	console_set_device(NULL);
	say_line();
	assert_int_equal(lines_taken, 0);
	uart.patience = 1;
	console_set_device(&device);
	settle();
	assert_wire("<0>\r\n");
}

/* The quick road is open only when nothing is in its way. */
static void test_quick_road(void **state)
{
	(void)state;
	start(4, true);
	assert_false(console_write_quickly(port, 'x')); /* nobody has asked the device */
	assert_true(console_write(port, 'a'));
	assert_true(console_write_quickly(port, 'b'));
	assert_wire("ab");

	/* A line waits: it would have to be shown after the newline. */
	say_line();
	assert_false(console_write_quickly(port, 'x'));
	assert_true(console_write(port, 'c'));
	uart.patience = 1;
	assert_true(console_write(port, '\n'));
	settle();
	assert_wire("abc\n<0>\r\n");

	/* Bytes wait: they go first. */
	uart.patience = uart.polls = 0;
	for (unsigned i = 0; i < 9; i++)
		assert_true(console_write(port, '0' + i));
	assert_false(console_write_quickly(port, 'x'));
	settle();
	assert_wire("abc\n<0>\r\n012345678");
	assert_true(console_write_quickly(port, '9'));
	settle();
	assert_wire("abc\n<0>\r\n0123456789");

	/* A device without a data register never opens it. */
	start(4, false);
	write_to(port, "ab");
	assert_false(console_write_quickly(port, 'x'));
}

/* --- the last words ------------------------------------------------------------------ */

static void test_emergency(void **state)
{
	(void)state;
	for (unsigned direct = 0; direct < 2; direct++) {
		start(2, direct);
		write_to(port, "guest's text");
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
	assert_false(console_readable(port));
	assert_int_equal(console_read(port), -1);
	type("ab\xff");
	assert_true(uart_works());
	console_interrupt();
	assert_int_equal(changed[0], 1);
	assert_true(console_readable(port));
	assert_int_equal(console_read(port), 'a');
	assert_int_equal(console_read(port), 'b');
	assert_int_equal(console_read(port), 0xff);
	assert_int_equal(console_read(port), -1);
	assert_false(console_readable(port));
	assert_int_equal(changed[0], 1);
	assert_false(lock_held_at_callback);
	assert_true(uart.on_input);
	/* An interrupt for nothing calls nobody. */
	console_interrupt();
	assert_int_equal(changed[0], 1);
}

static void type_many(unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		uart.keys[uart.typed++] = (uint8_t)(i * 30 | 0x40);
}

/* A port that nobody reads: the rest stays in the device, whose interrupt is off until then. */
static void test_input_full(void **state)
{
	enum { TYPED = 3 * CONSOLE_INPUT_SIZE + 17 };

	(void)state;
	start(16, true);
	type_many(TYPED);
	assert_true(uart_works());
	console_interrupt();
	assert_int_equal(uart.taken, CONSOLE_INPUT_SIZE + 1);
	assert_false(uart.on_input);
	assert_false(uart_works());
	/* Whatever else wakes it doesn't overrun the port. */
	console_interrupt();
	assert_int_equal(uart.taken, CONSOLE_INPUT_SIZE + 1);
	for (unsigned i = 0; i < TYPED; i++) {
		assert_int_equal(console_read(port), (uint8_t)(i * 30 | 0x40));
		assert_true(uart.taken == TYPED || uart.on_input);
		settle();
	}
	assert_int_equal(console_read(port), -1);
	assert_true(uart.on_input);
}

/* If nobody reads for a second, what was typed in vain gives way to the menu's key. */
static void test_input_given_up(void **state)
{
	(void)state;
	start(16, true);
	uart.patience = 1;
	type_many(2 * CONSOLE_INPUT_SIZE);
	type("\x1d");
	settle();
	assert_int_equal(console.menu, MENU_CLOSED);
	pass(SECOND / 2);
	assert_int_equal(console.menu, MENU_CLOSED);
	pass(SECOND);
	assert_int_equal(console.menu, MENU_OPEN);
	assert_true(uart.on_input);
	assert_int_equal(uart.taken, uart.typed);
	for (unsigned i = 0; i < CONSOLE_INPUT_SIZE; i++)
		assert_int_equal(console_read(port), (uint8_t)(i * 30 | 0x40));
	assert_int_equal(console_read(port), -1);
}

/* --- everything at once ---------------------------------------------------------------- */

enum { MODEL_SIZE = 1 << 18 };

static struct {
	size_t written;
	char bytes[MODEL_SIZE]; /* what the guest wrote */
	unsigned input_typed, input_read;
	bool waits;
	unsigned changed_at_wait;
} model;

/* A byte that isn't a letter of the hypervisor's lines. */
static uint8_t random_byte(void)
{
	uint64_t n = unit_random_below(40);

	return n < 2 ? '\n' : n < 4 ? '\r' : 'a' + n % 26;
}

static void random_write(void)
{
	uint8_t bytes[300];
	size_t size = unit_random_below(sizeof(bytes));
	size_t taken = 0;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = random_byte();
	if (unit_random_below(2))
		taken = bytes_to(port, bytes, size);
	else
		while (taken < size && console_write(port, bytes[taken] | 0xff00))
			taken++;
	memcpy(model.bytes + model.written, bytes, taken);
	model.written += taken;
	if (taken < size) {
		model.waits = true;
		model.changed_at_wait = changed[0];
	}
}

static void random_step(void)
{
	switch (unit_random_below(8)) {
	case 0:
	case 1: random_write(); break;
	case 2: say_line(); break;
	case 3:
		uart.keys[uart.typed++ % TYPED_SIZE] = (uint8_t)('0' + model.input_typed++ % 10);
		break;
	case 4: {
		int byte = console_read(port);

		if (byte >= 0)
			assert_int_equal(byte, '0' + model.input_read++ % 10);
		break;
	}
	case 5: console_interrupt(); break; /* for nothing */
	case 6: pass(unit_random_below(SECOND / 4)); break;
	default:
		for (unsigned i = unit_random_below(60); i; i--)
			if (uart_works())
				console_interrupt();
	}
}

/* The wire holds the guest's bytes in order, and between its lines the hypervisor's, in order. */
static void check_wire(void)
{
	unsigned line = 0;
	size_t at = 0;

	for (size_t i = 0; i < uart.sent;) {
		char expected[16];
		size_t length;

		if (uart.wire[i] != '<') {
			assert_true(at < model.written);
			assert_int_equal(uart.wire[i++], model.bytes[at++]);
			continue;
		}
		length = snprintf(expected, sizeof(expected), "<%u>\r\n", line++);
		assert_true(i == 0 || uart.wire[i - 1] == '\n');
		assert_true(i + length <= uart.sent);
		assert_memory_equal(uart.wire + i, expected, length);
		i += length;
	}
	assert_int_equal(at, model.written);
	assert_int_equal(line, lines_said);
}

static void test_random(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 40; round++) {
		memset(&model, 0, offsetof(typeof(model), bytes));
		model.written = model.input_typed = model.input_read = 0;
		model.waits = false;
		start(1 + unit_random_below(20), round % 10 == 0);
		for (unsigned i = 0;
		     i < 2000 && model.written < MODEL_SIZE - 400 && uart.typed < TYPED_SIZE - 1;
		     i++)
			random_step();
		settle();
		if (model.waits)
			assert_true(changed[0] > model.changed_at_wait);
		while (!console_write(port, '\n'))
			settle();
		model.bytes[model.written++] = '\n';
		settle();
		while (model.input_read < model.input_typed) {
			int byte = console_read(port);

			/* What nobody read for a second is gone. */
			if (byte < 0)
				break;
			model.input_read++;
			settle();
		}
		check_wire();
		assert_false(lock_held_at_callback);
		assert_false(uart.on_output);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_plain),
		TEST(test_status),
		TEST(test_busy),
		TEST(test_full),
		TEST(test_polled),
		TEST(test_bytes),
		TEST(test_bytes_aligned),
		TEST(test_blocking),
		TEST(test_stuck),
		TEST(test_blocking_behind_menu),
		TEST(test_flush),
		TEST(test_nowhere),
		TEST(test_lines),
		TEST(test_line_after_bytes),
		TEST(test_end),
		TEST(test_begin),
		TEST(test_lines_in_bytes),
		TEST(test_early_line),
		TEST(test_quick_road),
		TEST(test_emergency),
		TEST(test_input),
		TEST(test_input_full),
		TEST(test_input_given_up),
		TEST(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
