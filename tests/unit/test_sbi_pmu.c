/* SPDX-License-Identifier: MIT */
/*
 * src/sbi/pmu.c: every function with good arguments and bad ones, and thousands of random
 * calls against a model that is as simple as the specification's text.
 */
#include "sbi_fixture.h"

#include "sbi/pmu.h"

enum { COUNT, INFO, CONFIG, START, STOP, READ, READ_HI, SNAPSHOT, EVENTS };
enum { SKIP = 1, CLEAR = 2, AUTO = 4 };		 /* config_matching */
enum { INIT = 1, FROM_SNAPSHOT = 2, RESET = 1 }; /* start, stop */
enum { CYCLES = 1, INSTRUCTIONS = 2, FW = 0xf0000 };
enum { CYCLE = 0, INSTRET = 2, FIRMWARE = 3, COUNTERS = 19 };

#define ALL_FIRMWARE (((xlen_t)1 << (COUNTERS - FIRMWARE)) - 1)

#define pmu(fid, ...) call(SBI_EXT_PMU, fid, __VA_ARGS__)

/* start() with a value, which is two registers on RV32. */
static struct sbi_ret start(xlen_t base, xlen_t mask, xlen_t flags, uint64_t value)
{
	return pmu(START, base, mask, flags, (xlen_t)value, XLEN == 32 ? value >> (64 - XLEN) : 0);
}

static uint64_t value_of(xlen_t counter)
{
	struct sbi_ret low = pmu(READ, counter), high = pmu(READ_HI, counter);

	assert_int_equal(low.error, 0);
	assert_int_equal(high.error, 0);
	if (XLEN == 32)
		return (uint64_t)high.value << 32 | low.value;
	assert_true(high.value == 0);
	return low.value;
}

static void test_info(void **state)
{
	const xlen_t type = (xlen_t)1 << (XLEN - 1);

	(void)state;
	assert_ret(pmu(COUNT, 7), SBI_SUCCESS, COUNTERS);
	assert_ret(pmu(INFO, CYCLE), SBI_SUCCESS, 63 << 12 | 0xc00);
	assert_ret(pmu(INFO, INSTRET), SBI_SUCCESS, 63 << 12 | 0xc02);
	for (xlen_t i = FIRMWARE; i < COUNTERS; i++)
		assert_ret(pmu(INFO, i), SBI_SUCCESS, type | 63 << 12);
	assert_refused(pmu(INFO, 1), SBI_ERR_INVALID_PARAM);
	assert_refused(pmu(INFO, COUNTERS), SBI_ERR_INVALID_PARAM);
	for (unsigned bit = 5; bit < XLEN; bit++)
		assert_refused(pmu(INFO, (xlen_t)1 << bit), SBI_ERR_INVALID_PARAM);
	/* A hart that can't stop them doesn't have them. */
	fake_arch.counters = 1u << ARCH_COUNTER_INSTRET;
	assert_refused(pmu(INFO, CYCLE), SBI_ERR_INVALID_PARAM);
	assert_ret(pmu(INFO, INSTRET), SBI_SUCCESS, 63 << 12 | 0xc02);
	assert_refused(pmu(CONFIG, CYCLE, 1, 0, CYCLES), SBI_ERR_INVALID_PARAM);
	assert_refused(pmu(STOP, CYCLE, 1, 0), SBI_ERR_INVALID_PARAM);
	assert_refused(pmu(STOP, CYCLE, 5, 0), SBI_ERR_INVALID_PARAM);
	assert_ret(pmu(STOP, INSTRET, 1, 0), SBI_SUCCESS, 0);
	fake_arch.counters = 0;
	assert_ret(pmu(CONFIG, FIRMWARE, 1, 0, FW), SBI_SUCCESS, FIRMWARE);
}

static bool exists(xlen_t counter)
{
	return counter == CYCLE || (counter >= INSTRET && counter < COUNTERS);
}

/* Each bit of (base, mask), without a sum that wraps. */
static bool all_exist(xlen_t base, xlen_t mask)
{
	for (unsigned bit = 0; bit < XLEN; bit++)
		if (mask >> bit & 1 && (base >= COUNTERS || !exists(base + bit)))
			return false;
	return true;
}

static void check_set(xlen_t base, xlen_t mask)
{
	long expected = all_exist(base, mask) ? SBI_SUCCESS : SBI_ERR_INVALID_PARAM;
	struct sbi_ret stop, config;

	fresh();
	config = pmu(CONFIG, base, mask, 0, FW);
	if (expected)
		assert_ret(config, SBI_ERR_INVALID_PARAM, 0);
	else
		assert_int_not_equal(config.error, SBI_ERR_INVALID_PARAM);
	fresh();
	stop = pmu(STOP, base, mask, 0);
	if (expected)
		assert_refused(stop, SBI_ERR_INVALID_PARAM);
	else
		assert_int_not_equal(stop.error, SBI_ERR_INVALID_PARAM);
}

static void test_sets(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_LENGTH(bounds); i++)
		for (unsigned j = 0; j < ARRAY_LENGTH(bounds); j++)
			check_set(bounds[i], bounds[j]);
	for (xlen_t base = 0; base < COUNTERS + 2; base++)
		for (unsigned bit = 0; bit < XLEN; bit++)
			check_set(base, (xlen_t)1 << bit);
	for (unsigned i = 0; i < 5000; i++)
		check_set(unit_random_below(COUNTERS + 1),
			  unit_random() & unit_random() & unit_random_below(1 << COUNTERS));
	for (unsigned bit = 0; bit < XLEN; bit++)
		check_set((xlen_t)0 - bit, (xlen_t)1 << bit);
}

/* What no counter counts. */
static void test_events(void **state)
{
	static const xlen_t no[] = {0,	      3,	   10,	     11,       0xffff,	   0x10000,
				    0x20000,  0x30000,	   0xe0000,  FW | 14,  FW | 21,	   FW | 22,
				    FW | 256, FW | 0xffff, 0x100001, 0x1f0005, 0x80000001, TOP};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LENGTH(no); i++)
		for (unsigned set = 0; set < 3; set++)
			assert_refused(pmu(CONFIG, set == 0 ? FIRMWARE : CYCLE,
					   set == 0   ? ALL_FIRMWARE
					   : set == 1 ? 5
						      : ALL_FIRMWARE << FIRMWARE | 5,
					   0, no[i]),
				       SBI_ERR_NOT_SUPPORTED);
	for (xlen_t event = 0; event < PMU_EVENTS; event++) {
		assert_ret(pmu(CONFIG, FIRMWARE, 1, 0, FW | event), SBI_SUCCESS, FIRMWARE);
		/* All data is reserved; on RV32 the high half is in a5. */
		assert_refused(pmu(CONFIG, FIRMWARE, 1, 0, FW | event, 1), SBI_ERR_NOT_SUPPORTED);
		if (XLEN == 32)
			assert_refused(pmu(CONFIG, FIRMWARE, 1, 0, FW | event, 0, 1),
				       SBI_ERR_NOT_SUPPORTED);
		else
			assert_ret(pmu(CONFIG, FIRMWARE, 1, 0, FW | event, 0, 1), SBI_SUCCESS,
				   FIRMWARE);
		assert_refused(pmu(CONFIG, FIRMWARE, 1, 0, (FW | event) ^ (xlen_t)1 << (XLEN - 1)),
			       SBI_ERR_NOT_SUPPORTED);
	}
}

/* Hardware counters run at first; each way to start one. */
static void test_hardware(void **state)
{
	struct fake_vcpu *vcpu = &vcpus[0];

	(void)state;
	assert_refused(pmu(CONFIG, 0, 5, 0, CYCLES), SBI_ERR_NOT_SUPPORTED); /* it runs */
	assert_ret(start(0, 5, 0, 0), SBI_ERR_ALREADY_STARTED, 0);
	assert_ret(pmu(STOP, 0, 5, 0), SBI_SUCCESS, 0);
	assert_true(vcpu->stopped[ARCH_COUNTER_CYCLE] && vcpu->stopped[ARCH_COUNTER_INSTRET]);
	assert_ret(pmu(STOP, 0, 5, 0), SBI_ERR_ALREADY_STOPPED, 0);
	assert_ret(pmu(CONFIG, 0, 5, CLEAR, INSTRUCTIONS), SBI_SUCCESS, INSTRET);
	assert_int_equal(fake_arch_count(FAKE_COUNTER_SET), 1);
	assert_true(vcpu->stopped[ARCH_COUNTER_INSTRET]);
	assert_ret(start(INSTRET, 1, INIT, (uint64_t)3 << 33 | 5), SBI_SUCCESS, 0);
	assert_true(vcpu->counters[ARCH_COUNTER_INSTRET] == ((uint64_t)3 << 33 | 5));
	assert_false(vcpu->stopped[ARCH_COUNTER_INSTRET]);
	assert_true(vcpu->stopped[ARCH_COUNTER_CYCLE]);
	/* One of the two can be started, and is. */
	assert_ret(start(0, 5, 0, 77), SBI_ERR_ALREADY_STARTED, 0);
	assert_false(vcpu->stopped[ARCH_COUNTER_CYCLE]);
	assert_int_equal(fake_arch_count(FAKE_COUNTER_SET), 2);
	/* One of the two can be stopped, and is. */
	assert_ret(pmu(STOP, CYCLE, 1, RESET), SBI_SUCCESS, 0);
	assert_ret(pmu(STOP, 0, 5, 0), SBI_ERR_ALREADY_STOPPED, 0);
	assert_true(vcpu->stopped[ARCH_COUNTER_INSTRET]);
	assert_ret(pmu(CONFIG, CYCLE, 1, SKIP | AUTO, CYCLES), SBI_SUCCESS, CYCLE);
	assert_false(vcpu->stopped[ARCH_COUNTER_CYCLE]);
	/* Skipping the match takes the first, whatever it can. */
	assert_ret(pmu(CONFIG, CYCLE, 5, SKIP, INSTRUCTIONS), SBI_ERR_NOT_SUPPORTED, 0);
	assert_ret(pmu(READ, CYCLE), SBI_ERR_INVALID_PARAM, 0);
	assert_ret(pmu(READ_HI, INSTRET), SBI_ERR_INVALID_PARAM, 0);
	assert_ret(pmu(READ, 1), SBI_ERR_INVALID_PARAM, 0);
}

static void test_flags(void **state)
{
	(void)state;
	pmu(STOP, 0, 5, 0);
	pmu(CONFIG, FIRMWARE, 1, 0, FW);
	fake_arch.call_count = 0;
	for (unsigned bit = 0; bit < XLEN; bit++) {
		xlen_t flags = (xlen_t)1 << bit;

		if (bit >= 8)
			assert_refused(pmu(CONFIG, 0, 1, flags, CYCLES), SBI_ERR_INVALID_PARAM);
		if (bit >= 2) {
			assert_refused(start(FIRMWARE, 1, flags, 0), SBI_ERR_INVALID_PARAM);
			assert_refused(pmu(STOP, 0, 1, flags), SBI_ERR_INVALID_PARAM);
		}
	}
	/* Hints about modes are taken, and do nothing. */
	assert_ret(pmu(CONFIG, 0, 1, 0xf8, CYCLES), SBI_SUCCESS, CYCLE);
	/* There is no snapshot. */
	assert_refused(pmu(SNAPSHOT, RAM_BASE, 0, 0), SBI_ERR_NOT_SUPPORTED);
	assert_refused(start(CYCLE, 1, FROM_SNAPSHOT, 0), SBI_ERR_NO_SHMEM);
	assert_refused(start(CYCLE, 1, FROM_SNAPSHOT | INIT, 0), SBI_ERR_NO_SHMEM);
	assert_refused(pmu(STOP, FIRMWARE, 1, FROM_SNAPSHOT), SBI_ERR_NO_SHMEM);
	/* Nothing to do isn't wrong. */
	assert_ret(start(TOP, 0, 0, 0), SBI_SUCCESS, 0);
	assert_ret(pmu(STOP, TOP, 0, 0), SBI_SUCCESS, 0);
	assert_ret(pmu(CONFIG, TOP, 0, 0, CYCLES), SBI_ERR_NOT_SUPPORTED, 0);
	assert_ret(pmu(CONFIG, 0, 0, SKIP, CYCLES), SBI_ERR_NOT_SUPPORTED, 0);
	assert_ret(start(FIRMWARE + 1, 1, 0, 0), SBI_ERR_INVALID_PARAM, 0); /* no event */
}

/* Counting across the halves of RV32's registers, and of both. */
static void test_carry(void **state)
{
	static const uint64_t values[] = {0, 0xffffffff, 0x1ffffffff, UINT64_MAX >> 1, UINT64_MAX};

	(void)state;
	pmu(CONFIG, FIRMWARE, 1, 0, FW | PMU_ILLEGAL_INSN);
	for (unsigned i = 0; i < ARRAY_LENGTH(values); i++) {
		assert_ret(start(FIRMWARE, 1, INIT, values[i]), SBI_SUCCESS, 0);
		assert_true(value_of(FIRMWARE) == values[i]);
		pmu_note(capsule.vcpus[0], PMU_ILLEGAL_INSN);
		assert_true(value_of(FIRMWARE) == values[i] + 1);
		assert_ret(pmu(STOP, FIRMWARE, 1, 0), SBI_SUCCESS, 0);
	}
}

/* The trap path's events are noted by its vector exactly while one of them is watched. */
static void test_noted(void **state)
{
	struct fake_vcpu *vcpu = &vcpus[0];

	(void)state;
	for (unsigned event = 0; event < PMU_EVENTS; event++) {
		bool noted = PMU_NOTED_BY_VECTOR >> event & 1;

		fresh();
		pmu(CONFIG, FIRMWARE, ALL_FIRMWARE, 0, FW | event);
		assert_false(vcpu->noted);
		start(FIRMWARE, 1, 0, 0);
		assert_int_equal(vcpu->noted, noted);
		assert_int_equal(vcpu->vcpu.sbi.pmu.watched, 1u << event);
		/* A second one of the same. */
		pmu(CONFIG, FIRMWARE, ALL_FIRMWARE, AUTO, FW | event);
		pmu(STOP, FIRMWARE, 1, 0);
		assert_int_equal(vcpu->noted, noted);
		pmu(STOP, FIRMWARE + 1, 1, 0);
		assert_false(vcpu->noted);
		assert_int_equal(fake_arch_count(FAKE_NOTE_TRAPS), noted ? 2 : 0);
	}
}

/* What one vCPU asks of another counts for both, each by its own counters. */
static void test_requests(void **state)
{
	static struct fake_vcpu other;

	(void)state;
	memset(&other, 0, sizeof(other));
	pmu(CONFIG, FIRMWARE, 1, AUTO, FW | PMU_IPI_SENT);
	pmu(CONFIG, FIRMWARE + 1, 1, AUTO, FW | PMU_IPI_RECEIVED);
	pmu(CONFIG, FIRMWARE + 2, 1, AUTO, FW | PMU_FENCE_I_SENT);
	other.vcpu.sbi.pmu = capsule.vcpus[0]->sbi.pmu;
	pmu_note_request(capsule.vcpus[0], &other.vcpu, PMU_IPI_SENT);
	pmu_note_request(capsule.vcpus[0], &other.vcpu, PMU_IPI_SENT);
	pmu_note_request(&other.vcpu, capsule.vcpus[0], PMU_IPI_SENT);
	pmu_note_request(capsule.vcpus[0], &other.vcpu, PMU_SFENCE_VMA_SENT);
	assert_true(value_of(FIRMWARE) == 2);
	assert_true(value_of(FIRMWARE + 1) == 1);
	assert_true(value_of(FIRMWARE + 2) == 0);
	assert_int_equal(other.vcpu.sbi.pmu.counts[0].words[0], 1);
	assert_int_equal(other.vcpu.sbi.pmu.counts[1].words[0], 2);
}

/* --- everything, against a model --------------------------------------------------- */

static struct {
	bool running[COUNTERS];
	unsigned event[COUNTERS]; /* firmware's + 1; 0: none */
	uint64_t value[COUNTERS];
} model;

static void model_config(xlen_t base, xlen_t mask, xlen_t flags, xlen_t event)
{
	struct sbi_ret ret = pmu(CONFIG, base, mask, flags, FW | event);
	unsigned lowest = COUNTERS;
	bool unused = false;

	for (unsigned i = COUNTERS; i-- > 0;)
		if (i >= base && i - base < XLEN && mask >> (i - base) & 1)
			lowest = i;
	for (unsigned i = FIRMWARE; i < COUNTERS; i++)
		if (i >= base && mask >> (i - base) & 1 && !model.running[i] && !model.event[i] &&
		    (!(flags & SKIP) || i == lowest))
			unused = true;
	if (!all_exist(base, mask)) {
		assert_ret(ret, SBI_ERR_INVALID_PARAM, 0);
		return;
	}
	for (unsigned i = FIRMWARE; i < COUNTERS; i++) {
		if (i < base || !(mask >> (i - base) & 1) || model.running[i] ||
		    (unused && model.event[i]) || (flags & SKIP && i != lowest))
			continue;
		assert_ret(ret, SBI_SUCCESS, i);
		model.event[i] = event + 1;
		model.running[i] = flags & AUTO;
		if (flags & CLEAR)
			model.value[i] = 0;
		return;
	}
	assert_ret(ret, SBI_ERR_NOT_SUPPORTED, 0);
}

static void model_start(xlen_t base, xlen_t mask, xlen_t flags, uint64_t value)
{
	struct sbi_ret ret = start(base, mask, flags, value);
	bool invalid = !all_exist(base, mask), already = false;

	for (unsigned i = FIRMWARE; i < COUNTERS; i++)
		if (i >= base && mask >> (i - base) & 1 && !model.event[i])
			invalid = true;
	if (invalid) {
		assert_ret(ret, SBI_ERR_INVALID_PARAM, 0);
		return;
	}
	for (unsigned i = 0; i < COUNTERS; i++) {
		if (i < base || !(mask >> (i - base) & 1))
			continue;
		already |= model.running[i];
		if (!model.running[i] && flags & INIT)
			model.value[i] = value;
		model.running[i] = true;
	}
	assert_ret(ret, already ? SBI_ERR_ALREADY_STARTED : SBI_SUCCESS, 0);
}

static void model_stop(xlen_t base, xlen_t mask, xlen_t flags)
{
	struct sbi_ret ret = pmu(STOP, base, mask, flags);
	bool already = false;

	if (!all_exist(base, mask)) {
		assert_ret(ret, SBI_ERR_INVALID_PARAM, 0);
		return;
	}
	for (unsigned i = 0; i < COUNTERS; i++) {
		if (i < base || !(mask >> (i - base) & 1))
			continue;
		already |= !model.running[i];
		model.running[i] = false;
		if (flags & RESET)
			model.event[i] = 0;
	}
	assert_ret(ret, already ? SBI_ERR_ALREADY_STOPPED : SBI_SUCCESS, 0);
}

static void model_event(unsigned event)
{
	pmu_note(capsule.vcpus[0], event);
	for (unsigned i = FIRMWARE; i < COUNTERS; i++)
		if (model.running[i] && model.event[i] == event + 1)
			model.value[i]++;
}

static void model_compare(void)
{
	bool noted = false;

	for (unsigned i = FIRMWARE; i < COUNTERS; i++) {
		if (value_of(i) != model.value[i])
			fail_msg("counter %u is %lu, not %lu", i, (unsigned long)value_of(i),
				 (unsigned long)model.value[i]);
		noted |= model.running[i] && PMU_NOTED_BY_VECTOR >> (model.event[i] - 1) & 1;
	}
	assert_int_equal(vcpus[0].noted, noted);
	assert_int_equal(vcpus[0].stopped[ARCH_COUNTER_CYCLE], !model.running[CYCLE]);
	assert_int_equal(vcpus[0].stopped[ARCH_COUNTER_INSTRET], !model.running[INSTRET]);
}

static void test_model(void **state)
{
	(void)state;
	memset(&model, 0, sizeof(model));
	model.running[CYCLE] = model.running[INSTRET] = true;
	for (unsigned round = 0; round < 100000; round++) {
		xlen_t base = unit_random_below(COUNTERS + 1);
		xlen_t mask = unit_random_below(2)
				      ? 1
				      : unit_random_below(1 << unit_random_below(COUNTERS));

		fake_arch.call_count = 0;
		switch (unit_random_below(5)) {
		case 0: model_config(base, mask, unit_random_below(8), unit_random_below(4)); break;
		case 1: model_start(base, mask, unit_random_below(2), unit_random()); break;
		case 2: model_stop(base, mask, unit_random_below(2)); break;
		default: model_event(unit_random_below(4)); break;
		}
		if (round % 16 == 0)
			model_compare();
	}
	/* A vCPU that starts again has none of it. */
	arch_vcpu_reset(capsule.vcpus[0], RAM_BASE, 0);
	memset(&model, 0, sizeof(model));
	model.running[CYCLE] = model.running[INSTRET] = true;
	model_compare();
}

/* --- asking about events ------------------------------------------------------------- */

static void put_event(unsigned at, uint32_t event, uint64_t data)
{
	uint32_t *words = (uint32_t *)(void *)memory + 4 * at;

	words[0] = event;
	words[1] = 0x5a5a5a5a;
	words[2] = data;
	words[3] = data >> 32;
}

static void test_event_info(void **state)
{
	static const struct {
		uint32_t event;
		uint64_t data;
		unsigned output;
	} asked[] = {
		{CYCLES, 0, 1},
		{CYCLES, 7, 1},
		{INSTRUCTIONS, 0, 1},
		{0, 0, 0},
		{3, 0, 0},
		{0x10000, 0, 0},
		{0x20000, 0, 0},
		{0x30000, 3, 0},
		{FW, 0, 1},
		{FW | 13, 0, 1},
		{FW | 14, 0, 0},
		{FW | 5, 1, 0},
		{FW | 5, (uint64_t)1 << 63, 0},
		{FW | 0xffff, 0, 0},
		{0xfffff, 0, 0},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LENGTH(asked); i++)
		put_event(i, asked[i].event, asked[i].data);
	assert_ret(pmu(EVENTS, RAM_BASE, 0, ARRAY_LENGTH(asked), 0), SBI_SUCCESS, 0);
	for (unsigned i = 0; i < ARRAY_LENGTH(asked); i++) {
		const uint32_t *words = (const uint32_t *)(const void *)memory + 4 * i;

		assert_int_equal(words[0], asked[i].event);
		assert_int_equal(words[1], asked[i].output);
		assert_true(((uint64_t)words[3] << 32 | words[2]) == asked[i].data);
	}
	/* On a hart without them. */
	fake_arch.counters = 0;
	assert_ret(pmu(EVENTS, RAM_BASE, 0, 1, 0), SBI_SUCCESS, 0);
	assert_int_equal(memory[4], 0);
}

static void test_event_info_errors(void **state)
{
	(void)state;
	for (unsigned i = 0; i < RAM_SIZE / 16; i++)
		put_event(i, CYCLES, 0);
	for (unsigned bit = 0; bit < XLEN; bit++)
		assert_refused(pmu(EVENTS, RAM_BASE, 0, 1, (xlen_t)1 << bit),
			       SBI_ERR_INVALID_PARAM);
	for (unsigned i = 1; i < 16; i++)
		assert_refused(pmu(EVENTS, RAM_BASE + i, 0, 1, 0), SBI_ERR_INVALID_PARAM);
	for (unsigned bit = 9; bit < XLEN; bit++) {
		assert_refused(pmu(EVENTS, RAM_BASE, 0, (xlen_t)1 << bit, 0),
			       SBI_ERR_INVALID_PARAM);
		assert_refused(pmu(EVENTS, RAM_BASE, 0, (xlen_t)1 << bit | 1, 0),
			       SBI_ERR_INVALID_PARAM);
	}
	assert_refused(pmu(EVENTS, RAM_BASE + RAM_SIZE, 0, 1, 0), SBI_ERR_INVALID_ADDRESS);
	assert_refused(pmu(EVENTS, RAM_BASE + RAM_SIZE - 16, 0, 2, 0), SBI_ERR_INVALID_ADDRESS);
	assert_refused(pmu(EVENTS, RAM_BASE - 16, 0, 2, 0), SBI_ERR_INVALID_ADDRESS);
	assert_refused(pmu(EVENTS, TOP - 15, 0, 2, 0), SBI_ERR_INVALID_ADDRESS);
	assert_refused(pmu(EVENTS, RAM_BASE, 1, 1, 0), SBI_ERR_INVALID_ADDRESS);
	for (unsigned i = 0; i < RAM_SIZE / 16; i++)
		assert_int_equal(memory[16 * i + 4], 0x5a);
	assert_ret(pmu(EVENTS, RAM_BASE + RAM_SIZE - 16, 0, 1, 0), SBI_SUCCESS, 0);
	assert_ret(pmu(EVENTS, RAM_BASE, 0, 256, 0), SBI_SUCCESS, 0);
	for (unsigned bit = 20; bit < 32; bit++) {
		put_event(2, 1u << bit | CYCLES, 0);
		assert_ret(pmu(EVENTS, RAM_BASE, 0, 3, 0), SBI_ERR_INVALID_PARAM, 0);
	}
	/* Entries in two pieces of memory. */
	capsule.space.region_count = 2;
	capsule.space.regions[0].size = RAM_SIZE / 2;
	capsule.space.regions[1] = (struct space_region){
		{RAM_BASE + RAM_SIZE / 2}, {(uintptr_t)memory}, 32, ALLOW_ALL};
	memset(memory, 0, RAM_SIZE);
	memory[RAM_SIZE / 2 - 16] = memory[0] = memory[16] = CYCLES;
	assert_ret(pmu(EVENTS, RAM_BASE + RAM_SIZE / 2 - 16, 0, 3, 0), SBI_SUCCESS, 0);
	assert_int_equal(memory[RAM_SIZE / 2 - 12], 1);
	assert_int_equal(memory[4], 1);
	assert_int_equal(memory[20], 1);
	assert_refused(pmu(EVENTS, RAM_BASE + RAM_SIZE / 2 - 16, 0, 4, 0), SBI_ERR_INVALID_ADDRESS);
	capsule.space.regions[1].allow = ALLOW_READ;
	assert_refused(pmu(EVENTS, RAM_BASE + RAM_SIZE / 2 - 16, 0, 2, 0), SBI_ERR_INVALID_ADDRESS);
	capsule.space.regions[0].allow = ALLOW_READ | ALLOW_EXECUTE;
	assert_refused(pmu(EVENTS, RAM_BASE, 0, 1, 0), SBI_ERR_INVALID_ADDRESS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_info, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_sets, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_events, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_hardware, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_flags, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_carry, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_noted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_requests, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_model, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_event_info, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_event_info_errors, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
