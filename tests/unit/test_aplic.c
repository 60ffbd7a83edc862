/* SPDX-License-Identifier: MIT */
/*
 * src/drivers/aplic.c on registers that the test plays: a root domain with a child to
 * which an earlier stage has delegated everything, by wire and by MSI.
 */
#include "unit.h"

#define DRIVERS_MMIO_H /* what follows stands for drivers/mmio.h */
#include "core/types.h"

static uint32_t read_register(uintptr_t at);
static void write_register(uintptr_t at, uint32_t value);

#define mmio_read32(at)		read_register(at)
#define mmio_write32(at, value) write_register(at, value)
#include "drivers/aplic.c"
#include "fake/arch.h"

enum { ROOT = 0xc000000, CHILD = 0xd000000, SIZE = 0x8000, SOURCES = 96, HARTS = 3 };

/* The root domain, as the specification has its registers. */
static struct {
	uint32_t domaincfg, upper; /* what its upper byte reads as */
	uint32_t modes;		   /* bits of DM that can be set */
	uint32_t sourcecfg[SOURCES + 1], target[SOURCES + 1];
	bool enabled[SOURCES + 1], wire[SOURCES + 1];
	uint32_t no_mode; /* a mode that no source has */
	uint32_t low, high;
	bool locked, hidden;
	uint32_t idelivery[HARTS], ithreshold[HARTS], iforce[HARTS];
	uint32_t child_domaincfg;
} chip;

static struct machine machine;
static struct hart harts[HARTS];
static struct reason why;

static bool in(uint32_t offset, uint32_t first, unsigned count)
{
	return offset >= first && offset < first + 4 * count && offset % 4 == 0;
}

/* The most urgent source for a hart: all have one priority, so that of the lowest number. */
static uint32_t top(unsigned hart)
{
	for (unsigned i = 1; i <= SOURCES; i++)
		if (chip.enabled[i] && chip.wire[i] && chip.sourcecfg[i] >= 6 &&
		    chip.target[i] >> 18 == hart)
			return i << 16 | (chip.target[i] & 0xff);
	return 0;
}

static uint32_t read_register(uintptr_t at)
{
	uint32_t offset = at - ROOT, bits = 0;

	assert_true(at >= ROOT && offset < SIZE);
	if (offset == 0)
		return chip.upper << 24 | chip.domaincfg;
	if (in(offset, 4, SOURCES))
		return chip.sourcecfg[offset / 4];
	if (offset == 0x1bc0)
		return chip.hidden ? 0 : chip.low;
	if (offset == 0x1bc4)
		return (uint32_t)chip.locked << 31 | (chip.hidden ? 0 : chip.high);
	if (in(offset, 0x1d00, SOURCES / 32 + 1)) {
		for (unsigned i = 0; i < 32; i++) {
			unsigned source = (offset - 0x1d00) / 4 * 32 + i;

			if (source <= SOURCES && chip.wire[source])
				bits |= 1u << i;
		}
		return bits;
	}
	if (in(offset, 0x4000, 8 * HARTS) && offset % 32 == 0x1c)
		return top((offset - 0x4000) / 32);
	fail_msg("register 0x%x is read", offset);
	return 0;
}

static void write_register(uintptr_t at, uint32_t value)
{
	uint32_t offset = at - ROOT;
	unsigned hart = (offset - 0x4000) / 32;

	if (at == CHILD) {
		chip.child_domaincfg = value;
		return;
	}
	assert_true(at >= ROOT && offset < SIZE);
	if (offset == 0) {
		chip.domaincfg = value & (0x100 | chip.modes);
	} else if (in(offset, 4, SOURCES)) {
		chip.sourcecfg[offset / 4] = value == chip.no_mode ? 0 : value;
		/* An inactive source forgets the rest; an active one has no target as yet. */
		chip.enabled[offset / 4] = false;
		chip.target[offset / 4] = value ? 0xdead0000 : 0;
	} else if (offset == 0x1bc0 || offset == 0x1bc4) {
		if (!chip.locked)
			*(offset == 0x1bc0 ? &chip.low : &chip.high) = value;
	} else if (offset == 0x1edc) {
		assert_true(value && value <= SOURCES && chip.sourcecfg[value]);
		chip.enabled[value] = true;
	} else if (offset == 0x1fdc) {
		chip.enabled[value] = false;
	} else if (in(offset, 0x3004, SOURCES)) {
		assert_true(chip.sourcecfg[(offset - 0x3000) / 4]);
		chip.target[(offset - 0x3000) / 4] = value;
	} else if (in(offset, 0x4000, 8 * HARTS) && offset % 32 == 0) {
		chip.idelivery[hart] = value;
	} else if (in(offset, 0x4000, 8 * HARTS) && offset % 32 == 4) {
		chip.iforce[hart] = value;
	} else if (in(offset, 0x4000, 8 * HARTS) && offset % 32 == 8) {
		chip.ithreshold[hart] = value;
	} else {
		fail_msg("register 0x%x is written", offset);
	}
}

/* A machine that has been used before: all delegated, all delivered. */
static int set_up(void **state)
{
	(void)state;
	memset(&chip, 0, sizeof(chip));
	chip.upper = 0x80;
	chip.modes = 4;
	chip.no_mode = 0xffffffff;
	chip.domaincfg = 0x100;
	chip.child_domaincfg = 0x100;
	for (unsigned i = 1; i <= SOURCES; i++) {
		chip.sourcecfg[i] = 0x400;
		chip.enabled[i] = i % 2;
	}
	memset(&machine, 0, sizeof(machine));
	machine.aplic = (struct machine_aplic){.base = {ROOT}, .size = SIZE, .sources = SOURCES};
	machine.domain_count = 2;
	machine.domains[0].raw = CHILD;
	machine.domains[1].raw = ROOT;
	machine.uart.irq = 10;
	machine.uart.trigger = 4;
	machine.hart_count = HARTS;
	for (unsigned i = 0; i < HARTS; i++) {
		chip.idelivery[i] = chip.iforce[i] = chip.ithreshold[i] = 1;
		/* The numbers aren't those of the harts. */
		machine.harts[i].aplic_index = (int)(HARTS - 1 - i);
		harts[i].description = &machine.harts[i];
	}
	return 0;
}

static void start_by_msi(void)
{
	machine.aplic.sends_msi = true;
	machine.aplic.msi_page = 0x24000;
	machine.aplic.hart_bits = 2;
	machine.aplic.guest_bits = 3;
	machine.aplic.group_bits = 1;
	machine.aplic.group_shift = 26;
}

static void assert_refused(enum status status, enum status expected, const char *words)
{
	assert_int_equal(status, expected);
	if (!strstr(why.text, words))
		fail_msg("\"%s\" is not in \"%s\"", words, why.text);
}

/* Nothing is delegated, enabled or forced, and the child is off. */
static void test_quiet(void **state)
{
	(void)state;
	assert_int_equal(aplic_controller.start(&machine, &why), OK);
	assert_int_equal(chip.child_domaincfg, 0);
	assert_int_equal(chip.domaincfg, 0x100);
	for (unsigned i = 1; i <= SOURCES; i++)
		assert_true(!chip.sourcecfg[i] && !chip.enabled[i]);
	for (unsigned i = 0; i < HARTS; i++)
		assert_true(!chip.idelivery[i] && !chip.iforce[i] && !chip.ithreshold[i]);
}

/* The source goes to the hart by its number, and to it alone, as long as the wire asks. */
static void test_wire(void **state)
{
	(void)state;
	assert_int_equal(aplic_controller.start(&machine, &why), OK);
	assert_true(aplic_controller.start_hart(&harts[2]));
	assert_int_equal(aplic_controller.route(&harts[2], &why), OK);
	assert_int_equal(chip.sourcecfg[10], 6);
	assert_int_equal(chip.target[10], 0 << 18 | 1);
	assert_int_equal(chip.idelivery[0], 1);
	assert_true(!chip.idelivery[1] && !chip.idelivery[2]);
	assert_int_equal(aplic_controller.claim(&harts[2]), 0);
	chip.wire[10] = chip.wire[11] = true;
	assert_int_equal(aplic_controller.claim(&harts[2]), 10);
	assert_int_equal(aplic_controller.claim(&harts[1]), 0);
	aplic_controller.complete(&harts[2], 10);
	assert_int_equal(aplic_controller.claim(&harts[2]), 10);
	chip.wire[10] = false;
	assert_int_equal(aplic_controller.claim(&harts[2]), 0);
	for (unsigned i = 1; i <= SOURCES; i++)
		assert_int_equal(chip.enabled[i], i == 10);
}

static void test_hart_without_wire(void **state)
{
	(void)state;
	machine.harts[1].aplic_index = MACHINE_NO_CONTEXT;
	assert_int_equal(aplic_controller.start(&machine, &why), OK);
	assert_false(aplic_controller.start_hart(&harts[1]));
}

/* The flags of the device tree's binding, as source modes. */
static void test_triggers(void **state)
{
	static const uint32_t modes[][2] = {{0, 6}, {1, 4}, {2, 5}, {4, 6}, {8, 7}};
	static const uint32_t odd[] = {3, 5, 6, 7, 9, 16, 0xffffffff};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LENGTH(modes); i++) {
		machine.uart.trigger = modes[i][0];
		assert_int_equal(aplic_start(&machine, &why), OK);
		assert_int_equal(aplic_route(1, 7, &why), OK);
		assert_int_equal(chip.sourcecfg[10], modes[i][1]);
		assert_int_equal(chip.target[10], 1 << 18 | 7);
		/* Only a level is looked at again. */
		chip.wire[10] = true;
		assert_int_equal(aplic_is_asserted(10), modes[i][1] >= 6);
		chip.wire[10] = false;
		assert_false(aplic_is_asserted(10));
	}
	for (unsigned i = 0; i < ARRAY_LENGTH(odd); i++) {
		machine.uart.trigger = odd[i];
		assert_int_equal(aplic_start(&machine, &why), OK);
		assert_refused(aplic_route(1, 7, &why), ERR_LIMIT,
			       "no source 10 that is triggered");
		assert_false(chip.enabled[10]);
	}
	/* One that the source doesn't have. */
	machine.uart.trigger = 4;
	chip.no_mode = 6;
	assert_int_equal(aplic_start(&machine, &why), OK);
	assert_refused(aplic_route(1, 7, &why), ERR_LIMIT, "no source 10 that is triggered by 4");
}

static void test_msi(void **state)
{
	(void)state;
	start_by_msi();
	assert_int_equal(aplic_start(&machine, &why), OK);
	assert_int_equal(chip.domaincfg, 0x104);
	assert_int_equal(chip.low, 0x24000);
	/* HHXS 2, LHXS 3, HHXW 1, LHXW 2 ("Machine MSI address configuration"). */
	assert_int_equal(chip.high, 2 << 24 | 3 << 20 | 1 << 16 | 2 << 12);
	assert_int_equal(aplic_route(5, 11, &why), OK);
	assert_int_equal(chip.target[10], 5 << 18 | 11);
	assert_true(chip.enabled[10]);
	/* Without groups their shift counts for nothing. */
	machine.aplic.group_bits = 0;
	assert_int_equal(aplic_start(&machine, &why), OK);
	assert_int_equal(chip.high, 3 << 20 | 2 << 12);
}

/* Addresses that are fixed: as they have to be, hidden, or wrong. */
static void test_locked(void **state)
{
	(void)state;
	start_by_msi();
	assert_int_equal(aplic_start(&machine, &why), OK);
	chip.locked = true;
	assert_int_equal(aplic_start(&machine, &why), OK);
	chip.low = 0x28000;
	assert_refused(aplic_start(&machine, &why), ERR_LIMIT, "isn't where the IMSICs are");
	chip.hidden = true;
	assert_int_equal(aplic_start(&machine, &why), OK);
}

static void test_refused(void **state)
{
	(void)state;
	chip.upper = 0;
	assert_refused(aplic_start(&machine, &why), ERR_FORMAT, "at 0xc000000 is no APLIC");
	chip.upper = 0x80;
	chip.modes = 0;
	start_by_msi();
	assert_refused(aplic_start(&machine, &why), ERR_LIMIT, "can't tell CPUs by MSI");
	fake_arch.nothing_at = CHILD;
	assert_refused(aplic_start(&machine, &why), ERR_MISSING, "no APLIC answers at 0xd000000");
	fake_arch.nothing_at = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_quiet, set_up),
		cmocka_unit_test_setup(test_wire, set_up),
		cmocka_unit_test_setup(test_hart_without_wire, set_up),
		cmocka_unit_test_setup(test_triggers, set_up),
		cmocka_unit_test_setup(test_msi, set_up),
		cmocka_unit_test_setup(test_locked, set_up),
		cmocka_unit_test_setup(test_refused, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
