/* SPDX-License-Identifier: MIT */
/*
 * A walk of a guest's page tables for people: every step of it, and why it ends
 * (privileged spec, "Virtual Address Translation Process"). riscv/emul/walk.h is the
 * one that emulation uses; both come to the same result. Pure, host-tested.
 */
#ifndef RISCV_REPORT_WALK_H
#define RISCV_REPORT_WALK_H

#include "riscv/emul/walk.h"

enum { REPORT_LEVELS_MAX = 5 };

enum report_walk_end {
	REPORT_WALK_BARE,	   /* translation is off */
	REPORT_WALK_MAPPED,	   /* to `physical`, with the rights that the access needs */
	REPORT_WALK_UNKNOWN_MODE,  /* satp's mode is none that exists */
	REPORT_WALK_NOT_CANONICAL, /* the upper bits don't repeat the highest one that counts */
	REPORT_WALK_TABLE_OUTSIDE, /* the next table isn't in guest RAM */
	REPORT_WALK_NOT_VALID,	   /* V is clear */
	REPORT_WALK_RESERVED,	   /* reserved bits, or a combination that is */
	REPORT_WALK_TOO_DEEP,	   /* the last level points to one more */
	REPORT_WALK_MISALIGNED,	   /* a superpage at an address between two */
	/* What follows has a physical address all the same. */
	REPORT_WALK_USER_ONLY,	  /* a user's page, and it isn't the user's access */
	REPORT_WALK_NOT_USER,	  /* the other way round */
	REPORT_WALK_DENIED,	  /* the right to read, write or execute is missing */
	REPORT_WALK_NOT_ACCESSED, /* A is clear */
	REPORT_WALK_NOT_DIRTY,	  /* D is clear, and it is a store */
};

struct report_level {
	uint64_t table; /* guest-physical */
	unsigned index;
	uint64_t entry;
	unsigned shift; /* where the index begins in the address: 12 is the last level */
	bool is_leaf;
};

struct report_walk {
	const char *mode; /* "Sv39" */
	unsigned level_count;
	struct report_level levels[REPORT_LEVELS_MAX]; /* those whose entry was read */
	enum report_walk_end end;
	gpa_t table;	/* TABLE_OUTSIDE: where it would be */
	gpa_t physical; /* see report_walk_is_mapped() */
};

/*
 * Walk for `va` (xlen 32 or 64, as walk_translate()). Tables are read in guest RAM only,
 * each entry once; at most five.
 */
void report_walk(const struct walk *walk, unsigned xlen, xlen_t va, enum walk_access access,
		 struct report_walk *out);

/* True when a leaf says where the address is, whatever the rights: `physical` is set. */
bool report_walk_is_mapped(const struct report_walk *walked);

/* One level in words: "table 0x84201000 [2]: 0x21080801, points to 0x84202000". */
void report_walk_level(const struct report_walk *walked, unsigned level, char *out, size_t size);

/* Why the walk ended, for people: "0x84203010", "the entry is not valid". */
void report_walk_verdict(const struct report_walk *walked, char *out, size_t size);

#endif
