/* SPDX-License-Identifier: MIT */
/*
 * Seeds for the random number generators of guests.
 *
 * A guest has no source of entropy. Without a seed Linux takes every random number under one lock
 * with interrupts off (base_crng.lock, a ticket lock), until somebody waits for its generator to
 * become ready: with several vCPUs that share harts, hardly anything else happens then.
 */
#ifndef CORE_SEED_H
#define CORE_SEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SEED_SIZE = 32 };

/*
 * Begin with the host's own seed, /chosen rng-seed of its device tree: `size` bytes. Fewer than
 * SEED_SIZE are none, since no guest shall be told that it has more than there is. Boot hart, once.
 */
void seed_begin(const void *bytes, size_t size);

/*
 * The next seed, which tells nothing about those before and after it. False: the host gave none.
 * Any hart.
 */
bool seed_next(uint8_t out[SEED_SIZE]);

#endif
