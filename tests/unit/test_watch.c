/* SPDX-License-Identifier: MIT */
/*
 * core/watch.c: a capsule that is to end, on harts of which some don't answer. What the harts are
 * told is delivered by the test, or isn't.
 */
#include "unit.h"

#include "core/sched_internal.h"
#include "core/watch.h"
#include "fake/arch.h"
#include "fake/boot.h"
#include "fake/console.h"

enum { HZ = 10000000, CAPSULES = 2 };

static struct capsule capsules[CAPSULES];
static struct fake_vcpu vcpus[CAPSULES][CAPSULE_VCPUS_MAX];
static uint8_t memory[PAGE_SIZE];
static unsigned lost; /* bit n: hart n doesn't answer */

bool capsule_load_step(struct capsule *it)
{
	(void)it;
	return false;
}

/* The capsule runs, with its second vCPU on hart 2 and its first on hart 1. */
static void make(unsigned number)
{
	struct capsule *capsule = &capsules[number];

	fake_arch_capsule(capsule, vcpus[number], (gpa_t){0x80000000}, memory, sizeof(memory));
	capsule->timebase = HZ;
	capsule->number = number + 1;
	capsule->vcpu_count = 2;
	capsule->present = capsule->started = 2;
	for (unsigned i = 0; i < 2; i++) {
		struct vcpu *vcpu = capsule->vcpus[i];

		vcpu->state = VCPU_STARTED;
		vcpu->place = VCPU_RUNNING;
		vcpu->hart = &fake_arch.harts[1 + i];
	}
	fake_boot.capsules[fake_boot.capsule_count++] = capsule;
}

static int set_up(void **state)
{
	(void)state;
	fake_arch_reset();
	fake_boot_reset();
	fake_console_reset();
	fake_log_clear();
	fake_arch.silent = true;
	sched_init(HZ, FAKE_HARTS);
	fake_arch.time = 5 * (uint64_t)HZ;
	make(0);
	fake_arch.harts[0].vcpu = fake_arch.loaded[0] = NULL;
	for (unsigned i = 0; i < 2; i++)
		fake_arch.harts[1 + i].vcpu = fake_arch.loaded[1 + i] = capsules[0].vcpus[i];
	sched_set_console_hart(&fake_arch.harts[0]);
	fake_arch.harts[0].sched.calls = 0;
	lost = 0;
	return 0;
}

/* Each hart that isn't lost takes what it was told, and lets go of what has ended. */
static void deliver(void)
{
	for (unsigned i = 1; i < FAKE_HARTS; i++) {
		struct hart *hart = &fake_arch.harts[i];

		if (lost >> i & 1)
			continue;
		arch_this_hart = hart;
		sched_interrupt(hart);
		hart->sched.calls = 0;
		if (hart->vcpu && hart->vcpu->capsule->state == CAPSULE_STOPPING)
			sched_leave(hart, hart->vcpu);
		sched_interrupt(hart);
		arch_this_hart = fake_arch.harts;
	}
}

/* So much time passes, in which the console's hart does what is due on it. */
static void pass(uint64_t ticks)
{
	struct sched *sched = &fake_arch.harts[0].sched;
	uint64_t end = fake_arch.time + ticks;

	for (; fake_arch.time < end; fake_arch.time += HZ / 10) {
		sched_decide(&fake_arch.harts[0]);
		assert_true(sched->timer_at > fake_arch.time || !sched->timer_at);
		deliver();
	}
}

/* Nobody is lost: it ends, the watch says nothing, and needs no time afterwards. */
static void test_nobody(void **state)
{
	(void)state;
	capsule_ask(&capsules[0], CAPSULE_STOP);
	pass(20 * (uint64_t)HZ);
	assert_int_equal(capsules[0].state, CAPSULE_ENDED);
	assert_int_equal(fake_boot.ended, 1);
	assert_false(fake_log_contains("answered"));
	assert_true(fake_arch.harts[0].sched.timer_at == UINT64_MAX);
}

/* Whichever hart it is: the capsule is given up once, by name, within some looks. */
static void test_lost(void **state)
{
	(void)state;
	for (unsigned hart = 1; hart <= 2; hart++) {
		set_up(NULL);
		lost = 1u << hart;
		capsule_ask(&capsules[0], CAPSULE_STOP);
		pass(6 * sched_patience());
		assert_int_equal(capsules[0].state, CAPSULE_LOST);
		assert_int_equal(fake_boot.ended, 1);
		assert_int_equal(fake_console()->ends_for_good, 1);
		assert_true(fake_log_contains(hart == 1 ? "is lost with CPU 1, which has not"
							: "is lost with CPU 2, which has not"));
		assert_true(fake_arch.harts[0].sched.timer_at == UINT64_MAX);
	}
}

/* Of a hart that comes back after all nothing follows: the capsule was counted once. */
static void test_back(void **state)
{
	(void)state;
	lost = 1u << 2;
	capsule_ask(&capsules[0], CAPSULE_RESTART);
	pass(6 * sched_patience());
	assert_int_equal(capsules[0].state, CAPSULE_LOST);
	lost = 0;
	capsules[0].vcpus[1]->place = VCPU_RUNNING;
	arch_this_hart = &fake_arch.harts[2];
	sched_leave(arch_this_hart, capsules[0].vcpus[1]);
	arch_this_hart = fake_arch.harts;
	pass(6 * sched_patience());
	capsule_ask(&capsules[0], CAPSULE_RESTART);
	pass(6 * sched_patience());
	capsule_ask(&capsules[0], CAPSULE_STOP);
	pass(6 * sched_patience());
	assert_int_equal(capsules[0].state, CAPSULE_LOST);
	assert_int_equal(fake_boot.ended, 1);
	assert_int_equal(fake_boot.revived, 0);
}

/* A vCPU that waits for its turn for long isn't lost, as long as its hart answers. */
static void test_slow(void **state)
{
	(void)state;
	fake_arch.harts[2].vcpu = fake_arch.loaded[2] = NULL;
	capsules[0].vcpus[1]->place = VCPU_QUEUED;
	capsules[0].vcpus[1]->posted = 1; /* as its hart has it */
	capsules[0].vcpus[1]->closed = true;
	capsule_ask(&capsules[0], CAPSULE_STOP);
	pass(20 * sched_patience());
	assert_int_equal(capsules[0].state, CAPSULE_STOPPING);
	assert_false(fake_log_contains("answered"));
	assert_true(fake_arch.harts[0].sched.timer_at != UINT64_MAX);
	arch_this_hart = &fake_arch.harts[2];
	sched_leave(arch_this_hart, capsules[0].vcpus[1]);
	arch_this_hart = fake_arch.harts;
	pass(6 * sched_patience());
	assert_int_equal(capsules[0].state, CAPSULE_ENDED);
}

/* One that isn't to end isn't touched, though its hart is lost; and no other one is. */
static void test_others(void **state)
{
	(void)state;
	make(1);
	capsules[1].vcpus[0]->hart = capsules[1].vcpus[1]->hart = &fake_arch.harts[3];
	fake_arch.harts[0].vcpu = fake_arch.loaded[0] = NULL;
	lost = 1u << 3;
	capsule_ask(&capsules[0], CAPSULE_STOP);
	pass(6 * sched_patience());
	assert_int_equal(capsules[0].state, CAPSULE_ENDED);
	assert_int_equal(capsules[1].state, CAPSULE_RUNNING);
	capsule_ask(&capsules[1], CAPSULE_STOP);
	pass(6 * sched_patience());
	assert_int_equal(capsules[1].state, CAPSULE_LOST);
	assert_int_equal(fake_boot.ended, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_nobody, set_up),
		cmocka_unit_test_setup(test_lost, set_up),
		cmocka_unit_test_setup(test_back, set_up),
		cmocka_unit_test_setup(test_slow, set_up),
		cmocka_unit_test_setup(test_others, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
