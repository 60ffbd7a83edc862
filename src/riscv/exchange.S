/* SPDX-License-Identifier: MIT */
/*
 * The usual change of vCPU, in a row: both have been in this hart before, which has D, Sstc and
 * envcfg, neither V nor H, and neither of the two has set anything special (struct context,
 * exchange_on). Each CSR takes one guest's value and gives the other's in one instruction.
 * All else is arch_vcpu_switch()'s (riscv/vcpu.c), which must do the same to what is here.
 */
#include "asm_offsets.h"
#include "riscv/csr.h"
#include "riscv/xlen.h"

	.text

/* The CSR's value goes into the context at a0, and that of the context at a1 into the CSR. */
.macro SWAP csr, offset
	REG_L	t0, \offset(a1)
	csrrw	t0, \csr, t0
	REG_S	t0, \offset(a0)
.endm

.macro EACH_F insn, context
	.irp	n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	\insn	f\n, CONTEXT_FP + \n * 8(\context)
	.endr
.endm

/*
 * The PMP entries of the capsule of the context at a1, unless they are in force already (pmp.c's
 * activate(), where the order is explained), and in any case the fence. Uses t0, t1, a2.
 */
.macro EXCHANGE_FENCE
	REG_L	t0, CONTEXT_CAPSULE(a1)
	REG_L	t1, CONTEXT_CAPSULE(a0)
	beq	t0, t1, 2f
	csrw	pmpcfg0, zero
	REG_L	t1, CAPSULE_PMP_ADDRESS(t0)
	csrw	pmpaddr0, t1
	REG_L	t1, CAPSULE_PMP_ADDRESS + PMP_ENTRY_SIZE(t0)
	csrw	pmpaddr1, t1
	REG_L	t1, CAPSULE_PMP_CONFIG(t0)
	srli	a2, t1, 16
	beqz	a2, 1f /* two more entries, which are off otherwise */
	REG_L	a2, CAPSULE_PMP_ADDRESS + 2 * PMP_ENTRY_SIZE(t0)
	csrw	pmpaddr2, a2
	REG_L	a2, CAPSULE_PMP_ADDRESS + 3 * PMP_ENTRY_SIZE(t0)
	csrw	pmpaddr3, a2
1:
	csrw	pmpcfg0, t1
2:
	sfence.vma
.endm

/*
 * vcpu_exchange(from, to): contexts. `from`'s general registers, pc and mstatus are in its context
 * already, mstatus as the guest has it now. A C function's registers; M-mode, interrupts off.
 */
	.globl	vcpu_exchange
	.option	push
	.option	arch, +d
vcpu_exchange:
	csrrw	t0, satp, zero
	REG_S	t0, CONTEXT_SATP(a0)
	EXCHANGE_FENCE

	li	t0, MSTATUS_FS
	csrs	mstatus, t0
	EACH_F	fsd, a0
	SWAP	fcsr, CONTEXT_FCSR
	EACH_F	fld, a1

	SWAP	stvec, CONTEXT_STVEC
	SWAP	sscratch, CONTEXT_SSCRATCH
	SWAP	sepc, CONTEXT_SEPC
	SWAP	scause, CONTEXT_SCAUSE
	SWAP	stval, CONTEXT_STVAL
	SWAP	sie, CONTEXT_SIE
	SWAP	scounteren, CONTEXT_SCOUNTEREN
	SWAP	CSR_SENVCFG, CONTEXT_SENVCFG
	SWAP_COMPARE CONTEXT_TIMER
	/* With Sstc SSIP and SEIP are all that can be written; only SSIP is taken from what is read. */
	lhu	t0, CONTEXT_PENDING(a1)
	csrrw	t0, mip, t0
	andi	t0, t0, MIP_SSIP
	sb	t0, CONTEXT_PENDING(a0)

	/* What is the guest's, and MPP; all else as this hart has it. */
	REG_L	t0, CONTEXT_STATUS(a1)
	REG_L	t1, CPU_STATUS_GUEST(tp)
	and	t0, t0, t1
	REG_L	t1, CPU_STATUS_HOST(tp)
	or	t0, t0, t1
	csrw	mstatus, t0
	REG_L	t0, CONTEXT_SATP(a1)
	csrw	satp, t0

	REG_S	a1, CPU_CONTEXT(tp)
	/* Whatever `from` had reserved, no store-conditional of `to` succeeds by it. (x0's place.) */
	sc.w	zero, zero, (a1)
	ret
	.option	pop

	.if CONTEXT_X
	.error "the first word of a context isn't what x0 has there"
	.endif
