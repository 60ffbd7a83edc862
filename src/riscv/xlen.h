/* SPDX-License-Identifier: MIT */
/*
 * The width of a register, for assembly: one text serves RV32 and RV64.
 */
#ifndef RISCV_XLEN_H
#define RISCV_XLEN_H

#if __riscv_xlen == 64
#define XLEN_BYTES 8
#define XLEN_SHIFT 3
#define REG_L	   ld
#define REG_S	   sd
#define XLEN_WORD  .dword
#else
#define XLEN_BYTES 4
#define XLEN_SHIFT 2
#define REG_L	   lw
#define REG_S	   sw
#define XLEN_WORD  .word
#endif

#endif
