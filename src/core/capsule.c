/* SPDX-License-Identifier: MIT */
/* A capsule's ends, and its new beginnings. */
#include "core/capsule.h"

#include "core/arch.h"
#include "core/boot.h"
#include "core/log.h"
#include "lib/div64.h"
#include "lib/string.h"

void capsule_end(struct capsule *capsule, enum capsule_end end, const char *how)
{
	capsule->end = end;
	capsule->state = CAPSULE_STOPPING;
	console_end(&capsule->console, false);
	if (end == CAPSULE_FAILED)
		log_alert("Capsule %u: %s: %s", capsule->number, capsule->name, how);
	else
		log_info("Capsule %u: %s: %s", capsule->number, capsule->name, how);
	arch_hart_request_work();
}

void capsule_ask(struct capsule *capsule, enum capsule_request request)
{
	__atomic_store_n(&capsule->request, request, __ATOMIC_RELEASE);
	arch_hart_wake(capsule->vcpus[0]->hart);
}

static bool is_over(const struct capsule *capsule)
{
	return capsule->state == CAPSULE_ENDED;
}

void capsule_obey(struct capsule *capsule, uint64_t now)
{
	enum capsule_request request =
		__atomic_exchange_n(&capsule->request, CAPSULE_NO_REQUEST, __ATOMIC_ACQ_REL);

	if (request == CAPSULE_STOP && !is_over(capsule)) {
		capsule_end(capsule, CAPSULE_STOPPED, "stopped by the user");
	} else if (request == CAPSULE_RESTART) {
		if (is_over(capsule))
			boot_capsule_revived(capsule);
		log_info("Capsule %u: %s: restarted by the user", capsule->number, capsule->name);
		console_end(&capsule->console, false);
		capsule->failures = 0;
		memset(capsule->reboots, 0, sizeof(capsule->reboots));
		capsule->loaded = 0;
		capsule->restart_at = now;
		capsule->state = CAPSULE_WAITING;
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
	case CAPSULE_FAILED: return capsule->restart != RESTART_NEVER && back_off(capsule, now);
	case CAPSULE_SHUTDOWN: return capsule->restart == RESTART_ALWAYS && back_off(capsule, now);
	}
	return false;
}

void capsule_settle(struct capsule *capsule, uint64_t now)
{
	if (starts_again(capsule, now)) {
		capsule->loaded = 0;
		capsule->state = CAPSULE_WAITING;
		return;
	}
	capsule->state = CAPSULE_ENDED;
	console_end(&capsule->console, true);
	boot_capsule_ended(capsule);
}

static const char *state_name(enum capsule_state state)
{
	switch (state) {
	case CAPSULE_EMPTY: return "empty";
	case CAPSULE_LOADING: return "loading";
	case CAPSULE_RUNNING: return "running";
	case CAPSULE_STOPPING: return "stopping";
	case CAPSULE_WAITING: return "waiting to start again";
	case CAPSULE_ENDED: return "ended";
	}
	return "?";
}

void capsule_show_figures(const struct capsule *capsule)
{
	const struct vcpu *vcpu = capsule->vcpus[0];
	uint32_t ticks_a_ms = div64_u32(capsule->timebase, 1000, NULL);

	log_info("Capsule %u: %s: %s, CPU %u, %lu MiB, started %u times, ran %lu ms, loaded %u "
		 "times",
		 capsule->number, capsule->name, state_name(capsule->state), vcpu->hart->id,
		 (unsigned long)(capsule->ram_size >> 20), capsule->starts,
		 (unsigned long)div64_u32(vcpu->run_time, ticks_a_ms ? ticks_a_ms : 1, NULL),
		 (unsigned)vcpu->switches);
}
