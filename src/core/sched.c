/* SPDX-License-Identifier: MIT */
/*
 * A hart's decisions: whose turn it is, until when, and when there is nobody, to sleep. What there
 * is to decide about comes by core/sched_post.c and core/sched_due.c, and waits in the queues of
 * core/sched_queue.c.
 */
#include "core/sched_internal.h"
#include "core/steal.h"

/* --- what leaves the registers, and why ------------------------------------------------------ */

/* When time wakes it; all ones: time doesn't. What is too far off is compared as if it were past.
 */
static uint64_t deadline_of(const struct vcpu *vcpu, uint64_t now)
{
	uint64_t when = arch_vcpu_deadline(vcpu);

	return when > now && when - now > (SCHED_NEVER >> 2) ? SCHED_NEVER : when;
}

/* Its state leaves the hart, while it sleeps or waits. */
static void put_aside(struct hart *hart, struct vcpu *vcpu, uint64_t now)
{
	if (vcpu->place == VCPU_ASLEEP) {
		uint64_t when = deadline_of(vcpu, now);

		if (when != SCHED_NEVER)
			sched_add_timer(&hart->sched, &vcpu->timer, when);
		/* The others are closed, which is as good (sched_await()). */
		__atomic_thread_fence(__ATOMIC_RELEASE);
	} else if (vcpu->place != VCPU_AWAY) {
		steal_preempt(vcpu);
		sched_close(vcpu);
	}
}

/* Until its capsule's bucket has a part of a turn for it. */
static void throttle(struct sched *sched, struct vcpu *vcpu, uint64_t now)
{
	struct share_cap *cap = &vcpu->capsule->cap;
	uint64_t wait =
		share_cap_wait(cap, share_cap_charge(cap, 0, now), sched->turn / SHARE_CAP_PART);

	sched->spent = false;
	vcpu->place = VCPU_THROTTLED;
	vcpu->since = now;
	sched_add_timer(sched, &vcpu->timer, now + wait);
}

/* The running vCPU waits, or has used up its share. */
static __attribute__((noinline)) void stop_running(struct hart *hart, struct vcpu *vcpu,
						   uint64_t now)
{
	vcpu->plain = false;
	if (vcpu->wait && !arch_vcpu_interrupted(vcpu)) {
		vcpu->place = VCPU_ASLEEP;
		vcpu->since = now;
	} else if (hart->sched.spent) {
		throttle(&hart->sched, vcpu, now);
	}
	hart->sched.spent = false;
}

/* What is in the registers: whether it goes on, falls asleep, wakes up, or leaves. */
static inline struct vcpu *see_loaded(struct hart *hart, struct vcpu *vcpu, uint64_t now)
{
	if (sched_has_ended(vcpu)) {
		sched_leave(hart, vcpu);
		return NULL;
	}
	if (vcpu->place == VCPU_RUNNING) {
		if (vcpu->wait || hart->sched.spent)
			stop_running(hart, vcpu, now);
	} else if (vcpu->place == VCPU_ASLEEP && arch_vcpu_interrupted(vcpu)) {
		sched_ready(hart, vcpu, now);
	}
	return vcpu->place == VCPU_RUNNING ? vcpu : NULL;
}

/* --- the decision ---------------------------------------------------------------------------- */

/* True when the first in the queue goes before `running`. */
static inline bool is_overtaken(const struct sched *sched, const struct vcpu *running, uint64_t now)
{
	const struct heap_node *first = sched->runnable.nodes[0];

	if (now >= sched->turn_end)
		return !heap_before(running->run.key + running->grace, first->key);
	/* Whoever has come meanwhile must be a good part of the turn behind that a sleeper is. */
	return sched->woke &&
	       heap_before(
		       first->key +
			       (sched->turn >> 2) *
				       sched_vcpu_of_run((struct heap_node *)first)->inverse_weight,
		       running->run.key);
}

/* The first in the queue leaves it; `running`, unless it is NULL, joins it. */
static inline struct vcpu *take_first(struct sched *sched, struct vcpu *running, uint64_t now)
{
	struct heap_node *first = sched->runnable.nodes[0];

	if (!running) {
		heap_remove(&sched->runnable, first);
		sched_note_waiting(sched);
		return sched_vcpu_of_run(first);
	}
	running->place = VCPU_QUEUED;
	running->since = now;
	if (sched->runnable.count == 1) {
		sched->runnable.nodes[0] = &running->run;
		running->run.place = 1;
		first->place = 0;
	} else {
		heap_replace_first(&sched->runnable, &running->run);
	}
	return sched_vcpu_of_run(first);
}

/* Whose turn it is; not in the queue. NULL: nobody's. */
static inline struct vcpu *pick(struct sched *sched, struct vcpu *running, uint64_t now)
{
	if (!sched->runnable.count || (running && !is_overtaken(sched, running, now))) {
		if (running && now >= sched->turn_end)
			sched_begin_turn(sched, running, now);
		return running;
	}
	running = take_first(sched, running, now);
	sched_begin_turn(sched, running, now);
	return running;
}

/* A turn of one whose capsule isn't running: a piece of its loading, or it leaves. */
static void take_job(struct hart *hart, struct vcpu *vcpu, uint64_t now)
{
	struct sched *sched = &hart->sched;
	xlen_t wanted = sched_open(vcpu);

	sched_obey(vcpu, wanted, now);
	if (vcpu->capsule->state == CAPSULE_LOADING && vcpu->id == 0) {
		capsule_load_step(vcpu->capsule);
		sched_pay(sched, vcpu, arch_time());
		sched->spent = false; /* nothing of it is in the registers: it is give_turn()'s */
		vcpu->since = sched->since;
		sched_queue(sched, vcpu);
		sched_close(vcpu);
	} else {
		sched_leave(hart, vcpu);
	}
	arch_hart_poll();
}

/* `vcpu` has the turn, and its state isn't in the registers: it takes the place of `before`. */
static inline void load(struct hart *hart, struct vcpu *before, struct vcpu *vcpu, uint64_t now)
{
	arch_vcpu_switch(before, vcpu);
	if (before)
		put_aside(hart, before, now);
	/* After all that `before` did, and before the look at what is wanted: sched_await(). */
	__atomic_store_n(&hart->vcpu, vcpu, __ATOMIC_RELAXED);
	vcpu->switches++;
}

/* Apart, because it rarely is anything. */
void __attribute__((noinline)) sched_obey_late(struct vcpu *vcpu, uint64_t now)
{
	xlen_t wanted = __atomic_exchange_n(&vcpu->wanted, 0, __ATOMIC_SEQ_CST);

	if (wanted & VCPU_WANT_OF_HART)
		arch_vcpu_honour(vcpu, wanted);
	if (wanted & ~(xlen_t)VCPU_WANT_OF_HART)
		sched_obey(vcpu, wanted, now);
}

/* `vcpu` goes on in this hart; false when what was wanted of it is in the way. */
static inline bool give_turn(struct hart *hart, struct vcpu *vcpu, uint64_t now)
{
	uint64_t waited = now - vcpu->since;

	if ((int64_t)waited < 0)
		waited = 0; /* it came after `now`, by sched_see_to() */
	vcpu->wait_time += waited;
	if (vcpu->capsule->state != CAPSULE_RUNNING) {
		take_job(hart, vcpu, now);
		return false;
	}
	/* It may have slept instead of being throttled, or others have drawn from the bucket. */
	if (vcpu->capped) {
		hart->sched.left = share_cap_charge(&vcpu->capsule->cap, 0, now);
		if (hart->sched.left <= 0) {
			throttle(&hart->sched, vcpu, now);
			return false;
		}
	}
	vcpu->place = VCPU_RUNNING;
	if (hart->vcpu != vcpu)
		load(hart, hart->vcpu, vcpu, now);
	steal_update(vcpu, waited);
	if (sched_is_wanted(vcpu))
		sched_obey_late(vcpu, now);
	return vcpu->capsule->state == CAPSULE_RUNNING;
}

/*
 * When the bucket of the running vCPU's capsule is empty, or nearly: an eighth of a turn is what a
 * look at it is worth. Others of the capsule may be drawing from it on other harts.
 */
static __attribute__((noinline)) uint64_t spent_at(const struct sched *sched,
						   const struct vcpu *running, uint64_t now)
{
	/* What doesn't fit is more than a turn. */
	uint32_t left = sched->left >> 32 ? (uint32_t)-1 : (uint32_t)sched->left;

	left /= running->capsule->vcpu_count;

	return now + (left > sched->turn / 8 ? left : sched->turn / 8);
}

/* When the hart has to decide again although nobody calls it. */
static inline void set_alarm(struct sched *sched, const struct vcpu *running, uint64_t now)
{
	uint64_t when = sched->timer_at;

	if (running && sched->runnable.count && sched->look_at < when)
		when = sched->look_at;
	if (running && running->capped) {
		uint64_t spent = spent_at(sched, running, now);

		if (spent < when)
			when = spent;
	}
	arch_alarm_set(when);
	/* Afterwards: on a slow machine that takes as long as it is to the first look. */
	if (running && running->has_peers && sched->runnable.count)
		sched->entered = arch_time();
}

enum sched_verdict sched_decide(struct hart *hart)
{
	struct sched *sched = &hart->sched;
	struct vcpu *running = hart->vcpu;
	uint64_t now = arch_time();
	struct vcpu *next;

	if (running && running->place == VCPU_RUNNING)
		sched_pay(sched, running, now);
	else
		sched->since = now;
	if (sched->calls || sched->inbox || now >= sched->timer_at) {
		sched_see_to(hart, now);
		running = hart->vcpu;
	}
	if (running)
		running = see_loaded(hart, running, now);

	if (running && now >= sched->look_at && now < sched->turn_end) {
		next = sched_look(hart, running, now);
		if (next != running) {
			if (!give_turn(hart, next, now))
				return SCHED_AGAIN;
			set_alarm(sched, next, now);
			return SCHED_RUN;
		}
	}
	next = pick(sched, running, now);
	sched->woke = false;
	if (!next) {
		set_alarm(sched, NULL, now);
		return SCHED_SLEEP;
	}
	if (next != running) {
		if (!give_turn(hart, next, now))
			return SCHED_AGAIN;
		if (sched_is_time_to_look(sched))
			sched_balance(hart);
	} else if (sched->runnable.count && sched->turn_end == now + sched->turn) {
		/* Its next turn: those that wait for it may have to wait for long. */
		if (sched_is_time_to_look(sched))
			sched_balance(hart);
	}
	set_alarm(sched, next, now);
	return SCHED_RUN;
}

/* --- the hart's life ------------------------------------------------------------------------- */

/* What a call left for the vCPU that goes on now. */
static inline void finish_call(struct vcpu *vcpu)
{
	vcpu->wait = false;
	if (vcpu->resume) {
		vcpu->resume = false;
		arch_vcpu_resume_at(vcpu, vcpu->resume_at, vcpu->resume_opaque);
	}
	if (vcpu->state == VCPU_SUSPENDED)
		__atomic_store_n(&vcpu->state, VCPU_STARTED, __ATOMIC_RELEASE);
	vcpu->plain = sched_is_plain(vcpu);
}

/*
 * No wake-up is lost: interrupts are off, so that one that comes after the look at what is wanted
 * stays pending and ends the WFI (arch_hart_sleep).
 */
void sched_work(struct hart *hart)
{
	struct vcpu *vcpu = hart->vcpu;

	if (!vcpu || !vcpu->wait || !sched_doze(hart)) {
		enum sched_verdict verdict;

		while ((verdict = sched_decide(hart)) != SCHED_RUN) {
			/* What this hart has posted to itself comes without an interrupt. */
			if (verdict == SCHED_AGAIN || hart->sched.inbox || hart->sched.calls)
				continue;
			sched_set_idle(hart, true);
			sched_ask_for_work(hart, hart->sched.since);
			/* What waits for its ceiling isn't to be woken by what is pending. */
			vcpu = hart->vcpu;
			arch_hart_sleep(vcpu && vcpu->place == VCPU_ASLEEP);
			sched_set_idle(hart, false);
		}
	}
	finish_call(hart->vcpu);
}

_Noreturn void sched_run(struct hart *hart)
{
	sched_init_hart(hart);
	sched_work(hart);
	arch_vcpu_enter(hart->vcpu);
}
