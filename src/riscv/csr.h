/* SPDX-License-Identifier: MIT */
/*
 * Control and status registers: numbers (privileged spec, "CSR Listing"), the
 * fields that Diosix touches, and access to them from C. Also included by
 * assembly. CSRs newer than the assembler's names are given by number.
 */
#ifndef RISCV_CSR_H
#define RISCV_CSR_H

/* Numbers of those that not every assembler knows by name. */
#define CSR_STIMECMP	0x14d
#define CSR_STIMECMPH	0x15d
#define CSR_SENVCFG	0x10a
#define CSR_MENVCFG	0x30a
#define CSR_MENVCFGH	0x31a
#define CSR_MSTATUSH	0x310
#define CSR_MNSTATUS	0x744
#define CSR_MSECCFG	0x747
#define CSR_TIME	0xc01
#define CSR_TIMEH	0xc81
#define CSR_VSTIMECMP	0x24d
#define CSR_VSTIMECMPH	0x25d
#define CSR_HTIMEDELTA	0x605
#define CSR_HTIMEDELTAH 0x615
#define CSR_HENVCFG	0x60a
#define CSR_HENVCFGH	0x61a
#define CSR_MTINST	0x34a
#define CSR_MTVAL2	0x34b

/* AIA, "Control and Status Registers (CSRs) Added to Harts", and Smstateen. */
#define CSR_MISELECT   0x350
#define CSR_MIREG      0x351
#define CSR_MTOPEI     0x35c
#define CSR_SISELECT   0x150
#define CSR_SIREG      0x151
#define CSR_MVIEN      0x308
#define CSR_MVIENH     0x318
#define CSR_MIDELEGH   0x313
#define CSR_MIEH       0x314
#define CSR_VSISELECT  0x250
#define CSR_HVIEN      0x608
#define CSR_HVIENH     0x618
#define CSR_HVICTL     0x609
#define CSR_HIDELEGH   0x613
#define CSR_HVIPRIO1   0x646
#define CSR_HVIPRIO1H  0x656
#define CSR_HVIPRIO2   0x647
#define CSR_HVIPRIO2H  0x657
#define CSR_MSTATEEN0  0x30c
#define CSR_MSTATEEN0H 0x31c
#define CSR_HSTATEEN0  0x60c
#define CSR_HSTATEEN0H 0x61c

/* Of extensions that no guest is offered (riscv/leftovers.h, riscv/access.S). */
#define CSR_FCSR       0x003
#define CSR_JVT	       0x017
#define CSR_SRMCFG     0x181
#define CSR_SCONTEXT   0x5a8
#define CSR_VLENB      0xc22
#define CSR_SCTRCTL    0x14e
#define CSR_SCTRSTATUS 0x14f
#define CSR_SCTRDEPTH  0x15f
#define CSR_VSCTRCTL   0x24e
#define CSR_MCTRCTL    0x34e
#define CSR_MEDELEGH   0x312
#define CSR_HEDELEGH   0x612

/* What miselect and siselect choose; eip and eie have two of these for 64 bits. */
#define ISELECT_IPRIO	    0x30
#define ISELECT_EIDELIVERY  0x70
#define ISELECT_EITHRESHOLD 0x72
#define ISELECT_EIP	    0x80
#define ISELECT_EIE	    0xc0
/* The identity of an MSI by which one hart calls another. */
#define IMSIC_CALL 1

/* mstatus ("Machine Status Registers") */
#define MSTATUS_SIE	0x00000002
#define MSTATUS_MIE	0x00000008
#define MSTATUS_SPIE	0x00000020
#define MSTATUS_UBE	0x00000040
#define MSTATUS_SPP	0x00000100
#define MSTATUS_VS	0x00000600
#define MSTATUS_MPP	0x00001800
#define MSTATUS_MPP_S	0x00000800
#define MSTATUS_FS	0x00006000
#define MSTATUS_XS	0x00018000
#define MSTATUS_MPRV	0x00020000
#define MSTATUS_SUM	0x00040000
#define MSTATUS_MXR	0x00080000
#define MSTATUS_TVM	0x00100000
#define MSTATUS_TW	0x00200000
#define MSTATUS_TSR	0x00400000
#define MSTATUS_SPELP	0x00800000
#define MSTATUS_SDT	0x01000000
#define MSTATUS_MDT_BIT 42 /* RV64; in mstatush on RV32 */
#define MSTATUSH_MDT	0x00000400
#define MNSTATUS_NMIE	0x8

/*
 * V before the trap ("Machine Status Registers (mstatus and mstatush)"): which CSR has MPV, and
 * where; MPELP, Zicfilp's expectation before it. Fields of hgatp ("Hypervisor Guest Address
 * Translation and Protection Register"). VSXL of hstatus, of RV64 alone: VS-mode's registers have
 * 64 bits. The host's tests count as RV64.
 */
#if __riscv_xlen == 64 || __SIZEOF_POINTER__ == 8
#define CSR_MPV		 mstatus
#define MPV_BIT		 39
#define CSR_MPELP	 mstatus
#define MPELP		 ((uint64_t)1 << 41)
#define MSTATUS_SBE	 ((uint64_t)1 << 36)
#define HSTATUS_VSXL	 ((uint64_t)2 << 32)
#define MSTATUS_UXL	 ((uint64_t)3 << 32)
#define MSTATUS_UXL_64	 ((uint64_t)2 << 32)
#define HGATP_MODE_SHIFT 60
#define HGATP_VMID_SHIFT 44
#define HGATP_VMIDS	 0x3fff
#else
#define CSR_MPV		 CSR_MSTATUSH
#define MPV_BIT		 7
#define CSR_MPELP	 CSR_MSTATUSH
#define MPELP		 0x200
#define MSTATUS_SBE	 0 /* it is in mstatush */
#define HSTATUS_VSXL	 0
#define MSTATUS_UXL	 0
#define MSTATUS_UXL_64	 0
#define HGATP_MODE_SHIFT 31
#define HGATP_VMID_SHIFT 22
#define HGATP_VMIDS	 0x7f
#endif

/* What sstatus shows of mstatus and can be written ("Supervisor Status (sstatus) Register"). */
#define MSTATUS_GUEST                                                                              \
	((xlen_t)(MSTATUS_SIE | MSTATUS_SPIE | MSTATUS_SPP | MSTATUS_VS | MSTATUS_FS |             \
		  MSTATUS_XS | MSTATUS_SUM | MSTATUS_MXR | MSTATUS_SPELP | MSTATUS_SDT |           \
		  MSTATUS_UBE | MSTATUS_UXL))

/* hstatus ("Hypervisor Status Register"). */
#define HSTATUS_VTW 0x00200000

/* mip, mie, mideleg: bit n is interrupt n */
#define IRQ_S_SOFT  1
#define IRQ_M_SOFT  3
#define IRQ_S_TIMER 5
#define IRQ_M_TIMER 7
#define IRQ_S_EXT   9
#define IRQ_M_EXT   11
#define MIP_SSIP    (1 << IRQ_S_SOFT)
#define MIP_MSIP    (1 << IRQ_M_SOFT)
#define MIP_STIP    (1 << IRQ_S_TIMER)
#define MIP_MTIP    (1 << IRQ_M_TIMER)
#define MIP_SEIP    (1 << IRQ_S_EXT)
#define MIP_MEIP    (1 << IRQ_M_EXT)
/* Those of a guest with V=1: in mip, mie, hip, hie, hvip, hideleg one bit further up. */
#define MIP_VSSIP   (MIP_SSIP << 1)
#define MIP_VSTIP   (MIP_STIP << 1)
#define MIP_VSEIP   (MIP_SEIP << 1)
#define MIP_VIRTUAL (MIP_VSSIP | MIP_VSTIP | MIP_VSEIP)
#define MIP_GUEST   (MIP_SSIP | MIP_STIP | MIP_SEIP)
#define MIP_HOST    (MIP_MSIP | MIP_MTIP | MIP_MEIP)

/* mcause: exceptions */
#define CAUSE_INSN_MISALIGNED  0
#define CAUSE_INSN_ACCESS      1
#define CAUSE_ILLEGAL	       2
#define CAUSE_BREAKPOINT       3
#define CAUSE_LOAD_MISALIGNED  4
#define CAUSE_LOAD_ACCESS      5
#define CAUSE_STORE_MISALIGNED 6
#define CAUSE_STORE_ACCESS     7
#define CAUSE_ECALL_U	       8
#define CAUSE_ECALL_S	       9
#define CAUSE_ECALL_VS	       10
#define CAUSE_INSN_PAGE	       12
#define CAUSE_LOAD_PAGE	       13
#define CAUSE_STORE_PAGE       15
#define CAUSE_INSN_GUEST_PAGE  20
#define CAUSE_LOAD_GUEST_PAGE  21
#define CAUSE_VIRTUAL_INSN     22
#define CAUSE_STORE_GUEST_PAGE 23
#define CAUSE_COUNT	       24

/* scounteren, mcounteren: cycle, time, instret */
#define SCOUNTEREN_TM  0x2
#define SCOUNTEREN_ALL 0x7

/* mcountinhibit: set bits stop a counter */
#define CSR_MCOUNTINHIBIT 0x320
#define MCOUNTINHIBIT_CY  0x1
#define MCOUNTINHIBIT_IR  0x4

/* menvcfg, senvcfg */
#define ENVCFG_LPE	  0x4
#define ENVCFG_CBIE	  0x30
#define ENVCFG_CBIE_FLUSH 0x10
#define ENVCFG_CBCFE	  0x40
#define ENVCFG_CBZE	  0x80
#define ENVCFG_STCE_BIT	  63

/*
 * mstateen0 ("State Enable 0 Registers"). Those of its bits that are known are few and at its two
 * ends: here in one word, the lower half's three and the upper half's.
 */
#define STATEEN_BITS(low, high) (((uint32_t)(high) & ~(uint32_t)7) | ((uint32_t)(low)&7))
#define STATEEN_FCSR		0x00000002
#define STATEEN_JVT		0x00000004
#define STATEEN_CTR		0x00400000
#define STATEEN_SRMCFG		0x00800000
#define STATEEN_CONTEXT		0x02000000
#define STATEEN_IMSIC		0x04000000
#define STATEEN_CSRIND		0x10000000
#define STATEEN_ENVCFG		0x40000000

/* mseccfg (Smepmp; Zkr: `seed` in U and S; Zicfilp in M) */
#define MSECCFG_MML   0x001
#define MSECCFG_USEED 0x100
#define MSECCFG_SSEED 0x200
#define MSECCFG_MLPE  0x400

#ifdef __ASSEMBLER__

/* clang-format off */
/* RV32: MPV of this hart's guests (asm_offsets.h) into mstatush, which there may not be. On RV64 it
 * is restored with mstatus. */
.macro RESTORE_MPV scratch
#if __riscv_xlen == 32
	lw	\scratch, CPU_MPV(tp)
	beqz	\scratch, 9f
	csrs	CSR_MSTATUSH, \scratch
9:
#endif
.endm
/* stimecmp's value, or vstimecmp's, to \offset(a0), and that of \offset(a1) to it; on RV32 no
 * interrupt appears between the halves. Uses t0 and t1. */
.macro SWAP_COMPARE low, high, offset
#if __riscv_xlen == 64
	ld	t0, \offset(a1)
	csrrw	t0, \low, t0
	sd	t0, \offset(a0)
#else
	li	t0, -1
	csrrw	t0, \low, t0
	sw	t0, \offset(a0)
	lw	t1, \offset + 4(a1)
	csrrw	t1, \high, t1
	sw	t1, \offset + 4(a0)
	lw	t0, \offset(a1)
	csrw	\low, t0
#endif
.endm
/* htimedelta: 0 less the time of the host's at \offset(a1). Uses t0, t1 and a2. */
.macro SET_TIME_DELTA offset
#if __riscv_xlen == 64
	ld	t0, \offset(a1)
	neg	t0, t0
	csrw	CSR_HTIMEDELTA, t0
#else
	lw	t0, \offset(a1)
	lw	t1, \offset + 4(a1)
	neg	a2, t0
	csrw	CSR_HTIMEDELTA, a2
	snez	t0, t0
	add	t0, t0, t1
	neg	t0, t0
	csrw	CSR_HTIMEDELTAH, t0
#endif
.endm
/* clang-format on */

#else

#include "core/types.h"

#define CSR_STRING_(name) #name
#define CSR_STRING(name)  CSR_STRING_(name)

#define csr_read(csr)                                                                              \
	({                                                                                         \
		xlen_t csr_value_;                                                                 \
		__asm__ volatile("csrr %0, " CSR_STRING(csr) : "=r"(csr_value_) : : "memory");     \
		csr_value_;                                                                        \
	})
#define csr_write(csr, value)                                                                      \
	__asm__ volatile("csrw " CSR_STRING(csr) ", %0" : : "rK"((xlen_t)(value)) : "memory")
/* Write and take what was there, in one instruction. */
#define csr_swap(csr, value)                                                                       \
	({                                                                                         \
		xlen_t csr_value_ = (value);                                                       \
		__asm__ volatile("csrrw %0, " CSR_STRING(csr) ", %0"                               \
				 : "+r"(csr_value_)                                                \
				 :                                                                 \
				 : "memory");                                                      \
		csr_value_;                                                                        \
	})
#define csr_set(csr, bits)                                                                         \
	__asm__ volatile("csrs " CSR_STRING(csr) ", %0" : : "rK"((xlen_t)(bits)) : "memory")
#define csr_clear(csr, bits)                                                                       \
	__asm__ volatile("csrc " CSR_STRING(csr) ", %0" : : "rK"((xlen_t)(bits)) : "memory")

/*
 * Registers of 64 bits are two on RV32. The low half is written first
 * (privileged-spec order for the envcfg family); not for stimecmp, where an
 * interrupt could appear between the halves: csr_write64_parked() does that.
 */
#if __riscv_xlen == 64
#define csr_write64(csr, csrh, value)	       csr_write(csr, value)
#define csr_read64(csr, csrh)		       ((uint64_t)csr_read(csr))
#define csr_write64_parked(csr, csrh, value)   csr_write(csr, value)
#define csr_write64_counting(csr, csrh, value) csr_write(csr, value)
#else
/* The low half is parked at all ones while the high half changes: what is compared is never early.
 */
#define csr_write64_parked(csr, csrh, value)                                                       \
	do {                                                                                       \
		uint64_t csr_wide_ = (value);                                                      \
		csr_write(csr, -1);                                                                \
		csr_write(csrh, csr_wide_ >> 32);                                                  \
		csr_write(csr, csr_wide_);                                                         \
	} while (0)
#define csr_write64(csr, csrh, value)                                                              \
	do {                                                                                       \
		uint64_t csr_wide_ = (value);                                                      \
		csr_write(csr, csr_wide_);                                                         \
		csr_write(csrh, csr_wide_ >> 32);                                                  \
	} while (0)
/* A counter: its low half must not carry into the high one meanwhile. */
#define csr_write64_counting(csr, csrh, value)                                                     \
	do {                                                                                       \
		uint64_t csr_wide_ = (value);                                                      \
		csr_write(csr, 0);                                                                 \
		csr_write(csrh, csr_wide_ >> 32);                                                  \
		csr_write(csr, csr_wide_);                                                         \
	} while (0)
#define csr_read64(csr, csrh)                                                                      \
	({                                                                                         \
		xlen_t csr_low_, csr_high_, csr_again_;                                            \
		do {                                                                               \
			csr_high_ = csr_read(csrh);                                                \
			csr_low_ = csr_read(csr);                                                  \
			csr_again_ = csr_read(csrh);                                               \
		} while (csr_high_ != csr_again_);                                                 \
		((uint64_t)csr_high_ << 32) | csr_low_;                                            \
	})
#endif

#endif /* __ASSEMBLER__ */

#endif
