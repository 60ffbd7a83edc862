/* SPDX-License-Identifier: MIT */
/*
 * Whether each gets its due where weights, ceilings, affinity, dedicated harts, sleepers and vCPUs
 * that stop and start meet, on up to four simulated harts; how long who wakes up waits; and whether
 * anybody gains by being clever: by naps, by waiting for what is pending, by timers and IPIs
 * without end, by stopping and starting.
 */
#include "unit.h"

#include "sim_fixture.h"

enum {
	ALL = 0xf,
	SECOND = SIM_HZ,
	MINUTE = 60 * SIM_HZ,
	MOST = 8,	/* guests in one mixture */
	WHOLE = 100000, /* parts of a hart */
	/* Of what is due, in percent, on several harts. */
	AFFINITY_LEAST = 60,
	CAPS_LEAST = 40,
	SLEEPERS_LEAST = 60,
	ALL_LEAST = 40,
};

/* --- what each is due --------------------------------------------------------------------------
 */

/* What one could use, and may: parts of a hart. */
struct wish {
	uint32_t weight, allowed, limit;
};

static unsigned bits(uint32_t set)
{
	return (unsigned)__builtin_popcount(set);
}

/* What a set of them may have together: itself, or the harts that they may use. */
static uint64_t limit_of(const struct wish *wishes, uint32_t set)
{
	uint32_t allowed = 0;

	if (bits(set) == 1)
		return wishes[__builtin_ctz(set)].limit;
	for (uint32_t rest = set; rest; rest &= rest - 1)
		allowed |= wishes[__builtin_ctz(rest)].allowed;
	return (uint64_t)bits(allowed) * WHOLE;
}

/*
 * All grow in proportion to their weights until some set of them has all that it may have; those
 * stay there and the others go on. Since each can be on one hart at a time, and any schedule by
 * which no hart and no vCPU has more than all the time can be carried out, this is what is fair.
 */
static void find_dues(const struct wish *wishes, unsigned count, uint64_t *dues)
{
	uint32_t open = (1u << count) - 1;

	while (open) {
		uint64_t best_rest = UINT64_MAX, best_weight = 1;
		uint32_t tight = 0;

		for (uint32_t set = 1; set < 1u << count; set++) {
			uint64_t rest = limit_of(wishes, set), weight = 0;

			if (!(set & open))
				continue;
			for (unsigned i = 0; i < count; i++) {
				if (!(set >> i & 1))
					continue;
				if (open >> i & 1)
					weight += wishes[i].weight;
				else
					rest = rest > dues[i] ? rest - dues[i] : 0;
			}
			if (tight && rest * best_weight >= best_rest * weight)
				continue;
			best_rest = rest;
			best_weight = weight;
			tight = set;
		}
		for (unsigned i = 0; i < count; i++)
			if (tight & open & 1u << i)
				dues[i] = best_rest * wishes[i].weight / best_weight;
		open &= ~tight;
	}
}

/* --- mixtures ------------------------------------------------------------------------------------
 */

struct mixture {
	struct wish wishes[MOST];
	uint64_t dues[MOST];
	unsigned count;
};

static void add_guest(struct mixture *mixture, uint32_t weight, uint32_t cap, uint32_t allowed,
		      enum sim_kind kind, uint64_t busy, uint64_t idle)
{
	struct wish *wish = &mixture->wishes[mixture->count++];

	sim_guest(sim_capsule(1, weight, cap, allowed)->vcpus[0], kind, busy, idle);
	*wish = (struct wish){weight, allowed & ((1u << sim.harts) - 1), WHOLE};
	if (cap)
		wish->limit = cap * (WHOLE / 100);
	if (kind == SIM_SLEEPS && wish->limit > WHOLE * busy / (busy + idle))
		wish->limit = (uint32_t)(WHOLE * busy / (busy + idle));
}

static uint32_t some_harts(uint32_t of)
{
	uint32_t some = unit_random() & of;

	return some && unit_random_below(2) ? some : of;
}

/* `harts` harts, now and then one of them dedicated; `sleepers` of the guests sleep. */
static void make_mixture(struct mixture *mixture, bool affinity, bool caps, unsigned sleepers)
{
	static const uint32_t weights[] = {100, 100, 100, 200, 300, 50, 150, 1000, 700, 10};
	unsigned harts = 2 + unit_random_below(FAKE_HARTS - 1);
	unsigned count = 2 + unit_random_below(MOST - 1);
	uint32_t free = (1u << harts) - 1;

	*mixture = (struct mixture){.count = 0};
	sim_reset(harts);
	if (affinity && !unit_random_below(3)) {
		add_guest(mixture, 100, 0, 1u << (harts - 1), SIM_SPINS, 0, 0);
		free >>= 1;
	}
	while (mixture->count < count) {
		uint32_t weight = weights[unit_random_below(ARRAY_LENGTH(weights))];
		uint32_t cap = caps && !unit_random_below(3) ? 5 + unit_random_below(90) : 0;
		uint32_t allowed = affinity ? some_harts(free) : free;
		bool sleeps = mixture->count >= count - (sleepers < count ? sleepers : count);

		add_guest(mixture, weight, cap, allowed, sleeps ? SIM_SLEEPS : SIM_SPINS,
			  100 + unit_random_below(3 * SIM_TURN),
			  1000 + unit_random_below(10 * SIM_TURN));
	}
	find_dues(mixture->wishes, mixture->count, mixture->dues);
}

/* What it had, in parts of a hart. */
static uint64_t part_of(unsigned guest)
{
	return sim_ran(sim.guests[guest].vcpu) * WHOLE / (fake_arch.time - sim.began);
}

static void check_due(const struct mixture *mixture, unsigned guest, unsigned least, unsigned most)
{
	uint64_t due = mixture->dues[guest], part = part_of(guest);
	uint64_t slack = (uint64_t)3 * SIM_TURN * WHOLE / (fake_arch.time - sim.began);

	if (part + slack < due * least / 100 || (most && part > due * most / 100 + slack))
		fail_msg("guest %u of weight %u had %lu of %u, and was due %lu (%u guests, %u "
			 "harts)",
			 guest, mixture->wishes[guest].weight, (long)part, WHOLE, (long)due,
			 mixture->count, sim.harts);
}

/* `rounds` mixtures, a minute each: everybody has so many percent of what is due at least. */
static void check_mixtures(unsigned rounds, bool affinity, bool caps, unsigned sleepers,
			   unsigned least, unsigned most)
{
	for (unsigned round = 0; round < rounds; round++) {
		struct mixture mixture;

		make_mixture(&mixture, affinity, caps, sleepers);
		sim_run(MINUTE / 2);
		for (unsigned i = 0; i < mixture.count; i++)
			check_due(&mixture, i, least, most);
	}
}

static void test_dues_by_weight(void **state)
{
	(void)state;
	check_mixtures(12, false, false, 0, 98, 102);
}

/*
 * What is exact for spinners that may go anywhere is approximate, on several harts, for those that
 * sleep, have a ceiling or may not go everywhere (docs/scheduler.md).
 */
static void test_dues_of_all_kinds(void **state)
{
	(void)state;
	check_mixtures(8, true, false, 0, AFFINITY_LEAST, 0);
	check_mixtures(8, false, true, 0, CAPS_LEAST, 0);
	check_mixtures(8, false, false, 2, SLEEPERS_LEAST, 0);
	check_mixtures(8, true, true, 3, ALL_LEAST, 0);
}

/* --- waking up
 * ------------------------------------------------------------------------------------- */

/* So many in a thousand came by so many eighths of a turn after their time, or earlier. */
static unsigned eighths_of(const struct sim_guest *guest, unsigned thousandths)
{
	uint64_t sum = 0, all = 0;

	for (unsigned i = 0; i <= SIM_LATE; i++)
		all += guest->late[i];
	for (unsigned i = 0; i <= SIM_LATE; i++) {
		sum += guest->late[i];
		if (sum * 1000 >= all * thousandths)
			return i + 1;
	}
	return SIM_LATE + 1;
}

/*
 * One that sleeps much and computes for a fifth of a turn, beside four on each hart that compute,
 * of whatever weights: it is there at once as a rule, and within a turn whenever it wakes.
 */
static void test_latency(void **state)
{
	static const uint32_t weights[] = {100, 1000, 10};

	(void)state;
	for (unsigned harts = 1; harts <= 4; harts++) {
		for (unsigned i = 0; i < ARRAY_LENGTH(weights); i++) {
			struct sim_guest *guest = sim.guests;

			sim_reset(harts);
			sim_guest(sim_capsule(1, 100, 0, ALL)->vcpus[0], SIM_SLEEPS, SIM_TURN / 5,
				  20 * SIM_TURN);
			for (unsigned n = 0; n < 3 * harts; n++)
				sim_guest(sim_capsule(1, weights[i], 0, ALL)->vcpus[0], SIM_SPINS,
					  0, 0);
			sim_run(MINUTE / 2);
			if (getenv("UNIT_VERBOSE"))
				print_message(
					"%u harts, others of %u: 99 %% in %u/8 of a turn, all in "
					"%lu/1000\n",
					harts, weights[i], eighths_of(guest, 990),
					(long)guest->latest * 1000 / SIM_TURN);
			assert_true(guest->wakes > 200);
			assert_in_range(guest->latest, 0, 2 * SIM_TURN);
			assert_in_range(eighths_of(guest, 990), 1, 8);
		}
	}
}

/* Having slept for long, one that computes from then on has a turn more than the others, once. */
static void test_no_saved_credit(void **state)
{
	(void)state;
	for (uint64_t slept = SECOND / 10; slept <= 30 * (uint64_t)SECOND; slept *= 5) {
		uint64_t before;

		sim_reset(1);
		sim_guest(sim_capsule(1, 100, 0, ALL)->vcpus[0], SIM_SLEEPS, 1, 1);
		sim_guest(sim_capsule(1, 100, 0, ALL)->vcpus[0], SIM_SPINS, 0, 0);
		sim.guests[0].idle = slept;
		sim_run(MINUTE / 2);
		/* It sleeps: from its next waking up on it computes. */
		sim.guests[0].busy = 100 * SIM_HZ;
		sim_run(2 * slept + SIM_TURN);
		before = sim_ran(sim.guests[1].vcpu);
		sim_run(SECOND);
		before = sim_ran(sim.guests[1].vcpu) - before;
		assert_in_range(before, SECOND / 2 - 2 * SIM_TURN, SECOND);
	}
}

/* --- games
 * ------------------------------------------------------------------------------------------ */

/*
 * A capsule of two that plays against others of the same weight that just compute, as many as there
 * are parts of the machine left: none of its vCPUs has more than each of them, but a few
 * hundredths.
 */
static void play(unsigned harts, enum sim_kind first, enum sim_kind second, uint64_t busy,
		 uint64_t idle)
{
	struct capsule *player;
	unsigned others = 2 * harts;
	uint64_t most = 0, sum = 0;

	sim_reset(harts);
	player = sim_capsule(2, 100, 0, ALL);
	sim_guest(player->vcpus[0], first, busy, idle);
	sim_guest(player->vcpus[1], second, busy, idle);
	for (unsigned i = 0; i < others; i++)
		sim_guest(sim_capsule(1, 100, 0, ALL)->vcpus[0], SIM_SPINS, 0, 0);
	sim_run(3 * SECOND);
	for (unsigned i = 0; i < 2; i++)
		most = part_of(i) > most ? part_of(i) : most;
	for (unsigned i = 2; i < sim.guest_count; i++)
		sum += part_of(i);
	if (most * others * 100 > sum * 103)
		fail_msg("kinds %u and %u, busy %lu, idle %lu, %u harts: %lu of %u; others %lu",
			 first, second, (long)busy, (long)idle, harts, (long)most, WHOLE,
			 (long)(sum / others));
}

static void test_games(void **state)
{
	static const uint64_t times[] = {100, 600, SIM_TURN - 20, 2 * SIM_TURN};

	(void)state;
	for (unsigned harts = 1; harts <= 2; harts++) {
		for (unsigned i = 0; i < ARRAY_LENGTH(times); i++) {
			uint64_t busy = times[i];

			/* Naps, short and long; timers without end. */
			play(harts, SIM_SLEEPS, SIM_SLEEPS, busy, 2);
			play(harts, SIM_SLEEPS, SIM_SPINS, busy, SIM_TURN / 2);
			/* Waits for what is pending; IPIs to and fro; one helps the other. */
			play(harts, SIM_YIELDS, SIM_YIELDS, busy, 0);
			play(harts, SIM_CALLS, SIM_CALLS, busy, 0);
			/* Off and on again. */
			play(harts, SIM_STARTS, SIM_STOPS, busy, 0);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dues_by_weight), cmocka_unit_test(test_dues_of_all_kinds),
		cmocka_unit_test(test_latency),	       cmocka_unit_test(test_no_saved_credit),
		cmocka_unit_test(test_games),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
