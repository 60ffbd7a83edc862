/* SPDX-License-Identifier: MIT */
/* A capsule's memory where one region isn't all of it: what core/isolation.h has no room for. */
#include "core/isolation.h"

/* The region that has the byte at `at`, or NULL. */
static const struct space_region *region_at(const struct space *space, gpa_t at)
{
	for (unsigned i = 0; i < space->region_count; i++)
		if (range_contains(space->regions[i].from.raw, space->regions[i].size, at.raw, 1))
			return &space->regions[i];
	return NULL;
}

bool space_lookup_part(const struct space *space, gpa_t at, uint64_t size, unsigned allow,
		       hpa_t *out, uint64_t *length)
{
	uint64_t left = size;

	*length = 0;
	if (space_lookup(space, at, size, allow, out)) {
		*length = size;
		return true;
	}
	/* Each turn ends with a region, and none has an address twice. */
	while (left) {
		const struct space_region *r = region_at(space, at);
		uint64_t here;

		if (!r || (r->allow & allow) != allow)
			return false;
		here = r->size - (at.raw - r->from.raw);
		if (here > left)
			here = left;
		if (!*length) {
			out->raw = r->to.raw + (at.raw - r->from.raw);
			*length = here;
		}
		at.raw += here;
		left -= here;
	}
	return size != 0;
}
