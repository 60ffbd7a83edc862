/* SPDX-License-Identifier: MIT */
/*
 * Spin locks, between harts; interrupts are off in M-mode anyway.
 *
 * Order, outermost first: a capsule's device lock, the console's lock, the
 * log's lock. The others (a ceiling's bucket, the seed, what harts find out at boot)
 * are taken with nothing taken inside. No lock is held across a copy of guest-sized data.
 */
#ifndef CORE_LOCK_H
#define CORE_LOCK_H

#include <stdatomic.h>

#include "core/this_hart.h"
#include "core/types.h"

struct lock {
	/* By lock_holder(), or 0. A whole register: an atomic swap of less has to be extended. */
	atomic_ulong held;
};

/* How `held` names a hart. Never 0, not even where a test has no hart. */
static inline unsigned long lock_holder(const struct hart *hart)
{
	return (unsigned long)(uintptr_t)hart + 1;
}

/*
 * Whoever holds a lock lets go of it soon, or is lost, with what the lock guards in an unknown
 * state: then it is a fault of our own. Counted, since a call, or a look at the clock, would cost a
 * register where nobody waits: some seconds to some minutes.
 */
static inline void lock_take(struct lock *lock)
{
	while (__builtin_expect(atomic_exchange_explicit(&lock->held, lock_holder(hart_this()),
							 memory_order_acquire),
				0)) {
		uint32_t looks = 0;
		unsigned long holder;

		while ((holder = atomic_load_explicit(&lock->held, memory_order_relaxed)) != 0)
			if (!++looks)
				arch_lock_is_stuck(holder);
	}
}

static inline void lock_drop(struct lock *lock)
{
	atomic_store_explicit(&lock->held, 0, memory_order_release);
}

#endif
