/* SPDX-License-Identifier: MIT */
/*
 * A walk of a guest's page tables, in software (privileged spec, "Virtual
 * Address Translation Process"). Needed where the hardware reports a guest's
 * virtual address and the device behind it is wanted.
 *
 * Rules against the confused deputy: every table is checked to lie in the guest's
 * RAM before it is read, and each entry is read exactly once, whole. The walk
 * never writes (A and D bits are left alone: where hardware would need to set one,
 * the guest gets its page fault).
 */
#ifndef RISCV_EMUL_WALK_H
#define RISCV_EMUL_WALK_H

#include "core/types.h"

/*
 * Kinds of access. The values are the low bits of an entry that is just right for
 * the access by a kernel (V, R, W, X, A, D), so that the usual case is one compare.
 */
enum walk_access { WALK_READ = 0x43, WALK_WRITE = 0xc7, WALK_EXECUTE = 0x4b };

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
	/*
	 * The guest's RAM, where its tables have to be: guest-physical, aligned to
	 * pages, and where we see it. Read in line, because a call for every entry
	 * would be half of the walk's cost; host tests point `ram_host` at an array.
	 */
	gpa_t ram;
	uint64_t ram_size;
	const uint8_t *ram_host;
};

/* The walks of the two widths, behind walk_translate(). */
enum walk_result walk_rv32(const struct walk *walk, uint32_t va, enum walk_access access,
			   gpa_t *out);
enum walk_result walk_rv64(const struct walk *walk, uint64_t va, enum walk_access access,
			   gpa_t *out);

/*
 * Translate `va`. Sv32 on RV32, Sv39, Sv48 and Sv57 on RV64, superpages
 * included (misaligned ones fault), Svnapot's 64 KiB and Svpbmt's types where the guest has them;
 * unknown modes and non-canonical addresses are page faults. The result may be any address: the
 * caller checks what is there. `out` is written with WALK_OK only. `xlen` (32 or 64; a register's
 * upper half is ignored with 32) is a parameter so that the host's tests cover both widths.
 * At most five entries are read.
 */
static inline enum walk_result walk_translate(const struct walk *walk, unsigned xlen, xlen_t va,
					      enum walk_access access, gpa_t *out)
{
	if (xlen == 32)
		return walk_rv32(walk, (uint32_t)va, access, out);
	return walk_rv64(walk, va, access, out);
}

/* What tells a pointer to the next table from a leaf, and a user's page: the low bits of an entry.
 */
enum { WALK_USUAL_V = 1, WALK_USUAL_NOT_A_POINTER = 0xdf, WALK_USUAL_U = 0x10 };

/* walk_usual() of Sv39, Sv48 and Sv57. */
static inline __attribute__((always_inline)) bool walk_usual_rv64(const struct walk *walk,
								  uint64_t satp, uint64_t va,
								  enum walk_access access,
								  gpa_t *out)
{
	uint64_t first = walk->ram.raw >> 12, pages = walk->ram_size >> 12;
	uint64_t page = (satp << 20 >> 20) - first;
	uint64_t pte;

#define WALK_USUAL_READ(shift)                                                                     \
	if (page >= pages)                                                                         \
		return false;                                                                      \
	pte = __atomic_load_n((const uint64_t *)(walk->ram_host + (size_t)(page << 12)) +          \
				      (size_t)(va << (55 - (shift)) >> 55),                        \
			      __ATOMIC_RELAXED);                                                   \
	page = (pte >> 10) - first

#define WALK_USUAL_POINTER(shift)                                                                  \
	WALK_USUAL_READ(shift);                                                                    \
	if ((pte & WALK_USUAL_NOT_A_POINTER) != WALK_USUAL_V)                                      \
	return false

#define WALK_USUAL_CANONICAL(unused)                                                               \
	if ((uint64_t)((int64_t)(va << (unused)) >> (unused)) != va)                               \
	return false

	/* Sv39, Sv57, Sv48. */
	if (__builtin_expect(satp >> 60 == 8, 1)) {
		WALK_USUAL_CANONICAL(25);
	} else if (satp >> 60 == 10) {
		WALK_USUAL_CANONICAL(7);
		WALK_USUAL_POINTER(48);
		WALK_USUAL_POINTER(39);
	} else if (satp >> 60 == 9) {
		WALK_USUAL_CANONICAL(16);
		WALK_USUAL_POINTER(39);
	} else {
		return false;
	}
	WALK_USUAL_POINTER(30);
	WALK_USUAL_POINTER(21);
	WALK_USUAL_READ(12);
#undef WALK_USUAL_CANONICAL
#undef WALK_USUAL_POINTER
#undef WALK_USUAL_READ
	if ((pte & (WALK_USUAL_U | access)) != access || pte >> 54)
		return false;
	out->raw = pte >> 10 << 12 | (va & 0xfff);
	return true;
}

/* walk_usual() of Sv32: two levels, and a physical address of 34 bits from an entry of 32. */
static inline __attribute__((always_inline)) bool walk_usual_rv32(const struct walk *walk,
								  uint32_t satp, uint32_t va,
								  enum walk_access access,
								  gpa_t *out)
{
	uint32_t first = (uint32_t)(walk->ram.raw >> 12);
	uint32_t pages = (uint32_t)(walk->ram_size >> 12);
	uint32_t page = (satp & 0x3fffff) - first;
	uint32_t pte;

	if (!(satp >> 31) || page >= pages)
		return false;
	pte = __atomic_load_n((const uint32_t *)(walk->ram_host + ((size_t)page << 12)) +
				      (va >> 22),
			      __ATOMIC_RELAXED);
	page = (pte >> 10) - first;
	if ((pte & WALK_USUAL_NOT_A_POINTER) != WALK_USUAL_V || page >= pages)
		return false;
	pte = __atomic_load_n((const uint32_t *)(walk->ram_host + ((size_t)page << 12)) +
				      (va >> 12 & 0x3ff),
			      __ATOMIC_RELAXED);
	if ((pte & (WALK_USUAL_U | access)) != access)
		return false;
	out->raw = (uint64_t)(pte >> 10) << 12 | (va & 0xfff);
	return true;
}

/*
 * The usual case of a walk, in line: a kernel's access to a 4 KiB page, all rights and
 * bits just as expected. False for everything else, faults included: then
 * walk_translate() knows what it is. Of `walk` only the RAM is looked at. `xlen` is
 * that of walk_translate().
 */
static inline __attribute__((always_inline)) bool walk_usual(const struct walk *walk, unsigned xlen,
							     xlen_t satp, xlen_t va,
							     enum walk_access access, gpa_t *out)
{
	if (xlen == 32)
		return walk_usual_rv32(walk, (uint32_t)satp, (uint32_t)va, access, out);
	return walk_usual_rv64(walk, satp, va, access, out);
}

#endif
