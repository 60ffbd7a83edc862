/* SPDX-License-Identifier: MIT */
/*
 * src/core/capsule.c: how long after its end a capsule starts again, and when it has
 * done so often enough.
 */
#include "unit.h"

#include "core/capsule.h"
#include "core/sched.h"
#include "fake/arch.h"
#include "fake/boot.h"
#include "fake/console.h"
#include "life_fixture.h"

enum { TIMEBASE = 1000, RAM = 0x80000000 };

static struct capsule capsule;
static struct fake_vcpu vcpus[CAPSULE_VCPUS_MAX];
static uint8_t memory[PAGE_SIZE];
static uint64_t now;

static int set_up(void **state)
{
	(void)state;
	fake_arch_reset();
	fake_boot_reset();
	fake_console_reset();
	fake_log_clear();
	fake_arch_capsule(&capsule, vcpus, (gpa_t){RAM}, memory, sizeof(memory));
	sched_init(TIMEBASE, FAKE_HARTS);
	capsule.timebase = TIMEBASE;
	capsule.restart = RESTART_ON_CRASH;
	now = 5000;
	return 0;
}

/* It ran for so many seconds and came to this end. */
static void end_after(uint64_t seconds, enum capsule_end end)
{
	capsule.started_at = now;
	now += seconds * TIMEBASE;
	if (capsule.state != CAPSULE_RUNNING)
		life_start(&capsule);
	fake_arch.time = now;
	capsule_end(&capsule, end, "came to an end");
	assert_int_equal(capsule.state, CAPSULE_STOPPING);
	life_leave(&capsule);
}

static void assert_waits(uint64_t seconds)
{
	assert_int_equal(capsule.state, seconds ? CAPSULE_WAITING : CAPSULE_LOADING);
	assert_int_equal(capsule.restart_at - now, seconds * TIMEBASE);
	assert_int_equal(capsule.loaded, 0);
	assert_int_equal(fake_boot.ended, 0);
	now = capsule.restart_at;
}

static void assert_ended(void)
{
	assert_int_equal(capsule.state, CAPSULE_ENDED);
	assert_int_equal(fake_boot.ended, 1);
	assert_ptr_equal(fake_boot.last, &capsule);
}

static void test_failures(void **state)
{
	(void)state;
	for (unsigned i = 0; i < CAPSULE_RESTARTS_MAX; i++) {
		end_after(1, CAPSULE_FAILED);
		assert_waits(1u << i);
	}
	assert_false(fake_log_contains("in vain"));
	end_after(1, CAPSULE_FAILED);
	assert_true(fake_log_contains("fake: restarted 5 times in vain: it stays stopped"));
	assert_ended();
}

/* A minute without a failure, and what was before is forgotten. */
static void test_stable(void **state)
{
	(void)state;
	for (unsigned i = 0; i < CAPSULE_RESTARTS_MAX; i++) {
		end_after(1, CAPSULE_FAILED);
		assert_waits(1u << i);
	}
	end_after(CAPSULE_STABLE_SECONDS + 1, CAPSULE_FAILED);
	assert_waits(1);
}

static void test_reboots(void **state)
{
	(void)state;
	capsule.restart = RESTART_NEVER; /* the guest's own reboots need no property */
	for (unsigned i = 0; i < CAPSULE_REBOOTS_MAX; i++) {
		end_after(1, CAPSULE_REBOOT);
		assert_waits(0);
	}
	end_after(1, CAPSULE_REBOOT);
	assert_true(fake_log_contains("rebooted 5 times within 10 seconds: it stays stopped"));
	assert_ended();
	assert_int_equal(capsule.end, CAPSULE_FAILED);
}

/* As many in a longer time are no trouble, however many. */
static void test_slow_reboots(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4 * CAPSULE_REBOOTS_MAX; i++) {
		end_after(3, CAPSULE_REBOOT);
		assert_waits(0);
	}
}

static void test_property(void **state)
{
	static const struct {
		enum manifest_restart restart;
		enum capsule_end end;
		bool again;
	} rows[] = {
		{RESTART_NEVER, CAPSULE_FAILED, false},
		{RESTART_NEVER, CAPSULE_SHUTDOWN, false},
		{RESTART_ON_CRASH, CAPSULE_FAILED, true},
		{RESTART_ON_CRASH, CAPSULE_SHUTDOWN, false},
		{RESTART_ALWAYS, CAPSULE_FAILED, true},
		{RESTART_ALWAYS, CAPSULE_SHUTDOWN, true},
		{RESTART_ALWAYS, CAPSULE_STOPPED, false},
	};

	for (unsigned i = 0; i < ARRAY_LENGTH(rows); i++) {
		set_up(state);
		capsule.restart = rows[i].restart;
		end_after(1, rows[i].end);
		if (rows[i].again)
			assert_waits(1);
		else
			assert_ended();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_failures, set_up),
		cmocka_unit_test_setup(test_stable, set_up),
		cmocka_unit_test_setup(test_reboots, set_up),
		cmocka_unit_test_setup(test_slow_reboots, set_up),
		cmocka_unit_test(test_property),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
