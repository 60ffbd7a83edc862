/* SPDX-License-Identifier: MIT */
/*
 * What the PMP opens to guests that have a second stage of translation: the same on every hart and
 * for every such capsule, so that a change of capsule writes none of it. Pure: tested on the host.
 *
 * The second stage is the fence between capsules. This wall stands behind it, for what a table must
 * never say: below M-mode such a hart doesn't reach the hypervisor's memory or a device, whatever
 * happens. It is built once, from the final map of RAM. What has no entry is denied.
 */
#ifndef RISCV_HEXT_WALL_H
#define RISCV_HEXT_WALL_H

#include "core/isolation.h"
#include "core/ram.h"

enum { WALL_SLOTS_MAX = 16 };

/*
 * What lies between two ranges of guests' RAM and is opened with them, when there are fewer entries
 * than ranges: each is taken with all before it, the first that suffices counts. Memory of the
 * hypervisor's and what isn't RAM never is.
 */
enum wall_opening {
	WALL_EXACT,    /* nothing but the RAM of guests with a second stage */
	WALL_FREE,     /* RAM that nobody has */
	WALL_TREE,     /* the host's device tree */
	WALL_MANIFEST, /* the manifest */
	WALL_RESERVED, /* what the host's device tree reserves */
	WALL_GUEST,    /* RAM of guests that PMP alone fences, where they aren't loaded */
	WALL_CLOSED,
};

struct wall {
	enum wall_opening opening;
	unsigned entry_count;
	struct pmp_entry entries[WALL_SLOTS_MAX]; /* those beyond the count are off */
};

/*
 * Build the wall for what `map` says, in `slots` entries (at most WALL_SLOTS_MAX) of this grain:
 * `pool` may be read, that is where the tables of the second stage are, and RAM_OWNER_STAGED may be
 * used. ERR_LIMIT, with numbers, when the entries don't suffice for what has to stay closed.
 */
enum status wall_build(struct wall *wall, const struct ram_map *map, struct hpa_range pool,
		       unsigned slots, uint64_t grain, struct reason *why) MUST_USE;

/* "the manifest, the host's device tree": what is open besides; "" up to WALL_FREE. */
const char *wall_opened(const struct wall *wall);

#endif
