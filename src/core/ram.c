/* SPDX-License-Identifier: MIT */
/*
 * The table of who owns which pages of host RAM.
 *
 * Invariants: extents ascend, don't overlap, aren't empty and don't reach the
 * end of the 64-bit space; no two free ones touch. Every function checks first
 * and changes afterwards: a refusal leaves the table as it was.
 */
#include "core/ram.h"

#include "core/assert.h"
#include "lib/print.h"
#include "lib/string.h"

static uint64_t end_of(const struct ram_extent *extent)
{
	return extent->base.raw + extent->size;
}

static bool touches(const struct ram_extent *extent, uint64_t base, uint64_t size)
{
	return range_overlaps(extent->base.raw, extent->size, base, size);
}

/* How many extents more there are once [base, base + size) of `extent` is one of its own. */
static unsigned splits(const struct ram_extent *extent, uint64_t base, uint64_t size)
{
	return (base != extent->base.raw) + (base + size != end_of(extent));
}

static unsigned capacity_of(const struct ram_map *map)
{
	return map->extents ? map->capacity : (unsigned)RAM_EXTENTS_FIRST;
}

static enum status check_room(const struct ram_map *map, unsigned more, struct reason *why)
{
	if (more <= capacity_of(map) - map->count)
		return OK;
	return refuse(
		why, ERR_LIMIT,
		"the memory map is full: it has %u of at most %u extents and would need %u more",
		map->count, capacity_of(map), more);
}

/* Put `extent` at `index`. The caller has made sure of the room. */
static void insert(struct ram_map *map, unsigned index, struct ram_extent extent)
{
	ASSERT(map->count < capacity_of(map) && index <= map->count);
	memmove(&ram_extents(map)[index + 1], &ram_extents(map)[index],
		(map->count - index) * sizeof(extent));
	ram_extents(map)[index] = extent;
	map->count++;
}

/* Give [base, base + size), which lies inside extent `index`, to `owner`. */
static void carve(struct ram_map *map, unsigned index, uint64_t base, uint64_t size, unsigned owner)
{
	struct ram_extent *extent = &ram_extents(map)[index];
	struct ram_extent before = *extent, after = *extent;

	before.size = base - extent->base.raw;
	after.base.raw = base + size;
	after.size = end_of(extent) - after.base.raw;
	*extent = (struct ram_extent){.base = {base}, .size = size, .owner = owner};
	if (after.size)
		insert(map, index + 1, after);
	if (before.size)
		insert(map, index, before);
}

/* Make one of free extents that touch. */
static void merge_free(struct ram_map *map)
{
	unsigned kept = 0;

	for (unsigned i = 1; i < map->count; i++) {
		struct ram_extent *last = &ram_extents(map)[kept];
		const struct ram_extent *next = &ram_extents(map)[i];

		if (last->owner == RAM_OWNER_NOBODY && next->owner == RAM_OWNER_NOBODY &&
		    end_of(last) == next->base.raw)
			last->size += next->size;
		else
			ram_extents(map)[++kept] = *next;
	}
	if (map->count)
		map->count = kept + 1;
}

static enum status refuse_overlap(const struct ram_extent *theirs, struct hpa_range range,
				  unsigned owner, const char *what, struct reason *why)
{
	return refuse(why, ERR_OVERLAP,
		      "%s (%s) at 0x%" PRIx64 "-0x%" PRIx64 " overlaps 0x%" PRIx64 "-0x%" PRIx64
		      " (%s)",
		      what, ram_owner_name(owner), range.base.raw, range.base.raw + range.size - 1,
		      theirs->base.raw, end_of(theirs) - 1, ram_owner_name(theirs->owner));
}

enum status ram_add(struct ram_map *map, struct hpa_range range, struct reason *why)
{
	uint64_t base = range.base.raw, size = range.size;
	unsigned at = 0;
	enum status status;

	if (base % PAGE_SIZE || size % PAGE_SIZE || size > UINT64_MAX - base)
		return refuse(why, ERR_RANGE,
			      "RAM at 0x%" PRIx64 " of 0x%" PRIx64
			      " bytes is not made of whole pages below 2^64",
			      base, size);
	if (!size)
		return OK;
	for (; at < map->count && ram_extents(map)[at].base.raw < base + size; at++)
		if (touches(&ram_extents(map)[at], base, size))
			return refuse_overlap(&ram_extents(map)[at], range, RAM_OWNER_NOBODY, "RAM",
					      why);
	status = check_room(map, 1, why);
	if (status)
		return status;
	insert(map, at, (struct ram_extent){.base = range.base, .size = size});
	merge_free(map);
	return OK;
}

/* The smallest range of whole pages around `range`; false when that wraps. */
static bool round_out(struct hpa_range *range)
{
	uint64_t base = align_down(range->base.raw, PAGE_SIZE);
	uint64_t last;

	if (!range->size) {
		range->base.raw = base;
		return true;
	}
	if (range->size - 1 > UINT64_MAX - range->base.raw)
		return false;
	last = (range->base.raw + range->size - 1) | (PAGE_SIZE - 1);
	if (last == UINT64_MAX)
		return false;
	range->base.raw = base;
	range->size = last + 1 - base;
	return true;
}

enum status ram_claim(struct ram_map *map, struct hpa_range range, unsigned owner, const char *what,
		      struct reason *why)
{
	unsigned home = map->count; /* the free extent that has all of it */
	uint64_t base, size;
	enum status status;

	ASSERT(owner != RAM_OWNER_NOBODY);
	if (!round_out(&range))
		return refuse(why, ERR_RANGE, "%s at 0x%" PRIx64 " of 0x%" PRIx64 " bytes wraps",
			      what, range.base.raw, range.size);
	base = range.base.raw;
	size = range.size;
	if (!size)
		return OK;
	for (unsigned i = 0; i < map->count; i++) {
		const struct ram_extent *extent = &ram_extents(map)[i];

		if (extent->owner == RAM_OWNER_NOBODY) {
			if (range_contains(extent->base.raw, extent->size, base, size))
				home = i;
		} else if (touches(extent, base, size)) {
			return refuse_overlap(extent, range, owner, what, why);
		}
	}
	if (home == map->count)
		return refuse(why, ERR_RANGE,
			      "%s (%s) at 0x%" PRIx64 "-0x%" PRIx64 " is not, or not all, RAM",
			      what, ram_owner_name(owner), base, base + size - 1);
	status = check_room(map, splits(&ram_extents(map)[home], base, size), why);
	if (status)
		return status;
	carve(map, home, base, size, owner);
	return OK;
}

/* The part of `range` that lies in `extent`, which it touches. */
static struct hpa_range common_part(const struct ram_extent *extent, struct hpa_range range)
{
	uint64_t base = range.base.raw > extent->base.raw ? range.base.raw : extent->base.raw;
	uint64_t end = range.base.raw + range.size;

	if (end > end_of(extent))
		end = end_of(extent);
	return (struct hpa_range){.base = {base}, .size = end - base};
}

/*
 * True for what is kept out of use already, as a reservation asks for. Loaders reserve the tree and
 * the initrd that they hand over, or reserve a range first and put them there.
 */
static bool is_kept(const struct ram_extent *extent, unsigned owner)
{
	return extent->owner == owner || extent->owner == RAM_OWNER_TREE ||
	       extent->owner == RAM_OWNER_MANIFEST;
}

enum status ram_reserve(struct ram_map *map, struct hpa_range range, unsigned owner,
			const char *what, struct reason *why)
{
	unsigned more = 0;
	enum status status;

	ASSERT(owner != RAM_OWNER_NOBODY);
	/* No RAM is in the last page (ram_add), so what wraps may as well end there. */
	if (!round_out(&range)) {
		range.base.raw = align_down(range.base.raw, PAGE_SIZE);
		range.size = -(uint64_t)PAGE_SIZE - range.base.raw;
	}
	for (unsigned i = 0; i < map->count; i++) {
		const struct ram_extent *extent = &ram_extents(map)[i];
		struct hpa_range part;

		if (!touches(extent, range.base.raw, range.size) || is_kept(extent, owner))
			continue;
		if (extent->owner != RAM_OWNER_NOBODY)
			return refuse_overlap(extent, range, owner, what, why);
		part = common_part(extent, range);
		more += splits(extent, part.base.raw, part.size);
	}
	status = check_room(map, more, why);
	if (status)
		return status;
	for (unsigned i = 0; i < map->count; i++) {
		const struct ram_extent *extent = &ram_extents(map)[i];
		struct hpa_range part;

		if (extent->owner || !touches(extent, range.base.raw, range.size))
			continue;
		part = common_part(extent, range);
		carve(map, i, part.base.raw, part.size, owner);
	}
	return OK;
}

/* The first address in a free `extent` at which `size` bytes fit; false when they don't. */
static bool fits(const struct ram_extent *extent, uint64_t size, uint64_t align, uint64_t phase,
		 uint64_t *at)
{
	if (extent->owner != RAM_OWNER_NOBODY)
		return false;
	*at = extent->base.raw + ((phase - extent->base.raw) & (align - 1));
	/* Where the alignment wrapped, `at` is below the extent and so not in it. */
	return range_contains(extent->base.raw, extent->size, *at, size);
}

/* The last one. */
static bool fits_high(const struct ram_extent *extent, uint64_t size, uint64_t align,
		      uint64_t phase, uint64_t *at)
{
	if (extent->owner != RAM_OWNER_NOBODY || size > extent->size)
		return false;
	*at = end_of(extent) - size;
	*at -= (*at - phase) & (align - 1);
	return range_contains(extent->base.raw, extent->size, *at, size);
}

static enum status take(struct ram_map *map, unsigned index, uint64_t at, uint64_t size,
			unsigned owner, hpa_t *out, struct reason *why)
{
	enum status status = check_room(map, splits(&ram_extents(map)[index], at, size), why);

	if (status != OK)
		return status;
	carve(map, index, at, size, owner);
	out->raw = at;
	return OK;
}

static enum status refuse_size(const struct ram_map *map, uint64_t size, uint64_t align,
			       uint64_t phase, struct reason *why)
{
	return refuse(why, ERR_NOMEM,
		      "no %" PRIu64 " KiB of free RAM aligned to %" PRIu64
		      " KiB in one piece; the largest piece so aligned has %" PRIu64 " KiB",
		      size >> 10, align >> 10, ram_largest_free(map, align, phase) >> 10);
}

enum status ram_alloc(struct ram_map *map, uint64_t size, uint64_t align, unsigned owner,
		      hpa_t *out, struct reason *why)
{
	uint64_t at;

	ASSERT(size && size % PAGE_SIZE == 0 && owner != RAM_OWNER_NOBODY);
	ASSERT(align >= PAGE_SIZE && (align & (align - 1)) == 0);
	for (unsigned i = 0; i < map->count; i++)
		if (fits(&ram_extents(map)[i], size, align, 0, &at))
			return take(map, i, at, size, owner, out, why);
	return refuse_size(map, size, align, 0, why);
}

enum status ram_alloc_pages(struct ram_map *map, size_t size, unsigned owner, void **out,
			    struct reason *why)
{
	hpa_t at;
	enum status status = ram_alloc(map, align_up(size, PAGE_SIZE), PAGE_SIZE, owner, &at, why);

	if (status == OK)
		*out = (void *)(uintptr_t)at.raw;
	return status;
}

enum status ram_alloc_high(struct ram_map *map, uint64_t size, uint64_t align, uint64_t phase,
			   unsigned owner, hpa_t *out, struct reason *why)
{
	uint64_t at;

	ASSERT(size && (size | phase) % PAGE_SIZE == 0 && owner != RAM_OWNER_NOBODY);
	ASSERT(align >= PAGE_SIZE && (align & (align - 1)) == 0);
	for (unsigned i = map->count; i-- > 0;)
		if (fits_high(&ram_extents(map)[i], size, align, phase, &at))
			return take(map, i, at, size, owner, out, why);
	return refuse_size(map, size, align, phase, why);
}

uint64_t ram_free_owner(struct ram_map *map, unsigned owner)
{
	uint64_t freed = 0;

	ASSERT(owner != RAM_OWNER_NOBODY);
	for (unsigned i = 0; i < map->count; i++) {
		if (ram_extents(map)[i].owner != owner)
			continue;
		ram_extents(map)[i].owner = RAM_OWNER_NOBODY;
		freed += ram_extents(map)[i].size;
	}
	merge_free(map);
	return freed;
}

uint64_t ram_largest_free(const struct ram_map *map, uint64_t align, uint64_t phase)
{
	uint64_t largest = 0;

	for (unsigned i = 0; i < map->count; i++) {
		uint64_t at;

		if (fits(&ram_extents_of(map)[i], 0, align, phase, &at) &&
		    end_of(&ram_extents_of(map)[i]) - at > largest)
			largest = end_of(&ram_extents_of(map)[i]) - at;
	}
	return largest;
}

const char *ram_owner_name(unsigned owner)
{
	static const char *const names[] = {
		[RAM_OWNER_NOBODY] = "free",
		[RAM_OWNER_HYPERVISOR] = "hypervisor",
		[RAM_OWNER_TREE] = "host's device tree",
		[RAM_OWNER_MANIFEST] = "manifest",
		[RAM_OWNER_RESERVED] = "reserved",
		[RAM_OWNER_CAPSULE] = "capsule",
	};

	return names[owner < RAM_OWNER_CAPSULE ? owner : RAM_OWNER_CAPSULE];
}

enum status ram_extend(struct ram_map *map, unsigned capacity, struct reason *why)
{
	void *memory;
	enum status status;

	ASSERT(!map->extents && capacity >= RAM_EXTENTS_FIRST);
	status = ram_alloc_pages(map, capacity * sizeof(map->first[0]), RAM_OWNER_HYPERVISOR,
				 &memory, why);
	if (status != OK)
		return status;
	memcpy(memory, map->first, map->count * sizeof(map->first[0]));
	map->extents = memory;
	map->capacity = capacity;
	return OK;
}
