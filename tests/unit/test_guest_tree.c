/* SPDX-License-Identifier: MIT */
/*
 * src/core/guest_tree.c: what a guest is told is what was passed in, dtc and
 * libfdt find nothing wrong with it, and it never writes beyond its room.
 */
#include "unit.h"

#include <libfdt.h>
#include <unistd.h>

#include "core/guest_tree.h"
#include "core/manifest.h"

static const char extensions[] = "i\0m\0a\0f\0d\0c\0zicsr\0zifencei\0sstc";

static const uint8_t seed[SEED_SIZE] = "thirty-two bytes, any of them.";

static const struct guest_tree web = {
	.name = "web",
	.bootargs = "console=ttyS0 quiet",
	.ram = {0x90000000},
	.ram_size = 0x8000000,
	.initrd = {0x97000000},
	.initrd_size = 12345,
	.seed = seed,
	.vcpus = 2,
	.timebase = 10000000,
	.isa_base = "rv64i",
	.isa = "rv64imafdc_zicsr_zifencei_sstc",
	.extensions = extensions,
	.extensions_length = sizeof(extensions),
	.mmu_type = "riscv,sv57",
	.block_shifts = (const uint8_t[]){6, 0, 12},
	.plic = {0xc000000},
	.plic_size = 0x400000,
	.plic_sources = 31,
	.uart = {0x10000000},
	.uart_size = 0x100,
	.uart_irq = 10,
	.uart_clock = 3686400,
};

static uint8_t out[GUEST_TREE_SIZE] __attribute__((aligned(8)));

static size_t build(const struct guest_tree *tree)
{
	size_t length = 0;
	struct reason why;

	memset(out, 0xa5, sizeof(out));
	if (guest_tree_build(tree, out, sizeof(out), &length, &why))
		fail_msg("refused: %s", why.text);
	assert_int_equal(fdt_totalsize(out), length + GUEST_TREE_SLACK);
	assert_int_equal(fdt_check_full(out, sizeof(out)), 0);
	assert_int_equal(fdt_off_dt_strings(out) + fdt_size_dt_strings(out), length);
	return length;
}

/*
 * All of dtc's checks, those that are off unless asked for included, must have
 * nothing to say, nor anything to stop at.
 */
static void check_with_dtc(size_t length)
{
	char command[256], said[512] = "", file[] = "/tmp/test_guest_tree.XXXXXX";
	int fd = mkstemp(file);
	FILE *dtc;

	length += GUEST_TREE_SLACK;
	assert_int_equal(write(fd, out, length), length);
	close(fd);
	snprintf(command, sizeof(command),
		 "dtc -I dtb -O dts -W node_name_chars_strict -W property_name_chars_strict "
		 "-W unique_unit_address_if_enabled -W interrupt_provider -o /dev/null %s 2>&1",
		 file);
	dtc = popen(command, "r");
	assert_non_null(dtc);
	fd = (int)fread(said, 1, sizeof(said) - 1, dtc);
	assert_int_equal(pclose(dtc), 0);
	unlink(file);
	if (fd)
		fail_msg("dtc says: %s", said);
}

static const void *get(const char *path, const char *name, int size)
{
	int length, node = fdt_path_offset(out, path);
	const void *value = node < 0 ? NULL : fdt_getprop(out, node, name, &length);

	if (!value || length != size)
		fail_msg("%s %s: %s", path, name, value ? "has another size" : "is missing");
	return value;
}

static void check_text(const char *path, const char *name, const char *text)
{
	assert_string_equal(get(path, name, (int)strlen(text) + 1), text);
}

static void check_cell(const char *path, const char *name, uint32_t value)
{
	assert_int_equal(fdt32_ld(get(path, name, 4)), value);
}

static void check_wide(const char *path, const char *name, uint64_t value)
{
	assert_int_equal(fdt64_ld(get(path, name, 8)), value);
}

static void check_reg(const char *path, uint64_t base, uint64_t size)
{
	const fdt64_t *cells = get(path, "reg", 16);

	assert_int_equal(fdt64_ld(cells), base);
	assert_int_equal(fdt64_ld(cells + 1), size);
}

static void test_contents(void **state)
{
	static const char plic[] = "sifive,plic-1.0.0\0riscv,plic0";
	const fdt32_t *contexts;

	(void)state;
	check_with_dtc(build(&web));
	check_cell("/", "#address-cells", 2);
	check_cell("/", "#size-cells", 2);
	check_text("/", "compatible", "diosix,capsule");
	check_text("/", "model", "Diosix capsule web");
	check_text("/chosen", "bootargs", "console=ttyS0 quiet");
	check_text("/chosen", "stdout-path", "/soc/serial@10000000:115200n8");
	check_wide("/chosen", "linux,initrd-start", 0x97000000);
	check_wide("/chosen", "linux,initrd-end", 0x97000000 + 12345);
	assert_memory_equal(get("/chosen", "rng-seed", SEED_SIZE), seed, SEED_SIZE);
	check_reg("/memory@90000000", 0x90000000, 0x8000000);
	check_text("/memory@90000000", "device_type", "memory");
	check_cell("/cpus", "timebase-frequency", 10000000);
	for (uint32_t i = 0; i < 2; i++) {
		char cpu[] = "/cpus/cpu@0/interrupt-controller";

		cpu[10] = '0' + i;
		check_text(cpu, "compatible", "riscv,cpu-intc");
		check_cell(cpu, "#interrupt-cells", 1);
		check_cell(cpu, "phandle", i + 1);
		get(cpu, "interrupt-controller", 0);
		cpu[11] = 0;
		check_text(cpu, "device_type", "cpu");
		check_text(cpu, "compatible", "riscv");
		check_text(cpu, "status", "okay");
		check_cell(cpu, "reg", i);
		check_text(cpu, "riscv,isa", web.isa);
		check_text(cpu, "riscv,isa-base", "rv64i");
		check_text(cpu, "mmu-type", "riscv,sv57");
		check_cell(cpu, "riscv,cbom-block-size", 64);
		assert_null(
			fdt_getprop(out, fdt_path_offset(out, cpu), "riscv,cboz-block-size", NULL));
		check_cell(cpu, "riscv,cbop-block-size", 4096);
		assert_memory_equal(get(cpu, "riscv,isa-extensions", sizeof(extensions)),
				    extensions, sizeof(extensions));
	}
	check_reg("/soc/plic@c000000", 0xc000000, 0x400000);
	assert_memory_equal(get("/soc/plic@c000000", "compatible", sizeof(plic)), plic,
			    sizeof(plic));
	check_cell("/soc/plic@c000000", "riscv,ndev", 31);
	check_cell("/soc/plic@c000000", "phandle", 3);
	contexts = get("/soc/plic@c000000", "interrupts-extended", 16);
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(fdt32_ld(contexts + 2 * i), i + 1);
		assert_int_equal(fdt32_ld(contexts + 2 * i + 1), 9);
	}
	check_reg("/soc/serial@10000000", 0x10000000, 0x100);
	check_text("/soc/serial@10000000", "compatible", "ns16550a");
	check_cell("/soc/serial@10000000", "clock-frequency", 3686400);
	check_cell("/soc/serial@10000000", "current-speed", 115200);
	check_cell("/soc/serial@10000000", "interrupts", 10);
	check_cell("/soc/serial@10000000", "interrupt-parent", 3);
}

static void test_absent(void **state)
{
	struct guest_tree tree = web;
	int chosen;

	(void)state;
	tree.bootargs = "";
	tree.seed = NULL;
	tree.initrd_size = 0;
	tree.vcpus = 1;
	check_with_dtc(build(&tree));
	chosen = fdt_path_offset(out, "/chosen");
	assert_null(fdt_getprop(out, chosen, "bootargs", NULL));
	assert_null(fdt_getprop(out, chosen, "linux,initrd-start", NULL));
	assert_null(fdt_getprop(out, chosen, "rng-seed", NULL));
	assert_true(fdt_path_offset(out, "/cpus/cpu@1") < 0);
	/* Addresses above 4 GiB. */
	tree.ram.raw = 0x1280000000;
	tree.ram_size = 0x200000000;
	check_with_dtc(build(&tree));
	check_reg("/memory@1280000000", 0x1280000000, 0x200000000);
}

/* The most that a manifest and an ISA can ask for fits in GUEST_TREE_SIZE. */
static void test_largest(void **state)
{
	static char bootargs[MANIFEST_BOOTARGS_MAX], isa[256], list[256];
	struct guest_tree tree = web;

	(void)state;
	memset(bootargs, 'b', sizeof(bootargs) - 1);
	memset(isa, 'i', sizeof(isa) - 1);
	memset(list, 'z', sizeof(list) - 1);
	tree.name = "a-name-of-thirty-one-characters";
	tree.bootargs = bootargs;
	tree.vcpus = MANIFEST_VCPUS_MAX;
	tree.isa = isa;
	tree.extensions = list;
	tree.extensions_length = sizeof(list);
	check_with_dtc(build(&tree));
	check_text("/", "model", "Diosix capsule a-name-of-thirty-one-characters");
	check_cell("/cpus/cpu@1f", "reg", 31);
}

static void test_room(void **state)
{
	size_t length = build(&web);

	(void)state;
	for (size_t size = 0; size <= length + 8; size += size < length - 8 ? 8 : 1) {
		uint8_t *room = malloc(size ? size : 1);
		size_t used;
		struct reason why = {""};
		enum status status = guest_tree_build(&web, room, size, &used, &why);

		if (size < length) {
			assert_int_equal(status, ERR_LIMIT);
			assert_non_null(strstr(why.text, "for 2 vCPUs does not fit in"));
		} else if (!status) {
			/* Without room for the slack its end is the tree's. */
			assert_int_equal(used, length);
			assert_int_equal(fdt_totalsize(room), length);
			fdt_set_totalsize(room, length + GUEST_TREE_SLACK);
			assert_memory_equal(room, out, length);
		}
		free(room);
	}
	{
		struct guest_tree tree = web;
		struct reason why;
		size_t used;

		tree.vcpus = UINT32_MAX;
		assert_int_equal(guest_tree_build(&tree, out, sizeof(out), &used, &why), ERR_LIMIT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_contents),
		cmocka_unit_test(test_absent),
		cmocka_unit_test(test_largest),
		cmocka_unit_test(test_room),
	};

	return cmocka_run_group_tests_name("guest_tree", tests, NULL, NULL);
}
