/* SPDX-License-Identifier: MIT */
#include "riscv/hext/gstage.h"

#include "lib/print.h"
#include "lib/string.h"
#include "riscv/pte.h"

/* G stays clear in all entries: it means nothing here. */
enum {
	PTE_LEAF = PTE_R | PTE_W | PTE_X,
	ROOT_PAGES = GSTAGE_ROOT_SIZE / PAGE_SIZE,
};

const struct gstage_shape gstage_sv32x4 = {"Sv32x4", 1, 2, 10, 4, 34};
const struct gstage_shape gstage_sv39x4 = {"Sv39x4", 8, 3, 9, 8, 41};
const struct gstage_shape gstage_sv48x4 = {"Sv48x4", 9, 4, 9, 8, 50};

/* --- the pool ------------------------------------------------------------------------------- */

/* True when `count` pages from `page` on are free. */
static bool is_free(const struct gstage_pool *pool, unsigned page, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (pool->owner[page + i])
			return false;
	return true;
}

/* `count` pages (a power of two), aligned to their number and zeroed, for the tree `owner`. */
static bool take(struct gstage_pool *pool, unsigned count, unsigned owner, unsigned *out)
{
	for (unsigned page = 0; page + count <= GSTAGE_POOL_PAGES; page += count) {
		if (!is_free(pool, page, count))
			continue;
		for (unsigned i = 0; i < count; i++)
			pool->owner[page + i] = (owner == GSTAGE_POOL_PAGES ? page : owner) + 1;
		memset(pool->memory + (size_t)page * PAGE_SIZE, 0, (size_t)count * PAGE_SIZE);
		*out = page;
		return true;
	}
	return false;
}

static enum status refuse_full(struct reason *why)
{
	return refuse(why, ERR_NOMEM, "no page is left of the %u KiB for second-stage tables",
		      GSTAGE_POOL_SIZE / 1024);
}

enum status gstage_create(struct gstage *stage, const struct gstage_shape *shape,
			  struct gstage_pool *pool, struct reason *why)
{
	*stage = (struct gstage){.shape = shape, .pool = pool};
	if (!take(pool, ROOT_PAGES, GSTAGE_POOL_PAGES, &stage->root))
		return refuse_full(why);
	return OK;
}

void gstage_destroy(struct gstage *stage)
{
	for (unsigned page = 0; page < GSTAGE_POOL_PAGES; page++)
		if (stage->pool->owner[page] == stage->root + 1)
			stage->pool->owner[page] = 0;
}

/* --- entries -------------------------------------------------------------------------------- */

/*
 * From here on addresses are numbers of pages, which fit in a register on RV32 as well, where
 * shifts of more than a register would need libgcc.
 */
static xlen_t pages(uint64_t bytes)
{
	return bytes >> PAGE_SHIFT;
}

/* How many pages a leaf of that level maps, as a shift. */
static unsigned level_shift(const struct gstage_shape *shape, unsigned level)
{
	return level * shape->index_bits;
}

/* The entry for guest page `vpn` in the table on page `table` of the pool, which is of that level.
 */
static uint8_t *entry_at(const struct gstage *stage, unsigned table, unsigned level, xlen_t vpn)
{
	const struct gstage_shape *shape = stage->shape;
	unsigned bits = shape->index_bits + (level == shape->levels - 1 ? 2 : 0);
	size_t index = vpn >> level_shift(shape, level) & (((xlen_t)1 << bits) - 1);

	return stage->pool->memory + (size_t)table * PAGE_SIZE + index * shape->entry_size;
}

static uint64_t read_entry(const struct gstage *stage, const uint8_t *entry)
{
	return stage->shape->entry_size == 8 ? *(const uint64_t *)entry : *(const uint32_t *)entry;
}

static void write_entry(const struct gstage *stage, uint8_t *entry, uint64_t value)
{
	if (stage->shape->entry_size == 8)
		*(uint64_t *)entry = value;
	else
		*(uint32_t *)entry = value;
}

static uint64_t make_entry(xlen_t ppn, unsigned flags)
{
	return (uint64_t)ppn << PTE_PPN_SHIFT | flags | PTE_V;
}

/* The page in the pool that a pointer to a table points at. */
static unsigned table_of(const struct gstage *stage, uint64_t entry)
{
	return (xlen_t)(entry >> PTE_PPN_SHIFT) - pages(stage->pool->base.raw);
}

/* --- mapping -------------------------------------------------------------------------------- */

/* The table that `entry` points at, made when there is none. */
static enum status descend(struct gstage *stage, uint8_t *entry, xlen_t vpn, unsigned *table,
			   struct reason *why)
{
	uint64_t value = read_entry(stage, entry);

	if (value & PTE_LEAF)
		return refuse(why, ERR_OVERLAP, "guest address 0x%" PRIx64 " is mapped already",
			      (uint64_t)vpn << PAGE_SHIFT);
	if (value) {
		*table = table_of(stage, value);
		return OK;
	}
	if (!take(stage->pool, 1, stage->root, table))
		return refuse_full(why);
	write_entry(stage, entry, make_entry(pages(stage->pool->base.raw) + *table, 0));
	return OK;
}

/* One leaf of `level`, with the tables above it that are missing. */
static enum status put(struct gstage *stage, xlen_t vpn, unsigned level, uint64_t leaf,
		       struct reason *why)
{
	unsigned table = stage->root;
	uint8_t *entry;

	for (unsigned above = stage->shape->levels - 1; above > level; above--) {
		enum status status =
			descend(stage, entry_at(stage, table, above, vpn), vpn, &table, why);

		if (status != OK)
			return status;
	}
	entry = entry_at(stage, table, level, vpn);
	if (read_entry(stage, entry))
		return refuse(why, ERR_OVERLAP, "guest address 0x%" PRIx64 " is mapped already",
			      (uint64_t)vpn << PAGE_SHIFT);
	write_entry(stage, entry, leaf);
	return OK;
}

/* The largest level whose leaf begins at both addresses and isn't longer than `count` pages. */
static unsigned best_level(const struct gstage_shape *shape, xlen_t vpn, xlen_t ppn, xlen_t count)
{
	unsigned level = shape->levels - 1;

	while (level) {
		xlen_t length = (xlen_t)1 << level_shift(shape, level);

		if (length <= count && !((vpn | ppn) & (length - 1)))
			break;
		level--;
	}
	return level;
}

/* On RV32 numbers of pages have 32 bits, of which the shape has fewer. */
bool gstage_is_beyond(const struct gstage_shape *shape, gpa_t from, uint64_t size)
{
	xlen_t limit = (xlen_t)1 << (shape->address_bits - PAGE_SHIFT);

	return pages(from.raw) != from.raw >> PAGE_SHIFT || pages(size) != size >> PAGE_SHIFT ||
	       !range_contains(0, limit, pages(from.raw), pages(size));
}

enum status gstage_map(struct gstage *stage, gpa_t from, hpa_t to, uint64_t size, unsigned allow,
		       struct reason *why)
{
	unsigned flags = PTE_U | PTE_A | PTE_D | (allow & ALLOW_READ ? PTE_R : 0) |
			 (allow & ALLOW_WRITE ? PTE_W : 0) | (allow & ALLOW_EXECUTE ? PTE_X : 0);
	xlen_t vpn = pages(from.raw), ppn = pages(to.raw), count = pages(size);

	if (!size || (from.raw | to.raw | size) & (PAGE_SIZE - 1) || !(allow & ALLOW_READ))
		return refuse(why, ERR_RANGE,
			      "0x%" PRIx64 " bytes at guest address 0x%" PRIx64
			      " aren't whole pages that may be read",
			      size, from.raw);
	if (gstage_is_beyond(stage->shape, from, size))
		return refuse(why, ERR_RANGE,
			      "0x%" PRIx64 " bytes at guest address 0x%" PRIx64
			      " are beyond the %u bits of %s",
			      size, from.raw, stage->shape->address_bits, stage->shape->name);
	while (count) {
		unsigned level = best_level(stage->shape, vpn, ppn, count);
		xlen_t length = (xlen_t)1 << level_shift(stage->shape, level);
		enum status status = put(stage, vpn, level, make_entry(ppn, flags), why);

		if (status != OK)
			return status;
		vpn += length;
		ppn += length;
		count -= length;
	}
	return OK;
}

bool gstage_lookup(const struct gstage *stage, gpa_t at, hpa_t *out, unsigned *allow,
		   uint64_t *leaf)
{
	const struct gstage_shape *shape = stage->shape;
	unsigned table = stage->root;
	xlen_t vpn = pages(at.raw);

	if (gstage_is_beyond(shape, at, PAGE_SIZE))
		return false;
	for (unsigned level = shape->levels; level-- > 0;) {
		uint64_t entry = read_entry(stage, entry_at(stage, table, level, vpn));
		xlen_t length = (xlen_t)1 << level_shift(shape, level);

		if (!entry)
			return false;
		if (!(entry & PTE_LEAF)) {
			table = table_of(stage, entry);
			continue;
		}
		*leaf = (uint64_t)length << PAGE_SHIFT;
		out->raw = ((entry >> PTE_PPN_SHIFT) + (vpn & (length - 1))) << PAGE_SHIFT |
			   (at.raw & (PAGE_SIZE - 1));
		*allow = (entry & PTE_R ? ALLOW_READ : 0) | (entry & PTE_W ? ALLOW_WRITE : 0) |
			 (entry & PTE_X ? ALLOW_EXECUTE : 0);
		return true;
	}
	return false;
}
