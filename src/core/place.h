/* SPDX-License-Identifier: MIT */
/*
 * Which harts a capsule may run on, and where it begins: decided once, at boot, from the `harts`
 * properties of all capsules. A hart that one capsule only has named is that capsule's own.
 */
#ifndef CORE_PLACE_H
#define CORE_PLACE_H

#include "core/hart.h"
#include "core/hart_set.h"
#include "core/manifest.h"

/* Forget everything; the machine has `harts` harts, all of which are up that will be. Boot hart. */
void place_init(unsigned harts);

/* Note which harts a capsule names. For every capsule, before the first place_harts(). */
void place_note(const struct manifest_capsule *wish);

/* How it wants to be fenced: what its manifest says, or else the command line. */
enum manifest_isolation place_isolation(const struct manifest_capsule *wish);

/*
 * The harts that the capsule may run on, all of one kind, to `harts`: those that can fence it as it
 * wants; if it leaves that open and some have a second stage of translation, such ones.
 * ERR_MISSING, ERR_LIMIT or ERR_RANGE, with names and numbers, when it names one that doesn't
 * exist, when none of them can run it or fence it so, or when its ceiling is beyond what they have.
 */
enum status place_harts(const struct manifest_capsule *wish, struct hart_set *harts,
			struct reason *why) MUST_USE;

/* The hart of `harts` that has been given the least so far; it is given `weight` more. */
struct hart *place_choose(const struct hart_set *harts, uint32_t weight);

/* True when `hart` is one capsule's own. */
bool place_is_dedicated(const struct hart *hart);

/* "CPU 0 2 3": the hart ids of the set, for messages, cut off where `text` ends. */
void place_say_harts(const struct hart_set *harts, char *text, size_t size);

#endif
