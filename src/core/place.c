/* SPDX-License-Identifier: MIT */
#include "core/place.h"

#include "core/arch.h"
#include "core/assert.h"
#include "core/tree.h"

static unsigned hart_count;
static uint8_t named_by[HART_SET_MAX]; /* how many capsules; it stays at 255 */
static uint32_t given[HART_SET_MAX];   /* weight */

void place_init(unsigned harts)
{
	ASSERT(harts <= HART_SET_MAX);
	hart_count = harts;
	for (unsigned i = 0; i < HART_SET_MAX; i++) {
		named_by[i] = 0;
		given[i] = 0;
	}
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

		if (index < hart_count && named_by[index] < 255)
			named_by[index]++;
	}
}

bool place_is_dedicated(const struct hart *hart)
{
	return named_by[hart->index] == 1;
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

/* Of harts that differ, those like the first: what a guest is told of its harts holds on all. */
static unsigned keep_one_kind(struct hart_set *harts)
{
	const struct hart *first = NULL;
	unsigned count = 0;

	for (unsigned i = 0; i < hart_count; i++) {
		if (!hart_set_has(harts, i))
			continue;
		if (!first)
			first = arch_hart(i);
		if (arch_harts_alike(first, arch_hart(i)))
			count++;
		else
			hart_set_remove(harts, i);
	}
	return count;
}

enum status place_harts(const struct manifest_capsule *wish, struct hart_set *harts,
			struct reason *why)
{
	const char *unfit = "none came up";
	enum status status = OK;
	unsigned count;

	*harts = (struct hart_set){{0}};
	if (wish->harts_count)
		status = take_named(wish, harts, &unfit, why);
	else
		take_all(harts, &unfit);
	if (status != OK)
		return status;
	count = keep_one_kind(harts);
	if (!count)
		return refuse(why, ERR_MISSING, "none of its %u CPU core%s can run it: %s",
			      wish->harts_count ? (unsigned)wish->harts_count : hart_count,
			      (wish->harts_count ? wish->harts_count : hart_count) == 1 ? "" : "s",
			      unfit);
	if (wish->cap_percent > 100 * count)
		return refuse(
			why, ERR_RANGE, "cap-percent is %u, but its %u CPU core%s have %u in all",
			(unsigned)wish->cap_percent, count, count == 1 ? "" : "s", 100 * count);
	return OK;
}

struct hart *place_choose(const struct hart_set *harts, uint32_t weight)
{
	unsigned best = hart_count;

	/* The last of equals: the first harts have the machine's interrupts to serve. */
	for (unsigned i = 0; i < hart_count; i++)
		if (hart_set_has(harts, i) && (best == hart_count || given[i] <= given[best]))
			best = i;
	ASSERT(best < hart_count);
	given[best] += weight;
	return arch_hart(best);
}
