/* SPDX-License-Identifier: MIT */
/*
 * src/core/machine*.c and tree.c on the trees of the emulator's boards, on
 * tests/unit/data/board.dts, and on that board with one thing made wrong.
 * Damaged trees are the subject of test_machine_hostile.c.
 */
#include "unit.h"

#include "machine_fixture.h"

static void assert_range(struct hpa_range range, uint64_t base, uint64_t size)
{
	assert_true(range.base.raw == base);
	assert_true(range.size == size);
}

/* --- the emulator's boards ------------------------------------------------------ */

static void check_virt(const char *name, unsigned harts, const char *isa_start)
{
	read_tree(name);
	assert_int_equal(machine.hart_count, harts);
	for (unsigned i = 0; i < harts; i++) {
		const struct machine_hart *hart = &machine.harts[i];

		assert_int_equal(hart->id, i);
		assert_memory_equal(hart->isa, isa_start, strlen(isa_start));
		assert_non_null(hart->mmu_type);
		assert_int_equal(hart->msip, 0x2000000 + 4 * i);
		assert_int_equal(hart->mtimecmp, 0x2004000 + 8 * i);
		assert_int_equal(hart->plic_context, 2 * i);
	}
	assert_string_equal(machine.model, "riscv-virtio,qemu");
	assert_int_equal(machine.timebase, 10000000);
	assert_int_equal(machine.mtime, 0x200bff8);
	assert_int_equal(machine.uart.base.raw, 0x10000000);
	assert_int_equal(machine.uart.kind, UART_16550);
	assert_int_equal(machine.uart.io_width, 1);
	assert_int_equal(machine.uart.reg_shift, 0);
	assert_int_equal(machine.uart.clock, 3686400);
	assert_int_equal(machine.uart.irq, 10);
	assert_int_equal(machine.plic.base.raw, 0xc000000);
	assert_int_equal(machine.plic.sources, 96);
	assert_int_equal(machine.finisher.raw, 0x100000);
	assert_int_equal(machine.initrd.size, 0);
	assert_int_equal(machine.ram_count, 1);
	assert_range(machine.ram[0], 0x80000000, 128 << 20);
	assert_string_equal(machine.bootargs, "");
	assert_true(machine.fdt.base.raw == (uintptr_t)tree && machine.fdt.size == tree_size);
	assert_int_equal(fake_log_count(), 0); /* nothing odd about it */
}

static void test_virt(void **state)
{
	(void)state;
	check_virt("qemu-virt64", 4, "rv64imafdc");
	assert_string_equal(machine.harts[0].mmu_type, "riscv,sv48");
	check_virt("qemu-virt32", 2, "rv32imafdc");
	assert_string_equal(machine.harts[0].mmu_type, "riscv,sv32");
}

/* ACLINT devices that stand where a CLINT's parts are. */
static void test_aclint(void **state)
{
	(void)state;
	check_virt("qemu-aclint", 3, "rv64imafdc");
}

/* Two sockets: two CLINTs, and two PLICs of which the UART's is taken. */
static void test_sockets(void **state)
{
	(void)state;
	read_tree("qemu-sockets");
	assert_int_equal(machine.hart_count, 8);
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(machine.harts[i].msip,
				 (i < 4 ? 0x2000000 : 0x2010000) + i % 4 * 4);
		assert_int_equal(machine.harts[i].mtimecmp,
				 (i < 4 ? 0x2004000 : 0x2014000) + i % 4 * 8);
		assert_int_equal(machine.harts[i].plic_context,
				 i < 4 ? (int)i * 2 : MACHINE_NO_CONTEXT);
	}
	assert_int_equal(machine.ram_count, 2);
	assert_range(machine.ram[0], 0x80000000, 512 << 20);
	assert_range(machine.ram[1], 0xa0000000, 512 << 20);
	assert_int_equal(machine.mtime, 0x200bff8);
	assert_int_equal(machine.plic.base.raw, 0xc000000);
	assert_int_equal(machine.uart.irq, 10);
}

/* Software interrupts by IMSIC only: the pages at machine level take their place. */
static void test_imsic(void **state)
{
	(void)state;
	read_tree("qemu-imsic");
	assert_int_equal(fake_log_count(), 0);
	assert_int_equal(machine.plic.base.raw, 0);
	assert_int_equal(machine.uart.irq, 10);
	assert_int_equal(machine.uart.trigger, 4);
	/* The UART names the domain at supervisor level; it is the root that is driven. */
	assert_int_equal(machine.aplic.base.raw, 0xc000000);
	assert_int_equal(machine.aplic.sources, 96);
	assert_int_equal(machine.domain_count, 2);
	assert_true(machine.aplic.sends_msi);
	assert_int_equal(machine.aplic.msi_page, 0x24000);
	assert_int_equal(machine.imsic_ids, 255);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(machine.harts[i].msip, 0x24000000 + 0x1000 * i);
		assert_true(machine.harts[i].msip_is_imsic);
		assert_int_equal(machine.harts[i].aplic_index, i);
	}
}

/* An APLIC with wires, besides a CLINT. */
static void test_aplic(void **state)
{
	(void)state;
	read_tree("qemu-aplic");
	assert_int_equal(fake_log_count(), 0);
	assert_int_equal(machine.aplic.base.raw, 0xc000000);
	assert_int_equal(machine.aplic.size, 0x8000);
	assert_int_equal(machine.uart.irq, 10);
	assert_false(machine.aplic.sends_msi);
	assert_int_equal(machine.imsic_ids, 0);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(machine.harts[i].aplic_index, i);
		assert_int_equal(machine.harts[i].msip, 0x2000000 + 4 * i);
		assert_false(machine.harts[i].msip_is_imsic);
	}
}

/* Two sockets: their harts' pages are 16 MiB apart, and a number has two parts. */
static void test_imsic_groups(void **state)
{
	(void)state;
	read_tree("qemu-imsics");
	assert_int_equal(machine.aplic.base.raw, 0xc000000);
	assert_int_equal(machine.domain_count, 4);
	assert_int_equal(machine.aplic.msi_page, 0x24000);
	assert_int_equal(machine.aplic.hart_bits, 1);
	assert_int_equal(machine.aplic.group_bits, 1);
	assert_int_equal(machine.aplic.group_shift, 24);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(machine.harts[i].aplic_index, i);
		assert_false(machine.harts[i].msip_is_imsic); /* there is a CLINT too */
	}
}

static void test_sifive_u(void **state)
{
	(void)state;
	read_tree("qemu-sifive_u");
	assert_int_equal(machine.hart_count, 5);
	assert_null(machine.harts[0].mmu_type); /* no S-mode there */
	assert_string_equal(machine.harts[4].mmu_type, "riscv,sv48");
	assert_int_equal(machine.harts[0].plic_context, 0);
	assert_int_equal(machine.harts[1].plic_context, 1); /* hart 0 has one context only */
	assert_int_equal(machine.harts[4].plic_context, 7);
	assert_int_equal(machine.harts[4].msip, 0x2000010);
	assert_int_equal(machine.timebase, 1000000);
	assert_int_equal(machine.uart.kind, UART_SIFIVE);
	assert_int_equal(machine.uart.base.raw, 0x10010000); /* the first, as stdout-path says */
	assert_int_equal(machine.uart.irq, 4);
	assert_int_equal(machine.finisher.raw, 0);
}

static void test_spike(void **state)
{
	(void)state;
	read_tree("qemu-spike");
	assert_int_equal(machine.hart_count, 2);
	assert_int_equal(machine.harts[1].mtimecmp, 0x2004008);
	assert_int_equal(machine.plic.base.raw, 0);
	assert_int_equal(machine.harts[1].plic_context, MACHINE_NO_CONTEXT);
}

/* --- a board with everything ------------------------------------------------------ */

static void test_board_harts(void **state)
{
	const struct machine_hart *harts = machine.harts;

	(void)state;
	read_tree("board");
	assert_int_equal(machine.hart_count, 3); /* one of four is disabled */
	assert_int_equal(harts[0].id, 0);
	assert_int_equal(harts[1].id, 0x100);
	assert_int_equal(harts[2].id, 7);
	assert_null(harts[0].mmu_type);
	assert_string_equal(harts[1].mmu_type, "riscv,sv39");
	assert_null(harts[2].mmu_type); /* "riscv,none" */
	assert_null(harts[0].extensions);
	assert_int_equal(harts[1].extensions_length, 6);
	assert_memory_equal(harts[1].extensions, "i\0m\0a", 6);
	/* Positions count the disabled hart, addresses are the CPUs' own. */
	assert_int_equal(harts[0].msip, 0x60000000);
	assert_int_equal(harts[1].msip, 0x60000008);
	assert_int_equal(harts[2].msip, 0x6000000c);
	assert_int_equal(harts[2].mtimecmp, 0x60004018);
	assert_int_equal(harts[0].plic_context, 0);
	assert_int_equal(harts[1].plic_context, 3);
	assert_int_equal(harts[2].plic_context, MACHINE_NO_CONTEXT);
}

static void test_board_devices(void **state)
{
	(void)state;
	read_tree("board");
	assert_string_equal(machine.model, "Test Board");
	assert_int_equal(machine.timebase, 1000000);
	assert_int_equal(machine.mtime, 0x6000bff8);
	assert_int_equal(machine.uart.base.raw, 0x40002000); /* stdout-path, not the first */
	assert_int_equal(machine.uart.kind, UART_DESIGNWARE);
	assert_int_equal(machine.uart.reg_shift, 2);
	assert_int_equal(machine.uart.io_width, 4);
	assert_int_equal(machine.uart.clock, 100000000);
	assert_int_equal(machine.uart.irq, 5);
	assert_int_equal(machine.plic.base.raw, 0x61000000);
	assert_int_equal(machine.plic.size, 0x4000000);
	assert_int_equal(machine.plic.sources, 53);
	assert_int_equal(machine.finisher.raw, 0x40003000);
}

static void test_board_memory(void **state)
{
	(void)state;
	read_tree("board");
	assert_int_equal(machine.ram_count, 3);
	/* Ascending, and rounded inwards to whole pages. */
	assert_range(machine.ram[0], 0x80001000, 0x10000000 - 0x1000);
	assert_range(machine.ram[1], 0xb0000000, 0x1000);
	assert_range(machine.ram[2], 0x1000000000, 0x40000000);
	assert_int_equal(machine.reserved_count, 2);
	assert_range(machine.reserved[0].range, 0x80000000, 0x40000);
	assert_string_equal(machine.reserved[0].name, "/memreserve/");
	assert_range(machine.reserved[1].range, 0x88000000, 0x100);
	assert_string_equal(machine.reserved[1].name, "firmware@88000000");
	assert_range(machine.initrd, 0x84000000, 0x1234);
	assert_string_equal(machine.bootargs, "log=debug");
}

/* --- one thing changed ---------------------------------------------------------------- */

static void test_without_essentials(void **state)
{
	(void)state;
	edit_board();
	remove_node("/cpus");
	assert_int_equal(read_edited(), ERR_MISSING);
	assert_says("no CPU");
	assert_says("found 0 nodes");
	assert_int_equal(machine.uart.base.raw, 0x40002000); /* to say it with */

	edit_board();
	for (unsigned i = 0; i < 4; i++)
		set_text(board_cpus[i], "status", "fail");
	assert_int_equal(read_edited(), ERR_MISSING);
	assert_says("found 4 nodes, none of them usable");

	edit_board();
	remove_node("/memory@80000000");
	remove_node("/memory@1000000000");
	assert_int_equal(read_edited(), ERR_MISSING);
	assert_says("no RAM");

	edit_board();
	set_cells("/cpus", "timebase-frequency", 1, (uint32_t[]){0});
	assert_int_equal(read_edited(), ERR_MISSING);
	assert_says("timebase-frequency");

	edit_board();
	set_text("/soc/bridge@800000/clint@0", "status", "disabled");
	assert_int_equal(read_edited(), ERR_MISSING);
	assert_says("riscv,aclint-mtimer, found none that serves any of the 3 CPUs");
}

/* A device that has all of it or half of it, and says where half of that is. */
static void test_odd_timers(void **state)
{
	static const struct {
		const char *compatible;
		unsigned cells;
		const char *words;
	} rows[] = {
		{"riscv,clint0", 0, "clint@0 has no address, left out"},
		{"riscv,aclint-mswi", 0, "clint@0 has no address, left out"},
		{"riscv,aclint-mtimer", 0, "clint@0 has no second address, that of mtimecmp"},
		{"riscv,aclint-mtimer", 2, "clint@0 has no second address, that of mtimecmp"},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LENGTH(rows); i++) {
		edit_board();
		set_text("/soc/bridge@800000/clint@0", "compatible", rows[i].compatible);
		set_cells("/soc/bridge@800000/clint@0", "reg", rows[i].cells,
			  (uint32_t[]){0, 0x8000});
		assert_int_equal(read_edited(), ERR_MISSING);
		assert_says("no timer and software interrupts");
		assert_true(fake_log_contains(rows[i].words));
	}
}

/* Turns of no length, or a frequency that is cut to 32 bits, would be the end of it. */
static void test_timebase_odd(void **state)
{
	static const uint32_t odd[][2] = {{0, 1}, {0, 999}, {1, 0}, {0x100, 0}, {-1u, -1u}};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LENGTH(odd); i++) {
		edit_board();
		set_cells("/cpus", "timebase-frequency", 2, odd[i]);
		assert_int_equal(read_edited(), ERR_MISSING);
		assert_says("timebase-frequency");
	}
	edit_board();
	set_cells("/cpus", "timebase-frequency", 1, (uint32_t[]){1000});
	assert_int_equal(read_edited(), OK);
}

static void test_timebase_forms(void **state)
{
	(void)state;
	edit_board();
	set_cells("/cpus", "timebase-frequency", 2, (uint32_t[]){0, 0xfffffffe});
	assert_int_equal(read_edited(), OK);
	assert_true(machine.timebase == 0xfffffffe);

	edit_board();
	remove_property("/cpus", "timebase-frequency");
	set_cells(board_cpus[2], "timebase-frequency", 1, (uint32_t[]){7777});
	assert_int_equal(read_edited(), OK);
	assert_int_equal(machine.timebase, 7777);

	edit_board();
	set_cells("/cpus", "timebase-frequency", 3, (uint32_t[]){1, 2, 3});
	assert_int_equal(read_edited(), ERR_MISSING);
}

static void test_odd_harts(void **state)
{
	(void)state;
	edit_board();
	set_cells(board_cpus[3], "reg", 2, (uint32_t[]){0, 0x100}); /* again */
	remove_property(board_cpus[0], "reg");
	assert_int_equal(read_edited(), OK);
	assert_int_equal(machine.hart_count, 1);
	assert_int_equal(machine.harts[0].id, 0x100);
	assert_true(fake_log_contains("/cpus/cpu@7 has hart id 256 of another CPU"));
	assert_true(fake_log_contains("/cpus/cpu@0 has no hart id"));
	/* Positions are still those of the tree. */
	assert_int_equal(machine.harts[0].msip, 0x60000008);
	assert_int_equal(machine.harts[0].plic_context, 3);

	edit_board();
	set_cells(board_cpus[3], "reg", 2, (uint32_t[]){0xffffffff, 0xfffffffe});
	assert_int_equal(read_edited(), OK);
	assert_int_equal(machine.hart_count, sizeof(xlen_t) == 8 ? 3 : 2);

	edit_board();
	set_bytes(board_cpus[2], "riscv,isa", "rv64", 4); /* not terminated */
	set_bytes(board_cpus[2], "riscv,isa-extensions", "i\0m", 3);
	assert_int_equal(read_edited(), OK);
	assert_null(machine.harts[1].isa);
	assert_null(machine.harts[1].extensions);
}

static void test_block_sizes(void **state)
{
	static const struct {
		uint32_t size;
		uint8_t shift;
	} rows[] = {{64, 6}, {2, 1},  {4096, 12}, {0, 0},	{1, 0},
		    {3, 0},  {96, 0}, {8192, 0},  {1u << 31, 0}};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LENGTH(rows); i++) {
		edit_board();
		set_cells(board_cpus[2], "riscv,cboz-block-size", 1, &rows[i].size);
		assert_int_equal(read_edited(), OK);
		assert_int_equal(machine.harts[1].block_shifts[MACHINE_BLOCK_ZEROED],
				 rows[i].shift);
		assert_int_equal(machine.harts[1].block_shifts[MACHINE_BLOCK_MANAGED], 0);
		assert_int_equal(machine.harts[0].block_shifts[MACHINE_BLOCK_ZEROED], 0);
	}
	edit_board();
	set_cells(board_cpus[2], "riscv,cboz-block-size", 2, (uint32_t[]){0, 64});
	assert_int_equal(read_edited(), OK);
	assert_int_equal(machine.harts[1].block_shifts[MACHINE_BLOCK_ZEROED], 0);
}

/* All controllers with one phandle: the first hart gets what the tree gives to it, others nothing.
 */
static void test_duplicate_phandles(void **state)
{
	uint32_t phandle;
	char path[64];

	(void)state;
	edit_board();
	phandle = phandle_of("/cpus/cpu@0/interrupt-controller");
	for (unsigned i = 1; i < 4; i++) {
		snprintf(path, sizeof(path), "%s/interrupt-controller", board_cpus[i]);
		set_cells(path, "phandle", 1, &phandle);
	}
	assert_int_equal(read_edited(), OK);
	assert_int_equal(machine.harts[0].msip, 0x60000000);
	assert_int_equal(machine.harts[1].msip, 0);
	assert_int_equal(machine.harts[1].plic_context, MACHINE_NO_CONTEXT);
}

static void test_interrupt_parents(void **state)
{
	uint32_t plic;

	(void)state;
	edit_board();
	plic = phandle_of("/soc/bridge@800000/plic@1000000");
	/* A loop, and a parent that isn't there: nobody follows them. */
	set_cells("/soc/bridge@800000/plic@1000000", "interrupt-parent", 1, &plic);
	set_cells("/soc", "interrupt-parent", 1, (uint32_t[]){0xdead});
	assert_int_equal(read_edited(), OK);
	assert_int_equal(machine.uart.irq, 0);
	assert_true(fake_log_contains("the UART's interrupt 5 isn't one of a PLIC or APLIC"));

	edit_board();
	set_cells("/soc/serial@2000", "interrupts-extended", 2, (uint32_t[]){plic, 9});
	assert_int_equal(read_edited(), OK);
	assert_int_equal(machine.uart.irq, 9);

	edit_board();
	set_cells("/soc/serial@2000", "interrupts", 1, (uint32_t[]){54}); /* 53 sources */
	assert_int_equal(read_edited(), OK);
	assert_int_equal(machine.uart.irq, 0);
}

static void expect_uart(const char *stdout_path, uint64_t base)
{
	edit_board();
	if (stdout_path)
		set_text("/chosen", "stdout-path", stdout_path);
	else
		remove_property("/chosen", "stdout-path");
	assert_int_equal(read_edited(), OK);
	assert_true(machine.uart.base.raw == base);
}

static void test_stdout_path(void **state)
{
	enum { FIRST = 0x40001000, SECOND = 0x40002000 };

	(void)state;
	expect_uart("/soc/serial@2000", SECOND);
	expect_uart("/soc/serial@2000:115200n8", SECOND);
	expect_uart("serial1", SECOND);
	expect_uart("serial0:9600", FIRST);
	expect_uart(NULL, FIRST);
	expect_uart("", FIRST);
	expect_uart(":115200", FIRST);
	expect_uart("serial9", FIRST);
	expect_uart("/soc/nothing", FIRST);
	expect_uart("/soc/test@3000", FIRST);	 /* no UART */
	expect_uart("/soc/serial@20000", FIRST); /* not reachable */

	edit_board();
	set_text("/aliases", "serial1", "serial1"); /* an alias of itself */
	assert_int_equal(read_edited(), OK);
	assert_int_equal(machine.uart.base.raw, FIRST);
}

static void test_odd_uarts(void **state)
{
	static const struct {
		const char *property;
		uint32_t value;
	} cases[] = {{"reg-shift", 4},	  {"reg-shift", 0xffffffff}, {"reg-io-width", 2},
		     {"reg-io-width", 0}, {"reg-shift", 0},	     {"reg-offset", 0xf0}};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LENGTH(cases); i++) {
		edit_board();
		set_cells("/soc/serial@2000", cases[i].property, 1, &cases[i].value);
		assert_int_equal(read_edited(), OK);
		assert_int_equal(machine.uart.base.raw, 0x40001000);
		assert_true(fake_log_contains("serial@2000"));
	}
	edit_board();
	set_cells("/soc/serial@2000", "reg-offset", 1, (uint32_t[]){0x80});
	assert_int_equal(read_edited(), OK);
	assert_int_equal(machine.uart.base.raw, 0x40002080);
	edit_board();
	set_cells("/soc/serial@2000", "reg", 2, (uint32_t[]){0x2000, 0x1f});
	assert_int_equal(read_edited(), OK);
	assert_int_equal(machine.uart.base.raw, 0x40001000);
}

/* Eight words, on a word's boundary. */
static void test_odd_sifive_uarts(void **state)
{
	static const uint32_t regs[][2] = {{0x2000, 0x1b}, {0x2002, 0x1000}, {0x2000, 0}};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LENGTH(regs); i++) {
		edit_board();
		set_text("/soc/serial@2000", "compatible", "sifive,uart0");
		set_cells("/soc/serial@2000", "reg", 2, regs[i]);
		assert_int_equal(read_edited(), OK);
		assert_int_equal(machine.uart.base.raw, 0x40001000);
		assert_true(fake_log_contains("serial@2000: no SiFive UART in its reg, left out"));
	}
	edit_board();
	set_text("/soc/serial@2000", "compatible", "sifive,uart0");
	set_cells("/soc/serial@2000", "reg", 2, (uint32_t[]){0x2000, 0x1c});
	assert_int_equal(read_edited(), OK);
	assert_int_equal(machine.uart.base.raw, 0x40002000);
	assert_int_equal(machine.uart.kind, UART_SIFIVE);
}

static void test_odd_memory(void **state)
{
	(void)state;
	edit_board(); /* the low node over the high one, and itself */
	set_cells("/memory@80000000", "reg", 12,
		  (uint32_t[]){0x10, 0x1000, 0, 0x1000, 0, 0x90000000, 0, 0x2000, 0, 0x90001000, 0,
			       0x2000});
	assert_int_equal(read_edited(), OK);
	assert_int_equal(machine.ram_count, 2);
	assert_range(machine.ram[0], 0x90000000, 0x2000);
	assert_true(fake_log_contains("memory 0x90001000-0x90002fff overlaps"));

	edit_board(); /* wraps; ends at 2^64; less than a page */
	set_cells("/memory@80000000", "reg", 12,
		  (uint32_t[]){0xffffffff, 0xfffff000, 0, 0x2000, 0xffffffff, 0xfffff000, 0, 0x1000,
			       0, 0x90000001, 0, 0x1ffe});
	assert_int_equal(read_edited(), OK);
	assert_int_equal(machine.ram_count, 1);
	assert_true(fake_log_contains("wraps"));

	edit_board();
	set_cells("/", "#address-cells", 1, (uint32_t[]){5});
	assert_int_equal(read_edited(), ERR_MISSING);
	assert_true(fake_log_contains("reg of memory has"));
	edit_board();
	set_cells("/", "#size-cells", 1, (uint32_t[]){0});
	assert_int_equal(read_edited(), ERR_MISSING);
}

static void test_too_much_memory(void **state)
{
	static uint32_t cells[4 * 200];

	(void)state;
	for (unsigned i = 0; i < 200; i++) {
		cells[4 * i + 1] = 0x20000000 + i * 0x10000;
		cells[4 * i + 3] = 0x1000;
	}
	edit_board();
	set_cells("/memory@80000000", "reg", 4 * 200, cells);
	assert_int_equal(read_edited(), OK);
	assert_int_equal(machine.ram_count, MACHINE_RAM_MAX);
	assert_true(fake_log_contains("more than 16 ranges of memory"));
	assert_true(fake_log_contains("more oddities are not shown"));

	edit_board();
	set_cells("/reserved-memory/firmware@88000000", "reg", 4 * 32, cells);
	assert_int_equal(read_edited(), ERR_LIMIT); /* and /memreserve/ */
	assert_says("more than 32 reserved ranges");
	edit_board();
	set_cells("/reserved-memory/firmware@88000000", "reg", 4 * 31, cells);
	assert_int_equal(read_edited(), OK);
	assert_int_equal(machine.reserved_count, 32);
}

static void test_odd_reserved(void **state)
{
	(void)state;
	edit_board();
	set_cells("/reserved-memory/firmware@88000000", "reg", 4,
		  (uint32_t[]){0xffffffff, 0, 0xffffffff, 0});
	assert_int_equal(read_edited(), OK);
	assert_true(machine.reserved[1].range.base.raw == 0xffffffff00000000);
	assert_true(machine.reserved[1].range.size == 0xffffffff);

	edit_board(); /* the very last byte: nothing that we could keep */
	set_cells("/reserved-memory/firmware@88000000", "reg", 4,
		  (uint32_t[]){0xffffffff, 0xffffffff, 0, 1});
	assert_int_equal(read_edited(), OK);
	assert_int_equal(machine.reserved_count, 1);

	edit_board();
	set_cells("/reserved-memory", "#address-cells", 1, (uint32_t[]){0});
	assert_int_equal(read_edited(), OK);
	assert_true(fake_log_contains("reg of firmware@88000000"));
}

static void test_initrd_forms(void **state)
{
	(void)state;
	edit_board();
	set_cells("/chosen", "linux,initrd-start", 1, (uint32_t[]){0x84000000});
	set_cells("/chosen", "linux,initrd-end", 1, (uint32_t[]){0x84000010});
	assert_int_equal(read_edited(), OK);
	assert_range(machine.initrd, 0x84000000, 0x10);

	edit_board();
	set_cells("/chosen", "linux,initrd-end", 1, (uint32_t[]){0x84000000});
	assert_int_equal(read_edited(), OK);
	assert_int_equal(machine.initrd.size, 0);
	assert_true(fake_log_contains("linux,initrd-end 0x84000000 isn't above"));

	edit_board();
	set_cells("/chosen", "linux,initrd-end", 3, (uint32_t[]){0, 0, 0x84001000});
	assert_int_equal(read_edited(), OK);
	assert_int_equal(machine.initrd.size, 0);

	edit_board();
	set_bytes("/chosen", "bootargs", "log", 3);
	assert_int_equal(read_edited(), OK);
	assert_string_equal(machine.bootargs, "");
	assert_null(machine.seed);

	edit_board();
	set_bytes("/chosen", "rng-seed", "0123456789", 10);
	assert_int_equal(read_edited(), OK);
	assert_int_equal(machine.seed_size, 10);
	assert_memory_equal(machine.seed, "0123456789", 10);
}

/* A bus that maps only part of a device, moves it past 2^64, or has no ranges at all. */
static void test_ranges(void **state)
{
	(void)state;
	edit_board();
	set_cells("/soc", "ranges", 4, (uint32_t[]){0x800000, 0, 0x60000000, 0x8000000});
	assert_int_equal(read_edited(), OK);
	assert_int_equal(machine.uart.base.raw, 0);
	assert_int_equal(machine.harts[0].msip, 0x60000000);

	edit_board();
	set_cells("/soc", "ranges", 4, (uint32_t[]){0, 0xffffffff, 0xffffff00, 0x10000000});
	assert_int_equal(read_edited(), ERR_MISSING);

	edit_board();
	remove_property("/soc/bridge@800000", "ranges");
	assert_int_equal(read_edited(), ERR_MISSING);

	edit_board();
	set_cells("/soc", "#address-cells", 1, (uint32_t[]){3});
	assert_int_equal(read_edited(), ERR_MISSING);
	edit_board();
	set_cells("/soc", "#size-cells", 1, (uint32_t[]){0});
	assert_int_equal(read_edited(), ERR_MISSING);
}

/*
 * M-mode of RV32 can't address what lies above 4 GiB: a device there isn't one at an address that
 * has lost its upper half.
 */
static void test_beyond_reach(void **state)
{
	(void)state;
	edit_board();
	set_cells("/soc", "ranges", 8,
		  (uint32_t[]){0, 1, 0x40000000, 0x10000, 0x800000, 1, 0x60000000, 0x8000000});
	if (XLEN == 64) {
		assert_int_equal(read_edited(), OK);
		assert_true(machine.uart.base.raw == 0x140002000);
		assert_true(machine.plic.base.raw == 0x161000000);
		assert_true(machine.harts[0].msip == (xlen_t)0x160000000);
		return;
	}
	assert_int_equal(read_edited(), ERR_MISSING);
	assert_false(machine.uart.base.raw || machine.plic.base.raw || machine.mtime);
	assert_false(machine.harts[0].msip || machine.harts[0].mtimecmp || machine.finisher.raw);
}

/* Registers that would lie behind the end of the CLINT aren't there. */
static void test_small_clint(void **state)
{
	(void)state;
	edit_board();
	set_cells("/soc/bridge@800000/clint@0", "reg", 2, (uint32_t[]){0, 0x4010});
	assert_int_equal(read_edited(), OK);
	assert_int_equal(machine.mtime, 0);
	assert_int_equal(machine.harts[0].mtimecmp, 0x60004000);
	assert_int_equal(machine.harts[1].mtimecmp, 0);

	edit_board();
	set_text("/soc/bridge@800000/clint@0", "compatible", "thead,c900-clint");
	assert_int_equal(read_edited(), OK);
	assert_int_equal(machine.mtime, 0);
	assert_int_equal(machine.harts[2].mtimecmp, 0x60004018);
	assert_true(machine.harts[2].mtimecmp_halves);

	edit_board();
	set_text("/soc/bridge@800000/clint@0", "compatible", "riscv,clint0");
	set_text("/soc/bridge@800000/plic@1000000", "compatible", "riscv,plic0");
	assert_int_equal(read_edited(), OK);
	assert_int_equal(machine.plic.sources, 53);
	assert_false(machine.harts[2].mtimecmp_halves);
}

/* A device where there is memory, and registers askew: one of the two is wrong, so hands off. */
static void test_devices_in_memory(void **state)
{
	(void)state;
	edit_board();
	set_cells("/memory@80000000", "reg", 4, (uint32_t[]){0, 0x40000000, 0, 0x80000000});
	assert_int_equal(read_edited(), ERR_MISSING);
	assert_true(fake_log_contains("clint@0 is at 0x60000000, which is memory"));
	assert_false(machine.uart.base.raw || machine.plic.base.raw || machine.mtime);
	assert_false(machine.harts[0].msip || machine.harts[0].mtimecmp);

	edit_board();
	set_cells("/soc/bridge@800000/clint@0", "reg", 2, (uint32_t[]){4, 0xc000});
	assert_int_equal(read_edited(), ERR_MISSING);
	assert_int_equal(machine.harts[0].msip, 0x60000004);
	assert_int_equal(machine.harts[0].mtimecmp, 0);
	assert_int_equal(machine.mtime, 0);
}

/* New nodes come first in the tree, so those of the board are the first without room. */
static enum status with_more_cpus(unsigned count)
{
	char name[16];

	edit_board();
	for (unsigned i = count; i; i--) {
		snprintf(name, sizeof(name), "cpu@%x", 0x1000 + i);
		add_cpu(name, 0x1000 + i);
	}
	return read_edited();
}

/* More CPUs than there is room for: counted, and what is left out takes no part. */
static void test_thousand_harts(void **state)
{
	(void)state;
	assert_int_equal(with_more_cpus(MACHINE_HARTS_MAX - 3), OK);
	assert_int_equal(machine.hart_count, MACHINE_HARTS_MAX);
	assert_int_equal(machine.harts_left_out, 0);
	assert_int_equal(machine.harts[127].id, 7);
	assert_int_equal(machine.harts[127].msip, 0x6000000c);

	assert_int_equal(with_more_cpus(MACHINE_HARTS_MAX - 2), OK);
	assert_int_equal(machine.hart_count, MACHINE_HARTS_MAX);
	assert_int_equal(machine.harts_left_out, 1);
	assert_int_equal(machine.harts[127].id, 0x100);
	assert_int_equal(machine.harts[127].msip, 0x60000008);

	assert_int_equal(with_more_cpus(1000), ERR_MISSING); /* none has a timer */
	assert_int_equal(machine.hart_count, MACHINE_HARTS_MAX);
	assert_int_equal(machine.harts_left_out, 1003 - MACHINE_HARTS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_virt),
		cmocka_unit_test(test_aclint),
		cmocka_unit_test(test_sockets),
		cmocka_unit_test(test_imsic),
		cmocka_unit_test(test_aplic),
		cmocka_unit_test(test_imsic_groups),
		cmocka_unit_test(test_sifive_u),
		cmocka_unit_test(test_spike),
		cmocka_unit_test(test_board_harts),
		cmocka_unit_test(test_board_devices),
		cmocka_unit_test(test_board_memory),
		cmocka_unit_test(test_without_essentials),
		cmocka_unit_test(test_odd_timers),
		cmocka_unit_test(test_timebase_forms),
		cmocka_unit_test(test_timebase_odd),
		cmocka_unit_test(test_odd_harts),
		cmocka_unit_test(test_block_sizes),
		cmocka_unit_test(test_duplicate_phandles),
		cmocka_unit_test(test_interrupt_parents),
		cmocka_unit_test(test_stdout_path),
		cmocka_unit_test(test_odd_uarts),
		cmocka_unit_test(test_odd_sifive_uarts),
		cmocka_unit_test(test_odd_memory),
		cmocka_unit_test(test_too_much_memory),
		cmocka_unit_test(test_odd_reserved),
		cmocka_unit_test(test_initrd_forms),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_beyond_reach),
		cmocka_unit_test(test_small_clint),
		cmocka_unit_test(test_devices_in_memory),
		cmocka_unit_test(test_thousand_harts),
	};

	return cmocka_run_group_tests(tests, NULL, fixture_end);
}
