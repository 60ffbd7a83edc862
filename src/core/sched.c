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

static inline bool can_run(const struct vcpu *vcpu)
{
	return vcpu->capsule->state == CAPSULE_RUNNING &&
	       (!vcpu->wait || arch_vcpu_interrupted(vcpu));
}

/*
 * Bring a capsule forward that isn't running, or of which something is asked: a step of loading,
 * the end of its back-off, a request from elsewhere. True when there is more to do at once.
 */
static bool tend(struct vcpu *vcpu, uint64_t now)
{
	struct capsule *capsule = vcpu->capsule;

	if (__atomic_load_n(&capsule->request, __ATOMIC_ACQUIRE) != CAPSULE_NO_REQUEST)
		capsule_obey(capsule, now);
	switch (capsule->state) {
	case CAPSULE_STOPPING:
		capsule_settle(capsule, now);
		return capsule->state == CAPSULE_WAITING && now >= capsule->restart_at;
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

/* What one look at all vCPUs of a hart has found. */
struct survey {
	struct vcpu *next; /* the first after the one whose turn it was that can run, or NULL */
	unsigned turn;	   /* its index */
	unsigned runnable; /* how many can run */
	bool busy;	   /* a capsule has more to be done for it at once */
	/*
	 * When this hart has to look again although nobody calls it: a sleeper's timer, the end of
	 * a back-off, the console's.
	 */
	uint64_t deadline;
	uint64_t loaded_deadline; /* the same for what is loaded, which wakes by itself meanwhile */
};

static inline void sooner(struct survey *survey, uint64_t when)
{
	if (when < survey->deadline)
		survey->deadline = when;
}

/* Look at one vCPU, in the order of turns. */
static inline void look_at(struct survey *survey, struct vcpu *vcpu, unsigned index, uint64_t now)
{
	struct capsule *capsule = vcpu->capsule;

	if (capsule->state != CAPSULE_RUNNING || capsule->request != CAPSULE_NO_REQUEST)
		survey->busy |= tend(vcpu, now);
	if (can_run(vcpu)) {
		if (!survey->runnable++) {
			survey->next = vcpu;
			survey->turn = index;
		}
	} else if (capsule->state == CAPSULE_WAITING) {
		sooner(survey, capsule->restart_at);
	} else if (capsule->state == CAPSULE_RUNNING) {
		if (vcpu == vcpu->hart->vcpu)
			survey->loaded_deadline = arch_vcpu_deadline(vcpu);
		else
			sooner(survey, arch_vcpu_deadline(vcpu));
	}
}

/* Look at all, the one whose turn it was last; unless its turn goes on, which makes it first. */
static struct survey look_around(const struct hart *hart, uint64_t now)
{
	struct survey survey = {.deadline = never, .loaded_deadline = never};
	unsigned count = hart->vcpu_count;
	unsigned index = hart->turn;

	for (unsigned i = 0; i < count; i++) {
		if (++index >= count)
			index = 0;
		look_at(&survey, hart->vcpus[index], index, now);
	}
	if (count && now < hart->slice_end && can_run(hart->vcpus[hart->turn])) {
		survey.next = hart->vcpus[hart->turn];
		survey.turn = hart->turn;
	}
	return survey;
}

/* Who runs next; sleeps until there is somebody. Everything that comes meanwhile is served. */
static struct vcpu *choose(struct hart *hart)
{
	for (;;) {
		uint64_t now = arch_time();
		struct survey survey;

		/* First, because it may wake guests; then its next time, which the others may
		 * change. */
		if (console_hart == hart && now >= console_deadline())
			console_tick();
		survey = look_around(hart, now);
		if (console_hart == hart)
			sooner(&survey, console_deadline());
		if (survey.next) {
			if (survey.turn != hart->turn || now >= hart->slice_end)
				hart->slice_end = now + turn_length;
			hart->turn = survey.turn;
			/* Others wait for their turn, or to be loaded between two turns. */
			if (survey.runnable > 1 || survey.busy)
				sooner(&survey, hart->slice_end);
			if (survey.next != hart->vcpu)
				sooner(&survey, survey.loaded_deadline);
			arch_alarm_set(survey.deadline);
			return survey.next;
		}
		if (survey.busy) {
			arch_hart_poll();
			continue;
		}
		/* What is pending for a guest that is no more must not keep the hart awake. */
		if (hart->vcpu && hart->vcpu->capsule->state != CAPSULE_RUNNING) {
			arch_vcpu_drop(hart->vcpu);
			hart->vcpu = NULL;
		}
		arch_alarm_set(survey.deadline);
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
