/* SPDX-License-Identifier: MIT */
/*
 * src/core/capsule.c: how a capsule ends, whether it starts again and when, on a
 * simulated clock.
 */
#include "unit.h"

#include "core/boot.h"
#include "core/figures.h"
#include "core/sched.h"
#include "fake/arch.h"
#include "fake/boot.h"
#include "fake/console.h"
#include "life_fixture.h"

enum { HZ = 10000000 };

static struct capsule capsule;
static struct fake_vcpu vcpus[CAPSULE_VCPUS_MAX];
static uint8_t memory[PAGE_SIZE];

/* In place of core/capsule_load.c: there is always more to do. */
bool capsule_load_step(struct capsule *it)
{
	assert_int_equal(it->state, CAPSULE_LOADING);
	return false;
}

/* A capsule that runs, since now. */
static void fresh(enum manifest_restart restart)
{
	fake_arch_reset();
	fake_boot_reset();
	fake_console_reset();
	fake_log_clear();
	fake_arch_capsule(&capsule, vcpus, (gpa_t){0x80000000}, memory, sizeof(memory));
	sched_init(HZ, FAKE_HARTS);
	capsule.timebase = HZ;
	capsule.restart = restart;
	fake_arch.time = capsule.started_at = 5 * (uint64_t)HZ;
}

/* It ends now; true when it starts again, after `seconds`. */
static bool end(enum capsule_end how, unsigned *seconds)
{
	uint64_t now = fake_arch.time;

	capsule_end(&capsule, how, "its words");
	assert_int_equal(capsule.state, CAPSULE_STOPPING);
	assert_int_equal(capsule.end, how);
	capsule.loaded = 7; /* whatever it was: the next load begins at the start */
	life_leave(&capsule);
	if (capsule.state == CAPSULE_ENDED)
		return false;
	assert_int_equal(capsule.state,
			 capsule.restart_at == now ? CAPSULE_LOADING : CAPSULE_WAITING);
	assert_true(capsule.loaded == 0);
	assert_true(capsule.restart_at >= now);
	assert_true((capsule.restart_at - now) % HZ == 0);
	*seconds = (unsigned)((capsule.restart_at - now) / HZ);
	return true;
}

/* What loading does once restart_at has come. */
static void start(void)
{
	fake_arch.time = capsule.started_at = capsule.restart_at;
	life_start(&capsule);
}

/* --- one end ------------------------------------------------------------------------ */

/* The hart is asked to look, the user is told, and the terminal knows before. */
static void test_end(void **state)
{
	static const struct {
		enum capsule_end end;
		const char *line;
	} ends[] = {
		{CAPSULE_SHUTDOWN, "[+] Capsule 1: fake: its words"},
		{CAPSULE_REBOOT, "[+] Capsule 1: fake: its words"},
		{CAPSULE_FAILED, "[!] Capsule 1: fake: its words"},
		{CAPSULE_STOPPED, "[+] Capsule 1: fake: its words"},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LENGTH(ends); i++) {
		fresh(RESTART_NEVER);
		capsule_end(&capsule, ends[i].end, "its words");
		assert_int_equal(capsule.state, CAPSULE_STOPPING);
		assert_int_equal(capsule.end, ends[i].end);
		assert_int_equal(fake_log_count(), 1);
		assert_true(fake_log_contains(ends[i].line));
		assert_true(fake_arch.work[0]);
		assert_int_equal(fake_console()->ends, 1);
		assert_int_equal(fake_console()->ends_for_good, 0);
		assert_int_equal(fake_boot.ended, 0);
	}
}

/* Every end under every policy. */
static void test_policies(void **state)
{
	enum { NEVER_AGAIN = -1 };
	static const int waits[5][3] = {
		/* RESTART_NEVER, RESTART_ON_CRASH, RESTART_ALWAYS: seconds */
		[CAPSULE_SHUTDOWN] = {NEVER_AGAIN, NEVER_AGAIN, 1},
		[CAPSULE_REBOOT] = {0, 0, 0},
		[CAPSULE_FAILED] = {NEVER_AGAIN, 1, 1},
		[CAPSULE_AGAIN] = {0, 0, 0},
		[CAPSULE_STOPPED] = {NEVER_AGAIN, NEVER_AGAIN, NEVER_AGAIN},
	};

	(void)state;
	for (unsigned how = 0; how < ARRAY_LENGTH(waits); how++) {
		for (unsigned policy = RESTART_NEVER; policy <= RESTART_ALWAYS; policy++) {
			int expected = waits[how][policy];
			unsigned seconds = 0;

			fresh(policy);
			if (end(how, &seconds) != (expected >= 0))
				fail_msg("end %u, restart %u: it %s again", how, policy,
					 expected >= 0 ? "doesn't start" : "starts");
			assert_int_equal(seconds, expected > 0 ? expected : 0);
			assert_int_equal(fake_boot.ended, expected < 0);
			assert_int_equal(fake_console()->ends_for_good, expected < 0);
			assert_int_equal(capsule.end, how);
			assert_int_equal(fake_log_contains("starts again in 1 second"),
					 expected > 0);
		}
	}
}

/* --- too often ------------------------------------------------------------------------ */

/* Later each time, and the sixth time not at all. */
static void test_back_off(void **state)
{
	static const unsigned expected[] = {1, 2, 4, 8, 16};
	unsigned seconds;

	(void)state;
	for (unsigned how = CAPSULE_SHUTDOWN; how <= CAPSULE_FAILED; how += CAPSULE_FAILED) {
		fresh(RESTART_ALWAYS);
		for (unsigned i = 0; i < ARRAY_LENGTH(expected); i++) {
			char line[64];

			fake_arch.time += unit_random_below(HZ);
			assert_true(end(how, &seconds));
			assert_int_equal(seconds, expected[i]);
			snprintf(line, sizeof(line), "starts again in %u second%s", seconds,
				 seconds == 1 ? "" : "s");
			assert_true(fake_log_contains(line));
			assert_int_equal(fake_boot.ended, 0);
			start();
		}
		assert_false(end(how, &seconds));
		assert_true(fake_log_contains("[!] Capsule 1: fake: restarted 5 times in vain"));
		assert_int_equal(fake_boot.ended, 1);
		assert_ptr_equal(fake_boot.last, &capsule);
		assert_int_equal(fake_console()->ends_for_good, 1);
	}
}

/* Having run for more than a minute it is as good as new, with not a tick less. */
static void test_stable(void **state)
{
	unsigned seconds;

	(void)state;
	for (unsigned ticks = 0; ticks < 2; ticks++) {
		fresh(RESTART_ON_CRASH);
		for (unsigned failures = 0; failures < 3; failures++) {
			assert_true(end(CAPSULE_FAILED, &seconds));
			start();
		}
		fake_arch.time += (uint64_t)CAPSULE_STABLE_SECONDS * HZ + ticks;
		assert_true(end(CAPSULE_FAILED, &seconds));
		assert_int_equal(seconds, ticks ? 1 : 8);
	}
}

/* Five reboots within ten seconds, and the sixth is one too many. */
static void test_reboots(void **state)
{
	unsigned seconds;

	(void)state;
	for (unsigned late = 0; late < 2; late++) {
		uint64_t first;

		fresh(RESTART_ALWAYS);
		first = fake_arch.time;
		for (unsigned i = 0; i < 5; i++) {
			assert_true(end(CAPSULE_REBOOT, &seconds));
			assert_int_equal(seconds, 0);
			assert_int_equal(capsule.failures, 0);
			start();
			fake_arch.time += HZ;
		}
		fake_arch.time = first + 10 * (uint64_t)HZ - !late;
		assert_int_equal(end(CAPSULE_REBOOT, &seconds), late);
		if (late)
			continue;
		assert_true(fake_log_contains("[!] Capsule 1: fake: rebooted 5 times within 10 "
					      "seconds: it stays stopped"));
		/* The machine's exit status says so. */
		assert_int_equal(capsule.end, CAPSULE_FAILED);
		assert_int_equal(fake_boot.ended, 1);
	}
}

/*
 * At any times: refused exactly when five others were within the ten seconds before, not
 * counting those before the user started it anew.
 */
static void test_reboots_randomly(void **state)
{
	enum { COUNT = 3000 };
	static uint64_t times[COUNT];
	unsigned refused = 0, seconds, since = 0;

	(void)state;
	fresh(RESTART_NEVER);
	for (unsigned i = 0; i < COUNT; i++) {
		unsigned before = 0;

		fake_arch.time += unit_random_below(4 * (uint64_t)HZ);
		times[i] = fake_arch.time;
		for (unsigned j = since; j < i; j++)
			before += times[i] - times[j] < 10 * (uint64_t)HZ;
		assert_int_equal(end(CAPSULE_REBOOT, &seconds), before < 5);
		if (before >= 5) {
			refused++;
			since = i + 1;
			capsule_ask(&capsule, CAPSULE_RESTART);
			sched_interrupt(fake_arch.harts);
			fake_arch_forget();
		}
		start();
	}
	assert_in_range(refused, 100, COUNT - 100);
	assert_int_equal(fake_boot.ended, refused);
	assert_int_equal(fake_boot.revived, refused);
}

/* --- the user's wishes --------------------------------------------------------------------- */

static void test_ask(void **state)
{
	(void)state;
	fresh(RESTART_NEVER);
	arch_this_hart = &fake_arch.harts[2];
	capsule_ask(&capsule, CAPSULE_STOP);
	assert_int_equal(capsule.request, CAPSULE_STOP);
	assert_int_equal(capsule.state, CAPSULE_RUNNING); /* its own hart does it */
	assert_int_equal(fake_arch_count(FAKE_WAKE), 1);
	assert_int_equal(fake_arch_last(FAKE_WAKE)->a, 0);
}

/* All that there are, and how it gets there. */
static const enum capsule_state states[] = {CAPSULE_LOADING, CAPSULE_RUNNING, CAPSULE_STOPPING,
					    CAPSULE_WAITING, CAPSULE_ENDED};

static void bring_to(enum capsule_state state, enum manifest_restart restart)
{
	unsigned seconds;

	fresh(restart);
	switch (state) {
	case CAPSULE_LOADING: assert_true(end(CAPSULE_REBOOT, &seconds)); break;
	case CAPSULE_RUNNING: break;
	case CAPSULE_STOPPING: capsule_end(&capsule, CAPSULE_FAILED, "its words"); break;
	case CAPSULE_WAITING:
		capsule.restart = RESTART_ALWAYS;
		assert_true(end(CAPSULE_FAILED, &seconds));
		capsule.restart = restart;
		break;
	default: assert_false(end(CAPSULE_STOPPED, &seconds));
	}
	assert_int_equal(capsule.state, state);
	sched_interrupt(fake_arch.harts);
	fake_log_clear();
}

/* Its hart obeys, and what has to leave leaves. */
static void ask(enum capsule_request request)
{
	capsule_ask(&capsule, request);
	sched_interrupt(fake_arch.harts);
	/* While it waits for a turn to load, it obeys when that has come. */
	if (capsule.request != CAPSULE_NO_REQUEST) {
		assert_int_equal(capsule.state, CAPSULE_LOADING);
		assert_int_equal(sched_decide(fake_arch.harts), SCHED_AGAIN);
		sched_interrupt(fake_arch.harts);
	}
	assert_int_equal(capsule.request, CAPSULE_NO_REQUEST);
	if (capsule.state == CAPSULE_STOPPING)
		life_leave(&capsule);
}

/* Stopped from any state, whatever the policy is; what has ended isn't ended twice. */
static void test_stop(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_LENGTH(states); i++) {
		bool had_ended = states[i] == CAPSULE_ENDED;

		bring_to(states[i], RESTART_ALWAYS);
		ask(CAPSULE_STOP);
		assert_int_equal(capsule.state, CAPSULE_ENDED);
		assert_int_equal(capsule.end, CAPSULE_STOPPED);
		assert_int_equal(capsule.present, 0);
		assert_int_equal(capsule.vcpus[0]->place, VCPU_AWAY);
		assert_int_equal(fake_log_contains("[+] Capsule 1: fake: stopped by the user"),
				 !had_ended && states[i] != CAPSULE_STOPPING);
		assert_int_equal(fake_boot.ended, 1);
		assert_int_equal(fake_boot.revived, 0);
	}
	fake_log_clear();
	capsule.end = CAPSULE_SHUTDOWN;
	ask(CAPSULE_STOP);
	assert_int_equal(capsule.end, CAPSULE_SHUTDOWN);
	assert_int_equal(fake_log_count(), 0);
	assert_int_equal(fake_boot.ended, 1);
}

/* From any state, at once, with a clean slate; only what had ended has to be counted again. */
static void test_restart(void **state)
{
	unsigned seconds;

	(void)state;
	for (unsigned i = 0; i < ARRAY_LENGTH(states); i++) {
		bool revived = states[i] == CAPSULE_ENDED;

		bring_to(states[i], RESTART_NEVER);
		capsule.failures = 4;
		if (states[i] == CAPSULE_LOADING)
			capsule.loaded = 12345;
		ask(CAPSULE_RESTART);
		assert_int_equal(capsule.state, CAPSULE_LOADING);
		assert_true(capsule.restart_at <= fake_arch.time);
		assert_true(capsule.loaded == 0);
		assert_int_equal(capsule.failures, 0);
		assert_int_equal(capsule.present, 1);
		assert_int_equal(capsule.vcpus[0]->place, VCPU_QUEUED);
		assert_int_equal(fake_boot.revived, revived);
		assert_int_equal(fake_boot.ended, revived);
		assert_true(fake_log_contains("[+] Capsule 1: fake: restarted by the user"));
		/* After all that it is as good as new. */
		start();
		capsule.restart = RESTART_ON_CRASH;
		assert_true(end(CAPSULE_FAILED, &seconds));
		assert_int_equal(seconds, 1);
	}
}

/* A look without a request changes nothing. */
static void test_no_request(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_LENGTH(states); i++) {
		bring_to(states[i], RESTART_ALWAYS);
		sched_post(capsule.vcpus[0], VCPU_WANT_LOOK);
		sched_interrupt(fake_arch.harts);
		if (states[i] != CAPSULE_STOPPING)
			assert_int_equal(capsule.state, states[i]);
		assert_int_equal(fake_log_count(), 0);
	}
}

/* --- figures --------------------------------------------------------------------------------- */

/* All of them, piece by piece; one has one vCPU's. */
static void show_figures(void)
{
	unsigned count = 1;

	fake_boot.told = &capsule;
	figures_ask(&capsule);
	assert_true(fake_console()->tells);
	while (figures_tell())
		count++;
	assert_true(count <= capsule.vcpu_count);
	assert_false(figures_tell());
}

static void test_figures(void **state)
{
	static const char *const names[] = {
		[CAPSULE_EMPTY] = "empty",	  [CAPSULE_LOADING] = "loading",
		[CAPSULE_RUNNING] = "running",	  [CAPSULE_STOPPING] = "stopping",
		[CAPSULE_WAITING] = "waiting to", [CAPSULE_ENDED] = "ended",
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LENGTH(names); i++) {
		char line[128];

		fresh(RESTART_NEVER);
		capsule.state = i;
		capsule.starts = 3;
		capsule.ram_size = MIB(64);
		vcpus[0].vcpu.run_time = 12 * (uint64_t)HZ + HZ / 4;
		vcpus[0].vcpu.wait_time = 3 * (uint64_t)HZ;
		vcpus[0].vcpu.switches = 77;
		vcpus[0].vcpu.migrations = 5;
		vcpus[0].vcpu.place = VCPU_AWAY;
		show_figures();
		snprintf(line, sizeof(line), "[+] Capsule 1: fake: %s", names[i]);
		assert_true(fake_log_contains(line));
		assert_true(fake_log_contains(", 64 MiB, starts: 3"));
		assert_true(
			fake_log_contains("[+] Capsule 1:   vCPU 0 on CPU 0: ran 12250 ms, waited "
					  "3000 ms, loads: 77, moves: 5"));
		assert_int_equal(fake_log_count(), 2); /* of those that never ran, nothing */
		/* With what isn't in the accounts yet, of one that runs or that waits. */
		fake_arch.time += 2 * HZ;
		fake_arch.harts[0].sched.since = fake_arch.time - HZ / 2;
		vcpus[0].vcpu.since = fake_arch.time - HZ;
		vcpus[0].vcpu.place = VCPU_RUNNING;
		fake_log_clear();
		show_figures();
		assert_true(fake_log_contains("ran 12750 ms, waited 3000 ms"));
		vcpus[0].vcpu.place = VCPU_QUEUED;
		show_figures();
		assert_true(fake_log_contains("ran 12250 ms, waited 4000 ms"));
		vcpus[0].vcpu.place = VCPU_AWAY;
		fake_log_clear();
		vcpus[0].exits[0] = 7;
		vcpus[0].exits[2] = 123456;
		show_figures();
		assert_true(fake_log_contains("[+] Capsule 1:     exits: 7 a, 123456 b"));
		assert_int_equal(fake_log_count(), 3);
		/* A clock of less than a kHz. */
		capsule.timebase = 999;
		show_figures();
	}
}

/* However many there are and however large: whole, on lines of a bounded length. */
static void test_exits(void **state)
{
	xlen_t sum = 0;

	(void)state;
	fresh(RESTART_NEVER);
	vcpus[0].vcpu.switches = 1;
	for (unsigned i = 0; i < FAKE_EXITS; i++)
		vcpus[0].exits[i] = (xlen_t)-1 - i;
	show_figures();
	for (unsigned i = 0; i < FAKE_EXITS; i++) {
		char one[64];

		snprintf(one, sizeof(one), "%lu %s", (unsigned long)vcpus[0].exits[i],
			 i % 3 == 0   ? "a"
			 : i % 3 == 1 ? "never"
				      : "b");
		assert_true(fake_log_contains(one));
		sum++;
	}
	assert_int_equal(sum, FAKE_EXITS);
	assert_in_range(fake_log_count(), 2 + FAKE_EXITS / 8, 2 + FAKE_EXITS / 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_end),	 cmocka_unit_test(test_policies),
		cmocka_unit_test(test_back_off), cmocka_unit_test(test_stable),
		cmocka_unit_test(test_reboots),	 cmocka_unit_test(test_reboots_randomly),
		cmocka_unit_test(test_ask),	 cmocka_unit_test(test_stop),
		cmocka_unit_test(test_restart),	 cmocka_unit_test(test_no_request),
		cmocka_unit_test(test_figures),	 cmocka_unit_test(test_exits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
