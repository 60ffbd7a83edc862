/* SPDX-License-Identifier: MIT */
/*
 * The usual change of vCPU, in a row: both have been in this hart before, which has D, Sstc and
 * envcfg, and AIA out of guests' reach, neither of the two has set anything special,
 * and the same fence is around both (struct context, exchange_on). Each CSR takes one guest's
 * value and gives the other's in one instruction. All else is arch_vcpu_switch()'s (riscv/vcpu.c,
 * riscv/virtual.c), which must do the same to what is here, in the same order.
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

/* Encoded by hand, as in riscv/fence.h: all of it, of the VMID in hgatp or of all. */
.macro HFENCE_VVMA
	.4byte	0x22000073
.endm
.macro HFENCE_GVMA
	.4byte	0x62000073
.endm

.macro EACH_F insn, context
	.irp	n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	\insn	f\n, CONTEXT_FP + \n * 8(\context)
	.endr
.endm

/*
 * The PMP entries of the capsule of the context at a1, unless they are in force already (pmp.c's
 * activate(), where the order is explained), and in any case their fence. Uses t0, t1, a2.
 */
.macro EXCHANGE_PMP
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

/* Those of the supervisor's CSRs that have an edition for V=1, but its root: "v" or nothing. */
.macro SWAP_SUPERVISOR v
	SWAP	\v\()stvec, CONTEXT_STVEC
	SWAP	\v\()sscratch, CONTEXT_SSCRATCH
	SWAP	\v\()sepc, CONTEXT_SEPC
	SWAP	\v\()scause, CONTEXT_SCAUSE
	SWAP	\v\()stval, CONTEXT_STVAL
	SWAP	\v\()sie, CONTEXT_SIE
.endm

/* No root of `from`'s from here on, whatever the hart walks ahead of need. */
.macro TAKE_ROOT csr
	csrrw	t0, \csr, zero
	REG_S	t0, CONTEXT_SATP(a0)
.endm

/* Last, when all that a walk depends on is `to`'s. */
.macro GIVE_ROOT csr
	REG_L	t0, CONTEXT_SATP(a1)
	csrw	\csr, t0
.endm

/*
 * vcpu_exchange(from, to): contexts. `from`'s general registers, pc and mstatus are in its context
 * already, mstatus as the guest has it now. A C function's registers; M-mode, interrupts off. This
 * one is for a hart without H; with vector registers it begins at vcpu_exchange_vector.
 */
	.globl	vcpu_exchange, vcpu_exchange_vector
	.option	push
	.option	arch, +d
/* Of vectors nothing proves, with V=0, that a guest doesn't use them (riscv/vector.h). */
vcpu_exchange_vector:
	mv	a3, ra
	call	vector_save
	call	vector_load
	mv	ra, a3
vcpu_exchange:
	TAKE_ROOT satp
	EXCHANGE_PMP
	SWAP_SUPERVISOR
	SWAP_COMPARE CSR_STIMECMP, CSR_STIMECMPH, CONTEXT_TIMER
	/* With Sstc SSIP and SEIP are all that can be written; only SSIP is taken from what is read. */
	lhu	t0, CONTEXT_PENDING(a1)
	csrrw	t0, mip, t0
	andi	t0, t0, MIP_SSIP
	sb	t0, CONTEXT_PENDING(a0)
	/* What is left isn't cached with translations, SUM and MXR included. */
	GIVE_ROOT satp

/* What is the same for all. */
exchange_rest:
	li	t0, MSTATUS_FS
	csrs	mstatus, t0
	EACH_F	fsd, a0
	SWAP	fcsr, CONTEXT_FCSR
	EACH_F	fld, a1
	SWAP	scounteren, CONTEXT_SCOUNTEREN
	csrr	t0, CSR_SENVCFG
	REG_S	t0, CONTEXT_SENVCFG(a0)

	/* What is the guest's, and MPP; all else as this hart has it. */
	REG_L	t0, CONTEXT_STATUS(a1)
	REG_L	t1, CPU_STATUS_GUEST(tp)
	and	t0, t0, t1
	REG_L	t1, CPU_STATUS_HOST(tp)
	or	t0, t0, t1
	csrw	mstatus, t0
	/* After UXL: with 32 bits PMM stays 0 ("Pointer Masking Extensions", on UXL and SXL). */
	REG_L	t0, CONTEXT_SENVCFG(a1)
	csrw	CSR_SENVCFG, t0

	REG_S	a1, CPU_CONTEXT(tp)
	/* Whatever `from` had reserved, no store-conditional of `to` succeeds by it. (x0's place.) */
	sc.w	zero, zero, (a1)
	ret
	.option	pop

/*
 * The same on a hart with H, for two guests without a second stage: hgatp stays Bare. VMID 0 is
 * both one's, so that of the first stage's translations none may stay.
 */
	.globl	vcpu_exchange_virtual
vcpu_exchange_virtual:
	TAKE_ROOT vsatp
	EXCHANGE_PMP
	HFENCE_GVMA
	HFENCE_VVMA
	j	exchange_virtual

/*
 * For two guests under `hext`, each with a VMID of its own, under which no translation of another
 * one was ever made, and which no remote fence has missed: nothing is fenced. The PMP is the same.
 */
	.globl	vcpu_exchange_hext
vcpu_exchange_hext:
	TAKE_ROOT vsatp
	REG_L	t0, CONTEXT_HGATP(a1)
	csrw	hgatp, t0
exchange_virtual:
	SWAP	vsstatus, CONTEXT_SSTATUS
	SWAP_SUPERVISOR v
	SET_TIME_DELTA CONTEXT_TIME_ZERO
	RESTORE_MPV t0
	SWAP_COMPARE CSR_VSTIMECMP, CSR_VSTIMECMPH, CONTEXT_TIMER
	/* VSSIP and VSEIP, each one bit above mip's SSIP and SEIP; of what is read VSSIP is taken. */
	lhu	t0, CONTEXT_PENDING(a1)
	slli	t0, t0, 1
	csrrw	t0, hvip, t0
	srli	t0, t0, 1
	andi	t0, t0, MIP_SSIP
	sb	t0, CONTEXT_PENDING(a0)
	GIVE_ROOT vsatp
	j	exchange_rest

	.if CONTEXT_X
	.error "the first word of a context isn't what x0 has there"
	.endif
