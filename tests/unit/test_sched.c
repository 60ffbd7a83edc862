/* SPDX-License-Identifier: MIT */
/*
 * src/core/sched.c and sched_due.c on one hart with a simulated clock: whose turn it is, when the
 * hart's alarm rings, what wakes whom; and thousands of random events against the promise that
 * every vCPU which can run does, within a few turns of each of the others. What several harts do
 * together is test_sched_many.c's.
 */
#include "unit.h"

#include "core/boot.h"
#include "core/sched.c"
#include "core/sched_due.c"
#include "core/watch.c"
#include "fake/arch.h"
#include "fake/boot.h"
#include "fake/console.h"

enum { GUESTS = 8, HZ = 1000000, TURN = HZ / 200, PAGE = 4096 };

static struct capsule capsules[GUESTS];
static struct fake_vcpu vcpus[GUESTS][CAPSULE_VCPUS_MAX];
static uint8_t memory[PAGE];
static struct hart *hart;
static jmp_buf leave;

/* --- loading, in place of core/capsule_load.c --------------------------------------- */

static unsigned steps[GUESTS], steps_needed;
static uint64_t step_time;

static unsigned index_of(const struct capsule *capsule)
{
	return (unsigned)(capsule - capsules);
}

bool capsule_load_step(struct capsule *capsule)
{
	assert_int_equal(capsule->state, CAPSULE_LOADING);
	fake_arch.time += step_time;
	if (capsule->loaded == 0)
		steps[index_of(capsule)] = 0;
	capsule->loaded++;
	if (++steps[index_of(capsule)] < steps_needed)
		return false;
	capsule->loaded = 0;
	arch_vcpu_reset(capsule->vcpus[0], 0x1000, 0);
	capsule->started_at = arch_time();
	capsule->starts++;
	capsule->state = CAPSULE_RUNNING;
	return true;
}

/* --- the machine ---------------------------------------------------------------------- */

static struct vcpu *vcpu_of(unsigned guest)
{
	return &vcpus[guest][0].vcpu;
}

/* The machine without guests. */
static void prepare_hart(void)
{
	fake_arch_reset();
	fake_boot_reset();
	fake_console_reset();
	fake_log_clear();
	fake_arch.time = 1000;
	fake_arch.leave = &leave;
	hart = arch_this_hart;
	steps_needed = 3;
	step_time = 0;
	keepers[0] = NULL;
	sched_init(HZ, 1); /* so that there is nobody to be watched */
	for (unsigned i = 0; i < FAKE_HARTS; i++)
		fake_arch.harts[i].sched.turn = TURN;
}

/* One more guest, with all to come: on the first hart and no other. */
static void add_guest(unsigned i, uint32_t weight)
{
	struct vcpu *vcpu = vcpu_of(i);

	fake_arch_capsule(&capsules[i], vcpus[i], (gpa_t){0x80000000}, memory, PAGE);
	hart->vcpu = fake_arch.loaded[0] = NULL;
	capsules[i].number = i + 1;
	capsules[i].timebase = HZ;
	capsules[i].harts = (struct hart_set){{1}};
	vcpu->weight = weight;
	vcpu->inverse_weight = SHARE_SCALE / weight;
	vcpu->place = VCPU_AWAY;
	sched_enqueue(vcpu);
}

/* `count` guests on the first hart, all of which run. */
static void prepare(unsigned count)
{
	prepare_hart();
	for (unsigned i = 0; i < count; i++)
		add_guest(i, SHARE_WEIGHT_DEFAULT);
}

static struct vcpu *work(void)
{
	fake_arch.call_count = 0;
	do {
		fake_arch.work[0] = false;
		sched_work(hart);
	} while (fake_arch.work[0]);
	assert_non_null(hart->vcpu);
	assert_ptr_equal(hart->vcpu, fake_arch.loaded[0]);
	assert_int_equal(hart->vcpu->capsule->state, CAPSULE_RUNNING);
	assert_false(hart->vcpu->wait);
	return hart->vcpu;
}

/* What the hart does with mtimecmp's interrupt. */
static void serve_timer(void)
{
	if (arch_timer_interrupt(fake_arch.time))
		arch_hart_request_work();
}

/* The guest runs until the hart's alarm rings. */
static struct vcpu *ring(void)
{
	assert_true(fake_arch.alarm[0] != UINT64_MAX);
	if (fake_arch.time < fake_arch.alarm[0])
		fake_arch.time = fake_arch.alarm[0];
	assert_true(arch_timer_interrupt(fake_arch.time));
	return work();
}

/* The guest that runs executes WFI, and its timer is set to `timer`. */
static struct vcpu *wait_until(uint64_t timer)
{
	arch_timer_set(hart->vcpu, timer);
	hart->vcpu->wait = true;
	return work();
}

/* While the hart sleeps, time passes until its alarm or its loaded guest's timer. */
static void sleep_until_due(struct hart *which)
{
	uint64_t when = fake_arch.alarm[0];
	const struct fake_vcpu *loaded = hart->vcpu ? fake_vcpu_of(hart->vcpu) : NULL;

	assert_ptr_equal(which, hart);
	if (loaded && !loaded->masked && loaded->timer < when)
		when = loaded->timer;
	if (when == UINT64_MAX)
		longjmp(leave, 1);
	if (fake_arch.time < when)
		fake_arch.time = when;
	serve_timer();
}

/* True when the hart sleeps for ever. */
static bool sleeps_for_ever(void)
{
	fake_arch.sleep = sleep_until_due;
	if (setjmp(leave))
		return true;
	work();
	return false;
}

/* --- turns ------------------------------------------------------------------------------ */

/* Alone, a guest isn't interrupted, and nothing is switched. */
static void test_alone(void **state)
{
	(void)state;
	prepare(1);
	assert_ptr_equal(work(), vcpu_of(0));
	assert_int_equal(fake_arch_count(FAKE_SWITCH), 1);
	assert_true(fake_arch.alarm[0] == UINT64_MAX);
	for (unsigned i = 0; i < 10; i++) {
		fake_arch.time += 3 * TURN;
		assert_ptr_equal(work(), vcpu_of(0));
		assert_int_equal(fake_arch.call_count, 0);
		assert_true(fake_arch.alarm[0] == UINT64_MAX);
	}
	assert_int_equal(vcpu_of(0)->switches, 1);
	assert_true(vcpu_of(0)->run_time == 10 * 3 * TURN);
}

/* As many turns for each, of the same time. */
static void test_turns(void **state)
{
	(void)state;
	for (unsigned count = 2; count <= GUESTS; count++) {
		prepare(count);
		work();
		for (unsigned i = 0; i < 5 * count; i++) {
			uint64_t before = fake_arch.time;

			ring();
			assert_true(fake_arch.time - before == TURN);
			assert_in_range(fake_arch_count(FAKE_SWITCH), 0, 1);
			assert_true(sched_waits(0) == (count > 1));
		}
		for (unsigned i = 0; i < count; i++) {
			assert_true(vcpu_of(i)->run_time == 5 * TURN);
			assert_true(vcpu_of(i)->wait_time <= 5 * (count - 1) * TURN);
			assert_true(vcpu_of(i)->wait_time >= 4 * (count - 1) * TURN);
		}
	}
}

/* In proportion to the weights, to within a turn. */
static void test_weights(void **state)
{
	static const uint32_t weights[] = {100, 300, 1, 10000, 7, 2500};

	(void)state;
	for (unsigned a = 0; a < ARRAY_LENGTH(weights); a++) {
		for (unsigned b = 0; b < ARRAY_LENGTH(weights); b++) {
			uint64_t start, ideal, sum = weights[a] + weights[b], error;

			prepare_hart();
			add_guest(0, weights[a]);
			add_guest(1, weights[b]);
			work();
			start = fake_arch.time;
			for (unsigned i = 0; i < 5000; i++) {
				ring();
				ideal = (fake_arch.time - start) * weights[a] / sum;
				error = ideal > vcpu_of(0)->run_time ? ideal - vcpu_of(0)->run_time
								     : vcpu_of(0)->run_time - ideal;
				if (error > TURN + TURN / 100)
					fail_msg("weights %u and %u: %lu instead of %lu",
						 weights[a], weights[b], (long)vcpu_of(0)->run_time,
						 (long)ideal);
			}
			/* The clock never rang for nothing more often than once a turn. */
			assert_true(fake_arch.time - start == 5000 * (uint64_t)TURN);
		}
	}
}

/* One that wakes up runs at once, with a turn ahead of the others, and no more than that. */
static void test_wake_up_preempts(void **state)
{
	struct vcpu *sleeper, *spinner;
	uint64_t woke, ran;

	(void)state;
	prepare(2);
	sleeper = work();
	spinner = wait_until(UINT64_MAX);
	assert_ptr_not_equal(spinner, sleeper);
	for (unsigned i = 0; i < 100; i++) {
		fake_arch.time += HZ; /* it sleeps for a second: no credit for that */
		fake_arch.time += unit_random_below(TURN);
		arch_vcpu_set_external(sleeper, true);
		assert_ptr_equal(work(), sleeper);
		woke = fake_arch.time;
		ran = sleeper->run_time;
		fake_vcpu_of(sleeper)->external = fake_vcpu_of(sleeper)->seip = false;
		while (hart->vcpu == sleeper)
			ring();
		assert_in_range(fake_arch.time - woke, TURN, 2 * TURN);
		assert_true(sleeper->run_time - ran == fake_arch.time - woke);
		ring();
		if (hart->vcpu != sleeper)
			ring();
		assert_ptr_equal(hart->vcpu, sleeper);
		wait_until(UINT64_MAX);
	}
}

/* One that has had its share doesn't preempt by sleeping for a moment. */
static void test_no_gain_by_sleep(void **state)
{
	uint64_t start;

	(void)state;
	prepare(2);
	work();
	start = fake_arch.time;
	while (fake_arch.time - start < 60 * (uint64_t)HZ) {
		struct vcpu *vcpu = hart->vcpu;
		uint64_t end = fake_arch.alarm[0];

		if (vcpu == vcpu_of(0) && end - fake_arch.time > 10) {
			/* Just before its turn ends it sleeps for an instant. */
			fake_arch.time = end - 10;
			wait_until(fake_arch.time + 5);
		} else {
			ring();
		}
	}
	assert_in_range(vcpu_of(1)->run_time * 100 / (fake_arch.time - start), 49, 51);
}

/* Work for the one whose turn it is doesn't cost it the rest of it. */
static void test_turn_is_kept(void **state)
{
	struct vcpu *first;
	uint64_t end;

	(void)state;
	prepare(3);
	first = work();
	end = fake_arch.alarm[0];
	assert_true(end == fake_arch.time + TURN);
	while (fake_arch.time + 100 < end) {
		fake_arch.time += 100;
		assert_ptr_equal(work(), first);
		assert_true(fake_arch.alarm[0] == end);
	}
	assert_ptr_not_equal(ring(), first);
	assert_true(fake_arch.time == end);
}

/* Only while somebody else could run, the alarm rings. */
static void test_tick(void **state)
{
	struct vcpu *other;

	(void)state;
	prepare(2);
	work();
	assert_true(fake_arch.alarm[0] == fake_arch.time + TURN);
	other = wait_until(UINT64_MAX); /* the first waits: the other is alone */
	assert_true(fake_arch.alarm[0] == UINT64_MAX);
	fake_arch.time += 10 * TURN;
	assert_ptr_equal(work(), other);
	assert_true(fake_arch.alarm[0] == UINT64_MAX);
	/* Its turn is long over when the first can run again. */
	fake_arch.time += 2 * TURN;
	arch_vcpu_set_external(vcpu_of(other == vcpu_of(0)), true);
	assert_ptr_not_equal(work(), other);
	assert_true(fake_arch.alarm[0] == fake_arch.time + TURN);
}

/* --- waiting ------------------------------------------------------------------------------ */

/* One that sleeps is woken at its deadline, though another one runs all the time. */
static void test_sleeper(void **state)
{
	struct vcpu *sleeper, *other;
	uint64_t due;

	(void)state;
	prepare(2);
	sleeper = work();
	for (unsigned i = 0; i < 20; i++) {
		due = fake_arch.time + 1 + unit_random_below(10 * TURN);
		other = wait_until(due);
		assert_ptr_not_equal(other, sleeper);
		if (fake_arch.alarm[0] > due)
			fail_msg("the alarm rings at %ld, but a guest that sleeps is due at %ld",
				 (long)fake_arch.alarm[0], (long)due);
		for (unsigned turns = 0; hart->vcpu != sleeper && turns < 50; turns++)
			ring();
		/* At its time, or when the other's turn is over. */
		assert_true(fake_arch.time >= due && fake_arch.time <= due + TURN);
		assert_true(sleeper->state == VCPU_STARTED);
	}
}

/* Nobody can run: the hart sleeps until the first deadline, whoever's it is. */
static void test_all_sleep(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 200; round++) {
		uint64_t first = UINT64_MAX;

		prepare(4);
		fake_arch.sleep = sleep_until_due;
		work();
		for (unsigned i = 0; i < 4; i++) {
			/* Far enough that all sleep before the first is due. */
			uint64_t due = fake_arch.time + 100 + unit_random_below(TURN);

			if (due < first)
				first = due;
			wait_until(due);
		}
		assert_true(fake_arch.time == first);
		assert_true(fake_vcpu_of(hart->vcpu)->timer == first ||
			    fake_vcpu_of(hart->vcpu)->saved_timer == first);
		assert_int_equal(fake_arch_count(FAKE_DROP), 0);
	}
}

/* One that came while the hart looked what there is, after the moment for which it decides, has not
 * waited for less than no time: its guest would see stolen time go back. */
static void test_came_late(void **state)
{
	(void)state;
	prepare(1);
	vcpu_of(0)->since = fake_arch.time + 7;
	assert_ptr_equal(work(), vcpu_of(0));
	assert_true(vcpu_of(0)->wait_time == 0);
}

/* An interrupt that isn't enabled wakes nobody; nor does a timer that isn't. */
static void test_masked(void **state)
{
	(void)state;
	prepare(1);
	work();
	vcpus[0][0].masked = true;
	vcpus[0][0].external = vcpus[0][0].seip = true;
	vcpus[0][0].ipi = true;
	arch_timer_set(vcpu_of(0), fake_arch.time);
	vcpu_of(0)->wait = true;
	assert_true(sleeps_for_ever());
	assert_true(vcpu_of(0)->wait);

	prepare(2);
	work();
	vcpus[index_of(hart->vcpu->capsule)][0].masked = true;
	wait_until(fake_arch.time + 10);
	assert_true(fake_arch.alarm[0] == UINT64_MAX);
}

static unsigned sleeps;

static void wake_at_third(struct hart *which)
{
	assert_ptr_equal(which, hart);
	assert_int_equal(vcpu_of(0)->state, VCPU_SUSPENDED);
	assert_true(vcpu_of(0)->resume);
	assert_int_equal(fake_arch_count(FAKE_RESUME_AT), 0);
	fake_arch.time += 7;
	if (++sleeps == 3)
		vcpus[0][0].external = vcpus[0][0].seip = true;
}

/* Suspended without its registers: it sleeps first, starts afresh then, and is started last. */
static void test_resume(void **state)
{
	struct vcpu *vcpu = vcpu_of(0);

	(void)state;
	prepare(1);
	work();
	sleeps = 0;
	fake_arch.sleep = wake_at_third;
	fake_arch.time += 100;
	vcpu->state = VCPU_SUSPENDED;
	vcpu->wait = vcpu->resume = true;
	vcpu->resume_at = 0x80000abc;
	vcpu->resume_opaque = (xlen_t)-2;
	work();
	assert_int_equal(sleeps, 3);
	assert_int_equal(fake_arch_count(FAKE_RESUME_AT), 1);
	assert_true(vcpus[0][0].pc == 0x80000abc && vcpus[0][0].a1 == (xlen_t)-2);
	assert_false(vcpu->resume);
	assert_int_equal(vcpu->state, VCPU_STARTED);
	work();
	assert_int_equal(fake_arch_count(FAKE_RESUME_AT), 0);
	assert_true(vcpu->run_time == 100); /* what it slept isn't counted */
}

/* --- ends and beginnings -------------------------------------------------------------------- */

/* The others go on; the last one's state leaves the hart, which sleeps for ever. */
static void test_ended(void **state)
{
	(void)state;
	prepare(3);
	for (unsigned left = 3; left > 1; left--) {
		struct vcpu *dying = left == 3 ? work() : hart->vcpu;

		dying->wait = left & 1; /* nobody waits for interrupts of the dead */
		capsule_end(dying->capsule, CAPSULE_SHUTDOWN, "powered off");
		assert_true(fake_arch.work[0]);
		assert_ptr_not_equal(work(), dying);
		assert_int_equal(dying->capsule->state, CAPSULE_ENDED);
		assert_int_equal(fake_boot.ended, 4 - left);
		for (unsigned i = 0; i < 10; i++) {
			arch_vcpu_set_external(dying, true);
			sched_interrupt(hart);
			fake_arch.time += TURN;
			assert_ptr_not_equal(work(), dying);
		}
	}
	struct vcpu *last = hart->vcpu;

	arch_vcpu_set_external(last, true);
	arch_timer_set(last, 1);
	capsule_end(last->capsule, CAPSULE_FAILED, "failed");
	assert_true(sleeps_for_ever());
	assert_int_equal(fake_boot.ended, 3);
	assert_int_equal(fake_arch_count(FAKE_DROP), 1);
	assert_ptr_equal(fake_arch_last(FAKE_DROP)->vcpu, last);
	assert_null(hart->vcpu);
	assert_true(fake_arch.alarm[0] == UINT64_MAX);
}

/* After its back-off it is loaded anew, and what was in the registers isn't taken for its. */
static void test_restarted(void **state)
{
	uint64_t before;

	(void)state;
	prepare(1);
	fake_arch.sleep = sleep_until_due;
	capsules[0].restart = RESTART_ON_CRASH;
	work();
	before = fake_arch.time;
	vcpu_of(0)->wait = true;
	vcpus[0][0].external = vcpus[0][0].seip = true;
	capsule_end(&capsules[0], CAPSULE_FAILED, "failed");
	assert_ptr_equal(work(), vcpu_of(0));
	assert_true(fake_arch.time == before + HZ);
	assert_int_equal(steps[0], 3);
	assert_int_equal(fake_arch_count(FAKE_DROP), 1);
	assert_int_equal(fake_arch_count(FAKE_SWITCH), 1);
	assert_true(fake_arch_last(FAKE_SWITCH)->a == 0);
	assert_int_equal(fake_boot.ended, 0);

	/* At once, and still loaded: it is dropped before it is entered. */
	capsule_end(&capsules[0], CAPSULE_REBOOT, "reboots");
	before = fake_arch.time;
	work();
	assert_true(fake_arch.time == before);
	assert_int_equal(fake_arch_count(FAKE_DROP), 1);
	assert_int_equal(fake_arch_count(FAKE_SWITCH), 1);
	assert_int_equal(fake_arch_count(FAKE_SLEEP), 0);
	assert_int_equal(capsules[0].starts, 2);
}

/* As HSM's hart start does, up to the wish. */
static void ask_to_start(struct vcpu *vcpu)
{
	vcpu->state = VCPU_START_PENDING;
	vcpu->capsule->started++;
	vcpu->start_at = 0x4000;
	sched_post(vcpu, VCPU_WANT_START);
}

/* How often the vCPU was reset to where such a start begins. */
static unsigned starts_of(const struct vcpu *vcpu)
{
	unsigned count = 0;

	for (unsigned i = 0; i < fake_arch.call_count; i++)
		count += fake_arch.calls[i].kind == FAKE_RESET && fake_arch.calls[i].vcpu == vcpu &&
			 fake_arch.calls[i].a == 0x4000;
	return count;
}

/*
 * A start that is on its way when the capsule ends is of that life alone, whether it is found
 * before the end, or when the capsule is being loaded, or when it runs again.
 */
static void test_start_in_flight(void **state)
{
	(void)state;
	for (unsigned found = 0; found < 3; found++) {
		struct vcpu *second;

		prepare(1);
		work();
		second = capsules[0].vcpus[1];
		second->place = VCPU_AWAY;
		second->hart = hart;
		second->state = VCPU_STOPPED;
		if (found == 0)
			ask_to_start(second);
		capsule_end(&capsules[0], CAPSULE_REBOOT, "reboots");
		if (found == 1)
			ask_to_start(second);
		/* Loading stops all but the first (core/capsule_load.c). */
		for (unsigned i = 0; capsules[0].state != CAPSULE_RUNNING || !capsules[0].starts;
		     i++) {
			if (i == 100)
				fail_msg("it does not start again (%u)", found);
			if (capsules[0].state == CAPSULE_LOADING)
				second->state = VCPU_STOPPED;
			sched_decide(hart);
		}
		second->state = VCPU_STOPPED;
		if (found == 2) /* it was posted in the life before, and is seen only now */
			sched_post(second, VCPU_WANT_START);
		work();
		assert_int_equal(second->place, VCPU_AWAY);
		assert_int_equal(second->state, VCPU_STOPPED);
		assert_int_equal(starts_of(second), 0);
		assert_int_equal(capsules[0].present, 1);

		/* In the new life it starts as ever, once. */
		ask_to_start(second);
		work();
		assert_int_equal(starts_of(second), 1);
		assert_int_equal(capsules[0].present, 2);
		assert_true(second->place == VCPU_QUEUED || second->place == VCPU_RUNNING);
	}
}

/* One that waits for its restart wakes the hart of another that runs. */
static void test_back_off_beside(void **state)
{
	uint64_t due;

	(void)state;
	prepare(2);
	work();
	capsules[0].restart = capsules[1].restart = RESTART_ON_CRASH;
	struct capsule *failed = hart->vcpu->capsule;

	due = fake_arch.time + HZ;
	capsule_end(failed, CAPSULE_FAILED, "failed");
	assert_ptr_not_equal(work()->capsule, failed);
	assert_int_equal(failed->state, CAPSULE_WAITING);
	assert_true(fake_arch.alarm[0] == due);
	ring();
	assert_int_not_equal(failed->state, CAPSULE_WAITING);
	for (unsigned turns = 0; hart->vcpu->capsule != failed && turns < 50; turns++)
		ring();
	assert_ptr_equal(hart->vcpu->capsule, failed);
	assert_true(fake_arch.time <= due + 5 * TURN);
}

/* Loading has turns like any other work: the others have as much of the hart meanwhile. */
static void test_loading_beside(void **state)
{
	(void)state;
	prepare(3);
	steps_needed = 20;
	step_time = TURN;
	capsules[1].state = CAPSULE_LOADING;
	work();
	for (unsigned turns = 0; capsules[1].state == CAPSULE_LOADING; turns++) {
		uint64_t least = steps[1] * TURN - 2 * TURN;

		assert_in_range(turns, 0, 100);
		if (steps[1] > 2) {
			assert_in_range(vcpu_of(0)->run_time, least, least + 4 * TURN);
			assert_in_range(vcpu_of(2)->run_time, least, least + 4 * TURN);
		}
		ring();
	}
	assert_int_equal(steps[1], 20);
	assert_true(vcpu_of(1)->run_time >= 20 * TURN);
	for (unsigned turns = 0; hart->vcpu != vcpu_of(1) && turns < 4; turns++)
		ring();
	assert_int_equal(vcpu_of(1)->switches, 1);
}

/* Its capsule's ceiling is no matter of whoever has the next turn. */
static void test_loading_under_ceiling(void **state)
{
	(void)state;
	prepare(2);
	steps_needed = 20;
	step_time = TURN;
	capsules[1].state = CAPSULE_LOADING;
	share_cap_init(&capsules[1].cap, 10, TURN, fake_arch.time);
	vcpu_of(1)->capped = true;
	work();
	while (capsules[1].state == CAPSULE_LOADING) {
		ring();
		assert_int_equal(vcpu_of(0)->place, VCPU_RUNNING);
		assert_false(hart->sched.spent);
	}
	/* It has them to pay for before it runs. */
	assert_true(capsules[1].cap.left < 0);
}

/* Nobody else can run: all steps at once, and what comes meanwhile is served. */
static void test_loading_alone(void **state)
{
	(void)state;
	prepare(1);
	steps_needed = 50;
	capsules[0].state = CAPSULE_LOADING;
	assert_ptr_equal(work(), vcpu_of(0));
	assert_int_equal(steps[0], 50);
	assert_in_range(fake_arch_count(FAKE_POLL), 49, 51);
	assert_int_equal(fake_arch_count(FAKE_SLEEP), 0);
}

/*
 * It reboots, and an idle hart has the loading to do. Its turns there begin the long way from the
 * first one on: what it has in memory is still of the life before.
 */
static void test_loading_elsewhere(void **state)
{
	struct hart *other = &fake_arch.harts[1];
	unsigned ticks = 0;

	(void)state;
	prepare(3);
	sched_harts.count = 2;
	sched_init_hart(other);
	capsules[0].harts = (struct hart_set){{3}};
	steps_needed = 20;
	step_time = TURN;
	while (work() != vcpu_of(0))
		ring();
	assert_true(vcpu_of(0)->plain);
	sched_set_idle(other, true);
	capsule_end(&capsules[0], CAPSULE_REBOOT, "reboots");
	assert_ptr_not_equal(work(), vcpu_of(0));
	assert_ptr_equal(vcpu_of(0)->hart, other);

	hart = arch_this_hart = other;
	sched_read_inbox(other);
	add_guest(3, SHARE_WEIGHT_DEFAULT);
	fake_arch.loaded[1] = NULL;
	while (capsules[0].state == CAPSULE_LOADING) {
		struct vcpu *before, *next;

		sched_work(other);
		before = other->vcpu;
		fake_arch.time = other->sched.turn_end;
		next = sched_tick(fake_arch.time);
		if (!next)
			continue;
		assert_int_equal(next->capsule->state, CAPSULE_RUNNING);
		arch_vcpu_switch(before, next);
		ticks++;
	}
	assert_int_equal(steps[0], 20);
	assert_int_equal(ticks, 0);
	hart = arch_this_hart = fake_arch.harts;
}

static void ask_for_restart(struct hart *which)
{
	assert_ptr_equal(which, hart);
	assert_null(hart->vcpu);
	arch_this_hart = &fake_arch.harts[1];
	capsule_ask(&capsules[0], CAPSULE_RESTART);
	arch_this_hart = hart;
	assert_int_equal(fake_arch_last(FAKE_WAKE)->a, 0);
	arch_hart_request_work();
}

/* The user's wishes, from another hart. */
static void test_requests(void **state)
{
	(void)state;
	prepare(2);
	capsules[0].restart = capsules[1].restart = RESTART_ALWAYS;
	work();
	capsule_ask(&capsules[0], CAPSULE_STOP);
	assert_ptr_equal(work(), vcpu_of(1));
	assert_int_equal(capsules[0].state, CAPSULE_ENDED);
	assert_int_equal(fake_boot.ended, 1);
	capsule_ask(&capsules[1], CAPSULE_RESTART);
	assert_ptr_equal(work(), vcpu_of(1));
	assert_int_equal(capsules[1].starts, 1);
	assert_int_equal(fake_arch_count(FAKE_DROP), 1);
	/* All are stopped; the hart sleeps until one is wanted again. */
	capsule_ask(&capsules[1], CAPSULE_STOP);
	fake_arch.sleep = ask_for_restart;
	assert_ptr_equal(work(), vcpu_of(0));
	assert_int_equal(fake_arch_count(FAKE_SLEEP), 1);
	assert_int_equal(fake_boot.ended, 2);
	assert_int_equal(fake_boot.revived, 1);
	assert_int_equal(capsules[0].starts, 1);
}

static void fence_is_broken(struct capsule *capsule)
{
	capsule_end(capsule, CAPSULE_FAILED, "stopped: its fence can't be set up");
}

/* A guest whose fence doesn't hold isn't entered. */
static void test_run(void **state)
{
	(void)state;
	for (unsigned broken = 0; broken < 2; broken++) {
		int kind;

		prepare(1);
		fake_arch.verify_fails = broken;
		fake_arch.unfenced = fence_is_broken;
		fake_arch.sleep = sleep_until_due;
		capsules[0].state = CAPSULE_LOADING;
		kind = setjmp(leave);
		if (!kind)
			sched_run(hart);
		assert_int_equal(fake_arch_count(FAKE_ENTER), !broken);
		assert_int_equal(fake_arch_count(FAKE_VERIFY), 1);
		assert_int_equal(kind, broken ? 1 : FAKE_ENTER + 1);
		assert_int_equal(fake_boot.ended, broken);
	}
}

/* A hart without guests sleeps. */
static void test_no_guests(void **state)
{
	(void)state;
	prepare(0);
	assert_true(sleeps_for_ever());
	assert_int_equal(fake_arch_count(FAKE_SWITCH), 0);
}

/* --- the terminal's clock ----------------------------------------------------------------------
 */

static struct vcpu *told; /* by the console, that its guest can write again */

static void tell_guest(void)
{
	arch_vcpu_set_external(told, true);
}

/* The terminal has news for a guest that waits, while the hart turns to another one. */
static void test_console_wakes(void **state)
{
	(void)state;
	for (unsigned loaded = 0; loaded < 2; loaded++) {
		prepare(2);
		watch_start(hart);
		fake_console()->on_tick = tell_guest;
		told = work();
		if (!loaded)
			wait_until(UINT64_MAX);
		else
			told->wait = true;
		fake_console()->deadline = fake_arch.time;
		sched_wake_console_hart();
		work();
		assert_int_equal(fake_console()->ticks, 1);
		for (unsigned turns = 0; hart->vcpu != told && turns < 3; turns++)
			ring();
		assert_ptr_equal(hart->vcpu, told);
	}
}

static void move_console_deadline(struct hart *which)
{
	assert_ptr_equal(which, hart);
	switch (++sleeps) {
	case 1:
		fake_console()->deadline = fake_arch.time + 20;
		sched_wake_console_hart();
		break;
	case 2:
		assert_true(fake_arch.alarm[0] == fake_arch.time + 20);
		fake_arch.time += 20;
		serve_timer();
		break;
	default: vcpus[0][0].ipi = true;
	}
}

static void test_console_clock(void **state)
{
	(void)state;
	prepare(1);
	watch_start(hart);
	fake_console()->deadline = fake_arch.time + 3;
	work();
	assert_int_equal(fake_console()->ticks, 0);
	assert_true(fake_arch.alarm[0] == fake_arch.time + 3);
	ring();
	assert_int_equal(fake_console()->ticks, 1);
	assert_true(fake_arch.alarm[0] == UINT64_MAX);
	/* While all sleep, too. */
	fake_console()->deadline = fake_arch.time + 50;
	sched_wake_console_hart();
	assert_true(fake_arch.work[0]);
	work();
	vcpu_of(0)->wait = true;
	assert_true(sleeps_for_ever());
	assert_int_equal(fake_console()->ticks, 2);
	assert_true(vcpu_of(0)->wait);
	/* It moves while all sleep. */
	sleeps = 0;
	fake_arch.sleep = move_console_deadline;
	work();
	assert_int_equal(fake_console()->ticks, 3);
	/* Not by other harts. */
	prepare(1);
	watch_start(&fake_arch.harts[1]);
	fake_console()->deadline = 1;
	work();
	assert_int_equal(fake_console()->ticks, 0);
	assert_true(fake_arch.alarm[0] == UINT64_MAX);
	/* The one that has moved the deadline looks at it, or makes the other look. */
	fake_arch.call_count = 0;
	sched_wake_console_hart();
	assert_int_equal(fake_arch_last(FAKE_WAKE)->a, 1);
	watch_start(hart);
	sched_wake_console_hart();
	assert_true(fake_arch.work[0]);
	assert_int_equal(fake_arch_count(FAKE_WAKE), 1);
}

/* --- random events, against what was promised
 * ------------------------------------------------------ */

/*
 * Since when each guest has been able to run and hasn't; 0: it runs, or can't. The
 * model's own idea of it, from what happened to it, not from what sched.c sees.
 */
static uint64_t since[GUESTS];
static unsigned guests;

static bool model_can_run(unsigned i)
{
	const struct fake_vcpu *fake = &vcpus[i][0];

	return capsules[i].state == CAPSULE_RUNNING &&
	       (!fake->vcpu.wait ||
		(!fake->masked && (fake->ipi || fake->external || fake->timer <= fake_arch.time)));
}

/* All of them had their turns: nobody waits longer than a turn of each of the others. */
static void check_promises(void)
{
	for (unsigned i = 0; i < guests; i++) {
		if (!model_can_run(i) || hart->vcpu == vcpu_of(i)) {
			since[i] = 0;
			continue;
		}
		if (!since[i])
			since[i] = fake_arch.time;
		/* Others that wake up have a turn ahead each time, which they pay back. */
		if (fake_arch.time - since[i] > 2 * guests * TURN)
			fail_msg("guest %u can run since %ld, and it is %ld", i, (long)since[i],
				 (long)fake_arch.time);
	}
}

/* Something happens to some guest while another one, or none, runs. */
static void random_event(void)
{
	unsigned about = unit_random_below(guests);
	struct fake_vcpu *fake = &vcpus[about][0];

	switch (unit_random_below(12)) {
	case 0: capsule_ask(&capsules[about], CAPSULE_STOP); break;
	case 1:
	case 2: capsule_ask(&capsules[about], CAPSULE_RESTART); break;
	case 3: arch_vcpu_set_external(&fake->vcpu, false); return;
	default:
		if (capsules[about].state != CAPSULE_RUNNING)
			return;
		arch_vcpu_set_external(&fake->vcpu, true);
		return;
	}
	fake_arch.work[0] = true; /* the hart is woken */
}

static unsigned slept;

static void random_sleep(struct hart *which)
{
	uint64_t when = fake_arch.alarm[0], now = fake_arch.time;
	const struct fake_vcpu *loaded =
		fake_arch.loaded[0] ? fake_vcpu_of(fake_arch.loaded[0]) : NULL;

	slept++;
	fake_arch.call_count = 0;
	assert_ptr_equal(which, hart);
	for (unsigned i = 0; i < guests; i++) {
		/* An alarm that is due ends the sleep at once. */
		if (model_can_run(i) && when > now)
			fail_msg("guest %u could run, and all sleep", i);
		if (capsules[i].state == CAPSULE_RUNNING && !vcpus[i][0].masked &&
		    vcpus[i][0].timer < when && loaded != &vcpus[i][0])
			fail_msg("all sleep beyond the timer of guest %u", i);
		assert_false(capsules[i].state == CAPSULE_LOADING ||
			     capsules[i].state == CAPSULE_STOPPING);
		if (capsules[i].state == CAPSULE_WAITING)
			assert_true(capsules[i].restart_at >= when);
	}
	if (loaded) {
		assert_int_equal(loaded->vcpu.capsule->state, CAPSULE_RUNNING);
		if (!loaded->masked && loaded->timer < when)
			when = loaded->timer;
	}
	if (when == UINT64_MAX || unit_random_below(4) == 0) {
		uint64_t sooner = now + unit_random_below(3 * TURN);

		fake_arch.time = sooner < when ? sooner : when;
		random_event();
	} else if (now < when) {
		fake_arch.time = when;
	}
	serve_timer();
}

/* What the guest that runs does, after a while. */
static void random_guest(void)
{
	struct fake_vcpu *fake = fake_vcpu_of(hart->vcpu);
	uint64_t now = fake_arch.time;

	fake->external = fake->seip = fake->ipi = false; /* it serves its interrupts */
	switch (unit_random_below(20)) {
	case 0: capsule_end(hart->vcpu->capsule, unit_random_below(CAPSULE_STOPPED), "ends"); break;
	case 1: fake->masked = !fake->masked; break;
	case 2:
	case 3: hart->vcpu->resume = true; /* fall through */
	case 4:
	case 5:
	case 6:
	case 7:
		if (fake->masked && unit_random_below(8))
			fake->masked = false;
		hart->vcpu->state = VCPU_SUSPENDED;
		hart->vcpu->wait = true;
		arch_timer_set(hart->vcpu, unit_random_below(4) ? now + unit_random_below(20 * TURN)
								: UINT64_MAX);
		arch_hart_request_work();
		break;
	case 8: arch_timer_set(hart->vcpu, now + unit_random_below(TURN)); break;
	default: break;
	}
}

static void run_randomly(unsigned count, unsigned events)
{
	guests = count;
	prepare(count);
	memset(since, 0, sizeof(since));
	fake_arch.sleep = random_sleep;
	slept = 0;
	for (unsigned i = 0; i < count; i++) {
		capsules[i].restart = i % 3;
		capsules[i].state = CAPSULE_LOADING;
	}
	work();
	for (unsigned n = 0; n < events; n++) {
		uint64_t next = fake_arch.time + unit_random_below(TURN);

		if (fake_arch.alarm[0] < next)
			next = fake_arch.alarm[0];
		/* The guest runs till then. */
		if (fake_arch.time < next)
			fake_arch.time = next;
		check_promises();
		if (unit_random_below(8) == 0)
			random_event();
		/* The interrupt comes before its next instruction. */
		serve_timer();
		if (fake_arch.work[0])
			work();
		random_guest();
		if (fake_arch.work[0])
			work();
		assert_int_equal(hart->vcpu->state, VCPU_STARTED);
		assert_false(hart->vcpu->resume);
		check_promises();
	}
	assert_true(slept > 0 || count > 3);
	for (unsigned i = 0; i < count; i++)
		assert_true(vcpu_of(i)->switches > 10);
}

static void test_random(void **state)
{
	(void)state;
	for (unsigned count = 1; count <= GUESTS; count++)
		run_randomly(count, 30000);
}

/* However slow the clock, a look comes after the beginning of its turn, so that guests get on. */
static void test_slow_clock(void **state)
{
	(void)state;
	sched_init(32768, FAKE_HARTS);
	assert_int_equal(sched_turn() >> SCHED_LOOK_SHIFT, 1);
	sched_init(1, FAKE_HARTS);
	assert_int_equal(sched_turn() >> SCHED_LOOK_SHIFT, 1);
	sched_init(10000000, FAKE_HARTS);
	assert_int_equal(sched_turn(), 50000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slow_clock),
		cmocka_unit_test(test_alone),
		cmocka_unit_test(test_turns),
		cmocka_unit_test(test_weights),
		cmocka_unit_test(test_wake_up_preempts),
		cmocka_unit_test(test_no_gain_by_sleep),
		cmocka_unit_test(test_turn_is_kept),
		cmocka_unit_test(test_tick),
		cmocka_unit_test(test_sleeper),
		cmocka_unit_test(test_all_sleep),
		cmocka_unit_test(test_came_late),
		cmocka_unit_test(test_masked),
		cmocka_unit_test(test_resume),
		cmocka_unit_test(test_ended),
		cmocka_unit_test(test_restarted),
		cmocka_unit_test(test_start_in_flight),
		cmocka_unit_test(test_back_off_beside),
		cmocka_unit_test(test_loading_beside),
		cmocka_unit_test(test_loading_under_ceiling),
		cmocka_unit_test(test_loading_alone),
		cmocka_unit_test(test_loading_elsewhere),
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_run),
		cmocka_unit_test(test_no_guests),
		cmocka_unit_test(test_console_clock),
		cmocka_unit_test(test_console_wakes),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
