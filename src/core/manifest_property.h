/* SPDX-License-Identifier: MIT */
/*
 * Reads the properties of a manifest's node by a table that describes each.
 * A part of core/manifest.h that nobody else calls; pure, on any hart.
 */
#ifndef CORE_MANIFEST_PROPERTY_H
#define CORE_MANIFEST_PROPERTY_H

#include "core/status.h"
#include "core/types.h"

/* What a property holds, and the type of the field that it goes to. */
enum manifest_kind {
	PROPERTY_STRING,  /* one string -> const char * into the FIT */
	PROPERTY_CELL,	  /* one cell, min to max -> uint32_t */
	PROPERTY_MIB,	  /* one cell of MiB, min to max -> uint64_t in bytes */
	PROPERTY_ADDRESS, /* two cells, <hi lo> -> gpa_t */
	PROPERTY_CHOICE,  /* one string of `choices` -> its index, as an enum */
	PROPERTY_CELLS,	  /* 1 to max cells -> struct manifest_bytes */
	PROPERTY_BYTES,	  /* anything -> struct manifest_bytes */
	PROPERTY_IGNORED, /* read elsewhere, or without meaning to us */
	PROPERTY_REFUSED, /* known to FIT, and can't be here: `cure` says why */
};

struct manifest_property {
	const char *name;
	enum manifest_kind kind : 8;
	unsigned offset : 24; /* of the field */
	/* Which of these it has, its kind says. */
	union {
		struct {
			uint32_t min, max;
		};
		const char *const *choices; /* NULL at the end */
		const char *cure;
	};
};

/* Rows of a table; `field` is an offset. */
#define ROW(property, holds, field)                                                                \
	{                                                                                          \
		.name = property, .kind = PROPERTY_##holds, .offset = field                        \
	}
#define ROW_RANGE(property, holds, field, least, most)                                             \
	{                                                                                          \
		.name = property, .kind = PROPERTY_##holds, .offset = field, .min = least,         \
		.max = most                                                                        \
	}
#define ROW_CHOICE(property, field, list)                                                          \
	{                                                                                          \
		.name = property, .kind = PROPERTY_CHOICE, .offset = field, .choices = list        \
	}
#define ROW_IGNORED(property)                                                                      \
	{                                                                                          \
		.name = property, .kind = PROPERTY_IGNORED                                         \
	}
#define ROW_REFUSED(property, text)                                                                \
	{                                                                                          \
		.name = property, .kind = PROPERTY_REFUSED, .cure = text                           \
	}

/* The value of a property as it lies in the FIT, aligned to four bytes. */
struct manifest_bytes {
	const uint8_t *data;
	uint32_t size;
};

/*
 * Read every property of the node at `node` by `table` (at most 32 rows) into
 * the struct at `out`; bit n of `seen` tells that row n was there. Refuses what
 * isn't in the table, what is there twice, and what has a wrong form or value.
 * Fields of absent properties are left as they are.
 */
enum status manifest_property_read(const void *fit, int node, const struct manifest_property *table,
				   unsigned count, void *out, uint32_t *seen,
				   struct reason *why) MUST_USE;

/* ERR_FORMAT unless the `size` bytes at `value` are one string of the property `name`. */
enum status manifest_property_string(const char *name, const char *value, int size,
				     struct reason *why) MUST_USE;

/*
 * Put "kind name: " before the sentence, and pass `status` through; for use
 * like `return manifest_property_blame(...)` where a refusal passes by.
 */
enum status manifest_property_blame(struct reason *why, enum status status, const char *kind,
				    const char *name) MUST_USE;

/* What %.*s takes to show text from a manifest: not more than 40 characters of it. */
#define MANIFEST_SHOWN(text) (int)strnlen(text, 40), text

/* Add ", text" (or "text" when it is empty) to the list in `out`; what doesn't fit is left out. */
void manifest_property_list(char *out, size_t size, const char *text);

#endif
