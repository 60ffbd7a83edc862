/* SPDX-License-Identifier: MIT */
/*
 * The device-tree reader. It trusts the tree about as much as a small kernel
 * does: the header is checked and walking stays inside the blob.
 */
#include "kit/fdt.h"

#include "kit/string.h"

enum { TOKEN_NODE = 1, TOKEN_END_NODE, TOKEN_PROPERTY, TOKEN_NOP, TOKEN_END = 9 };
#define FDT_MAGIC   0xd00dfeed
#define FDT_VERSION 17

/* Big-endian words of the header, by position. */
enum { HEAD_MAGIC, HEAD_SIZE, HEAD_STRUCT, HEAD_STRINGS, HEAD_RESERVE, HEAD_VERSION };
enum { HEAD_STRINGS_SIZE = 8, HEAD_STRUCT_SIZE };

static uint32_t word(const void *at)
{
	const unsigned char *b = at;

	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static bool inside(uint32_t offset, uint32_t size, uint32_t total)
{
	return offset <= total && size <= total - offset;
}

bool fdt_open(struct fdt *f, const void *blob)
{
	const char *b = blob;
	uint32_t at_struct, at_strings;

	memset(f, 0, sizeof(*f));
	if (!b || ((unsigned long)b & 3) || word(b) != FDT_MAGIC ||
	    word(b + 4 * HEAD_VERSION) < FDT_VERSION)
		return false;
	at_struct = word(b + 4 * HEAD_STRUCT);
	at_strings = word(b + 4 * HEAD_STRINGS);
	f->size = word(b + 4 * HEAD_SIZE);
	f->structure_size = word(b + 4 * HEAD_STRUCT_SIZE);
	f->strings_size = word(b + 4 * HEAD_STRINGS_SIZE);
	if (!inside(at_struct, f->structure_size, f->size) ||
	    !inside(at_strings, f->strings_size, f->size)) {
		memset(f, 0, sizeof(*f));
		return false;
	}
	f->blob = b;
	f->structure = b + at_struct;
	f->strings = b + at_strings;
	return true;
}

/* Steps over the token at `at`; 0 at the end of the structure, or of our trust in it. */
static uint32_t skip(const struct fdt *f, uint32_t at)
{
	uint32_t size;

	if (!inside(at, 4, f->structure_size))
		return 0;
	switch (word(f->structure + at)) {
	case TOKEN_NODE: size = 4 + (uint32_t)strlen(f->structure + at + 4) + 1; break;
	case TOKEN_PROPERTY: size = 12 + word(f->structure + at + 4); break;
	case TOKEN_END_NODE:
	case TOKEN_NOP: size = 4; break;
	default: return 0;
	}
	size = (size + 3) & ~3u;
	return inside(at, size, f->structure_size) ? at + size : 0;
}

static uint32_t token(const struct fdt *f, uint32_t at)
{
	return inside(at, 4, f->structure_size) ? word(f->structure + at) : (uint32_t)TOKEN_END;
}

int fdt_next(const struct fdt *f, int node)
{
	uint32_t at = node < 0 ? 0 : skip(f, (uint32_t)node);

	if (node >= 0 && !at)
		return -1;
	while (token(f, at) != TOKEN_NODE) {
		at = skip(f, at);
		if (!at)
			return -1;
	}
	return (int)at;
}

int fdt_parent(const struct fdt *f, int node)
{
	int parents[16], depth = 0;
	uint32_t at = 0;

	do {
		if ((int)at == node)
			return depth ? parents[depth - 1] : -1;
		if (token(f, at) == TOKEN_NODE && depth < 16)
			parents[depth++] = (int)at;
		else if (token(f, at) == TOKEN_END_NODE && depth)
			depth--;
		at = skip(f, at);
	} while (at);
	return -1;
}

const char *fdt_name(const struct fdt *f, int node)
{
	return f->structure + node + 4;
}

/* Compares one part of a path, `part` up to '/' or its end, with a node's name. */
static bool name_matches(const char *name, const char *part)
{
	while (*part && *part != '/' && *name == *part) {
		name++;
		part++;
	}
	return (!*part || *part == '/') && (!*name || *name == '@');
}

int fdt_path(const struct fdt *f, const char *path)
{
	int node = fdt_next(f, -1);

	while (node >= 0 && *path == '/' && path[1]) {
		int child = node;

		do
			child = fdt_next(f, child);
		while (child >= 0 && (fdt_parent(f, child) != node ||
				      !name_matches(fdt_name(f, child), path + 1)));
		node = child;
		for (path++; *path && *path != '/';)
			path++;
	}
	return node;
}

const void *fdt_property(const struct fdt *f, int node, const char *name, uint32_t *size)
{
	uint32_t at = node < 0 ? 0 : skip(f, (uint32_t)node);

	for (; at && token(f, at) != TOKEN_NODE && token(f, at) != TOKEN_END_NODE;
	     at = skip(f, at)) {
		if (token(f, at) != TOKEN_PROPERTY ||
		    strcmp(f->strings + word(f->structure + at + 8), name))
			continue;
		if (size)
			*size = word(f->structure + at + 4);
		return f->structure + at + 12;
	}
	return NULL;
}

const char *fdt_string(const struct fdt *f, int node, const char *name, const char *otherwise)
{
	const char *value = fdt_property(f, node, name, NULL);

	return value ? value : otherwise;
}

int fdt_next_with(const struct fdt *f, int node, const char *property, const char *string)
{
	while ((node = fdt_next(f, node)) >= 0) {
		uint32_t size = 0;
		const char *value = fdt_property(f, node, property, &size);

		for (uint32_t at = 0; at < size; at += (uint32_t)strlen(value + at) + 1) {
			if (!strcmp(value + at, string))
				return node;
		}
	}
	return -1;
}

uint32_t fdt_cell(const struct fdt *f, int node, const char *name, uint32_t i, uint32_t otherwise)
{
	uint32_t size = 0;
	const char *value = fdt_property(f, node, name, &size);

	return i < size / 4 ? word(value + 4 * i) : otherwise;
}

static uint64_t cells(const char *at, uint32_t count)
{
	uint64_t value = 0;

	for (; count--; at += 4)
		value = value << 32 | word(at);
	return value;
}

bool fdt_reg(const struct fdt *f, int node, unsigned int i, uint64_t *base, uint64_t *size)
{
	int parent = fdt_parent(f, node);
	uint32_t address_cells = fdt_cell(f, parent, "#address-cells", 0, 2);
	uint32_t size_cells = fdt_cell(f, parent, "#size-cells", 0, 1);
	uint32_t stride = 4 * (address_cells + size_cells), bytes = 0;
	const char *value = fdt_property(f, node, "reg", &bytes);

	if (!value || !stride || i >= bytes / stride)
		return false;
	*base = cells(value + i * stride, address_cells);
	*size = cells(value + i * stride + 4 * address_cells, size_cells);
	return true;
}
