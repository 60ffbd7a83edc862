/* SPDX-License-Identifier: MIT */
/*
 * Reads what one capsule asks for: the properties of a node of /configurations
 * by their table, and the images that they name.
 */
#include "core/assert.h"
#include "core/hart_set.h"
#include "core/manifest.h"
#include "core/manifest_image.h"
#include "core/manifest_property.h"
#include "core/share.h"
#include "lib/print.h"
#include "lib/string.h"
#include "vdev/map.h"
#include "vdev/vplic.h"
#include "vdev/vuart.h"

#include <libfdt.h>

enum {
	ADDRESS_BITS = 56, /* of a physical address, at most (Sv39x4 and wider) */
};

static const char *const restarts[] = {
	[RESTART_NEVER] = "never",
	[RESTART_ON_CRASH] = "on-crash",
	[RESTART_ALWAYS] = "always",
	NULL,
};

static const char *const isolations[] = {
	[ISOLATION_AUTO] = "auto",
	[ISOLATION_PMP] = "pmp",
	[ISOLATION_HEXT] = "hext",
	NULL,
};

/* What the properties say, before it is judged as a whole. */
struct wish {
	struct manifest_capsule capsule;
	const char *kernel;
	const char *ramdisk;
	struct manifest_bytes harts;
};

/* Rows that the code asks for by number come first, in this order. */
enum { KERNEL, RAMDISK, BOOTARGS, MEMORY_MIB, MEMORY_BASE };

#define FIELD(name) offsetof(struct wish, name)

static const struct manifest_property capsule_table[] = {
	[KERNEL] = ROW("kernel", STRING, FIELD(kernel)),
	[RAMDISK] = ROW("ramdisk", STRING, FIELD(ramdisk)),
	[BOOTARGS] = ROW("bootargs", STRING, FIELD(capsule.bootargs)),
	[MEMORY_MIB] = ROW_RANGE("memory-mib", MIB, FIELD(capsule.memory_size), 1, UINT32_MAX),
	[MEMORY_BASE] = ROW("memory-base", ADDRESS, FIELD(capsule.memory_base)),
	ROW_RANGE("vcpus", CELL, FIELD(capsule.vcpus), 1, MANIFEST_VCPUS_MAX),
	ROW_RANGE("weight", CELL, FIELD(capsule.weight), 1, SHARE_WEIGHT_MAX),
	ROW_RANGE("cap-percent", CELL, FIELD(capsule.cap_percent), 1, UINT32_MAX),
	ROW_RANGE("harts", CELLS, FIELD(harts), 0, HART_SET_MAX),
	ROW_CHOICE("restart", FIELD(capsule.restart), restarts),
	ROW_CHOICE("isolation", FIELD(capsule.isolation), isolations),
	ROW_IGNORED("rights"),
	ROW("description", STRING, FIELD(capsule.description)),
	ROW_IGNORED("compatible"),
	ROW_REFUSED("fdt", "the guest's device tree is generated"),
	ROW_REFUSED("loadables", "a capsule has a kernel and a ramdisk"),
	ROW_REFUSED("firmware", "nothing runs below a guest but Diosix"),
	ROW_REFUSED("standalone", "name the image in kernel"),
};

_Static_assert(ARRAY_LENGTH(capsule_table) <= 32, "one bit of `seen` for each row");
_Static_assert(sizeof(enum manifest_restart) == sizeof(uint32_t) &&
		       sizeof(enum manifest_isolation) == sizeof(uint32_t),
	       "choices are stored as uint32_t");

static bool name_is_valid(const char *name)
{
	size_t length = strnlen(name, MANIFEST_NAME_MAX);

	if (!length || length == MANIFEST_NAME_MAX)
		return false;
	for (const char *c = name; *c; c++) {
		if (!(*c >= 'a' && *c <= 'z') && !(*c >= 'A' && *c <= 'Z') &&
		    !(*c >= '0' && *c <= '9') && *c != '.' && *c != '_' && *c != '-')
			return false;
	}
	return true;
}

static enum status check_compatible(const void *fit, int node, struct reason *why)
{
	const char *first = fdt_stringlist_get(fit, node, "compatible", 0, NULL);

	if (!fdt_getprop(fit, node, "compatible", NULL))
		return refuse(why, ERR_MISSING,
			      "compatible is missing; \"diosix,capsule\" is expected");
	if (!first)
		return refuse(why, ERR_FORMAT,
			      "compatible is no string; \"diosix,capsule\" is expected");
	if (fdt_stringlist_search(fit, node, "compatible", "diosix,capsule") < 0)
		return refuse(why, ERR_FORMAT,
			      "compatible is \"%.*s\"; \"diosix,capsule\" is expected",
			      MANIFEST_SHOWN(first));
	return OK;
}

/* No right exists yet, so that whoever asks for one learns that it isn't granted. */
static enum status check_rights(const void *fit, int node, struct reason *why)
{
	int count = fdt_stringlist_count(fit, node, "rights");

	if (count == -FDT_ERR_NOTFOUND || !count)
		return OK;
	if (count < 0)
		return refuse(why, ERR_FORMAT, "rights is no list of strings");
	return refuse(why, ERR_FORMAT, "rights: \"%.*s\" is not known; there are none yet",
		      MANIFEST_SHOWN(fdt_stringlist_get(fit, node, "rights", 0, NULL)));
}

static enum status check_nodes(const void *fit, int node, struct reason *why)
{
	int sub;

	fdt_for_each_subnode(sub, fit, node)
	{
		const char *name = fdt_get_name(fit, sub, NULL);

		if (!name || strncmp(name, "signature", strlen("signature")))
			return refuse(why, ERR_FORMAT,
				      "node %.*s is not known; only signature-* are",
				      MANIFEST_SHOWN(name ? name : "?"));
	}
	return OK;
}

static enum status read_harts(struct wish *wish, struct reason *why)
{
	const uint8_t *cells = wish->harts.data;
	uint32_t count = wish->harts.size >> 2;

	for (uint32_t i = 0; i < count; i++) {
		for (uint32_t j = 0; j < i; j++) {
			if (fdt32_ld((const fdt32_t *)(cells + 4 * i)) ==
			    fdt32_ld((const fdt32_t *)(cells + 4 * j)))
				return refuse(why, ERR_FORMAT, "harts names hart %" PRIu32 " twice",
					      fdt32_ld((const fdt32_t *)(cells + 4 * i)));
		}
	}
	wish->capsule.harts = cells;
	wish->capsule.harts_count = count;
	return OK;
}

static enum status check_memory(const struct manifest_capsule *capsule, struct reason *why)
{
	uint64_t limit = (uint64_t)1 << ADDRESS_BITS;
	uint64_t base = capsule->memory_base.raw;

	if (!capsule->memory_base_given)
		return OK;
	if (base % PAGE_SIZE)
		return refuse(why, ERR_FORMAT,
			      "memory-base is 0x%" PRIx64 "; a multiple of 0x%x is expected", base,
			      PAGE_SIZE);
	if (!range_contains(0, limit, base, capsule->memory_size))
		return refuse(why, ERR_LIMIT,
			      "memory-base 0x%" PRIx64 " and memory-mib %" PRIu64
			      " reach beyond 0x%" PRIx64,
			      base, capsule->memory_size >> 20, limit);
	if (range_overlaps(VDEV_PLIC, VPLIC_SIZE, base, capsule->memory_size) ||
	    range_overlaps(VDEV_UART, VUART_SIZE, base, capsule->memory_size))
		return refuse(why, ERR_OVERLAP,
			      "memory-base 0x%" PRIx64 " and memory-mib %" PRIu64
			      " overlap the guest's devices, at 0x%x and 0x%x",
			      base, capsule->memory_size >> 20, VDEV_PLIC, VDEV_UART);
	return OK;
}

/* All that the table can't say. */
static enum status judge(struct wish *wish, uint32_t seen, struct reason *why)
{
	struct manifest_capsule *capsule = &wish->capsule;
	enum status status;

	if (!wish->kernel)
		return refuse(why, ERR_MISSING,
			      "kernel is missing; the name of a node of /images is expected");
	if (!(seen & 1u << MEMORY_MIB))
		return refuse(why, ERR_MISSING,
			      "memory-mib is missing; the size of the guest's RAM is expected");
	if (strlen(capsule->bootargs) >= MANIFEST_BOOTARGS_MAX)
		return refuse(why, ERR_LIMIT,
			      "bootargs has %lu characters; at most %u are expected",
			      (unsigned long)strlen(capsule->bootargs), MANIFEST_BOOTARGS_MAX - 1);
	capsule->memory_base_given = seen & 1u << MEMORY_BASE;
	status = check_memory(capsule, why);
	if (status)
		return status;
	return read_harts(wish, why);
}

static enum status read_node(const struct manifest *manifest, int node, struct wish *wish,
			     struct reason *why)
{
	const void *fit = manifest->fit;
	enum status status;
	uint32_t seen;

	status = check_compatible(fit, node, why);
	if (!status)
		status = manifest_property_read(fit, node, capsule_table,
						ARRAY_LENGTH(capsule_table), wish, &seen, why);
	if (!status)
		status = check_nodes(fit, node, why);
	if (!status)
		status = check_rights(fit, node, why);
	if (!status)
		status = judge(wish, seen, why);
	if (!status)
		status = manifest_image_read(manifest, "kernel", wish->kernel, "kernel",
					     &wish->capsule.kernel, why);
	if (!status && wish->ramdisk)
		status = manifest_image_read(manifest, "ramdisk", wish->ramdisk, "ramdisk",
					     &wish->capsule.ramdisk, why);
	return status;
}

enum status manifest_capsule(const struct manifest *manifest, unsigned index,
			     struct manifest_capsule *out, struct reason *why)
{
	struct wish wish = {
		.capsule =
			{
				.description = "",
				.bootargs = "",
				.vcpus = 1,
				.weight = SHARE_WEIGHT_DEFAULT,
			},
	};
	enum status status;
	const char *name;

	ASSERT(index < manifest->capsule_count);
	name = fdt_get_name(manifest->fit, manifest->capsules[index], NULL);
	if (!name || !name_is_valid(name))
		status = refuse(why, ERR_FORMAT,
				"the name \"%.*s\" is refused; 1 to %u of A-Z a-z 0-9 . _ - are "
				"expected",
				MANIFEST_SHOWN(name ? name : ""), MANIFEST_NAME_MAX - 1);
	else
		status = read_node(manifest, manifest->capsules[index], &wish, why);
	if (status)
		manifest_printable(why);
	*out = wish.capsule;
	out->name = name;
	return status;
}

const char *manifest_capsule_name(const struct manifest *manifest, unsigned index)
{
	const char *name;

	ASSERT(index < manifest->capsule_count);
	name = fdt_get_name(manifest->fit, manifest->capsules[index], NULL);
	return name && name_is_valid(name) ? name : "?";
}
