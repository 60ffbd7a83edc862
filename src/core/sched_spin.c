/* SPDX-License-Identifier: MIT */
/*
 * vCPUs that spin. A guest's kernel expects that whoever holds a lock, or is the next to get it, is
 * running. Where vCPUs share harts it may be waiting for its turn instead, and those that have one
 * spend it on spinning; with locks that are handed over in order (Linux's ticket locks) each change
 * of hands takes a turn then. RISC-V has no trap for that, as other architectures have, so we look
 * at the program counter a few times in each turn. One that stays where it is gives its turn to
 * another of its capsule.
 */
#include "core/sched_internal.h"

enum {
	/* How many in the queue are looked at for one of the same capsule. */
	LOOKED_AT = 16,
	/* From the first look (sched_first_look) to the second, and so on: this many doublings. */
	DOUBLINGS = 5,
};

/* The one of the capsule that has waited here for longest; NULL: none does. */
static struct vcpu *longest_waiting(const struct sched *sched, const struct capsule *capsule)
{
	unsigned count = sched->runnable.count < LOOKED_AT ? sched->runnable.count : LOOKED_AT;
	struct vcpu *longest = NULL;

	for (unsigned i = 0; i < count; i++) {
		struct vcpu *vcpu = sched_vcpu_of_run(sched->runnable.nodes[i]);

		if (vcpu->capsule == capsule &&
		    (!longest || heap_before(vcpu->since, longest->since)))
			longest = vcpu;
	}
	return longest;
}

/* So many doublings of the first distance from now, but not after the end of the turn. */
static void plan_look(struct sched *sched, uint64_t now, unsigned doublings)
{
	sched->look_at = now + ((sched->turn >> SCHED_LOOK_SHIFT) << doublings);
	if (!sched->runnable.count || heap_before(sched->turn_end, sched->look_at))
		sched->look_at = sched->turn_end;
}

struct vcpu *sched_look(struct hart *hart, struct vcpu *running, uint64_t now)
{
	struct sched *sched = &hart->sched;
	/*
	 * The first look of a turn only sees where it is. Later ones tell something if it has run
	 * meanwhile, which it may not have: all of the distance may have gone into coming back to
	 * it, where the hart is slow, or an emulator that others keep from its own processors.
	 */
	bool spins = arch_vcpu_is_in_place(running) && sched->looks &&
		     now - sched->entered >= sched->turn >> (SCHED_LOOK_SHIFT + 1);
	struct vcpu *peer;
	uint64_t key, lag;

	plan_look(sched, now, sched->looks < DOUBLINGS ? sched->looks : DOUBLINGS);
	sched->looks++;
	if (!spins)
		return running;
	peer = longest_waiting(sched, running->capsule);
	if (!peer)
		return running;
	/*
	 * They also exchange their virtual times, which their capsule has earned: other capsules
	 * wait neither more nor less for it.
	 */
	heap_remove(&sched->runnable, &peer->run);
	key = peer->run.key;
	lag = peer->lag;
	peer->run.key = running->run.key;
	peer->lag = running->lag;
	running->lag = lag;
	running->since = now;
	running->place = VCPU_QUEUED;
	heap_add(&sched->runnable, &running->run, key);
	/* What is left of the turn, lest it never ends. */
	sched->looks = 0;
	plan_look(sched, now, 0);
	return peer;
}
