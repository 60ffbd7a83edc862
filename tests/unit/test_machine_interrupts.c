/* SPDX-License-Identifier: MIT */
/*
 * src/core/machine_interrupts.c on the trees of the emulator's boards with APLIC and IMSIC, with
 * one thing changed: other layouts that the bindings allow, and what is wrong.
 */
#include "unit.h"

#include "machine_fixture.h"

#define ROOT	 "/soc/aplic@c000000"
#define CHILD	 "/soc/aplic@d000000"
#define IMSICS	 "/soc/imsics@24000000"
#define IMSICS_S "/soc/imsics@28000000"
#define SERIAL	 "/soc/serial@10000000"
#define CELLS(...)                                                                                 \
	sizeof((uint32_t[]){__VA_ARGS__}) / 4, (uint32_t[])                                        \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}

/* --- APLIC ------------------------------------------------------------------------ */

static void expect_polled(const char *words)
{
	assert_int_equal(read_edited(), OK);
	assert_int_equal(machine.uart.irq, 0);
	if (!fake_log_contains(words))
		fail_msg("\"%s\" wasn't said", words);
}

/* What makes an APLIC none: it is left out, and so is the UART's interrupt. */
static void test_aplic_left_out(void **state)
{
	static const uint32_t sources[] = {0, 1024, 0xffffffff};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LENGTH(sources); i++) {
		edit_tree("qemu-aplic");
		set_cells(ROOT, "riscv,num-sources", 1, &sources[i]);
		expect_polled("aplic@c000000 has no address of an APLIC");
		assert_int_equal(machine.aplic.base.raw, 0);
	}
	edit_tree("qemu-aplic");
	remove_property(ROOT, "riscv,num-sources");
	expect_polled("aplic@c000000 has no address of an APLIC");
	edit_tree("qemu-aplic");
	set_cells(ROOT, "reg", CELLS(0, 0xc000000, 0, 0x3fff));
	expect_polled("aplic@c000000 has no address of an APLIC");
	edit_tree("qemu-aplic");
	set_cells(ROOT, "reg", CELLS(0, 0xc000800, 0, 0x8000));
	expect_polled("aplic@c000000 has no address of an APLIC");
	/* A source that it doesn't have. */
	edit_tree("qemu-aplic");
	set_cells(ROOT, "riscv,num-sources", CELLS(9));
	expect_polled("the UART's interrupt 10 isn't one of a PLIC or APLIC");
}

/* The device may name the root as well, and the triggers are those of its second cell. */
static void test_wired_to_root(void **state)
{
	(void)state;
	edit_tree("qemu-aplic");
	set_cells(SERIAL, "interrupt-parent", CELLS(phandle_of(ROOT)));
	set_cells(SERIAL, "interrupts", CELLS(12, 8));
	assert_int_equal(read_edited(), OK);
	assert_int_equal(machine.aplic.base.raw, 0xc000000);
	assert_int_equal(machine.uart.irq, 12);
	assert_int_equal(machine.uart.trigger, 8);
	edit_tree("qemu-aplic");
	set_cells(SERIAL, "interrupts-extended", CELLS(phandle_of(CHILD), 13, 1));
	assert_int_equal(read_edited(), OK);
	assert_int_equal(machine.aplic.base.raw, 0xc000000);
	assert_int_equal(machine.uart.irq, 13);
	assert_int_equal(machine.uart.trigger, 1);
	/* No trigger is said. */
	edit_tree("qemu-aplic");
	set_cells(SERIAL, "interrupts", CELLS(12));
	assert_int_equal(read_edited(), OK);
	assert_int_equal(machine.uart.trigger, 0);
}

/* Domains that are their own ancestors have no root. */
static void test_circle(void **state)
{
	(void)state;
	edit_tree("qemu-aplic");
	set_cells(CHILD, "riscv,children", CELLS(phandle_of(ROOT)));
	expect_polled("the UART's interrupt 10 isn't one of a PLIC or APLIC");
	edit_tree("qemu-aplic");
	set_cells(ROOT, "riscv,children", CELLS(phandle_of(CHILD), phandle_of(ROOT)));
	expect_polled("the UART's interrupt 10 isn't one of a PLIC or APLIC");
	/* Nobody's child is at supervisor level: it would raise nothing of ours. */
	edit_tree("qemu-aplic");
	remove_property(ROOT, "riscv,children");
	assert_int_equal(read_edited(), OK);
	for (unsigned i = 0; i < machine.hart_count; i++)
		assert_int_equal(machine.harts[i].aplic_index, MACHINE_NO_CONTEXT);
}

/* Numbers of harts that aren't their places in the list, and wires that don't fit. */
static void test_wires(void **state)
{
	(void)state;
	edit_tree("qemu-aplic");
	set_cells(ROOT, "riscv,hart-indexes", CELLS(7, 0x1ff, 0));
	assert_int_equal(read_edited(), OK);
	/* The emulator lists its harts from the last one on, or the first. */
	assert_int_equal(machine.harts[0].aplic_index + machine.harts[1].aplic_index +
				 machine.harts[2].aplic_index,
			 7 + 0x1ff + 0);
	edit_tree("qemu-aplic");
	set_cells(ROOT, "riscv,hart-indexes", CELLS(0x200, 0xffffffff, 0x07ffffff));
	assert_int_equal(read_edited(), OK);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(machine.harts[i].aplic_index, MACHINE_NO_CONTEXT);
	edit_tree("qemu-aplic");
	set_cells(ROOT, "reg", CELLS(0, 0xc000000, 0, 0x4040));
	assert_int_equal(read_edited(), OK);
	for (unsigned i = 0, sum = 0; i < 3; i++) {
		sum += machine.harts[i].aplic_index != MACHINE_NO_CONTEXT;
		assert_true(i < 2 || sum == 2);
	}
}

/* More domains than are remembered: the one to drive is found all the same. */
static void test_many_domains(void **state)
{
	(void)state;
	edit_tree("qemu-aplic");
	for (unsigned i = 0; i < 2 * MACHINE_DOMAINS_MAX; i++) {
		char name[32], path[48];

		snprintf(name, sizeof(name), "aplic@%x", 0x60000000 + i * 0x8000);
		snprintf(path, sizeof(path), "/soc/%s", name);
		assert_true(fdt_add_subnode(edited, node_at("/soc"), name) >= 0);
		set_text(path, "compatible", "riscv,aplic");
		set_cells(path, "reg", CELLS(0, 0x60000000 + i * 0x8000, 0, 0x8000));
		set_cells(path, "riscv,num-sources", CELLS(96));
	}
	assert_int_equal(read_edited(), OK);
	assert_int_equal(machine.aplic.base.raw, 0xc000000);
	assert_int_equal(machine.domain_count, MACHINE_DOMAINS_MAX);
	assert_int_equal(machine.uart.irq, 10);
}

/* --- IMSIC ------------------------------------------------------------------------ */

/* Without IMSICs that can be understood nothing calls the harts of this machine. */
static void expect_refused(const char *words)
{
	assert_int_equal(read_edited(), ERR_MISSING);
	assert_says("no timer and software interrupts: looked for riscv,clint0");
	assert_says("any of the 2 CPUs");
	if (!fake_log_contains(words))
		fail_msg("\"%s\" wasn't said", words);
}

static void test_imsic_left_out(void **state)
{
	static const struct {
		const char *property;
		uint32_t value;
	} wrong[] = {
		{"riscv,num-ids", 0},
		{"riscv,num-ids", 64},
		{"riscv,num-ids", 2111},
		{"riscv,num-ids", 0xffffffff},
		{"riscv,hart-index-bits", 15},
		{"riscv,hart-index-bits", 0xffffffff},
		{"riscv,guest-index-bits", 8},
		{"riscv,guest-index-bits", 0xffffffff},
		{"riscv,group-index-bits", 8},
		{"riscv,group-index-bits", 0xffffffff},
		{"riscv,group-index-shift", 0},
		{"riscv,group-index-shift", 23},
		{"riscv,group-index-shift", 56},
		{"riscv,group-index-shift", 0xffffffff},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LENGTH(wrong); i++) {
		edit_tree("qemu-imsic");
		set_cells(IMSICS, wrong[i].property, 1, &wrong[i].value);
		expect_refused(
			"imsics@24000000: riscv,num-ids or an index of harts is out of range");
	}
	/* Only for the supervisor: that is a guest's business, and no call for us. */
	edit_tree("qemu-imsic");
	remove_node(IMSICS);
	expect_refused("the APLIC's msi-parent is no IMSIC at machine level");
}

static void test_too_few_pages(void **state)
{
	(void)state;
	edit_tree("qemu-imsic");
	set_cells(IMSICS, "reg", CELLS(0, 0x24000000, 0, 0x1000));
	assert_int_equal(read_edited(), OK);
	assert_true(fake_log_contains("imsics@24000000 has no page for each of its harts"));
	assert_int_equal((machine.harts[0].msip != 0) + (machine.harts[1].msip != 0), 1);
	edit_tree("qemu-imsic");
	set_cells(IMSICS, "reg", CELLS(0, 0x24000004, 0, 0x2000));
	expect_refused("imsics@24000000 has no page for each of its harts");
}

/* Pages that are further apart, and such that the APLIC's formula doesn't reach. */
static void test_layouts(void **state)
{
	uint64_t page[2];

	(void)state;
	edit_tree("qemu-imsic");
	set_cells(IMSICS, "riscv,guest-index-bits", CELLS(2));
	set_cells(IMSICS, "reg", CELLS(0, 0x24000000, 0, 0x8000));
	assert_int_equal(read_edited(), OK);
	for (unsigned i = 0; i < 2; i++) {
		page[i] = machine.harts[i].msip - 0x24000000;
		assert_int_equal(machine.harts[i].aplic_index, page[i] >> 14);
	}
	assert_int_equal(page[0] + page[1], 0x4000);
	/* A range for each hart; the second isn't where a number could point. */
	edit_tree("qemu-imsic");
	set_cells(IMSICS, "riscv,group-index-bits", CELLS(1));
	set_cells(IMSICS, "reg", CELLS(0, 0x24000000, 0, 0x1000, 0, 0x26000000, 0, 0x1000));
	assert_int_equal(read_edited(), OK);
	for (unsigned i = 0; i < 2; i++) {
		bool first = machine.harts[i].msip == 0x24000000;

		assert_true(first || machine.harts[i].msip == 0x26000000);
		assert_int_equal(machine.harts[i].aplic_index, first ? 0 : MACHINE_NO_CONTEXT);
	}
}

/* Both a wire and MSIs: MSIs, if they lead anywhere. */
static void test_msi_or_wire(void **state)
{
	uint32_t intc = 0;

	(void)state;
	load_tree("qemu-aplic");
	edit_tree("qemu-aplic");
	set_cells(ROOT, "msi-parent", CELLS(0x777));
	assert_int_equal(read_edited(), OK);
	assert_true(fake_log_contains("the APLIC's msi-parent is no IMSIC at machine level"));
	assert_false(machine.aplic.sends_msi);
	assert_int_equal(machine.uart.irq, 10);
	assert_true(machine.harts[2].aplic_index >= 0);

	edit_tree("qemu-imsic");
	intc = phandle_of("/cpus/cpu@0/interrupt-controller");
	set_cells(ROOT, "interrupts-extended", CELLS(0, 0, intc, 11));
	assert_int_equal(read_edited(), OK);
	assert_true(machine.aplic.sends_msi);
	assert_int_equal(machine.harts[0].aplic_index, (machine.harts[0].msip >> 12) & 1);
}

/* A flood of entries, all for harts that there are, or for none. */
static void test_floods(void **state)
{
	enum { ENTRIES = 40000 };
	uint32_t *cells = malloc(ENTRIES * 8), intc;

	(void)state;
	edit_tree("qemu-imsic");
	intc = phandle_of("/cpus/cpu@0/interrupt-controller");
	for (unsigned i = 0; i < ENTRIES; i++) {
		cells[2 * i] = i ? 0x12345 : intc;
		cells[2 * i + 1] = 11;
	}
	set_cells(IMSICS, "interrupts-extended", ENTRIES * 2, cells);
	set_cells(ROOT, "riscv,children", ENTRIES * 2, cells);
	(void)read_edited();
	for (unsigned i = 0; i < ENTRIES; i++)
		cells[2 * i] = intc;
	edit_tree("qemu-imsic");
	set_cells(IMSICS, "interrupts-extended", ENTRIES * 2, cells);
	assert_int_equal(read_edited(), OK);
	assert_true(fake_log_contains("has no page for each of its harts"));
	free(cells);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_aplic_left_out), cmocka_unit_test(test_wired_to_root),
		cmocka_unit_test(test_circle),	       cmocka_unit_test(test_wires),
		cmocka_unit_test(test_many_domains),   cmocka_unit_test(test_imsic_left_out),
		cmocka_unit_test(test_too_few_pages),  cmocka_unit_test(test_layouts),
		cmocka_unit_test(test_msi_or_wire),    cmocka_unit_test(test_floods),
	};

	return cmocka_run_group_tests(tests, NULL, fixture_end);
}
