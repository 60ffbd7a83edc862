/* SPDX-License-Identifier: MIT */
#include "riscv/pmp/encode.h"

static uint8_t permissions(unsigned allow)
{
	return (allow & ALLOW_READ ? PMP_R : 0) | (allow & ALLOW_WRITE ? PMP_W : 0) |
	       (allow & ALLOW_EXECUTE ? PMP_X : 0);
}

static bool is_napot(uint64_t base, uint64_t size)
{
	return size >= 8 && (size & (size - 1)) == 0 && (base & (size - 1)) == 0;
}

/* pmpaddr holds address bits 33:2 on RV32 and 55:2 on RV64. */
static bool is_reachable(uint64_t base, uint64_t size, unsigned xlen)
{
	uint64_t limit = xlen == 64 ? (uint64_t)1 << 56 : (uint64_t)1 << 34;

	return range_contains(0, limit - 4, base, size);
}

/* The previous entry is a TOR whose top is this region's base. */
static bool continues(const struct pmp_entry *entries, unsigned count, uint64_t base)
{
	return count && (entries[count - 1].config & PMP_A) == PMP_TOR &&
	       entries[count - 1].address == (xlen_t)(base >> 2);
}

enum status pmp_encode(struct pmp_entry *entries, unsigned *count, unsigned limit, uint64_t base,
		       uint64_t size, unsigned allow, uint64_t grain, unsigned xlen,
		       struct reason *why)
{
	bool napot = is_napot(base, size);
	bool joined = !napot && continues(entries, *count, base);
	unsigned needed = napot || joined ? 1 : 2;

	if (!size || (base | size) & (grain - 1))
		return refuse(why, ERR_RANGE,
			      "0x%lx with 0x%lx bytes isn't a multiple of the PMP's grain, 0x%lx",
			      (unsigned long)base, (unsigned long)size, (unsigned long)grain);
	if (!is_reachable(base, size, xlen))
		return refuse(why, ERR_RANGE, "0x%lx with 0x%lx bytes is beyond the PMP's reach",
			      (unsigned long)base, (unsigned long)size);
	if (needed > limit - *count)
		return refuse(why, ERR_LIMIT, "it needs %u PMP entries and %u of %u are free",
			      needed, limit - *count, limit);

	if (napot) {
		entries[(*count)++] = (struct pmp_entry){(base >> 2) | ((size >> 3) - 1),
							 PMP_NAPOT | permissions(allow)};
		return OK;
	}
	if (!joined)
		entries[(*count)++] = (struct pmp_entry){base >> 2, PMP_OFF};
	entries[(*count)++] = (struct pmp_entry){(base + size) >> 2, PMP_TOR | permissions(allow)};
	return OK;
}

/* [*from, *to) in bytes that entry `i` matches; an empty range when it is off. */
static void span(const struct pmp_entry *entries, unsigned i, uint64_t *from, uint64_t *to)
{
	uint64_t address = entries[i].address;

	*from = *to = 0;
	switch (entries[i].config & PMP_A) {
	case PMP_TOR:
		*from = i ? (uint64_t)entries[i - 1].address << 2 : 0;
		*to = address << 2;
		break;
	case PMP_NA4:
		*from = address << 2;
		*to = *from + 4;
		break;
	case PMP_NAPOT: {
		uint64_t ones = address & ~(address + 1); /* the trailing ones */

		*from = (address & ~ones) << 2;
		*to = *from + ((ones + 1) << 3);
		break;
	}
	default: break;
	}
}

unsigned pmp_lookup(const struct pmp_entry *entries, unsigned count, uint64_t at, uint64_t size)
{
	for (unsigned i = 0; i < count; i++) {
		uint64_t from, to;

		span(entries, i, &from, &to);
		if (from < to && range_overlaps(from, to - from, at, size)) {
			uint8_t config = entries[i].config;

			if (!range_contains(from, to - from, at, size))
				return 0;
			return (config & PMP_R ? ALLOW_READ : 0) |
			       (config & PMP_W ? ALLOW_WRITE : 0) |
			       (config & PMP_X ? ALLOW_EXECUTE : 0);
		}
	}
	return 0;
}
