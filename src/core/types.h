/* SPDX-License-Identifier: MIT */
/*
 * Addresses are distinct types, so that a guest's address can't be handed to
 * code that expects a host's. All are 64 bits wide even on RV32, where
 * physical addresses have 34 bits.
 */
#ifndef CORE_TYPES_H
#define CORE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
	uint64_t raw;
} hpa_t; /* host-physical */

typedef struct {
	uint64_t raw;
} gpa_t; /* guest-physical */

/* A register of the hart: 32 bits on RV32, 64 on RV64. */
typedef unsigned long xlen_t;

enum { XLEN = 8 * sizeof(xlen_t) };

/*
 * A relaxed atomic store of a variable that is no wider than a register: what __atomic_store_n()
 * would be if gcc didn't make a swap of it on RISC-V (PR 89835).
 */
#define STORE_RELAXED(variable, value) (*(volatile __typeof__(variable) *)&(variable) = (value))

/* [base, base + size) of host-physical memory. */
struct hpa_range {
	hpa_t base;
	uint64_t size;
};

#define MIB(n) ((uint64_t)(n) << 20)
#define GIB(n) ((uint64_t)(n) << 30)

enum { PAGE_SHIFT = 12, PAGE_SIZE = 1 << PAGE_SHIFT };

#define ARRAY_LENGTH(array) (sizeof(array) / sizeof *(array))

/* `align` is a power of two. */
static inline uint64_t align_up(uint64_t value, uint64_t align)
{
	return (value + align - 1) & ~(align - 1);
}

static inline uint64_t align_down(uint64_t value, uint64_t align)
{
	return value & ~(align - 1);
}

/*
 * True when [at, at + length) lies inside [base, base + size). Written so
 * that no sum can wrap, whatever a guest passes; base + size must not wrap.
 */
static inline bool range_contains(uint64_t base, uint64_t size, uint64_t at, uint64_t length)
{
	return at >= base && at - base <= size && length <= size - (at - base);
}

/* True when the two ranges share a byte. Neither may wrap; an empty one shares nothing. */
static inline bool range_overlaps(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
	return a_size && b_size && (a < b ? b - a < a_size : a - b < b_size);
}

#endif
