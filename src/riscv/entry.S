/* SPDX-License-Identifier: MIT */
/*
 * The first instructions of every hart. All enter here in M-mode, in any order
 * and at once, a0 = hart id, a1 = device tree (the boot protocol of emulators
 * and first-stage loaders); nothing else is known, RAM beyond our image
 * included. The first to draw a ticket initialises the machine; the others
 * sleep until their structure is published.
 */
#include "asm_offsets.h"
#include "riscv/csr.h"
#include "riscv/xlen.h"

/* mstatus.MDT = 0, in whichever CSR it is. */
.macro CLEAR_DOUBLE_TRAP
	la	t0, 1f
	csrw	mtvec, t0
#if __riscv_xlen == 64
	li	t0, 1
	slli	t0, t0, MSTATUS_MDT_BIT
	csrc	mstatus, t0
#else
	li	t0, MSTATUSH_MDT
	csrc	CSR_MSTATUSH, t0
#endif
	.balign	4
1:
.endm

/* A register of this hart's interrupt file at machine level (AIA, "Incoming MSI Controller"). */
.macro SELECTED_WRITE select, value
	li	t0, \select
	csrw	CSR_MISELECT, t0
	csrwi	CSR_MIREG, \value
.endm

	.section .text.entry, "ax"
	.globl	_start
_start:
	csrw	mie, zero
	csrci	mstatus, MSTATUS_MIE

	/*
	 * Newer cores leave reset with the double-trap bit set (Smdbltrp: mstatus.MDT = 1)
	 * and with NMIs off (Smrnmi: mnstatus.NMIE = 0): until both are put right every trap
	 * is fatal. MDT first, since the access to a CSR that doesn't exist traps, to the
	 * next label; and again, since that trap sets it.
	 */
	CLEAR_DOUBLE_TRAP
	la	t0, 2f
	csrw	mtvec, t0
	csrsi	CSR_MNSTATUS, MNSTATUS_NMIE
	.balign	4
2:
	CLEAR_DOUBLE_TRAP
	la	t0, park
	csrw	mtvec, t0
	csrr	a0, mhartid

.Ldraw:
	csrw	mie, zero
	la	t0, boot_ticket
	li	t1, 1
	amoswap.w.aq t1, t1, (t0)
	bnez	t1, wait_for_boot

	/* bss may hold anything: RAM isn't zero on a board. */
	la	t0, __bss_start
	la	t1, __bss_end
3:
	REG_S	zero, 0(t0)
	addi	t0, t0, XLEN_BYTES
	bltu	t0, t1, 3b

	/* Its block's stack, below the structure that cpu_prepare() lays out. */
	la	sp, boot_block_end
	li	t0, CPU_ABOVE_STACK
	sub	sp, sp, t0
	csrw	mscratch, zero
	tail	boot

/* Sleep until the boot hart has published the table, then look for our own id in it. */
wait_for_boot:
	li	t0, MIP_MSIP
	csrw	mie, t0
	/* Without such interrupts the call is an MSI. Where there is no IMSIC, on at the label. */
	la	t0, 4f
	csrw	mtvec, t0
	SELECTED_WRITE ISELECT_EIDELIVERY, 1
	SELECTED_WRITE ISELECT_EITHRESHOLD, 0
	SELECTED_WRITE ISELECT_EIE, 1 << IMSIC_CALL
	li	t0, MIP_MEIP
	csrs	mie, t0
	.balign	4
4:
	CLEAR_DOUBLE_TRAP
	la	t0, park
	csrw	mtvec, t0
8:
	la	t0, boot_table
	REG_L	t1, 0(t0)
	bnez	t1, 5f
	/* The hart that had drawn it has handed it over: boot_hand_over. */
	la	t0, boot_ticket
	lw	t1, 0(t0)
	beqz	t1, .Ldraw
	wfi
	j	8b
5:
	fence	rw, rw
	/* t1: pairs of hart id and structure, ended by a structure of 0. */
6:
	REG_L	tp, XLEN_BYTES(t1)
	beqz	tp, park
	REG_L	t0, 0(t1)
	addi	t1, t1, 2 * XLEN_BYTES
	bne	t0, a0, 6b
	csrw	mie, zero
	csrw	mscratch, zero
	REG_L	sp, CPU_STACK(tp)
	mv	a0, tp
	tail	cpu_main

/*
 * Let another hart boot, from the beginning, with this one's stack; a0 is the register that calls
 * it. Returns when nobody has come for some sixteen million instructions.
 */
	.globl	boot_hand_over
boot_hand_over:
	la	t0, boot_ticket
	li	t1, 1
	fence	rw, w
	sw	zero, 0(t0)
	fence	w, o
	sw	t1, 0(a0)
	li	a1, 1 << 22
9:
	addi	a1, a1, -1
	lw	a0, 0(t0)
	bnez	a0, park
	bnez	a1, 9b
	amoswap.w.aq a0, t1, (t0)
	bnez	a0, park
	ret

/* A hart that nobody knows, or a trap before anything could report it. */
	.balign	4
	.globl	park
park:
	csrw	mie, zero
7:
	wfi
	j	7b

	.data
	.balign	XLEN_BYTES
boot_ticket:
	.word	0
	.balign	XLEN_BYTES
	.globl	boot_table
boot_table:
	XLEN_WORD 0
