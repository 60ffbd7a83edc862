/* SPDX-License-Identifier: MIT */
/*
 * The vector of a vCPU that watches events of its own traps (SBI PMU): features_note_trap()
 * first, then the usual vector, as if the trap had just happened. So the usual one has no
 * instruction for it.
 */
#include "asm_offsets.h"
#include "riscv/csr.h"
#include "riscv/xlen.h"

#define X(n) (CONTEXT_X + (n) * XLEN_BYTES)

	.text

/*
 * All that C may change is saved to where the usual vector is about to save it. mscratch is 0
 * meanwhile, as ever in the hypervisor. mtvec wants 4-byte alignment.
 */
.macro TRAP_NOTED name, next
	.globl	\name
	.balign	4
\name:
	csrrw	sp, mscratch, sp
	bnez	sp, 1f
	j	trap_from_machine
1:
	.irp	n, 1,4,5,6,10,11,12,13,14,15,16,17
	REG_S	x\n, X(\n)(sp)
	.endr
	csrrw	t0, mscratch, zero
	REG_S	t0, X(2)(sp)
	REG_L	tp, CONTEXT_CPU(sp)
	REG_L	sp, CPU_STACK(tp)
	csrr	a0, mcause
	mv	a1, a7
	mv	a2, a6
	call	features_note_trap
	REG_L	sp, CPU_CONTEXT(tp)
	csrw	mscratch, sp
	.irp	n, 1,4,5,6,10,11,12,13,14,15,16,17
	REG_L	x\n, X(\n)(sp)
	.endr
	REG_L	sp, X(2)(sp)
	j	\next
.endm

	TRAP_NOTED trap_noted_sstc, trap_entry_sstc
	TRAP_NOTED trap_noted_mtimecmp, trap_entry_mtimecmp
	TRAP_NOTED trap_noted_virtual_sstc, trap_entry_virtual_sstc
	TRAP_NOTED trap_noted_virtual_mtimecmp, trap_entry_virtual_mtimecmp
	TRAP_NOTED trap_noted_halves, trap_entry_halves
	TRAP_NOTED trap_noted_virtual_halves, trap_entry_virtual_halves
