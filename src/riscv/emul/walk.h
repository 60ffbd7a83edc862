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

#include "core/isolation.h"
#include "riscv/pte.h"

/*
 * Kinds of access. The values are the low bits of an entry that is just right for
 * the access by a kernel (V, R, W, X, A, D), so that the usual case is one compare.
 */
enum walk_access {
	WALK_READ = PTE_V | PTE_R | PTE_A,
	WALK_WRITE = PTE_V | PTE_R | PTE_W | PTE_A | PTE_D,
	WALK_EXECUTE = PTE_V | PTE_R | PTE_X | PTE_A,
};

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
	 * `space` has the rest, where RAM is in several pieces; NULL: there is none.
	 */
	gpa_t ram;
	uint64_t ram_size;
	const uint8_t *ram_host;
	const struct space *space;
};

/* Where we see the guest's page number `page`, counted from address 0; NULL when it isn't RAM. */
const uint8_t *walk_page(const struct walk *walk, uint64_t page);

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

/* walk_usual() of Sv39, Sv48 and Sv57. */
static inline __attribute__((always_inline)) bool walk_usual_rv64(const struct walk *walk,
								  uint64_t satp, uint64_t va,
								  enum walk_access access,
								  gpa_t *out)
{
	uint64_t first = walk->ram.raw >> PAGE_SHIFT, pages = walk->ram_size >> PAGE_SHIFT;
	uint64_t page = (satp << (64 - SATP64_PPN_BITS) >> (64 - SATP64_PPN_BITS)) - first;
	uint64_t pte;

#define WALK_USUAL_READ(shift)                                                                     \
	if (page >= pages)                                                                         \
		return false;                                                                      \
	pte = __atomic_load_n((const uint64_t *)(walk->ram_host + (size_t)(page << PAGE_SHIFT)) +  \
				      (size_t)(va << (55 - (shift)) >> 55),                        \
			      __ATOMIC_RELAXED);                                                   \
	page = (pte >> PTE_PPN_SHIFT) - first

#define WALK_USUAL_POINTER(shift)                                                                  \
	WALK_USUAL_READ(shift);                                                                    \
	if ((pte & PTE_POINTER_MASK) != PTE_V)                                                     \
	return false

#define WALK_USUAL_CANONICAL(unused)                                                               \
	if ((uint64_t)((int64_t)(va << (unused)) >> (unused)) != va)                               \
	return false

	/* Sv39, Sv57, Sv48. */
	if (__builtin_expect(satp >> SATP64_MODE_SHIFT == SATP_MODE_SV39, 1)) {
		WALK_USUAL_CANONICAL(25);
	} else if (satp >> SATP64_MODE_SHIFT == SATP_MODE_SV57) {
		WALK_USUAL_CANONICAL(7);
		WALK_USUAL_POINTER(48);
		WALK_USUAL_POINTER(39);
	} else if (satp >> SATP64_MODE_SHIFT == SATP_MODE_SV48) {
		WALK_USUAL_CANONICAL(16);
		WALK_USUAL_POINTER(39);
	} else {
		return false;
	}
	WALK_USUAL_POINTER(30);
	WALK_USUAL_POINTER(21);
	WALK_USUAL_READ(PAGE_SHIFT);
#undef WALK_USUAL_CANONICAL
#undef WALK_USUAL_POINTER
#undef WALK_USUAL_READ
	if ((pte & (PTE_U | access)) != access || pte >> PTE_HIGH_SHIFT)
		return false;
	out->raw = pte >> PTE_PPN_SHIFT << PAGE_SHIFT | (va & (PAGE_SIZE - 1));
	return true;
}

/* walk_usual() of Sv32: two levels, and a physical address of 34 bits from an entry of 32. */
static inline __attribute__((always_inline)) bool walk_usual_rv32(const struct walk *walk,
								  uint32_t satp, uint32_t va,
								  enum walk_access access,
								  gpa_t *out)
{
	uint32_t first = (uint32_t)(walk->ram.raw >> PAGE_SHIFT);
	uint32_t pages = (uint32_t)(walk->ram_size >> PAGE_SHIFT);
	uint32_t page = (satp & SATP32_PPN_MASK) - first;
	uint32_t pte;

	if (!(satp >> SATP32_MODE_SHIFT) || page >= pages)
		return false;
	pte = __atomic_load_n((const uint32_t *)(walk->ram_host + ((size_t)page << PAGE_SHIFT)) +
				      (va >> 22),
			      __ATOMIC_RELAXED);
	page = (pte >> PTE_PPN_SHIFT) - first;
	if ((pte & PTE_POINTER_MASK) != PTE_V || page >= pages)
		return false;
	pte = __atomic_load_n((const uint32_t *)(walk->ram_host + ((size_t)page << PAGE_SHIFT)) +
				      (va >> PAGE_SHIFT & 0x3ff),
			      __ATOMIC_RELAXED);
	if ((pte & (PTE_U | access)) != access)
		return false;
	out->raw = (uint64_t)(pte >> PTE_PPN_SHIFT) << PAGE_SHIFT | (va & (PAGE_SIZE - 1));
	return true;
}

/*
 * The usual case of a walk, in line: a kernel's access to a 4 KiB page, all rights and
 * bits just as expected, and all tables in the first piece of RAM. False for everything else,
 * faults included: then walk_translate() knows what it is. Of `walk` only the RAM is looked at.
 * `xlen` is that of walk_translate().
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
