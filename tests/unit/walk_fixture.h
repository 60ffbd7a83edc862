/* SPDX-License-Identifier: MIT */
/*
 * A guest's RAM with page tables in it, for the tests of the two walks (test_walk.c,
 * test_report.c). The letters are an entry's bits, written down here and not taken from
 * riscv/pte.h, whose values the tests check by that.
 */
#ifndef UNIT_WALK_FIXTURE_H
#define UNIT_WALK_FIXTURE_H

#include "unit.h"

#include "riscv/emul/walk.h"

enum { V = 1, R = 2, W = 4, X = 8, U = 16, G = 32, A = 64, D = 128, PAGES = 16 };

#define RAM	0x80000000u
#define N	((uint64_t)1 << 63)
#define PBMT(n) ((uint64_t)(n) << 61)
/* A leaf that a kernel may do everything with. */
#define RWX (V | R | W | X | A | D)

static _Alignas(4096) uint8_t ram[PAGES * PAGE_SIZE];
static struct walk walk;
static unsigned xlen;

/* satp for the mode with its first table at the start of RAM; 1 is Sv32. */
static inline xlen_t satp_of(unsigned mode)
{
	return (xlen_t)((xlen == 32 ? (uint64_t)1 << 31 : (uint64_t)mode << 60) | RAM >> 12);
}

/* Sv39 and its like need a satp of 64 bits: tests of nothing else aren't for 32-bit code. */
static inline void needs_rv64(void)
{
	if (XLEN == 32)
		skip();
}

/* Empty tables of the mode. */
static inline void start(unsigned mode)
{
	xlen = mode == 1 ? 32 : 64;
	memset(ram, 0, sizeof(ram));
	walk = (struct walk){
		.satp = satp_of(mode), .ram = {RAM}, .ram_size = sizeof(ram), .ram_host = ram};
}

/* Set entry `index` of the table in page `page` of RAM. */
static inline void set(unsigned page, unsigned index, uint64_t pte)
{
	if (xlen == 32)
		((uint32_t *)(ram + page * PAGE_SIZE))[index] = pte;
	else
		((uint64_t *)(ram + page * PAGE_SIZE))[index] = pte;
}

/* An entry for the page at `pa`. */
static inline uint64_t entry(uint64_t pa, uint64_t flags)
{
	return pa >> 12 << 10 | flags;
}

/* An entry that points to the table in page `page` of RAM. */
static inline uint64_t table(unsigned page)
{
	return entry(RAM + page * PAGE_SIZE, V);
}

#endif
