/* SPDX-License-Identifier: MIT */
#include "core/steal.h"

#include "lib/div64.h"
#include "lib/string.h"

/* Nanoseconds of a tick: whole ones, and what remains in 2^-32 of one. */
static uint32_t whole, fraction;

void steal_init(uint32_t hz)
{
	enum { NANOSECONDS = 1000000000 };
	uint32_t rest;

	whole = div64_u32(NANOSECONDS, hz, &rest);
	fraction = div64_u32((uint64_t)rest << 32, hz, NULL);
}

/*
 * Without a division, and no product of more than 64 bits. All of a sum is converted, not each
 * of its parts, so that what is rounded off doesn't add up: it is less than a nanosecond in
 * 2^32 ticks.
 */
static uint64_t nanoseconds(uint64_t ticks)
{
	uint32_t high = ticks >> 32;
	uint32_t low = ticks;

	return ticks * whole + (uint64_t)high * fraction + ((uint64_t)low * fraction >> 32);
}

void steal_show(struct vcpu *vcpu, struct steal_memory *shared)
{
	if (shared)
		memset(shared, 0, sizeof(*shared));
	vcpu->sbi.steal = (struct vcpu_steal){.shared = shared};
	vcpu->plain = false;
}

/*
 * The guest reads on other harts meanwhile, and may write there whatever it likes: nothing is
 * read back, and no field is more than stored.
 */
static void publish(struct vcpu_steal *steal, uint64_t time)
{
	struct steal_memory *shared = steal->shared;

	__atomic_store_n(&shared->sequence, ++steal->sequence, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	__atomic_store_n(&shared->steal[0], (uint32_t)time, __ATOMIC_RELAXED);
	__atomic_store_n(&shared->steal[1], (uint32_t)(time >> 32), __ATOMIC_RELAXED);
	__atomic_store_n(&shared->sequence, ++steal->sequence, __ATOMIC_RELEASE);
}

void steal_write(struct vcpu *vcpu, uint64_t ticks)
{
	struct vcpu_steal *steal = &vcpu->sbi.steal;

	if (ticks) {
		steal->ticks += ticks;
		publish(steal, nanoseconds(steal->ticks));
	}
	__atomic_store_n(&steal->shared->preempted, 0, __ATOMIC_RELAXED);
}

void steal_write_preempted(struct vcpu *vcpu)
{
	__atomic_store_n(&vcpu->sbi.steal.shared->preempted, 1, __ATOMIC_RELAXED);
}
