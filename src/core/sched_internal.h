/* SPDX-License-Identifier: MIT */
/* What the scheduler's files have in common; nobody else includes this. */
#ifndef CORE_SCHED_INTERNAL_H
#define CORE_SCHED_INTERNAL_H

#include "core/arch.h"
#include "core/assert.h"
#include "core/sched.h"

/* Odd, so that of two that take turns not always the same one waits when there is a look, and is
 * sent. */
enum { SCHED_TURNS_BETWEEN_LOOKS = 5 };

/* What is wanted of a hart itself (struct sched, calls). */
enum {
	SCHED_CALL_CONSOLE = 1, /* the terminal's deadline has moved */
	SCHED_CALL_SHARE = 2,	/* a hart is idle and asks for work */
};

static inline struct vcpu *sched_vcpu_of_run(struct heap_node *node)
{
	return (struct vcpu *)((uintptr_t)node - offsetof(struct vcpu, run));
}

static inline struct vcpu *sched_vcpu_of_timer(struct heap_node *node)
{
	return (struct vcpu *)((uintptr_t)node - offsetof(struct vcpu, timer));
}

/* Put `vcpu` into the hart's queue: it has a virtual time and is in no queue. */
static inline void sched_queue(struct sched *sched, struct vcpu *vcpu)
{
	vcpu->place = VCPU_QUEUED;
	heap_add(&sched->runnable, &vcpu->run, vcpu->run.key);
	__atomic_store_n(&sched->waiting, sched->runnable.count, __ATOMIC_RELAXED);
}

/* The running vCPU pays for the time since it was charged last; gives that time. */
static inline uint64_t sched_charge(struct sched *sched, struct vcpu *vcpu, uint64_t now)
{
	uint64_t ran = now - sched->since;

	sched->since = now;
	vcpu->run_time += ran;
	vcpu->run.key += ran * vcpu->inverse_weight;
	return ran;
}

/* True when a turn has ended after which the hart looks at what others have to do. */
static inline bool sched_is_time_to_look(struct sched *sched)
{
	if (sched->looks_in--)
		return false;
	sched->looks_in = SCHED_TURNS_BETWEEN_LOOKS - 1;
	return true;
}

/* --- core/sched.c --- */

/* What was wanted of `vcpu`, whose state is in the registers, while it waited. */
void sched_obey_late(struct vcpu *vcpu, uint64_t now);

/* Harts that the machine has, idle ones and unfit ones included. */
unsigned sched_hart_count(void);

/* Bring the hart's floor up to date: the least virtual time of all that could run here. */
void sched_update_floor(struct hart *hart);

/* An AWAY or ASLEEP vCPU of this hart can run: it gets its virtual time and a place in the queue.
 */
void sched_ready(struct hart *hart, struct vcpu *vcpu, uint64_t now);

/* --- core/sched_post.c --- */

/* See who is in the inbox. True when a decision is due. */
bool sched_read_inbox(struct hart *hart);

/* Send `vcpu`, whose `posted` the caller holds, to the inbox of `vcpu->hart`. */
void sched_send(struct vcpu *vcpu);

/*
 * Hold up what is posted for `vcpu`, which waits for its turn, so that nobody can use it to disturb
 * this hart; until sched_is_wanted(). One that is in the inbox will be closed when it is taken out.
 */
static inline void sched_close_open(struct vcpu *vcpu)
{
	vcpu->closed = !__atomic_exchange_n(&vcpu->posted, 1, __ATOMIC_SEQ_CST);
}

/* The same, for one that may be closed already, as one that had its turn isn't. */
static inline void sched_close(struct vcpu *vcpu)
{
	if (!vcpu->closed)
		sched_close_open(vcpu);
}

/* From now on posts come at once; true when something is wanted of `vcpu` already. */
static inline bool sched_is_wanted(struct vcpu *vcpu)
{
	if (vcpu->closed) {
		vcpu->closed = false;
		__atomic_store_n(&vcpu->posted, 0, __ATOMIC_RELEASE);
	}
	/* Whoever still saw `posted` set has set its bit by now. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return __atomic_load_n(&vcpu->wanted, __ATOMIC_RELAXED);
}

/* The same, and takes what is wanted. */
static inline xlen_t sched_open(struct vcpu *vcpu)
{
	return sched_is_wanted(vcpu) ? __atomic_exchange_n(&vcpu->wanted, 0, __ATOMIC_SEQ_CST) : 0;
}

/* Carry out what isn't the hardware layer's: start, or a look at the capsule. Caller: vCPU's hart.
 */
void sched_obey(struct vcpu *vcpu, xlen_t bits, uint64_t now);

/* --- core/sched_balance.c --- */

/* This hart has nothing to run, or has again. */
void sched_set_idle(struct hart *hart, bool idle);

/* A vCPU that was sent here joins the queue. */
void sched_arrive(struct hart *hart, struct vcpu *vcpu);

/* Ask a hart where somebody waits to send one here. This hart is in the set of idle ones. */
void sched_ask_for_work(struct hart *hart, uint64_t now);

/* Send `vcpu`, which is about to be queued, to an idle hart instead. False: there is none. */
bool sched_send_to_idle(struct hart *hart, struct vcpu *vcpu);

/* A turn is over, or an idle hart has asked: let others have of what waits here. */
void sched_balance(struct hart *hart);

/* Its two halves: is there somebody who might take some? Then, whatever may have happened since:
 * let them. */
bool sched_find_peer(struct hart *hart);
void sched_share_out(struct hart *hart);

#endif
