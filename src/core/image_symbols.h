/* SPDX-License-Identifier: MIT */
/*
 * Names for addresses of a guest, from the symbol table of its ELF image. For
 * reports only: an image that lies, or has no table, costs names and nothing else.
 */
#ifndef CORE_IMAGE_SYMBOLS_H
#define CORE_IMAGE_SYMBOLS_H

#include "core/image.h"

enum {
	IMAGE_SYMBOL_NAME_MAX = 40,	/* longer names are cut off */
	IMAGE_SYMBOLS_MAX = 128 * 1024, /* of a table; those after are not looked at */
	IMAGE_SYMBOLS_AT_ONCE = 8,	/* addresses that one pass finds names for */
};

/* An address that a name is wanted for, and what was found. */
struct image_symbol {
	uint64_t address; /* as the guest has it, virtual or physical; from the caller */
	char name[IMAGE_SYMBOL_NAME_MAX]; /* empty: none was found; printable otherwise */
	uint64_t offset;		  /* of the address from the symbol's value */
};

/*
 * Name `count` (at most IMAGE_SYMBOLS_AT_ONCE) addresses by the image of `size` bytes at
 * `data` (of any alignment, hostile or no ELF at all), which was placed by `plan`. An
 * address is named when it lies in one of the segments: at its p_vaddr, or where the plan
 * has put it (ET_DYN: only there). The function whose size covers it wins, else the nearest
 * symbol below it in the segment. One pass over the table; pure, any hart.
 * System V ABI, chapter 4, "Sections" and "Symbol Table".
 */
void image_symbols_find(const uint8_t *data, uint64_t size, const struct image_plan *plan,
			struct image_symbol *wanted, unsigned count);

#endif
