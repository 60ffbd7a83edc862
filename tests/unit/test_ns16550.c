/* SPDX-License-Identifier: MIT */
/*
 * src/drivers/ns16550.c on registers that the test plays: UARTs with and without a
 * FIFO, eight bits wide and 32, DesignWare's with its own interrupts, and XScale's, which is off at
 * first.
 */
#include "unit.h"

#define DRIVERS_MMIO_H /* what follows stands for drivers/mmio.h */
#include "core/types.h"

static uint32_t access_register(uintptr_t at, unsigned width, bool is_write, uint32_t value);

#define mmio_read8(at)		((uint8_t)access_register(at, 1, false, 0))
#define mmio_read32(at)		access_register(at, 4, false, 0)
#define mmio_write8(at, value)	((void)access_register(at, 1, true, value))
#define mmio_write32(at, value) ((void)access_register(at, 4, true, value))
#include "drivers/ns16550.c"

enum { BASE = 0x10000000 };

/* The chip. */
static struct {
	unsigned shift, width;
	uint8_t fifo_bits;	    /* of IIR, once FIFOs are enabled */
	unsigned busy;		    /* writes to LCR that are still ignored */
	bool busy_pending, timeout; /* interrupts */
	uint8_t fifo_control, format, modem, enabled;
	const char *input;
	char sent[32];
	unsigned sent_count, usr_reads, taken;
} chip;

static uint32_t read_chip(unsigned number)
{
	switch (number) {
	case RBR_THR:
		chip.taken++;
		chip.timeout = false;
		return *chip.input ? (uint8_t)*chip.input++ : 0;
	case IIR_FCR:
		return (chip.fifo_control & 1 ? chip.fifo_bits : 0) |
		       (chip.busy_pending ? IIR_DW_BUSY
			: chip.timeout	  ? IIR_TIMEOUT
					  : 1);
	case LCR: return chip.format;
	case LSR: return LSR_OUTPUT_EMPTY | (*chip.input ? LSR_INPUT : 0);
	case DW_USR:
		chip.usr_reads++;
		chip.busy_pending = false;
		return 0;
	default: fail_msg("register %u is read", number); return 0;
	}
}

static void write_chip(unsigned number, uint32_t value)
{
	switch (number) {
	case RBR_THR: chip.sent[chip.sent_count++] = (char)value; break;
	case IER: chip.enabled = value; break;
	case IIR_FCR: chip.fifo_control = value; break;
	case LCR:
		if (chip.busy) {
			chip.busy--;
			chip.busy_pending = true;
		} else {
			chip.format = value;
		}
		break;
	case MCR: chip.modem = value; break;
	default: fail_msg("register %u is written", number);
	}
}

static uint32_t access_register(uintptr_t at, unsigned width, bool is_write, uint32_t value)
{
	assert_int_equal(width, chip.width);
	assert_int_equal((at - BASE) % ((uintptr_t)1 << chip.shift), 0);
	if (!is_write)
		return read_chip((unsigned)((at - BASE) >> chip.shift));
	write_chip((unsigned)((at - BASE) >> chip.shift), value);
	return 0;
}

static const struct console_device *start(enum machine_uart_kind kind, unsigned shift,
					  unsigned width)
{
	const struct machine_uart uart = {
		.base = {BASE}, .kind = kind, .reg_shift = shift, .io_width = width};

	chip.shift = shift;
	chip.width = width;
	return ns16550_start(&uart);
}

static int set_up(void **state)
{
	(void)state;
	memset(&chip, 0, sizeof(chip));
	chip.fifo_bits = 0xc0;
	chip.format = 0x1b; /* as somebody else left it */
	chip.enabled = 0xf;
	chip.input = "";
	return 0;
}

static void test_start(void **state)
{
	for (unsigned wide = 0; wide < 2; wide++) {
		const struct console_device *it;

		set_up(state);
		it = start(UART_16550, wide ? 2 : 0, wide ? 4 : 1);
		assert_int_equal(chip.format, 3);
		assert_int_equal(chip.modem, 0xb);
		assert_int_equal(chip.enabled, 0);
		assert_int_equal(it->burst, 16);
		assert_int_equal(it->status_ready, 0x20);
		/* Only bytes can be stored by others. */
		assert_true(it->data == (wide ? NULL : (void *)BASE));
		assert_true(it->status == (wide ? NULL : (void *)(BASE + 5)));
	}
}

/* Who has no FIFO, or one that doesn't work, is given a byte at a time. */
static void test_fifo(void **state)
{
	static const uint8_t without[] = {0x00, 0x40, 0x80};

	for (unsigned i = 0; i < ARRAY_LENGTH(without); i++) {
		set_up(state);
		chip.fifo_bits = without[i];
		assert_int_equal(start(UART_16550, 0, 1)->burst, 1);
	}
	set_up(state);
	assert_int_equal(start(UART_16550, 0, 1)->burst, 16);
}

static void test_bytes(void **state)
{
	const struct console_device *it = start(UART_16550, 0, 1);

	(void)state;
	assert_true(it->ready());
	it->put('a');
	it->put('b');
	assert_string_equal(chip.sent, "ab");
	assert_int_equal(it->get(), -1);
	chip.input = "x\xff";
	assert_int_equal(it->get(), 'x');
	assert_int_equal(it->get(), 0xff);
	assert_int_equal(it->get(), -1);
	it->interrupts(true, false);
	assert_int_equal(chip.enabled, 1);
	it->interrupts(false, true);
	assert_int_equal(chip.enabled, 2);
	assert_int_equal(chip.usr_reads, 0); /* a 16550 has no such register */
}

/* The format is set once the character under way is sent; the interrupt by then is quiet. */
static void test_designware_starts_busy(void **state)
{
	(void)state;
	chip.busy = 5;
	assert_int_equal(start(UART_DESIGNWARE, 2, 4)->burst, 16);
	assert_int_equal(chip.format, 3);
	assert_false(chip.busy_pending);
	assert_int_equal(chip.usr_reads, 5);
}

/* One that never gets done is used as it is, without hanging. */
static void test_designware_stays_busy(void **state)
{
	(void)state;
	chip.busy = 1000000;
	start(UART_DESIGNWARE, 2, 4);
	assert_int_equal(chip.format, 0x1b);
	assert_int_equal(chip.enabled, 0);
}

/* Who serves the interrupt asks for input: with that it is quiet. */
static void test_designware_interrupt(void **state)
{
	const struct console_device *it = start(UART_DESIGNWARE, 2, 4);

	(void)state;
	chip.busy_pending = true;
	chip.input = "k";
	assert_int_equal(it->get(), 'k');
	assert_int_equal(it->get(), -1);
	assert_false(chip.busy_pending);
	assert_int_equal(chip.usr_reads, 1);
	assert_int_equal(it->get(), -1);
	assert_int_equal(chip.usr_reads, 1);
}

/* Input that is said to wait, but isn't there; where it is there, it is taken once. */
static void test_designware_timeout(void **state)
{
	const struct console_device *it = start(UART_DESIGNWARE, 2, 4);

	(void)state;
	chip.timeout = true;
	chip.taken = 0;
	assert_int_equal(it->get(), -1);
	assert_false(chip.timeout);
	assert_int_equal(chip.taken, 1);
	chip.timeout = true;
	chip.input = "k";
	assert_int_equal(it->get(), 'k');
	assert_int_equal(it->get(), -1);
	assert_int_equal(chip.taken, 2);
	/* Others have no such thing: IIR isn't even read. */
	it = start(UART_16550, 2, 4);
	chip.timeout = true;
	assert_int_equal(it->get(), -1);
	assert_true(chip.timeout);
}

/* Its own bit in IER is set from the start and stays. */
static void test_xscale(void **state)
{
	const struct console_device *it = start(UART_XSCALE, 2, 4);

	(void)state;
	assert_int_equal(it->burst, 16);
	assert_int_equal(chip.enabled, 0x40);
	it->interrupts(true, false);
	assert_int_equal(chip.enabled, 0x41);
	it->interrupts(true, true);
	assert_int_equal(chip.enabled, 0x43);
	it->interrupts(false, false);
	assert_int_equal(chip.enabled, 0x40);
	it = start(UART_16550, 2, 4);
	it->interrupts(true, true);
	assert_int_equal(chip.enabled, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_start),
		cmocka_unit_test(test_fifo),
		cmocka_unit_test_setup(test_bytes, set_up),
		cmocka_unit_test_setup(test_designware_starts_busy, set_up),
		cmocka_unit_test_setup(test_designware_stays_busy, set_up),
		cmocka_unit_test_setup(test_designware_interrupt, set_up),
		cmocka_unit_test_setup(test_designware_timeout, set_up),
		cmocka_unit_test_setup(test_xscale, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
