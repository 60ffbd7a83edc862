/* SPDX-License-Identifier: MIT */
#include "riscv/hext/hext.h"

#include "core/assert.h"
#include "lib/print.h"
#include "riscv/access.h"
#include "riscv/csr.h"
#include "riscv/hext/gstage.h"
#include "riscv/pmp/encode.h"
#include "riscv/pmp/pmp.h"
#include "riscv/virtual.h"

/* What the shapes have to be tried in: the smallest that reaches far enough is taken. */
static const struct gstage_shape *const shapes[] = {
	XLEN == 32 ? &gstage_sv32x4 : &gstage_sv39x4,
	XLEN == 32 ? &gstage_sv32x4 : &gstage_sv48x4,
};

enum {
	HGATP_MODE_SHIFT = XLEN == 64 ? HGATP_MODE_SHIFT_64 : HGATP_MODE_SHIFT_32,
	HGATP_VMID_SHIFT = XLEN == 64 ? HGATP_VMID_SHIFT_64 : HGATP_VMID_SHIFT_32,
	RANGES_MAX = HEXT_PMP_SLOTS,
};

static struct gstage_pool pool;

/*
 * The PMP under `hext`: the pool, which the walker reads, and the RAM of all capsules that are
 * fenced this way, neighbours joined. Changed only while capsules are made, before any runs.
 */
static struct wall {
	unsigned count;
	struct hpa_range ranges[RANGES_MAX];
	unsigned entry_count;
	struct pmp_entry entries[HEXT_PMP_SLOTS];
	unsigned edition; /* goes up with every change; 0: nothing yet */
} wall;

void hext_init(struct ram_map *ram)
{
	struct reason unused;

	if (ram_alloc(ram, GSTAGE_POOL_SIZE, GSTAGE_POOL_SIZE, RAM_OWNER_HYPERVISOR, &pool.base,
		      &unused) == OK)
		pool.memory = (uint8_t *)(uintptr_t)pool.base.raw;
}

const char *hext_unfit(const struct cpu *cpu)
{
	if (!cpu->has_hypervisor)
		return "has no H extension";
	if (!(cpu->gstage_modes & 1u << shapes[0]->mode))
		return "has the H extension, but hgatp without Sv39x4 (RV64) or Sv32x4 (RV32)";
	if (cpu->pmp_slots < HEXT_PMP_SLOTS)
		return "has too few PMP entries for it";
	if (!pool.memory)
		return "has no memory left for second-stage tables";
	return NULL;
}

/* Guest RAM in large leaves: those of the first level above pages. */
static uint64_t alignment(uint64_t size)
{
	(void)size;
	return pmp_grain() > MIB(2 * 64 / XLEN) ? pmp_grain() : MIB(2 * 64 / XLEN);
}

static gpa_t guest_address(hpa_t ram)
{
	(void)ram;
	return (gpa_t){0x80000000};
}

/* --- the PMP's part ------------------------------------------------------------------------- */

/* The entries for the ranges there are. */
static enum status encode(struct pmp_entry *entries, unsigned *count, struct reason *why)
{
	uint64_t grain = pmp_grain();
	enum status status;

	*count = 0;
	status = pmp_encode(entries, count, HEXT_PMP_SLOTS, pool.base.raw, GSTAGE_POOL_SIZE,
			    ALLOW_READ, grain, XLEN, why);
	for (unsigned i = 0; i < wall.count && status == OK; i++)
		status = pmp_encode(entries, count, HEXT_PMP_SLOTS, wall.ranges[i].base.raw,
				    wall.ranges[i].size, ALLOW_ALL, grain, XLEN, why);
	return status;
}

static enum status encode_wall(struct reason *why)
{
	struct pmp_entry entries[HEXT_PMP_SLOTS] = {0};
	unsigned count;
	enum status status = encode(entries, &count, why);

	if (status != OK)
		return status;
	for (unsigned i = 0; i < HEXT_PMP_SLOTS; i++)
		wall.entries[i] = entries[i];
	wall.entry_count = count;
	wall.edition++;
	return OK;
}

static void remove_range(unsigned index)
{
	wall.count--;
	for (; index < wall.count; index++)
		wall.ranges[index] = wall.ranges[index + 1];
}

/* Insert `range` among the others, joined with those that it touches; they lie in ascending order.
 */
static bool insert(struct hpa_range range)
{
	unsigned at = 0;

	while (at < wall.count && wall.ranges[at].base.raw < range.base.raw)
		at++;
	if (at < wall.count && range.base.raw + range.size == wall.ranges[at].base.raw) {
		range.size += wall.ranges[at].size;
		remove_range(at);
	}
	if (at && wall.ranges[at - 1].base.raw + wall.ranges[at - 1].size == range.base.raw) {
		range.base = wall.ranges[at - 1].base;
		range.size += wall.ranges[at - 1].size;
		remove_range(--at);
	}
	if (wall.count == RANGES_MAX)
		return false;
	for (unsigned i = wall.count++; i > at; i--)
		wall.ranges[i] = wall.ranges[i - 1];
	wall.ranges[at] = range;
	return true;
}

/* Open the PMP for `range`. On refusal all is as before. */
static enum status open(struct hpa_range range, struct reason *why)
{
	struct wall before = wall;
	struct reason detail;

	if (insert(range) && encode_wall(&detail) == OK)
		return OK;
	wall = before;
	return refuse(
		why, ERR_LIMIT,
		"RAM of hext capsules is in %u pieces and needs one more, for which the %u PMP "
		"entries don't suffice",
		wall.count, HEXT_PMP_SLOTS);
}

/* Take `range` out again; what it was joined with stays. */
static void close(struct hpa_range range)
{
	struct reason unused;

	for (unsigned i = 0; i < wall.count; i++) {
		struct hpa_range whole = wall.ranges[i];
		uint64_t before = range.base.raw - whole.base.raw;

		if (!range_contains(whole.base.raw, whole.size, range.base.raw, range.size))
			continue;
		remove_range(i);
		if (before)
			insert((struct hpa_range){whole.base, before});
		if (whole.size - before - range.size)
			insert((struct hpa_range){{range.base.raw + range.size},
						  whole.size - before - range.size});
		(void)!encode_wall(&unused);
		return;
	}
}

/* Modes off, addresses, modes: as the pmp back end does it (pmp.c). */
static void write_entries(struct cpu *cpu)
{
	xlen_t config[2] = {0, 0};

	cpu->pmp_dirty = true;
	for (unsigned csr = 0; csr < HEXT_PMP_SLOTS * 8 / XLEN; csr++)
		pmp_write_config(pmp_config_csr(csr * XLEN / 8, XLEN), 0);
	for (unsigned slot = 0; slot < HEXT_PMP_SLOTS; slot++) {
		pmp_write_address(slot, wall.entries[slot].address);
		config[slot * 8 / XLEN] |= (xlen_t)wall.entries[slot].config
					   << pmp_config_shift(slot, XLEN);
	}
	for (unsigned csr = 0; csr < HEXT_PMP_SLOTS * 8 / XLEN; csr++)
		pmp_write_config(pmp_config_csr(csr * XLEN / 8, XLEN), config[csr]);
	pmp_fence(cpu);
	cpu->hext_edition = wall.edition;
}

void hext_leave(struct cpu *cpu)
{
	if (!cpu->hext_edition)
		return;
	cpu->pmp_dirty = true;
	for (unsigned csr = 0; csr < HEXT_PMP_SLOTS * 8 / XLEN; csr++)
		pmp_write_config(pmp_config_csr(csr * XLEN / 8, XLEN), 0);
	cpu->hext_edition = 0;
}

/* --- the back end --------------------------------------------------------------------------- */

static struct gstage stage_of(const struct space *space)
{
	return (struct gstage){
		.shape = shapes[space->stage_shape],
		.pool = &pool,
		.root = (unsigned)(space->stage_root.raw - pool.base.raw) / PAGE_SIZE,
	};
}

/* The tree, in the smallest shape that reaches the end of `from` and `size`. */
static enum status make_stage(struct space *space, gpa_t from, uint64_t size, struct reason *why)
{
	struct gstage stage;
	enum status status;

	space->stage_shape = 0;
	while (space->stage_shape + 1 < ARRAY_LENGTH(shapes) &&
	       gstage_is_beyond(shapes[space->stage_shape], from, size))
		space->stage_shape++;
	status = gstage_create(&stage, shapes[space->stage_shape], &pool, why);
	if (status == OK)
		space->stage_root = gstage_root(&stage);
	return status;
}

static void unmap(struct space *space)
{
	struct gstage stage;

	for (unsigned i = 0; i < space->region_count; i++)
		close((struct hpa_range){space->regions[i].to, space->regions[i].size});
	space->region_count = 0;
	if (!space->stage_root.raw)
		return;
	stage = stage_of(space);
	gstage_destroy(&stage);
	space->stage_root.raw = 0;
}

static enum status map(struct space *space, gpa_t from, hpa_t to, uint64_t size, unsigned allow,
		       struct reason *why)
{
	struct gstage stage;
	enum status status;

	if (space->region_count == SPACE_REGIONS_MAX)
		return refuse(why, ERR_LIMIT, "a capsule has at most %u regions of memory",
			      SPACE_REGIONS_MAX);
	status = space->stage_root.raw ? OK : make_stage(space, from, size, why);
	if (status != OK)
		return status;
	stage = stage_of(space);
	status = gstage_map(&stage, from, to, size, allow, why);
	if (status == OK)
		status = open((struct hpa_range){to, size}, why);
	if (status == OK)
		space->regions[space->region_count++] =
			(struct space_region){from, to, size, allow};
	return status;
}

static void activate(const struct space *space)
{
	struct cpu *cpu = cpu_of(hart_this());

	(void)space; /* its hgatp comes with the vCPU: virtual_load() */
	if (cpu->hext_edition != wall.edition)
		write_entries(cpu);
}

static enum status verify(const struct space *space, struct reason *why)
{
	const xlen_t vmids = (((xlen_t)1 << (XLEN == 64 ? 14 : 7)) - 1) << HGATP_VMID_SHIFT;
	xlen_t hgatp = csr_read(hgatp);

	if ((hgatp & ~vmids) != hext_hgatp(space, 0))
		return refuse(why, ERR_LIMIT, "hgatp reads back as 0x%lx instead of 0x%lx",
			      hgatp & ~vmids, hext_hgatp(space, 0));
	return pmp_verify(wall.entries, HEXT_PMP_SLOTS, why);
}

xlen_t hext_hgatp(const struct space *space, unsigned vmid)
{
	if (space->ops != &hext_isolation)
		return 0;
	return (xlen_t)shapes[space->stage_shape]->mode << HGATP_MODE_SHIFT |
	       (xlen_t)vmid << HGATP_VMID_SHIFT | (xlen_t)(space->stage_root.raw >> PAGE_SHIFT);
}

const struct isolation_ops hext_isolation = {
	.name = "hext",
	.translates = true,
	.alignment = alignment,
	.guest_address = guest_address,
	.map = map,
	.unmap = unmap,
	.activate = activate,
	.verify = verify,
};
