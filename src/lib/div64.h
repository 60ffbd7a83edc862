/* SPDX-License-Identifier: MIT */
/*
 * Division of 64-bit numbers. RV32 has no instruction for it and we link
 * without libgcc, so a plain `/` on a uint64_t doesn't link there.
 */
#ifndef LIB_DIV64_H
#define LIB_DIV64_H

#include <stdint.h>

/*
 * Schoolbook division with 32-bit divisions and 32 steps; what RV32 uses.
 * Its own function so that the host's tests reach it.
 */
static inline uint64_t div64_u32_by_steps(uint64_t n, uint32_t d, uint32_t *rem)
{
	uint32_t high = n >> 32;
	uint32_t low = n;
	uint32_t quotient = 0;
	uint64_t rest = high % d; /* 33 bits are needed while it is shifted */

	for (int bit = 31; bit >= 0; bit--) {
		rest = rest << 1 | (low >> bit & 1);
		quotient <<= 1;
		if (rest >= d) {
			rest -= d;
			quotient |= 1;
		}
	}
	if (rem)
		*rem = rest;
	return (uint64_t)(high / d) << 32 | quotient;
}

/*
 * n / d, with the remainder in `rem` when that isn't NULL. `d` is not 0. On
 * RV32 about 300 instructions: for messages and set-up, not for a fast path.
 */
static inline uint64_t div64_u32(uint64_t n, uint32_t d, uint32_t *rem)
{
	if (sizeof(long) == 4)
		return div64_u32_by_steps(n, d, rem);
	if (rem)
		*rem = (unsigned long)n % d;
	return (unsigned long)n / d;
}

#endif
