/* SPDX-License-Identifier: MIT */
/*
 * What else a device tree names to power the machine off: registers of a device, or a pin. The
 * Linux kernel's bindings: power/reset/syscon-poweroff.yaml, power/reset/gpio-poweroff.yaml,
 * gpio/sifive,gpio.yaml; FU540-C000 manual, "GPIO". Machines that can only restart are not told to.
 */
#include <libfdt.h>

#include "core/machine_reader.h"
#include "lib/string.h"

/* The bindings, by what powers off. */
enum { REGISTER, PIN };
static const char *const names[] = {[REGISTER] = "syscon-poweroff", [PIN] = "gpio-poweroff"};

/* SiFive's GPIO: a bit for each of up to 32 pins. */
enum { GPIO_OUTPUT_ENABLE = 0x08, GPIO_OUTPUT = 0x0c, GPIO_ACTIVE_LOW = 1 };

/* Go to the first node that says how, and note the one that it is in. */
static int find_way(struct tree_place *place, int *parent)
{
	int path[TREE_DEPTH_MAX + 1] = {-1};

	tree_begin(place, place->fdt);
	while (tree_next(place)) {
		int way = tree_compatible(place, names, ARRAY_LENGTH(names));

		*parent = path[place->depth];
		path[place->depth + 1] = place->node;
		if (way >= 0 && tree_available(place))
			return way;
	}
	return -1;
}

/* The updates' `at` are offsets as yet. `phandle` stays 0 when it is about the node it is in. */
static bool read_register(const struct tree_place *place, struct machine_update *update,
			  uint32_t *phandle)
{
	uint32_t offset;

	update->mask = UINT32_MAX;
	tree_cell(place, "mask", &update->mask);
	tree_cell(place, "regmap", phandle);
	if (!tree_cell(place, "offset", &offset))
		return false;
	update->at.raw = offset;
	return tree_cell(place, "value", &update->value);
}

/* The level first, so that nothing else is ever driven. */
static bool read_pin(const struct tree_place *place, struct machine_update *updates,
		     uint32_t *phandle)
{
	unsigned length;
	const void *cells = tree_bytes(place, "gpios", &length);
	uint32_t pin;

	if (length != 3 * sizeof(fdt32_t) || tree_cell_at(cells, 1) >= 32)
		return false;
	*phandle = tree_cell_at(cells, 0);
	pin = (uint32_t)1 << tree_cell_at(cells, 1);
	updates[0] = (struct machine_update){
		{GPIO_OUTPUT}, pin, tree_cell_at(cells, 2) & GPIO_ACTIVE_LOW ? 0 : pin};
	updates[1] = (struct machine_update){{GPIO_OUTPUT_ENABLE}, pin, pin};
	return true;
}

/* Go to the node with this phandle, or, when it is 0, to this one. */
static bool go_to(struct tree_place *place, uint32_t phandle, int node)
{
	tree_begin(place, place->fdt);
	while (tree_next(place))
		if (phandle ? fdt_get_phandle(place->fdt, place->node) == phandle
			    : place->node == node)
			return tree_available(place);
	return false;
}

/* Make addresses of offsets into the node's registers. */
static bool locate(struct machine_reader *reader, struct machine_update *updates)
{
	struct hpa_range range;

	if (!machine_devices_range(reader, 0, &range))
		return false;
	for (unsigned i = 0; i < MACHINE_POWER_OFF_MAX && updates[i].mask; i++) {
		if (!range_contains(0, range.size, updates[i].at.raw, 4))
			return false;
		updates[i].at.raw += range.base.raw;
		if (updates[i].at.raw % 4)
			return false;
	}
	return true;
}

void machine_power_read(struct machine_reader *reader)
{
	static const char *const gpio = "sifive,gpio0";
	struct tree_place *place = &reader->place;
	struct machine_update *updates = reader->out->power_off;
	uint32_t phandle = 0;
	int parent, way;
	bool is_read;

	if (reader->out->finisher.raw || reader->out->has_htif)
		return;
	way = find_way(place, &parent);
	if (way < 0)
		return;
	is_read = way == PIN ? read_pin(place, updates, &phandle)
			     : read_register(place, updates, &phandle);
	if (is_read && go_to(place, phandle, parent) &&
	    (way == REGISTER || tree_compatible(place, &gpio, 1) == 0) && locate(reader, updates))
		return;
	memset(updates, 0, sizeof(reader->out->power_off));
	MACHINE_ODD(reader, "%s names no %s, left out", names[way],
		    way == PIN ? "pin of a sifive,gpio0" : "register of 32 bits");
}
