/* SPDX-License-Identifier: MIT */
/*
 * src/core/sched*.c on up to four harts with a simulated clock: shares, ceilings, affinity,
 * balancing and sleep, in chosen cases and in thousands of random ones.
 */
#include "unit.h"

#include "sim_fixture.h"

enum {
	ALL = 0xf,
	SECOND = SIM_HZ,
	MINUTE = 60 * SIM_HZ,
	/* A hart that could help is found within so many ticks. */
	IDLE_BESIDE_MAX = 8 * SIM_TURN,
};

static void spinners(unsigned count, uint32_t weight, uint32_t allowed)
{
	for (unsigned i = 0; i < count; i++)
		sim_guest(sim_capsule(1, weight, 0, allowed)->vcpus[0], SIM_SPINS, 0, 0);
}

/* Within so many percent of the ideal, or two turns where those are more; three on several harts.
 */
static bool has_share(const struct vcpu *vcpu, uint64_t ideal, unsigned percent)
{
	uint64_t ran = sim_ran(vcpu), error = ran > ideal ? ran - ideal : ideal - ran;
	uint64_t allowed = ideal * percent / 100, least = (sim.harts > 1 ? 3 : 2) * SIM_TURN;

	return error <= (allowed < least ? least : allowed);
}

static void check_share(const struct vcpu *vcpu, uint64_t ideal, unsigned percent)
{
	if (!has_share(vcpu, ideal, percent))
		fail_msg("a vCPU of weight %u ran %lu ms instead of %lu (%u harts, %u guests)",
			 vcpu->weight, (long)(sim_ran(vcpu) / 1000), (long)(ideal / 1000),
			 sim.harts, sim.guest_count);
}

/* --- shares ------------------------------------------------------------------------------- */

static void test_one_hart(void **state)
{
	static const uint32_t weights[][5] = {
		{100, 300}, {100, 100, 100}, {1, 2, 3, 4, 5}, {10, 1000}, {5000, 50, 50, 7, 300}};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LENGTH(weights); i++) {
		uint64_t sum = 0;

		sim_reset(1);
		for (unsigned g = 0; g < 5 && weights[i][g]; g++) {
			spinners(1, weights[i][g], ALL);
			sum += weights[i][g];
		}
		sim_run(MINUTE);
		for (unsigned g = 0; g < sim.guest_count; g++)
			check_share(sim.guests[g].vcpu, (uint64_t)MINUTE * weights[i][g] / sum, 2);
		assert_int_equal(sim.hart[0].slept, 0);
	}
}

/* Equal ones share all harts equally, however many there are of either. */
static void test_equal_on_many(void **state)
{
	(void)state;
	for (unsigned harts = 2; harts <= 4; harts++) {
		for (unsigned count = 1; count <= 9; count++) {
			uint64_t ideal = count <= harts ? MINUTE : (uint64_t)MINUTE * harts / count;

			sim_reset(harts);
			spinners(count, 100, ALL);
			sim_run(MINUTE);
			for (unsigned g = 0; g < count; g++)
				check_share(sim.guests[g].vcpu, ideal, 2);
		}
	}
}

/*
 * What weights are worth on so many harts: nobody can have more than one, and what the heavy can't
 * use is the others' in proportion.
 */
static void find_ideals(const uint32_t *weights, unsigned count, unsigned harts, uint64_t time,
			uint64_t *ideals)
{
	bool whole[8] = {false};
	uint64_t rest = 0;
	bool changed;

	do {
		changed = false;
		rest = 0;
		for (unsigned i = 0; i < count; i++)
			rest += whole[i] ? 0 : weights[i];
		for (unsigned i = 0; i < count; i++) {
			if (whole[i] || (uint64_t)weights[i] * harts < rest)
				continue;
			whole[i] = changed = true;
			harts--;
			break;
		}
	} while (changed && harts);
	for (unsigned i = 0; i < count; i++)
		ideals[i] = whole[i] ? time : rest ? time * harts * weights[i] / rest : 0;
}

/*
 * The same in proportion to weights, for whatever weights on whatever number of harts. Nor do they
 * move more than it takes: a hart looks at another one 40 times a second.
 */
static void test_weights_on_many(void **state)
{
	static const uint32_t some[] = {100, 100, 100, 200, 300, 50, 150, 1000, 700, 10};
	uint64_t moves = 0;

	(void)state;
	for (unsigned round = 0; round < 100; round++) {
		unsigned harts = 2 + unit_random_below(3), count = 2 + unit_random_below(7);
		uint32_t weights[8];
		uint64_t ideals[8];

		sim_reset(harts);
		for (unsigned i = 0; i < count; i++) {
			weights[i] = some[unit_random_below(ARRAY_LENGTH(some))];
			spinners(1, weights[i], ALL);
		}
		find_ideals(weights, count, harts, MINUTE, ideals);
		sim_run(MINUTE);
		for (unsigned i = 0; i < count; i++) {
			check_share(sim.guests[i].vcpu, ideals[i], 2);
			moves += sim.guests[i].vcpu->migrations;
		}
	}
	assert_in_range(moves, 0, 100 * 60 * 6);
}

/* Those that may go anywhere make way for those that may not. */
static void test_shares_within_affinity(void **state)
{
	static const struct {
		unsigned harts, pinned, others;
		unsigned pinned_part, others_part; /* thousandths of a hart */
	} cases[] = {
		{3, 2, 4, 500, 500}, {3, 3, 3, 333, 667},  {2, 1, 1, 1000, 1000},
		{2, 1, 2, 667, 667}, {4, 5, 3, 200, 1000}, {4, 1, 5, 667, 667},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LENGTH(cases); i++) {
		sim_reset(cases[i].harts);
		spinners(cases[i].pinned, 100, 1);
		spinners(cases[i].others, 100, ALL);
		sim_run(MINUTE);
		for (unsigned g = 0; g < sim.guest_count; g++)
			check_share(sim.guests[g].vcpu,
				    (uint64_t)MINUTE / 1000 *
					    (g < cases[i].pinned ? cases[i].pinned_part
								 : cases[i].others_part),
				    2);
		for (unsigned h = 0; h < sim.harts; h++)
			assert_in_range(sim.hart[h].slept, 0, MINUTE / 100);
	}
}

/* --- ceilings -------------------------------------------------------------------------------- */

/* The most of any second: the ceiling, and what a bucket holds when it is full. */
static void check_ceiling(unsigned capsule, uint32_t percent)
{
	uint64_t allowed = (uint64_t)SECOND * percent / 100 + 4 * SIM_TURN / 5 * sim.harts;

	if (sim.most[capsule] > allowed)
		fail_msg("capsule %u had %lu ms of a second, with a ceiling of %u %%", capsule,
			 (long)sim.most[capsule] / 1000, percent);
}

static void test_ceiling(void **state)
{
	static const uint32_t percents[] = {1, 5, 20, 50, 99};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LENGTH(percents); i++) {
		for (unsigned other = 0; other < 2; other++) {
			uint64_t ideal = (uint64_t)10 * SECOND * percents[i] / 100;

			sim_reset(1);
			sim_guest(sim_capsule(1, 1000, percents[i], ALL)->vcpus[0], SIM_SPINS, 0,
				  0);
			if (other)
				spinners(1, 1, ALL);
			sim_run(10 * SECOND);
			check_ceiling(0, percents[i]);
			if (sim_ran(sim.guests[0].vcpu) > ideal + 2 * SIM_TURN ||
			    sim_ran(sim.guests[0].vcpu) + 2 * SIM_TURN < ideal - ideal / 20)
				fail_msg("of %u %% it had %lu ms in 10 s (others: %u)", percents[i],
					 (long)sim_ran(sim.guests[0].vcpu) / 1000, other);
			if (other)
				assert_in_range(sim.hart[0].slept, 0, SIM_TURN);
		}
	}
}

/* Sleeping often is no way around it. */
static void test_ceiling_of_sleepers(void **state)
{
	(void)state;
	for (unsigned others = 0; others < 2; others++) {
		for (uint64_t busy = 50; busy < 20000; busy *= 3) {
			sim_reset(1);
			sim_guest(sim_capsule(1, 100, 20, ALL)->vcpus[0], SIM_SLEEPS, busy,
				  busy / 4);
			if (others)
				spinners(2, 1, ALL);
			sim_run(10 * SECOND);
			check_ceiling(0, 20);
			if (sim_ran(sim.guests[0].vcpu) < 15 * 10 * SECOND / 100)
				fail_msg("%lu ms only in 10 s, busy for %lu, others: %u",
					 (long)sim_ran(sim.guests[0].vcpu) / 1000, (long)busy,
					 others);
		}
	}
}

/* Several vCPUs draw from one bucket, on one hart and on several. */
static void test_ceiling_of_many(void **state)
{
	(void)state;
	for (unsigned harts = 1; harts <= 4; harts++) {
		for (uint32_t percent = 20; percent < 100 * harts; percent += 60) {
			struct capsule *capsule;

			sim_reset(harts);
			capsule = sim_capsule(4, 100, percent, ALL);
			for (unsigned i = 0; i < 4; i++)
				sim_guest(capsule->vcpus[i], SIM_SPINS, 0, 0);
			sim_run(10 * SECOND);
			check_ceiling(0, percent);
		}
	}
}

/* --- sleep ------------------------------------------------------------------------------------ */

/* Sleepers run within a turn of their time beside spinners, and at once where nobody spins. */
static void test_sleepers(void **state)
{
	(void)state;
	for (unsigned busy_beside = 0; busy_beside < 2; busy_beside++) {
		for (unsigned harts = 1; harts <= 4; harts++) {
			sim_reset(harts);
			for (unsigned i = 0; i < 2; i++)
				sim_guest(sim_capsule(1, 100, 0, ALL)->vcpus[0], SIM_SLEEPS, 100,
					  30000);
			if (busy_beside)
				spinners(harts, 100, ALL);
			sim_run(20 * SECOND);
			for (unsigned i = 0; i < 2; i++) {
				assert_in_range(sim.guests[i].latest, 0,
						busy_beside ? SIM_TURN : 500);
				assert_true(sim.guests[i].wakes > 500);
			}
		}
	}
}

/* A hart with nothing to do sleeps for good; one whose guest sleeps wakes for that alone. */
static void test_idle(void **state)
{
	(void)state;
	sim_reset(4);
	spinners(1, 100, 1);
	sim_guest(sim_capsule(1, 100, 0, 2)->vcpus[0], SIM_SLEEPS, 100, 100000);
	sim_run(MINUTE);
	assert_int_equal(sim.hart[0].sleeps, 0);
	assert_in_range(sim.hart[1].sleeps, sim.guests[1].wakes, sim.guests[1].wakes + 2);
	for (unsigned i = 2; i < 4; i++) {
		assert_in_range(sim.hart[i].sleeps, 1, 3);
		assert_true(sim.hart[i].slept + sim.hart[i].since <= MINUTE + 1000);
		assert_true(sim.hart[i].asleep);
	}
}

/* IPIs there and back: nobody is forgotten, on one hart and on two. */
static void test_pairs(void **state)
{
	(void)state;
	for (unsigned harts = 1; harts <= 4; harts++) {
		for (unsigned others = 0; others < 3; others++) {
			struct capsule *pair;

			sim_reset(harts);
			pair = sim_capsule(2, 100, 0, ALL);
			sim_guest(pair->vcpus[0], SIM_CALLS, 50, 0);
			sim_guest(pair->vcpus[1], SIM_CALLS, 50, 0);
			spinners(others, 100, ALL);
			sim_run(10 * SECOND);
			/* With others on their hart they still have their part of it. */
			assert_true(sim.guests[0].wakes > 10000);
			assert_true(sim.guests[1].wakes > 10000);
		}
	}
}

/* --- balance ------------------------------------------------------------------------------------
 */

/* All begin on one hart; soon no hart idles. */
static void test_spread(void **state)
{
	(void)state;
	for (unsigned count = 2; count <= 8; count++) {
		sim_reset(4);
		spinners(count, 100, 1);
		for (unsigned i = 0; i < count; i++)
			sim_capsules[i].harts = (struct hart_set){{ALL}};
		sim_run(10 * SECOND);
		for (unsigned i = 0, asleep = 0; i < 4; i++) {
			asleep += sim.hart[i].asleep;
			assert_in_range(asleep, 0, count < 4 ? 4 - count : 0);
		}
	}
}

/* --- anything
 * ------------------------------------------------------------------------------------- */

static void random_guests(void)
{
	unsigned count = 1 + unit_random_below(8);

	for (unsigned i = 0; i < count; i++) {
		static const uint32_t weights[] = {100, 100, 100, 50, 300, 10, 1000};
		uint32_t weight = weights[unit_random_below(ARRAY_LENGTH(weights))];
		uint32_t all = (1u << sim.harts) - 1, allowed = unit_random() & all;
		uint32_t cap = unit_random_below(4) ? 0 : 5 + unit_random_below(90);
		unsigned vcpus = 1 + unit_random_below(3);
		enum sim_kind kind = unit_random_below(3);
		struct capsule *capsule;

		if (unit_random_below(2) || !allowed)
			allowed = all;
		if (kind == SIM_CALLS && vcpus == 1)
			vcpus = 2;
		capsule = sim_capsule(vcpus, weight, cap, allowed);
		for (unsigned v = 0; v < vcpus; v++)
			sim_guest(capsule->vcpus[v], kind, 1 + unit_random_below(3 * SIM_TURN),
				  unit_random_below(10 * SIM_TURN));
	}
}

/* Twice what all that could be on the hart take until each has had its part, and a credit each. */
static uint64_t longest_wait(const struct sim_guest *of)
{
	uint64_t wait = 0;

	for (unsigned i = 0; i < sim.guest_count; i++)
		wait += SIM_TURN +
			(uint64_t)SIM_TURN * sim.guests[i].vcpu->weight / of->vcpu->weight;
	return 2 * wait + 5 * SIM_TURN;
}

static void check_random(void)
{
	uint64_t sum = 0, time = fake_arch.time - sim.began;

	for (unsigned i = 0; i < sim.guest_count; i++) {
		const struct sim_guest *guest = &sim.guests[i];

		if (guest->longest > longest_wait(guest))
			fail_msg("guest %u of weight %u waited for %lu ms (%lu are allowed), %u "
				 "harts, %u guests",
				 i, guest->vcpu->weight, (long)guest->longest / 1000,
				 (long)longest_wait(guest) / 1000, sim.harts, sim.guest_count);
		sum += sim_ran(guest->vcpu);
		assert_true(sim_ran(guest->vcpu) <= time);
	}
	for (unsigned i = 0; i < sim.harts; i++) {
		struct sim_hart *it = &sim.hart[i];

		sum += it->slept + (it->asleep ? fake_arch.time - it->since : 0);
		if (it->longest > IDLE_BESIDE_MAX)
			fail_msg("CPU %u slept for %lu ms beside work that it could have done", i,
				 (long)it->longest / 1000);
	}
	/* What ran and what slept is all the time that there was. */
	assert_in_range(sum, time * sim.harts - SIM_HZ / 1000, time * sim.harts);
	for (unsigned c = 0; c < sim.capsule_count; c++) {
		uint64_t rate = sim_capsules[c].cap.rate;

		if (rate &&
		    sim.most[c] > ((uint64_t)SECOND * rate >> 16) + 4 * SIM_TURN / 5 * sim.harts)
			fail_msg("capsule %u had %lu ms of a second: %lu are allowed", c,
				 (long)sim.most[c] / 1000, (long)(1000 * rate >> 16));
	}
}

static void test_random(void **state)
{
	uint64_t seed = unit_seed;

	(void)state;
	for (unsigned round = 0; round < 2000; round++) {
		unit_seed = seed + round * 0x9e3779b97f4a7c15;
		unit_random();
		sim_reset(1 + unit_random_below(FAKE_HARTS));
		random_guests();
		sim_run(SECOND / 4 + (round % 20 ? 0 : 2 * SECOND));
		check_random();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_hart),
		cmocka_unit_test(test_equal_on_many),
		cmocka_unit_test(test_weights_on_many),
		cmocka_unit_test(test_shares_within_affinity),
		cmocka_unit_test(test_ceiling),
		cmocka_unit_test(test_ceiling_of_many),
		cmocka_unit_test(test_ceiling_of_sleepers),
		cmocka_unit_test(test_sleepers),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_spread),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
