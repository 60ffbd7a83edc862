/* SPDX-License-Identifier: MIT */
/*
 * Posting without a call, for the IPI, which is all about that; sched_post.c has the rest, and says
 * how wishes go from hart to hart.
 */
#ifndef CORE_SCHED_POST_H
#define CORE_SCHED_POST_H

#include "core/arch.h"
#include "core/vcpu.h"

/* sched_send(): put `vcpu`, whose `posted` the caller holds, into the inbox of its hart. Any hart.
 */
static inline void sched_post_send(struct vcpu *vcpu)
{
	struct hart *hart = vcpu->hart;
	struct vcpu *first = __atomic_load_n(&hart->sched.inbox, __ATOMIC_RELAXED);

	do {
		vcpu->inbox_next = first;
		/* Not the exchange's own order: gcc 12 has no fence for that of success alone. */
		__atomic_thread_fence(__ATOMIC_RELEASE);
	} while (!__atomic_compare_exchange_n(&hart->sched.inbox, &first, vcpu, true,
					      __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	if (hart == hart_this())
		arch_hart_request_work();
	else
		arch_hart_wake(hart);
}

/* sched_post(). */
static inline void sched_post_now(struct vcpu *vcpu, xlen_t bits)
{
	xlen_t before = __atomic_fetch_or(&vcpu->wanted, bits, __ATOMIC_SEQ_CST);

	/* It is wanted already, and posted: who asks again and again disturbs nobody. */
	if ((before & bits) == bits && !(bits & ~(xlen_t)(VCPU_WANT_IPI | VCPU_WANT_FENCES)))
		return;
	if (!__atomic_exchange_n(&vcpu->posted, 1, __ATOMIC_SEQ_CST))
		sched_post_send(vcpu);
}

#endif
