/* SPDX-License-Identifier: MIT */
/*
 * All of the vector extension's state at once, for capsules that look whether theirs stays as it
 * was. The kit's C is compiled without V, so nothing else changes it.
 */
#ifndef KIT_VECTOR_H
#define KIT_VECTOR_H

#include <stdbool.h>
#include <stdint.h>

#define VECTOR_LENGTH_MAX 128 /* bytes of a register, for which there is room */
#define VECTOR_COUNT	  32

/* The layout is known to vector.S. */
struct vector_state {
	unsigned long vstart, vcsr, vl, vtype;
	uint8_t v[VECTOR_COUNT * VECTOR_LENGTH_MAX]; /* v0 first, each as long as the hart's */
};

/* vtype when none is chosen: its highest bit, vill. */
#define VECTOR_VILL (~(~0UL >> 1))

/* True if the device tree says that there is V, or a part of it. */
bool vector_offered(void);

/* Bytes of a register, and of all of them. As all that follows, with sstatus.VS not Off: else they
 * trap. */
unsigned long vector_length(void);
unsigned long vector_bytes(void);

/* The whole state. */
void vector_load(const struct vector_state *s);
void vector_store(struct vector_state *s);

/*
 * A state that shows whose it is, and which of its many. Every fourth has vill. Only what a hart
 * can hold: vector_load() and vector_store() give it back.
 */
void vector_fill(struct vector_state *s, unsigned long whose, unsigned long which);

/* How many bytes and CSRs differ; the first byte that does is `where`, CSRs follow registers. */
unsigned long vector_differ(const struct vector_state *a, const struct vector_state *b,
			    unsigned long *where);

#endif
