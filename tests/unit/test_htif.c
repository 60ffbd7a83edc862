/* SPDX-License-Identifier: MIT */
/*
 * src/drivers/htif.c against hosts that the test plays: QEMU, which acts upon each store at once
 * and answers to all, and Spike, which looks at the words now and then.
 */
#include "unit.h"

#define DRIVERS_MMIO_H /* what follows stands for drivers/mmio.h */
#include "core/types.h"

static uint64_t read_word(uintptr_t at);
static void write_word(uintptr_t at, uint64_t value);

#define mmio_read64(at)		read_word(at)
#define mmio_write64(at, value) write_word(at, value)
#include "drivers/htif.c"

enum { BASE = 0x1000000 };

/* The other side. */
static struct {
	bool is_spike;
	uint64_t words[2]; /* fromhost, tohost */
	uint64_t wanted;   /* QEMU: the last that asked for a byte */
	unsigned owed;	   /* Spike: bytes that were asked for */
	unsigned accesses;
	const char *input;
	char sent[32];
	unsigned sent_count;
	int exit_status;
	bool dead;
} host;

static void answer(uint64_t command, uint8_t byte)
{
	host.words[0] = (command & ~(uint64_t)0xffffffffffff) | 0x100 | byte;
}

/* A key is pressed: QEMU has no room but for one. */
static void type(uint8_t byte)
{
	answer(host.wanted, byte);
}

static void act(uint64_t command)
{
	host.words[1] = 0;
	if (command == GET) {
		host.wanted = command;
		host.owed++;
	} else if (command >> 48 == PUT >> 48) {
		assert_in_range(command & ~PUT, 0, 255);
		host.sent[host.sent_count++] = (char)command;
		if (!host.is_spike)
			answer(command, (uint8_t)command);
	} else {
		assert_true(command & 1);
		host.exit_status = (int)(command >> 1);
	}
}

/* Spike looks after some instructions, here after some accesses. */
static void look(void)
{
	if (!host.is_spike || host.dead || ++host.accesses % 7)
		return;
	if (host.words[1])
		act(host.words[1]);
	if (host.owed && *host.input && !host.words[0]) {
		host.owed--;
		answer(GET, (uint8_t)*host.input++);
	}
}

static uint64_t read_word(uintptr_t at)
{
	look();
	assert_true(at == BASE || at == BASE + 8);
	return host.words[(at - BASE) / 8];
}

static void write_word(uintptr_t at, uint64_t value)
{
	look();
	assert_true(at == BASE || at == BASE + 8);
	if (at == BASE) {
		assert_int_equal(value, 0); /* an answer is taken */
		host.words[0] = 0;
		return;
	}
	assert_int_not_equal(value, 0);
	if (!host.dead)
		assert_int_equal(host.words[1], 0); /* nothing that it hasn't seen is overwritten */
	host.words[1] = value;
	if (!host.is_spike)
		act(value);
}

static const struct console_device *start(bool is_spike)
{
	memset(&host, 0, sizeof(host));
	host.is_spike = is_spike;
	host.input = "";
	host.exit_status = -1;
	asked = false;
	typed_in = typed_out = 0;
	htif_start((hpa_t){BASE});
	return htif_console();
}

static void send_text(const struct console_device *device, const char *text)
{
	for (; *text; text++) {
		while (!device->ready())
			;
		device->put((uint8_t)*text);
	}
}

static void test_none(void **state)
{
	(void)state;
	assert_false(htif_power_off(0));
}

static void test_own_words(void **state)
{
	(void)state;
	htif_start((hpa_t){0});
	assert_int_equal(from, (uintptr_t)&fromhost);
	assert_int_equal(to, (uintptr_t)&tohost);
	assert_int_equal(sizeof(tohost), 8); /* QEMU refuses others */
}

static void test_qemu(void **state)
{
	const struct console_device *device = start(false);

	(void)state;
	assert_int_equal(device->get(), -1);
	send_text(device, "hello");
	assert_string_equal(host.sent, "hello");
	assert_int_equal(device->get(), -1); /* its own answers are no input */
	type('a');
	assert_int_equal(device->get(), 'a');
	/* A byte that comes between two that are sent is kept, more of them in their order. */
	type('b');
	send_text(device, "x");
	type('c');
	send_text(device, "y");
	assert_int_equal(device->get(), 'b');
	type(0xff);
	assert_int_equal(device->get(), 'c');
	assert_int_equal(device->get(), 0xff);
	assert_int_equal(device->get(), -1);
	type(0);
	assert_int_equal(device->get(), 0);
	assert_string_equal(host.sent, "helloxy");
}

/* As many as there is room for, then those that come are lost, and nothing else. */
static void test_flood(void **state)
{
	const struct console_device *device = start(false);

	(void)state;
	assert_int_equal(device->get(), -1);
	for (int i = 0; i < 30; i++) {
		type((uint8_t)i);
		device->ready();
	}
	for (int i = 0; i < TYPED_MAX; i++)
		assert_int_equal(device->get(), i);
	assert_int_equal(device->get(), -1);
	type('z');
	assert_int_equal(device->get(), 'z');
}

static void test_spike(void **state)
{
	const struct console_device *device = start(true);
	char got[8] = "";
	unsigned count = 0;

	(void)state;
	host.input = "typed";
	for (unsigned i = 0; i < 100 && count < 5; i++) {
		int byte = device->get();

		if (byte >= 0)
			got[count++] = (char)byte;
		if (i < 20) /* without asking whether there is room */
			device->put((uint8_t)('a' + i));
	}
	assert_string_equal(got, "typed");
	for (unsigned i = 0; i < 20; i++)
		device->get();
	assert_string_equal(host.sent, "abcdefghijklmnopqrst");
}

static void test_power_off(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		const struct console_device *device = start(i & 1);

		send_text(device, "bye");
		assert_true(htif_power_off(i / 2));
		for (unsigned n = 0; n < 7; n++)
			look();
		assert_string_equal(host.sent, "bye");
		assert_int_equal(host.exit_status, i / 2);
	}
}

/* A host that has stopped looking: not ready, and nothing waits for ever. */
static void test_dead(void **state)
{
	const struct console_device *device = start(true);

	(void)state;
	host.dead = true;
	device->put('x');
	assert_false(device->ready());
	device->put('y');
	assert_int_equal(device->get(), -1);
	assert_true(htif_power_off(0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_none),  cmocka_unit_test(test_own_words),
		cmocka_unit_test(test_qemu),  cmocka_unit_test(test_flood),
		cmocka_unit_test(test_spike), cmocka_unit_test(test_power_off),
		cmocka_unit_test(test_dead),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
