/* SPDX-License-Identifier: MIT */
/*
 * Arithmetic of who gets how much: virtual time for weights, a bucket of time for ceilings.
 * docs/scheduler.md has the reasons.
 */
#ifndef CORE_SHARE_H
#define CORE_SHARE_H

#include "core/lock.h"
#include "core/types.h"

/* Virtual time that a vCPU of weight 1 takes for a tick. */
#define SHARE_SCALE ((uint32_t)1 << 26)

enum { SHARE_WEIGHT_MAX = 10000, SHARE_WEIGHT_DEFAULT = 100 };

/* A bucket holds this part of a turn for each hart that the ceiling is worth: half of one. */
enum { SHARE_CAP_PART = 2 };

/*
 * A capsule's ceiling: a bucket of ticks that fills at `rate` and that all its vCPUs draw from. It
 * may be overdrawn by what was running when it became empty; that is paid back before anything
 * runs again, so that the ceiling holds over any time longer than a few turns.
 */
struct share_cap {
	struct lock lock;
	uint32_t rate;	       /* ticks of CPU for 2^16 ticks of time; 0: there is no ceiling */
	uint32_t inverse_rate; /* ticks of time for 2^16 ticks of CPU */
	uint64_t depth;	       /* ticks that it holds at most */
	/* Guarded by lock. */
	int64_t left; /* ticks */
	uint64_t filled_at;
};

/* A ceiling of `percent` of one hart (1 to 100 times the harts), with turns of `turn` ticks. */
void share_cap_init(struct share_cap *cap, uint32_t percent, uint64_t turn, uint64_t now);

/* Take `ran` ticks out, which ended at `now`, and fill up to then. What is left: negative when
 * overdrawn. Any hart. */
int64_t share_cap_charge(struct share_cap *cap, uint64_t ran, uint64_t now);

/* How long an overdrawn bucket takes until it has `wanted` ticks again. */
uint64_t share_cap_wait(const struct share_cap *cap, int64_t left, uint64_t wanted);

#endif
