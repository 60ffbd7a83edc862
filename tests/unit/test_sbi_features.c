/* SPDX-License-Identifier: MIT */
/*
 * src/sbi: firmware features (FWFT), system suspend (SUSP), stolen time (STA) and what
 * core/steal.c writes for it.
 */
#include "sbi_fixture.h"

#include "core/steal.h"

/* --- FWFT ------------------------------------------------------------------------- */

enum { SET = 0, GET = 1, LOCK = 1 };

static void test_feature(void **state)
{
	const struct fake_vcpu *vcpu = &vcpus[0];

	(void)state;
	assert_ret(call(SBI_EXT_FWFT, GET, 0), SBI_SUCCESS, 0);
	assert_ret(call(SBI_EXT_FWFT, SET, 0, 0, 0), SBI_SUCCESS, 0);
	assert_int_equal(fake_arch.call_count, 0);
	assert_ret(call(SBI_EXT_FWFT, SET, 0, 1, 0), SBI_SUCCESS, 0);
	assert_true(vcpu->misaligned);
	assert_ret(call(SBI_EXT_FWFT, GET, 0), SBI_SUCCESS, 1);
	assert_ret(call(SBI_EXT_FWFT, SET, 0, 1, 0), SBI_SUCCESS, 0);
	assert_int_equal(fake_arch_count(FAKE_DELEGATE), 1);
	assert_ret(call(SBI_EXT_FWFT, SET, 0, 0, 0), SBI_SUCCESS, 0);
	assert_false(vcpu->misaligned);
	/* A feature is 32 bits wide. */
	if (XLEN == 64)
		assert_ret(call(SBI_EXT_FWFT, SET, TOP << (XLEN / 2), 1, 0), SBI_SUCCESS, 0);
}

static void test_feature_lock(void **state)
{
	(void)state;
	assert_ret(call(SBI_EXT_FWFT, SET, 0, 1, LOCK), SBI_SUCCESS, 0);
	assert_ret(call(SBI_EXT_FWFT, SET, 0, 0, 0), SBI_ERR_DENIED_LOCKED, 0);
	assert_ret(call(SBI_EXT_FWFT, SET, 0, 1, 0), SBI_ERR_DENIED_LOCKED, 0);
	assert_ret(call(SBI_EXT_FWFT, GET, 0), SBI_SUCCESS, 1);
	assert_true(vcpus[0].misaligned);
	assert_int_equal(fake_arch_count(FAKE_DELEGATE), 1);
	/* "Until hart reset". */
	arch_vcpu_reset(capsule.vcpus[0], RAM_BASE, 0);
	assert_ret(call(SBI_EXT_FWFT, GET, 0), SBI_SUCCESS, 0);
	assert_ret(call(SBI_EXT_FWFT, SET, 0, 1, 0), SBI_SUCCESS, 0);
}

static void test_feature_errors(void **state)
{
	(void)state;
	for (xlen_t feature = 1; feature < 6; feature++) {
		assert_refused(call(SBI_EXT_FWFT, GET, feature), SBI_ERR_NOT_SUPPORTED);
		assert_refused(call(SBI_EXT_FWFT, SET, feature, 0, 0), SBI_ERR_NOT_SUPPORTED);
	}
	for (unsigned bit = 3; bit < 32; bit++) {
		assert_refused(call(SBI_EXT_FWFT, GET, (xlen_t)1 << bit), SBI_ERR_DENIED);
		assert_refused(call(SBI_EXT_FWFT, SET, (xlen_t)1 << bit, 1, 0), SBI_ERR_DENIED);
	}
	assert_refused(call(SBI_EXT_FWFT, GET, 6), SBI_ERR_DENIED);
	assert_refused(call(SBI_EXT_FWFT, GET, 0xffffffff), SBI_ERR_DENIED);
	for (unsigned bit = 1; bit < XLEN; bit++) {
		assert_refused(call(SBI_EXT_FWFT, SET, 0, (xlen_t)1 << bit, 0),
			       SBI_ERR_INVALID_PARAM);
		assert_refused(call(SBI_EXT_FWFT, SET, 0, 1, (xlen_t)1 << bit),
			       SBI_ERR_INVALID_PARAM);
		assert_refused(call(SBI_EXT_FWFT, SET, 0, 1, (xlen_t)1 << bit | LOCK),
			       SBI_ERR_INVALID_PARAM);
	}
	/* The hart doesn't delegate them: nothing is set, and nothing is locked. */
	fake_arch.keeps_misaligned = true;
	assert_ret(call(SBI_EXT_FWFT, SET, 0, 1, LOCK), SBI_ERR_NOT_SUPPORTED, 0);
	assert_ret(call(SBI_EXT_FWFT, GET, 0), SBI_SUCCESS, 0);
	assert_ret(call(SBI_EXT_FWFT, SET, 0, 0, 0), SBI_SUCCESS, 0);
	fake_arch.keeps_misaligned = false;
	assert_ret(call(SBI_EXT_FWFT, SET, 0, 1, 0), SBI_SUCCESS, 0); /* it isn't locked */
}

/* --- SUSP ------------------------------------------------------------------------- */

static void stop_others(void)
{
	for (unsigned i = 1; i < capsule.vcpu_count; i++)
		capsule.vcpus[i]->state = VCPU_STOPPED;
}

static void test_suspend(void **state)
{
	const struct vcpu *vcpu = capsule.vcpus[0];

	(void)state;
	for (unsigned i = 0; i < ARRAY_LENGTH(bounds); i++) {
		fresh();
		stop_others();
		assert_ret(call(SBI_EXT_SUSP, 0, 0, RAM_BASE + 8, bounds[i]), SBI_SUCCESS, 0);
		assert_int_equal(vcpu->state, VCPU_SUSPENDED);
		assert_true(vcpu->wait && vcpu->resume);
		assert_true(vcpu->resume_at == RAM_BASE + 8 && vcpu->resume_opaque == bounds[i]);
		assert_int_equal(fake_arch_count(FAKE_WORK), 1);
	}
}

static void test_suspend_errors(void **state)
{
	static const xlen_t addresses[] = {
		RAM_BASE + 1, RAM_BASE + RAM_SIZE - 1, RAM_BASE + RAM_SIZE, RAM_BASE - 2, 0,
		TOP - 1};

	(void)state;
	stop_others();
	for (unsigned bit = 0; bit < 32; bit++)
		assert_refused(call(SBI_EXT_SUSP, 0, (xlen_t)1 << bit, RAM_BASE, 0),
			       SBI_ERR_INVALID_PARAM);
	for (unsigned i = 0; i < ARRAY_LENGTH(addresses); i++)
		assert_refused(call(SBI_EXT_SUSP, 0, 0, addresses[i], 0), SBI_ERR_INVALID_ADDRESS);
	/* Any other that isn't stopped, in whatever state, is in the way. */
	for (unsigned i = 1; i < capsule.vcpu_count; i++) {
		for (unsigned s = VCPU_STARTED; s <= VCPU_SUSPENDED; s++) {
			stop_others();
			capsule.vcpus[i]->state = s;
			if (s != VCPU_STOPPED)
				assert_refused(call(SBI_EXT_SUSP, 0, 0, RAM_BASE, 0),
					       SBI_ERR_DENIED);
		}
	}
	assert_int_equal(capsule.vcpus[0]->state, VCPU_STARTED);
	assert_false(capsule.vcpus[0]->wait);
	/* The type is 32 bits wide. */
	stop_others();
	if (XLEN == 64)
		assert_ret(call(SBI_EXT_SUSP, 0, TOP << (XLEN / 2), RAM_BASE, 0), SBI_SUCCESS, 0);
}

/* --- STA -------------------------------------------------------------------------- */

enum { SHARED = 64, AT = 0x1000 };

static const struct steal_memory *shared(void)
{
	return (const struct steal_memory *)(memory + AT);
}

static uint64_t stolen(void)
{
	assert_int_equal(shared()->sequence & 1, 0);
	return (uint64_t)shared()->steal[1] << 32 | shared()->steal[0];
}

static void register_memory(void)
{
	assert_ret(call(SBI_EXT_STA, 0, RAM_BASE + AT, 0, 0), SBI_SUCCESS, 0);
}

static void test_steal_memory(void **state)
{
	(void)state;
	memset(memory, 0x5a, RAM_SIZE);
	register_memory();
	for (unsigned i = 0; i < RAM_SIZE; i++)
		assert_int_equal(memory[i], i >= AT && i < AT + SHARED ? 0 : 0x5a);
	/* The last of RAM. */
	assert_ret(call(SBI_EXT_STA, 0, RAM_BASE + RAM_SIZE - SHARED, 0, 0), SBI_SUCCESS, 0);
	assert_int_equal(memory[RAM_SIZE - 1], 0);
	assert_int_equal(memory[RAM_SIZE - SHARED - 1], 0x5a);
}

static void test_steal_errors(void **state)
{
	(void)state;
	memset(memory, 0x5a, RAM_SIZE);
	for (unsigned bit = 0; bit < XLEN; bit++) {
		assert_refused(call(SBI_EXT_STA, 0, RAM_BASE, 0, (xlen_t)1 << bit),
			       SBI_ERR_INVALID_PARAM);
		assert_refused(call(SBI_EXT_STA, 0, TOP, TOP, (xlen_t)1 << bit),
			       SBI_ERR_INVALID_PARAM);
	}
	for (unsigned i = 0; i < ARRAY_LENGTH(bounds); i++) {
		for (unsigned j = 0; j < ARRAY_LENGTH(bounds); j++) {
			xlen_t low = bounds[i], high = bounds[j];

			if (low == TOP && high == TOP)
				continue;
			if (low % SHARED)
				assert_refused(call(SBI_EXT_STA, 0, low, high, 0),
					       SBI_ERR_INVALID_PARAM);
			else if (high || !is_inside(low, SHARED))
				assert_refused(call(SBI_EXT_STA, 0, low, high, 0),
					       SBI_ERR_INVALID_ADDRESS);
		}
	}
	assert_refused(call(SBI_EXT_STA, 0, (xlen_t)0 - SHARED, 0, 0), SBI_ERR_INVALID_ADDRESS);
	for (unsigned i = 0; i < RAM_SIZE; i++)
		assert_int_equal(memory[i], 0x5a);
	steal_update(capsule.vcpus[0], 1000);
	assert_int_equal(memory[AT], 0x5a);
	/* It must be readable and writable. */
	capsule.space.regions[0].allow = ALLOW_READ | ALLOW_EXECUTE;
	assert_refused(call(SBI_EXT_STA, 0, RAM_BASE + AT, 0, 0), SBI_ERR_INVALID_ADDRESS);
}

/* Against a product of 128 bits, where the host has it. */
static void check_nanoseconds(uint32_t hz, uint64_t ticks)
{
#ifdef __SIZEOF_INT128__
	uint64_t exact = (unsigned __int128)ticks * 1000000000 / hz, got, late;

	steal_init(hz);
	register_memory();
	steal_update(capsule.vcpus[0], ticks);
	got = stolen();
	late = exact - got;
	/* A nanosecond in 2^32 ticks, and one of rounding. */
	if (got > exact || late > (ticks >> 32) + 1)
		fail_msg("%lu ticks at %u Hz: %lu ns instead of %lu", (unsigned long)ticks, hz,
			 (unsigned long)got, (unsigned long)exact);
#else
	(void)hz;
	(void)ticks;
#endif
}

static void test_steal_time(void **state)
{
	static const uint32_t rates[] = {1,	   1000,     32768,	1000000,    10000000,
					 12345678, 24000000, 999999999, 1000000000, UINT32_MAX};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LENGTH(rates); i++) {
		/* A century at most. */
		uint64_t most = (uint64_t)rates[i] * 3155760000u;
		check_nanoseconds(rates[i], 1);
		check_nanoseconds(rates[i], most);
		check_nanoseconds(rates[i], UINT32_MAX < most ? UINT32_MAX : most);
		for (unsigned round = 0; round < 200; round++)
			check_nanoseconds(rates[i],
					  unit_random() >> unit_random_below(60) & (most >> 1));
	}
}

/* Many waits, and the sum: what is rounded doesn't add up. */
static void test_steal_sum(void **state)
{
	uint64_t sum = 0, before = 0;

	(void)state;
	steal_init(32768);
	register_memory();
	for (unsigned i = 1; i < 10000; i++) {
		uint64_t ticks = unit_random_below(3);
		uint32_t sequence = shared()->sequence;

		steal_update(capsule.vcpus[0], ticks);
		sum += ticks;
		assert_int_equal(shared()->sequence, ticks ? sequence + 2 : sequence);
		assert_true(stolen() >= before);
		before = stolen();
	}
	assert_in_range(before, sum * 1000000000 / 32768 - 1, sum * 1000000000 / 32768);
	assert_int_equal(shared()->flags, 0);
	for (unsigned i = 16; i < SHARED; i++)
		assert_int_equal(memory[AT + i], 0);
}

static void test_preempted(void **state)
{
	struct vcpu *vcpu = capsule.vcpus[0];

	(void)state;
	steal_preempt(vcpu); /* nowhere to write it */
	register_memory();
	steal_preempt(vcpu);
	assert_int_not_equal(shared()->preempted, 0);
	steal_update(vcpu, 0);
	assert_int_equal(shared()->preempted, 0);
	steal_preempt(vcpu);
	steal_update(vcpu, 12);
	assert_int_equal(shared()->preempted, 0);
	assert_int_equal(shared()->sequence, 2);
}

/* What the guest writes there isn't believed, and nothing is written when it says no more. */
static void test_steal_unshared(void **state)
{
	struct vcpu *vcpu = capsule.vcpus[0];

	(void)state;
	steal_init(1000000000);
	register_memory();
	steal_update(vcpu, 5);
	memset(memory + AT, 0xff, SHARED);
	steal_update(vcpu, 6);
	assert_true(stolen() == 11);
	assert_int_equal(shared()->sequence, 4);

	assert_ret(call(SBI_EXT_STA, 0, TOP, TOP, 0), SBI_SUCCESS, 0);
	memset(memory, 0x77, RAM_SIZE);
	steal_update(vcpu, 7);
	steal_preempt(vcpu);
	/* It counts from when it asks. */
	register_memory();
	steal_update(vcpu, 1);
	assert_true(stolen() == 1);
	/* A vCPU that starts again hasn't asked. */
	arch_vcpu_reset(vcpu, RAM_BASE, 0);
	memset(memory, 0x77, RAM_SIZE);
	steal_update(vcpu, 7);
	steal_preempt(vcpu);
	for (unsigned i = 0; i < RAM_SIZE; i++)
		assert_int_equal(memory[i], 0x77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_feature, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_feature_lock, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_feature_errors, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_suspend, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_suspend_errors, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_steal_memory, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_steal_errors, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_steal_time, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_steal_sum, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_preempted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_steal_unshared, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
