/* SPDX-License-Identifier: MIT */
/*
 * How a capsule's memory is fenced off from every other capsule and from us.
 *
 * A capsule's space is a table of regions. Fences and the guest's device tree
 * are both made from it, so they can't disagree. Each space points at the
 * mechanism that enforces it; nothing about the choice is global.
 */
#ifndef CORE_ISOLATION_H
#define CORE_ISOLATION_H

#include "core/status.h"
#include "core/types.h"

enum { SPACE_REGIONS_MAX = 16, SPACE_SLOTS_MAX = 8 };

enum { ALLOW_READ = 1, ALLOW_WRITE = 2, ALLOW_EXECUTE = 4 };
#define ALLOW_ALL (ALLOW_READ | ALLOW_WRITE | ALLOW_EXECUTE)

struct vcpu;
struct isolation_ops;

struct space_region {
	gpa_t from;
	hpa_t to;
	uint64_t size;
	unsigned allow;
};

/* One PMP entry, encoded (riscv/pmp/encode.h). */
struct pmp_entry {
	xlen_t address;
	uint8_t config;
};

struct space {
	const struct isolation_ops *ops;
	uint64_t time_zero; /* the host's time at which the guest's is 0 */
	gpa_t end;	    /* of all its memory in the guest's eyes; before the first map() */
	/* Of the `pmp` back end. */
	unsigned entry_count;
	struct pmp_entry entries[SPACE_SLOTS_MAX]; /* those beyond the count are off */
	xlen_t config;				   /* the modes of all, as pmpcfg0 wants them */
	/* Of the `hext` back end. */
	hpa_t stage_root;     /* of its tables, 0: none yet */
	unsigned stage_shape; /* an index of hext.c's */
	unsigned region_count;
	/* Ascending in the guest's eyes. Last: what comes at each switch is near. */
	struct space_region regions[SPACE_REGIONS_MAX];
};

/* Every member is mandatory, so callers never test for NULL. */
struct isolation_ops {
	const char *name;

	/*
	 * Guests have physical addresses and a clock of their own: memory-base asks for no host
	 * RAM in particular, RAM may be made of several ranges of the host's, and a guest's time
	 * begins at 0 with each of its lives.
	 */
	bool translates;

	/*
	 * Alignment that guest RAM needs on this machine, a power of two. Of several ranges all but
	 * the last are multiples of it.
	 */
	uint64_t (*alignment)(void);

	/* The alignment with which a range of this size is cheapest to translate: that or more. */
	uint64_t (*best_alignment)(uint64_t size);

	/* Where guest RAM is in the guest's eyes, if it doesn't ask for a place, when it lies at
	 * `ram` in the host's. */
	gpa_t (*guest_address)(hpa_t ram);

	/*
	 * Let the capsule reach [from, from + size) as host memory at `to`. ERR_LIMIT when the
	 * hardware can't express one more region, ERR_RANGE when it can't express this one.
	 */
	enum status (*map)(struct space *space, gpa_t from, hpa_t to, uint64_t size, unsigned allow,
			   struct reason *why);

	/* Give back what map() took, all of it or part. No vCPU has ever run there. Boot hart. */
	void (*unmap)(struct space *space);

	/* Make `space` the only one that this hart can reach below M-mode, fences included. */
	void (*activate)(const struct space *space);

	/*
	 * After activate(): ERR_LIMIT when the hart didn't do what it was told (what was written
	 * reads back differently). Asked once for each space and hart.
	 */
	enum status (*verify)(const struct space *space, struct reason *why);
};

/*
 * Host address behind [at, at + size) when all of it lies in one region that
 * allows `allow`; false otherwise. Never faults. Any hart.
 */
static inline bool space_lookup(const struct space *space, gpa_t at, uint64_t size, unsigned allow,
				hpa_t *out)
{
	for (unsigned i = 0; i < space->region_count; i++) {
		const struct space_region *r = &space->regions[i];

		if (range_contains(r->from.raw, r->size, at.raw, size)) {
			out->raw = r->to.raw + (at.raw - r->from.raw);
			return (r->allow & allow) == allow;
		}
	}
	return false;
}

/*
 * The same for a range that may go on from one region into the next: the host address of its
 * beginning, and how many of its bytes lie there in one piece, all of them if it is empty. False
 * unless the whole of it is there and allows `allow`.
 */
bool space_lookup_part(const struct space *space, gpa_t at, uint64_t size, unsigned allow,
		       hpa_t *out, uint64_t *length);

#endif
