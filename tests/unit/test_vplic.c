/* SPDX-License-Identifier: MIT */
/*
 * src/vdev/vplic.c: the rules of the PLIC specification one by one, and then
 * random operations against a model that searches where the device uses masks.
 */
#include "unit.h"

#include "vdev/vplic.h"

enum { PENDING = 0x1000, ENABLE = 0x2000, THRESHOLD = 0x200000, CLAIM = 0x200004 };

static struct vplic plic;
static bool outputs[VPLIC_CONTEXTS];
static unsigned changes;

/* Fails when it is told what it knows. */
static void output(struct vplic *from, unsigned context, bool level)
{
	assert_ptr_equal(from, &plic);
	assert_true(context < from->contexts);
	assert_int_not_equal(outputs[context], level);
	outputs[context] = level;
	changes++;
}

static void start(unsigned contexts)
{
	memset(&plic, 0xa5, sizeof(plic));
	memset(outputs, 0, sizeof(outputs));
	changes = 0;
	vplic_init(&plic, (gpa_t){0xc000000}, contexts, output);
}

static uint64_t read(uint32_t offset)
{
	return plic.dev.ops->read(&plic.dev, offset, 4);
}

static void write(uint32_t offset, uint32_t value)
{
	plic.dev.ops->write(&plic.dev, offset, 4, value);
}

static uint64_t claim(unsigned context)
{
	return read(CLAIM + 0x1000 * context);
}

static void complete(unsigned context, uint32_t source)
{
	write(CLAIM + 0x1000 * context, source);
}

static void enable(unsigned context, uint32_t mask)
{
	write(ENABLE + 0x80 * context, mask);
}

static void test_reset(void **state)
{
	(void)state;
	start(2);
	for (uint32_t offset = 0; offset < VPLIC_SIZE; offset += 4)
		assert_int_equal(read(offset), 0);
	assert_int_equal(changes, 0);
}

/* What Linux does for each interrupt of a UART whose line stays up until it is served. */
static void test_cycle(void **state)
{
	(void)state;
	start(1);
	write(4 * 10, 1);
	enable(0, 1 << 10);
	write(THRESHOLD, 0);
	for (int i = 0; i < 3; i++) {
		vplic_set(&plic, 10, true);
		assert_true(outputs[0]);
		assert_int_equal(read(PENDING), 1 << 10);
		assert_int_equal(claim(0), 10);
		assert_false(outputs[0]);
		assert_int_equal(read(PENDING), 0);
		assert_int_equal(claim(0), 0);
		vplic_set(&plic, 10, false);
		complete(0, 10);
		assert_false(outputs[0]);
	}
	assert_int_equal(changes, 6);
	assert_int_equal(claim(0), 0);
}

/* A line that is still up when its interrupt is completed asks again; nothing is lost. */
static void test_still_up(void **state)
{
	(void)state;
	start(1);
	write(4 * 3, 7);
	enable(0, 1 << 3);
	vplic_set(&plic, 3, true);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(claim(0), 3);
		vplic_set(&plic, 3, true);
		assert_false(outputs[0]);
		complete(0, 3);
		assert_true(outputs[0]);
	}
}

/* Down and up again while it is claimed. */
static void test_again_while_claimed(void **state)
{
	(void)state;
	start(1);
	write(4 * 3, 1);
	enable(0, 1 << 3);
	vplic_set(&plic, 3, true);
	assert_int_equal(claim(0), 3);
	vplic_set(&plic, 3, false);
	vplic_set(&plic, 3, true);
	assert_int_equal(read(PENDING), 0);
	complete(0, 3);
	assert_int_equal(claim(0), 3);
	vplic_set(&plic, 3, false);
	complete(0, 3);
	assert_int_equal(claim(0), 0);
	assert_false(outputs[0]);
}

/* A line that falls before the claim leaves its interrupt, once. */
static void test_fall_before_claim(void **state)
{
	(void)state;
	start(1);
	write(4 * 3, 1);
	enable(0, 1 << 3);
	vplic_set(&plic, 3, true);
	vplic_set(&plic, 3, false);
	assert_true(outputs[0]);
	assert_int_equal(claim(0), 3);
	complete(0, 3);
	assert_false(outputs[0]);
	assert_int_equal(claim(0), 0);
}

static void test_priorities(void **state)
{
	(void)state;
	start(1);
	enable(0, ~0u);
	for (unsigned source = 1; source < VPLIC_SOURCES; source++)
		vplic_set(&plic, source, true);
	assert_int_equal(read(PENDING), ~1u);
	/* Priority 0 never interrupts, and isn't claimed either. */
	assert_false(outputs[0]);
	assert_int_equal(claim(0), 0);

	write(4 * 31, 3);
	write(4 * 5, 3);
	write(4 * 9, 2);
	write(4 * 20, 7);
	write(4 * 1, 1);
	assert_true(outputs[0]);
	assert_int_equal(claim(0), 20);
	assert_int_equal(claim(0), 5); /* the lowest of equals */
	assert_int_equal(claim(0), 31);
	assert_int_equal(claim(0), 9);
	assert_int_equal(claim(0), 1);
	assert_int_equal(claim(0), 0);
	assert_false(outputs[0]);
	for (unsigned source = 1; source < VPLIC_SOURCES; source++)
		complete(0, source);
	assert_int_equal(claim(0), 20);
}

/* Priorities and thresholds hold three bits. */
static void test_warl(void **state)
{
	(void)state;
	start(1);
	for (unsigned source = 1; source < VPLIC_SOURCES; source++) {
		write(4 * source, 0xfffffff0 | (source & 7));
		assert_int_equal(read(4 * source), source & 7);
	}
	write(0, 7);
	assert_int_equal(read(0), 0);
	write(THRESHOLD, 0xfffffffd);
	assert_int_equal(read(THRESHOLD), 5);
	enable(0, ~0u);
	assert_int_equal(read(ENABLE), ~1u);
	write(PENDING, ~0u);
	assert_int_equal(read(PENDING), 0);
}

/* The threshold masks the output up to and including itself, but not the claim. */
static void test_threshold(void **state)
{
	(void)state;
	start(1);
	enable(0, ~0u);
	vplic_set(&plic, 4, true);
	for (unsigned priority = 0; priority < 8; priority++) {
		for (unsigned threshold = 0; threshold < 8; threshold++) {
			write(4 * 4, priority);
			write(THRESHOLD, threshold);
			assert_int_equal(outputs[0], priority > threshold);
		}
	}
	write(4 * 4, 2);
	write(THRESHOLD, 7);
	assert_false(outputs[0]);
	assert_int_equal(claim(0), 4);
	complete(0, 4);
	write(THRESHOLD, 1);
	assert_true(outputs[0]);
}

/* Both contexts are told; one gets it; a context that hasn't enabled a source can't complete it. */
static void test_contexts(void **state)
{
	(void)state;
	start(3);
	write(4 * 7, 1);
	enable(0, 1 << 7);
	enable(1, 1 << 7);
	vplic_set(&plic, 7, true);
	assert_true(outputs[0] && outputs[1] && !outputs[2]);
	assert_int_equal(claim(2), 0);
	assert_int_equal(claim(1), 7);
	assert_true(!outputs[0] && !outputs[1]);
	assert_int_equal(claim(0), 0);
	complete(2, 7);
	assert_false(outputs[0]);
	enable(1, 0);
	complete(1, 7); /* the one that claimed it has disabled it since: ignored, too */
	assert_false(outputs[0]);
	complete(0, 7); /* any context that has it enabled may */
	assert_true(outputs[0] && !outputs[1]);
	enable(0, 0);
	assert_false(outputs[0]);
	enable(2, 1 << 7);
	assert_true(outputs[2]);
}

static void test_nonsense_completions(void **state)
{
	(void)state;
	start(1);
	write(4 * 7, 1);
	enable(0, ~0u);
	vplic_set(&plic, 7, true);
	/* Never claimed: stays pending, once. */
	complete(0, 7);
	assert_int_equal(read(PENDING), 1 << 7);
	assert_int_equal(claim(0), 7);
	complete(0, 0);
	complete(0, 32);
	complete(0, 39); /* 32 + 7 */
	complete(0, 0x80000007);
	complete(0, ~0u);
	assert_false(outputs[0]);
	complete(0, 7);
	assert_true(outputs[0]);
}

/* Every other width, and everything that isn't a register, changes and shows nothing. */
static void test_no_register(void **state)
{
	struct vplic before;

	(void)state;
	start(2);
	for (unsigned source = 1; source < VPLIC_SOURCES; source++)
		vplic_set(&plic, source, true);
	before = plic;
	for (unsigned size = 1; size <= 8; size *= 2) {
		if (size == 4)
			continue;
		for (uint32_t offset = 0; offset < 0x3000; offset += size) {
			plic.dev.ops->write(&plic.dev, offset, size, ~(uint64_t)0);
			assert_int_equal(plic.dev.ops->read(&plic.dev, offset, size), 0);
		}
		for (uint32_t offset = CLAIM - 4; offset < CLAIM + 0x2000; offset += size) {
			plic.dev.ops->write(&plic.dev, offset, size, 1);
			assert_int_equal(plic.dev.ops->read(&plic.dev, offset, size), 0);
		}
	}
	for (uint32_t offset = 0; offset < VPLIC_SIZE; offset += 4) {
		bool priority = offset < 4 * VPLIC_SOURCES;
		bool bits = offset == ENABLE || offset == ENABLE + 0x80;
		bool context =
			offset >= THRESHOLD && offset < THRESHOLD + 0x2000 && offset % 0x1000 <= 4;

		if (priority || bits || context)
			continue;
		write(offset, ~0u);
		assert_int_equal(read(offset), offset == PENDING ? ~1u : 0);
	}
	assert_memory_equal(&plic, &before, sizeof(plic));
	assert_int_equal(changes, 0);
}

/* The state as the specification speaks of it, one flag each. */
static struct {
	bool level[32], pending[32], claimed[32], enabled[32][32];
	unsigned priority[32], threshold[32], contexts;
} model;

static bool model_output(unsigned context)
{
	for (unsigned s = 1; s < 32; s++)
		if (model.pending[s] && model.enabled[context][s] &&
		    model.priority[s] > model.threshold[context])
			return true;
	return false;
}

static unsigned model_claim(unsigned context)
{
	unsigned best = 0;

	for (unsigned s = 1; s < 32; s++)
		if (model.pending[s] && model.enabled[context][s] && model.priority[s] &&
		    (!best || model.priority[s] > model.priority[best]))
			best = s;
	if (best) {
		model.pending[best] = false;
		model.claimed[best] = true;
	}
	return best;
}

static void model_gateways(void)
{
	for (unsigned s = 1; s < 32; s++)
		if (model.level[s] && !model.claimed[s])
			model.pending[s] = true;
}

static void random_step(void)
{
	unsigned context = unit_random_below(model.contexts), source = 1 + unit_random_below(31);
	uint32_t value = unit_random();

	switch (unit_random_below(7)) {
	case 0:
	case 1:
		model.level[source] = value & 1;
		vplic_set(&plic, source, value & 1);
		break;
	case 2:
		model.priority[source] = value & 7;
		write(4 * source, value);
		break;
	case 3:
		model.threshold[context] = value % 4;
		write(THRESHOLD + 0x1000 * context, value % 4);
		break;
	case 4:
		for (unsigned s = 1; s < 32; s++)
			model.enabled[context][s] = value >> s & 1;
		enable(context, value);
		break;
	case 5: assert_int_equal(claim(context), model_claim(context)); break;
	case 6:
		if (model.enabled[context][source])
			model.claimed[source] = false;
		complete(context, source);
		break;
	}
	model_gateways();
}

static void test_random(void **state)
{
	static const unsigned contexts[] = {1, 2, 32};

	(void)state;
	for (size_t c = 0; c < ARRAY_LENGTH(contexts); c++) {
		start(contexts[c]);
		memset(&model, 0, sizeof(model));
		model.contexts = contexts[c];
		for (unsigned i = 0; i < 20000; i++) {
			uint32_t pending = 0;

			random_step();
			for (unsigned s = 1; s < 32; s++)
				pending |= (uint32_t)model.pending[s] << s;
			assert_int_equal(read(PENDING), pending);
			for (unsigned n = 0; n < model.contexts; n++)
				assert_int_equal(outputs[n], model_output(n));
		}
		assert_true(changes > 1000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_cycle),
		cmocka_unit_test(test_still_up),
		cmocka_unit_test(test_again_while_claimed),
		cmocka_unit_test(test_fall_before_claim),
		cmocka_unit_test(test_priorities),
		cmocka_unit_test(test_warl),
		cmocka_unit_test(test_threshold),
		cmocka_unit_test(test_contexts),
		cmocka_unit_test(test_nonsense_completions),
		cmocka_unit_test(test_no_register),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
