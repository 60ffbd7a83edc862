/* SPDX-License-Identifier: MIT */
/*
 * Accesses that may fault by design, each with its entry in the fix-up table
 * (trap.S, trap_from_machine): guest memory through the guest's own translation
 * and permissions, and CSRs that a hart may not have. Prototypes: access.h.
 */
#include "asm_offsets.h"
#include "riscv/csr.h"
#include "riscv/xlen.h"

/* A trap in [from, to) continues at landing. */
.macro FIXUP from, to, landing
	.section .fixup, "a"
	.balign	XLEN_BYTES
	XLEN_WORD \from, \to, \landing
	.text
.endm

/*
 * Guest memory. a1 is the mstatus to make the access under: MPRV on, MPP the
 * guest's mode. The trap that a fault takes needs MDT off where Smdbltrp exists
 * (the guest's trap set it); the bit is read-only zero elsewhere.
 */
.macro GUEST_ACCESS name, status, insn, result
	.globl	\name
\name:
	csrrw	t1, mstatus, \status
1:
	\insn
2:
	csrw	mstatus, t1
	\result
	ret
	FIXUP 1b, 2b, guest_access_fault
.endm

	.text
	GUEST_ACCESS guest_fetch16, a1, "lhu a0, 0(a0)", ""
	GUEST_ACCESS guest_load8, a1, "lbu a0, 0(a0)", ""
	GUEST_ACCESS guest_store8, a2, "sb a1, 0(a0)", "li a0, 0"

	/* Two halves, each its own access: they may be on two pages. */
	.globl	guest_fetch32
guest_fetch32:
	csrrw	t1, mstatus, a1
1:
	lhu	a1, 2(a0)
	lhu	a0, 0(a0)
2:
	csrw	mstatus, t1
	slli	a1, a1, 16
	or	a0, a0, a1
	ret
	FIXUP 1b, 2b, guest_access_fault

guest_access_fault:
	csrw	mstatus, t1
	/* The fault has cleared MPV. */
	RESTORE_MPV t0
	li	a0, -1
	ret

/*
 * bool csr_probe_x(xlen_t *value): read the CSR if it exists.
 */
.macro CSR_PROBE name, csr
	.globl	csr_probe_\name
csr_probe_\name:
1:
	csrr	t0, \csr
2:
	REG_S	t0, 0(a0)
	li	a0, 1
	ret
	FIXUP 1b, 2b, csr_absent
.endm

	CSR_PROBE time, CSR_TIME
	CSR_PROBE stimecmp, CSR_STIMECMP
	CSR_PROBE menvcfg, CSR_MENVCFG
	CSR_PROBE mseccfg, CSR_MSECCFG
	CSR_PROBE satp, satp
	CSR_PROBE mcounteren, mcounteren
	CSR_PROBE mcountinhibit, CSR_MCOUNTINHIBIT
	CSR_PROBE mstatush, CSR_MSTATUSH
	CSR_PROBE mtopei, CSR_MTOPEI
	CSR_PROBE siselect, CSR_SISELECT
	CSR_PROBE mstateen0, CSR_MSTATEEN0
	CSR_PROBE mvien, CSR_MVIEN
	CSR_PROBE vlenb, CSR_VLENB
	CSR_PROBE fcsr, CSR_FCSR

csr_absent:
	li	a0, 0
	ret

/*
 * Many at once: of each pair of instructions neither is executed where the first one's CSR doesn't
 * exist (trap.S, landing 0).
 */
	.option	push
	.option	norvc
	/* unsigned csr_probe_leftovers(void): the first ones of enum leftover, in its order */
	.globl	csr_probe_leftovers
csr_probe_leftovers:
	li	a0, 0
	.set	bit, 1
1:
	.irp	csr, CSR_JVT, CSR_FCSR, CSR_SCONTEXT, CSR_SRMCFG, CSR_SCTRSTATUS
	csrr	t0, \csr
	ori	a0, a0, bit
	.set	bit, bit << 1
	.endr
2:
	ret
	FIXUP 1b, 2b, 0

	/* void csr_clear_records(void): SCTRCLR, which no assembler knows yet */
	.globl	csr_clear_records
csr_clear_records:
	.4byte	0x10400073
	ret

	/* void csr_zero_optional(void) */
	.globl	csr_zero_optional
csr_zero_optional:
1:
	.irp	csr, CSR_MSTATEEN0, CSR_MSTATEEN0 + 1, CSR_MSTATEEN0 + 2, CSR_MSTATEEN0 + 3, \
		CSR_MCTRCTL, CSR_SRMCFG
	csrw	\csr, zero
	nop
	.endr
	.if XLEN_BYTES == 4
	.irp	csr, CSR_MSTATUSH, CSR_MEDELEGH, CSR_HEDELEGH, CSR_MSTATEEN0H, \
		CSR_MSTATEEN0H + 1, CSR_MSTATEEN0H + 2, CSR_MSTATEEN0H + 3
	csrw	\csr, zero
	nop
	.endr
	.endif
2:
	ret
	FIXUP 1b, 2b, 0
	.option	pop

/* bool csr_x(xlen_t select, xlen_t value) */
.macro INDIRECT name, insn, select, register
	.globl	csr_\name
csr_\name:
1:
	csrw	\select, a0
	\insn	\register, a1
2:
	li	a0, 1
	ret
	FIXUP 1b, 2b, csr_absent
.endm

	INDIRECT write_mireg, csrw, CSR_MISELECT, CSR_MIREG
	INDIRECT set_mireg, csrs, CSR_MISELECT, CSR_MIREG
	INDIRECT write_sireg, csrw, CSR_SISELECT, CSR_SIREG

/* bool insn_probe_double(void): an instruction of D that changes nothing. mstatus.FS is on. */
	.option	push
	.option	arch, +d
	.globl	insn_probe_double
insn_probe_double:
1:
	fsgnj.d	f0, f0, f0
2:
	li	a0, 1
	ret
	FIXUP 1b, 2b, csr_absent
	.option	pop

/*
 * bool probe_x(uintptr_t at, ...): whether anything answers there. Where nothing does the bus
 * faults, as a rule.
 */
.macro DEVICE_PROBE name, insn
	.globl	probe_\name
probe_\name:
1:
	\insn
2:
	li	a0, 1
	ret
	FIXUP 1b, 2b, csr_absent
.endm

	DEVICE_PROBE load8, "lbu t0, 0(a0)"
	DEVICE_PROBE load32, "lw t0, 0(a0)"
	DEVICE_PROBE store32, "sw a1, 0(a0)"

/*
 * PMP registers by number: a CSR's number is part of the instruction, so each
 * is a table of 8-byte slots. All return false where the CSR doesn't exist.
 * pmpaddr0 is 0x3b0, pmpcfg0 is 0x3a0 (RV64: even numbers only).
 */
.macro PMP_TABLE name, first, count, insn:vararg
	.globl	\name
	.option	push
	.option	norvc
	.option	norelax
\name:
	la	t0, 1f
	slli	a0, a0, 3
	add	t0, t0, a0
	jr	t0
	.balign	8
1:
	.set	number, \first
	.rept	\count
	\insn
	j	4f
	.set	number, number + 1
	.endr
2:
	.option	pop
	FIXUP 1b, 2b, csr_absent
.endm

	/* bool pmp_read_address(unsigned slot, xlen_t *value) */
	PMP_TABLE pmp_read_address, 0x3b0, 64, csrr t1, number
4:
	REG_S	t1, 0(a1)
	li	a0, 1
	ret

	/* bool pmp_write_address(unsigned slot, xlen_t value) */
	PMP_TABLE pmp_write_address, 0x3b0, 64, csrw number, a1
4:
	li	a0, 1
	ret

	/* bool pmp_read_config(unsigned csr, xlen_t *value) */
	PMP_TABLE pmp_read_config, 0x3a0, 16, csrr t1, number
4:
	REG_S	t1, 0(a1)
	li	a0, 1
	ret

	/* bool pmp_write_config(unsigned csr, xlen_t value) */
	PMP_TABLE pmp_write_config, 0x3a0, 16, csrw number, a1
4:
	li	a0, 1
	ret
