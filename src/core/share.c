/* SPDX-License-Identifier: MIT */
#include "core/share.h"

#include "lib/div64.h"

enum { RATE_SHIFT = 16 };

void share_cap_init(struct share_cap *cap, uint32_t percent, uint64_t turn, uint64_t now)
{
	cap->rate = div64_u32((uint64_t)percent << RATE_SHIFT, 100, NULL);
	cap->inverse_rate = div64_u32((uint64_t)100 << RATE_SHIFT, percent, NULL);
	/* Half a turn on every hart that it may fill. */
	cap->depth = turn / SHARE_CAP_PART;
	if (percent > 100)
		cap->depth = div64_u32(cap->depth * percent, 100, NULL);
	cap->left = (int64_t)cap->depth;
	cap->filled_at = now;
}

/* Earnings of more than this many ticks fill every bucket; it keeps the product below 2^64. */
#define LONG_TIME ((uint64_t)1 << 40)

static void fill(struct share_cap *cap, uint64_t now)
{
	uint64_t elapsed = now - cap->filled_at;
	uint64_t earned;

	if ((int64_t)elapsed <= 0)
		return; /* another hart was here with a later clock */
	if (elapsed > LONG_TIME)
		elapsed = LONG_TIME;
	earned = elapsed * cap->rate;
	/* The rest that is less than a tick stays in time, so that no earnings are lost. */
	if (!(earned >> RATE_SHIFT))
		return;
	cap->filled_at =
		now - ((earned & ((1 << RATE_SHIFT) - 1)) * cap->inverse_rate >> (2 * RATE_SHIFT));
	cap->left += (int64_t)(earned >> RATE_SHIFT);
	if (cap->left > (int64_t)cap->depth)
		cap->left = (int64_t)cap->depth;
}

int64_t share_cap_charge(struct share_cap *cap, uint64_t ran, uint64_t now)
{
	int64_t left;

	lock_take(&cap->lock);
	/* In this order: what is earned while running isn't lost in a bucket that is full. */
	cap->left -= (int64_t)ran;
	fill(cap, now);
	left = cap->left;
	lock_drop(&cap->lock);
	return left;
}

uint64_t share_cap_wait(const struct share_cap *cap, int64_t left, uint64_t wanted)
{
	uint64_t missing = wanted - (uint64_t)left;

	if ((int64_t)missing <= 0)
		return 0;
	return (missing * cap->inverse_rate >> RATE_SHIFT) + 1;
}
