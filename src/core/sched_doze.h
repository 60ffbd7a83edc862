/* SPDX-License-Identifier: MIT */
/*
 * The usual wait: a vCPU sleeps in its hart, where nobody else wants to run, its state in the
 * registers. What a wait and a wake-up by IPI need is here, inline, for the hardware layer to put
 * its own waiting between (riscv/doze.c); all that is unusual goes to sched_doze_on(). All of it on
 * the hart itself, with interrupts off: one that comes between a look and the waiting ends that.
 *
 *   sched_doze_begin()
 *   sched_ask_for_work(), unless sched_nobody_waits()
 *   wait: for an interrupt of the guest's, then sched_doze_end(); or for another hart's call, then
 *         sched_doze_called() and sched_take_wanted(), and perhaps wait again
 */
#ifndef CORE_SCHED_DOZE_H
#define CORE_SCHED_DOZE_H

#include "core/arch.h"
#include "core/capsule.h"
#include "core/hart.h"
#include "core/hart_set.h"

/* What harts know of each other; shared (core/sched_balance.c). */
struct sched_harts {
	struct hart_set idle; /* those that have nothing to run */
	/*
	 * One byte a hart, not zero while somebody waits for a turn there: written by that hart
	 * alone, read by those that fall idle, several at once. A hint.
	 */
	xlen_t waiting[HART_SET_MAX / sizeof(xlen_t)];
	unsigned count; /* that the machine has, unfit ones included; constant */
};

extern struct sched_harts sched_harts;

/*
 * This hart has nothing to run, or has again. Who finds it idle sends work there and wakes it,
 * which needs no order. In the set first, then looking for who waits: one of the two finds the
 * other as a rule; when both miss, sched_balance() finds it some turns later.
 */
static inline void sched_set_idle(struct hart *hart, bool is_idle)
{
	const struct sched *sched = &hart->sched;

	if (is_idle)
		__atomic_fetch_or(sched->idle_word, sched->idle_bit, __ATOMIC_ACQUIRE);
	else
		__atomic_fetch_and(sched->idle_word, ~sched->idle_bit, __ATOMIC_RELAXED);
}

/* True when somebody waits for a turn on the hart with that index. */
static inline bool sched_waits(unsigned index)
{
	return __atomic_load_n((const uint8_t *)sched_harts.waiting + index, __ATOMIC_RELAXED);
}

/* True when one word of `waiting` says it for all harts, as on most machines: nobody waits. */
static inline bool sched_nobody_waits(void)
{
	return sched_harts.count <= sizeof(xlen_t) &&
	       !__atomic_load_n(sched_harts.waiting, __ATOMIC_RELAXED);
}

/* Ask a hart where somebody waits to send one here. This hart is in the set of idle ones. */
void sched_ask_for_work(struct hart *hart, uint64_t now);

/* The vCPU that runs pays for the time since it was charged last, all but its capsule's ceiling.
 * What that was. */
static inline uint64_t sched_account(struct sched *sched, struct vcpu *vcpu, uint64_t now)
{
	uint64_t ran = now - sched->since;

	sched->since = now;
	vcpu->run_time += ran;
	vcpu->run.key += ran * vcpu->inverse_weight;
	return ran;
}

/*
 * `vcpu` runs, and falls asleep at `now` in its hart: from here on others find the hart idle.
 * False: nothing was done; it needs more than that.
 *
 * Neither the inbox, nor the calls, nor the hart's timers, nor whether the capsule has ended is
 * looked at: what is posted comes with an interrupt, which stays pending and ends the wait, and the
 * alarm is set for the first timer since the last decision. What the hart has posted to itself is
 * its work, and was done before its guest ran.
 */
static inline bool sched_doze_begin(struct hart *hart, struct vcpu *vcpu, uint64_t now)
{
	struct sched *sched = &hart->sched;

	if (sched->runnable.count || vcpu->capped)
		return false;
	sched_account(sched, vcpu, now);
	sched_set_idle(hart, true);
	return true;
}

/* It goes on at `now`, since an interrupt is pending that it has enabled. */
static inline void sched_doze_end(struct hart *hart, uint64_t now)
{
	sched_set_idle(hart, false);
	hart->sched.since = now;
}

/*
 * The hart was interrupted by another one, and the interrupt is acknowledged: a device's register,
 * written before anything here is read. All that is in the inbox.
 */
static inline struct vcpu *sched_doze_called(struct hart *hart)
{
	return __atomic_exchange_n(&hart->sched.inbox, NULL, __ATOMIC_ACQUIRE);
}

/*
 * Open `vcpu`, which was taken out of the inbox, for posts again, and take what is wanted of it. On
 * its hart. Another may write its `inbox_next` from here on: whoever calls this has branched on
 * what it read there (riscv/doze.c), or has a fence between (sched_receive()), so that the store
 * here doesn't overtake that load ("Syntactic Dependencies" of RVWMO).
 *
 * `posted` is cleared before the exchange of `wanted`, which releases; who posts changes `wanted`,
 * which acquires, before it looks at `posted`. One of the two changes of `wanted` is the first. If
 * it is the post, it is taken here. If it is this one, the post finds `posted` clear; or set again
 * by another post, and the vCPU is about to come out of the inbox once more.
 */
static inline xlen_t sched_take_wanted(struct vcpu *vcpu)
{
	STORE_RELAXED(vcpu->posted, 0);
	return __atomic_exchange_n(&vcpu->wanted, 0, __ATOMIC_SEQ_CST);
}

/*
 * All that the above doesn't do, for `vcpu`, which sleeps in its hart since sched_doze_begin(): it
 * sleeps on until an interrupt is pending for it, or there is something else for the hart
 * to do: then the result is false, and sched_work() does it. `wanted` is what was taken of the
 * vCPU's, `called` what was taken out of the inbox, neither of it served yet.
 */
bool sched_doze_on(struct hart *hart, struct vcpu *vcpu, struct vcpu *called, xlen_t wanted);

#endif
