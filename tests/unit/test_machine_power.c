/* SPDX-License-Identifier: MIT */
/*
 * What else a device tree names to power off (src/core/machine_power.c, the HTIF of
 * machine_devices.c), and what is made of it (src/drivers/finisher.c).
 */
#include "unit.h"

#include "machine_fixture.h"

#define DRIVERS_MMIO_H /* what follows stands for drivers/mmio.h */

static uint32_t registers[2];
static uintptr_t written[4];
static unsigned write_count, read_count;

/* GPIO_OUTPUT_ENABLE and GPIO_OUTPUT, by their addresses' bit 2; any other device has but one. */
static uint32_t mmio_read32(uintptr_t at)
{
	read_count++;
	return registers[at >> 2 & 1];
}

static void mmio_write32(uintptr_t at, uint32_t value)
{
	written[write_count++] = at;
	registers[at >> 2 & 1] = value;
}

#include "core/arch.h"

/* The finisher, or a register, which may not be there. */
static bool is_hole;
#define arch_answers(at, width) (!is_hole)
#define arch_write32(at, value) (!is_hole && (mmio_write32((uintptr_t)(at).raw, value), true))
#include "drivers/finisher.c"

static const char device[] = "/soc/test@3000";
enum { BASE = 0x40003000, PHANDLE = 0x77 };

static void add_node(const char *parent, const char *name)
{
	assert_true(fdt_add_subnode(edited, node_at(parent), name) >= 0);
}

/* The board without its finisher, which is a system controller now, of `how` at /off. */
static void edit_power(const char *compatible, const char *how)
{
	edit_board();
	set_text(device, "compatible", compatible);
	set_cells(device, "phandle", 1, (uint32_t[]){PHANDLE});
	add_node("/", "off");
	set_text("/off", "compatible", how);
}

static void edit_syscon(void)
{
	edit_power("syscon", "syscon-poweroff");
	set_cells("/off", "regmap", 1, (uint32_t[]){PHANDLE});
	set_cells("/off", "offset", 1, (uint32_t[]){0x10});
	set_cells("/off", "value", 1, (uint32_t[]){0x5555});
}

static void edit_gpio(uint32_t pin, uint32_t flags)
{
	edit_power("sifive,gpio0", "gpio-poweroff");
	set_cells("/off", "gpios", 3, (uint32_t[]){PHANDLE, pin, flags});
}

static void expect(unsigned index, uint64_t at, uint32_t mask, uint32_t value)
{
	assert_int_equal(machine.power_off[index].mask, mask);
	if (!mask)
		return;
	assert_true(machine.power_off[index].at.raw == at);
	assert_int_equal(machine.power_off[index].value, value);
}

static void expect_none(const char *words)
{
	assert_int_equal(read_edited(), OK);
	assert_int_equal(machine.power_off[0].mask, 0);
	assert_int_equal(machine.power_off[1].mask, 0);
	assert_true(!words || fake_log_contains(words));
	finisher_start((hpa_t){0});
	finisher_start_updates(machine.power_off);
	assert_false(finisher_update());
}

static void power_off(uint32_t before)
{
	registers[0] = registers[1] = before;
	write_count = read_count = 0;
	finisher_start_updates(machine.power_off);
	assert_true(finisher_update());
}

static void test_syscon(void **state)
{
	(void)state;
	edit_syscon();
	assert_int_equal(read_edited(), OK);
	expect(0, BASE + 0x10, 0xffffffff, 0x5555);
	expect(1, 0, 0, 0);
	power_off(0xabcd);
	assert_int_equal(write_count, 1);
	assert_int_equal(read_count, 0); /* it may not be readable */
	assert_int_equal(written[0], BASE + 0x10);
	assert_int_equal(registers[0], 0x5555);

	/* Some bits of it. */
	edit_syscon();
	set_cells("/off", "mask", 1, (uint32_t[]){0xff});
	assert_int_equal(read_edited(), OK);
	expect(0, BASE + 0x10, 0xff, 0x5555);
	power_off(0x12345678);
	assert_int_equal(registers[0], 0x12345655);

	/* The new form, in which it lies in the node that it is about. */
	edit_syscon();
	remove_node("/off");
	add_node(device, "off");
	set_text("/soc/test@3000/off", "compatible", "syscon-poweroff");
	set_cells("/soc/test@3000/off", "offset", 1, (uint32_t[]){4});
	set_cells("/soc/test@3000/off", "value", 1, (uint32_t[]){1});
	assert_int_equal(read_edited(), OK);
	expect(0, BASE + 4, 0xffffffff, 1);
}

static void test_odd_syscon(void **state)
{
	static const uint32_t offsets[] = {0x1000, 0xffd, 0xffe, 0x2, 0xfffffffc, 0xffffffff};
	const char *const about = "syscon-poweroff names no register of 32 bits, left out";

	(void)state;
	for (unsigned i = 0; i < ARRAY_LENGTH(offsets); i++) {
		edit_syscon();
		set_cells("/off", "offset", 1, &offsets[i]);
		expect_none(about);
	}
	edit_syscon();
	set_cells("/off", "offset", 1, (uint32_t[]){0xffc});
	assert_int_equal(read_edited(), OK);
	expect(0, BASE + 0xffc, 0xffffffff, 0x5555);

	edit_syscon();
	set_cells("/off", "regmap", 1, (uint32_t[]){0xdead});
	expect_none(about);
	edit_syscon();
	set_text(device, "status", "disabled");
	expect_none(about);
	edit_syscon();
	remove_property(device, "reg");
	expect_none(about);
	edit_syscon();
	set_cells("/off", "mask", 1, (uint32_t[]){0}); /* of no bit */
	expect_none(NULL);
	edit_syscon();
	set_cells(device, "reg", 2, (uint32_t[]){0x3002, 0x1000});
	expect_none(about);
	/* Registers in memory, and where M-mode of RV32 can't reach them. */
	edit_syscon();
	set_cells("/memory@80000000", "reg", 4, (uint32_t[]){0, 0x40000000, 0, 0x10000});
	expect_none(about);
	edit_syscon();
	set_cells("/soc", "ranges", 8,
		  (uint32_t[]){0, 1, 0x40000000, 0x10000, 0x800000, 0, 0x60000000, 0x8000000});
	if (XLEN == 32)
		expect_none(about);
	/* The root has no registers. */
	edit_syscon();
	remove_property("/off", "regmap");
	expect_none(about);

	edit_syscon();
	remove_property("/off", "value");
	expect_none(about);
	edit_syscon();
	remove_property("/off", "offset");
	expect_none(about);
	edit_syscon();
	set_cells("/off", "offset", 2, (uint32_t[]){0, 0});
	expect_none(about);
	edit_syscon();
	set_text("/off", "status", "disabled");
	expect_none(NULL);
}

/* What is named isn't there, or is memory: it can't power off, and nothing breaks by that. */
static void test_nothing_there(void **state)
{
	(void)state;
	for (unsigned way = 0; way < 3; way++) {
		if (way == 2)
			edit_gpio(2, 1);
		else
			edit_syscon();
		if (way == 1)
			set_cells("/off", "mask", 1, (uint32_t[]){0xff});
		assert_int_equal(read_edited(), OK);
		finisher_start_updates(machine.power_off);
		write_count = read_count = 0;
		is_hole = true;
		assert_false(finisher_update());
		is_hole = false;
		assert_int_equal(write_count + read_count, 0);
		set_cells("/memory@80000000", "reg", 4, (uint32_t[]){0, BASE, 0, 0x1000});
		expect_none("which is memory");
	}
}

static void test_gpio(void **state)
{
	(void)state;
	edit_gpio(2, 1);
	assert_int_equal(read_edited(), OK);
	expect(0, BASE + 0xc, 4, 0);
	expect(1, BASE + 0x8, 4, 4);
	/* The level before the pin is driven, and other pins stay as they are. */
	power_off(0xf0f0f0f6);
	assert_int_equal(write_count, 2);
	assert_int_equal(written[0], BASE + 0xc);
	assert_int_equal(written[1], BASE + 0x8);
	assert_int_equal(registers[1], 0xf0f0f0f2);
	assert_int_equal(registers[0], 0xf0f0f0f6);

	edit_gpio(31, 0);
	assert_int_equal(read_edited(), OK);
	power_off(0);
	assert_int_equal(registers[1], 0x80000000);
	assert_int_equal(registers[0], 0x80000000);
}

static void test_odd_gpio(void **state)
{
	const char *const pin = "gpio-poweroff names no pin of a sifive,gpio0, left out";

	(void)state;
	edit_gpio(32, 0);
	expect_none(pin);
	edit_gpio(0xffffffff, 0);
	expect_none(pin);
	edit_gpio(1, 0);
	set_cells("/off", "gpios", 1, (uint32_t[]){PHANDLE});
	expect_none(pin);
	edit_gpio(1, 0);
	set_cells("/off", "gpios", 3, (uint32_t[]){0, 1, 0});
	expect_none(pin);
	edit_gpio(1, 0);
	remove_property("/off", "gpios");
	expect_none(pin);
	edit_gpio(1, 0);
	set_text(device, "compatible", "snps,dw-apb-gpio");
	expect_none(pin);
	edit_gpio(1, 0);
	set_cells(device, "reg", 2, (uint32_t[]){0x3000, 0xf});
	expect_none(pin);
}

/* What can tell a status comes first. */
static void test_finisher_first(void **state)
{
	(void)state;
	edit_syscon();
	set_text(device, "compatible", "sifive,test1");
	assert_int_equal(read_edited(), OK);
	expect(0, 0, 0, 0);
	finisher_start(machine.finisher);
	write_count = 0;
	assert_true(finisher_power_off(0));
	assert_int_equal(registers[0], 0x5555);
	assert_true(finisher_power_off(2));
	assert_int_equal(registers[0], 0x23333);
	assert_int_equal(written[1], BASE);
}

static void test_restart_is_none(void **state)
{
	(void)state;
	read_tree("qemu-sifive_u");
	assert_int_equal(machine.power_off[0].mask, 0);
}

static void test_htif(void **state)
{
	static const uint32_t odd[][4] = {{0, 0x1000004, 0, 16}, {0, 0x1000000, 0, 15}, {0}};

	(void)state;
	edit_tree("qemu-spike");
	remove_property("/htif", "reg");
	assert_int_equal(read_edited(), OK);
	assert_true(machine.has_htif);
	assert_true(machine.htif.raw == 0);
	assert_true(machine.uart.base.raw == 0);

	edit_tree("qemu-spike");
	set_cells("/htif", "reg", 4, (uint32_t[]){0, 0x1000000, 0, 16});
	assert_int_equal(read_edited(), OK);
	assert_true(machine.htif.raw == 0x1000000);
	for (unsigned i = 0; i < ARRAY_LENGTH(odd); i++) {
		edit_tree("qemu-spike");
		set_cells("/htif", "reg", 4, odd[i]);
		assert_int_equal(read_edited(), OK);
		assert_false(machine.has_htif);
		assert_true(fake_log_contains("htif: no two words of 64 bits in its reg"));
	}

	edit_tree("qemu-spike");
	set_cells("/htif", "reg", 4, (uint32_t[]){1, 0x1000000, 0, 16});
	assert_int_equal(read_edited(), OK);
	assert_int_equal(machine.has_htif, XLEN == 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_syscon),		cmocka_unit_test(test_odd_syscon),
		cmocka_unit_test(test_nothing_there),	cmocka_unit_test(test_gpio),
		cmocka_unit_test(test_odd_gpio),	cmocka_unit_test(test_finisher_first),
		cmocka_unit_test(test_restart_is_none), cmocka_unit_test(test_htif),
	};

	return cmocka_run_group_tests(tests, NULL, fixture_end);
}
