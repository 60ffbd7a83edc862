/* SPDX-License-Identifier: MIT */
/*
 * What machine_read() makes of real boards: of shapes that their trees have and emulators' don't
 * (tests/unit/data/clusters.dts), and of every tree that Debian's kernel package has, where those
 * are there. The latter are trees for an operating system below firmware: what a boot loader adds,
 * the size of RAM, is added here.
 *
 * BOARD_TREES in the environment names another folder of them.
 */
#include "unit.h"

#include <dirent.h>
#include <sys/stat.h>

#include "machine_fixture.h"
#include "riscv/isa.h"

/* --- shapes ----------------------------------------------------------------------- */

static void test_clusters(void **state)
{
	static const uint64_t timers[] = {0x70ac004000, 0x70ac004008, 0x70ac014000};

	(void)state;
	read_tree("clusters");
	assert_int_equal(fake_log_count(), 1); /* cpu@5 is not in use */
	assert_int_equal(machine.hart_count, 3);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(machine.harts[i].msip, 0x7094000000 + 4 * i);
		assert_int_equal(machine.harts[i].mtimecmp, timers[i]);
		assert_true(machine.harts[i].mtimecmp_halves);
	}
	assert_int_equal(machine.mtime, 0);
	assert_int_equal(machine.uart.base.raw, 0x7000010000);
	assert_int_equal(machine.uart.kind, UART_XSCALE);
	assert_int_equal(machine.uart.irq, 42);
	assert_int_equal(machine.uart.trigger, 4);
	/* A maker's extension is passed over, a standard one behind it isn't. */
	assert_false(isa_read(&machine.harts[0], NULL) & ISA_BIT(ISA_V));
	assert_true(isa_read(&machine.harts[1], NULL) & ISA_BIT(ISA_ZBA));
}

/* Nuclei's has the same shape under another name. */
static void test_names(void **state)
{
	(void)state;
	edit_tree("clusters");
	set_text("/soc/interrupt-controller@94000000", "compatible", "nuclei,ux900-aclint-mswi");
	set_text("/soc/timer@ac004000", "compatible", "nuclei,ux900-aclint-mtimer");
	assert_int_equal(read_edited(), OK);
	assert_int_equal(machine.harts[1].msip, 0x7094000004);
	assert_int_equal(machine.harts[1].mtimecmp, 0x70ac004008);
	assert_true(machine.harts[1].mtimecmp_halves);
}

/* The specification's own timer: mtime, then mtimecmp, unless their names say otherwise. */
static void test_timer_registers(void **state)
{
	const char *timer = "/soc/timer@ac004000";

	(void)state;
	edit_tree("clusters");
	set_text(timer, "compatible", "riscv,aclint-mtimer");
	assert_int_equal(read_edited(), OK);
	assert_int_equal(machine.harts[1].mtimecmp, 0x70ac004008);
	assert_false(machine.harts[1].mtimecmp_halves);
	assert_true(machine.harts[2].mtimecmp_halves);

	edit_tree("clusters");
	set_bytes(timer, "reg-names", "mtime\0mtimecmp", 15);
	set_cells(timer, "reg", 8, (uint32_t[]){0x70, 0xac00bff8, 0, 8, 0x70, 0xac004000, 0, 0x10});
	assert_int_equal(read_edited(), OK);
	assert_int_equal(machine.mtime, 0x70ac00bff8);
	assert_int_equal(machine.harts[0].mtimecmp, 0x70ac004000);

	edit_tree("clusters");
	remove_property(timer, "reg-names");
	assert_int_equal(read_edited(), OK);
	assert_int_equal(machine.harts[0].mtimecmp, 0);
	assert_true(fake_log_contains("timer@ac004000 has no second address, that of mtimecmp"));

	edit_tree("clusters");
	remove_property(timer, "reg");
	assert_int_equal(read_edited(), OK);
	assert_true(fake_log_contains("timer@ac004000 has no address, that of mtimecmp"));
}

/* T-Head's CLINT by the property that makers' trees have instead of the name. */
static void test_no_wide_access(void **state)
{
	const char *clint = "/soc/bridge@800000/clint@0";

	(void)state;
	edit_board();
	set_text(clint, "compatible", "riscv,clint0");
	set_bytes(clint, "clint,has-no-64bit-mmio", "", 0);
	assert_int_equal(read_edited(), OK);
	assert_true(machine.harts[0].mtimecmp_halves);
	assert_int_equal(machine.harts[0].mtimecmp, 0x60004000);
	assert_int_equal(machine.mtime, 0);
}

/* A machine's context that is called unconnected, since the tree is for a supervisor. */
static void test_unconnected_contexts(void **state)
{
	(void)state;
	read_tree("clusters");
	assert_int_equal(machine.harts[0].plic_context, 0);
	assert_int_equal(machine.harts[1].plic_context, 2);
	/* Not before its supervisor's: nothing says that it is the machine's. */
	assert_int_equal(machine.harts[2].plic_context, MACHINE_NO_CONTEXT);
}

/* What is reserved for firmware is for us; a UART and a CPU may be another program's. */
static void test_reserved(void **state)
{
	static const char *const ours[] = {
		"/soc/interrupt-controller@94000000",
		"/soc/timer@ac004000",
		"/soc/timer@ac014000",
		"/soc/interrupt-controller@90000000",
	};

	(void)state;
	edit_tree("clusters");
	for (unsigned i = 0; i < ARRAY_LENGTH(ours); i++)
		set_text(ours[i], "status", "reserved");
	assert_int_equal(read_edited(), OK);
	assert_int_equal(machine.harts[2].msip, 0x7094000008);
	assert_int_equal(machine.harts[2].mtimecmp, 0x70ac014000);
	assert_int_equal(machine.plic.base.raw, 0x7090000000);
	assert_int_equal(machine.uart.irq, 42);

	edit_tree("clusters");
	set_text("/soc/serial@10000", "status", "reserved");
	assert_int_equal(read_edited(), OK);
	assert_int_equal(machine.uart.base.raw, 0);

	/* Nor is anything on a bus that is switched off. */
	edit_tree("clusters");
	set_text("/soc", "status", "disabled");
	set_text(ours[0], "status", "reserved");
	assert_int_equal(read_edited(), ERR_MISSING);

	edit_tree("clusters");
	set_text(ours[0], "status", "disabled");
	assert_int_equal(read_edited(), ERR_MISSING);
}

/* Address 0 stands for none. */
static void test_memory_from_zero(void **state)
{
	(void)state;
	read_tree("clusters");
	assert_int_equal(machine.ram_count, 2);
	assert_int_equal(machine.ram[0].base.raw, PAGE_SIZE);
	assert_int_equal(machine.ram[0].size, 0x80000000 - PAGE_SIZE);
	assert_int_equal(machine.ram[1].base.raw, 0x100000000);
}

/* --- the trees of Debian's kernel -------------------------------------------------- */

/*
 * What is known of a board, or of all boards of a chip; the first row that the tree's root is
 * compatible with. Read out of the trees by hand.
 */
struct row {
	const char *compatible;
	uint64_t add_ram;  /* where RAM begins, when the tree leaves it to the loader */
	const char *lacks; /* why it is refused all the same, or NULL */
	unsigned harts;
	xlen_t first;		 /* mhartid of the first of them */
	uint64_t msip, mtimecmp; /* of the first and of the last */
	bool halves;
	uint64_t uart;
	enum machine_uart_kind kind;
	unsigned irq;
	int context; /* of the first hart */
	isa_set_t has;
};

#define NO_TIMER "no timer and software interrupts"
#define IMAFDC	 (ISA_BIT(ISA_M) | ISA_BIT(ISA_A) | ISA_BIT(ISA_F) | ISA_BIT(ISA_D) | ISA_BIT(ISA_C))
#define DW	 UART_DESIGNWARE

static const struct row rows[] = {
	{"allwinner,sun20i-d1s", 0x40000000, NO_TIMER, 1, 0, 0, 0, 0, 0x2500c00, DW, 21, 0, IMAFDC},
	{"allwinner,sun20i-d1", 0x40000000, NO_TIMER, 1, 0, 0, 0, 0, 0x2500000, DW, 18, 0, IMAFDC},
	{"andestech,qilai", 0, NO_TIMER, 4, 0, 0, 0, 0, 0x30300020, UART_16550, 0, -1, IMAFDC},
	{"anlogic,dr1v90", 0, NULL, 1, 0, 0x68031000, 0x68035000, 1, 0xf8401000, DW, 72, 0, IMAFDC},
	{"canaan,kendryte-k210", 0, NULL, 2, 0, 0x2000000, 0x2004000, 0, 0x38000000, UART_SIFIVE,
	 33, 0, IMAFDC},
	{"eswin,eic7700", 0x80000000, NULL, 4, 0, 0x2000000, 0x2004000, 0, 0x50900000, DW, 100, 0,
	 IMAFDC | ISA_BIT(ISA_H) | ISA_BIT(ISA_ZBB)},
	{"beagle,beaglev-fire", 0, NULL, 4, 1, 0x2000004, 0x2004008, 0, 0x20000000, UART_16550, 90,
	 1, IMAFDC},
	{"sundance,polarberry", 0, NULL, 4, 1, 0x2000004, 0x2004008, 0, 0x20000000, UART_16550, 90,
	 1, IMAFDC},
	{"microchip,mpfs-disco-kit", 0, NULL, 4, 1, 0x2000004, 0x2004008, 0, 0x20106000, UART_16550,
	 94, 1, IMAFDC},
	{"microchip,mpfs", 0, NULL, 4, 1, 0x2000004, 0x2004008, 0, 0x20100000, UART_16550, 91, 1,
	 IMAFDC},
	{"microchip,pic64gx", 0, NULL, 4, 1, 0x2000004, 0x2004008, 0, 0x20100000, UART_16550, 91, 1,
	 IMAFDC},
	{"sifive,fu540-c000", 0, NO_TIMER, 4, 1, 0, 0, 0, 0x10010000, UART_SIFIVE, 4, 1, IMAFDC},
	{"sifive,fu740-c000", 0, NO_TIMER, 4, 1, 0, 0, 0, 0x10010000, UART_SIFIVE, 39, 1, IMAFDC},
	{"sophgo,cv1800b", 0, NULL, 1, 0, 0x74000000, 0x74004000, 1, 0x4140000, DW, 44, 0, IMAFDC},
	{"sophgo,cv1812h", 0, NULL, 1, 0, 0x74000000, 0x74004000, 1, 0x4140000, DW, 44, 0, IMAFDC},
	{"sophgo,sg2002", 0, NULL, 1, 0, 0x74000000, 0x74004000, 1, 0x4140000, DW, 44, 0, IMAFDC},
	{"sophgo,sg2042", 0x200000, NULL, 64, 0, 0x7094000000, 0x70ac004000, 1, 0x7040000000, DW,
	 112, 0, IMAFDC},
	{"sophgo,sg2044", 0, NULL, 64, 0, 0x6d44000000, 0x6d44004000, 1, 0x7030001000, DW, 42, 0,
	 IMAFDC | ISA_BIT(ISA_V) | ISA_BIT(ISA_SSTC)},
	{"spacemit,k1", 0x200000, NULL, 8, 0, 0xe4000000, 0xe4004000, 0, 0xd4017000, UART_XSCALE,
	 42, 0, IMAFDC | ISA_BIT(ISA_V) | ISA_BIT(ISA_SSTC)},
	{"spacemit,k3", 0, NO_TIMER, 8, 0, 0xe081c000, 0, 0, 0xd4017000, UART_XSCALE, 42, -1,
	 IMAFDC | ISA_BIT(ISA_H) | ISA_BIT(ISA_SSTC)},
	{"starfive,jh7100", 0, NULL, 2, 0, 0x2000000, 0x2004000, 0, 0x12440000, DW, 73, 0, IMAFDC},
	{"starfive,jh7110", 0, NULL, 4, 1, 0x2000004, 0x2004008, 0, 0x10000000, DW, 32, 1,
	 IMAFDC | ISA_BIT(ISA_ZBA)},
	{"tenstorrent,blackhole", 0, NULL, 4, 0, 0x2000000, 0x2004000, 0, 0, UART_16550, 0, 0,
	 IMAFDC | ISA_BIT(ISA_V)},
	{"thead,th1520", 0, NULL, 4, 0, 0xffdc000000, 0xffdc004000, 1, 0xffe7014000, DW, 36, 0,
	 IMAFDC},
};

static const struct row *row_of(const void *fdt)
{
	int length;
	const char *list = fdt_getprop(fdt, 0, "compatible", &length);

	for (unsigned i = 0; list && i < ARRAY_LENGTH(rows); i++)
		if (fdt_stringlist_contains(list, length, rows[i].compatible))
			return &rows[i];
	return NULL;
}

/* As a loader does that has found out how much there is: 1 GiB. */
static void add_ram(const struct row *row)
{
	const char *path = "/memory@1";

	if (fdt_path_offset(edited, path) < 0)
		assert_true(fdt_add_subnode(edited, 0, path + 1) >= 0);
	set_text(path, "device_type", "memory");
	if (fdt_address_cells(edited, 0) == 1)
		set_cells(path, "reg", 2, (uint32_t[]){(uint32_t)row->add_ram, 0x40000000});
	else
		set_cells(path, "reg", 4, (uint32_t[]){0, (uint32_t)row->add_ram, 0, 0x40000000});
}

static void show(const char *name, enum status status)
{
	const struct machine_hart *hart = &machine.harts[0];
	struct isa_text isa;

	isa_write(isa_read(hart, NULL), 64, &isa);
	if (!getenv("UNIT_VERBOSE"))
		return;
	printf("%s: %s; %u harts from %lu, %s, %s; msip 0x%llx, mtimecmp 0x%llx%s, UART 0x%llx "
	       "(kind %u, shift %u, width %u, source %u), PLIC 0x%llx context %d, APLIC 0x%llx, "
	       "%u ranges of RAM from 0x%llx\n",
	       name, status ? why.text : "all there", machine.hart_count, (unsigned long)hart->id,
	       hart->mmu_type ? hart->mmu_type : "no MMU", isa.isa, (unsigned long long)hart->msip,
	       (unsigned long long)hart->mtimecmp, hart->mtimecmp_halves ? " in halves" : "",
	       (unsigned long long)machine.uart.base.raw, machine.uart.kind, machine.uart.reg_shift,
	       machine.uart.io_width, machine.uart.irq, (unsigned long long)machine.plic.base.raw,
	       hart->plic_context, (unsigned long long)machine.aplic.base.raw, machine.ram_count,
	       (unsigned long long)machine.ram[0].base.raw);
}

static void check(const char *name, const struct row *row, enum status status)
{
	const struct machine_hart *hart = &machine.harts[0];

	if (row->lacks ? !strstr(why.text, row->lacks) : status != OK)
		fail_msg("%s: status %d, \"%s\"", name, status, why.text);
	if (machine.hart_count != row->harts || hart->id != row->first)
		fail_msg("%s: %u harts from %lu", name, machine.hart_count,
			 (unsigned long)hart->id);
	if (hart->msip != row->msip || hart->mtimecmp != row->mtimecmp ||
	    hart->mtimecmp_halves != row->halves)
		fail_msg("%s: timer", name);
	for (unsigned i = 0; !row->lacks && i < machine.hart_count; i++)
		if (!machine.harts[i].msip || !machine.harts[i].mtimecmp)
			fail_msg("%s: hart %u has no timer", name, i);
	if (machine.uart.base.raw != row->uart || machine.uart.irq != row->irq)
		fail_msg("%s: UART at 0x%lx, interrupt %u", name,
			 (unsigned long)machine.uart.base.raw, machine.uart.irq);
	/* All of these have registers that are 4 bytes apart and wide. */
	if (row->uart && (machine.uart.kind != row->kind || machine.uart.reg_shift != 2 ||
			  machine.uart.io_width != 4))
		fail_msg("%s: kind of UART", name);
	if (hart->plic_context != row->context)
		fail_msg("%s: context %d", name, hart->plic_context);
	if (row->has & ~isa_read(hart, NULL))
		fail_msg("%s: extensions are missing", name);
}

/* True when the board is one of the rows'. */
static bool check_file(const char *folder, const char *name)
{
	char path[2048];
	const struct row *row;
	enum status status;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	free(tree);
	tree = unit_read_file(path, &tree_size);
	assert_non_null(tree);
	status = read_now();
	row = row_of(tree);
	if (row && row->add_ram) {
		if (!edited)
			edited = malloc(EDIT_SIZE);
		assert_int_equal(fdt_open_into(tree, edited, EDIT_SIZE), 0);
		assert_says("no RAM");
		add_ram(row);
		status = read_edited();
	}
	show(name, status);
	if (row)
		check(name, row, status);
	else
		printf("%s: no board that this test knows\n", name);
	return row;
}

/* The .dtb files of a folder. */
static unsigned check_folder(const char *folder, unsigned *strangers)
{
	DIR *dir = opendir(folder);
	unsigned known = 0;

	for (const struct dirent *entry; dir && (entry = readdir(dir));) {
		size_t length = strlen(entry->d_name);

		if (length < 5 || strcmp(entry->d_name + length - 4, ".dtb"))
			continue;
		if (check_file(folder, entry->d_name))
			known++;
		else
			++*strangers;
	}
	if (dir)
		closedir(dir);
	return known;
}

static void test_debian(void **state)
{
	const char *root = getenv("BOARD_TREES");
	unsigned known = 0, strangers = 0;
	DIR *dir;

	(void)state;
	if (!root || !*root)
		root = BOARD_TREES;
	dir = opendir(root);
	if (!dir) {
		printf("%s isn't there: the trees of real boards were NOT read; `make update` "
		       "fetches a kernel with them\n",
		       root);
		skip();
	}
	for (const struct dirent *entry; (entry = readdir(dir));) {
		char folder[1024];

		snprintf(folder, sizeof(folder), "%s/%s", root, entry->d_name);
		if (entry->d_name[0] != '.')
			known += check_folder(folder, &strangers);
	}
	closedir(dir);
	printf("%u trees of boards are as they should be, %u are of boards unknown\n", known,
	       strangers);
	assert_in_range(known, 30, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clusters),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_timer_registers),
		cmocka_unit_test(test_no_wide_access),
		cmocka_unit_test(test_unconnected_contexts),
		cmocka_unit_test(test_reserved),
		cmocka_unit_test(test_memory_from_zero),
		cmocka_unit_test(test_debian),
	};

	return cmocka_run_group_tests(tests, NULL, fixture_end);
}
