/* SPDX-License-Identifier: MIT */
#include "core/sched.h"

#include "core/arch.h"
#include "core/assert.h"
#include "core/capsule.h"
#include "core/console.h"
#include "lib/div64.h"

enum { TURNS_A_SECOND = 200 };

static const uint64_t never = (uint64_t)-1;
static uint64_t turn_length;	  /* ticks */
static struct hart *console_hart; /* who serves the terminal */

void sched_init(uint64_t hz)
{
	turn_length = div64_u32(hz, TURNS_A_SECOND, NULL);
}

void sched_set_console_hart(struct hart *hart)
{
	console_hart = hart;
}

void sched_wake_console_hart(void)
{
	if (console_hart == hart_this())
		arch_hart_request_work();
	else if (console_hart)
		arch_hart_wake(console_hart);
}

struct hart *sched_choose_hart(unsigned hart_count, const char **unfit)
{
	struct hart *best = NULL;

	*unfit = "none came up";
	for (unsigned i = hart_count; i-- > 0;) {
		struct hart *hart = arch_hart(i);

		if (hart && hart->unfit)
			*unfit = hart->unfit;
		else if (hart && hart->vcpu_count < HART_VCPUS_MAX &&
			 (!best || hart->vcpu_count <= best->vcpu_count))
			best = hart;
	}
	return best;
}

void sched_place(struct vcpu *vcpu, struct hart *hart)
{
	ASSERT(hart->vcpu_count < HART_VCPUS_MAX);
	vcpu->hart = hart;
	hart->vcpus[hart->vcpu_count] = vcpu;
	__atomic_store_n(&hart->vcpu_count, hart->vcpu_count + 1, __ATOMIC_RELEASE);
}

static bool can_run(const struct vcpu *vcpu)
{
	return vcpu->capsule->state == CAPSULE_RUNNING &&
	       (!vcpu->wait || arch_vcpu_interrupted(vcpu));
}

/*
 * Bring a capsule forward that isn't running: a step of loading, the end of its
 * back-off, a request from elsewhere. True when there is more to do at once.
 */
static bool tend(struct vcpu *vcpu, uint64_t now)
{
	struct capsule *capsule = vcpu->capsule;

	if (__atomic_load_n(&capsule->request, __ATOMIC_ACQUIRE) != CAPSULE_NO_REQUEST)
		capsule_obey(capsule, now);
	switch (capsule->state) {
	case CAPSULE_STOPPING: capsule_settle(capsule, now); return true;
	case CAPSULE_WAITING:
		if (now < capsule->restart_at)
			return false;
		capsule->state = CAPSULE_LOADING;
		return true;
	case CAPSULE_LOADING:
		if (capsule_load_step(capsule) && vcpu->hart->vcpu == vcpu) {
			/* What is in the registers is of its earlier life. */
			arch_vcpu_drop(vcpu);
			vcpu->hart->vcpu = NULL;
		}
		return true;
	case CAPSULE_RUNNING:
	case CAPSULE_ENDED:
	case CAPSULE_EMPTY: return false;
	}
	return false;
}

/* The index of the next vCPU after the one whose turn it was that can run; vcpu_count: none. */
static unsigned next_turn(const struct hart *hart)
{
	for (unsigned i = 1; i <= hart->vcpu_count; i++) {
		unsigned index = (hart->turn + i) % hart->vcpu_count;

		if (can_run(hart->vcpus[index]))
			return index;
	}
	return hart->vcpu_count;
}

/*
 * When this hart has to look again although nobody calls it: the end of the turn, a sleeper's
 * timer, the end of a back-off, the console's. What is loaded has its own timer.
 */
static uint64_t next_deadline(const struct hart *hart, bool contended)
{
	uint64_t when = contended ? hart->slice_end : never;

	for (unsigned i = 0; i < hart->vcpu_count; i++) {
		const struct vcpu *vcpu = hart->vcpus[i];
		uint64_t due = never;

		if (vcpu->capsule->state == CAPSULE_WAITING)
			due = vcpu->capsule->restart_at;
		else if (vcpu != hart->vcpu && vcpu->wait &&
			 vcpu->capsule->state == CAPSULE_RUNNING)
			due = arch_vcpu_deadline(vcpu);
		if (due < when)
			when = due;
	}
	if (console_hart == hart && console_deadline() < when)
		when = console_deadline();
	return when;
}

/* True when somebody else could run now. */
static bool is_contended(const struct hart *hart, const struct vcpu *running)
{
	for (unsigned i = 0; i < hart->vcpu_count; i++) {
		const struct vcpu *vcpu = hart->vcpus[i];

		if (vcpu != running && (can_run(vcpu) || vcpu->capsule->state == CAPSULE_LOADING))
			return true;
	}
	return false;
}

/* Who runs next; sleeps until there is somebody. Everything that comes meanwhile is served. */
static struct vcpu *choose(struct hart *hart)
{
	for (;;) {
		uint64_t now = arch_time();
		bool busy = false;
		unsigned index;

		for (unsigned i = 0; i < hart->vcpu_count; i++)
			busy |= tend(hart->vcpus[i], now);
		if (console_hart == hart && now >= console_deadline())
			console_tick();

		/* Whose turn it is keeps it until it ends. */
		index = hart->turn;
		if (hart->vcpu_count && (now >= hart->slice_end || !can_run(hart->vcpus[index])))
			index = next_turn(hart);
		if (index < hart->vcpu_count) {
			struct vcpu *vcpu = hart->vcpus[index];

			if (index != hart->turn || now >= hart->slice_end)
				hart->slice_end = now + turn_length;
			hart->turn = index;
			arch_alarm_set(next_deadline(hart, is_contended(hart, vcpu)));
			return vcpu;
		}
		if (busy) {
			arch_hart_poll();
			continue;
		}
		/* What is pending for a guest that is no more must not keep the hart awake. */
		if (hart->vcpu && hart->vcpu->capsule->state != CAPSULE_RUNNING) {
			arch_vcpu_drop(hart->vcpu);
			hart->vcpu = NULL;
		}
		arch_alarm_set(next_deadline(hart, false));
		arch_hart_sleep();
	}
}

/* Make `vcpu` the one whose state is in the registers. */
static void load(struct hart *hart, struct vcpu *vcpu)
{
	if (hart->vcpu == vcpu)
		return;
	arch_vcpu_switch(hart->vcpu, vcpu);
	hart->vcpu = vcpu;
	vcpu->switches++;
}

/* What a call left for the vCPU that goes on now. */
static void finish_call(struct vcpu *vcpu)
{
	vcpu->wait = false;
	if (vcpu->resume) {
		vcpu->resume = false;
		arch_vcpu_resume_at(vcpu, vcpu->resume_at, vcpu->resume_opaque);
	}
	if (vcpu->state == VCPU_SUSPENDED)
		__atomic_store_n(&vcpu->state, VCPU_STARTED, __ATOMIC_RELEASE);
}

/*
 * The usual wait: a hart's only vCPU sleeps until it is interrupted. True when it was; false when
 * there is anything else to do, which is then still to be done.
 */
static bool slept_alone(struct hart *hart)
{
	struct vcpu *vcpu = hart->vcpu;

	if (hart->vcpu_count != 1 || !vcpu || !vcpu->wait ||
	    vcpu->capsule->state != CAPSULE_RUNNING)
		return false;
	while (!arch_vcpu_interrupted(vcpu)) {
		if (arch_hart_has_work())
			return false;
		arch_hart_sleep();
	}
	return !arch_hart_has_work();
}

void sched_work(struct hart *hart)
{
	struct vcpu *vcpu = hart->vcpu;

	if (vcpu)
		vcpu->run_time += arch_time() - hart->loaded_at;
	if (!slept_alone(hart)) {
		vcpu = choose(hart);
		load(hart, vcpu);
	}
	finish_call(vcpu);
	hart->loaded_at = arch_time();
}

_Noreturn void sched_run(struct hart *hart)
{
	do
		sched_work(hart);
	while (!can_run(hart->vcpu)); /* loading it for the first time may have ended it */
	arch_vcpu_enter(hart->vcpu);
}
