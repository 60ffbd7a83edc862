/* SPDX-License-Identifier: MIT */
/*
 * A binary heap of nodes that lie in what they stand for: the smallest key is first, and any
 * node can leave, in O(log n) steps. Keys are compared as a circle, so that a clock or a virtual
 * time may wrap; all in one heap must lie within half of it. Of one hart: no lock.
 */
#ifndef CORE_HEAP_H
#define CORE_HEAP_H

#include "core/types.h"

struct heap_node {
	uint64_t key;
	unsigned place; /* 1 + its index in `nodes`; 0: in no heap */
};

struct heap {
	struct heap_node **nodes; /* room for `capacity` of them */
	unsigned count;
	unsigned capacity;
};

/* True when a comes before b. */
static inline bool heap_before(uint64_t a, uint64_t b)
{
	return (int64_t)(a - b) < 0;
}

/* The node with the smallest key, or NULL. */
static inline struct heap_node *heap_first(const struct heap *heap)
{
	return heap->count ? heap->nodes[0] : NULL;
}

/* Put in a node that is in no heap. There must be room: whoever makes the nodes counts them. */
void heap_add(struct heap *heap, struct heap_node *node, uint64_t key);

/* Take out a node that is in this heap. */
void heap_remove(struct heap *heap, struct heap_node *node);

/* Take out the first node and put `node`, which is in no heap, in: both at the cost of one. */
struct heap_node *heap_replace_first(struct heap *heap, struct heap_node *node);

#endif
