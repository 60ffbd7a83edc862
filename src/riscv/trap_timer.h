/* SPDX-License-Identifier: MIT */
/*
 * How a guest's timer is set on the short road, in editions for what a hart has, and the hart's own
 * alarm: macros of riscv/trap.S, which says when. src/riscv/timer.c does the same in C.
 */
#ifndef RISCV_TRAP_TIMER_H
#define RISCV_TRAP_TIMER_H

#include "asm_offsets.h"
#include "riscv/csr.h"
#include "riscv/xlen.h"

/* The supervisor's timer with Sstc: (a1:)a0 -> stimecmp; no interrupt between the halves. Uses t1.
 */
.macro SET_COMPARE low, high
#if __riscv_xlen == 64
	csrw	\low, a0
#else
	li	t1, -1
	csrw	\low, t1
	csrw	\high, a1
	csrw	\low, a0
#endif
	.endm

	.macro SET_TIMER_SSTC
	SET_COMPARE CSR_STIMECMP, CSR_STIMECMPH
	.endm

/* With V=1: vstimecmp, which is compared with the guest's own time. */
	.macro SET_TIMER_VIRTUAL_SSTC
	SET_COMPARE CSR_VSTIMECMP, CSR_VSTIMECMPH
	.endm

/* RV64: t0 -> mtimecmp at t1. Some take 32 bits at a time; a0, a result, is free. */
	.macro STORE_MTIMECMP
	sd	t0, 0(t1)
	.endm
	.macro STORE_MTIMECMP_HALVES
	li	a0, -1
	sw	a0, 0(t1)
	srli	a0, t0, 32
	sw	a0, 4(t1)
	sw	t0, 0(t1)
	.endm

/*
 * Without Sstc: through the hart's mtimecmp, whose interrupt becomes STIP
 * (arch_timer_interrupt). The hart's own alarm goes first when it is earlier. Uses t0 and
 * t1, on RV32 a0 and a1 as well. `pending`, `bit`: where STIP is. sp: context.
 */
	.macro SET_MTIMECMP pending, bit, store
#if __riscv_xlen == 64
	sd	a0, CONTEXT_TIMER(sp)
	ld	t0, CONTEXT_ALARM(sp)
	ld	t1, CONTEXT_MTIMECMP(sp)
	bltu	t0, a0, 1f
	mv	t0, a0
1:
	\store
#else
	/*
	 * High halves first: as a rule they decide, or are the same. While mtimecmp's high half
	 * changes its low half is all ones, so that what it holds in between is no earlier than
	 * what it held or what it will hold: nothing becomes due that isn't due anyway. Half of the
	 * one with half of the other could be a time that has been.
	 */
	sw	a0, CONTEXT_TIMER(sp)
	sw	a1, CONTEXT_TIMER + 4(sp)
	lw	t0, CONTEXT_ALARM + 4(sp)
	lw	t1, CONTEXT_MTIMECMP(sp)
	bltu	t0, a1, 1f
	bne	t0, a1, 2f
	lw	t0, CONTEXT_ALARM(sp)
	bgeu	t0, a0, 2f
1:
	/* The alarm is no later. a0 and a1 are free: they are results. */
	lw	a0, CONTEXT_ALARM(sp)
	lw	a1, CONTEXT_ALARM + 4(sp)
2:
	li	t0, -1
	sw	t0, 0(t1)
	sw	a1, 4(t1)
	sw	a0, 0(t1)
#endif
	li	t1, \bit
	csrc	\pending, t1
	.endm

	.macro SET_TIMER_MTIMECMP store
	SET_MTIMECMP mip, MIP_STIP, \store
	.endm

/* With V=1: the guest's time becomes the host's first; what is beyond the end of that is never. */
	.macro SET_TIMER_VIRTUAL_MTIMECMP store
#if __riscv_xlen == 64
	ld	t0, CONTEXT_TIME_ZERO(sp)
	add	a0, a0, t0
	bgeu	a0, t0, 3f
	li	a0, -1
#else
	lw	t0, CONTEXT_TIME_ZERO(sp)
	lw	t1, CONTEXT_TIME_ZERO + 4(sp)
	add	a0, a0, t0
	sltu	t0, a0, t0
	/* The carry first, into what is never all ones: a time that has been. */
	add	t1, t1, t0
	add	a1, a1, t1
	bgeu	a1, t1, 3f
	/* Never, so the alarm is no later: on at SET_MTIMECMP's 1. */
	li	a0, -1
	sw	a0, CONTEXT_TIMER(sp)
	sw	a0, CONTEXT_TIMER + 4(sp)
	lw	t1, CONTEXT_MTIMECMP(sp)
	j	1f
#endif
3:
	SET_MTIMECMP hvip, MIP_VSTIP, \store
	.endm

/* The clock of a hart that has the CSR. */
	.macro READ_TIME low, high
#if __riscv_xlen == 64
	csrr	\low, CSR_TIME
#else
1:
	csrr	\high, CSR_TIMEH
	csrr	\low, CSR_TIME
	csrr	t0, CSR_TIMEH
	bne	t0, \high, 1b
#endif
	.endm

/* The alarm that the scheduler has chosen -> mtimecmp, on a hart with Sstc. tp: hart. Uses t0, t1. */
	.macro SET_ALARM
	REG_L	t1, CPU_MTIMECMP(tp)
#if __riscv_xlen == 64
	ld	t0, CPU_ALARM(tp)
	sd	t0, 0(t1)
#else
	li	t0, -1
	sw	t0, 0(t1)
	lw	t0, CPU_ALARM + 4(tp)
	sw	t0, 4(t1)
	lw	t0, CPU_ALARM(tp)
	sw	t0, 0(t1)
#endif
	.endm

#endif
