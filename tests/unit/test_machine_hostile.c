/* SPDX-License-Identifier: MIT */
/*
 * machine_read() on damaged trees: refused in words, or read as something else,
 * but never a byte outside of the tree (ASan), a trap (UBSan) or a hang.
 */
#include <time.h>

#include "machine_fixture.h"

/* What holds whatever the tree says. */
static void assert_sane(enum status status)
{
	assert_true(machine.hart_count <= MACHINE_HARTS_MAX);
	assert_true(machine.ram_count <= MACHINE_RAM_MAX);
	assert_true(machine.reserved_count <= MACHINE_RESERVED_MAX);
	assert_non_null(machine.model);
	assert_non_null(machine.bootargs);
	for (unsigned i = 0; i < machine.ram_count; i++) {
		const struct hpa_range *ram = &machine.ram[i];

		assert_true(ram->size && ram->size % PAGE_SIZE == 0);
		assert_true(ram->base.raw % PAGE_SIZE == 0);
		assert_true(ram->size <= UINT64_MAX - ram->base.raw);
		if (i)
			assert_true(ram->base.raw >= ram[-1].base.raw + ram[-1].size);
	}
	for (unsigned i = 0; i < machine.hart_count; i++)
		for (unsigned j = 0; j < i; j++)
			assert_true(machine.harts[i].id != machine.harts[j].id);
	for (unsigned i = 0; i < machine.hart_count; i++) {
		int index = machine.harts[i].aplic_index;

		assert_true(index >= MACHINE_NO_CONTEXT && index < 1 << 14);
		if (index != MACHINE_NO_CONTEXT && !machine.aplic.sends_msi)
			assert_true(0x4000 + 32 * (unsigned)(index + 1) <= machine.aplic.size);
	}
	assert_true(machine.domain_count <= MACHINE_DOMAINS_MAX && machine.imsic_ids <= 2047);
	if (machine.aplic.base.raw)
		assert_true(machine.aplic.size >= 0x4000 && machine.aplic.sources >= 1 &&
			    machine.aplic.sources <= 1023);
	if (machine.uart.irq)
		assert_true(machine.plic.base.raw || machine.aplic.base.raw);
	if (status == OK)
		assert_true(machine.hart_count && machine.ram_count && machine.timebase);
	else
		assert_string_not_equal(why.text, "(no reason given)");
}

static struct fdt_header *header(void)
{
	return tree;
}

/* The tree with one field of its header changed is refused as corrupt. */
#define EXPECT_BAD_HEADER(field, value, text)                                                      \
	do {                                                                                       \
		load_tree("board");                                                                \
		header()->field = cpu_to_fdt32(value);                                             \
		assert_int_equal(read_now(), ERR_FORMAT);                                          \
		assert_says("device tree: ");                                                      \
		assert_says(text);                                                                 \
	} while (0)

static void test_headers(void **state)
{
	(void)state;
	EXPECT_BAD_HEADER(magic, 0x12345678, "0x12345678, not a tree's magic 0xd00dfeed");
	EXPECT_BAD_HEADER(totalsize, 0, "");
	EXPECT_BAD_HEADER(totalsize, 0xffffffff, "");
	EXPECT_BAD_HEADER(totalsize, tree_size + 1, "TRUNCATED");
	EXPECT_BAD_HEADER(off_dt_struct, 0xfffffffc, "");
	EXPECT_BAD_HEADER(off_dt_struct, tree_size, "");
	EXPECT_BAD_HEADER(off_dt_struct, 0x39, "ALIGNMENT");
	EXPECT_BAD_HEADER(off_dt_strings, 0xffffffff, "");
	EXPECT_BAD_HEADER(off_mem_rsvmap, 0xfffffff8, "");
	EXPECT_BAD_HEADER(off_mem_rsvmap, 4, "ALIGNMENT");
	EXPECT_BAD_HEADER(off_mem_rsvmap, tree_size & ~7, "");
	EXPECT_BAD_HEADER(version, 0, "BADVERSION");
	EXPECT_BAD_HEADER(last_comp_version, 99, "BADVERSION");
	EXPECT_BAD_HEADER(size_dt_strings, 0xffffffff, "");
	EXPECT_BAD_HEADER(size_dt_strings, 4, "");
	EXPECT_BAD_HEADER(size_dt_struct, 0xffffffff, "");
	EXPECT_BAD_HEADER(size_dt_struct, 0, "");
	EXPECT_BAD_HEADER(size_dt_struct, 16, "");
}

static void test_places(void **state)
{
	char *copy;

	(void)state;
	load_tree("board");
	assert_int_equal(machine_read(NULL, 1 << 20, &machine, &why), ERR_MISSING);
	assert_says("none was given");
	for (unsigned skew = 1; skew < 8; skew++) {
		copy = malloc(tree_size + skew);
		memcpy(copy + skew, tree, tree_size);
		assert_int_equal(machine_read(copy + skew, tree_size, &machine, &why), ERR_FORMAT);
		assert_says("ALIGNMENT");
		free(copy);
	}
}

/* Cut off after every byte, in memory that ends there. */
static void test_truncated(void **state)
{
	(void)state;
	load_tree("board");
	for (size_t size = 0; size < tree_size; size++) {
		void *copy = malloc(size);

		memcpy(copy, tree, size);
		assert_int_equal(machine_read(copy, size, &machine, &why), ERR_FORMAT);
		free(copy);
	}
	/* `limit` alone counts, whatever is behind it. */
	assert_int_equal(machine_read(tree, tree_size - 1, &machine, &why), ERR_FORMAT);
	assert_int_equal(machine_read(tree, UINT64_MAX, &machine, &why), OK);
}

/* --- structures that no compiler writes ------------------------------------------------ */

/* A tree of nothing but the given structure block. */
static enum status read_structure(const uint32_t *tags, unsigned count)
{
	struct fdt_header *h;

	free(tree);
	tree_size = sizeof(*h) + 16 + count * 4 + 8;
	tree = calloc(1, tree_size);
	h = tree;
	h->magic = cpu_to_fdt32(FDT_MAGIC);
	h->totalsize = cpu_to_fdt32(tree_size);
	h->off_mem_rsvmap = cpu_to_fdt32(sizeof(*h));
	h->off_dt_struct = cpu_to_fdt32(sizeof(*h) + 16);
	h->size_dt_struct = cpu_to_fdt32(count * 4);
	h->off_dt_strings = cpu_to_fdt32(sizeof(*h) + 16 + count * 4);
	h->size_dt_strings = cpu_to_fdt32(8);
	h->version = cpu_to_fdt32(17);
	h->last_comp_version = cpu_to_fdt32(16);
	memcpy((char *)tree + tree_size - 8, "reg", 4);
	for (unsigned i = 0; i < count; i++)
		((fdt32_t *)tree)[(sizeof(*h) + 16) / 4 + i] = cpu_to_fdt32(tags[i]);
	return read_now();
}

#define READ_STRUCTURE(...)                                                                        \
	read_structure((const uint32_t[]){__VA_ARGS__},                                            \
		       ARRAY_LENGTH(((const uint32_t[]){__VA_ARGS__})))

static void test_structures(void **state)
{
	enum { BEGIN = 1, END_NODE = 2, PROP = 3, NOP = 4, END = 9, NAME = 0x61000000 };

	(void)state;
	assert_int_equal(READ_STRUCTURE(BEGIN, 0, END_NODE, END),
			 ERR_MISSING); /* empty, but sound */
	assert_says("no CPU");
	/* No root at all passes libfdt's check; or it isn't where libfdt looks for it. */
	assert_int_equal(READ_STRUCTURE(END), ERR_MISSING);
	assert_int_equal(READ_STRUCTURE(NOP, BEGIN, 0, END_NODE, END), ERR_MISSING);
	assert_int_equal(READ_STRUCTURE(BEGIN, 0, END_NODE), ERR_FORMAT);
	assert_int_equal(READ_STRUCTURE(BEGIN, 0, END), ERR_FORMAT);
	assert_int_equal(READ_STRUCTURE(BEGIN, 0, END_NODE, END_NODE, END), ERR_FORMAT);
	assert_int_equal(READ_STRUCTURE(BEGIN, 0, END_NODE, BEGIN, 0, END_NODE, END), ERR_FORMAT);
	assert_int_equal(READ_STRUCTURE(BEGIN, NAME, END_NODE, END), ERR_FORMAT);
	assert_int_equal(READ_STRUCTURE(BEGIN, 0, 7, END_NODE, END), ERR_FORMAT);
	/* A property that is longer than the tree, or wraps, or has no name. */
	assert_int_equal(READ_STRUCTURE(BEGIN, 0, PROP, 0x7fffffff, 0, END_NODE, END), ERR_FORMAT);
	assert_int_equal(READ_STRUCTURE(BEGIN, 0, PROP, 0xfffffffc, 0, END_NODE, END), ERR_FORMAT);
	assert_int_equal(READ_STRUCTURE(BEGIN, 0, PROP, 0, 100, END_NODE, END), ERR_FORMAT);
	assert_int_equal(READ_STRUCTURE(BEGIN, 0, PROP, 0, 0xffffffff, END_NODE, END), ERR_FORMAT);
	/* A name without end. */
	assert_int_equal(READ_STRUCTURE(BEGIN, 0, BEGIN, 0x61616161, 0x61616161), ERR_FORMAT);
}

/* A flood of empty tags, and nodes inside nodes, ten thousand deep. */
static void test_floods(void **state)
{
	enum { COUNT = 10000 };
	static uint32_t tags[3 * COUNT + 8];
	unsigned at = 0;

	(void)state;
	for (at = 0; at < 3 * COUNT; at++)
		tags[at] = FDT_NOP;
	memcpy(tags + at, (uint32_t[]){1, 0, 2, 9}, 16);
	assert_int_equal(read_structure(tags, at + 4), ERR_MISSING);
	at = 0;
	tags[at++] = FDT_BEGIN_NODE;
	tags[at++] = 0;
	for (unsigned i = 0; i < COUNT; i++) {
		tags[2 + 2 * i] = FDT_BEGIN_NODE;
		tags[3 + 2 * i] = 0x61000000;
		tags[2 + 2 * COUNT + i] = FDT_END_NODE;
	}
	at += 3 * COUNT;
	tags[at++] = FDT_END_NODE;
	tags[at++] = FDT_END;
	assert_int_equal(read_structure(tags, at), ERR_MISSING);
}

/* What is nested too deep to be looked at doesn't disturb what comes after. */
static void test_depth(void **state)
{
	char path[512] = "/soc";

	(void)state;
	edit_board();
	for (unsigned i = 0; i < 40; i++) {
		assert_true(fdt_add_subnode(edited, node_at(path), "x") >= 0);
		strcat(path, "/x");
		set_text(path, "compatible", "ns16550a");
		set_cells(path, "reg", 2, (uint32_t[]){0, 0x1000});
		set_bytes(path, "ranges", "", 0);
	}
	remove_property("/chosen", "stdout-path");
	assert_int_equal(read_edited(), OK);
	assert_int_equal(machine.uart.base.raw, 0x40000000);
	assert_int_equal(machine.plic.base.raw, 0x61000000);
}

/* --- every byte ---------------------------------------------------------------------------- */

/* With FULL=1 in the environment the time-boxes are ten times as large. */
static time_t end_after(unsigned seconds)
{
	unsetenv("UNIT_SAID"); /* what comes of this depends on the machine's speed */
	return time(NULL) + (getenv("FULL") ? 10 * seconds : seconds);
}

/* Each byte of the tree in turn takes each of the values; cut short after `seconds`. */
static void mutate(const char *name, unsigned values, unsigned seconds)
{
	time_t end = end_after(seconds);
	unsigned char *bytes;
	size_t done = 0;

	load_tree(name);
	bytes = tree;
	/* An odd stride, so that a run that is cut short has been everywhere. */
	for (size_t i = 0, at = 0; i < tree_size && time(NULL) < end;
	     i++, at = (at + 997) % tree_size) {
		unsigned char original = bytes[at];
		const unsigned char others[] = {original ^ 0x80, original + 1, 0,   0xff,
						original - 1,	 original ^ 1, ':', unit_random()};

		for (unsigned v = 0; v < values; v++) {
			bytes[at] = others[v];
			assert_sane(read_now());
		}
		bytes[at] = original;
		done++;
	}
	if (done < tree_size)
		print_message("%s: %zu of %zu bytes in %u s\n", name, done, tree_size, seconds);
	assert_int_equal(read_now(), OK);
}

static void test_every_byte_of_board(void **state)
{
	(void)state;
	mutate("board", getenv("FULL") ? 8 : 3, 8);
}

static void test_every_byte_of_virt(void **state)
{
	(void)state;
	mutate("qemu-virt64", 1, 4);
	mutate("qemu-sockets", 1, 2);
	mutate("qemu-aclint", 1, 2);
	mutate("qemu-imsic", 1, 2);
	mutate("qemu-aplic", 1, 2);
}

/* Several bytes at once, cells preferred. */
static void test_random_damage(void **state)
{
	time_t end = end_after(2);
	unsigned char *pristine;

	(void)state;
	load_tree("board");
	pristine = malloc(tree_size);
	memcpy(pristine, tree, tree_size);
	for (unsigned round = 0; round < 20000 && time(NULL) < end; round++) {
		memcpy(tree, pristine, tree_size);
		for (unsigned n = 1 + unit_random_below(6); n; n--) {
			size_t at = sizeof(struct fdt_header) +
				    unit_random_below(tree_size - sizeof(struct fdt_header) - 4);

			if (unit_random_below(2))
				((unsigned char *)tree)[at] = unit_random();
			else
				((fdt32_t *)tree)[at / 4] =
					cpu_to_fdt32(unit_random() >> unit_random_below(40));
		}
		assert_sane(read_now());
	}
	free(pristine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_structures),
		cmocka_unit_test(test_floods),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_every_byte_of_board),
		cmocka_unit_test(test_every_byte_of_virt),
		cmocka_unit_test(test_random_damage),
	};

	return cmocka_run_group_tests(tests, NULL, fixture_end);
}
