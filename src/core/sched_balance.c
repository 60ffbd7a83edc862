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
	/* Turns of its own that one must be behind before something is done about it... */
	AHEAD_MIN = 2,
	/* ...and what it may be behind at most: more than that is forgotten. */
	AHEAD_MAX = 64,
	/* Turns of its own that one who comes waits longer, or less, for what it has had elsewhere.
	 */
	MOVED_MAX = 2,
};

struct sched_harts sched_harts;

/* An idle hart among `allowed`, which from now on nobody else finds; NULL: none. */
static struct hart *claim_idle(const struct hart_set *allowed)
{
	for (unsigned word = 0; word < HART_SET_WORDS; word++) {
		uint32_t found = __atomic_load_n(&sched_harts.idle.words[word], __ATOMIC_SEQ_CST) &
				 allowed->words[word];

		for (unsigned index = word * 32; found; found >>= 1, index++)
			if ((found & 1) && hart_set_remove_shared(&sched_harts.idle, index))
				return arch_hart(index);
	}
	return NULL;
}

bool sched_move(struct hart *from, struct vcpu *vcpu, struct hart *to)
{
	sched_close(vcpu);
	if (!vcpu->closed)
		return false;
	vcpu->place = VCPU_MOVING;
	sched_update_floor(from);
	/* It keeps what it is ahead or behind here; the rest is remembered apart. */
	vcpu->run.key -= from->sched.floor;
	vcpu->lag += from->sched.floor;
	vcpu->migrations++;
	__atomic_store_n(&vcpu->hart, to, __ATOMIC_SEQ_CST);
	sched_send(vcpu);
	return true;
}

/*
 * Virtual time over the whole machine: what the vCPU has had by its weight, wherever it ran. What
 * is on another hart is read while that writes it; at worst one look goes wrong.
 */
static uint64_t service_of(const struct vcpu *vcpu)
{
	return sched_peek(&vcpu->run.key) + sched_peek(&vcpu->lag);
}

/*
 * Where `vcpu`, whose key is relative to the floor that it left, comes to be among those here. Who
 * is sent is as a rule the one that has had most, and goes to where more is to be had: it pays for
 * that here, and who has had less than those here is paid. So those that move come to the same
 * place as those that don't. Within bounds, since some have much less for ever (AHEAD_MAX), and
 * with a turn ahead at most, as on waking up.
 */
static void give_place(const struct sched *sched, struct vcpu *vcpu)
{
	int64_t turn = (int64_t)(sched->turn * vcpu->inverse_weight), most = MOVED_MAX * turn;
	int64_t more = (int64_t)(vcpu->lag - sched->floor - sched->lag);
	uint64_t service = service_of(vcpu);
	int64_t place = (int64_t)vcpu->run.key;

	place += more > most ? most : more < -most ? -most : more;
	vcpu->run.key = sched->floor + (uint64_t)(place < -turn ? -turn : place);
	vcpu->lag = service - vcpu->run.key;
}

void sched_arrive(struct hart *hart, struct vcpu *vcpu)
{
	struct sched *sched = &hart->sched;

	/* Who has been alone here hasn't been charged for it yet, and mustn't seem to be behind. */
	sched_charge(hart, arch_time());
	sched_update_floor(hart);
	give_place(sched, vcpu);
	sched_queue(sched, vcpu);
	sched->woke = true;
}

bool sched_send_to_idle(struct hart *hart, struct vcpu *vcpu)
{
	struct hart *to = claim_idle(&vcpu->capsule->harts);

	if (!to || sched_move(hart, vcpu, to))
		return to != NULL;
	hart_set_add_shared(&sched_harts.idle, to->index);
	return false;
}

/* Take one that waits here out of the queue and send it there. */
static bool send_waiting(struct hart *hart, struct vcpu *vcpu, struct hart *to)
{
	struct sched *sched = &hart->sched;

	heap_remove(&sched->runnable, &vcpu->run);
	if (!sched_move(hart, vcpu, to)) {
		heap_add(&sched->runnable, &vcpu->run, vcpu->run.key);
		return false;
	}
	sched_note_waiting(sched);
	return true;
}

/* The hart that this one compares itself with; NULL when there is none or it runs no capsules. */
static struct hart *peer_of(const struct hart *hart)
{
	struct hart *peer = arch_hart(hart->sched.peer);

	return peer == hart || !peer || peer->unfit ? NULL : peer;
}

/*
 * The least of those on `peer`, and a turn's worth of what runs there just now; false: nothing
 * does. What waits there is known since its last look.
 */
static bool service_there(const struct hart *peer, uint64_t now, uint64_t *service, uint64_t *step)
{
	const struct vcpu *vcpu = __atomic_load_n(&peer->vcpu, __ATOMIC_RELAXED);
	int64_t since_charged;
	uint64_t least;

	if (!vcpu || __atomic_load_n(&vcpu->place, __ATOMIC_RELAXED) != VCPU_RUNNING)
		return false;
	since_charged = (int64_t)(now - sched_peek(&peer->sched.since));
	*service = service_of(vcpu);
	*step = sched_turn() * vcpu->inverse_weight;
	if (since_charged > 0)
		*service += (uint64_t)since_charged * vcpu->inverse_weight;
	least = sched_peek(&peer->sched.least);
	if (sched_waits(peer->index) && heap_before(least, *service))
		*service = least;
	return true;
}

/* Of those here the one that has had least, and of those that may be sent the one with most. */
struct extremes {
	struct vcpu *least, *most;
};

static void compare(struct extremes *found, struct vcpu *vcpu, bool may_go)
{
	uint64_t service = service_of(vcpu);

	if (!found->least || heap_before(service, service_of(found->least)))
		found->least = vcpu;
	if (may_go && (!found->most || heap_before(service_of(found->most), service)))
		found->most = vcpu;
}

/* What loads a capsule stays, and so does what is in the registers. */
static bool may_leave(const struct hart *hart, const struct vcpu *vcpu)
{
	return vcpu != hart->vcpu && vcpu->capsule->state == CAPSULE_RUNNING;
}

static struct extremes find_extremes(const struct hart *hart, unsigned peer)
{
	const struct sched *sched = &hart->sched;
	unsigned count = sched->runnable.count < LOOKED_AT ? sched->runnable.count : LOOKED_AT;
	struct extremes found = {NULL, NULL};

	for (unsigned i = 0; i < count; i++) {
		struct vcpu *vcpu = sched_vcpu_of_run(sched->runnable.nodes[i]);

		compare(&found, vcpu,
			may_leave(hart, vcpu) && hart_set_has(&vcpu->capsule->harts, peer));
	}
	return found;
}

/*
 * What runs on the peer is ahead of somebody here: then the one that has had most here goes
 * there, so that those who have had less have more room. In the long run all that may move are
 * at the same place, whatever their weights and numbers.
 */
static void send_to_peer(struct hart *hart, struct hart *peer)
{
	struct sched *sched = &hart->sched;
	struct extremes found = find_extremes(hart, peer->index);
	struct vcpu *running = hart->vcpu;
	uint64_t there, ahead, step;

	if (running && running->place == VCPU_RUNNING)
		compare(&found, running, hart_set_has(&running->capsule->harts, peer->index));
	if (!found.least)
		return;
	sched->least = service_of(found.least);
	if (!found.most || !service_there(peer, sched->since, &there, &step))
		return;
	if (step < sched_turn() * found.least->inverse_weight)
		step = sched_turn() * found.least->inverse_weight;
	ahead = there - service_of(found.least);
	if ((int64_t)ahead <= (int64_t)(AHEAD_MIN * step))
		return;
	/* Of one whose weight is worth more than a hart, or that can't go there, for ever. */
	if ((int64_t)ahead > (int64_t)(AHEAD_MAX * step))
		found.least->lag += ahead - AHEAD_MAX * step;
	if (found.most != running) {
		send_waiting(hart, found.most, peer);
		return;
	}
	/*
	 * It waits after its turn. Not to look before that, or to send another instead, keeps the
	 * wrong two together for ever where turns and looks are in step.
	 */
	sched->looks_in = 0;
	sched->peer = sched->peer ? sched->peer - 1 : sched_harts.count - 1;
}

static bool is_any_idle(void)
{
	uint32_t found = 0;

	for (unsigned word = 0; word < HART_SET_WORDS; word++)
		found |= __atomic_load_n(&sched_harts.idle.words[word], __ATOMIC_SEQ_CST);
	return found;
}

/* True when one that waits here has gone to a hart that has nothing to do. */
static bool send_to_idle(struct hart *hart)
{
	struct sched *sched = &hart->sched;
	unsigned count = sched->runnable.count < LOOKED_AT ? sched->runnable.count : LOOKED_AT;

	if (!is_any_idle())
		return false;
	for (unsigned i = 0; i < count; i++) {
		struct vcpu *vcpu = sched_vcpu_of_run(sched->runnable.nodes[i]);
		struct hart *to = may_leave(hart, vcpu) ? claim_idle(&vcpu->capsule->harts) : NULL;

		if (!to)
			continue;
		if (send_waiting(hart, vcpu, to))
			return true;
		hart_set_add_shared(&sched_harts.idle, to->index);
	}
	return false;
}

bool sched_find_peer(struct hart *hart)
{
	struct sched *sched = &hart->sched;
	unsigned count = sched_harts.count;
	unsigned index = sched->peer + 1;

	if (count < 2)
		return false;
	if (index >= count)
		index = 0;
	if (index == hart->index && ++index >= count)
		index = 0;
	sched->peer = index;
	return true;
}

void sched_share_out(struct hart *hart)
{
	struct hart *peer = peer_of(hart);

	if (hart->vcpu)
		hart->sched.lag = hart->vcpu->lag;
	if (!send_to_idle(hart) && peer)
		send_to_peer(hart, peer);
}

static bool somebody_waits(void)
{
	for (unsigned first = 0; first < sched_harts.count; first += sizeof(xlen_t))
		if (__atomic_load_n(&sched_harts.waiting[first / sizeof(xlen_t)], __ATOMIC_RELAXED))
			return true;
	return false;
}

void sched_balance(struct hart *hart)
{
	if (sched_find_peer(hart))
		sched_share_out(hart);
}

void sched_ask_for_work(struct hart *hart, uint64_t now)
{
	unsigned count = sched_harts.count;

	if (!somebody_waits() || now - hart->sched.asked_at < sched_turn())
		return;
	hart->sched.asked_at = now;
	for (unsigned i = 1; i < count; i++) {
		struct hart *peer = arch_hart((hart->index + i) % count);

		if (!peer || !sched_waits(peer->index))
			continue;
		__atomic_fetch_or(&peer->sched.calls, SCHED_CALL_SHARE, __ATOMIC_RELEASE);
		arch_hart_wake(peer);
		return;
	}
}
