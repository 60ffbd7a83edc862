/* SPDX-License-Identifier: MIT */
/*
 * What the tests of machine_read() share: trees from files, and the board of
 * tests/unit/data/board.dts to be changed. Included by one file of each program.
 */
#ifndef MACHINE_FIXTURE_H
#define MACHINE_FIXTURE_H

#include <libfdt.h>

#include "core/machine.h"
#include "unit.h"

static struct machine machine;
static struct reason why;
static void *tree; /* exactly as long as its totalsize says, so that ASan guards its end */
static size_t tree_size;
static char *edited; /* NULL: not being edited */

enum { EDIT_SIZE = 1 << 20 };

static const char *const board_cpus[] __attribute__((unused)) = {
	"/cpus/cpu@0",
	"/cpus/cpu@1",
	"/cpus/cpu@100",
	"/cpus/cpu@7",
};

static inline int fixture_end(void **state)
{
	(void)state;
	free(tree);
	free(edited);
	return 0;
}

static inline void assert_says(const char *text)
{
	if (!strstr(why.text, text))
		fail_msg("\"%s\" is not in \"%s\"", text, why.text);
}

static inline void load_tree(const char *name)
{
	char path[256];

	free(tree);
	snprintf(path, sizeof(path), "%s/%s.dtb", UNIT_DATA, name);
	tree = unit_read_file(path, &tree_size);
	if (!tree)
		fail_msg("%s is missing", path);
}

/* Read the tree, whatever comes of it. */
static inline enum status read_now(void)
{
	fake_log_clear();
	memset(&machine, 0xa5, sizeof(machine));
	strcpy(why.text, "(no reason given)");
	return machine_read(tree, tree_size, &machine, &why);
}

static inline void read_tree(const char *name)
{
	load_tree(name);
	if (read_now())
		fail_msg("%s: %s", name, why.text);
}

/* --- changing the board ----------------------------------------------------------- */

static inline void edit_tree(const char *name)
{
	load_tree(name);
	if (!edited)
		edited = malloc(EDIT_SIZE);
	assert_int_equal(fdt_open_into(tree, edited, EDIT_SIZE), 0);
}

static inline void edit_board(void)
{
	edit_tree("board");
}

static inline int node_at(const char *path)
{
	int node = fdt_path_offset(edited, path);

	if (node < 0)
		fail_msg("%s isn't in the board's tree", path);
	return node;
}

static inline void set_bytes(const char *path, const char *name, const void *bytes, int length)
{
	assert_int_equal(fdt_setprop(edited, node_at(path), name, bytes, length), 0);
}

static inline void set_text(const char *path, const char *name, const char *text)
{
	set_bytes(path, name, text, strlen(text) + 1);
}

static inline void set_cells(const char *path, const char *name, unsigned count,
			     const uint32_t *cells)
{
	fdt32_t *big = malloc(count * sizeof(*big));

	for (unsigned i = 0; i < count; i++)
		big[i] = cpu_to_fdt32(cells[i]);
	set_bytes(path, name, big, count * sizeof(*big));
	free(big);
}

static inline uint32_t phandle_of(const char *path)
{
	return fdt_get_phandle(edited, node_at(path));
}

static inline void remove_property(const char *path, const char *name)
{
	assert_int_equal(fdt_delprop(edited, node_at(path), name), 0);
}

static inline void remove_node(const char *path)
{
	assert_int_equal(fdt_del_node(edited, node_at(path)), 0);
}

static inline void add_cpu(const char *name, uint32_t id)
{
	char path[128];

	assert_true(fdt_add_subnode(edited, node_at("/cpus"), name) >= 0);
	snprintf(path, sizeof(path), "/cpus/%s", name);
	set_text(path, "device_type", "cpu");
	set_cells(path, "reg", 2, (uint32_t[]){0, id});
}

/* Read the changed board, from memory of exactly its size. */
static inline enum status read_edited(void)
{
	assert_int_equal(fdt_pack(edited), 0);
	free(tree);
	tree_size = fdt_totalsize(edited);
	tree = malloc(tree_size);
	memcpy(tree, edited, tree_size);
	return read_now();
}

#endif
