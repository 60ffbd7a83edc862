/* SPDX-License-Identifier: MIT */
/*
 * The trap path: every entry into the hypervisor and every way back.
 *
 * While a guest runs, mscratch points at its context; while we run, mscratch is
 * zero, so that a trap from M-mode itself is known by its first two instructions
 * and never touches a guest's context.
 *
 * The hypervisor is compiled to leave gp and t2-t6 alone (mk/build.mk), and C
 * keeps s0-s11 by its calling convention. So there are two kinds of entry:
 *
 *   short  saves ra, sp, tp, t0, t1 and a0-a7 into the context. For SBI calls,
 *          device accesses and interrupts; all else stays in the registers.
 *   full   saves the rest too, pc and mstatus included, and returns by loading
 *          everything. For what emulates instructions, reflects exceptions or
 *          changes vCPU.
 *
 * A short entry becomes a full one when work was requested (CPU_WORK), or when
 * the device access turned out to need registers that it didn't save.
 */
#include "asm_offsets.h"
#include "riscv/csr.h"
#include "riscv/trap_timer.h"
#include "riscv/xlen.h"
#include "sbi/slot.h"

#define X(n)	      (CONTEXT_X + (n) * XLEN_BYTES)
#define SBI_EXT_TIME  0x54494d45

/*
 * What a short entry saves is CONTEXT_SHORT_SAVED (riscv/context.h): C reads no other
 * register of the context then. Each place that saves one says so here, and the end of
 * this file compares.
 */
	.set	short_saved, 0
.macro SHORT_SAVES numbers:vararg
	.irp	n, \numbers
	.set	short_saved, short_saved | 1 << \n
	.endr
.endm

	.text

/* Save the caller-saved registers besides t0 and t1, which are saved already. sp: context. */
.macro SAVE_ARGUMENTS from
	.irp	n, 10,11,12,13,14,15,16,17
	.if \n >= \from
	SHORT_SAVES \n
	REG_S	x\n, X(\n)(sp)
	.endif
	.endr
.endm

.macro LOAD_ARGUMENTS from
	.irp	n, 10,11,12,13,14,15,16,17
	.if \n >= \from
	REG_L	x\n, X(\n)(sp)
	.endif
	.endr
.endm

/* Save ra, tp and the guest's sp; then tp: this hart, sp: its stack. Uses t0. sp: context. */
.macro ENTER_HYPERVISOR
	SHORT_SAVES 1,2,4
	REG_S	ra, X(1)(sp)
	REG_S	tp, X(4)(sp)
	csrrw	t0, mscratch, zero
	REG_S	t0, X(2)(sp)
	REG_L	tp, CONTEXT_CPU(sp)
	REG_L	sp, CPU_STACK(tp)
.endm

/*
 * Note the exit for a crash report: the extension's id for a call, else mcause, inverted for an
 * exception. The ring's alignment makes one bit of its next place the wrap. sp: context.
 */
.macro RECORD_EXIT what, scratch
	REG_L	\scratch, CONTEXT_EXIT_NEXT(sp)
	REG_S	\what, 0(\scratch)
	addi	\scratch, \scratch, XLEN_BYTES
	andi	\scratch, \scratch, ~CONTEXT_EXITS_SIZE
	REG_S	\scratch, CONTEXT_EXIT_NEXT(sp)
.endm

/* Count it, for the figures, where C doesn't (enum context_exit). Uses t0. sp: context. */
.macro COUNT_EXIT kind
	REG_L	t0, CONTEXT_COUNTS + \kind * XLEN_BYTES(sp)
	addi	t0, t0, 1
	REG_S	t0, CONTEXT_COUNTS + \kind * XLEN_BYTES(sp)
.endm

/* Save what a short entry doesn't. sp: context. Uses t0. */
.macro SAVE_REST
	.irp	n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	.if !(CONTEXT_SHORT_SAVED >> \n & 1)
	REG_S	x\n, X(\n)(sp)
	.endif
	.endr
	csrr	t0, mepc
	REG_S	t0, CONTEXT_PC(sp)
	csrr	t0, mstatus
	REG_S	t0, CONTEXT_STATUS(sp)
.endm

/* Into the guest whose context is at sp: pc and all registers. */
.macro LOAD_ALL
	REG_L	t0, CONTEXT_PC(sp)
	csrw	mepc, t0
	csrw	mscratch, sp
	.irp	n, 1,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	REG_L	x\n, X(\n)(sp)
	.endr
	REG_L	sp, X(2)(sp)
	mret
.endm

/*
 * The vector of a hart, in editions that differ in how a timer is set, and in what a guest
 * raises: with V=1 (a hart with H) a call has a cause of its own, and there are guest-page
 * faults. mtvec wants it 4-byte aligned.
 */
.macro TRAP_ENTRY name, call, not_call, set_timer
	.globl	\name
	.balign	4
\name:
	csrrw	sp, mscratch, sp
	beqz	sp, trap_from_machine
	SHORT_SAVES 5,6
	REG_S	t0, X(5)(sp)
	REG_S	t1, X(6)(sp)
	csrr	t0, mcause
	li	t1, \call
	bne	t0, t1, \not_call
	li	t1, SBI_EXT_TIME
	bne	a7, t1, trap_call
	bnez	a6, trap_call

	/* SBI "Set Timer": the one call that is done here, on two registers. */
	RECORD_EXIT a7, t0
	COUNT_EXIT EXIT_SET_TIMER
	\set_timer
	csrr	t0, mepc
	addi	t0, t0, 4
	csrw	mepc, t0
	li	a0, 0
	li	a1, 0
	REG_L	t0, X(5)(sp)
	REG_L	t1, X(6)(sp)
	csrrw	sp, mscratch, sp
	mret
.endm

	TRAP_ENTRY trap_entry_sstc, CAUSE_ECALL_S, trap_not_call, SET_TIMER_SSTC
	TRAP_ENTRY trap_entry_mtimecmp, CAUSE_ECALL_S, trap_not_call, \
		"SET_TIMER_MTIMECMP STORE_MTIMECMP"
	TRAP_ENTRY trap_entry_halves, CAUSE_ECALL_S, trap_not_call, \
		"SET_TIMER_MTIMECMP STORE_MTIMECMP_HALVES"
	TRAP_ENTRY trap_entry_virtual_sstc, CAUSE_ECALL_VS, trap_not_call_virtual, \
		SET_TIMER_VIRTUAL_SSTC
	TRAP_ENTRY trap_entry_virtual_mtimecmp, CAUSE_ECALL_VS, trap_not_call_virtual, \
		"SET_TIMER_VIRTUAL_MTIMECMP STORE_MTIMECMP"
	TRAP_ENTRY trap_entry_virtual_halves, CAUSE_ECALL_VS, trap_not_call_virtual, \
		"SET_TIMER_VIRTUAL_MTIMECMP STORE_MTIMECMP_HALVES"

/* What every call needs before its handler. Uses t0. */
.macro ENTER_CALL
	SAVE_ARGUMENTS 12
	RECORD_EXIT a7, t0
	ENTER_HYPERVISOR
	csrr	t0, mepc
	addi	t0, t0, 4
	csrw	mepc, t0
.endm

/*
 * An SBI call. Its arguments stay in a0-a7 into the handler, whose struct
 * sbi_ret comes back in a0 and a1: the calling conventions are the same.
 */
trap_call:
	SBI_SLOT_COPY_OF_REGISTER(t0, a7)
	add	t0, t0, sp
	REG_L	t1, CONTEXT_SLOT_EID(t0)
	bne	t1, a7, trap_call_unknown
	REG_L	t1, CONTEXT_SLOT_COUNT(t0)
	addi	t1, t1, 1
	REG_S	t1, CONTEXT_SLOT_COUNT(t0)
	REG_L	t1, CONTEXT_SLOT_CALL(t0)
	ENTER_CALL
	jalr	t1
trap_call_done:
	REG_L	t0, CPU_WORK(tp)
	REG_L	sp, CPU_CONTEXT(tp)
	bnez	t0, trap_work_due

/* Back into the guest after a short entry; a0 and a1 are its own again. sp: context. */
trap_short_return:
	csrw	mscratch, sp
	REG_L	ra, X(1)(sp)
	REG_L	tp, X(4)(sp)
	REG_L	t0, X(5)(sp)
	REG_L	t1, X(6)(sp)
	LOAD_ARGUMENTS 12
	REG_L	sp, X(2)(sp)
	mret

trap_call_unknown:
	COUNT_EXIT EXIT_UNKNOWN_CALL
	ENTER_CALL
	call	sbi_unknown
	j	trap_call_done

/* A short entry into one of the functions of emul/; on as a full one if that can't serve it. */
.macro SHORT_ENTRY function
	SAVE_ARGUMENTS 10
	ENTER_HYPERVISOR
	call	\function
	REG_L	sp, CPU_CONTEXT(tp)
	bltz	a0, trap_full_after_short
.endm

.macro SHORT_ACCESS function
	COUNT_EXIT EXIT_ACCESS
	SHORT_ENTRY \function
.endm

trap_not_call:
	bltz	t0, trap_interrupted
	not	t0, t0
	RECORD_EXIT t0, t1
	/* Load and store access faults are how guests reach virtual devices. */
	li	t1, ~CAUSE_LOAD_ACCESS
	beq	t0, t1, trap_load
	li	t1, ~CAUSE_STORE_ACCESS
	beq	t0, t1, trap_store
	li	t1, ~CAUSE_ILLEGAL
	bne	t0, t1, trap_full

/* It may be a WFI, which needs no registers. */
trap_illegal:
	SHORT_ENTRY emulate_wait
	j	trap_short_done

/* The same with V=1. Under `hext` it is guest-page faults, under `pmp` access faults. */
trap_not_call_virtual:
	bltz	t0, trap_interrupted
	not	t0, t0
	RECORD_EXIT t0, t1
	li	t1, ~CAUSE_LOAD_GUEST_PAGE
	beq	t0, t1, trap_load_guest_page
	li	t1, ~CAUSE_STORE_GUEST_PAGE
	beq	t0, t1, trap_store_guest_page
	li	t1, ~CAUSE_LOAD_ACCESS
	beq	t0, t1, trap_load_virtual
	li	t1, ~CAUSE_VIRTUAL_INSN
	beq	t0, t1, trap_illegal
	li	t1, ~CAUSE_STORE_ACCESS
	bne	t0, t1, trap_full
	SHORT_ACCESS mmio_store_virtual
	j	trap_short_done

trap_store:
	SHORT_ACCESS mmio_store
	j	trap_short_done

trap_store_guest_page:
	SHORT_ACCESS mmio_store_guest_page
	j	trap_short_done

trap_load_guest_page:
	SHORT_ACCESS mmio_load_guest_page
	j	trap_load_done

trap_load_virtual:
	SHORT_ACCESS mmio_load_virtual
	j	trap_load_done

trap_load:
	SHORT_ACCESS mmio_load
trap_load_done:
	/* a0: the register that takes the value, or negative: needs a full entry. */
	REG_L	a1, CPU_MMIO_VALUE(tp)
	REG_L	t0, CPU_LOAD_RESULTS(tp)
	slli	a0, a0, 3
	add	t0, t0, a0
	jr	t0

/* One slot of eight bytes a register: into the context where it is saved there, else directly. */
	.option	push
	.option	norvc
	.option	norelax
	.balign	8
	.globl	trap_load_results
trap_load_results:
	nop
	j	trap_short_done
	.irp	n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	.if CONTEXT_SHORT_SAVED >> \n & 1
	REG_S	a1, X(\n)(sp)
	.else
	mv	x\n, a1
	.endif
	j	trap_short_done
	.endr
	.option	pop

trap_interrupted:
	RECORD_EXIT t0, t1
	addi	t1, t0, -IRQ_M_TIMER
	slli	t1, t1, 1
	beqz	t1, trap_alarm
trap_interrupted_short:
	SAVE_ARGUMENTS 10
	mv	a0, t0
	ENTER_HYPERVISOR
	call	trap_interrupt
	REG_L	sp, CPU_CONTEXT(tp)
/* A device may have woken another vCPU of this hart, so accesses to them come by here as well. */
trap_short_done:
	REG_L	t0, CPU_WORK(tp)
	REG_L	a0, X(10)(sp)
	REG_L	a1, X(11)(sp)
	beqz	t0, trap_short_return

/* A short entry has left work: make it a full one. a0, a1: the guest's. sp: context. */
trap_work_due:
	REG_S	a0, X(10)(sp)
	REG_S	a1, X(11)(sp)
	SAVE_REST
	mv	a0, sp
	REG_L	sp, CPU_STACK(tp)
	call	trap_work
	j	trap_full_return

/*
 * With Sstc mtimecmp is the hart's alarm alone: as a rule another vCPU's turn has come, which
 * needs a full entry. Without, it is the guest's timer as a rule.
 */
trap_alarm:
	REG_L	t1, CONTEXT_CPU(sp)
	lbu	t1, CPU_TICKS_FULL(t1)
	beqz	t1, trap_interrupted_short
	SAVE_ARGUMENTS 10
	SAVE_REST
	COUNT_EXIT EXIT_TIMER
	mv	s0, sp
	ENTER_HYPERVISOR
	READ_TIME a0, a1
	call	sched_tick
	beqz	a0, trap_tick_done
	SET_ALARM

	/* a0: whose turn it is; s0: the context of whose it was. */
	addi	a1, a0, -CONTEXT_VCPU
	mv	a0, s0
	REG_L	t0, CONTEXT_EXCHANGE_ON(a0)
	REG_L	t1, CONTEXT_EXCHANGE_ON(a1)
	bne	t0, t1, trap_tick_unusual
	beqz	t0, trap_tick_unusual
	REG_L	t0, 0(t0)
	jalr	t0
	/* That has left mstatus as the guest is to have it, MPP included. */
	mv	sp, a1
	LOAD_ALL

trap_tick_unusual:
	call	vcpu_change
trap_tick_done:
	mv	a0, tp
	call	trap_leave
	j	trap_full_return

/* All other exceptions. */
trap_full:
	SAVE_ARGUMENTS 10
	ENTER_HYPERVISOR
	REG_L	sp, CPU_CONTEXT(tp)
trap_full_after_short:
	SAVE_REST
	mv	a0, sp
	REG_L	sp, CPU_STACK(tp)
	csrr	a1, mcause
	csrr	a2, mtval
	call	trap_exception

trap_full_return:
	REG_L	a0, CPU_CONTEXT(tp)

/*
 * context_enter(context): load everything and enter the guest. Of mstatus only
 * the mode is the context's (MPP, S or U); MPV is the hart's; the rest is as it shall be.
 */
	.globl	context_enter
context_enter:
	mv	sp, a0
	REG_L	t0, CONTEXT_STATUS(sp)
	li	t1, MSTATUS_MPP_S
	and	t0, t0, t1
	li	t1, MSTATUS_MPP
	csrc	mstatus, t1
#if __riscv_xlen == 64
	REG_L	t1, CPU_MPV(tp)
	or	t0, t0, t1
#else
	REG_L	t1, CPU_MPV(tp)
	beqz	t1, 1f /* there may be no mstatush */
	csrs	CSR_MSTATUSH, t1
1:
#endif
	csrs	mstatus, t0
	LOAD_ALL

/*
 * A trap from M-mode itself. Accesses to guest memory and to CSRs that may not
 * exist fault by design: the fix-up table knows them, and they continue at their
 * landing with MPRV off. All else is a fault of ours: machine_fault() reports it
 * on the second stack. mscratch was zero, so sp's exchange is undone first.
 */
	.globl	trap_from_machine
trap_from_machine:
	csrrw	sp, mscratch, zero
	REG_S	t0, CPU_SCRATCH(tp)
	REG_S	t1, CPU_SCRATCH + XLEN_BYTES(tp)
	REG_S	a0, CPU_FAULT_X + 10 * XLEN_BYTES(tp)
	REG_S	a1, CPU_FAULT_X + 11 * XLEN_BYTES(tp)
	csrr	t0, mepc
	la	t1, fixup_table
	la	a0, fixup_table_end
1:
	bgeu	t1, a0, machine_broken
	REG_L	a1, 0(t1)
	bltu	t0, a1, 2f
	REG_L	a1, XLEN_BYTES(t1)
	bltu	t0, a1, 3f
2:
	addi	t1, t1, 3 * XLEN_BYTES
	j	1b
3:
	REG_L	t1, 2 * XLEN_BYTES(t1)
	addi	t0, t0, 8
	beqz	t1, 4f /* on behind the next instruction */
	mv	t0, t1
4:
	csrw	mepc, t0
	li	t0, MSTATUS_MPRV
	csrc	mstatus, t0
	REG_L	a1, CPU_FAULT_X + 11 * XLEN_BYTES(tp)
	REG_L	a0, CPU_FAULT_X + 10 * XLEN_BYTES(tp)
	REG_L	t1, CPU_SCRATCH + XLEN_BYTES(tp)
	REG_L	t0, CPU_SCRATCH(tp)
	mret

machine_broken:
	li	t0, MSTATUS_MPRV
	csrc	mstatus, t0
	REG_L	t1, CPU_SCRATCH + XLEN_BYTES(tp)
	REG_L	t0, CPU_SCRATCH(tp)
	.irp	n, 1,2,3,4,5,6,7,8,9,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	REG_S	x\n, CPU_FAULT_X + \n * XLEN_BYTES(tp)
	.endr
	REG_L	t0, CPU_FAULT_DEPTH(tp)
	addi	t1, t0, 1
	REG_S	t1, CPU_FAULT_DEPTH(tp)
	/* A fault while reporting one: say no more. */
	bnez	t0, machine_fault_again
	REG_L	sp, CPU_FAULT_STACK(tp)
	tail	machine_fault

	.globl	machine_fault_again
machine_fault_again:
	REG_L	sp, CPU_FAULT_STACK(tp)
	tail	machine_give_up

	.if short_saved != CONTEXT_SHORT_SAVED
	.error "CONTEXT_SHORT_SAVED isn't what a short entry saves"
	.endif
