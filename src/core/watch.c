/* SPDX-License-Identifier: MIT */
#include "core/watch.h"

#include "core/boot.h"
#include "core/sched_internal.h"

/* When to look; all ones: nothing is about to end. */
static uint64_t look_at = SCHED_NEVER;

/* One that hasn't taken the last call is called once more: it may have been lost. */
static void call_all(void)
{
	for (unsigned i = 0; i < sched_harts.count; i++) {
		struct hart *hart = arch_hart(i);

		if (!hart || hart->unfit || hart == hart_this())
			continue;
		__atomic_fetch_or(&hart->sched.calls, SCHED_CALL_ANSWER, __ATOMIC_RELEASE);
		arch_hart_wake(hart);
	}
}

/* True when its hart has not taken the last call. */
static bool is_unanswered(const struct vcpu *vcpu)
{
	const struct hart *hart = __atomic_load_n(&vcpu->hart, __ATOMIC_RELAXED);

	return __atomic_load_n(&hart->sched.calls, __ATOMIC_RELAXED) & SCHED_CALL_ANSWER;
}

/* The hart that keeps the capsule from ending, if there is one. The first vCPU's has the say. */
static struct hart *silent_hart(const struct capsule *capsule)
{
	for (unsigned i = 0; i < capsule->vcpu_count; i++) {
		struct vcpu *vcpu = capsule->vcpus[i];

		if ((i == 0 || vcpu->place != VCPU_AWAY) && is_unanswered(vcpu))
			return vcpu->hart;
	}
	return NULL;
}

/* True when it is about to end, or asked to. */
static bool look(struct capsule *capsule)
{
	enum capsule_state state = __atomic_load_n(&capsule->state, __ATOMIC_RELAXED);
	struct hart *silent;

	if (state != CAPSULE_STOPPING && !(state == CAPSULE_RUNNING && capsule->request))
		return false;
	silent = silent_hart(capsule);
	if (silent && state == CAPSULE_RUNNING)
		capsule_unanswered(capsule, silent);
	else if (silent)
		capsule_lose(capsule, silent);
	return true;
}

void watch_begin(uint64_t now)
{
	if (look_at == SCHED_NEVER)
		look_at = now + sched_patience();
}

uint64_t watch_tend(uint64_t now)
{
	struct capsule *capsule;
	bool any = false;

	if (now < look_at)
		return look_at;
	for (unsigned i = 0; (capsule = boot_capsule_at(i)) != NULL; i++)
		any |= look(capsule);
	look_at = any ? now + sched_patience() : SCHED_NEVER;
	if (any)
		call_all();
	return look_at;
}
