/* SPDX-License-Identifier: MIT */
/*
 * Page-table entries and satp (privileged spec, "Supervisor-Level ISA", the chapters on
 * Sv32 to Sv57, Svnapot and Svpbmt). The low bits are the same in all of them, and
 * in the tables of the H extension; Sv32 has none of the high ones. No code; any state.
 */
#ifndef RISCV_PTE_H
#define RISCV_PTE_H

#include "core/types.h"

enum {
	PTE_V = 1 << 0,
	PTE_R = 1 << 1,
	PTE_W = 1 << 2,
	PTE_X = 1 << 3,
	PTE_U = 1 << 4,
	PTE_G = 1 << 5,
	PTE_A = 1 << 6,
	PTE_D = 1 << 7,
	PTE_PPN_SHIFT = 10,
	PTE_HIGH_SHIFT = 54,
};

#define PTE_N	     ((uint64_t)1 << 63)
#define PTE_PBMT     ((uint64_t)3 << 61)
#define PTE_RESERVED ((uint64_t)0x7f << PTE_HIGH_SHIFT)
#define PTE_HIGH     (PTE_N | PTE_PBMT | PTE_RESERVED)

/*
 * The low bits that are zero, or one (V), in a pointer to the next table: A, D and
 * U are reserved there; G and RSW are free.
 */
enum { PTE_POINTER_MASK = PTE_V | PTE_R | PTE_W | PTE_X | PTE_U | PTE_A | PTE_D };

/* Svnapot knows one size, 64 KiB: the low four bits of the PPN are 1000 and stand for the VPN's. */
enum { NAPOT_MASK = 0xf, NAPOT_64KIB = 0x8 };

/* Each level of a table takes so many bits of the address. */
enum { SV32_INDEX_BITS = 10, SV39_INDEX_BITS = 9 };

/* satp: the mode in bit 31 and a PPN of 22 bits, or in bits 63:60 and one of 44. */
enum { SATP32_MODE_SHIFT = 31, SATP32_PPN_MASK = 0x3fffff };
enum { SATP64_MODE_SHIFT = 60, SATP64_PPN_BITS = 44 };
enum { SATP_MODE_BARE = 0, SATP_MODE_SV39 = 8, SATP_MODE_SV48 = 9, SATP_MODE_SV57 = 10 };

#endif
