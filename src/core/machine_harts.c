/* SPDX-License-Identifier: MIT */
/*
 * The harts of a device tree. Devicetree Specification 0.4 section 3.8, and the
 * Linux kernel's binding riscv/cpus.yaml for what RISC-V adds.
 */
#include <libfdt.h>

#include "core/machine_reader.h"
#include "lib/print.h"
#include "lib/string.h"

enum { CPUS = 1, CPU = 2, CONTROLLER = 3 }; /* depths in the tree */

static bool is_cpu(const struct tree_place *place)
{
	const char *type = tree_string(place, "device_type");

	return type ? !strcmp(type, "cpu") : tree_named(place, CPU, "cpu");
}

static bool known(const struct machine *out, xlen_t id)
{
	for (unsigned i = 0; i < out->hart_count; i++)
		if (out->harts[i].id == id)
			return true;
	return false;
}

/* A string list has its bytes terminated as a whole; ours may be handed to others. */
static void read_extensions(const struct tree_place *place, struct machine_hart *hart)
{
	unsigned length;
	const char *list = tree_bytes(place, "riscv,isa-extensions", &length);

	if (!length || list[length - 1] != '\0')
		return;
	hart->extensions = list;
	hart->extensions_length = length;
}

/* A power of two. Larger than a page, and a block might be of two guests. */
static void read_blocks(const struct tree_place *place, struct machine_hart *hart)
{
	for (unsigned i = 0; i < MACHINE_BLOCKS; i++) {
		uint32_t size = 0;

		tree_cell(place, machine_block_names[i], &size);
		for (unsigned shift = 1; (uint32_t)1 << shift <= PAGE_SIZE; shift++)
			if (size == (uint32_t)1 << shift)
				hart->block_shifts[i] = shift;
	}
}

static void add_hart(struct machine_reader *reader, xlen_t id)
{
	const struct tree_place *place = &reader->place;
	struct machine *out = reader->out;
	struct machine_hart *hart;

	if (out->hart_count == MACHINE_HARTS_MAX) {
		out->harts_left_out++;
		return;
	}
	reader->hart = out->hart_count++;
	hart = &out->harts[reader->hart];
	hart->id = id;
	hart->isa = tree_string(place, "riscv,isa");
	hart->mmu_type = tree_string(place, "mmu-type");
	if (hart->mmu_type && !strcmp(hart->mmu_type, "riscv,none"))
		hart->mmu_type = NULL;
	hart->plic_context = MACHINE_NO_CONTEXT;
	hart->aplic_index = MACHINE_NO_CONTEXT;
	read_extensions(place, hart);
	read_blocks(place, hart);
}

static void read_cpu(struct machine_reader *reader)
{
	const struct tree_place *place = &reader->place;
	const char *name = fdt_get_name(place->fdt, place->node, NULL);
	struct hpa_range reg;

	reader->hart = -1;
	if (!is_cpu(place))
		return;
	reader->cpu_nodes++;
	if (!reader->hart_timebase)
		tree_number(place, "timebase-frequency", &reader->hart_timebase);
	if (!tree_available(place)) {
		log_debug("Device tree: /cpus/%s is not in use there, left out", name);
		return;
	}
	if (!tree_reg_local(place, 0, &reg) || reg.base.raw != (xlen_t)reg.base.raw)
		MACHINE_ODD(reader, "/cpus/%s has no hart id of this machine in reg, left out",
			    name);
	else if (known(reader->out, reg.base.raw))
		MACHINE_ODD(reader, "/cpus/%s has hart id %" PRIu64 " of another CPU, left out",
			    name, reg.base.raw);
	else
		add_hart(reader, reg.base.raw);
}

void machine_harts_node(struct machine_reader *reader)
{
	const struct tree_place *place = &reader->place;
	unsigned length;

	if (place->depth < CPUS || !tree_named(place, CPUS, "cpus"))
		return;
	if (place->depth == CPUS)
		tree_number(place, "timebase-frequency", &reader->out->timebase);
	if (place->depth == CPU)
		read_cpu(reader);
	if (place->depth == CONTROLLER && reader->hart >= 0 &&
	    tree_bytes(place, "interrupt-controller", &length))
		reader->intc[reader->hart] = fdt_get_phandle(place->fdt, place->node);
}
