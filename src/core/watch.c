/* SPDX-License-Identifier: MIT */
#include "core/watch.h"

#include "core/boot.h"
#include "core/log.h"
#include "core/place.h"
#include "core/sched_internal.h"

/* Looks in a row at which a hart had not taken the last call, one of which may have been lost.
 * They are a half of sched_patience() apart. */
enum { LOOKS = 2 };

static struct hart *keepers[2]; /* atomic; NULL: nobody is there to be it */
static uint64_t look_at[2];	/* when each looks next: ticks */

/* Why a hart is unfit that is lost; it isn't any more when it answers. */
static const char lost[] = "it doesn't answer";

struct hart *watch_console_hart(void)
{
	return __atomic_load_n(&keepers[0], __ATOMIC_RELAXED);
}

/* The second keeper: rather one that doesn't belong to a capsule. */
static void name_deputy(void)
{
	struct hart *found = NULL;

	for (unsigned i = 0; i < sched_harts.count; i++) {
		struct hart *hart = arch_hart(i);

		if (hart && !hart->unfit && hart != keepers[0] &&
		    (!found || (place_is_dedicated(found) && !place_is_dedicated(hart))))
			found = hart;
	}
	__atomic_store_n(&keepers[1], found, __ATOMIC_RELAXED);
	if (found)
		sched_call(found, SCHED_CALL_CONSOLE);
}

void watch_start(struct hart *console)
{
	__atomic_store_n(&keepers[0], console, __ATOMIC_RELAXED);
	look_at[0] = look_at[1] = 0;
	sched_call(console, SCHED_CALL_CONSOLE);
	name_deputy();
}

/* What a deputy does first: the terminal is its own from now on. */
static void take_over(struct hart *self)
{
	__atomic_store_n(&keepers[0], self, __ATOMIC_RELAXED);
	log_alert("This CPU serves the terminal from now on");
	console_poll_device();
	name_deputy();
}

/* Call the hart, after a look at whether it has taken the calls before. True when it is lost. */
static bool look_after(struct hart *hart)
{
	bool silent = __atomic_load_n(&hart->sched.calls, __ATOMIC_RELAXED) & SCHED_CALL_ANSWER;

	hart->missed = silent ? hart->missed + 1 : 0;
	sched_call(hart, SCHED_CALL_ANSWER);
	if (hart->unfit && !silent) {
		hart->unfit = NULL;
		log_info("CPU %u answers again", hart->id);
	} else if (!hart->unfit && hart->missed == LOOKS) {
		hart->unfit = lost;
		log_alert("CPU %u has not answered for %u seconds", hart->id,
			  SCHED_PATIENCE_SECONDS);
	}
	if (hart->unfit)
		sched_disown(hart);
	return hart->unfit;
}

/* True when the hart's being lost would keep somebody waiting. */
static bool is_awaited(const struct hart *hart)
{
	return hart == keepers[1] || hart->unfit || hart->sched.inbox || hart->sched.calls ||
	       sched_waits(hart->index);
}

/* True when any is lost. */
static bool look_after_all(const struct hart *self)
{
	bool any = false;

	for (unsigned i = 0; i < sched_harts.count; i++) {
		struct hart *hart = arch_hart(i);

		if (hart && hart != self && (!hart->unfit || hart->unfit == lost) &&
		    is_awaited(hart))
			any |= look_after(hart);
	}
	if (!keepers[1] || keepers[1]->unfit)
		name_deputy();
	return any;
}

/* What waits on a lost hart goes elsewhere. A capsule of which such a hart has a vCPU in hand is
 * lost. */
static void look_at_capsule(struct capsule *capsule)
{
	for (unsigned i = 0; i < capsule->vcpu_count; i++) {
		struct hart *hart = __atomic_load_n(&capsule->vcpus[i]->hart, __ATOMIC_RELAXED);

		if (hart->unfit && !sched_adopt(hart, capsule->vcpus[i])) {
			capsule_lose(capsule, hart);
			return;
		}
	}
}

uint64_t watch_tend(uint64_t now)
{
	struct hart *self = hart_this();
	unsigned which = self != keepers[0];
	struct capsule *capsule;
	bool any;

	if (self != keepers[which] || sched_harts.count < 2)
		return SCHED_NEVER;
	if (now < look_at[which])
		return look_at[which];
	look_at[which] = now + (sched_patience() >> 1);
	any = which ? look_after(keepers[0]) : look_after_all(self);
	if (which && any)
		take_over(self);
	for (unsigned i = 0; any && (capsule = boot_capsule_at(i)) != NULL; i++)
		look_at_capsule(capsule);
	return look_at[which];
}
