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

struct lock {
	atomic_ulong held; /* a whole register: an atomic swap of less has its result extended */
};

static inline void lock_take(struct lock *lock)
{
	while (__builtin_expect(atomic_exchange_explicit(&lock->held, 1, memory_order_acquire),
				0)) {
		while (atomic_load_explicit(&lock->held, memory_order_relaxed))
			;
	}
}

static inline void lock_drop(struct lock *lock)
{
	atomic_store_explicit(&lock->held, 0, memory_order_release);
}

#endif
