/* SPDX-License-Identifier: MIT */
/*
 * Decoding of loads and stores.
 *
 * Every guest access to a virtual device passes here, so what is common comes
 * first and what can be looked up isn't computed: a table gives size, kind and
 * length of an encoding in one word, and its zero refuses what doesn't exist.
 */
#include "riscv/emul/decode.h"

/* The `shape` word of struct access_insn, as it lies in memory: little-endian, as our hosts. */
#define SHAPE(store, sign, size, length)                                                           \
	((uint32_t)(store) | (uint32_t)(sign) << 8 | (uint32_t)(size) << 16 |                      \
	 (uint32_t)(length) << 24)

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "SHAPE() lays bytes out by hand");
_Static_assert(offsetof(struct access_insn, store) == 0 &&
		       offsetof(struct access_insn, sign_extend) == 1 &&
		       offsetof(struct access_insn, size) == 2 &&
		       offsetof(struct access_insn, length) == 3,
	       "SHAPE() is the beginning of struct access_insn");

#define LOAD(size, length)   SHAPE(0, 1, size, length)
#define LOAD_U(size, length) SHAPE(0, 0, size, length)
#define STORE(size, length)  SHAPE(1, 0, size, length)

/* clang-format off */
/* The opcode LOAD: lb lh lw ld, lbu lhu lwu. */
const uint32_t decode_loads[2 * 8] = {
	LOAD(1, 4), LOAD(2, 4), LOAD(4, 4), LOAD(8, 4), LOAD_U(1, 4), LOAD_U(2, 4), LOAD_U(4, 4), 0,
	LOAD(1, 4), LOAD(2, 4), LOAD(4, 4), 0,          LOAD_U(1, 4), LOAD_U(2, 4), 0,            0,
};

/* The opcode STORE: sb sh sw sd. */
const uint32_t decode_stores[2 * 8] = {
	STORE(1, 4), STORE(2, 4), STORE(4, 4), STORE(8, 4), 0, 0, 0, 0,
	STORE(1, 4), STORE(2, 4), STORE(4, 4), 0,           0, 0, 0, 0,
};

/* Quadrants 0 and 2 of the compressed encodings: c.lw c.ld c.sw c.sd, c.lwsp and so on. */
static const uint32_t compressed[2 * 8] = {
	0, 0, LOAD(4, 2), LOAD(8, 2), 0, 0, STORE(4, 2), STORE(8, 2),
	0, 0, LOAD(4, 2), 0,          0, 0, STORE(4, 2), 0,
};
/* clang-format on */

/*
 * By bits 12:10 and 6 of quadrant 0, funct3 4: Zcb's c.lbu (twice: bit 6
 * belongs to the offset), c.lhu, c.lh, c.sb (twice), c.sh.
 */
static const uint32_t zcb[16] = {LOAD_U(1, 2), LOAD_U(1, 2), LOAD_U(2, 2), LOAD(2, 2),
				 STORE(1, 2),  STORE(1, 2),  STORE(2, 2)};

/* The bits hi..lo of `insn`, moved so that the lowest lands at bit `to`. */
#define BITS(insn, hi, lo, to) (((insn) >> (lo) & ((1u << ((hi) - (lo) + 1)) - 1)) << (to))

/* Quadrant 0, funct3 4. */
static bool decode_zcb(uint32_t insn, struct access_insn *out)
{
	uint32_t shape = zcb[BITS(insn, 12, 10, 1) | BITS(insn, 6, 6, 0)];

	out->shape = shape;
	out->reg = 8 + BITS(insn, 4, 2, 0);
	out->base = 8 + BITS(insn, 9, 7, 0);
	out->offset = BITS(insn, 5, 5, 1);
	if (out->size == 1)
		out->offset |= BITS(insn, 6, 6, 0);
	return shape != 0;
}

/* Quadrant 0: registers x8..x15, offset scaled by the size. */
static bool decode_quadrant0(uint32_t insn, uint32_t shape, struct access_insn *out)
{
	if (!shape)
		return BITS(insn, 15, 13, 0) == 4 && decode_zcb(insn, out);
	out->shape = shape;
	out->reg = 8 + BITS(insn, 4, 2, 0);
	out->base = 8 + BITS(insn, 9, 7, 0);
	out->offset = BITS(insn, 12, 10, 3);
	/* funct3 bit 0 tells ld and sd from lw and sw, and moves two bits of the offset. */
	if (insn & 1u << 13)
		out->offset |= BITS(insn, 6, 5, 6);
	else
		out->offset |= BITS(insn, 6, 6, 2) | BITS(insn, 5, 5, 6);
	return true;
}

/* Quadrant 2: relative to sp. */
static bool decode_quadrant2(uint32_t insn, uint32_t shape, struct access_insn *out)
{
	bool wide = insn & 1u << 13;

	if (!shape)
		return false;
	out->shape = shape;
	out->base = 2;
	if (out->store) {
		out->reg = BITS(insn, 6, 2, 0);
		out->offset = wide ? BITS(insn, 12, 10, 3) | BITS(insn, 9, 7, 6)
				   : BITS(insn, 12, 9, 2) | BITS(insn, 8, 7, 6);
		return true;
	}
	out->reg = BITS(insn, 11, 7, 0);
	out->offset = BITS(insn, 12, 12, 5);
	out->offset |= wide ? BITS(insn, 6, 5, 3) | BITS(insn, 4, 2, 6)
			    : BITS(insn, 6, 4, 2) | BITS(insn, 3, 2, 6);
	return out->reg != 0; /* rd 0 is reserved */
}

bool decode_compressed(uint32_t insn, unsigned xlen, struct access_insn *out)
{
	uint32_t shape = compressed[decode_slot(insn >> 11 & (7 << 2), xlen)];

	switch (insn & 3) {
	case 0: return decode_quadrant0(insn, shape, out);
	case 2: return decode_quadrant2(insn, shape, out);
	default: return false;
	}
}
