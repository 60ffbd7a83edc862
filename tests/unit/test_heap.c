/* SPDX-License-Identifier: MIT */
/* src/core/heap.c against a list in which the smallest is searched for; and how many steps it
 * takes. */
#include "unit.h"

#include "core/heap.h"

enum { NODES = 300 };

static struct heap_node nodes[NODES], *places[NODES];
static struct heap heap;

/* All places are right, and no node lies before the one above it. */
static void check_heap(void)
{
	unsigned in = 0;

	for (unsigned i = 0; i < heap.count; i++) {
		assert_int_equal(heap.nodes[i]->place, i + 1);
		if (i)
			assert_false(heap_before(heap.nodes[i]->key, heap.nodes[(i - 1) / 2]->key));
	}
	for (unsigned i = 0; i < NODES; i++)
		in += nodes[i].place != 0;
	assert_int_equal(in, heap.count);
}

static const struct heap_node *model_first(void)
{
	const struct heap_node *first = NULL;

	for (unsigned i = 0; i < NODES; i++)
		if (nodes[i].place && (!first || heap_before(nodes[i].key, first->key)))
			first = &nodes[i];
	return first;
}

/* Keys around `base`: also where they wrap. */
static void run_randomly(uint64_t base, uint64_t range)
{
	memset(nodes, 0, sizeof(nodes));
	heap = (struct heap){places, 0, NODES};
	for (unsigned round = 0; round < 20000; round++) {
		struct heap_node *node = &nodes[unit_random_below(NODES)];
		uint64_t key = base + unit_random_below(range);

		switch (unit_random_below(3)) {
		case 0:
			if (!node->place)
				heap_add(&heap, node, key);
			else
				heap_remove(&heap, node);
			break;
		case 1:
			if (heap.count) {
				struct heap_node *first = heap_first(&heap);

				heap_remove(&heap, first);
				assert_int_equal(first->place, 0);
			}
			break;
		default:
			if (heap.count && !node->place) {
				struct heap_node *first = heap_first(&heap);

				node->key = key;
				assert_ptr_equal(heap_replace_first(&heap, node), first);
				assert_int_equal(first->place, 0);
			}
		}
		if (heap.count)
			assert_true(heap_first(&heap)->key == model_first()->key);
		else
			assert_null(heap_first(&heap));
		if (round % 64 == 0)
			check_heap();
	}
}

static void test_random(void **state)
{
	(void)state;
	run_randomly(0, 1000);
	run_randomly(12345, UINT64_MAX / 2 - 1);
	run_randomly(0 - (uint64_t)500, 1000); /* they wrap */
	run_randomly((uint64_t)1 << 63, 3);
}

static void test_misuse(void **state)
{
	static struct heap_node extra;

	(void)state;
	memset(nodes, 0, sizeof(nodes));
	heap = (struct heap){places, 0, 2};
	heap_add(&heap, &nodes[0], 1);
	expect_assert_failure(heap_add(&heap, &nodes[0], 2));
	expect_assert_failure(heap_remove(&heap, &nodes[1]));
	expect_assert_failure(heap_replace_first(&heap, &nodes[0]));
	heap_add(&heap, &nodes[1], 2);
	expect_assert_failure(heap_add(&heap, &extra, 3));
}

/* Each step moves a node: those that an operation has moved, at most. */
static unsigned moved(unsigned count)
{
	unsigned before[NODES], most = 0;

	memset(nodes, 0, sizeof(nodes));
	heap = (struct heap){places, 0, NODES};
	for (unsigned i = 0; i < count; i++)
		heap_add(&heap, &nodes[i], unit_random_below(1 << 20));
	for (unsigned round = 0; round < 2000; round++) {
		struct heap_node *first = heap_first(&heap);
		unsigned now = 0;

		for (unsigned i = 0; i < count; i++)
			before[i] = nodes[i].place;
		heap_remove(&heap, first);
		heap_add(&heap, first, first->key + unit_random_below(1 << 20));
		for (unsigned i = 0; i < count; i++)
			now += nodes[i].place != before[i];
		if (now > most)
			most = now;
	}
	return most;
}

/* At most logarithmic: with 256 a dozen and some more, not 256. */
static void test_steps(void **state)
{
	(void)state;
	assert_int_equal(moved(1), 0);
	assert_in_range(moved(16), 1, 2 * 5);
	assert_in_range(moved(256), 1, 2 * 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_misuse),
		cmocka_unit_test(test_steps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
