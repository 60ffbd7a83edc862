/* SPDX-License-Identifier: MIT */
/*
 * Walking a flattened device tree: each node once, in order, with what it
 * inherits from the buses above it (cells, ranges, status, interrupt parent).
 *
 * libfdt's own look-ups start from the root every time; one walk that carries
 * its path along is linear, however odd the tree. Nothing here trusts a value
 * of the tree; its structure has passed fdt_check_full(). Devicetree
 * Specification 0.4, sections 2.3 and 2.4.
 */
#ifndef CORE_TREE_H
#define CORE_TREE_H

#include "core/types.h"

enum { TREE_DEPTH_MAX = 12 }; /* deeper nodes are passed over */

/* A node on the way from the root, as its children see it. */
struct tree_bus {
	const char *name; /* without unit address; not terminated */
	unsigned name_length;
	bool available; /* its status and that of all above it is okay */
	bool reserved;	/* its own is "reserved", of all above it okay */
	uint32_t address_cells;
	uint32_t size_cells;
	const void *ranges; /* NULL: its children aren't reachable from the CPUs */
	unsigned ranges_length;
	uint32_t interrupt_parent; /* phandle, its own or inherited; 0: none */
};

/* The node that the walk has come to: path[depth], whose offset is `node`. */
struct tree_place {
	const void *fdt;
	int node;
	int depth; /* root: 0 */
	struct tree_bus path[TREE_DEPTH_MAX];
};

/* Start a walk; the first tree_next() goes to the root. */
void tree_begin(struct tree_place *place, const void *fdt);

/* Go to the next node. False at the end of the tree. */
bool tree_next(struct tree_place *place);

/* True when the status of the node, and of all nodes above it, is "okay" or absent. */
bool tree_available(const struct tree_place *place);

/*
 * The same, or the node's own status is "reserved": for what is under the control of firmware
 * (Devicetree Specification, "status"), which on our machine is us.
 */
bool tree_ours(const struct tree_place *place);

/* True when the node at `depth` of the current path is called `name`, unit address aside. */
bool tree_named(const struct tree_place *place, int depth, const char *name);

/*
 * The index-th entry of the node's `reg`, as it stands there. False when there
 * is none, or its numbers don't fit into 64 bits. A bus without size cells
 * (/cpus) gives size 0.
 */
bool tree_reg_local(const struct tree_place *place, unsigned index, struct hpa_range *out);

/*
 * The same as an address on the CPUs' side of every bus in between. False also
 * when a bus doesn't map all of it, or when it is empty or would wrap.
 */
bool tree_reg(const struct tree_place *place, unsigned index, struct hpa_range *out);

/* A property that is one terminated string (or a list: then its first), else NULL. */
const char *tree_string(const struct tree_place *place, const char *property);

/* A property of one cell. False (and `out` as it was) when absent or of another length. */
bool tree_cell(const struct tree_place *place, const char *property, uint32_t *out);

/* A property of one or two cells. */
bool tree_number(const struct tree_place *place, const char *property, uint64_t *out);

/* The property's bytes, or NULL with `length` 0. */
const void *tree_bytes(const struct tree_place *place, const char *property, unsigned *length);

/* Which entry of `names`, `count` long, the node is compatible with; -1: none. */
int tree_compatible(const struct tree_place *place, const char *const *names, unsigned count);

/* The index-th big-endian cell of a property's bytes, which has that many. */
uint32_t tree_cell_at(const void *bytes, unsigned index);

#endif
