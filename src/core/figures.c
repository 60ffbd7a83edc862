/* SPDX-License-Identifier: MIT */
/*
 * Figures are told a vCPU at a time, by whoever keeps the console's clock: the words take a while
 * to put together, and a capsule may have more of them than the log holds. So nobody waits for
 * them, and none are lost: the next come when there is room.
 */
#include "core/figures.h"

#include "core/arch.h"
#include "core/boot.h"
#include "core/lock.h"
#include "core/log.h"
#include "lib/div64.h"
#include "lib/print.h"

enum {
	EXITS_LINE = 120, /* a line of them, and at most one reason with its number */
	EXITS_WORD = 50,
};

/* Of whoever tells a piece, until it is in the log. Taken before any other lock. */
static struct lock telling;

static const char *state_name(enum capsule_state state)
{
	switch (state) {
	case CAPSULE_EMPTY: return "empty";
	case CAPSULE_LOADING: return "loading";
	case CAPSULE_RUNNING: return "running";
	case CAPSULE_STOPPING: return "stopping";
	case CAPSULE_WAITING: return "waiting to start again";
	case CAPSULE_ENDED: return "ended";
	case CAPSULE_LOST: return "lost";
	}
	return "?";
}

static unsigned long in_ms(const struct capsule *capsule, uint64_t ticks)
{
	uint32_t ticks_a_ms = div64_u32(capsule->timebase, 1000, NULL);

	return (unsigned long)div64_u32(ticks, ticks_a_ms ? ticks_a_ms : 1, NULL);
}

/* Why it has left its guest, most of all for what: lines of a length that people read. */
static void show_exits(const struct capsule *capsule, const struct vcpu *vcpu)
{
	char line[EXITS_LINE];
	size_t length = 0;
	const char *what;
	xlen_t count;

	for (unsigned i = 0; (what = arch_vcpu_exits(vcpu, i, &count)) != NULL; i++) {
		if (!count)
			continue;
		if (length > EXITS_LINE - EXITS_WORD) {
			log_info("Capsule %u:     exits: %s", capsule->number, line);
			length = 0;
		}
		length += print_text(line + length, sizeof(line) - length, "%s%lu %s",
				     length ? ", " : "", (unsigned long)count, what);
	}
	if (length)
		log_info("Capsule %u:     exits: %s", capsule->number, line);
}

/*
 * What has gone by since the vCPU began to run, or to wait, isn't in its account yet. Its hart may
 * be about to write that: then this is a figure of a moment ago, or none.
 */
static uint64_t not_yet(const struct vcpu *vcpu, enum vcpu_place place, uint64_t since)
{
	uint64_t passed = arch_time() - since;

	return vcpu->place == place && (int64_t)passed > 0 ? passed : 0;
}

static void tell_capsule(const struct capsule *capsule)
{
	log_info("Capsule %u: %s: %s, %lu MiB, starts: %u", capsule->number, capsule->name,
		 state_name(capsule->state), (unsigned long)(capsule->ram_size >> 20),
		 capsule->starts);
}

static void tell_vcpu(const struct capsule *capsule, unsigned id)
{
	const struct vcpu *vcpu = capsule->vcpus[id];

	log_info("Capsule %u:   vCPU %u on CPU %u: ran %lu ms, waited %lu ms, loads: %u, "
		 "moves: %u",
		 capsule->number, id, vcpu->hart->id,
		 in_ms(capsule,
		       vcpu->run_time + not_yet(vcpu, VCPU_RUNNING, vcpu->hart->sched.since)),
		 in_ms(capsule, vcpu->wait_time + not_yet(vcpu, VCPU_QUEUED, vcpu->since)),
		 (unsigned)vcpu->switches, (unsigned)vcpu->migrations);
	show_exits(capsule, vcpu);
}

/* The next of its vCPUs that has been loaded at all; false when there is none. */
static bool tell_next(struct capsule *capsule)
{
	unsigned id = __atomic_load_n(&capsule->figures, __ATOMIC_RELAXED) - 1;

	if (!id)
		tell_capsule(capsule);
	while (id < capsule->vcpu_count && !capsule->vcpus[id]->switches)
		id++;
	if (id < capsule->vcpu_count)
		tell_vcpu(capsule, id++);
	__atomic_store_n(&capsule->figures, id < capsule->vcpu_count ? id + 1 : 0,
			 __ATOMIC_RELAXED);
	return id < capsule->vcpu_count;
}

void figures_ask(struct capsule *capsule)
{
	__atomic_store_n(&capsule->figures, 1, __ATOMIC_RELAXED);
	console_tell();
}

bool figures_tell(void)
{
	struct capsule *capsule;
	bool more = false;

	lock_take(&telling);
	capsule = boot_capsule_to_tell();
	if (capsule)
		more = tell_next(capsule) || boot_capsule_to_tell();
	lock_drop(&telling);
	return more;
}
