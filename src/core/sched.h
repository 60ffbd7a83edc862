/* SPDX-License-Identifier: MIT */
/*
 * Who runs: vCPUs share harts in proportion to their weights, by virtual time (Borrowed Virtual
 * Time without warps), below the ceilings of their capsules and on the harts that those allow.
 *
 * Every hart has a scheduler of its own, which nobody else touches: what another hart wants of a
 * vCPU is a bit in the vCPU, the vCPU in an inbox, and an interrupt (core/sched_post.c); a vCPU
 * moves by being sent (core/sched_balance.c). So there is no lock, and a decision costs
 * O(log n). docs/scheduler.md explains all of it.
 */
#ifndef CORE_SCHED_H
#define CORE_SCHED_H

#include "core/capsule.h"
#include "core/hart.h"
#include "core/hart_set.h"
#include "core/ram.h"

/* --- at boot, on the boot hart --------------------------------------------------------------- */

/* The timebase is `hz`: how long a turn lasts depends on it. The machine has `harts` harts. Once.
 */
void sched_init(uint64_t hz, unsigned harts);

/* How long a turn is, in ticks. */
uint64_t sched_turn(void);

/* For how long a hart may keep others waiting until it is taken for lost; in ticks. */
enum { SCHED_PATIENCE_SECONDS = 4 };

uint64_t sched_patience(void);

/*
 * Take memory for the queues of all harts, for `vcpus` vCPUs in all. ERR_NOMEM with the sentence.
 * Before the first sched_begin(). Once.
 */
enum status sched_prepare(unsigned vcpus, struct ram_map *ram, struct reason *why) MUST_USE;

/* Give a capsule that is LOADING to `hart`: its first vCPU does the loading there. */
void sched_begin(struct capsule *capsule, struct hart *hart);

/* --- on the hart itself ---------------------------------------------------------------------- */

/* What a hart does for ever once it is ready: run vCPUs, else sleep. Its stack is empty. */
_Noreturn void sched_run(struct hart *hart);

/*
 * The hart has left its guest with something to be done: serve requests, wait where the vCPU
 * waits, let another have its turn. On return the state of hart->vcpu is loaded, and its
 * guest may go on.
 */
void sched_work(struct hart *hart);

/*
 * The same after the alarm has rung at `now`, while the guest was running: as a rule a turn is
 * over, which is worth a short way (core/sched_tick.c). Then the result is the vCPU that has the
 * next one: the caller puts its state in the place of the one before and sets the alarm to
 * hart->sched.alarm, and that is all; it is the hart's already. NULL: what sched_work() says.
 */
struct vcpu *sched_tick(uint64_t now);

/*
 * The usual wait: the vCPU that runs sleeps in its hart, where nobody else wants to run, until an
 * interrupt is pending for it and enabled. False: there is more to do (or to find out), which
 * sched_work() does.
 */
bool sched_doze(struct hart *hart);

enum sched_verdict {
	SCHED_RUN,   /* hart->vcpu is loaded and may go on */
	SCHED_AGAIN, /* something else was done; decide again */
	SCHED_SLEEP, /* there is nothing to do until an interrupt comes; the alarm is set */
};

/* One decision, without the waiting: what sched_work() repeats. For it and for tests. */
enum sched_verdict sched_decide(struct hart *hart);

/* --- wishes (core/sched_post.c) -------------------------------------------------------------- */

/*
 * `bits` (VCPU_WANT_*) are wanted of `vcpu`: they are honoured before its next instruction when
 * it isn't running, and very soon when it is. Any hart; costs nothing that depends on others.
 */
void sched_post(struct vcpu *vcpu, xlen_t bits);

/*
 * Wait until `vcpu` has honoured `bits`, if it is in a hart: one that isn't will do so before its
 * next instruction. Meanwhile the caller's own interrupts are served, so that two that wait for
 * one another don't wait for ever. If its hart doesn't answer (sched_patience), the capsule ends,
 * and no vCPU of it that calls this executes another instruction. Caller: an SBI handler of a vCPU
 * of the same capsule that holds no lock.
 */
void sched_await(const struct vcpu *vcpu, xlen_t bits);

/* A host interrupt has come from another hart: see what it is about. True: sched_work() is due. */
bool sched_interrupt(struct hart *hart);

/* The terminal's clock wants to be called earlier than it said. Any hart. */
void sched_wake_console_hart(void);

/* --- for capsules, on the hart of the vCPU -------------------------------------------- */

/* Let `vcpu`, which is AWAY, be woken at `when`, for its capsule's sake. */
void sched_wait_until(struct vcpu *vcpu, uint64_t when);

/* `vcpu` of this hart is to be neither run nor woken from now on; its capsule is told. */
void sched_leave(struct hart *hart, struct vcpu *vcpu);

/* Let `vcpu`, which is AWAY or waits by the above, have turns from now on. */
void sched_enqueue(struct vcpu *vcpu);

#endif
