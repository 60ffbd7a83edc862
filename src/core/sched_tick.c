/* SPDX-License-Identifier: MIT */
/*
 * The usual end of a turn: one that spins gives way to one that was preempted as well, and
 * nothing else is due. All of it is here, in a row, so that it costs little; whatever
 * is unusual goes the long way (sched_work), which finds out by itself what it is.
 *
 * What a vCPU needs besides its registers is folded into `plain`: set when it enters its guest by
 * the long way with neither a ceiling nor stolen time to show, and cleared by whatever might
 * leave something to be done before its guest's next instruction: falling asleep, waking up,
 * being loaded anew. What other harts have to say needs no look: they interrupt this hart
 * afterwards, and an end of its capsule is also wanted of the vCPU itself.
 */
#include "core/sched_internal.h"

static __attribute__((noinline)) struct vcpu *take_long_way(void)
{
	sched_work(hart_this());
	return NULL;
}

/* Something is wanted of `next`, which is in its turn already, but not in the registers. */
static __attribute__((noinline)) struct vcpu *obey_first(struct vcpu *running, struct vcpu *next,
							 uint64_t now)
{
	heap_replace_first(&hart_this()->sched.runnable, &running->run);
	arch_vcpu_switch(running, next);
	sched_obey_late(next, now);
	return take_long_way();
}

static __attribute__((noinline)) struct vcpu *change_places(struct vcpu *running)
{
	return sched_vcpu_of_run(heap_replace_first(&hart_this()->sched.runnable, &running->run));
}

/* The accounts of a change of turns: `running` will wait in the queue, `next` has waited. */
static inline void account(struct sched *sched, struct vcpu *running, struct vcpu *next,
			   uint64_t now)
{
	running->place = VCPU_QUEUED;
	running->since = now;
	next->place = VCPU_RUNNING;
	next->wait_time += now - next->since;
	next->switches++;
	sched_begin_turn(sched, next, now);
}

static struct vcpu *look_around(uint64_t now);

/*
 * `next` is the hart's before its state is in the registers. Nobody can tell: interrupts are off,
 * no guest of this hart executes anything, and whoever posts something interrupts afterwards.
 */
static inline __attribute__((always_inline)) struct vcpu *end_turn(uint64_t now, bool may_look)
{
	struct hart *hart = hart_this(); /* tp: no register for an argument */
	struct sched *sched = &hart->sched;
	struct vcpu *running = hart->vcpu;
	struct vcpu *next;

	if (now < sched->turn_end || !sched->runnable.count || !running->plain)
		return take_long_way();
	if (may_look && !sched->looks_in)
		return look_around(now);
	sched_account(sched, running, now);
	next = sched_vcpu_of_run(sched->runnable.nodes[0]);
	if (!next->plain || heap_before(running->run.key + running->grace, next->run.key))
		return take_long_way();
	sched->looks_in = may_look ? sched->looks_in - 1 : SCHED_TURNS_BETWEEN_LOOKS - 1;
	account(sched, running, next, now);
	/* In this order: see sched_await(). */
	sched_close_open(running);
	STORE_RELAXED(hart->vcpu, next);
	if (sched_is_wanted(next))
		return obey_first(running, next, now);
	sched->alarm = sched->timer_at < sched->look_at ? sched->timer_at : sched->look_at;
	if (sched->runnable.count > 1)
		return change_places(running);
	sched->runnable.nodes[0] = &running->run;
	running->run.place = 1;
	next->run.place = 0;
	return next;
}

/*
 * The same once in a while, with a look at what other harts have to do. What there is to share out
 * is shared out afterwards: who has just had a turn may be sent elsewhere, who is about to have
 * one isn't.
 */
static __attribute__((noinline)) struct vcpu *look_around(uint64_t now)
{
	struct hart *hart = hart_this();
	struct sched *sched = &hart->sched;
	struct vcpu *running = hart->vcpu;
	struct vcpu *next = end_turn(now, false);
	uint64_t when = sched->alarm;

	if (!next || !sched_find_peer(hart))
		return next;
	arch_vcpu_switch(running, next);
	sched_share_out(hart);
	sched->alarm = now; /* it has rung, and is to be set anew in any case */
	arch_alarm_set(sched->runnable.count ? when : sched->timer_at);
	return NULL;
}

struct vcpu *sched_tick(uint64_t now)
{
	return end_turn(now, true);
}
