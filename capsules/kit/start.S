/* SPDX-License-Identifier: MIT */
/*
 * Where a capsule starts, and where its traps arrive. The SBI specification
 * hands over a0 = hart id, a1 = device tree, satp = 0, interrupts off; all
 * other registers are recorded as found, so that a test can look at them.
 */
#include "kit/csr.h"

#define FRAME_WORDS 36
#define X(n)	    ((n) * XLEN_BYTES)

	.section .text.start, "ax"
	.globl	_start
_start:
	/* No register is free yet: sscratch holds t0 while it is the pointer. */
	csrw	sscratch, t0
	la	t0, start_registers
	.irp	n, 1,2,3,4,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	REG_S	x\n, X(\n)(t0)
	.endr
	csrr	t1, sscratch
	REG_S	t1, X(5)(t0)
	csrr	t1, satp
	REG_S	t1, X(32)(t0)
	csrr	t1, sstatus
	REG_S	t1, X(33)(t0)
	csrr	t1, sie
	REG_S	t1, X(34)(t0)

	csrw	sie, zero
	la	t0, bss_start
	la	t1, bss_end
1:	bgeu	t0, t1, 2f
	REG_S	zero, 0(t0)
	addi	t0, t0, XLEN_BYTES
	j	1b
2:	la	sp, stack_top
	la	t0, trap_stack_top
	csrw	sscratch, t0
	la	t0, trap_entry
	csrw	stvec, t0
	call	kit_main
3:	wfi
	j	3b

	.text
/*
 * Where all harts but the first begin (smp.h): a0 = hart id, a1 = struct smp_hart,
 * whose first words are a0, satp, sstatus, sie, then the two stacks.
 */
	.balign	4
	.globl	smp_entry
smp_entry:
	REG_S	a0, X(0)(a1)
	csrr	t0, satp
	REG_S	t0, X(1)(a1)
	csrr	t0, sstatus
	REG_S	t0, X(2)(a1)
	csrr	t0, sie
	REG_S	t0, X(3)(a1)
	csrw	sie, zero
	REG_L	sp, X(4)(a1)
	REG_L	t0, X(5)(a1)
	csrw	sscratch, t0
	la	t0, trap_entry
	csrw	stvec, t0
	addi	t0, a1, X(9)
	li	t1, 1
#if __riscv_xlen == 64
	amoadd.d.aqrl zero, t1, (t0)
#else
	amoadd.w.aqrl zero, t1, (t0)
#endif
	mv	a0, a1
	call	smp_main

/*
 * Every trap, from S and from U. sscratch is the top of the trap stack while
 * no trap is being handled and zero while one is, so that a fault of the
 * handler itself is seen and told instead of looping. The interrupted stack
 * pointer is not used at all: tests put patterns into it.
 */
	.balign	4
	.globl	trap_entry
trap_entry:
	csrrw	sp, sscratch, sp
	beqz	sp, trap_in_trap
	addi	sp, sp, -FRAME_WORDS * XLEN_BYTES
	.irp	n, 1,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	REG_S	x\n, X(\n)(sp)
	.endr
	csrrw	t0, sscratch, zero
	REG_S	t0, X(2)(sp)
	REG_S	zero, X(0)(sp)
	csrr	t0, sepc
	REG_S	t0, X(32)(sp)
	csrr	t0, sstatus
	REG_S	t0, X(33)(sp)
	csrr	t0, scause
	REG_S	t0, X(34)(sp)
	csrr	t0, stval
	REG_S	t0, X(35)(sp)
	mv	a0, sp
	call	trap_handle
	REG_L	t0, X(32)(sp)
	csrw	sepc, t0
	REG_L	t0, X(33)(sp)
	csrw	sstatus, t0
	addi	t0, sp, FRAME_WORDS * XLEN_BYTES
	csrw	sscratch, t0
	.irp	n, 1,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	REG_L	x\n, X(\n)(sp)
	.endr
	REG_L	sp, X(2)(sp)
	sret

trap_in_trap:
	la	sp, trap_stack_top
	csrr	a0, scause
	csrr	a1, sepc
	csrr	a2, stval
	call	trap_nested

/* Saves or loads s0-s11 at `base`, from word `first` on. */
	.macro	callee op, base, first
	\op	s0, X(\first)(\base)
	\op	s1, X(\first + 1)(\base)
	.irp	n, 18,19,20,21,22,23,24,25,26,27
	\op	x\n, X(\n - 16 + \first)(\base)
	.endr
	.endm

/*
 * unsigned long trap_enter(a0, a1, a2, fn, &recover_sp): calls fn(a0, a1, a2). An
 * exception on the way makes trap_handle() continue at trap_recover with the stack
 * pointer of this frame, which looks like a return of fn.
 */
#define SAVED_BYTES (16 * XLEN_BYTES)
	.globl	trap_enter, trap_recover
trap_enter:
	addi	sp, sp, -SAVED_BYTES
	REG_S	ra, X(0)(sp)
	callee	REG_S, sp, 1
	REG_S	gp, X(13)(sp)
	REG_S	tp, X(14)(sp)
	REG_S	sp, 0(a4)
	jalr	a3
trap_recover:
	REG_L	ra, X(0)(sp)
	callee	REG_L, sp, 1
	REG_L	gp, X(13)(sp)
	REG_L	tp, X(14)(sp)
	addi	sp, sp, SAVED_BYTES
	ret

/* user_enter(a0, a1, a2): runs the code at a2 in U-mode with a0, a1. Ends by a trap. */
	.globl	user_enter
user_enter:
	csrw	sepc, a2
	li	t0, SSTATUS_SPP | SSTATUS_SPIE
	csrc	sstatus, t0
	la	sp, user_stack_top
	sret

/*
 * registers_enter(const unsigned long x[32], code): loads x1..x31 and goes on at
 * `code` in S-mode with interrupts off. Ends by a trap, which shows them all.
 */
	.globl	registers_enter
registers_enter:
	csrw	sepc, a1
	li	t0, SSTATUS_SPIE
	csrc	sstatus, t0
	li	t0, SSTATUS_SPP
	csrs	sstatus, t0
	.irp	n, 1,2,3,4,5,6,7,8,9,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	REG_L	x\n, X(\n)(a0)
	.endr
	REG_L	a0, X(10)(a0)
	sret

/*
 * Accesses whose first instruction is the access: a trap's pc is the function.
 * unsigned long probe_loadN(address); void probe_storeN(address, value).
 */
	.option	push
	.option	norvc
	.macro	probe name, insn, reg
	.globl	\name
\name:	\insn	\reg, 0(a0)
	ret
	.endm
	probe	probe_load8, lbu, a0
	probe	probe_load16, lhu, a0
	probe	probe_load32, lw, a0
	probe	probe_store8, sb, a1
	probe	probe_store16, sh, a1
	probe	probe_store32, sw, a1
	probe	probe_load, REG_L, a0
	probe	probe_store, REG_S, a1

/*
 * bool context_save(struct context *): returns false at once, and true when
 * context_resume comes back to it after the machine forgot its registers.
 */
	.globl	context_save
context_save:
	REG_S	ra, X(0)(a0)
	REG_S	sp, X(1)(a0)
	callee	REG_S, a0, 2
	la	t0, context_current
	REG_S	a0, 0(t0)
	li	a0, 0
	ret

/*
 * Entry for HSM calls: a0 = hart id, a1 = opaque, nothing else is known. Records
 * what it was given and returns true from the last context_save().
 */
	.globl	context_resume
	.balign	4
context_resume:
	la	t0, context_current
	REG_L	t0, 0(t0)
	REG_S	a0, X(14)(t0)
	REG_S	a1, X(15)(t0)
	csrr	t1, satp
	REG_S	t1, X(16)(t0)
	csrr	t1, sstatus
	REG_S	t1, X(17)(t0)
	la	t1, trap_stack_top
	csrw	sscratch, t1
	la	t1, trap_entry
	csrw	stvec, t1
	REG_L	ra, X(0)(t0)
	REG_L	sp, X(1)(t0)
	callee	REG_L, t0, 2
	li	a0, 1
	ret
	.option	pop

/* In .data, because it is written before bss is cleared. */
	.data
	.balign	XLEN_BYTES
	.globl	start_registers
start_registers:
	.fill	FRAME_WORDS * XLEN_BYTES, 1, 0

	.section .bss.stacks, "aw", @nobits
	.balign	16
	.space	32768
	.globl	stack_top
stack_top:
	.space	16384
trap_stack_top:
	.space	4096
user_stack_top:
