/* SPDX-License-Identifier: MIT */
/*
 * The walk of a guest's page tables.
 *
 * Its cost is paid by every access to a virtual device while translation is on.
 * So a pointer to the next table is told from all else by one mask and one
 * compare, and so is a leaf of the usual kind; every other leaf is looked at
 * closely out of line.
 */
#include "riscv/emul/walk.h"

#include "riscv/pte.h"

/* True when the access has the rights that the leaf asks for. */
static bool leaf_permits(const struct walk *walk, uint64_t pte, enum walk_access access)
{
	/* What must be set: A always, D for a store, and one of `some`. */
	unsigned all = access == WALK_WRITE ? PTE_A | PTE_D | PTE_W : PTE_A;
	unsigned some = access == WALK_EXECUTE ? PTE_X : walk->mxr ? PTE_R | PTE_X : PTE_R;

	if ((pte & all) != all || !(pte & some))
		return false;
	if (pte & PTE_U)
		return walk->user || (walk->sum && access != WALK_EXECUTE);
	return !walk->user;
}

/* False when bits are set that are reserved, or a combination of them is. */
static bool leaf_well_formed(const struct walk *walk, uint64_t pte, bool last_level)
{
	if (!(pte & PTE_V) || (pte & (PTE_R | PTE_W)) == PTE_W || (pte & PTE_RESERVED))
		return false;
	if ((pte & PTE_PBMT) && (!walk->pbmt || (pte & PTE_PBMT) == PTE_PBMT))
		return false;
	return !(pte & PTE_N) ||
	       (walk->napot && last_level && (pte >> PTE_PPN_SHIFT & NAPOT_MASK) == NAPOT_64KIB);
}

/*
 * Any leaf, and what is none: faults included. `shift` is where the index of
 * its level begins. Out of line, to leave the usual road lean.
 */
static __attribute__((noinline)) enum walk_result leaf_any(const struct walk *walk, uint64_t pte,
							   xlen_t va, enum walk_access access,
							   unsigned shift, gpa_t *out)
{
	xlen_t low = ((xlen_t)1 << shift) - 1;
	uint64_t page;

	if (!leaf_well_formed(walk, pte, shift == PAGE_SHIFT) || !leaf_permits(walk, pte, access))
		return WALK_PAGE_FAULT;
	page = (pte & ~PTE_HIGH) >> PTE_PPN_SHIFT << PAGE_SHIFT;
	if (pte & PTE_N) {
		low |= (xlen_t)NAPOT_MASK << PAGE_SHIFT;
		page &= ~(uint64_t)low;
	}
	if (page & low)
		return WALK_PAGE_FAULT; /* a misaligned superpage */
	out->raw = page | (va & low);
	return WALK_OK;
}

const uint8_t *walk_page(const struct walk *walk, uint64_t page)
{
	uint64_t from = page - (walk->ram.raw >> PAGE_SHIFT);
	gpa_t at = {page << PAGE_SHIFT};
	hpa_t host;

	if (from < walk->ram_size >> PAGE_SHIFT) /* below: wraps around to a large one */
		return walk->ram_host + (size_t)(from << PAGE_SHIFT);
	if (!walk->space || at.raw >> PAGE_SHIFT != page ||
	    !space_lookup(walk->space, at, PAGE_SIZE, ALLOW_READ, &host))
		return NULL;
	return (const uint8_t *)(uintptr_t)host.raw;
}

/* Where a table is that isn't in the first piece of RAM; `page` is counted from there. */
static __attribute__((noinline)) const uint8_t *table_elsewhere(const struct walk *walk,
								xlen_t page)
{
	return walk_page(walk, (xlen_t)(page + (xlen_t)(walk->ram.raw >> PAGE_SHIFT)));
}

/* Where a walk is. */
struct cursor {
	xlen_t page;	/* of the table, from the start of the guest's RAM */
	uint64_t pte;	/* the entry that was read last */
	unsigned shift; /* of the level it was read at; 0: its table is outside the RAM */
};

/* Begin at the table on physical page `root`. */
static inline struct cursor begin(const struct walk *walk, xlen_t root)
{
	return (struct cursor){.page = root - (xlen_t)(walk->ram.raw >> PAGE_SHIFT)};
}

/*
 * Read the entry at the level whose index is `index_bits` wide and begins at
 * `shift` (constants: this is in line, once a level). True when it points to a
 * next table, which becomes the current one. It is read once and whole: other
 * vCPUs of the guest may be writing it.
 */
static inline __attribute__((always_inline)) bool level(const struct walk *walk, struct cursor *at,
							xlen_t va, unsigned index_bits,
							unsigned shift)
{
	size_t index = va >> shift & (((xlen_t)1 << index_bits) - 1);
	const uint8_t *table;

	at->shift = 0;
	if (__builtin_expect(at->page < (xlen_t)(walk->ram_size >> PAGE_SHIFT), 1)) {
		table = walk->ram_host + ((size_t)at->page << PAGE_SHIFT);
	} else {
		table = table_elsewhere(walk, at->page);
		if (!table)
			return false;
	}
	at->shift = shift;
	at->pte = index_bits == SV39_INDEX_BITS
			  ? __atomic_load_n((const uint64_t *)table + index, __ATOMIC_RELAXED)
			  : __atomic_load_n((const uint32_t *)table + index, __ATOMIC_RELAXED);
	if ((at->pte & PTE_POINTER_MASK) != PTE_V)
		return false;
	at->page = (xlen_t)(at->pte >> PTE_PPN_SHIFT) - (xlen_t)(walk->ram.raw >> PAGE_SHIFT);
	return true;
}

/* After the last level that was read. */
static inline __attribute__((always_inline)) enum walk_result finish(const struct walk *walk,
								     const struct cursor *at,
								     xlen_t va,
								     enum walk_access access,
								     gpa_t *out)
{
	/* The high bits of a pointer are reserved: with one of them its table is outside any RAM.
	 */
	if (!at->shift)
		return at->pte & PTE_HIGH ? WALK_PAGE_FAULT : WALK_ACCESS_FAULT;
	if (at->shift != PAGE_SHIFT || walk->user || at->pte >> PTE_HIGH_SHIFT ||
	    ((unsigned)at->pte & (PTE_U | access)) != access)
		return leaf_any(walk, at->pte, va, access, at->shift, out);
	out->raw = (at->pte >> PTE_PPN_SHIFT << PAGE_SHIFT) | (va & (PAGE_SIZE - 1));
	return WALK_OK;
}

/* Sv32: satp has the mode in bit 31 and a PPN of 22 bits; a physical address has 34. */
enum walk_result walk_rv32(const struct walk *walk, uint32_t va, enum walk_access access,
			   gpa_t *out)
{
	uint32_t satp = (uint32_t)walk->satp;
	struct cursor at = begin(walk, satp & SATP32_PPN_MASK);

	if (!(satp >> SATP32_MODE_SHIFT)) {
		out->raw = va;
		return WALK_OK;
	}
	if (level(walk, &at, va, SV32_INDEX_BITS, 22))
		level(walk, &at, va, SV32_INDEX_BITS, PAGE_SHIFT);
	return finish(walk, &at, va, access, out);
}

/* True when the bits of `va` above the root's index, which begins at `shift`, repeat its highest.
 */
static inline __attribute__((always_inline)) bool canonical(uint64_t va, unsigned shift)
{
	unsigned unused = 64 - SV39_INDEX_BITS - shift;

	return (uint64_t)((int64_t)(va << unused) >> unused) == va;
}

/* One level of Sv39, Sv48 or Sv57. */
#define LEVEL(shift) level(walk, &at, (xlen_t)va, SV39_INDEX_BITS, shift)

/* Sv39, Sv48, Sv57: satp has the mode in bits 63:60 and a PPN of 44; other modes don't exist. */
enum walk_result walk_rv64(const struct walk *walk, uint64_t va, enum walk_access access,
			   gpa_t *out)
{
	uint64_t satp = walk->satp;
	struct cursor at =
		begin(walk, (xlen_t)(satp << (64 - SATP64_PPN_BITS) >> (64 - SATP64_PPN_BITS)));
	unsigned mode = (unsigned)(satp >> SATP64_MODE_SHIFT);
	bool is_canonical, down = true;

	if (mode == SATP_MODE_SV39) {
		is_canonical = canonical(va, 30);
	} else if (mode == SATP_MODE_SV48) {
		is_canonical = canonical(va, 39);
		down = is_canonical && LEVEL(39);
	} else if (mode == SATP_MODE_SV57) {
		is_canonical = canonical(va, 48);
		down = is_canonical && LEVEL(48) && LEVEL(39);
	} else {
		if (mode != SATP_MODE_BARE)
			return WALK_PAGE_FAULT;
		out->raw = va;
		return WALK_OK;
	}
	if (!is_canonical)
		return WALK_PAGE_FAULT;
	if (down && LEVEL(30) && LEVEL(21))
		LEVEL(PAGE_SHIFT);
	return finish(walk, &at, (xlen_t)va, access, out);
}
