/* SPDX-License-Identifier: MIT */
/* The end of a wait for a lock (core/this_hart.h). */
#ifndef RISCV_STUCK_H
#define RISCV_STUCK_H

/* A breakpoint, for a place where a call would cost registers, with the holder in a0:
 * machine_fault() knows it by that. */
static inline _Noreturn void arch_lock_is_stuck(unsigned long holder)
{
	/* Nothing is said of a0, since nothing comes after: else the compiler would keep it free.
	 */
	__asm__ volatile("mv a0, %0\n"
			 "ebreak"
			 :
			 : "r"(holder));
	__builtin_unreachable();
}

#endif
