/* SPDX-License-Identifier: MIT */
/*
 * What waits on a hart that is lost: its registers are in memory, so another hart can have it. The
 * lost one's queues are emptied first: should it come back, it finds nothing to do but what it had
 * in its hands, whose capsule has been given up by then.
 */
#include "core/sched_internal.h"

/*
 * Those in the inbox are held as if they were closed, as those in the queue are. Those in the queue
 * keep their places, by which sched_adopt() knows them; no other node does, lest it be taken out of
 * where it isn't any more.
 */
void sched_disown(struct hart *hart)
{
	struct sched *sched = &hart->sched;
	struct vcpu *vcpu = __atomic_exchange_n(&sched->inbox, NULL, __ATOMIC_ACQUIRE);

	for (; vcpu; vcpu = vcpu->inbox_next)
		vcpu->closed = true;
	for (unsigned i = 0; i < sched->timers.count; i++)
		sched->timers.nodes[i]->place = 0;
	if (hart->vcpu)
		hart->vcpu->run.place = 0;
	sched->runnable.count = sched->timers.count = 0;
	sched->timer_at = SCHED_NEVER;
	sched_note_waiting(sched);
	hart_set_remove_shared(&sched_harts.idle, hart->index);
}

/* One that may run it; which of them is the others' to settle. */
static struct hart *find_fit(const struct hart_set *allowed)
{
	for (unsigned i = 0; i < sched_harts.count; i++) {
		struct hart *hart = arch_hart(i);

		if (hart_set_has(allowed, i) && !hart->unfit)
			return hart;
	}
	return NULL;
}

/* True when what becomes of it isn't settled by memory: its hart was about to do something. */
static bool is_in_hand(const struct hart *hart, const struct vcpu *vcpu)
{
	return vcpu == hart->vcpu || vcpu->place == VCPU_RUNNING ||
	       (vcpu->place == VCPU_QUEUED && !vcpu->run.place);
}

bool sched_adopt(struct hart *from, struct vcpu *vcpu)
{
	struct hart *to = find_fit(&vcpu->capsule->harts);

	if (!to || is_in_hand(from, vcpu))
		return false;
	sched_close(vcpu);
	if (!vcpu->closed)
		return true; /* it is being sent there just now: at the next look */
	if (vcpu->place == VCPU_AWAY) {
		xlen_t missed;

		__atomic_store_n(&vcpu->hart, to, __ATOMIC_SEQ_CST);
		missed = sched_open(vcpu);
		if (missed)
			sched_post(vcpu, missed);
		return true;
	}
	if (vcpu->capsule->state == CAPSULE_WAITING)
		vcpu->capsule->state = CAPSULE_LOADING;
	vcpu->run.place = vcpu->timer.place = 0;
	vcpu->plain = false; /* of whatever it was: that is for the long way to find out */
	/* One that slept finds that it was woken for no reason, as may always be. */
	return sched_move(from, vcpu, to);
}
