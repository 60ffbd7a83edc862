/* SPDX-License-Identifier: MIT */
#include "riscv/hext/hext.h"

#include "core/assert.h"
#include "core/log.h"
#include "lib/print.h"
#include "lib/string.h"
#include "riscv/access.h"
#include "riscv/csr.h"
#include "riscv/hext/gstage.h"
#include "riscv/hext/wall.h"
#include "riscv/pmp/encode.h"
#include "riscv/pmp/pmp.h"
#include "riscv/virtual.h"

/* The shapes, by the width of a register; of each the smallest that reaches far enough is taken. */
static const struct gstage_shape *const shapes[] = {&gstage_sv32x4, &gstage_sv39x4, &gstage_sv48x4};

enum { SHAPE_FIRST = XLEN / 64, SHAPE_LAST = XLEN / 64 * 2 };

static struct gstage_pool pool;

/* What of the PMP every hart with `hext` has; what it is made from, and of. */
static struct wall wall;
static unsigned edition; /* of the wall, goes up each time it is built; 0: not yet */
static const struct ram_map *ram_map;
static unsigned slots;

void hext_init(struct ram_map *ram, unsigned slots_of_all)
{
	const size_t owners_size = GSTAGE_POOL_PAGES * sizeof(pool.owner[0]);
	struct reason unused;
	void *owners;

	ram_map = ram;
	slots = slots_of_all < WALL_SLOTS_MAX ? slots_of_all : WALL_SLOTS_MAX;
	/* Not in the pool, which guests' page-table walks may read. */
	if (ram_alloc_pages(ram, owners_size, RAM_OWNER_HYPERVISOR, &owners, &unused) != OK)
		return;
	pool.owner = memset(owners, 0, owners_size);
	if (ram_alloc(ram, GSTAGE_POOL_SIZE, GSTAGE_POOL_SIZE, RAM_OWNER_HYPERVISOR, &pool.base,
		      &unused) == OK)
		pool.memory = (uint8_t *)(uintptr_t)pool.base.raw;
}

const char *hext_unfit(const struct cpu *cpu)
{
	if (!cpu->has_hypervisor)
		return "has no H extension";
	if (!(cpu->gstage_modes & 1u << shapes[SHAPE_FIRST]->mode))
		return "has the H extension, but hgatp without Sv39x4 (RV64) or Sv32x4 (RV32)";
	if (cpu->pmp_slots < HEXT_PMP_SLOTS_MIN)
		return "has too few PMP entries for it";
	if (!pool.memory)
		return "has no memory left for second-stage tables";
	return NULL;
}

/* Guest RAM in large leaves: those of the first level above pages. */
static uint64_t hext_alignment(void)
{
	return pmp_grain() > MIB(2 * 64 / XLEN) ? pmp_grain() : MIB(2 * 64 / XLEN);
}

/* The next level has leaves of 1 GiB; Sv32x4 has none. */
static uint64_t hext_best_alignment(uint64_t size)
{
	return XLEN == 64 && size >= GIB(1) && hext_alignment() < GIB(1) ? GIB(1)
									 : hext_alignment();
}

static gpa_t hext_guest_address(hpa_t ram)
{
	(void)ram;
	return (gpa_t){0x80000000};
}

/* --- the PMP's part ------------------------------------------------------------------------- */

static struct hpa_range pool_range(void)
{
	return (struct hpa_range){pool.base, GSTAGE_POOL_SIZE};
}

enum status hext_seal(struct reason *why)
{
	struct wall built;
	enum status status;

	if (!pool.memory)
		return OK; /* no capsule has a second stage */
	status = wall_build(&built, ram_map, pool_range(), slots, pmp_grain(), why);
	if (status != OK)
		return status;
	wall = built;
	edition++;
	if (*wall_opened(&wall))
		log_debug("%u PMP entries don't keep guests under hext from all else: their second "
			  "stage alone keeps them from %s",
			  slots, wall_opened(&wall));
	return OK;
}

static void all_off(void)
{
	for (unsigned slot = 0; slot < slots; slot += XLEN / 8)
		pmp_write_config(pmp_config_csr(slot, XLEN), 0);
}

/* Modes off, addresses, modes: as the pmp back end does it (pmp.c). */
static void write_entries(struct cpu *cpu)
{
	xlen_t config = 0;

	cpu->pmp_dirty = true;
	all_off();
	for (unsigned slot = 0; slot < slots; slot++)
		pmp_write_address(slot, wall.entries[slot].address);
	for (unsigned slot = 0; slot < slots; slot++) {
		config |= (xlen_t)wall.entries[slot].config << pmp_config_shift(slot, XLEN);
		if (slot + 1 < slots && (slot + 1) % (XLEN / 8))
			continue;
		pmp_write_config(pmp_config_csr(slot, XLEN), config);
		config = 0;
	}
	pmp_fence(cpu);
	cpu->hext_edition = edition;
}

void hext_leave(struct cpu *cpu)
{
	if (!cpu->hext_edition)
		return;
	cpu->pmp_dirty = true;
	all_off();
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

/* The tree, in the smallest shape that reaches the end of all that is going to be mapped. */
static enum status make_stage(struct space *space, gpa_t from, struct reason *why)
{
	uint64_t size = space->end.raw - from.raw;
	struct gstage stage;
	enum status status;

	space->stage_shape = SHAPE_FIRST;
	while (space->stage_shape != SHAPE_LAST &&
	       gstage_is_beyond(shapes[space->stage_shape], from, size))
		space->stage_shape++;
	status = gstage_create(&stage, shapes[space->stage_shape], &pool, why);
	if (status == OK)
		space->stage_root = gstage_root(&stage);
	return status;
}

static void hext_unmap(struct space *space)
{
	struct gstage stage;

	space->region_count = 0;
	if (!space->stage_root.raw)
		return;
	stage = stage_of(space);
	gstage_destroy(&stage);
	space->stage_root.raw = 0;
}

static enum status hext_map(struct space *space, gpa_t from, hpa_t to, uint64_t size,
			    unsigned allow, struct reason *why)
{
	uint64_t grain = pmp_grain();
	struct gstage stage;
	struct wall tried;
	enum status status;

	if ((to.raw | size) & (grain - 1))
		return refuse(why, ERR_RANGE,
			      "0x%lx with 0x%lx bytes isn't a multiple of the PMP's grain, 0x%lx",
			      (unsigned long)to.raw, (unsigned long)size, (unsigned long)grain);
	if (space->region_count == SPACE_REGIONS_MAX)
		return refuse(why, ERR_LIMIT, "a capsule has at most %u regions of memory",
			      SPACE_REGIONS_MAX);
	status = space->stage_root.raw ? OK : make_stage(space, from, why);
	if (status != OK)
		return status;
	stage = stage_of(space);
	status = gstage_map(&stage, from, to, size, allow, why);
	if (status == OK)
		status = wall_build(&tried, ram_map, pool_range(), slots, grain, why);
	if (status == OK)
		space->regions[space->region_count++] =
			(struct space_region){from, to, size, allow};
	return status;
}

static void hext_activate(const struct space *space)
{
	struct cpu *cpu = cpu_of(hart_this());

	(void)space; /* its hgatp comes with the vCPU: virtual_load() */
	if (cpu->hext_edition != edition)
		write_entries(cpu);
}

static enum status hext_verify(const struct space *space, struct reason *why)
{
	const xlen_t vmids = (xlen_t)HGATP_VMIDS << HGATP_VMID_SHIFT;
	xlen_t hgatp = csr_read(hgatp);

	if ((hgatp & ~vmids) != hext_hgatp(space, 0))
		return refuse(why, ERR_LIMIT, "hgatp reads back as 0x%lx instead of 0x%lx",
			      hgatp & ~vmids, hext_hgatp(space, 0));
	return pmp_verify(wall.entries, slots, why);
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
	.alignment = hext_alignment,
	.best_alignment = hext_best_alignment,
	.guest_address = hext_guest_address,
	.map = hext_map,
	.unmap = hext_unmap,
	.activate = hext_activate,
	.verify = hext_verify,
};
