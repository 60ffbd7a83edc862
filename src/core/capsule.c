/* SPDX-License-Identifier: MIT */
/* A capsule's ends, and its new beginnings. */
#include "core/capsule.h"

#include "core/arch.h"
#include "core/boot.h"
#include "core/figures.h"
#include "core/log.h"
#include "core/sched.h"
#include "lib/print.h"
#include "lib/string.h"

static void note_end(struct capsule *capsule, enum capsule_end end, const char *how)
{
	capsule->end = end;
	console_end(&capsule->console, false);
	if (end == CAPSULE_FAILED || end == CAPSULE_UNANSWERED)
		log_alert("Capsule %u: %s: %s", capsule->number, capsule->name, how);
	else
		log_info("Capsule %u: %s: %s", capsule->number, capsule->name, how);
}

void capsule_end(struct capsule *capsule, enum capsule_end end, const char *how)
{
	enum capsule_state running = CAPSULE_RUNNING;

	if (!__atomic_compare_exchange_n(&capsule->state, &running, CAPSULE_STOPPING, false,
					 __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
		return;
	note_end(capsule, end, how);
	for (unsigned i = 0; i < capsule->vcpu_count; i++)
		sched_post(capsule->vcpus[i], VCPU_WANT_LOOK);
}

void capsule_unanswered(struct capsule *capsule, const struct hart *hart)
{
	char how[60];

	print_text(how, sizeof(how), "stopped: CPU %u has not answered for %u seconds", hart->id,
		   SCHED_PATIENCE_SECONDS);
	capsule_end(capsule, CAPSULE_UNANSWERED, how);
}

void capsule_ask(struct capsule *capsule, enum capsule_request request)
{
	__atomic_store_n(&capsule->request, request, __ATOMIC_RELEASE);
	sched_post(capsule->vcpus[0], VCPU_WANT_LOOK);
}

/* The first vCPU has the loading to do, at once or at restart_at. */
static void begin_again(struct capsule *capsule, uint64_t now)
{
	capsule->loaded = 0;
	__atomic_add_fetch(&capsule->present, 1, __ATOMIC_SEQ_CST);
	if (capsule->restart_at > now) {
		capsule->state = CAPSULE_WAITING;
		sched_wait_until(capsule->vcpus[0], capsule->restart_at);
	} else {
		capsule->state = CAPSULE_LOADING;
		sched_enqueue(capsule->vcpus[0]);
	}
}

static void restart(struct capsule *capsule, uint64_t now)
{
	log_info("Capsule %u: %s: restarted by the user", capsule->number, capsule->name);
	capsule->failures = 0;
	memset(capsule->reboots, 0, sizeof(capsule->reboots));
	capsule->restart_at = now;
	switch (__atomic_load_n(&capsule->state, __ATOMIC_ACQUIRE)) {
	case CAPSULE_RUNNING:
		capsule_end(capsule, CAPSULE_AGAIN, "is stopped to be started again");
		break;
	case CAPSULE_STOPPING: capsule->end = CAPSULE_AGAIN; break;
	case CAPSULE_WAITING:
		capsule->state = CAPSULE_LOADING;
		sched_enqueue(capsule->vcpus[0]);
		break;
	case CAPSULE_LOADING: capsule->loaded = 0; break;
	case CAPSULE_ENDED:
		boot_capsule_revived(capsule);
		begin_again(capsule, now);
		break;
	case CAPSULE_EMPTY:
	case CAPSULE_LOST: break;
	}
}

static void stop(struct capsule *capsule)
{
	static const char how[] = "stopped by the user";

	switch (__atomic_load_n(&capsule->state, __ATOMIC_ACQUIRE)) {
	case CAPSULE_RUNNING: capsule_end(capsule, CAPSULE_STOPPED, how); break;
	case CAPSULE_STOPPING: capsule->end = CAPSULE_STOPPED; break;
	case CAPSULE_LOADING: /* its vCPU leaves at its next turn */
		note_end(capsule, CAPSULE_STOPPED, how);
		capsule->state = CAPSULE_STOPPING;
		break;
	case CAPSULE_WAITING:
		note_end(capsule, CAPSULE_STOPPED, how);
		capsule->state = CAPSULE_STOPPING;
		sched_leave(capsule->vcpus[0]->hart, capsule->vcpus[0]);
		break;
	case CAPSULE_ENDED:
	case CAPSULE_EMPTY:
	case CAPSULE_LOST: break;
	}
}

/* True when it has rebooted as often as is allowed within the last seconds. `now` is noted. */
static bool reboots_too_often(struct capsule *capsule, uint64_t now)
{
	uint64_t oldest = capsule->reboots[CAPSULE_REBOOTS_MAX - 1];

	for (unsigned i = CAPSULE_REBOOTS_MAX - 1; i > 0; i--)
		capsule->reboots[i] = capsule->reboots[i - 1];
	capsule->reboots[0] = now;
	return oldest && now - oldest < (uint64_t)CAPSULE_REBOOT_SECONDS * capsule->timebase;
}

/* After a failure, or a shutdown that is to be undone: later each time. False: it was too often. */
static bool back_off(struct capsule *capsule, uint64_t now)
{
	unsigned seconds;

	if (now - capsule->started_at > (uint64_t)CAPSULE_STABLE_SECONDS * capsule->timebase)
		capsule->failures = 0;
	if (capsule->failures == CAPSULE_RESTARTS_MAX) {
		log_alert("Capsule %u: %s: restarted %u times in vain: it stays stopped",
			  capsule->number, capsule->name, CAPSULE_RESTARTS_MAX);
		return false;
	}
	seconds = 1u << capsule->failures++;
	log_info("Capsule %u: %s: starts again in %u second%s", capsule->number, capsule->name,
		 seconds, seconds == 1 ? "" : "s");
	capsule->restart_at = now + (uint64_t)seconds * capsule->timebase;
	return true;
}

/* True when it starts again, at restart_at. */
static bool starts_again(struct capsule *capsule, uint64_t now)
{
	switch (capsule->end) {
	case CAPSULE_STOPPED: return false;
	case CAPSULE_AGAIN: return true;
	case CAPSULE_REBOOT:
		if (!reboots_too_often(capsule, now)) {
			capsule->restart_at = now;
			return true;
		}
		log_alert("Capsule %u: %s: rebooted %u times within %u seconds: it stays stopped",
			  capsule->number, capsule->name, CAPSULE_REBOOTS_MAX,
			  CAPSULE_REBOOT_SECONDS);
		capsule->end = CAPSULE_FAILED;
		return false;
	case CAPSULE_UNANSWERED: /* which has answered after all */
	case CAPSULE_FAILED: return capsule->restart != RESTART_NEVER && back_off(capsule, now);
	case CAPSULE_SHUTDOWN: return capsule->restart == RESTART_ALWAYS && back_off(capsule, now);
	}
	return false;
}

static void end_for_good(struct capsule *capsule)
{
	figures_ask(capsule);
	console_end(&capsule->console, true);
	boot_capsule_ended(capsule);
}

/* Of this and the capsule's end the first counts, so that it is counted once. */
static bool leave_state(struct capsule *capsule, enum capsule_state state, enum capsule_state next)
{
	return __atomic_compare_exchange_n(&capsule->state, &state, next, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_RELAXED);
}

void capsule_lose(struct capsule *capsule, const struct hart *hart)
{
	enum capsule_state state = __atomic_load_n(&capsule->state, __ATOMIC_RELAXED);

	if (state == CAPSULE_RUNNING) {
		capsule_unanswered(capsule, hart);
		return;
	}
	if (state >= CAPSULE_ENDED || !leave_state(capsule, state, CAPSULE_LOST))
		return;
	log_alert("Capsule %u: %s: is lost with CPU %u, which has not answered for %u seconds",
		  capsule->number, capsule->name, hart->id, SCHED_PATIENCE_SECONDS);
	end_for_good(capsule);
}

/* All its vCPUs have left, and it is ENDED: decide whether it starts again, and when. */
static void settle(struct capsule *capsule, uint64_t now)
{
	capsule->restart_at = now;
	if (starts_again(capsule, now)) {
		begin_again(capsule, now);
		return;
	}
	end_for_good(capsule);
}

/* Once for each end: what is present comes back only by what follows from here. */
static void settle_if_left(struct capsule *capsule, uint64_t now)
{
	if (!__atomic_load_n(&capsule->present, __ATOMIC_SEQ_CST) &&
	    leave_state(capsule, CAPSULE_STOPPING, CAPSULE_ENDED))
		settle(capsule, now);
}

void capsule_look(struct vcpu *vcpu, uint64_t now)
{
	struct capsule *capsule = vcpu->capsule;

	if (vcpu != capsule->vcpus[0])
		return;
	switch (__atomic_exchange_n(&capsule->request, CAPSULE_NO_REQUEST, __ATOMIC_ACQ_REL)) {
	case CAPSULE_STOP: stop(capsule); break;
	case CAPSULE_RESTART: restart(capsule, now); break;
	case CAPSULE_NO_REQUEST: break;
	}
	settle_if_left(capsule, now);
}

bool capsule_vcpu_joins(struct capsule *capsule)
{
	__atomic_add_fetch(&capsule->present, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&capsule->state, __ATOMIC_SEQ_CST) == CAPSULE_RUNNING)
		return true;
	capsule_vcpu_left(capsule);
	return false;
}

void capsule_vcpu_left(struct capsule *capsule)
{
	if (!__atomic_sub_fetch(&capsule->present, 1, __ATOMIC_SEQ_CST) &&
	    __atomic_load_n(&capsule->state, __ATOMIC_SEQ_CST) == CAPSULE_STOPPING)
		sched_post(capsule->vcpus[0], VCPU_WANT_LOOK);
}
