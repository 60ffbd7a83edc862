/* SPDX-License-Identifier: MIT */
/*
 * Which load or store an instruction is. Pure: no CSR, no memory access; it is
 * tested on the host, exhaustively for the compressed encodings.
 */
#ifndef RISCV_EMUL_DECODE_H
#define RISCV_EMUL_DECODE_H

#include "core/types.h"

struct access_insn {
	union {
		struct {
			bool store;
			bool sign_extend; /* loads only */
			uint8_t size;	  /* 1, 2, 4, 8 bytes */
			uint8_t length;	  /* of the instruction: 2 or 4 */
		};
		uint32_t shape; /* those four at once, for decode.c */
	};
	uint8_t reg;  /* rd of a load, rs2 of a store; 0..31 */
	uint8_t base; /* rs1 */
	int32_t offset;
};

/*
 * Decode `insn` (16 bits are used when its low two bits are not 3) for a hart of
 * `xlen` bits (32 or 64). False, and `out` undefined, for everything that is not an integer load or
 * store: LR, SC, AMOs, floating-point and vector accesses, reserved encodings (c.lwsp with rd = 0),
 * and what `xlen` doesn't have (ld, sd, lwu on RV32, where those compressed encodings are
 * c.flw...). Unprivileged spec: "RV32I Load and Store Instructions", RV64I, "C" Extension, Zcb's
 * byte and halfword accesses.
 */
bool decode_access(uint32_t insn, unsigned xlen, struct access_insn *out);

#endif
