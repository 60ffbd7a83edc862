/* SPDX-License-Identifier: MIT */
/*
 * Reads the image nodes of a FIT, whose data is inside it or behind it. FIT:
 * U-Boot's doc/usage/fit/source_file_format and, for external data, mkimage -E.
 */
#include "core/manifest_image.h"
#include "core/manifest_property.h"
#include "lib/print.h"
#include "lib/string.h"

#include <libfdt.h>

enum { DATA_ALIGN = 4 }; /* as FIT and mkimage -E align it */

struct image_properties {
	const char *type, *arch, *compression;
	struct manifest_bytes data;
	uint32_t data_size, data_offset, data_position;
};

/* Rows that the code asks for by number come first, in this order. */
enum { DATA, DATA_SIZE, DATA_OFFSET, DATA_POSITION };

#define FIELD(name) offsetof(struct image_properties, name)

static const struct manifest_property image_table[] = {
	[DATA] = ROW("data", BYTES, FIELD(data)),
	[DATA_SIZE] = ROW_RANGE("data-size", CELL, FIELD(data_size), 1, UINT32_MAX),
	[DATA_OFFSET] = ROW_RANGE("data-offset", CELL, FIELD(data_offset), 0, UINT32_MAX),
	[DATA_POSITION] = ROW_RANGE("data-position", CELL, FIELD(data_position), 0, UINT32_MAX),
	ROW("type", STRING, FIELD(type)),
	ROW("arch", STRING, FIELD(arch)),
	ROW("compression", STRING, FIELD(compression)),
	ROW_IGNORED("description"),
	ROW_IGNORED("os"),
	ROW_IGNORED("load"),
	ROW_IGNORED("entry"),
	ROW_IGNORED("timestamp"),
};

/* Data behind the tree: where it begins and ends, counted from the FIT's first byte. */
static enum status read_external(const struct manifest *manifest,
				 const struct image_properties *from, uint32_t seen,
				 struct manifest_image *out, struct reason *why)
{
	bool absolute = seen & 1u << DATA_POSITION;
	const char *name = absolute ? "data-position" : "data-offset";
	uint32_t value = absolute ? from->data_position : from->data_offset;
	uint64_t tree = align_up(fdt_totalsize(manifest->fit), DATA_ALIGN);
	uint64_t start = absolute ? value : tree + value;

	if (!(seen & 1u << DATA_SIZE))
		return refuse(why, ERR_MISSING, "data-size is missing; %s needs it", name);
	if (value % DATA_ALIGN)
		return refuse(why, ERR_FORMAT, "%s is 0x%" PRIx32 "; a multiple of 4 is expected",
			      name, value);
	if (start < tree)
		return refuse(why, ERR_RANGE,
			      "data-position is 0x%" PRIx32 ", inside the tree; 0x%" PRIx64
			      " or more is expected",
			      value, tree);
	if (!range_contains(0, manifest->size, start, from->data_size))
		return refuse(why, ERR_RANGE,
			      "%s 0x%" PRIx32 " and data-size 0x%" PRIx32 " end at 0x%" PRIx64
			      ", but the manifest has 0x%" PRIx64 " bytes: it is truncated",
			      name, value, from->data_size, start + from->data_size,
			      manifest->size);
	out->data = (const uint8_t *)manifest->fit + start;
	out->size = from->data_size;
	return OK;
}

static enum status read_data(const struct manifest *manifest, const struct image_properties *from,
			     uint32_t seen, struct manifest_image *out, struct reason *why)
{
	bool offset = seen & 1u << DATA_OFFSET;
	bool position = seen & 1u << DATA_POSITION;

	if (!!(seen & 1u << DATA) + offset + position > 1)
		return refuse(why, ERR_FORMAT,
			      "more than one of data, data-offset and data-position is there");
	if (offset || position)
		return read_external(manifest, from, seen, out, why);
	if (!(seen & 1u << DATA))
		return refuse(why, ERR_MISSING,
			      "data is missing, and so are data-offset and data-position");
	if (!from->data.size)
		return refuse(why, ERR_FORMAT, "data is empty");
	out->data = from->data.data;
	out->size = from->data.size;
	return OK;
}

/* `value` is NULL when the property is absent, which is fine. */
static enum status check_is(const char *property, const char *value, const char *expected,
			    const char *cure, struct reason *why)
{
	if (!value || !strcmp(value, expected))
		return OK;
	return refuse(why, ERR_FORMAT, "%s is \"%.*s\"; \"%s\" is expected%s", property,
		      MANIFEST_SHOWN(value), expected, cure);
}

static enum status check_properties(const struct image_properties *from, const char *type,
				    struct reason *why)
{
	enum status status = check_is("type", from->type, type, "", why);

	if (!status)
		status = check_is("arch", from->arch, "riscv", "", why);
	if (!status)
		status = check_is("compression", from->compression, "none",
				  ": unpack it on the host", why);
	return status;
}

/* True for "base", "base-1" and "base@1", the names that FIT gives to hash nodes and the like. */
static bool is_a(const char *name, const char *base)
{
	size_t length = strlen(base);

	return !strncmp(name, base, length) &&
	       (!name[length] || name[length] == '-' || name[length] == '@');
}

/* Signatures aren't verified yet, nor relied on; docs/manifest.md says so. */
static enum status check_nodes(const void *fit, int node, const struct manifest_image *image,
			       struct reason *why)
{
	int sub;

	fdt_for_each_subnode(sub, fit, node)
	{
		const char *name = fdt_get_name(fit, sub, NULL);
		enum status status;

		if (!name)
			return refuse(why, ERR_FORMAT, "a node's name can't be read");
		if (is_a(name, "signature"))
			continue;
		if (is_a(name, "cipher"))
			return refuse(why, ERR_FORMAT,
				      "node %.*s: the data is encrypted, which is not supported",
				      MANIFEST_SHOWN(name));
		if (!is_a(name, "hash"))
			return refuse(why, ERR_FORMAT,
				      "node %.*s is not known; hash-* and signature-* are",
				      MANIFEST_SHOWN(name));
		status = manifest_hash_check(fit, sub, image->data, image->size, why);
		if (status)
			return manifest_property_blame(why, status, "node", name);
	}
	return OK;
}

static enum status read_node(const struct manifest *manifest, int node, const char *type,
			     struct manifest_image *out, struct reason *why)
{
	struct image_properties from = {0};
	uint32_t seen;
	enum status status;

	status = manifest_property_read(manifest->fit, node, image_table, ARRAY_LENGTH(image_table),
					&from, &seen, why);
	if (!status)
		status = check_properties(&from, type, why);
	if (!status)
		status = read_data(manifest, &from, seen, out, why);
	if (!status)
		status = check_nodes(manifest->fit, node, out, why);
	return status;
}

enum status manifest_image_read(const struct manifest *manifest, const char *property,
				const char *name, const char *type, struct manifest_image *out,
				struct reason *why)
{
	int node = fdt_subnode_offset(manifest->fit, manifest->images, name);
	enum status status;

	if (node < 0) {
		char known[120] = "";
		int sub;

		fdt_for_each_subnode(sub, manifest->fit, manifest->images)
		{
			manifest_property_list(known, sizeof(known),
					       fdt_get_name(manifest->fit, sub, NULL));
		}

		return refuse(why, ERR_MISSING,
			      "%s is \"%.*s\", but /images has no such node; it has %s", property,
			      MANIFEST_SHOWN(name), *known ? known : "none");
	}
	out->name = fdt_get_name(manifest->fit, node, NULL);
	status = read_node(manifest, node, type, out, why);
	if (status)
		return manifest_property_blame(why, status, "image", name);
	return OK;
}
