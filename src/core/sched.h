/* SPDX-License-Identifier: MIT */
/*
 * Who runs: a round robin over the vCPUs of each hart, with a tick only while
 * somebody waits for a turn.
 *
 * A vCPU stays on the hart it was given. Harts share nothing here, so there is
 * no lock: what other harts want (stop, restart, an interrupt for a vCPU) is
 * written where the owner finds it, and the owner is woken.
 */
#ifndef CORE_SCHED_H
#define CORE_SCHED_H

#include "core/hart.h"

/* Give `vcpu` to the fit hart that has the fewest. Boot hart, before the harts are let go. */
void sched_place(struct vcpu *vcpu, struct hart *hart);

/* The hart a new vCPU should go to; NULL, when none can run one: `unfit` says why. */
struct hart *sched_choose_hart(unsigned hart_count, const char **unfit);

/* What a hart does for ever once it is ready: run its vCPUs, else sleep. Its stack is empty. */
_Noreturn void sched_run(struct hart *hart);

/*
 * The hart has left its guest with something to be done: serve requests, wait where the vCPU
 * waits, let another have its turn. On return the state of hart->vcpu is loaded, and its
 * guest may go on.
 */
void sched_work(struct hart *hart);

/* The hart that serves the terminal's interrupts also keeps its clock. Boot hart, once. */
void sched_set_console_hart(struct hart *hart);

/* The terminal's clock wants to be called earlier than it said. Any hart. */
void sched_wake_console_hart(void);

/* Tell every hart that the timebase is `hz`: how long a turn lasts depends on it. Boot hart, once.
 */
void sched_init(uint64_t hz);

#endif
