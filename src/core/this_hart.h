/* SPDX-License-Identifier: MIT */
/* The part of core/arch.h that locks need, which need no more. */
#ifndef CORE_THIS_HART_H
#define CORE_THIS_HART_H

struct hart;

#if __STDC_HOSTED__
/* The hart that the test, or a thread of it, pretends to be. */
extern _Thread_local struct hart *arch_this_hart;

static inline struct hart *hart_this(void)
{
	return arch_this_hart;
}
#else
/* In M-mode tp always holds the hart (riscv/trap.S, riscv/entry.S). */
register struct hart *arch_this_hart __asm__("tp");

static inline struct hart *hart_this(void)
{
	return arch_this_hart;
}
#endif

/* `holder` (core/lock.h) never lets go of a lock that this hart waits for: a fault of our own. */
#if __STDC_HOSTED__
_Noreturn void arch_lock_is_stuck(unsigned long holder);
#else
#include "riscv/stuck.h"
#endif

#endif
