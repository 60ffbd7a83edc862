/* SPDX-License-Identifier: MIT */
/*
 * Capsules that end and start again, on up to four harts that others keep busy, with a simulated
 * clock: whatever each of their vCPUs was about to do when the end came, the next life begins, and
 * nothing of the one before runs in it.
 */
#include "unit.h"

#include "sim_fixture.h"

enum { ALL = 0xf, SECOND = SIM_HZ, LOAD_STEPS = 3 };

/* --- loading, in place of core/capsule_load.c ------------------------------------------------ */

/* What the guest's program knows of the life before is gone as well. */
static void begin(struct sim_guest *guest)
{
	struct fake_vcpu *fake = fake_vcpu_of(guest->vcpu);

	guest->asleep = guest->holds = false;
	guest->left = guest->kind == SIM_SPINS ? UINT64_MAX : 1 + sim_around(guest->busy);
	fake->spins = fake->ipi = false;
}

bool capsule_load_step(struct capsule *capsule)
{
	assert_int_equal(capsule->state, CAPSULE_LOADING);
	assert_int_equal(capsule->present, 1);
	if (++capsule->loaded < LOAD_STEPS)
		return false;
	capsule->loaded = 0;
	sim.locks[capsule - sim_capsules] = (struct sim_lock){0};
	for (unsigned i = 0; i < capsule->vcpu_count; i++)
		begin(sim_guest_of(capsule->vcpus[i]));
	for (unsigned i = 1; i < capsule->vcpu_count; i++) {
		assert_int_equal(capsule->vcpus[i]->place, VCPU_AWAY);
		capsule->vcpus[i]->state = VCPU_STOPPED;
	}
	capsule->vcpus[0]->state = VCPU_STARTED;
	capsule->started = 1;
	arch_vcpu_reset(capsule->vcpus[0], 0x1000, 0);
	capsule->starts++;
	capsule->state = CAPSULE_RUNNING;
	return true;
}

/* --- lives ----------------------------------------------------------------------------------- */

/* Its first vCPU starts the others, which do all kinds of things, and the last one ends it all. */
static struct capsule *mortal(unsigned vcpus, uint64_t life)
{
	static const enum sim_kind kinds[] = {SIM_SPINS, SIM_SLEEPS, SIM_LOCKS, SIM_YIELDS,
					      SIM_STOPS};
	uint32_t harts = unit_random_below(2) ? ALL : 1 + unit_random_below((1u << sim.harts) - 1);
	struct capsule *capsule = sim_capsule(vcpus, 20 + unit_random_below(400),
					      unit_random_below(4) ? 0 : 50, harts);

	for (unsigned i = 0; i < vcpus; i++) {
		enum sim_kind kind = kinds[unit_random_below(ARRAY_LENGTH(kinds))];

		if (i == vcpus - 1)
			kind = SIM_ENDS;
		else if (i == 0)
			kind = SIM_STARTS;
		sim_guest(capsule->vcpus[i], kind, i == 0 ? SIM_TURN / 8 : life,
			  unit_random_below(SIM_TURN));
	}
	return capsule;
}

static void sleepers(unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		sim_guest(sim_capsule(1, SHARE_WEIGHT_DEFAULT, 0, ALL)->vcpus[0], SIM_SLEEPS,
			  SIM_TURN / 4 + unit_random_below(3 * SIM_TURN),
			  1 + unit_random_below(2 * SIM_TURN));
}

/* Of so many vCPUs each, beside some that sleep now and then: each lives on and on. */
static void live(unsigned harts, unsigned capsules, unsigned vcpus, unsigned others)
{
	struct capsule *them[SIM_CAPSULES];
	unsigned starts[SIM_CAPSULES] = {0};

	sim_reset(harts);
	for (unsigned i = 0; i < capsules; i++)
		them[i] = mortal(vcpus, 1 + unit_random_below(4 * SIM_TURN));
	sleepers(others);
	for (unsigned pass = 0; pass < 4; pass++) {
		sim_run(3 * SECOND);
		for (unsigned i = 0; i < capsules; i++) {
			if (them[i]->starts < starts[i] + 1)
				fail_msg("capsule %u of %u, %u vCPUs, %u others, %u harts: "
					 "%u starts in 3 seconds, state %u, %u present",
					 i + 1, capsules, vcpus, others, harts,
					 them[i]->starts - starts[i], them[i]->state,
					 them[i]->present);
			starts[i] = them[i]->starts;
		}
	}
}

static void test_lives(void **state)
{
	(void)state;
	for (unsigned harts = 1; harts <= 4; harts++)
		for (unsigned round = 0; round < 25; round++)
			live(harts, 1 + unit_random_below(3), 1 + unit_random_below(4),
			     unit_random_below(6));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
