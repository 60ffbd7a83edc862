/* SPDX-License-Identifier: MIT */
/*
 * Where a hart's vCPUs wait: in its queue for a turn, in its timers for a time, or away. How they
 * come to be there and leave.
 */
#include "core/sched_internal.h"

/* In line: who wakes up is in a hurry. */
static inline __attribute__((always_inline)) void charge(struct hart *hart, uint64_t now)
{
	if (hart->vcpu && hart->vcpu->place == VCPU_RUNNING)
		sched_pay(&hart->sched, hart->vcpu, now);
}

void sched_charge(struct hart *hart, uint64_t now)
{
	charge(hart, now);
}

static inline void raise_floor(struct sched *sched, uint64_t key)
{
	if (heap_before(sched->floor, key))
		sched->floor = key;
}

void sched_update_floor(struct hart *hart)
{
	struct sched *sched = &hart->sched;
	const struct heap_node *first = heap_first(&sched->runnable);
	const struct vcpu *loaded = hart->vcpu;

	/* Of one that sleeps alone as well: it mustn't fall behind whoever comes. */
	if (!loaded || (first && (loaded->place != VCPU_RUNNING ||
				  heap_before(first->key, loaded->run.key)))) {
		if (first)
			raise_floor(sched, first->key);
	} else {
		raise_floor(sched, loaded->run.key);
	}
}

/*
 * Virtual time on waking up: its own, unless it has slept for so long that it would have more than
 * a turn ahead of everybody else; that much lets those who sleep often run at once.
 */
static void refresh(struct hart *hart, struct vcpu *vcpu, uint64_t now)
{
	uint64_t least;

	sched_update_floor(hart);
	least = hart->sched.floor - hart->sched.turn * vcpu->inverse_weight;
	if (now - vcpu->since > hart->sched.forget || heap_before(vcpu->run.key, least)) {
		vcpu->run.key = least;
		vcpu->lag = hart->sched.lag;
	}
}

void sched_ready(struct hart *hart, struct vcpu *vcpu, uint64_t now)
{
	struct sched *sched = &hart->sched;
	struct vcpu *loaded = hart->vcpu;

	charge(hart, now);
	sched_remove_timer(sched, &vcpu->timer);
	refresh(hart, vcpu, now);
	if (vcpu->place != VCPU_THROTTLED)
		vcpu->since = now; /* else it has been waiting all the time */
	/* Nothing of what a call may have left is to be done before it goes on, here or elsewhere.
	 */
	vcpu->plain = sched_is_plain(vcpu) && !vcpu->resume && vcpu->state == VCPU_STARTED &&
		      vcpu->capsule->state == CAPSULE_RUNNING;
	if (vcpu->plain)
		vcpu->wait = false;
	if (vcpu != loaded &&
	    (sched->runnable.count || (loaded && loaded->place == VCPU_RUNNING)) &&
	    sched_send_to_idle(hart, vcpu))
		return;
	sched_queue(sched, vcpu);
	sched->woke = true;
	if (vcpu != loaded)
		sched_close(vcpu);
}

void sched_leave(struct hart *hart, struct vcpu *vcpu)
{
	struct sched *sched = &hart->sched;
	struct capsule *capsule = vcpu->capsule;

	if (vcpu->place == VCPU_AWAY)
		return;
	if (vcpu->run.place)
		heap_remove(&sched->runnable, &vcpu->run);
	sched_remove_timer(sched, &vcpu->timer);
	sched_note_waiting(sched);
	if (hart->vcpu == vcpu) {
		/* What is pending for a guest that is no more must not keep the hart awake. */
		arch_vcpu_drop(vcpu);
		__atomic_store_n(&hart->vcpu, NULL, __ATOMIC_SEQ_CST);
	}
	vcpu->place = VCPU_AWAY;
	vcpu->wait = vcpu->plain = false;
	if (vcpu->closed) {
		xlen_t missed = sched_open(vcpu) & ~(xlen_t)VCPU_WANT_OF_HART;

		if (missed)
			sched_post(vcpu, missed);
	}
	if (vcpu->state == VCPU_STOP_PENDING)
		__atomic_store_n(&vcpu->state, VCPU_STOPPED, __ATOMIC_RELEASE);
	capsule_vcpu_left(capsule);
}

void sched_wait_until(struct vcpu *vcpu, uint64_t when)
{
	ASSERT(vcpu->place == VCPU_AWAY);
	vcpu->place = VCPU_ASLEEP;
	vcpu->since = arch_time();
	sched_add_timer(&vcpu->hart->sched, &vcpu->timer, when);
	arch_hart_request_work();
}

void sched_enqueue(struct vcpu *vcpu)
{
	ASSERT(vcpu->place == VCPU_AWAY || vcpu->place == VCPU_ASLEEP);
	sched_ready(vcpu->hart, vcpu, arch_time());
	arch_hart_request_work();
}
