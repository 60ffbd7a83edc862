/* SPDX-License-Identifier: MIT */
/* A set of harts, by their index in the machine (not by hart id, which can be any number). */
#ifndef CORE_HART_SET_H
#define CORE_HART_SET_H

#include "core/types.h"

enum { HART_SET_MAX = 128, HART_SET_WORDS = HART_SET_MAX / 32 };

struct hart_set {
	uint32_t words[HART_SET_WORDS];
};

static inline bool hart_set_has(const struct hart_set *set, unsigned index)
{
	return set->words[index / 32] >> index % 32 & 1;
}

static inline void hart_set_add(struct hart_set *set, unsigned index)
{
	set->words[index / 32] |= (uint32_t)1 << index % 32;
}

static inline void hart_set_remove(struct hart_set *set, unsigned index)
{
	set->words[index / 32] &= ~((uint32_t)1 << index % 32);
}

static inline bool hart_set_is_empty(const struct hart_set *set)
{
	uint32_t any = 0;

	for (unsigned i = 0; i < HART_SET_WORDS; i++)
		any |= set->words[i];
	return !any;
}

/* The same for a set that several harts change at once: sequentially consistent. */
static inline void hart_set_add_shared(struct hart_set *set, unsigned index)
{
	__atomic_fetch_or(&set->words[index / 32], (uint32_t)1 << index % 32, __ATOMIC_SEQ_CST);
}

/* True when it was in the set: of several that take it out, one is told so. */
static inline bool hart_set_remove_shared(struct hart_set *set, unsigned index)
{
	uint32_t bit = (uint32_t)1 << index % 32;

	return __atomic_fetch_and(&set->words[index / 32], ~bit, __ATOMIC_SEQ_CST) & bit;
}

#endif
