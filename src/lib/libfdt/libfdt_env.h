/* SPDX-License-Identifier: MIT */
/*
 * What libfdt asks of its surroundings, for the freestanding build: memory and
 * string functions, and its big-endian types.
 *
 * libfdt's sources include this file with quotes, so that the one beside them is
 * always found first: the build compiles them, unmodified, from copies in a
 * folder without it. libfdt.h uses angle brackets; there the order of include
 * paths decides. On the host libfdt's own libfdt_env.h serves.
 */
#ifndef LIBFDT_ENV_H
#define LIBFDT_ENV_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/string.h"

/* Marks for the sparse checker in libfdt's sources; nothing here. */
#define FDT_FORCE
#define FDT_BITWISE

/* Numbers in the tree's byte order. libfdt takes care of their alignment. */
typedef uint16_t fdt16_t;
typedef uint32_t fdt32_t;
typedef uint64_t fdt64_t;

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "RISC-V data is little-endian here");

/* Without Zbb a call of __builtin_bswap becomes one into libgcc, so shifts it is. */
static inline uint16_t fdt16_to_cpu(fdt16_t x)
{
	return (uint16_t)(x << 8 | x >> 8);
}

static inline uint32_t fdt32_to_cpu(fdt32_t x)
{
	return x << 24 | (x & 0xff00) << 8 | (x >> 8 & 0xff00) | x >> 24;
}

static inline uint64_t fdt64_to_cpu(fdt64_t x)
{
	return (uint64_t)fdt32_to_cpu((uint32_t)x) << 32 | fdt32_to_cpu((uint32_t)(x >> 32));
}

static inline fdt16_t cpu_to_fdt16(uint16_t x)
{
	return fdt16_to_cpu(x);
}

static inline fdt32_t cpu_to_fdt32(uint32_t x)
{
	return fdt32_to_cpu(x);
}

static inline fdt64_t cpu_to_fdt64(uint64_t x)
{
	return fdt64_to_cpu(x);
}

#endif
