/* SPDX-License-Identifier: MIT */
/*
 * The engine behind the tables of properties. All that is known about the FIT
 * here is that fdt_check_full() has passed, so that libfdt's walks end and stay
 * inside; what a property holds may be anything.
 */
#include "core/manifest_property.h"
#include "lib/print.h"
#include "lib/string.h"

#include <libfdt.h>

enum { CELL = 4, LIST_SIZE = 160 };

void manifest_property_list(char *out, size_t size, const char *text)
{
	size_t used = strlen(out);

	print_text(out + used, size - used, "%s%.*s", used ? ", " : "", MANIFEST_SHOWN(text));
}

enum status manifest_property_blame(struct reason *why, enum status status, const char *kind,
				    const char *name)
{
	struct reason inner = *why;

	return refuse(why, status, "%s %.*s: %s", kind, MANIFEST_SHOWN(name), inner.text);
}

enum status manifest_property_string(const char *name, const char *value, int size,
				     struct reason *why)
{
	const char *end = memchr(value, 0, (size_t)size);

	if (!end)
		return refuse(why, ERR_FORMAT,
			      "%s is no string: its %d bytes have no zero at the end", name, size);
	if (end != value + size - 1)
		return refuse(why, ERR_FORMAT,
			      "%s: one string is expected; it goes on after \"%.*s\"", name,
			      MANIFEST_SHOWN(value));
	return OK;
}

static enum status refuse_unknown(const char *name, const struct manifest_property *table,
				  unsigned count, struct reason *why)
{
	char known[LIST_SIZE] = "";

	for (unsigned i = 0; i < count; i++) {
		if (table[i].kind != PROPERTY_REFUSED)
			manifest_property_list(known, sizeof(known), table[i].name);
	}
	return refuse(why, ERR_FORMAT, "property \"%.*s\" is not known; known are %s",
		      MANIFEST_SHOWN(name), known);
}

static enum status check_range(const struct manifest_property *row, uint32_t value,
			       struct reason *why)
{
	if (value >= row->min && value <= row->max)
		return OK;
	if (row->max == UINT32_MAX)
		return refuse(why, ERR_LIMIT, "%s is %" PRIu32 "; at least %" PRIu32 " is expected",
			      row->name, value, row->min);
	return refuse(why, ERR_LIMIT, "%s is %" PRIu32 "; %" PRIu32 " to %" PRIu32 " is expected",
		      row->name, value, row->min, row->max);
}

static enum status read_choice(const struct manifest_property *row, const char *value, void *field,
			       struct reason *why)
{
	char choices[LIST_SIZE] = "";

	for (uint32_t i = 0; row->choices[i]; i++) {
		if (!strcmp(value, row->choices[i])) {
			memcpy(field, &i, sizeof(i));
			return OK;
		}
		manifest_property_list(choices, sizeof(choices), row->choices[i]);
	}
	return refuse(why, ERR_FORMAT, "%s is \"%.*s\"; one of %s is expected", row->name,
		      MANIFEST_SHOWN(value), choices);
}

static enum status check_cells(const struct manifest_property *row, int size, struct reason *why)
{
	if (row->kind == PROPERTY_CELLS) {
		if (!size || size % CELL)
			return refuse(why, ERR_FORMAT, "%s has %d bytes; cells of 4 are expected",
				      row->name, size);
		if ((uint32_t)size / CELL > row->max)
			return refuse(why, ERR_LIMIT,
				      "%s has %d cells; at most %" PRIu32 " are expected",
				      row->name, size / CELL, row->max);
	} else if (row->kind == PROPERTY_ADDRESS) {
		if (size != 2 * CELL)
			return refuse(why, ERR_FORMAT,
				      "%s has %d bytes; two cells (8 bytes, <hi lo>) are expected",
				      row->name, size);
	} else if (size != CELL) {
		return refuse(why, ERR_FORMAT, "%s has %d bytes; one cell (4 bytes) is expected",
			      row->name, size);
	}
	return OK;
}

static enum status read_cells(const struct manifest_property *row, const void *value, int size,
			      void *field, struct reason *why)
{
	enum status status = check_cells(row, size, why);
	uint32_t cell;

	if (status)
		return status;
	if (row->kind == PROPERTY_CELLS) {
		*(struct manifest_bytes *)field = (struct manifest_bytes){value, (uint32_t)size};
		return OK;
	}
	if (row->kind == PROPERTY_ADDRESS) {
		((gpa_t *)field)->raw = fdt64_ld(value);
		return OK;
	}
	cell = fdt32_ld(value);
	status = check_range(row, cell, why);
	if (status)
		return status;
	if (row->kind == PROPERTY_MIB)
		*(uint64_t *)field = MIB(cell);
	else
		*(uint32_t *)field = cell;
	return OK;
}

static enum status read_one(const struct manifest_property *row, const void *value, int size,
			    void *out, struct reason *why)
{
	void *field = (char *)out + row->offset;
	enum status status;

	switch (row->kind) {
	case PROPERTY_STRING:
	case PROPERTY_CHOICE:
		status = manifest_property_string(row->name, value, size, why);
		if (status)
			return status;
		if (row->kind == PROPERTY_CHOICE)
			return read_choice(row, value, field, why);
		*(const char **)field = value;
		return OK;
	case PROPERTY_CELL:
	case PROPERTY_MIB:
	case PROPERTY_ADDRESS:
	case PROPERTY_CELLS: return read_cells(row, value, size, field, why);
	case PROPERTY_BYTES:
		*(struct manifest_bytes *)field = (struct manifest_bytes){value, (uint32_t)size};
		return OK;
	case PROPERTY_IGNORED: return OK;
	case PROPERTY_REFUSED:
		return refuse(why, ERR_FORMAT, "%s can't be here: %s", row->name, row->cure);
	}
	return OK;
}

enum status manifest_property_read(const void *fit, int node, const struct manifest_property *table,
				   unsigned count, void *out, uint32_t *seen, struct reason *why)
{
	int at;

	*seen = 0;
	fdt_for_each_property_offset(at, fit, node)
	{
		const char *name;
		int size;
		const void *value = fdt_getprop_by_offset(fit, at, &name, &size);
		enum status status;
		unsigned i = 0;

		if (!value)
			return refuse(why, ERR_FORMAT, "a property can't be read: %s",
				      fdt_strerror(size));
		while (i < count && strcmp(name, table[i].name))
			i++;
		if (i == count)
			return refuse_unknown(name, table, count, why);
		if (*seen & 1u << i)
			return refuse(why, ERR_FORMAT, "%s is there twice", name);
		*seen |= 1u << i;
		status = read_one(&table[i], value, size, out, why);
		if (status)
			return status;
	}
	return OK;
}
