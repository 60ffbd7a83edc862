/* SPDX-License-Identifier: MIT */
/*
 * Opens a manifest: is it a whole FIT, and which capsules does it start?
 * What a capsule asks for is read by manifest_capsule.c.
 */
#include "core/manifest.h"
#include "core/manifest_property.h"
#include "lib/print.h"
#include "lib/string.h"

#include <libfdt.h>

/* dtc and mkimage write 17; older layouts differ in ways that nobody needs. */
enum { FDT_VERSION = 17, FDT_ALIGN = 8, FDT_HEADER_SIZE = 40 };

static const struct manifest_property root_table[] = {
	ROW_IGNORED("capsules"),    ROW_IGNORED("description"), ROW_IGNORED("timestamp"),
	ROW_IGNORED("compatible"),  ROW_IGNORED("model"),	ROW_IGNORED("#address-cells"),
	ROW_IGNORED("#size-cells"),
};

static const struct manifest_property configurations_table[] = {
	ROW_IGNORED("default"),
	ROW_IGNORED("description"),
};

/* Is it a flattened tree from the first to the last byte? Everything after this relies on it. */
static enum status check_tree(const void *fit, uint64_t size, struct reason *why)
{
	int error;

	if ((uintptr_t)fit % FDT_ALIGN)
		return refuse(why, ERR_FORMAT, "the manifest is not aligned to %u bytes in memory",
			      FDT_ALIGN);
	if (size < FDT_HEADER_SIZE)
		return refuse(why, ERR_FORMAT,
			      "the manifest has %" PRIu64 " bytes, fewer than a FIT's header (%u)",
			      size, FDT_HEADER_SIZE);
	if (fdt_magic(fit) != FDT_MAGIC)
		return refuse(why, ERR_FORMAT,
			      "the manifest is no FIT: it begins with 0x%08" PRIx32
			      ", a FIT with 0x%08" PRIx32 "; "
			      "mkimage -f x.its x.itb makes one",
			      fdt_magic(fit), (uint32_t)FDT_MAGIC);
	if (fdt_version(fit) < FDT_VERSION || fdt_last_comp_version(fit) > FDT_VERSION)
		return refuse(why, ERR_FORMAT,
			      "the FIT has version %" PRIu32 " (compatible to %" PRIu32 "); %u is "
			      "expected",
			      fdt_version(fit), fdt_last_comp_version(fit), FDT_VERSION);
	if (fdt_totalsize(fit) > size)
		return refuse(why, ERR_FORMAT,
			      "the manifest is truncated: its header says 0x%" PRIx32
			      " bytes, there are "
			      "0x%" PRIx64,
			      fdt_totalsize(fit), size);
	/* libfdt reads whole words there, which not every hart does unaligned. */
	if (fdt_off_mem_rsvmap(fit) % FDT_ALIGN || fdt_off_dt_struct(fit) % sizeof(uint32_t))
		return refuse(why, ERR_FORMAT,
			      "the manifest is corrupt: its blocks at 0x%" PRIx32 " and 0x%" PRIx32
			      " are not aligned",
			      fdt_off_mem_rsvmap(fit), fdt_off_dt_struct(fit));
	error = fdt_check_full(fit, size < INT32_MAX ? (size_t)size : INT32_MAX);
	if (error)
		return refuse(why, ERR_FORMAT, "the manifest is corrupt: %s", fdt_strerror(error));
	return OK;
}

/* Find /images and /configurations, and see that nothing is written that would be passed over. */
static enum status check_nodes(struct manifest *manifest, struct reason *why)
{
	const void *fit = manifest->fit;
	uint32_t seen, nothing; /* no row of these tables has a field */
	enum status status;

	manifest->images = fdt_subnode_offset(fit, 0, "images");
	if (manifest->images < 0)
		return refuse(why, ERR_MISSING, "the manifest has no node /images");
	manifest->configurations = fdt_subnode_offset(fit, 0, "configurations");
	if (manifest->configurations < 0)
		return refuse(why, ERR_MISSING, "the manifest has no node /configurations");
	status = manifest_property_read(fit, 0, root_table, ARRAY_LENGTH(root_table), &nothing,
					&seen, why);
	if (status)
		return manifest_property_blame(why, status, "node", "/");
	status = manifest_property_read(fit, manifest->configurations, configurations_table,
					ARRAY_LENGTH(configurations_table), &nothing, &seen, why);
	if (status)
		return manifest_property_blame(why, status, "node", "/configurations");
	return OK;
}

static enum status add_node(struct manifest *manifest, int node, struct reason *why)
{
	const char *name = fdt_get_name(manifest->fit, node, NULL);

	if (!name)
		return refuse(why, ERR_FORMAT, "/configurations: a node's name can't be read");
	if (manifest->capsule_count == MANIFEST_CAPSULES_MAX)
		return refuse(why, ERR_LIMIT, "the manifest has more than %u capsules",
			      MANIFEST_CAPSULES_MAX);
	for (unsigned i = 0; i < manifest->capsule_count; i++) {
		if (!strcmp(name, fdt_get_name(manifest->fit, manifest->capsules[i], NULL)))
			return refuse(
				why, ERR_FORMAT,
				"the manifest starts \"%.*s\" twice; every capsule starts once",
				MANIFEST_SHOWN(name));
	}
	manifest->capsules[manifest->capsule_count++] = node;
	return OK;
}

static enum status add_name(struct manifest *manifest, const char *property, const char *name,
			    struct reason *why)
{
	int node = fdt_subnode_offset(manifest->fit, manifest->configurations, name);
	char known[120] = "";
	int sub;

	if (node >= 0)
		return add_node(manifest, node, why);
	fdt_for_each_subnode(sub, manifest->fit, manifest->configurations)
	{
		manifest_property_list(known, sizeof(known),
				       fdt_get_name(manifest->fit, sub, NULL));
	}

	return refuse(why, ERR_MISSING,
		      "%s names \"%.*s\", but /configurations has no such node; it has %s",
		      property, MANIFEST_SHOWN(name), *known ? known : "none");
}

/* By the root's property `capsules`, which is there. */
static enum status list_named(struct manifest *manifest, struct reason *why)
{
	int count = fdt_stringlist_count(manifest->fit, 0, "capsules");

	if (count < 0)
		return refuse(why, ERR_FORMAT, "/: capsules is no list of strings");
	if (!count)
		return refuse(why, ERR_FORMAT,
			      "/: capsules is empty; names of nodes of /configurations are "
			      "expected");
	if (count > MANIFEST_CAPSULES_MAX)
		return refuse(why, ERR_LIMIT, "/: capsules names %d; at most %u are expected",
			      count, MANIFEST_CAPSULES_MAX);
	for (int i = 0; i < count; i++) {
		const char *name = fdt_stringlist_get(manifest->fit, 0, "capsules", i, NULL);
		enum status status = add_name(manifest, "/: capsules", name, why);

		if (status)
			return status;
	}
	return OK;
}

static enum status list_capsules(struct manifest *manifest, struct reason *why)
{
	const void *fit = manifest->fit;
	const char *name;
	int node, length;

	if (fdt_getprop(fit, 0, "capsules", NULL))
		return list_named(manifest, why);
	name = fdt_getprop(fit, manifest->configurations, "default", &length);
	if (name) {
		enum status status = manifest_property_string("default", name, length, why);

		if (status)
			return manifest_property_blame(why, status, "node", "/configurations");
		return add_name(manifest, "/configurations: default", name, why);
	}
	fdt_for_each_subnode(node, fit, manifest->configurations)
	{
		enum status status = add_node(manifest, node, why);

		if (status)
			return status;
	}
	if (!manifest->capsule_count)
		return refuse(why, ERR_MISSING, "/configurations has no node, so no capsule");
	return OK;
}

/* Text from a manifest may hold anything, such as what moves a terminal's cursor. */
void manifest_printable(struct reason *why)
{
	for (char *c = why->text; *c; c++) {
		if (*c < ' ' || *c > '~')
			*c = '?';
	}
}

enum status manifest_open(struct manifest *manifest, const void *fit, uint64_t size,
			  struct reason *why)
{
	enum status status;

	memset(manifest, 0, sizeof(*manifest));
	manifest->fit = fit;
	manifest->size = size;
	status = check_tree(fit, size, why);
	if (!status)
		status = check_nodes(manifest, why);
	if (!status)
		status = list_capsules(manifest, why);
	if (status)
		manifest_printable(why);
	return status;
}
