/* SPDX-License-Identifier: MIT */
/* What tests ask of a map of RAM, and the hypervisor doesn't. Included by one file of each program.
 */
#ifndef RAM_FIXTURE_H
#define RAM_FIXTURE_H

#include "core/ram.h"

/* The owner of the byte at `at`; RAM_OWNER_RESERVED for what is not RAM. */
static inline unsigned ram_owner_of(const struct ram_map *map, hpa_t at)
{
	for (unsigned i = 0; i < map->count; i++) {
		const struct ram_extent *extent = &ram_extents_of(map)[i];

		if (range_contains(extent->base.raw, extent->size, at.raw, 1))
			return extent->owner;
	}
	return RAM_OWNER_RESERVED;
}

/* Bytes of all RAM that `owner` has. */
static inline uint64_t ram_total(const struct ram_map *map, unsigned owner)
{
	uint64_t total = 0;

	for (unsigned i = 0; i < map->count; i++)
		if (ram_extents_of(map)[i].owner == owner)
			total += ram_extents_of(map)[i].size;
	return total;
}

#endif
