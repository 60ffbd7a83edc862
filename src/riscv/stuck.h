/* SPDX-License-Identifier: MIT */
/* The end of a wait for a lock (core/this_hart.h). */
#ifndef RISCV_STUCK_H
#define RISCV_STUCK_H

/* A breakpoint, for a place where a call would cost registers: machine_fault() knows it by that. */
static inline _Noreturn void arch_lock_is_stuck(unsigned long holder)
{
	register unsigned long a0 __asm__("a0") = holder;

	__asm__ volatile("ebreak" : : "r"(a0));
	__builtin_unreachable();
}

#endif
