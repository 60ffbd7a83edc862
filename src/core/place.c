/* SPDX-License-Identifier: MIT */
#include "core/place.h"

#include "core/arch.h"
#include "core/assert.h"
#include "core/log.h"
#include "core/options.h"
#include "core/tree.h"
#include "lib/print.h"

static unsigned hart_count;

void place_init(unsigned harts)
{
	ASSERT(harts <= HART_SET_MAX);
	hart_count = harts;
	for (unsigned i = 0; i < harts; i++)
		if (arch_hart(i))
			arch_hart(i)->placed = (struct hart_placed){0, 0};
}

/* The hart with this id, whether it came up or not: its index, or `hart_count`. */
static unsigned index_of(uint32_t id)
{
	unsigned index = 0;

	while (index < hart_count && !(arch_hart(index) && arch_hart(index)->id == id))
		index++;
	return index;
}

static uint32_t named(const struct manifest_capsule *wish, unsigned at)
{
	return tree_cell_at(wish->harts, at);
}

void place_note(const struct manifest_capsule *wish)
{
	for (unsigned i = 0; i < wish->harts_count; i++) {
		unsigned index = index_of(named(wish, i));

		if (index < hart_count && arch_hart(index)->placed.names < 255)
			arch_hart(index)->placed.names++;
	}
}

bool place_is_dedicated(const struct hart *hart)
{
	return hart->placed.names == 1;
}

/* The ones it names that can run capsules. */
static enum status take_named(const struct manifest_capsule *wish, struct hart_set *harts,
			      const char **unfit, struct reason *why)
{
	for (unsigned i = 0; i < wish->harts_count; i++) {
		unsigned index = index_of(named(wish, i));

		if (index == hart_count)
			return refuse(why, ERR_MISSING,
				      "harts names CPU %u, which this machine's %u CPU cores don't "
				      "include",
				      (unsigned)named(wish, i), hart_count);
		if (arch_hart(index)->unfit)
			*unfit = arch_hart(index)->unfit;
		else
			hart_set_add(harts, index);
	}
	return OK;
}

/* All that nobody has to itself. */
static void take_all(struct hart_set *harts, const char **unfit)
{
	for (unsigned i = 0; i < hart_count; i++) {
		const struct hart *hart = arch_hart(i);

		if (!hart)
			continue;
		if (hart->unfit)
			*unfit = hart->unfit;
		else if (place_is_dedicated(hart))
			*unfit = "other capsules have it to themselves (harts)";
		else
			hart_set_add(harts, i);
	}
}

enum manifest_isolation place_isolation(const struct manifest_capsule *wish)
{
	return wish->isolation == ISOLATION_AUTO ? options.isolation : wish->isolation;
}

void place_say_harts(const struct hart_set *harts, char *text, size_t size)
{
	size_t length = print_text(text, size, "CPU");

	for (unsigned i = 0; i < hart_count && length < size; i++)
		if (hart_set_has(harts, i))
			length += print_text(text + length, size - length, " %u", arch_hart(i)->id);
}

/*
 * Of the harts those that can fence it as it wants; none: the first one's reason. `first` is the
 * one that the others have to be like: one with a second stage, if there is any.
 */
static enum status keep_able(enum manifest_isolation wanted, struct hart_set *harts,
			     const struct hart **first, struct reason *why)
{
	struct hart_set unable = {{0}};
	struct reason reason, unused;
	bool translates = false;
	char names[64];

	*first = NULL;
	for (unsigned i = 0; i < hart_count; i++) {
		const struct isolation_ops *ops;

		if (!hart_set_has(harts, i))
			continue;
		if (arch_isolation(arch_hart(i), wanted, &ops,
				   hart_set_is_empty(&unable) ? &reason : &unused) != OK) {
			hart_set_add(&unable, i);
			hart_set_remove(harts, i);
		} else if (!*first || (ops->translates && !translates)) {
			*first = arch_hart(i);
			translates = ops->translates;
		}
	}
	if (*first || hart_set_is_empty(&unable))
		return OK;
	place_say_harts(&unable, names, sizeof(names));
	return refuse(why, ERR_LIMIT, "none of %s can run it: %s", names, reason.text);
}

/* Of harts that differ those like `first`: what a guest is told of its harts holds on all. */
static unsigned keep_one_kind(struct hart_set *harts, const struct hart *first)
{
	unsigned count = 0;

	for (unsigned i = 0; i < hart_count; i++) {
		if (!hart_set_has(harts, i))
			continue;
		if (arch_harts_alike(first, arch_hart(i)))
			count++;
		else
			hart_set_remove(harts, i);
	}
	return count;
}

/* Somebody who names harts wants to know of those that it doesn't get. */
static void say_left_out(const struct manifest_capsule *wish, const struct hart_set *asked,
			 const struct hart_set *harts)
{
	struct hart_set left = *asked;
	char kept[64], names[64];

	for (unsigned i = 0; i < hart_count; i++)
		if (hart_set_has(harts, i))
			hart_set_remove(&left, i);
	if (!wish->harts_count || hart_set_is_empty(&left))
		return;
	place_say_harts(harts, kept, sizeof(kept));
	place_say_harts(&left, names, sizeof(names));
	log_info("Capsule %s runs on %s and not on %s, which it names as well: they differ",
		 wish->name, kept, names);
}

enum status place_harts(const struct manifest_capsule *wish, struct hart_set *harts,
			struct reason *why)
{
	const char *unfit = "none came up";
	const struct hart *first;
	enum status status = OK;
	struct hart_set asked;
	unsigned count;

	*harts = (struct hart_set){{0}};
	if (wish->harts_count)
		status = take_named(wish, harts, &unfit, why);
	else
		take_all(harts, &unfit);
	asked = *harts;
	if (status == OK)
		status = keep_able(place_isolation(wish), harts, &first, why);
	if (status != OK)
		return status;
	count = keep_one_kind(harts, first);
	if (!count)
		return refuse(why, ERR_MISSING, "none of its %u CPU core%s can run it: %s",
			      wish->harts_count ? (unsigned)wish->harts_count : hart_count,
			      (wish->harts_count ? wish->harts_count : hart_count) == 1 ? "" : "s",
			      unfit);
	if (wish->cap_percent > 100 * count)
		return refuse(
			why, ERR_RANGE, "cap-percent is %u, but its %u CPU core%s have %u in all",
			(unsigned)wish->cap_percent, count, count == 1 ? "" : "s", 100 * count);
	say_left_out(wish, &asked, harts);
	return OK;
}

struct hart *place_choose(const struct hart_set *harts, uint32_t weight)
{
	struct hart *best = NULL;

	/* The last of equals: the first harts have the machine's interrupts to serve. */
	for (unsigned i = 0; i < hart_count; i++)
		if (hart_set_has(harts, i) &&
		    (!best || arch_hart(i)->placed.weight <= best->placed.weight))
			best = arch_hart(i);
	ASSERT(best);
	best->placed.weight += weight;
	return best;
}
