/* SPDX-License-Identifier: MIT */
/*
 * Tables of the second stage of translation: from guest-physical to host-physical addresses
 * ("Two-Stage Address Translation", "Guest Physical Address Translation"). Pure: tested on the
 * host, for every shape on any width.
 */
#ifndef RISCV_HEXT_GSTAGE_H
#define RISCV_HEXT_GSTAGE_H

#include "core/isolation.h"

/* What a table looks like. The root has two more bits of index than the others: 16 KiB. */
struct gstage_shape {
	const char *name;
	unsigned mode; /* of hgatp */
	unsigned levels;
	unsigned index_bits;
	unsigned entry_size;   /* bytes */
	unsigned address_bits; /* of a guest-physical address */
};

extern const struct gstage_shape gstage_sv32x4, gstage_sv39x4, gstage_sv48x4;

enum {
	GSTAGE_ROOT_SIZE = 4 * PAGE_SIZE,
	/*
	 * One naturally aligned power of two, so that one PMP entry opens it to the walker, and
	 * enough for as many capsules as a manifest can have.
	 */
	GSTAGE_POOL_SIZE = 2 * 1024 * 1024,
	GSTAGE_POOL_PAGES = GSTAGE_POOL_SIZE / PAGE_SIZE,
};

/* Where all tables come from; `memory` is where we see what the hart finds at `base`. */
struct gstage_pool {
	uint8_t *memory;
	hpa_t base;
	/* Of each page: the first page of the tree that it belongs to, plus one; 0: it is free. */
	uint16_t *owner;
};

/* One guest's tree of tables. */
struct gstage {
	const struct gstage_shape *shape;
	struct gstage_pool *pool;
	unsigned root; /* its first page in the pool */
};

/* An empty tree. ERR_NOMEM when the pool is full. Boot hart. */
enum status gstage_create(struct gstage *stage, const struct gstage_shape *shape,
			  struct gstage_pool *pool, struct reason *why) MUST_USE;

/* Give all pages of the tree back to the pool. No hart may use it any more. */
void gstage_destroy(struct gstage *stage);

/* True when the range reaches beyond what tables of this shape can map. */
bool gstage_is_beyond(const struct gstage_shape *shape, gpa_t from, uint64_t size);

/*
 * Let [from, from + size) be host memory at `to`, with the largest leaves that fit; all three are
 * multiples of PAGE_SIZE. Leaves have A and D set, so that no walk needs to write, and are the
 * user's, as all of the second stage must be; without ALLOW_READ nothing is allowed. ERR_RANGE
 * beyond what the shape reaches, ERR_OVERLAP when some of it is mapped already, ERR_NOMEM when
 * the pool is full; then some of it may have been mapped.
 */
enum status gstage_map(struct gstage *stage, gpa_t from, hpa_t to, uint64_t size, unsigned allow,
		       struct reason *why) MUST_USE;

/* What a walk finds for `at`: false: nothing. `leaf` gets the size of what maps it. For checks. */
bool gstage_lookup(const struct gstage *stage, gpa_t at, hpa_t *out, unsigned *allow,
		   uint64_t *leaf);

/* Where the root is for the hart. */
static inline hpa_t gstage_root(const struct gstage *stage)
{
	return (hpa_t){stage->pool->base.raw + (uint64_t)stage->root * PAGE_SIZE};
}

#endif
