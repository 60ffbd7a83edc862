/* SPDX-License-Identifier: MIT */
/*
 * core/watch.c and core/sched_lost.c: harts of which some don't answer, and what had to do with
 * them. A hart that is lost does nothing here; all others take what they are told and decide.
 */
#include "unit.h"

#include "core/sched_internal.h"
#include "core/watch.h"
#include "fake/arch.h"
#include "fake/boot.h"
#include "fake/console.h"

enum { HZ = 10000000, CAPSULES = 4, LOADED = 3 };

static struct capsule capsules[CAPSULES];
static struct fake_vcpu vcpus[CAPSULES][CAPSULE_VCPUS_MAX];
static uint8_t memory[PAGE_SIZE];
static unsigned lost; /* bit n: hart n doesn't answer */

/* As core/capsule_load.c has it. Whose turn that is mustn't be one of the quick ones. */
bool capsule_load_step(struct capsule *it)
{
	assert_false(it->vcpus[0]->plain);
	if (++it->loaded < LOADED)
		return false;
	it->loaded = 0;
	it->vcpus[0]->state = VCPU_STARTED;
	it->state = CAPSULE_RUNNING;
	return true;
}

/* The capsule runs, its vCPUs on these harts; the last one that was made there is loaded. */
static void make(unsigned first, unsigned second)
{
	struct capsule *capsule = &capsules[fake_boot.capsule_count];

	arch_this_hart = &fake_arch.harts[first];
	fake_arch_capsule(capsule, vcpus[fake_boot.capsule_count], (gpa_t){0x80000000}, memory,
			  sizeof(memory));
	capsule->timebase = HZ;
	capsule->number = fake_boot.capsule_count + 1;
	capsule->vcpu_count = 2;
	capsule->present = capsule->started = 2;
	for (unsigned i = 0; i < 2; i++) {
		struct hart *hart = &fake_arch.harts[i ? second : first];
		struct vcpu *vcpu = capsule->vcpus[i];

		vcpu->state = VCPU_STARTED;
		vcpu->place = VCPU_RUNNING;
		vcpu->hart = hart;
		hart->vcpu = fake_arch.loaded[hart->index] = vcpu;
	}
	fake_boot.capsules[fake_boot.capsule_count++] = capsule;
	arch_this_hart = fake_arch.harts;
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
	for (unsigned i = 0; i < FAKE_HARTS; i++) {
		fake_arch.harts[i].sched.turn = sched_turn();
		fake_arch.harts[i].unfit = NULL;
	}
	fake_arch.time = 5 * (uint64_t)HZ;
	make(1, 2);
	watch_start(&fake_arch.harts[0]);
	lost = 0;
	return 0;
}

/* What a hart does that has been told something, or whose time has come. */
static void live(struct hart *hart)
{
	enum sched_verdict verdict;

	arch_this_hart = hart;
	fake_arch.woken[hart->index] = false;
	sched_interrupt(hart);
	do {
		fake_arch.work[hart->index] = false;
		verdict = sched_decide(hart);
		sched_set_idle(hart, verdict == SCHED_SLEEP);
		if (verdict == SCHED_RUN)
			hart->vcpu->wait = false; /* as sched_work() has it */
	} while (verdict == SCHED_AGAIN || hart->sched.calls || hart->sched.inbox);
	arch_this_hart = fake_arch.harts;
}

/* So much time passes on all harts that aren't lost. */
static void pass(uint64_t ticks)
{
	uint64_t end = fake_arch.time + ticks;

	for (; fake_arch.time < end; fake_arch.time += HZ / 10)
		for (unsigned i = 0; i < FAKE_HARTS; i++)
			if (!(lost >> i & 1))
				live(&fake_arch.harts[i]);
}

/* So long it takes at most until what waits for a lost hart is settled. */
static uint64_t long_enough(void)
{
	return 2 * sched_patience();
}

/* The vCPU has turns on a hart that isn't lost. */
static void assert_runs(const struct vcpu *vcpu)
{
	uint32_t switches = vcpu->switches;

	for (unsigned i = 0; i < 20 && !(vcpu->place == VCPU_RUNNING && vcpu->hart->vcpu == vcpu);
	     i++)
		pass(HZ / 10);
	assert_false(lost >> vcpu->hart->index & 1);
	assert_true(vcpu->switches != switches || vcpu->hart->vcpu == vcpu);
}

/* Nobody is lost: it ends, and the watch says nothing. */
static void test_nobody(void **state)
{
	(void)state;
	capsule_ask(&capsules[0], CAPSULE_STOP);
	pass(20 * (uint64_t)HZ);
	assert_int_equal(capsules[0].state, CAPSULE_ENDED);
	assert_int_equal(fake_boot.ended, 1);
	assert_false(fake_log_contains("answer"));
	assert_ptr_equal(watch_console_hart(), &fake_arch.harts[0]);
}

/* A machine of one hart needs no watch. */
static void test_alone(void **state)
{
	(void)state;
	sched_init(HZ, 1);
	watch_start(&fake_arch.harts[0]);
	assert_true(watch_tend(fake_arch.time) == UINT64_MAX);
	assert_false(fake_arch.harts[1].sched.calls & SCHED_CALL_ANSWER);
}

/* Whichever hart it is: the capsule is given up once, by name, within some looks. */
static void test_lost(void **state)
{
	(void)state;
	for (unsigned hart = 1; hart <= 2; hart++) {
		set_up(NULL);
		lost = 1u << hart;
		capsule_ask(&capsules[0], CAPSULE_STOP);
		pass(long_enough());
		assert_int_equal(capsules[0].state, CAPSULE_LOST);
		assert_int_equal(fake_boot.ended, 1);
		assert_int_equal(fake_console()->ends_for_good, 1);
		assert_true(fake_log_contains(hart == 1 ? "is lost with CPU 1, which has not"
							: "is lost with CPU 2, which has not"));
		pass(4 * long_enough());
		assert_int_equal(fake_boot.ended, 1);
	}
}

/* A call that gets lost on its way is made again. */
static void test_lost_call(void **state)
{
	(void)state;
	lost = 1u << 2;
	capsule_ask(&capsules[0], CAPSULE_STOP);
	pass(sched_patience() / 2 + sched_patience() / 4);
	lost = 0;
	fake_arch.harts[2].sched.calls &= ~(xlen_t)SCHED_CALL_ANSWER; /* which it took, late */
	pass(long_enough());
	assert_int_equal(capsules[0].state, CAPSULE_ENDED);
	assert_false(fake_log_contains("answer"));
}

/* Of a hart that comes back after all nothing follows but that it can be used: the capsule was
 * counted once. */
static void test_back(void **state)
{
	(void)state;
	lost = 1u << 2;
	capsule_ask(&capsules[0], CAPSULE_RESTART);
	pass(long_enough());
	assert_int_equal(capsules[0].state, CAPSULE_LOST);
	assert_non_null(fake_arch.harts[2].unfit);
	lost = 0;
	pass(long_enough());
	assert_true(fake_log_contains("CPU 2 answers again"));
	assert_null(fake_arch.harts[2].unfit);
	assert_null(fake_arch.harts[2].vcpu);
	capsule_ask(&capsules[0], CAPSULE_RESTART);
	pass(long_enough());
	capsule_ask(&capsules[0], CAPSULE_STOP);
	pass(long_enough());
	assert_int_equal(capsules[0].state, CAPSULE_LOST);
	assert_int_equal(fake_boot.ended, 1);
	assert_int_equal(fake_boot.revived, 0);
}

/* A vCPU that waits for its turn for long isn't lost, as long as its hart answers. */
static void test_slow(void **state)
{
	struct vcpu *waits = capsules[0].vcpus[1];

	(void)state;
	fake_arch.harts[2].vcpu = fake_arch.loaded[2] = NULL;
	waits->place = VCPU_THROTTLED;
	arch_this_hart = &fake_arch.harts[2];
	sched_close(waits);
	sched_add_timer(&arch_this_hart->sched, &waits->timer,
			fake_arch.time + 10 * sched_patience());
	arch_this_hart = fake_arch.harts;
	pass(9 * sched_patience());
	capsule_end(&capsules[0], CAPSULE_FAILED, "fails");
	pass(sched_patience() / 2);
	assert_int_equal(capsules[0].state, CAPSULE_STOPPING);
	pass(sched_patience());
	assert_int_equal(capsules[0].state, CAPSULE_ENDED);
	assert_false(fake_log_contains("answer"));
}

/* One that has nothing there isn't touched, nor one that isn't waited for though its hart is lost.
 */
static void test_others(void **state)
{
	(void)state;
	make(3, 3);
	fake_arch.harts[3].vcpu = fake_arch.loaded[3] = capsules[1].vcpus[0];
	capsules[1].vcpus[1]->place = VCPU_AWAY;
	capsules[1].present = capsules[1].started = 1;
	lost = 1u << 3;
	capsule_ask(&capsules[0], CAPSULE_STOP);
	pass(long_enough());
	assert_int_equal(capsules[0].state, CAPSULE_ENDED);
	assert_int_equal(capsules[1].state, CAPSULE_RUNNING);
	capsule_ask(&capsules[1], CAPSULE_STOP);
	pass(long_enough());
	assert_int_equal(capsules[1].state, CAPSULE_LOST);
	assert_int_equal(fake_boot.ended, 2);
}

/* The terminal's hart is lost: another has it, and says so. Then that one is lost as well. */
static void test_terminal(void **state)
{
	(void)state;
	make(3, 3); /* its first vCPU has never been loaded, and waits nowhere: it is AWAY */
	capsules[1].vcpus[0]->place = VCPU_AWAY;
	make(0, 0);
	capsules[2].vcpus[0]->place = VCPU_AWAY;
	pass(sched_patience());
	lost = 1;
	pass(long_enough());
	assert_ptr_equal(watch_console_hart(), &fake_arch.harts[1]);
	assert_true(fake_log_contains("CPU 0 has not answered for 4 seconds"));
	assert_true(fake_log_contains("serves the terminal from now on"));
	assert_true(fake_console()->polled);
	assert_int_equal(capsules[2].state, CAPSULE_LOST);
	assert_int_equal(capsules[0].state, CAPSULE_RUNNING);
	assert_int_equal(capsules[1].state, CAPSULE_RUNNING);
	fake_console()->ticks = 0;
	fake_console()->deadline = fake_arch.time;
	sched_wake_console_hart();
	pass(HZ / 5);
	assert_true(fake_console()->ticks > 0);

	lost |= 1u << 1;
	pass(long_enough());
	assert_ptr_equal(watch_console_hart(), &fake_arch.harts[2]);
	assert_true(fake_log_contains("CPU 1 has not answered for 4 seconds"));
	assert_int_equal(capsules[0].state, CAPSULE_LOST);
	assert_int_equal(capsules[1].state, CAPSULE_RUNNING);
	assert_int_equal(fake_boot.ended, 2);

	/* Both come back, and are none of the keepers any more, until one is needed. */
	lost = 0;
	pass(long_enough());
	assert_ptr_equal(watch_console_hart(), &fake_arch.harts[2]);
	assert_int_equal(fake_boot.ended, 2);
	assert_true(fake_log_contains("CPU 0 answers again"));
	lost = 1u << 2;
	pass(long_enough());
	assert_true(watch_console_hart() != &fake_arch.harts[2]);
}

/* The second keeper is lost, though nothing waits for it: there is another one. */
static void test_deputy(void **state)
{
	(void)state;
	fake_arch.harts[1].vcpu = fake_arch.loaded[1] = NULL;
	capsules[0].vcpus[0]->place = VCPU_AWAY;
	capsules[0].present = 1;
	pass(sched_patience());
	lost = 1u << 1;
	pass(long_enough());
	assert_true(fake_log_contains("CPU 1 has not answered for 4 seconds"));
	assert_int_equal(capsules[0].state, CAPSULE_RUNNING);
	assert_runs(capsules[0].vcpus[1]);
	lost |= 1;
	pass(long_enough());
	assert_ptr_equal(watch_console_hart(), &fake_arch.harts[2]);
}

/* Rather one that no capsule has to itself. */
static void test_dedicated(void **state)
{
	(void)state;
	fake_arch.harts[1].placed.names = fake_arch.harts[2].placed.names = 1;
	watch_start(&fake_arch.harts[0]);
	lost = 1;
	pass(long_enough());
	assert_ptr_equal(watch_console_hart(), &fake_arch.harts[3]);
	set_up(NULL);
	for (unsigned i = 0; i < FAKE_HARTS; i++)
		fake_arch.harts[i].placed.names = 1;
	watch_start(&fake_arch.harts[0]);
	lost = 1;
	pass(long_enough());
	assert_ptr_equal(watch_console_hart(), &fake_arch.harts[1]);
}

/* Hart 2 has a vCPU in its registers, and others that wait: these go elsewhere, and run. */
static void test_adopt(void **state)
{
	struct hart *hart = &fake_arch.harts[2];

	(void)state;
	for (unsigned i = 1; i < 4; i++) {
		struct capsule *capsule = &capsules[i];

		make(2, 2);
		for (unsigned j = 0; j < 2; j++)
			capsule->vcpus[j]->place = VCPU_AWAY;
		capsule->present = capsule->started = 1;
	}
	hart->vcpu = fake_arch.loaded[2] = capsules[0].vcpus[1];
	arch_this_hart = hart;
	/* Two wait for a turn, one sleeps, one is stopped; what is wanted of it hasn't been seen.
	 */
	for (unsigned i = 1; i < 3; i++) {
		capsules[i].vcpus[0]->place = VCPU_QUEUED;
		sched_queue(&hart->sched, capsules[i].vcpus[0]);
		sched_close(capsules[i].vcpus[0]);
	}
	capsules[3].vcpus[0]->place = VCPU_ASLEEP;
	capsules[3].vcpus[0]->wait = true;
	sched_add_timer(&hart->sched, &capsules[3].vcpus[0]->timer, fake_arch.time + HZ);
	arch_this_hart = fake_arch.harts;
	capsules[1].vcpus[1]->state = VCPU_START_PENDING;
	sched_post(capsules[1].vcpus[1], VCPU_WANT_START);
	assert_ptr_equal(hart->sched.inbox, capsules[1].vcpus[1]);

	lost = 1u << 2;
	pass(long_enough());
	assert_int_equal(capsules[0].state, CAPSULE_LOST);
	for (unsigned i = 1; i < 4; i++) {
		assert_int_equal(capsules[i].state, CAPSULE_RUNNING);
		assert_runs(capsules[i].vcpus[0]);
	}
	assert_runs(capsules[1].vcpus[1]);
	assert_int_equal(capsules[1].vcpus[1]->state, VCPU_STARTED);
	assert_ptr_not_equal(capsules[2].vcpus[1]->hart, hart);
	assert_int_equal(hart->sched.runnable.count + hart->sched.timers.count, 0);

	/* It comes back: it has nothing, and is given something. */
	lost = 0;
	pass(long_enough());
	assert_null(hart->unfit);
	for (unsigned i = 1; i < 4; i++)
		assert_runs(capsules[i].vcpus[0]);
	for (unsigned i = 1; i < 4; i++)
		capsule_ask(&capsules[i], CAPSULE_STOP);
	pass(long_enough());
	for (unsigned i = 1; i < 4; i++)
		assert_int_equal(capsules[i].state, CAPSULE_ENDED);
	assert_int_equal(fake_boot.ended, 4);
}

/* A capsule that may go nowhere else is lost, although it only waits. */
static void test_nowhere(void **state)
{
	struct hart *hart = &fake_arch.harts[2];

	(void)state;
	make(2, 2);
	capsules[1].harts = (struct hart_set){{1u << 2}};
	capsules[1].vcpus[1]->place = VCPU_AWAY;
	capsules[1].present = 1;
	hart->vcpu = fake_arch.loaded[2] = capsules[0].vcpus[1];
	arch_this_hart = hart;
	sched_queue(&hart->sched, capsules[1].vcpus[0]);
	sched_close(capsules[1].vcpus[0]);
	arch_this_hart = fake_arch.harts;
	lost = 1u << 2;
	pass(2 * long_enough());
	assert_int_equal(capsules[1].state, CAPSULE_LOST);
	assert_int_equal(fake_boot.ended, 2);
}

/* One that is being loaded there is loaded elsewhere, unless the hart was just doing it; and so is
 * one that was to start again after a while. */
static void test_loading(void **state)
{
	struct hart *hart = &fake_arch.harts[2];

	(void)state;
	for (unsigned how = 0; how < 3; how++) {
		struct vcpu *first;

		set_up(NULL);
		make(2, 2);
		first = capsules[1].vcpus[0];
		capsules[1].vcpus[1]->place = VCPU_AWAY;
		capsules[1].present = 1;
		capsules[1].state = how == 2 ? CAPSULE_WAITING : CAPSULE_LOADING;
		hart->vcpu = fake_arch.loaded[2] = capsules[0].vcpus[1];
		arch_this_hart = hart;
		first->place = VCPU_QUEUED; /* taken out of the queue, but for: */
		if (how == 0) {
			sched_queue(&hart->sched, first);
			sched_close(first);
		} else if (how == 2) {
			first->place = VCPU_AWAY;
			first->plain = true; /* as it was left in the life before */
			sched_wait_until(first, fake_arch.time + 100 * (uint64_t)HZ);
		}
		arch_this_hart = fake_arch.harts;
		lost = 1u << 2;
		if (how)
			capsule_ask(&capsules[0], CAPSULE_STOP);
		pass(2 * long_enough());
		assert_int_equal(capsules[1].state, how == 1 ? CAPSULE_LOST : CAPSULE_RUNNING);
		assert_int_equal(fake_boot.ended, how == 1 ? 2 : 1);
	}
}

/* What a hart has in hand that comes back is let go of, in whatever queue it was. */
static void test_back_with(void **state)
{
	static const enum vcpu_place places[] = {VCPU_RUNNING, VCPU_QUEUED, VCPU_ASLEEP,
						 VCPU_THROTTLED};
	struct hart *hart = &fake_arch.harts[2];

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct vcpu *vcpu;

		set_up(NULL);
		vcpu = capsules[0].vcpus[1];
		arch_this_hart = hart;
		if (places[i] == VCPU_QUEUED)
			sched_queue(&hart->sched, vcpu);
		else if (places[i] == VCPU_THROTTLED)
			sched_add_timer(&hart->sched, &vcpu->timer, fake_arch.time + HZ);
		vcpu->place = places[i];
		arch_this_hart = fake_arch.harts;
		lost = 1u << 2;
		capsule_ask(&capsules[0], CAPSULE_STOP);
		pass(long_enough());
		assert_int_equal(capsules[0].state, CAPSULE_LOST);
		lost = 0;
		pass(long_enough());
		assert_null(hart->vcpu);
		assert_int_equal(vcpu->place, VCPU_AWAY);
		assert_int_equal(hart->sched.runnable.count, 0);
		assert_int_equal(capsules[0].present, 0);
		assert_int_equal(fake_boot.ended, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_back_with, set_up),
		cmocka_unit_test_setup(test_nobody, set_up),
		cmocka_unit_test_setup(test_alone, set_up),
		cmocka_unit_test_setup(test_lost, set_up),
		cmocka_unit_test_setup(test_lost_call, set_up),
		cmocka_unit_test_setup(test_back, set_up),
		cmocka_unit_test_setup(test_slow, set_up),
		cmocka_unit_test_setup(test_others, set_up),
		cmocka_unit_test_setup(test_terminal, set_up),
		cmocka_unit_test_setup(test_deputy, set_up),
		cmocka_unit_test_setup(test_dedicated, set_up),
		cmocka_unit_test_setup(test_adopt, set_up),
		cmocka_unit_test_setup(test_nowhere, set_up),
		cmocka_unit_test_setup(test_loading, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
