/* SPDX-License-Identifier: MIT */
/* The walk over a device tree, and the reading of properties on the way. */
#include "core/tree.h"

#include <libfdt.h>

#include "lib/string.h"

enum {
	CELL = 4, /* bytes */
	ADDRESS_CELLS_DEFAULT = 2,
	SIZE_CELLS_DEFAULT = 1,
	CELLS_MAX = 2, /* what fits into our addresses */
};

uint32_t tree_cell_at(const void *bytes, unsigned index)
{
	return fdt32_ld((const fdt32_t *)bytes + index);
}

const void *tree_bytes(const struct tree_place *place, const char *property, unsigned *length)
{
	int found;
	const void *bytes = fdt_getprop(place->fdt, place->node, property, &found);

	*length = bytes && found > 0 ? found : 0;
	return bytes;
}

const char *tree_string(const struct tree_place *place, const char *property)
{
	unsigned length;
	const char *text = tree_bytes(place, property, &length);

	return length && memchr(text, '\0', length) ? text : NULL;
}

bool tree_cell(const struct tree_place *place, const char *property, uint32_t *out)
{
	unsigned length;
	const void *bytes = tree_bytes(place, property, &length);

	if (length != CELL)
		return false;
	*out = tree_cell_at(bytes, 0);
	return true;
}

/* Read a number of `cells` cells (0 gives 0) beginning with the index-th. */
static bool read_number(const void *bytes, unsigned index, uint32_t cells, uint64_t *out)
{
	if (cells > CELLS_MAX)
		return false;
	*out = 0;
	while (cells--)
		*out = *out << 32 | tree_cell_at(bytes, index++);
	return true;
}

bool tree_number(const struct tree_place *place, const char *property, uint64_t *out)
{
	unsigned length;
	const void *bytes = tree_bytes(place, property, &length);

	if (!length || length % CELL)
		return false;
	return read_number(bytes, 0, length / CELL, out);
}

int tree_compatible(const struct tree_place *place, const char *const *names, unsigned count)
{
	int length;
	const char *list = fdt_getprop(place->fdt, place->node, "compatible", &length);

	for (unsigned i = 0; list && i < count; i++)
		if (fdt_stringlist_contains(list, length, names[i]))
			return i;
	return -1;
}

bool tree_available(const struct tree_place *place)
{
	return place->path[place->depth].available;
}

bool tree_ours(const struct tree_place *place)
{
	return tree_available(place) || place->path[place->depth].reserved;
}

bool tree_named(const struct tree_place *place, int depth, const char *name)
{
	const struct tree_bus *bus = &place->path[depth];

	return depth <= place->depth && strlen(name) == bus->name_length &&
	       !memcmp(name, bus->name, bus->name_length);
}

void tree_begin(struct tree_place *place, const void *fdt)
{
	memset(place, 0, sizeof(*place));
	place->fdt = fdt;
	place->node = -1;
	place->depth = -1;
}

/* What the node's own status says; `bus` has its parents' in `available`. */
static void read_status(const struct tree_place *place, struct tree_bus *bus)
{
	unsigned length;
	const char *status = tree_bytes(place, "status", &length);
	bool okay = !status || (length == 5 && !memcmp(status, "okay", 5)) ||
		    (length == 3 && !memcmp(status, "ok", 3));

	bus->reserved = bus->available && length == 9 && !memcmp(status, "reserved", 9);
	bus->available = bus->available && okay;
}

/* Note what the node that the walk has come to means for its children. */
static void enter(struct tree_place *place)
{
	struct tree_bus *bus = &place->path[place->depth];
	const struct tree_bus *parent = place->depth ? bus - 1 : NULL;
	int length = 0;
	const char *at;

	bus->name = fdt_get_name(place->fdt, place->node, &length);
	if (!bus->name)
		bus->name = "", length = 0;
	at = memchr(bus->name, '@', length);
	bus->name_length = at ? (unsigned)(at - bus->name) : (unsigned)length;
	bus->available = !parent || parent->available;
	read_status(place, bus);
	bus->address_cells = ADDRESS_CELLS_DEFAULT;
	tree_cell(place, "#address-cells", &bus->address_cells);
	bus->size_cells = SIZE_CELLS_DEFAULT;
	tree_cell(place, "#size-cells", &bus->size_cells);
	bus->ranges = tree_bytes(place, "ranges", &bus->ranges_length);
	bus->interrupt_parent = parent ? parent->interrupt_parent : 0;
	tree_cell(place, "interrupt-parent", &bus->interrupt_parent);
}

bool tree_next(struct tree_place *place)
{
	if (place->depth < 0) {
		place->node = 0;
		place->depth = 0;
		enter(place);
		return true;
	}
	do {
		place->node = fdt_next_node(place->fdt, place->node, &place->depth);
		if (place->node < 0 || place->depth < 0)
			return false;
	} while (place->depth >= TREE_DEPTH_MAX);
	enter(place);
	return true;
}

bool tree_reg_local(const struct tree_place *place, unsigned index, struct hpa_range *out)
{
	const struct tree_bus *bus;
	unsigned length, entry;
	const void *reg = tree_bytes(place, "reg", &length);

	if (!place->depth)
		return false;
	bus = &place->path[place->depth - 1];
	if (!bus->address_cells || bus->address_cells > CELLS_MAX || bus->size_cells > CELLS_MAX)
		return false;
	entry = bus->address_cells + bus->size_cells;
	/* No product of what the tree says: `index` may be any number of cells away. */
	for (length /= CELL; index; index--) {
		if (length < entry)
			return false;
		length -= entry;
		reg = (const fdt32_t *)reg + entry;
	}
	return length >= entry && read_number(reg, 0, bus->address_cells, &out->base.raw) &&
	       read_number(reg, bus->address_cells, bus->size_cells, &out->size);
}

/* Translate a range on the bus to one on its parent's; false when it maps not all of it. */
static bool translate(const struct tree_bus *bus, const struct tree_bus *parent,
		      struct hpa_range *range)
{
	unsigned entry = bus->address_cells + parent->address_cells + bus->size_cells;
	unsigned cells = bus->ranges_length / CELL;
	const fdt32_t *at = bus->ranges;

	if (!bus->ranges)
		return false;
	if (!bus->ranges_length) /* the same addresses on both sides */
		return true;
	if (bus->address_cells > CELLS_MAX || parent->address_cells > CELLS_MAX ||
	    bus->size_cells > CELLS_MAX)
		return false;
	for (; entry && cells >= entry; cells -= entry, at += entry) {
		uint64_t from, to, size;

		if (!read_number(at, 0, bus->address_cells, &from) ||
		    !read_number(at, bus->address_cells, parent->address_cells, &to) ||
		    !read_number(at, bus->address_cells + parent->address_cells, bus->size_cells,
				 &size))
			return false;
		if (!range_contains(from, size, range->base.raw, range->size) ||
		    range->size > UINT64_MAX - to ||
		    range->base.raw - from > UINT64_MAX - to - range->size)
			continue;
		range->base.raw += to - from;
		return true;
	}
	return false;
}

bool tree_reg(const struct tree_place *place, unsigned index, struct hpa_range *out)
{
	if (!tree_reg_local(place, index, out) || !out->size ||
	    out->size > UINT64_MAX - out->base.raw)
		return false;
	for (int depth = place->depth - 1; depth > 0; depth--)
		if (!translate(&place->path[depth], &place->path[depth - 1], out))
			return false;
	return true;
}
