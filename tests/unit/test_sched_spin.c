/* SPDX-License-Identifier: MIT */
/*
 * Capsules with more vCPUs than harts, that take a lock which is handed over in order, on the
 * simulated clock: what is lost by spinning is bounded, and others have their share.
 */
#include "unit.h"

#include "sim_fixture.h"

enum {
	ALL = 0xf,
	SECOND = SIM_HZ,
	/* What is done with the lock, and between. */
	HOLDS = 10,
	BETWEEN = 100,
};

static struct capsule *lockers(unsigned vcpus, uint32_t weight)
{
	struct capsule *capsule = sim_capsule(vcpus, weight, 0, ALL);

	for (unsigned i = 0; i < vcpus; i++)
		sim_guest(capsule->vcpus[i], SIM_LOCKS, BETWEEN, HOLDS);
	return capsule;
}

/* How often all of them had the lock. */
static uint64_t passes(void)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < sim.guest_count; i++)
		sum += sim.guests[i].kind == SIM_LOCKS ? sim.guests[i].wakes : 0;
	return sum;
}

/*
 * A turn for each handing over would be 200 in a second on one hart. With looks a handing over
 * costs two of them, some 40 us and the switch: more than 5000.
 */
static void test_lock_goes_round(void **state)
{
	(void)state;
	for (unsigned harts = 1; harts <= 3; harts++) {
		for (unsigned vcpus = harts + 1; vcpus <= 4; vcpus++) {
			sim_reset(harts);
			lockers(vcpus, 100);
			sim_run(4 * SECOND);
			if (passes() < 4 * 5000)
				fail_msg("%u vCPUs on %u harts had the lock %lu times in 4 s",
					 vcpus, harts, (long)passes());
			for (unsigned i = 0; i < vcpus; i++)
				assert_true(sim.guests[i].wakes > passes() / vcpus / 2);
		}
	}
}

/* Giving one's turn to another of the capsule takes nothing from other capsules, nor gives them
 * any. */
static void test_others_keep_their_share(void **state)
{
	static const uint32_t weights[] = {100, 300, 50};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LENGTH(weights); i++) {
		uint64_t ideal, ran;

		sim_reset(1);
		lockers(3, 100);
		sim_guest(sim_capsule(1, weights[i], 0, ALL)->vcpus[0], SIM_SPINS, 0, 0);
		sim_run(20 * SECOND);
		ideal = (uint64_t)20 * SECOND * weights[i] / (300 + weights[i]);
		ran = sim_ran(sim.guests[3].vcpu);
		assert_in_range(ran, ideal * 98 / 100, ideal * 102 / 100);
		assert_true(passes() > 20 * 1000);
	}
}

/* Beside many of another capsule, which fill what is looked at of the queue, nothing breaks. */
static void test_many_others(void **state)
{
	uint64_t most = 0, least = UINT64_MAX;

	(void)state;
	sim_reset(2);
	lockers(3, 100);
	for (unsigned i = 0; i < 8; i++)
		sim_guest(sim_capsule(1, 100, 0, ALL)->vcpus[0], SIM_SPINS, 0, 0);
	sim_run(40 * SECOND);
	for (unsigned i = 3; i < sim.guest_count; i++) {
		uint64_t ran = sim_ran(sim.guests[i].vcpu);

		most = ran > most ? ran : most;
		least = ran < least ? ran : least;
	}
	assert_true(least > most * 3 / 4);
	assert_true(passes() > 1000);
}

/* Who computes isn't disturbed: it keeps its turns, however often it is looked at. */
static void test_computing(void **state)
{
	struct capsule *capsule;

	(void)state;
	sim_reset(1);
	capsule = sim_capsule(2, 100, 0, ALL);
	sim_guest(capsule->vcpus[0], SIM_SPINS, 0, 0);
	sim_guest(capsule->vcpus[1], SIM_SPINS, 0, 0);
	sim_run(SECOND);
	assert_in_range(capsule->vcpus[0]->switches, 95, 101);
	assert_in_range(capsule->vcpus[1]->switches, 95, 101);
}

/*
 * Where it takes longer to get back to the guest than it is to the next look, it hasn't moved at
 * that, and isn't to be taken for one that spins: each would lose its turn before its first
 * instruction, for ever.
 */
static void test_slow_hart(void **state)
{
	struct capsule *capsule;

	(void)state;
	for (unsigned takes = 10; takes <= 80; takes *= 2) {
		sim_reset(1);
		fake_arch.alarm_takes = takes;
		capsule = sim_capsule(2, 100, 0, ALL);
		sim_guest(capsule->vcpus[0], SIM_SPINS, 0, 0);
		sim_guest(capsule->vcpus[1], SIM_SPINS, 0, 0);
		sim_run(SECOND);
		for (unsigned i = 0; i < 2; i++) {
			uint64_t ran = fake_vcpu_of(capsule->vcpus[i])->progress;

			if (ran < SECOND * 3 / 10)
				fail_msg("%u ticks for an alarm: vCPU %u ran %lu of %u ticks",
					 takes, i, (long)ran, SECOND);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lock_goes_round),
		cmocka_unit_test(test_others_keep_their_share),
		cmocka_unit_test(test_many_others),
		cmocka_unit_test(test_computing),
		cmocka_unit_test(test_slow_hart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
