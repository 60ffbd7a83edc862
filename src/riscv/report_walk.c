/* SPDX-License-Identifier: MIT */
/*
 * Written after the specification's steps, one after the other, and not after the
 * quick walker: the tests compare the two.
 */
#include "riscv/report_walk.h"

#include "lib/print.h"
#include "riscv/pte.h"

/* The shapes of page tables that exist. */
struct shape {
	const char *name;
	unsigned levels, index_bits;
};

static const struct shape bare = {"Bare", 0, 0};
static const struct shape sv32 = {"Sv32", 2, SV32_INDEX_BITS};
static const struct shape sv39_48_57[] = {
	{"Sv39", 3, SV39_INDEX_BITS},
	{"Sv48", 4, SV39_INDEX_BITS},
	{"Sv57", 5, SV39_INDEX_BITS},
};

/* The shape that satp names, or NULL. `root` is the page number of the first table. */
static const struct shape *shape_of(const struct walk *walk, unsigned xlen, uint64_t *root)
{
	uint64_t satp = walk->satp;
	unsigned mode;

	if (xlen == 32) {
		*root = satp & SATP32_PPN_MASK;
		return satp >> SATP32_MODE_SHIFT & 1 ? &sv32 : &bare;
	}
	*root = satp & (((uint64_t)1 << SATP64_PPN_BITS) - 1);
	mode = (unsigned)(satp >> SATP64_MODE_SHIFT);
	if (!mode)
		return &bare;
	if (mode < SATP_MODE_SV39 || mode > SATP_MODE_SV57)
		return NULL;
	return &sv39_48_57[mode - SATP_MODE_SV39];
}

/* The bits above those that are translated repeat the highest of them; Sv32 translates all. */
static bool is_canonical(const struct shape *shape, unsigned xlen, uint64_t va)
{
	unsigned unused = 64 - PAGE_SHIFT - shape->levels * shape->index_bits;

	return xlen == 32 || (uint64_t)((int64_t)(va << unused) >> unused) == va;
}

/* Read the entry of the table on page `page`; false when that isn't in guest RAM. */
static bool read_entry(const struct walk *walk, const struct shape *shape, uint64_t page,
		       struct report_level *level)
{
	const uint8_t *table = walk_page(walk, page);

	level->table = page << PAGE_SHIFT;
	if (!table)
		return false;
	level->entry =
		shape->index_bits == sv32.index_bits
			? __atomic_load_n((const uint32_t *)table + level->index, __ATOMIC_RELAXED)
			: __atomic_load_n((const uint64_t *)table + level->index, __ATOMIC_RELAXED);
	level->is_leaf = level->entry & (PTE_R | PTE_W | PTE_X);
	return true;
}

/* What is wrong with the form of a leaf, or MAPPED. */
static enum report_walk_end leaf_form(const struct walk *walk, const struct report_level *level,
				      uint64_t page)
{
	uint64_t entry = level->entry;

	if ((entry & (PTE_R | PTE_W)) == PTE_W || entry & PTE_RESERVED)
		return REPORT_WALK_RESERVED;
	if ((entry & PTE_PBMT) && (!walk->pbmt || (entry & PTE_PBMT) == PTE_PBMT))
		return REPORT_WALK_RESERVED;
	if (entry & PTE_N) {
		bool known = level->shift == PAGE_SHIFT &&
			     (entry >> PTE_PPN_SHIFT & NAPOT_MASK) == NAPOT_64KIB;

		return walk->napot && known ? REPORT_WALK_MAPPED : REPORT_WALK_RESERVED;
	}
	return page & (((uint64_t)1 << (level->shift - PAGE_SHIFT)) - 1) ? REPORT_WALK_MISALIGNED
									 : REPORT_WALK_MAPPED;
}

/* What the access lacks, or MAPPED. */
static enum report_walk_end leaf_rights(const struct walk *walk, uint64_t entry,
					enum walk_access access)
{
	unsigned needed = PTE_R;

	if (access == WALK_WRITE)
		needed = PTE_W;
	else if (access == WALK_EXECUTE)
		needed = PTE_X;
	else if (walk->mxr)
		needed = PTE_R | PTE_X; /* either */
	if (!(entry & needed))
		return REPORT_WALK_DENIED;
	if (!(entry & PTE_U) && walk->user)
		return REPORT_WALK_NOT_USER;
	if ((entry & PTE_U) && !walk->user && (!walk->sum || access == WALK_EXECUTE))
		return REPORT_WALK_USER_ONLY;
	if (!(entry & PTE_A))
		return REPORT_WALK_NOT_ACCESSED;
	if (access == WALK_WRITE && !(entry & PTE_D))
		return REPORT_WALK_NOT_DIRTY;
	return REPORT_WALK_MAPPED;
}

static enum report_walk_end end_at_leaf(const struct walk *walk, const struct report_level *level,
					uint64_t va, enum walk_access access, gpa_t *physical)
{
	uint64_t page = (level->entry & ~PTE_HIGH) >> PTE_PPN_SHIFT;
	uint64_t low = ((uint64_t)1 << level->shift) - 1;
	enum report_walk_end end = leaf_form(walk, level, page);

	if (end != REPORT_WALK_MAPPED)
		return end;
	if (level->entry & PTE_N)
		low |= (uint64_t)NAPOT_MASK << PAGE_SHIFT;
	physical->raw = (page << PAGE_SHIFT & ~low) | (va & low);
	return leaf_rights(walk, level->entry, access);
}

/* What an entry says that isn't a leaf; `page` becomes the next table's. */
static enum report_walk_end end_at_pointer(const struct report_level *level, uint64_t *page)
{
	if (!(level->entry & PTE_V))
		return REPORT_WALK_NOT_VALID;
	if (level->entry & (PTE_HIGH | PTE_U | PTE_A | PTE_D))
		return REPORT_WALK_RESERVED;
	*page = level->entry >> PTE_PPN_SHIFT;
	return level->shift == PAGE_SHIFT ? REPORT_WALK_TOO_DEEP : REPORT_WALK_MAPPED;
}

static enum report_walk_end descend(const struct walk *walk, const struct shape *shape,
				    uint64_t page, uint64_t va, enum walk_access access,
				    struct report_walk *out)
{
	for (unsigned i = 0; i < shape->levels; i++) {
		struct report_level *level = &out->levels[i];
		enum report_walk_end end;

		level->shift = PAGE_SHIFT + shape->index_bits * (shape->levels - 1 - i);
		level->index = va >> level->shift & ((1u << shape->index_bits) - 1);
		if (!read_entry(walk, shape, page, level)) {
			out->table.raw = level->table;
			return REPORT_WALK_TABLE_OUTSIDE;
		}
		out->level_count = i + 1;
		if ((level->entry & PTE_V) && level->is_leaf)
			return end_at_leaf(walk, level, va, access, &out->physical);
		end = end_at_pointer(level, &page);
		if (end != REPORT_WALK_MAPPED)
			return end;
	}
	return REPORT_WALK_TOO_DEEP;
}

void report_walk(const struct walk *walk, unsigned xlen, xlen_t va, enum walk_access access,
		 struct report_walk *out)
{
	const struct shape *shape;
	uint64_t root;

	if (xlen == 32)
		va = (uint32_t)va;
	shape = shape_of(walk, xlen, &root);
	*out = (struct report_walk){.mode = shape ? shape->name : "?", .physical = {va}};
	if (!shape)
		out->end = REPORT_WALK_UNKNOWN_MODE;
	else if (!shape->levels)
		out->end = REPORT_WALK_BARE;
	else if (!is_canonical(shape, xlen, va))
		out->end = REPORT_WALK_NOT_CANONICAL;
	else
		out->end = descend(walk, shape, root, va, access, out);
}

bool report_walk_is_mapped(const struct report_walk *walked)
{
	return walked->end <= REPORT_WALK_MAPPED || walked->end >= REPORT_WALK_USER_ONLY;
}

/* "rwxugad", a hyphen for each that is clear. `out` has room for eight. */
static void flags_text(uint64_t entry, char *out)
{
	static const char letters[] = "rwxugad";

	for (unsigned i = 0; i < sizeof(letters) - 1; i++)
		out[i] = entry >> (i + 1) & 1 ? letters[i] : '-';
	out[sizeof(letters) - 1] = '\0';
}

void report_walk_level(const struct report_walk *walked, unsigned index, char *out, size_t size)
{
	const struct report_level *level = &walked->levels[index];
	uint64_t target = (level->entry & ~PTE_HIGH) >> PTE_PPN_SHIFT << PAGE_SHIFT;
	size_t length = print_text(out, size, "table 0x%" PRIx64 " [%u]: 0x%" PRIx64, level->table,
				   level->index, level->entry);
	char flags[8];

	if (!(level->entry & PTE_V) || length >= size)
		return;
	flags_text(level->entry, flags);
	if (level->is_leaf)
		print_text(out + length, size - length, ", %s page at 0x%" PRIx64 ", %s",
			   level->shift == PAGE_SHIFT ? "a" : "a large", target, flags);
	else
		print_text(out + length, size - length, ", points to 0x%" PRIx64, target);
}

static const char *const verdicts[] = {
	[REPORT_WALK_BARE] = "translation is off",
	[REPORT_WALK_MAPPED] = "the access is allowed",
	[REPORT_WALK_UNKNOWN_MODE] = "satp has a mode that doesn't exist",
	[REPORT_WALK_NOT_CANONICAL] = "the address is not canonical",
	[REPORT_WALK_TABLE_OUTSIDE] = "the table is not in guest RAM",
	[REPORT_WALK_NOT_VALID] = "the entry is not valid",
	[REPORT_WALK_RESERVED] = "the entry has reserved bits set",
	[REPORT_WALK_TOO_DEEP] = "the last level points to one more",
	[REPORT_WALK_MISALIGNED] = "a misaligned superpage",
	[REPORT_WALK_USER_ONLY] = "a page of the user's, and the access is the kernel's",
	[REPORT_WALK_NOT_USER] = "a page of the kernel's, and the access is the user's",
	[REPORT_WALK_DENIED] = "the page doesn't allow this kind of access",
	[REPORT_WALK_NOT_ACCESSED] = "the accessed bit is clear",
	[REPORT_WALK_NOT_DIRTY] = "the dirty bit is clear, and it is a store",
};

void report_walk_verdict(const struct report_walk *walked, char *out, size_t size)
{
	const char *why = verdicts[walked->end];

	if (walked->end == REPORT_WALK_TABLE_OUTSIDE)
		print_text(out, size, "table 0x%" PRIx64 ": %s", walked->table.raw, why);
	else if (report_walk_is_mapped(walked))
		print_text(out, size, "guest-physical 0x%" PRIx64 ": %s", walked->physical.raw,
			   why);
	else
		print_text(out, size, "%s", why);
}
