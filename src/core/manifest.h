/* SPDX-License-Identifier: MIT */
/*
 * The manifest: a FIT image whose configurations are capsules.
 *
 * This file reads and validates; it allocates nothing and knows nothing about
 * the machine. It is built into the hypervisor and into tools/manifest-check,
 * so that what is refused at boot is refused when the manifest is made.
 * Reference of all properties: docs/manifest.md.
 */
#ifndef CORE_MANIFEST_H
#define CORE_MANIFEST_H

#include "core/status.h"
#include "core/types.h"

enum {
	MANIFEST_NAME_MAX = 32, /* of a capsule, with the terminating zero */
	MANIFEST_CAPSULES_MAX = 64,
	MANIFEST_VCPUS_MAX = 32,
	MANIFEST_BOOTARGS_MAX = 2048, /* Linux takes COMMAND_LINE_SIZE 1024 (rv64) */
};

enum manifest_restart { RESTART_NEVER, RESTART_ON_CRASH, RESTART_ALWAYS };
enum manifest_isolation { ISOLATION_AUTO, ISOLATION_PMP, ISOLATION_HEXT };

struct manifest {
	const void *fit;
	uint64_t size;	    /* with external data, if any */
	int configurations; /* offset of /configurations */
	int images;	    /* offset of /images */
	/* What starts at boot, in this order: `capsules`, else `default`, else every configuration.
	 */
	unsigned capsule_count;
	int capsules[MANIFEST_CAPSULES_MAX]; /* node offsets */
};

struct manifest_image {
	const char *name; /* the node's; NULL: absent */
	const uint8_t *data;
	uint64_t size;
};

/* One capsule, as the manifest asks for it; defaults filled in. Strings point into the FIT. */
struct manifest_capsule {
	const char *name;
	const char *description; /* or "" */
	struct manifest_image kernel;
	struct manifest_image ramdisk; /* name NULL: none */
	const char *bootargs;	       /* or "" */
	uint64_t memory_size;	       /* bytes */
	bool memory_base_given;
	gpa_t memory_base;
	uint32_t vcpus;
	uint32_t weight;
	uint32_t cap_percent; /* 0: none */
	uint32_t harts_count; /* 0: all */
	const void *harts;    /* big-endian cells, as in the tree; no hart twice */
	enum manifest_restart restart;
	enum manifest_isolation isolation;
};

/*
 * Check the FIT as a whole and find the capsules that start at boot. Every
 * refusal (ERR_FORMAT, ERR_MISSING, ERR_LIMIT) names node, property, value and
 * what would be accepted, in printable characters. Reads at most `size` bytes
 * at `fit`, which need not be aligned beyond 8 bytes, and must stay there
 * unchanged as long as `manifest` is used. Pure; on any hart.
 */
enum status manifest_open(struct manifest *manifest, const void *fit, uint64_t size,
			  struct reason *why) MUST_USE;

/*
 * Read and validate the capsule with the given index below `capsule_count`,
 * its images' extents and their hash-* nodes included. A refusal (as above, and
 * ERR_RANGE, ERR_OVERLAP) concerns this capsule alone; the others are still good.
 * `why` does not say which capsule: whoever prints it puts "capsule <name>: " before.
 */
enum status manifest_capsule(const struct manifest *manifest, unsigned index,
			     struct manifest_capsule *out, struct reason *why) MUST_USE;

/*
 * The name of the index-th capsule, for messages, also when manifest_capsule()
 * refuses it; "?" when the name itself is refused. 1 to MANIFEST_NAME_MAX - 1 of
 * A-Z a-z 0-9 . _ -.
 */
const char *manifest_capsule_name(const struct manifest *manifest, unsigned index);

/* Replace what isn't printable in a sentence that quotes a manifest. */
void manifest_printable(struct reason *why);

#endif
