/* SPDX-License-Identifier: MIT */
/*
 * Finding host RAM for a capsule.
 *
 * What PMP alone fences has to be in one piece, and is taken from the beginning of RAM, where what
 * we keep for ourselves is as well. What has a second stage of translation is taken from the end,
 * so that the PMP behind that, which has few entries, finds it in few pieces (riscv/hext/wall.h);
 * where there is no piece large enough, it is made of several.
 */
#include "core/capsule_ram.h"

#include "lib/print.h"

/* In one piece, where it asked to be or wherever there is room. */
static enum status take_one(struct capsule *capsule, const struct manifest_capsule *wish,
			    struct ram_map *map, struct reason *why)
{
	const struct isolation_ops *ops = capsule->space.ops;
	unsigned owner = RAM_OWNER_GUEST + capsule->number;
	struct reason detail;
	enum status status;
	hpa_t at = {wish->memory_base.raw};

	if (wish->memory_base_given) {
		status = ram_claim(map, (struct hpa_range){at, wish->memory_size}, owner,
				   "memory-base", why);
	} else {
		status = ram_alloc(map, wish->memory_size, ops->alignment(), owner, &at, &detail);
		if (status != OK)
			return refuse(why, status, "memory-mib is %lu, but there is %s",
				      (unsigned long)(wish->memory_size >> 20), detail.text);
	}
	if (status != OK)
		return status;
	capsule->ram = ops->guest_address(at);
	capsule->space.end.raw = capsule->ram.raw + wish->memory_size;
	return ops->map(&capsule->space, capsule->ram, at, wish->memory_size, ALLOW_ALL, why);
}

/* [base, base + size) of a piece for guest address `at`; false when there is none of that size. */
static bool take_size(struct capsule *capsule, struct ram_map *map, gpa_t at, uint64_t size,
		      uint64_t align, struct hpa_range *piece)
{
	struct reason unused;

	piece->size = size;
	return size &&
	       ram_alloc_high(map, size, align, at.raw & (align - 1),
			      RAM_OWNER_STAGED + capsule->number, &piece->base, &unused) == OK;
}

/* The largest free range that begins as `at` does, in whole units of `align`. */
static uint64_t largest(const struct ram_map *map, gpa_t at, uint64_t align)
{
	return align_down(ram_largest_free(map, align, at.raw & (align - 1)), align);
}

/*
 * The next piece of at most `left` bytes. All of it in one before all else; then whole pages of the
 * largest kind, while a range has any.
 */
static bool take_piece(struct capsule *capsule, struct ram_map *map, gpa_t at, uint64_t left,
		       struct hpa_range *piece)
{
	uint64_t least = capsule->space.ops->alignment();
	uint64_t best = capsule->space.ops->best_alignment(left);

	return take_size(capsule, map, at, left, best, piece) ||
	       take_size(capsule, map, at, left, least, piece) ||
	       take_size(capsule, map, at, largest(map, at, best), best, piece) ||
	       take_size(capsule, map, at, largest(map, at, least), least, piece);
}

static enum status refuse_rest(const struct capsule *capsule, uint64_t size, uint64_t left,
			       struct reason *why)
{
	uint64_t align = capsule->space.ops->alignment();

	if (capsule->space.region_count == SPACE_REGIONS_MAX)
		return refuse(why, ERR_LIMIT,
			      "memory-mib is %lu, but the %u largest pieces of free RAM, aligned "
			      "to %" PRIu64 " KiB, have %" PRIu64
			      " KiB, and no more pieces are taken",
			      (unsigned long)(size >> 20), (unsigned)SPACE_REGIONS_MAX, align >> 10,
			      (size - left) >> 10);
	return refuse(why, ERR_NOMEM,
		      "memory-mib is %lu, but all free RAM, in pieces aligned to %" PRIu64
		      " KiB, has %" PRIu64 " KiB",
		      (unsigned long)(size >> 20), align >> 10, (size - left) >> 10);
}

/* Wherever there is room. */
static enum status take_pieces(struct capsule *capsule, const struct manifest_capsule *wish,
			       struct ram_map *map, struct reason *why)
{
	const struct isolation_ops *ops = capsule->space.ops;
	uint64_t left = wish->memory_size;
	enum status status = OK;
	gpa_t at;

	capsule->ram = wish->memory_base_given ? wish->memory_base : ops->guest_address((hpa_t){0});
	capsule->space.end.raw = capsule->ram.raw + wish->memory_size;
	at = capsule->ram;
	while (left && status == OK) {
		struct hpa_range piece;

		if (capsule->space.region_count == SPACE_REGIONS_MAX ||
		    !take_piece(capsule, map, at, left, &piece))
			return refuse_rest(capsule, wish->memory_size, left, why);
		status = ops->map(&capsule->space, at, piece.base, piece.size, ALLOW_ALL, why);
		at.raw += piece.size;
		left -= piece.size;
	}
	return status;
}

enum status capsule_ram_take(struct capsule *capsule, const struct manifest_capsule *wish,
			     struct ram_map *map, struct reason *why)
{
	uint64_t align = capsule->space.ops->alignment();

	if (wish->memory_base_given && wish->memory_base.raw & (align - 1))
		return refuse(why, ERR_RANGE, "memory-base 0x%lx isn't a multiple of 0x%lx",
			      (unsigned long)wish->memory_base.raw, (unsigned long)align);
	capsule->ram_size = wish->memory_size;
	return capsule->space.ops->translates ? take_pieces(capsule, wish, map, why)
					      : take_one(capsule, wish, map, why);
}

void capsule_ram_drop(struct capsule *capsule, struct ram_map *map)
{
	if (capsule->space.ops)
		capsule->space.ops->unmap(&capsule->space);
	ram_free_owner(map, RAM_OWNER_GUEST + capsule->number);
	ram_free_owner(map, RAM_OWNER_STAGED + capsule->number);
}
