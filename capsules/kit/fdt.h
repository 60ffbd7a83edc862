/* SPDX-License-Identifier: MIT */
/*
 * A read-only view of a flattened device tree (Devicetree specification 0.4,
 * chapter 5). Nodes are offsets into the structure block; -1 is no node.
 */
#ifndef KIT_FDT_H
#define KIT_FDT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fdt {
	const char *blob, *structure, *strings;
	uint32_t size, structure_size, strings_size;
};

/* False, and `f` empty, if `blob` is not a device tree of a version we read. */
bool fdt_open(struct fdt *f, const void *blob);

/* The node after `node` in the order of the file, -1 after the last; -1 gives the root. */
int fdt_next(const struct fdt *f, int node);

/* The next node after `node` with this string among the strings of the property. */
int fdt_next_with(const struct fdt *f, int node, const char *property, const char *string);

/* The node at a path such as "/cpus"; a unit address may be left out. Or -1. */
int fdt_path(const struct fdt *f, const char *path);
int fdt_parent(const struct fdt *f, int node);
const char *fdt_name(const struct fdt *f, int node);

/* A property's bytes, NULL if absent. `size` may be NULL. */
const void *fdt_property(const struct fdt *f, int node, const char *name, uint32_t *size);
const char *fdt_string(const struct fdt *f, int node, const char *name, const char *otherwise);

/* Cell `i` of a property; `otherwise` if there is none. */
uint32_t fdt_cell(const struct fdt *f, int node, const char *name, uint32_t i, uint32_t otherwise);

/* Pair `i` of `reg`, by the cell counts of the parent. Ranges are taken as identity. */
bool fdt_reg(const struct fdt *f, int node, unsigned int i, uint64_t *base, uint64_t *size);

#endif
