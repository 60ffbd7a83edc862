/* SPDX-License-Identifier: MIT */
/*
 * Reading the host's device tree: its structure, /chosen, memory, what is
 * reserved, and whether all that nothing can run without is there. Harts and
 * devices have files of their own. Devicetree Specification 0.4, chapter 3.
 */
#include "core/machine.h"

#include <libfdt.h>

#include "core/machine_reader.h"
#include "lib/print.h"
#include "lib/string.h"

enum {
	REG_ENTRIES_MAX = 64, /* of one node; the rest of a longer list isn't looked at */
	/* Hz: fewer are no clock for turns of 5 ms, and more don't fit what is computed with them.
	 */
	TIMEBASE_MIN = 1000,
};

/*
 * libfdt reads header, tags and the reservation block with plain loads, which
 * may trap where they are misaligned, and some of them before it checks.
 */
static bool aligned(const void *fdt, uint64_t limit)
{
	if ((uintptr_t)fdt % 8)
		return false;
	return limit < FDT_V1_SIZE || (fdt_off_dt_struct(fdt) % sizeof(fdt32_t) == 0 &&
				       fdt_off_mem_rsvmap(fdt) % sizeof(fdt64_t) == 0);
}

static enum status check_structure(const void *fdt, uint64_t limit, struct reason *why)
{
	int error;

	if (!fdt)
		return refuse(why, ERR_MISSING, "device tree: none was given (its address is 0)");
	if ((uintptr_t)fdt % 8 == 0 && limit >= sizeof(fdt32_t) && fdt_magic(fdt) != FDT_MAGIC)
		return refuse(why, ERR_FORMAT,
			      "device tree: at 0x%lx is 0x%08x, not a tree's magic 0x%08x",
			      (unsigned long)(uintptr_t)fdt, (unsigned)fdt_magic(fdt),
			      (unsigned)FDT_MAGIC);
	if (!aligned(fdt, limit))
		error = -FDT_ERR_ALIGNMENT;
	else
		error = fdt_check_full(fdt, limit < UINT32_MAX ? limit : UINT32_MAX);
	if (error)
		return refuse(why, ERR_FORMAT, "device tree: %s (at 0x%lx)", fdt_strerror(error),
			      (unsigned long)(uintptr_t)fdt);
	return OK;
}

/* --- memory ---------------------------------------------------------------- */

/*
 * Add RAM to the ascending list; what isn't whole pages is cut off on both sides, and so is the
 * page at 0, whose address means "none" in many places.
 */
static void add_ram(struct machine_reader *reader, const struct hpa_range *range)
{
	struct machine *out = reader->out;
	uint64_t base = align_up(range->base.raw, PAGE_SIZE);
	uint64_t end = align_down(range->base.raw + range->size, PAGE_SIZE);
	unsigned at = 0;

	if (!base)
		base = PAGE_SIZE;
	if (base < range->base.raw || base >= end)
		return;
	for (; at < out->ram_count && out->ram[at].base.raw < end; at++) {
		if (range_overlaps(base, end - base, out->ram[at].base.raw, out->ram[at].size)) {
			MACHINE_ODD(reader,
				    "memory 0x%" PRIx64 "-0x%" PRIx64
				    " overlaps memory named before, left out",
				    base, end - 1);
			return;
		}
	}
	if (out->ram_count == MACHINE_RAM_MAX) {
		MACHINE_ODD(reader, "more than %u ranges of memory, 0x%" PRIx64 " left out",
			    (unsigned)MACHINE_RAM_MAX, base);
		return;
	}
	memmove(&out->ram[at + 1], &out->ram[at], (out->ram_count - at) * sizeof(out->ram[0]));
	out->ram[at] = (struct hpa_range){.base = {base}, .size = end - base};
	out->ram_count++;
}

/* A reg that can't be read at all is worth a word: memory is missing, or isn't kept out of use. */
static void check_reg(struct machine_reader *reader, const char *name)
{
	struct hpa_range range;
	unsigned length;

	tree_bytes(&reader->place, "reg", &length);
	if (length && !tree_reg_local(&reader->place, 0, &range))
		MACHINE_ODD(reader,
			    "reg of %s has %u bytes, which its parent's #address-cells and "
			    "#size-cells give no sense, left out",
			    name, length);
}

static void read_memory(struct machine_reader *reader)
{
	struct hpa_range range;

	check_reg(reader, "memory");
	for (unsigned i = 0; i < REG_ENTRIES_MAX; i++) {
		if (!tree_reg_local(&reader->place, i, &range))
			return;
		if (range.size > UINT64_MAX - range.base.raw)
			MACHINE_ODD(reader, "memory at 0x%" PRIx64 " of 0x%" PRIx64 " bytes wraps",
				    range.base.raw, range.size);
		else
			add_ram(reader, &range);
	}
}

/* What must not be used is cut off at the end of the address space rather than dropped. */
static void add_reserved(struct machine_reader *reader, struct hpa_range range, const char *name)
{
	struct machine *out = reader->out;

	if (range.size > UINT64_MAX - range.base.raw)
		range.size = UINT64_MAX - range.base.raw;
	if (!range.size)
		return;
	if (out->reserved_count == MACHINE_RESERVED_MAX) {
		reader->reserved_full = true;
		return;
	}
	out->reserved[out->reserved_count++] = (struct machine_reserved){range, name};
}

static void read_reserved_node(struct machine_reader *reader)
{
	const char *name = fdt_get_name(reader->place.fdt, reader->place.node, NULL);
	struct hpa_range range;

	check_reg(reader, name);
	for (unsigned i = 0; !reader->reserved_full && tree_reg_local(&reader->place, i, &range);
	     i++) {
		/* A list of empty ranges is no reason to stay here for long. */
		if (i == REG_ENTRIES_MAX) {
			reader->reserved_full = true;
			return;
		}
		add_reserved(reader, range, name);
	}
}

static void read_reservation_block(struct machine_reader *reader, const void *fdt)
{
	int count = fdt_num_mem_rsv(fdt);

	for (int i = 0; i < count && !reader->reserved_full; i++) {
		struct hpa_range range;

		if (!fdt_get_mem_rsv(fdt, i, &range.base.raw, &range.size))
			add_reserved(reader, range, "/memreserve/");
	}
}

/* --- /chosen ---------------------------------------------------------------- */

static void read_initrd(struct machine_reader *reader)
{
	uint64_t start, end;

	if (!tree_number(&reader->place, "linux,initrd-start", &start) ||
	    !tree_number(&reader->place, "linux,initrd-end", &end))
		return;
	if (end <= start) {
		MACHINE_ODD(reader,
			    "linux,initrd-end 0x%" PRIx64
			    " isn't above linux,initrd-start 0x%" PRIx64 ", initrd left out",
			    end, start);
		return;
	}
	reader->out->initrd = (struct hpa_range){.base = {start}, .size = end - start};
}

/* The console's node: a path or an alias, up to options such as ":115200n8". */
static void read_stdout_path(struct machine_reader *reader)
{
	const char *path = tree_string(&reader->place, "stdout-path");
	const char *colon;

	if (!path)
		path = tree_string(&reader->place, "linux,stdout-path");
	if (!path)
		return;
	colon = strchr(path, ':');
	reader->stdout_node = fdt_path_offset_namelen(reader->place.fdt, path,
						      colon ? colon - path : (int)strlen(path));
}

static void read_seed(struct machine_reader *reader)
{
	int size;
	const void *seed = fdt_getprop(reader->place.fdt, reader->place.node, "rng-seed", &size);

	if (!seed)
		return;
	reader->out->seed = seed;
	reader->out->seed_size = (unsigned)size;
}

static void read_chosen(struct machine_reader *reader)
{
	const char *bootargs = tree_string(&reader->place, "bootargs");

	if (bootargs)
		reader->out->bootargs = bootargs;
	read_initrd(reader);
	read_seed(reader);
	read_stdout_path(reader);
}

/* --- the first walk ---------------------------------------------------------- */

static void read_root(struct machine_reader *reader)
{
	const char *model = tree_string(&reader->place, "model");

	if (!model)
		model = tree_string(&reader->place, "compatible");
	if (model)
		reader->out->model = model;
}

static void read_node(struct machine_reader *reader)
{
	struct tree_place *place = &reader->place;
	const char *type;

	machine_harts_node(reader);
	if (place->depth == 0)
		read_root(reader);
	if (place->depth == 2 && tree_named(place, 1, "reserved-memory") && tree_available(place))
		read_reserved_node(reader);
	if (place->depth != 1)
		return;
	if (tree_named(place, 1, "chosen"))
		read_chosen(reader);
	type = tree_string(place, "device_type");
	if (type && !strcmp(type, "memory") && tree_available(place))
		read_memory(reader);
}

/* What nothing can run without. `why` says what was looked for and what was there. */
static enum status check_essentials(const struct machine_reader *reader, struct reason *why)
{
	const struct machine *out = reader->out;
	unsigned ready = 0;

	if (!out->hart_count)
		return refuse(why, ERR_MISSING,
			      "device tree: no CPU: looked for nodes in /cpus with device_type "
			      "\"cpu\", a hart id in reg and status okay; found %u nodes, none "
			      "of them usable",
			      reader->cpu_nodes);
	if (!out->ram_count)
		return refuse(why, ERR_MISSING,
			      "device tree: no RAM: looked for a node below the root with "
			      "device_type \"memory\" and a reg of at least one page, found none");
	if (out->timebase < TIMEBASE_MIN || out->timebase > UINT32_MAX)
		return refuse(why, ERR_MISSING,
			      "device tree: no clock: looked for timebase-frequency in /cpus and "
			      "its nodes, found none of 1000 to 4294967295");
	for (unsigned i = 0; i < out->hart_count; i++)
		ready += out->harts[i].msip && out->harts[i].mtimecmp;
	if (!ready)
		return refuse(why, ERR_MISSING,
			      "device tree: no timer and software interrupts: looked for %s, found "
			      "none that serves any of the %u CPUs",
			      machine_devices_clints, out->hart_count);
	if (reader->reserved_full)
		return refuse(why, ERR_LIMIT, "device tree: more than %u reserved ranges of memory",
			      (unsigned)MACHINE_RESERVED_MAX);
	return OK;
}

enum status machine_read(const void *fdt, uint64_t limit, struct machine *out, struct reason *why)
{
	struct machine_reader reader;
	enum status status;

	memset(out, 0, sizeof(*out));
	out->model = "unknown";
	out->bootargs = "";
	status = check_structure(fdt, limit, why);
	if (status)
		return status;
	out->fdt = (struct hpa_range){.base = {(uintptr_t)fdt}, .size = fdt_totalsize(fdt)};

	memset(&reader, 0, sizeof(reader));
	reader.out = out;
	reader.hart = -1;
	reader.stdout_node = -1;
	read_reservation_block(&reader, fdt);
	tree_begin(&reader.place, fdt);
	while (tree_next(&reader.place))
		read_node(&reader);
	if (!out->timebase)
		out->timebase = reader.hart_timebase;
	machine_devices_read(&reader);
	machine_interrupts_read(&reader);
	machine_power_read(&reader);
	if (reader.odd > MACHINE_ODD_MAX)
		log_alert("Device tree: %u more oddities are not shown",
			  reader.odd - MACHINE_ODD_MAX);
	return check_essentials(&reader, why);
}
