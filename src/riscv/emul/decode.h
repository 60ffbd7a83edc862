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

/* The parts of a shape, for code that has no struct to keep it in. */
static inline bool shape_sign_extends(uint32_t shape)
{
	return shape >> 8 & 1;
}

static inline unsigned shape_size(uint32_t shape)
{
	return shape >> 16 & 0xff;
}

static inline unsigned shape_length(uint32_t shape)
{
	return shape >> 24;
}

/* By funct3, for RV64 and then for RV32: the shapes of the opcodes LOAD and STORE; 0: none. */
extern const uint32_t decode_loads[2 * 8], decode_stores[2 * 8];

/* decode_access() of a compressed instruction. */
bool decode_compressed(uint32_t insn, unsigned xlen, struct access_insn *out);

/*
 * Where a table has an encoding. `scaled` is funct3 times 4: written so that
 * nothing but an address is computed.
 */
static inline size_t decode_slot(size_t scaled, size_t xlen)
{
	return ((xlen & 32) + scaled) / 4;
}

/* The opcodes LOAD (0000011) and STORE (0100011). */
static inline bool decode_is_load(uint32_t insn)
{
	return (insn & 0x7f) == 0x03;
}

static inline bool decode_is_store(uint32_t insn)
{
	return (insn & 0x7f) == 0x23;
}

/* The shape of an instruction of that opcode; 0: there is no such instruction. */
static inline uint32_t decode_load_shape(uint32_t insn, unsigned xlen)
{
	return decode_loads[decode_slot(insn >> 10 & (7 << 2), xlen)];
}

static inline uint32_t decode_store_shape(uint32_t insn, unsigned xlen)
{
	return decode_stores[decode_slot(insn >> 10 & (7 << 2), xlen)];
}

static inline long decode_rd(uint32_t insn)
{
	return insn >> 7 & 31;
}

static inline long decode_rs2(uint32_t insn)
{
	return insn >> 20 & 31;
}

/*
 * Decode `insn` (16 bits are used when its low two bits are not 3) for a hart of
 * `xlen` bits (32 or 64). False, and `out` undefined, for everything that is not an integer load or
 * store: LR, SC, AMOs, floating-point and vector accesses, reserved encodings (c.lwsp with rd = 0),
 * and what `xlen` doesn't have (ld, sd, lwu on RV32, where those compressed encodings are
 * c.flw...). Unprivileged spec: "RV32I Load and Store Instructions", RV64I, "C" Extension, Zcb's
 * byte and halfword accesses.
 */
static inline bool decode_access(uint32_t insn, unsigned xlen, struct access_insn *out)
{
	if (decode_is_load(insn)) {
		out->shape = decode_load_shape(insn, xlen);
		out->reg = decode_rd(insn);
		out->offset = (int32_t)insn >> 20;
	} else if (decode_is_store(insn)) {
		out->shape = decode_store_shape(insn, xlen);
		out->reg = decode_rs2(insn);
		out->offset = (int32_t)((insn & 0xfe000000) | (insn >> 7 & 31) << 20) >> 20;
	} else {
		return decode_compressed(insn, xlen, out);
	}
	out->base = insn >> 15 & 31;
	return out->shape != 0;
}

#endif
