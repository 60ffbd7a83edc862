/* SPDX-License-Identifier: MIT */
/*
 * Sharing work out between harts. A hart that has more than it can run sends some of it on: to
 * a hart that is idle, at once; to one with less to do, every few turns. A hart that falls idle
 * asks for it. Nobody takes anything out of another one's queue, so the queues need no lock.
 */
#include "core/sched_internal.h"

enum {
	/* How many in the queue are looked at for one that may go elsewhere. */
	LOOKED_AT = 8,
};

static struct hart_set idle; /* shared */

void sched_set_idle(struct hart *hart, bool is_idle)
{
	if (is_idle)
		hart_set_add_shared(&idle, hart->index);
	else
		hart_set_remove_shared(&idle, hart->index);
}

/* An idle hart among `allowed`, which from now on nobody else finds; NULL: none. */
static struct hart *claim_idle(const struct hart_set *allowed)
{
	for (unsigned word = 0; word < HART_SET_WORDS; word++) {
		uint32_t found =
			__atomic_load_n(&idle.words[word], __ATOMIC_SEQ_CST) & allowed->words[word];

		for (unsigned index = word * 32; found; found >>= 1, index++)
			if ((found & 1) && hart_set_remove_shared(&idle, index))
				return arch_hart(index);
	}
	return NULL;
}

/* `vcpu` is in no queue and not in the registers. False: it is wanted here just now. */
static bool move(struct hart *from, struct vcpu *vcpu, struct hart *to)
{
	sched_close(vcpu);
	if (!vcpu->closed)
		return false;
	vcpu->place = VCPU_MOVING;
	sched_update_floor(from);
	vcpu->run.key -= from->sched.floor; /* it keeps what it is ahead or behind */
	vcpu->migrations++;
	__atomic_store_n(&vcpu->hart, to, __ATOMIC_SEQ_CST);
	sched_send(vcpu);
	return true;
}

void sched_arrive(struct hart *hart, struct vcpu *vcpu)
{
	struct sched *sched = &hart->sched;

	sched_update_floor(hart);
	vcpu->run.key += sched->floor;
	__atomic_store_n(&sched->load, sched->load + vcpu->weight, __ATOMIC_RELAXED);
	sched_queue(sched, vcpu);
	sched->woke = true;
}

bool sched_send_to_idle(struct hart *hart, struct vcpu *vcpu)
{
	struct hart *to = claim_idle(&vcpu->capsule->harts);

	if (!to || move(hart, vcpu, to))
		return to != NULL;
	hart_set_add_shared(&idle, to->index);
	return false;
}

/* Take one that waits here out of the queue and send it there. */
static bool send_waiting(struct hart *hart, struct vcpu *vcpu, struct hart *to)
{
	struct sched *sched = &hart->sched;

	heap_remove(&sched->runnable, &vcpu->run);
	if (!move(hart, vcpu, to)) {
		heap_add(&sched->runnable, &vcpu->run, vcpu->run.key);
		return false;
	}
	__atomic_store_n(&sched->load, sched->load - vcpu->weight, __ATOMIC_RELAXED);
	__atomic_store_n(&sched->waiting, sched->runnable.count, __ATOMIC_RELAXED);
	return true;
}

/* The hart that this one compares itself with; NULL when there is none or it runs no capsules. */
static struct hart *peer_of(const struct hart *hart)
{
	struct hart *peer = arch_hart(hart->sched.peer);

	return peer == hart || !peer || peer->unfit ? NULL : peer;
}

static bool is_somebody_idle(void)
{
	uint32_t any = 0;

	for (unsigned word = 0; word < HART_SET_WORDS; word++)
		any |= __atomic_load_n(&idle.words[word], __ATOMIC_RELAXED);
	return any;
}

static bool has_less_to_do(const struct hart *peer, const struct hart *hart,
			   const struct vcpu *vcpu)
{
	uint32_t load = __atomic_load_n(&peer->sched.load, __ATOMIC_RELAXED);

	return load < hart->sched.load && hart->sched.load - load >= vcpu->weight;
}

/*
 * True when the running one could go there as well and has moved less often: it is sent when it
 * waits. So all take their turns at being alone.
 */
static bool is_others_turn(const struct hart *peer, const struct hart *hart,
			   const struct vcpu *vcpu)
{
	const struct vcpu *running = hart->vcpu;

	return running && running->place == VCPU_RUNNING &&
	       running->migrations < vcpu->migrations &&
	       hart_set_has(&running->capsule->harts, peer->index) &&
	       has_less_to_do(peer, hart, running);
}

bool sched_find_peer(struct hart *hart)
{
	struct sched *sched = &hart->sched;
	unsigned count = sched_hart_count();
	unsigned index = sched->peer + 1;
	const struct hart *peer;

	if (count < 2)
		return false;
	if (index >= count)
		index = 0;
	if (index == hart->index && ++index >= count)
		index = 0;
	sched->last_peer = sched->peer;
	sched->peer = index;
	peer = peer_of(hart);
	return (peer && __atomic_load_n(&peer->sched.load, __ATOMIC_RELAXED) < sched->load) ||
	       is_somebody_idle();
}

void sched_share_out(struct hart *hart)
{
	struct sched *sched = &hart->sched;
	struct hart *peer = peer_of(hart);
	unsigned count = sched->runnable.count < LOOKED_AT ? sched->runnable.count : LOOKED_AT;

	for (unsigned i = 0; i < count; i++) {
		struct vcpu *vcpu = sched_vcpu_of_run(sched->runnable.nodes[i]);
		const struct hart_set *allowed = &vcpu->capsule->harts;
		struct hart *to;

		/* What loads a capsule stays, and so does what is in the registers. */
		if (vcpu == hart->vcpu || vcpu->capsule->state != CAPSULE_RUNNING)
			continue;
		to = claim_idle(allowed);
		if (!to && peer && hart_set_has(allowed, peer->index) &&
		    has_less_to_do(peer, hart, vcpu)) {
			if (!is_others_turn(peer, hart, vcpu))
				to = peer;
			else
				sched->peer = sched->last_peer; /* the same one again, next time */
		}
		if (to && send_waiting(hart, vcpu, to))
			return;
	}
}

void sched_balance(struct hart *hart)
{
	if (sched_find_peer(hart))
		sched_share_out(hart);
}

void sched_ask_for_work(struct hart *hart, uint64_t now)
{
	unsigned count = sched_hart_count();

	if (now - hart->sched.asked_at < sched_turn())
		return;
	hart->sched.asked_at = now;
	for (unsigned i = 1; i < count; i++) {
		struct hart *peer = arch_hart((hart->index + i) % count);

		if (!peer || !__atomic_load_n(&peer->sched.waiting, __ATOMIC_RELAXED))
			continue;
		__atomic_fetch_or(&peer->sched.calls, SCHED_CALL_SHARE, __ATOMIC_RELEASE);
		arch_hart_wake(peer);
		return;
	}
}
