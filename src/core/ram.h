/* SPDX-License-Identifier: MIT */
/*
 * Who owns which pages of host RAM.
 *
 * A sorted table of extents covers all RAM, each with its owner. Capsules take
 * large contiguous ranges and little else is allocated, so extents are smaller
 * and faster than a bitmap, and a dump of the table is the memory map.
 *
 * RAM is given out at boot, by the boot hart, and not after that: so there is no lock.
 */
#ifndef CORE_RAM_H
#define CORE_RAM_H

#include "core/status.h"
#include "core/types.h"

/*
 * What was given out in one piece is an extent, so a capsule takes one and one for each vCPU. A map
 * has room for these, which is enough for a machine before its capsules, until ram_extend().
 */
enum { RAM_EXTENTS_FIRST = 128 };

/*
 * Owners. A capsule has three, each with its number added: for what we keep of it, for its RAM
 * where PMP alone fences that, and for RAM that has a second stage of translation in front.
 */
enum ram_owner {
	RAM_OWNER_NOBODY, /* free */
	RAM_OWNER_HYPERVISOR,
	RAM_OWNER_TREE,	    /* the host's device tree */
	RAM_OWNER_MANIFEST, /* what the boot protocol calls the initrd */
	RAM_OWNER_RESERVED, /* named so by the host's device tree */
	RAM_OWNER_CAPSULE,
	RAM_OWNER_GUEST = RAM_OWNER_CAPSULE + 4096,
	RAM_OWNER_STAGED = RAM_OWNER_GUEST + 4096,
};

struct ram_extent {
	hpa_t base;
	uint64_t size;
	unsigned owner;
};

/* All zero: an empty one. */
struct ram_map {
	unsigned count;
	unsigned capacity;	    /* of `extents`, if there are any */
	struct ram_extent *extents; /* NULL: `first` has them */
	struct ram_extent first[RAM_EXTENTS_FIRST];
};

/* The extents, ascending. */
static inline struct ram_extent *ram_extents(struct ram_map *map)
{
	return map->extents ? map->extents : map->first;
}

static inline const struct ram_extent *ram_extents_of(const struct ram_map *map)
{
	return map->extents ? map->extents : map->first;
}

/* Add free RAM (page-aligned, ascending or not). ERR_OVERLAP when some of it is known already. */
enum status ram_add(struct ram_map *map, struct hpa_range range, struct reason *why) MUST_USE;

/*
 * Give exactly `range` (rounded out to pages) to `owner`. ERR_OVERLAP names
 * both ranges and both owners when some of it belongs to somebody; ERR_RANGE
 * when some of it is not RAM; `what` names the claimant in the sentence.
 */
enum status ram_claim(struct ram_map *map, struct hpa_range range, unsigned owner, const char *what,
		      struct reason *why) MUST_USE;

/*
 * Like ram_claim(), for ranges that the device tree reserves: parts that are
 * not RAM are skipped, and parts that `owner` already has, or that are the tree's or the
 * manifest's, are left alone.
 */
enum status ram_reserve(struct ram_map *map, struct hpa_range range, unsigned owner,
			const char *what, struct reason *why) MUST_USE;

/*
 * Take `size` bytes (a multiple of PAGE_SIZE) aligned to `align` (a power of
 * two of at least PAGE_SIZE) for `owner`, lowest address first. ERR_NOMEM names
 * what was asked and the largest free range. The memory is NOT cleared.
 */
enum status ram_alloc(struct ram_map *map, uint64_t size, uint64_t align, unsigned owner,
		      hpa_t *out, struct reason *why) MUST_USE;

/*
 * The same for memory that the hypervisor uses itself: whole pages with room for `size` bytes, at
 * `out`.
 */
enum status ram_alloc_pages(struct ram_map *map, size_t size, unsigned owner, void **out,
			    struct reason *why) MUST_USE;

/*
 * ram_alloc() from the other end: the highest address that leaves the remainder `phase` when
 * divided by `align`.
 */
enum status ram_alloc_high(struct ram_map *map, uint64_t size, uint64_t align, uint64_t phase,
			   unsigned owner, hpa_t *out, struct reason *why) MUST_USE;

/*
 * Move the table into memory of the map's own RAM, which is the hypervisor's from then on, with
 * room for `capacity` extents. ERR_NOMEM when there is no such memory: then the map goes on as it
 * was. Once.
 */
enum status ram_extend(struct ram_map *map, unsigned capacity, struct reason *why) MUST_USE;

/* Give back everything that `owner` has. Returns the number of bytes. */
uint64_t ram_free_owner(struct ram_map *map, unsigned owner);

/*
 * The size of the largest free range that begins at an address which leaves the remainder `phase`
 * when divided by `align`.
 */
uint64_t ram_largest_free(const struct ram_map *map, uint64_t align, uint64_t phase);

/* "free", "hypervisor", ... for messages; "capsule" for all of those. */
const char *ram_owner_name(unsigned owner);

#endif
