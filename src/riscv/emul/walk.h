/* SPDX-License-Identifier: MIT */
/*
 * A walk of a guest's page tables, in software (privileged spec, "Virtual
 * Address Translation Process"). Needed where the hardware reports a guest's
 * virtual address and the device behind it is wanted.
 *
 * Confused-deputy rules (privileged-notes 13): every address of an entry passes
 * `read_pte` of the caller, which checks it against the guest's RAM, and each
 * entry is read exactly once. The walk never writes (A and D bits are left alone:
 * where hardware would need to set one, the guest gets its page fault).
 */
#ifndef RISCV_EMUL_WALK_H
#define RISCV_EMUL_WALK_H

#include "core/types.h"

enum walk_access { WALK_READ, WALK_WRITE, WALK_EXECUTE };

enum walk_result {
	WALK_OK,
	WALK_PAGE_FAULT,   /* reflect a page fault of the access's kind */
	WALK_ACCESS_FAULT, /* a table lies outside guest RAM: reflect an access fault */
};

struct walk {
	xlen_t satp; /* mode Bare passes the address through */
	bool user;   /* the access is made with U's rights */
	bool sum;    /* sstatus.SUM */
	bool mxr;    /* sstatus.MXR */
	bool pbmt;   /* Svpbmt is enabled for the guest; otherwise bits 62:61 are reserved */
	bool napot;  /* Svnapot is available to the guest; otherwise bit 63 is reserved */
	/* Read the `size`-byte (4 or 8) entry at guest-physical `at`; false when outside guest RAM.
	 */
	bool (*read_pte)(void *context, gpa_t at, unsigned size, uint64_t *pte);
	void *context;
};

/*
 * Translate `va`. Sv32 on RV32, Sv39, Sv48 and Sv57 on RV64, superpages
 * included (misaligned ones fault); unknown modes and non-canonical addresses are page faults.
 * `xlen` is a parameter so that the host's tests cover both widths.
 */
enum walk_result walk_translate(const struct walk *walk, unsigned xlen, xlen_t va,
				enum walk_access access, gpa_t *out);

#endif
