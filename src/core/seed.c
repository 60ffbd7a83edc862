/* SPDX-License-Identifier: MIT */
/* A chain of SHA-256: from what was given away nobody can compute the state, nor an earlier one. */
#include "core/seed.h"

#include "core/lock.h"

#include <bearssl_hash.h>

enum { FOR_GUEST = 1, FOR_STATE = 2 };

_Static_assert(SEED_SIZE == br_sha256_SIZE, "a seed is one hash");

static struct lock lock; /* guards what follows; the innermost */
static uint8_t state[SEED_SIZE];
static bool has_state;

static void derive(uint8_t purpose, uint8_t out[SEED_SIZE])
{
	br_sha256_context context;

	br_sha256_init(&context);
	br_sha256_update(&context, state, sizeof(state));
	br_sha256_update(&context, &purpose, sizeof(purpose));
	br_sha256_out(&context, out);
}

void seed_begin(const void *bytes, size_t size)
{
	br_sha256_context context;

	has_state = size >= SEED_SIZE;
	if (!has_state)
		return;
	br_sha256_init(&context);
	br_sha256_update(&context, bytes, size);
	br_sha256_out(&context, state);
}

bool seed_next(uint8_t out[SEED_SIZE])
{
	bool given;

	lock_take(&lock);
	given = has_state;
	if (given) {
		derive(FOR_GUEST, out);
		derive(FOR_STATE, state);
	}
	lock_drop(&lock);
	return given;
}
