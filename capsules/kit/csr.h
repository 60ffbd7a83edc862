/* SPDX-License-Identifier: MIT */
/*
 * Control and status registers, and the other things that differ between RV32
 * and RV64. This header and start.S are the only places of the kit that ask
 * for __riscv_xlen; everything else says `unsigned long` and XLEN.
 */
#ifndef KIT_CSR_H
#define KIT_CSR_H

#ifdef __ASSEMBLER__
#if __riscv_xlen == 64
#define REG_L	   ld
#define REG_S	   sd
#define XLEN_BYTES 8
#else
#define REG_L	   lw
#define REG_S	   sw
#define XLEN_BYTES 4
#endif
#else

#include <stdint.h>

#define XLEN	   __riscv_xlen
#define XLEN_BYTES (XLEN / 8)

/* A CSR's name, or its number where the assembler may not know the name. */
#define CSR_READ(csr)                                                                              \
	({                                                                                         \
		unsigned long csr_value_;                                                          \
		__asm__ volatile("csrr %0, " #csr : "=r"(csr_value_) : : "memory");                \
		csr_value_;                                                                        \
	})
#define CSR_WRITE(csr, value)                                                                      \
	__asm__ volatile("csrw " #csr ", %0" : : "rK"((unsigned long)(value)) : "memory")
#define CSR_SET(csr, bits)                                                                         \
	__asm__ volatile("csrs " #csr ", %0" : : "rK"((unsigned long)(bits)) : "memory")
#define CSR_CLEAR(csr, bits)                                                                       \
	__asm__ volatile("csrc " #csr ", %0" : : "rK"((unsigned long)(bits)) : "memory")

/*
 * The 64-bit `time` counter, in ticks of the device tree's timebase. On RV32
 * the high half is read twice, as it may move between the two reads
 * (unprivileged specification, chapter "Zicntr").
 */
static inline uint64_t csr_time(void)
{
#if __riscv_xlen == 64
	return CSR_READ(time);
#else
	unsigned long high, low, again;

	do {
		high = CSR_READ(timeh);
		low = CSR_READ(time);
		again = CSR_READ(timeh);
	} while (high != again);
	return (uint64_t)high << 32 | low;
#endif
}

/*
 * Sets `stimecmp` (Sstc). On RV32 the low half is parked at all ones first, so
 * that no half-written value lies in the past.
 */
static inline void csr_write_stimecmp(uint64_t when)
{
#if __riscv_xlen == 64
	CSR_WRITE(0x14d, when);
#else
	CSR_WRITE(0x14d, -1);
	CSR_WRITE(0x15d, when >> 32);
	CSR_WRITE(0x14d, when);
#endif
}

static inline uint64_t csr_read_stimecmp(void)
{
#if __riscv_xlen == 64
	return CSR_READ(0x14d);
#else
	return (uint64_t)CSR_READ(0x15d) << 32 | CSR_READ(0x14d);
#endif
}

/* Retired instructions, low word. Enough for differences below 2^32. */
static inline unsigned long csr_instret(void)
{
	return CSR_READ(instret);
}

/* print() of a uint64_t in hexadecimal: "0x%" PRIx64. */
#if __riscv_xlen == 64
#define PRIx64 "lx"
#else
#define PRIx64 "llx"
#endif

/* satp: where the mode field starts, and the modes that this width has. */
#if __riscv_xlen == 64
#define SATP_MODE_SHIFT 60
#define SATP_ASID_SHIFT 44
#define SATP_ASID_BITS	16
#else
#define SATP_MODE_SHIFT 31
#define SATP_ASID_SHIFT 22
#define SATP_ASID_BITS	9
#endif

#endif /* __ASSEMBLER__ */

#define SSTATUS_SIE  0x2
#define SSTATUS_SPIE 0x20
#define SSTATUS_SPP  0x100
#define SSTATUS_VS   0x600
#define SSTATUS_FS   0x6000
#define SSTATUS_SUM  0x40000
#define SSTATUS_MXR  0x80000

/* Bits of sie and sip; the number of the bit is the cause of the interrupt. */
#define IRQ_SOFT     1
#define IRQ_TIMER    5
#define IRQ_EXTERNAL 9
#define SIP_SSIP     (1 << IRQ_SOFT)
#define SIP_STIP     (1 << IRQ_TIMER)
#define SIP_SEIP     (1 << IRQ_EXTERNAL)

/* Exception codes of scause (privileged specification, table of scause). */
#define CAUSE_FETCH_MISALIGNED 0
#define CAUSE_FETCH_ACCESS     1
#define CAUSE_ILLEGAL	       2
#define CAUSE_BREAKPOINT       3
#define CAUSE_LOAD_MISALIGNED  4
#define CAUSE_LOAD_ACCESS      5
#define CAUSE_STORE_MISALIGNED 6
#define CAUSE_STORE_ACCESS     7
#define CAUSE_ECALL_U	       8
#define CAUSE_FETCH_PAGE       12
#define CAUSE_LOAD_PAGE	       13
#define CAUSE_STORE_PAGE       15

#endif
