/* SPDX-License-Identifier: MIT */
#include "core/heap.h"

#include "core/assert.h"

static inline void put(struct heap *heap, struct heap_node *node, unsigned at)
{
	heap->nodes[at] = node;
	node->place = at + 1;
}

/* The hole at `at` moves up until `node` fits into it. */
static void rise(struct heap *heap, struct heap_node *node, unsigned at)
{
	while (at) {
		unsigned above = (at - 1) / 2;

		if (!heap_before(node->key, heap->nodes[above]->key))
			break;
		put(heap, heap->nodes[above], at);
		at = above;
	}
	put(heap, node, at);
}

/* The hole at `at` moves down until `node` fits into it. */
static void sink(struct heap *heap, struct heap_node *node, unsigned at)
{
	unsigned count = heap->count;

	for (;;) {
		unsigned below = 2 * at + 1;

		if (below >= count)
			break;
		if (below + 1 < count &&
		    heap_before(heap->nodes[below + 1]->key, heap->nodes[below]->key))
			below++;
		if (!heap_before(heap->nodes[below]->key, node->key))
			break;
		put(heap, heap->nodes[below], at);
		at = below;
	}
	put(heap, node, at);
}

void heap_add(struct heap *heap, struct heap_node *node, uint64_t key)
{
	ASSERT(!node->place && heap->count < heap->capacity);
	node->key = key;
	rise(heap, node, heap->count++);
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
	unsigned at = node->place - 1;
	struct heap_node *last;

	ASSERT(node->place && at < heap->count && heap->nodes[at] == node);
	node->place = 0;
	last = heap->nodes[--heap->count];
	if (last == node)
		return;
	if (at && heap_before(last->key, heap->nodes[(at - 1) / 2]->key))
		rise(heap, last, at);
	else
		sink(heap, last, at);
}

/*
 * The hole at the top moves all the way down, along the smaller of two each time, and `node` rises
 * from there: what comes in after a turn is among the last as a rule, so that looking at its
 * own key on the way down would be in vain.
 */
struct heap_node *heap_replace_first(struct heap *heap, struct heap_node *node)
{
	struct heap_node *first = heap->nodes[0], **hole = heap->nodes;
	/* As wide as a register: an index of 32 bits costs two instructions more each time. */
	size_t count = heap->count, place = 1, below;

	ASSERT(count && !node->place);
	first->place = 0;
	while ((below = 2 * place) < count) {
		struct heap_node **pair = heap->nodes + below - 1, *smaller = pair[0];

		if (heap_before(pair[1]->key, smaller->key)) {
			smaller = *++pair;
			below++;
		}
		*hole = smaller;
		smaller->place = (unsigned)place;
		hole = pair;
		place = below;
	}
	if (below == count) {
		put(heap, heap->nodes[below - 1], (unsigned)place - 1);
		place = below;
	}
	rise(heap, node, (unsigned)place - 1);
	return first;
}
