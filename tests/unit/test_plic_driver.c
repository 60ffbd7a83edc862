/* SPDX-License-Identifier: MIT */
/*
 * src/drivers/plic.c on memory that plays the PLIC: whatever was enabled before,
 * nothing is but the source that was routed, and only for the context it was
 * routed to. The memory has exactly the window's size, so that ASan sees its end.
 */
#include "unit.h"

#define DRIVERS_MMIO_H /* what follows stands for drivers/mmio.h */
#include "core/types.h"

static uintptr_t nothing_stays_at; /* a register that reads as 0 whatever is written; 0: none */

static uint32_t mmio_read32(uintptr_t at)
{
	return *(volatile uint32_t *)at;
}

static void mmio_write32(uintptr_t at, uint32_t value)
{
	*(volatile uint32_t *)at = at == nothing_stays_at ? 0 : value;
}
#include "drivers/plic.c"
#include "fake/arch.h"

static struct machine machine;
static uint8_t *window;

/* "Memory Map" of the PLIC specification. */
static uint32_t *priority(unsigned source)
{
	return (uint32_t *)(window + 4 * source);
}

static uint32_t *enable(unsigned context, unsigned word)
{
	return (uint32_t *)(window + 0x2000 + 0x80 * context + 4 * word);
}

static uint32_t *threshold(unsigned context)
{
	return (uint32_t *)(window + 0x200000 + 0x1000 * context);
}

/* Harts whose machine contexts are 0, 2, 4..., in a window that has been used before. */
static void play(unsigned harts, uint32_t sources, uint64_t size)
{
	free(window);
	window = malloc(size);
	memset(window, 0xff, size);
	memset(&machine, 0, sizeof(machine));
	machine.hart_count = harts;
	for (unsigned i = 0; i < harts; i++)
		machine.harts[i].plic_context = (int)(2 * i);
	machine.plic = (struct machine_plic){{(uintptr_t)window}, size, sources};
	plic_start(&machine);
}

static int tear_down(void **state)
{
	(void)state;
	free(window);
	window = NULL;
	return 0;
}

/* True when `source` is enabled for `context`, by the bit that the specification names. */
static bool enabled(unsigned context, unsigned source)
{
	return *enable(context, source / 32) >> (source % 32) & 1;
}

/* For every context of the harts, machine and supervisor: only (irq, context) is enabled. */
static void check_enabled(unsigned contexts, uint32_t sources, uint32_t irq, unsigned context)
{
	for (unsigned c = 0; c < contexts; c++) {
		assert_int_equal(*threshold(c), 0);
		for (uint32_t source = 0; source <= sources; source++)
			assert_int_equal(enabled(c, source), source == irq && c == context);
	}
	for (uint32_t source = 1; source <= sources; source++)
		assert_int_equal(*priority(source), source == irq);
}

enum { NOBODY = 0xffff };

static void test_quiet(void **state)
{
	static const uint32_t counts[] = {1, 10, 31, 32, 33, 63, 64, 95, 127, 511, 1022, 1023};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LENGTH(counts); i++) {
		for (unsigned harts = 1; harts <= 8; harts += 7) {
			play(harts, counts[i], 0x400000);
			check_enabled(2 * harts, counts[i], NOBODY, 0);
			/* What doesn't exist isn't touched. */
			assert_int_equal(*enable(2 * harts, 0), 0xffffffff);
			assert_int_equal(*threshold(2 * harts), 0xffffffff);
			if (counts[i] / 32 < 31)
				assert_int_equal(*enable(0, counts[i] / 32 + 1), 0xffffffff);
		}
	}
}

/* The source, its priority, and the one context; all others stay as quiet as they were. */
static void test_route(void **state)
{
	static const uint32_t irqs[] = {1, 10, 31, 32, 33, 63, 64, 95};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LENGTH(irqs); i++) {
		for (unsigned context = 0; context < 8; context += 2) {
			play(4, 95, 0x400000);
			assert_true(plic_route(irqs[i], (int)context));
			check_enabled(8, 95, irqs[i], context);
		}
	}
	/* Routed again, it goes to the new context alone. */
	play(4, 95, 0x400000);
	plic_route(33, 0);
	plic_route(33, 6);
	check_enabled(8, 95, 33, 6);
	/* Others in the same word stay. */
	plic_route(34, 2);
	assert_true(enabled(6, 33) && !enabled(2, 33));
	assert_true(enabled(2, 34) && !enabled(6, 34));
}

/* Sources and contexts that don't exist. */
static void test_route_nowhere(void **state)
{
	static const int contexts[] = {MACHINE_NO_CONTEXT, -2, 8, 9, 1000, INT32_MAX, INT32_MIN};
	static const uint32_t irqs[] = {96, 128, 1023, 1024, 0x7fffffff, 0xffffffff};

	(void)state;
	play(4, 95, 0x400000);
	for (unsigned i = 0; i < ARRAY_LENGTH(contexts); i++) {
		assert_false(plic_route(10, contexts[i]));
		assert_int_equal(plic_claim(contexts[i]), 0);
	}
	for (unsigned i = 0; i < ARRAY_LENGTH(irqs); i++)
		assert_false(plic_route(irqs[i], 0));
	check_enabled(8, 95, NOBODY, 0);
}

/* A context that the tree names, or that we took to be there, and isn't: the UART is to be polled.
 */
static void test_no_such_context(void **state)
{
	struct machine_hart description = {.plic_context = 2};
	struct hart hart = {.description = &description};
	struct reason why;

	(void)state;
	play(4, 95, 0x400000);
	machine.uart.irq = 10;
	assert_int_equal(plic_controller.start(&machine, &why), OK);
	assert_int_equal(plic_controller.route(&hart, &why), OK);
	nothing_stays_at = (uintptr_t)enable(2, 0);
	assert_int_equal(plic_controller.route(&hart, &why), ERR_MISSING);
	assert_string_equal(why.text, "The PLIC has no such context, or no source 10");
	description.plic_context = 4;
	assert_int_equal(plic_controller.route(&hart, &why), OK);
	nothing_stays_at = 0;
}

static void test_claim(void **state)
{
	(void)state;
	play(4, 95, 0x400000);
	plic_route(10, 4);
	threshold(4)[1] = 10;
	threshold(2)[1] = 7;
	assert_int_equal(plic_claim(4), 10);
	threshold(4)[1] = 0;
	plic_complete(4, 10);
	assert_int_equal(threshold(4)[1], 10);
	assert_int_equal(threshold(2)[1], 7);
	assert_int_equal(threshold(4)[0], 0);
}

/* Harts without a context, and numbers that aren't in order. */
static void test_contexts(void **state)
{
	(void)state;
	play(0, 31, 0x400000);
	plic_route(10, 0);
	play(3, 31, 0x400000);
	machine.harts[0].plic_context = 7;
	machine.harts[1].plic_context = MACHINE_NO_CONTEXT;
	machine.harts[2].plic_context = 3;
	memset(window, 0xff, 0x400000);
	plic_start(&machine);
	check_enabled(9, 31, NOBODY, 0);
	plic_route(5, 7);
	check_enabled(9, 31, 5, 7);
}

/* A window that ends before the contexts do, around each register of one: nothing behind it. */
static void test_small_window(void **state)
{
	static const unsigned ends[] = {0, 4, 8, 12, 0x1000 - 4};

	(void)state;
	for (unsigned last = 1; last < 6; last++) {
		for (unsigned i = 0; i < ARRAY_LENGTH(ends); i++) {
			play(4, 95, 0x200000 + 0x1000 * last + ends[i]);
			plic_route(10, 0);
			plic_route(10, 6);
			for (int context = 0; context < 8; context++)
				plic_claim(context);
			assert_true(enabled(0, 10));
		}
	}
	/* Not even one context is whole. */
	play(4, 95, 0x200004);
	plic_route(10, 0);
	assert_int_equal(plic_claim(0), 0);
}

/* A window that is too small for a PLIC at all: nothing behind it either, and nothing is served. */
static void test_tiny_window(void **state)
{
	static const uint64_t sizes[] = {1,	 4,	 0x100,	 0x17c,	  0x180,
					 0x1000, 0x2000, 0x2004, 0x200000};
	struct reason why;

	(void)state;
	for (unsigned i = 0; i < ARRAY_LENGTH(sizes); i++) {
		play(4, 95, sizes[i]);
		plic_route(10, 0);
		assert_int_equal(plic_claim(0), 0);
		assert_int_equal(plic_controller.start(&machine, &why), ERR_FORMAT);
		assert_non_null(strstr(why.text, "the PLIC has no registers for a CPU"));
	}
}

/* Nothing is written where a register of the first or the last context faults. */
static void test_not_there(void **state)
{
	static const unsigned offsets[] = {0x2000, 0x2000 + 7 * 0x80 + 8, 0x200000 + 7 * 0x1000};
	struct reason why;

	(void)state;
	for (unsigned i = 0; i < ARRAY_LENGTH(offsets); i++) {
		play(4, 95, 0x400000);
		memset(window, 0xff, 0x400000);
		fake_arch.nothing_at = (uintptr_t)window + offsets[i];
		assert_int_equal(plic_controller.start(&machine, &why), ERR_FORMAT);
		fake_arch.nothing_at = 0;
		assert_int_equal(*enable(0, 0) & *priority(1) & *threshold(0), 0xffffffff);
		assert_int_equal(plic_claim(0), 0);
	}
}

/* More sources than there can be. */
static void test_many_sources(void **state)
{
	(void)state;
	play(2, 0xffffffff, 0x400000);
	check_enabled(4, 1023, NOBODY, 0);
	play(2, 1024, 0x400000);
	check_enabled(4, 1023, NOBODY, 0);
	plic_route(1023, 2);
	check_enabled(4, 1023, 1023, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_quiet, tear_down),
		cmocka_unit_test_teardown(test_route, tear_down),
		cmocka_unit_test_teardown(test_route_nowhere, tear_down),
		cmocka_unit_test_teardown(test_no_such_context, tear_down),
		cmocka_unit_test_teardown(test_claim, tear_down),
		cmocka_unit_test_teardown(test_contexts, tear_down),
		cmocka_unit_test_teardown(test_small_window, tear_down),
		cmocka_unit_test_teardown(test_tiny_window, tear_down),
		cmocka_unit_test_teardown(test_not_there, tear_down),
		cmocka_unit_test_teardown(test_many_sources, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
