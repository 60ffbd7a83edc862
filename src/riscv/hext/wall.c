/* SPDX-License-Identifier: MIT */
#include "riscv/hext/wall.h"

#include "riscv/pmp/encode.h"

/* From which opening on an extent of this owner may lie behind an entry. */
static enum wall_opening opening_of(unsigned owner)
{
	if (owner >= RAM_OWNER_STAGED)
		return WALL_EXACT;
	if (owner >= RAM_OWNER_GUEST)
		return WALL_GUEST;
	switch (owner) {
	case RAM_OWNER_NOBODY: return WALL_FREE;
	case RAM_OWNER_TREE: return WALL_TREE;
	case RAM_OWNER_MANIFEST: return WALL_MANIFEST;
	case RAM_OWNER_RESERVED: return WALL_RESERVED;
	default: return WALL_CLOSED; /* the hypervisor's, and what it keeps of capsules */
	}
}

/* A range that is to be opened: up to the last guest RAM that was met. */
struct run {
	uint64_t base, end; /* equal: none */
};

static enum status finish(struct wall *wall, struct run *run, unsigned slots, uint64_t grain,
			  struct reason *why)
{
	uint64_t size = run->end - run->base;

	if (!size)
		return OK;
	run->end = run->base;
	return pmp_encode(wall->entries, &wall->entry_count, slots, run->base, size, ALLOW_ALL,
			  grain, XLEN, why);
}

/* The entries with this opening. */
static enum status encode(struct wall *wall, const struct ram_map *map, struct hpa_range pool,
			  unsigned slots, uint64_t grain, struct reason *why)
{
	enum wall_opening opening = wall->opening;
	struct run run = {0, 0};
	uint64_t reached = 0; /* the end of the RAM that was looked at last */
	enum status status;

	*wall = (struct wall){.opening = opening};
	status = pmp_encode(wall->entries, &wall->entry_count, slots, pool.base.raw, pool.size,
			    ALLOW_READ, grain, XLEN, why);
	for (unsigned i = 0; i < map->count && status == OK; i++) {
		const struct ram_extent *extent = &ram_extents_of(map)[i];
		enum wall_opening needs = opening_of(extent->owner);

		/* What isn't RAM, or is closed, ends a run. */
		if (extent->base.raw != reached || needs > opening)
			status = finish(wall, &run, slots, grain, why);
		reached = extent->base.raw + extent->size;
		if (needs != WALL_EXACT || status != OK)
			continue;
		if (run.end == run.base)
			run.base = extent->base.raw;
		run.end = reached;
	}
	return status == OK ? finish(wall, &run, slots, grain, why) : status;
}

/* How many ranges there are when all is opened that can be. */
static unsigned count_runs(const struct ram_map *map)
{
	uint64_t reached = 0;
	bool in_run = false;
	unsigned count = 0;

	for (unsigned i = 0; i < map->count; i++) {
		const struct ram_extent *extent = &ram_extents_of(map)[i];
		enum wall_opening needs = opening_of(extent->owner);

		if (extent->base.raw != reached || needs == WALL_CLOSED)
			in_run = false;
		reached = extent->base.raw + extent->size;
		if (needs == WALL_EXACT && !in_run) {
			in_run = true;
			count++;
		}
	}
	return count;
}

enum status wall_build(struct wall *wall, const struct ram_map *map, struct hpa_range pool,
		       unsigned slots, uint64_t grain, struct reason *why)
{
	enum status status = ERR_LIMIT;

	for (unsigned opening = WALL_EXACT; opening < WALL_CLOSED && status == ERR_LIMIT;
	     opening++) {
		wall->opening = opening;
		status = encode(wall, map, pool, slots, grain, why);
	}
	if (status != ERR_LIMIT)
		return status;
	return refuse(why, ERR_LIMIT,
		      "RAM of capsules under hext would lie in %u ranges with memory of the "
		      "hypervisor, or no RAM, in between: too many for %u PMP entries",
		      count_runs(map), slots);
}

const char *wall_opened(const struct wall *wall)
{
	static const char *const words[] = {
		[WALL_EXACT] = "",
		[WALL_FREE] = "",
		/* The linker keeps those that end another one within it. */
		[WALL_TREE] = "the host's device tree",
		[WALL_MANIFEST] = "the manifest, the host's device tree",
		[WALL_RESERVED] = "reserved memory, the manifest, the host's device tree",
		[WALL_GUEST] = "RAM of capsules under pmp, reserved memory, the manifest, the "
			       "host's device tree",
		[WALL_CLOSED] = "",
	};

	return words[wall->opening];
}
