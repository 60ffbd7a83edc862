/* SPDX-License-Identifier: MIT */
/* What the scheduler's files have in common; nobody else includes this. */
#ifndef CORE_SCHED_INTERNAL_H
#define CORE_SCHED_INTERNAL_H

#include "core/arch.h"
#include "core/assert.h"
#include "core/sched.h"
#include "core/sched_doze.h"

/* A time that doesn't come. */
#define SCHED_NEVER ((uint64_t)-1)

/* Odd, so that of two that take turns not always the same one waits when there is a look, and is
 * sent. */
enum { SCHED_TURNS_BETWEEN_LOOKS = 5 };

/* What is wanted of a hart itself (struct sched, calls). */
enum {
	SCHED_CALL_CONSOLE = 1, /* the terminal's deadline has moved, or it is a keeper now */
	SCHED_CALL_SHARE = 2,	/* a hart is idle and asks for work */
	SCHED_CALL_ANSWER = 4,	/* it is only to take this: then it isn't lost */
};

static inline struct vcpu *sched_vcpu_of_run(struct heap_node *node)
{
	return (struct vcpu *)((uintptr_t)node - offsetof(struct vcpu, run));
}

static inline struct vcpu *sched_vcpu_of_timer(struct heap_node *node)
{
	return (struct vcpu *)((uintptr_t)node - offsetof(struct vcpu, timer));
}

/* 64 bits that another hart may be writing, which RV32 can't read at once: for guesses only. */
static inline uint64_t sched_peek(const uint64_t *value)
{
	const xlen_t *words = (const xlen_t *)value;
	uint64_t result = 0;

	_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the lower word comes first");
	for (unsigned i = 0; i < 64 / XLEN; i++)
		result |= (uint64_t)__atomic_load_n(words + i, __ATOMIC_RELAXED) << (i * 32);
	return result;
}

/* After every change of the queue from or to empty. On the hart. */
static inline void sched_note_waiting(const struct sched *sched)
{
	STORE_RELAXED(*sched->waiting, sched->runnable.count != 0);
}

/* Put `vcpu` into the hart's queue: it has a virtual time and is in no queue. */
static inline void sched_queue(struct sched *sched, struct vcpu *vcpu)
{
	vcpu->place = VCPU_QUEUED;
	heap_add(&sched->runnable, &vcpu->run, vcpu->run.key);
	sched_note_waiting(sched);
}

/* True when a turn has ended after which the hart looks at what others have to do. */
static inline bool sched_is_time_to_look(struct sched *sched)
{
	if (sched->looks_in--)
		return false;
	sched->looks_in = SCHED_TURNS_BETWEEN_LOOKS - 1;
	return true;
}

/* After every change of the hart's timers. */
static inline void sched_note_timers(struct sched *sched)
{
	const struct heap_node *first = heap_first(&sched->timers);

	sched->timer_at = first ? first->key : SCHED_NEVER;
}

static inline void sched_add_timer(struct sched *sched, struct heap_node *timer, uint64_t when)
{
	heap_add(&sched->timers, timer, when);
	sched_note_timers(sched);
}

static inline void sched_remove_timer(struct sched *sched, struct heap_node *timer)
{
	if (!timer->place)
		return;
	heap_remove(&sched->timers, timer);
	sched_note_timers(sched);
}

/* The running vCPU pays, and so does its capsule, if that has a ceiling. */
static inline void sched_pay(struct sched *sched, struct vcpu *vcpu, uint64_t now)
{
	uint64_t ran = sched_account(sched, vcpu, now);

	if (vcpu->capped) {
		sched->left = share_cap_charge(&vcpu->capsule->cap, ran, now);
		sched->spent |= sched->left <= 0;
	}
}

/* No ceiling to be looked at, no stolen time to be shown, when its turns begin and end. */
static inline bool sched_is_plain(const struct vcpu *vcpu)
{
	return !vcpu->capped && !vcpu->sbi.steal.shared;
}

/* Its capsule runs no more, or it was told to stop (HSM): it leaves instead of going on. */
static inline bool sched_has_ended(const struct vcpu *vcpu)
{
	return vcpu->capsule->state != CAPSULE_RUNNING || vcpu->state == VCPU_STOP_PENDING;
}

/* --- core/sched_boot.c --- */

/* What a hart's scheduler knows from the beginning. On the hart, or before it runs. */
void sched_init_hart(struct hart *hart);

/* --- core/sched.c --- */

/* What was wanted of `vcpu`, whose state is in the registers, while it waited. */
void sched_obey_late(struct vcpu *vcpu, uint64_t now);

/* --- core/sched_due.c --- */

/* Whatever has to be seen to before a decision at `now`: calls, the inbox, timers. */
void sched_see_to(struct hart *hart, uint64_t now);

/* SCHED_CALL_*: call `hart`, which may be this one. Any hart. */
void sched_call(struct hart *hart, xlen_t call);

/* --- core/sched_queue.c --- */

/* What runs here pays for the time up to `now`. */
void sched_charge(struct hart *hart, uint64_t now);

/* Bring the hart's floor up to date: the least virtual time of all that could run here. */
void sched_update_floor(struct hart *hart);

/* An AWAY or ASLEEP vCPU of this hart can run: it gets its virtual time and a place in the queue.
 */
void sched_ready(struct hart *hart, struct vcpu *vcpu, uint64_t now);

/* --- core/sched_post.c --- */

/* Send `vcpu`, whose `posted` the caller holds, to the inbox of `vcpu->hart`. */
void sched_send(struct vcpu *vcpu);

/* See who is in the inbox. True when a decision is due. */
bool sched_read_inbox(struct hart *hart);

/* The same with those that were taken out of it: `vcpu`, or NULL, and who is linked to it. */
bool sched_receive(struct hart *hart, struct vcpu *vcpu);

/* Carry out what was taken of the wishes for `vcpu`, which is loaded here. True as above. */
bool sched_serve(struct vcpu *vcpu, xlen_t wanted);

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

/* --- core/sched_spin.c --- */

/* The first look comes after 1/256 of a turn: some 20 us. */
enum { SCHED_LOOK_SHIFT = 8 };

/* A turn begins at `now`: when to look for the first time whether it is spent on spinning. */
static inline uint64_t sched_first_look(struct sched *sched, uint64_t now)
{
	sched->looks = 0;
	return now + (sched->turn >> SCHED_LOOK_SHIFT);
}

/* `vcpu`'s turn begins. */
static inline void sched_begin_turn(struct sched *sched, const struct vcpu *vcpu, uint64_t now)
{
	sched->turn_end = now + sched->turn;
	sched->look_at = vcpu->has_peers ? sched_first_look(sched, now) : sched->turn_end;
}

/*
 * It is time for a look at `running`: if it spins, one of its capsule that waits here gets its
 * turn, and leaves the queue for that while `running` joins it. Who goes on.
 */
struct vcpu *sched_look(struct hart *hart, struct vcpu *running, uint64_t now);

/* --- core/sched_balance.c --- */

/* A vCPU that was sent here joins the queue. */
void sched_arrive(struct hart *hart, struct vcpu *vcpu);

/* Send `vcpu`, which is about to be queued, to an idle hart instead. False: there is none. */
bool sched_send_to_idle(struct hart *hart, struct vcpu *vcpu);

/* `vcpu`, which is in no queue of `from` and not in its registers, goes to `to`. False: it is
 * wanted there just now. */
bool sched_move(struct hart *from, struct vcpu *vcpu, struct hart *to);

/* A turn is over, or an idle hart has asked: let others have of what waits here. */
void sched_balance(struct hart *hart);

/* Its two halves: is there somebody who might take some? Then, whatever may have happened since:
 * let them. */
bool sched_find_peer(struct hart *hart);
void sched_share_out(struct hart *hart);

/* --- core/sched_lost.c --- */

/* `hart` is lost: its queues are empty from now on, should it come back, and nobody finds it idle.
 * Who waits there is to be adopted. */
void sched_disown(struct hart *hart);

/* `vcpu`, which waits on the lost hart `from`, goes to another one that its capsule may use. False:
 * there is none, or `from` has it in its hands. The first keeper's (core/watch.h). */
bool sched_adopt(struct hart *from, struct vcpu *vcpu);

#endif
