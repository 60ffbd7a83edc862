/* SPDX-License-Identifier: MIT */
/*
 * The nodes under /images, and their hashes; parts of core/manifest.h that
 * nobody else calls.
 */
#ifndef CORE_MANIFEST_IMAGE_H
#define CORE_MANIFEST_IMAGE_H

#include "core/manifest.h"

/*
 * Find the image that a capsule names in its property `property`, validate
 * it as one of FIT's type `type` ("kernel", "ramdisk"), find its data and
 * verify it against every hash node that is there. `why` names the image.
 */
enum status manifest_image_read(const struct manifest *manifest, const char *property,
				const char *name, const char *type, struct manifest_image *out,
				struct reason *why) MUST_USE;

/*
 * Verify data against the hash-* node at `node`. ERR_FORMAT with both values
 * when it differs, ERR_FORMAT naming the algorithm when it isn't supported.
 */
enum status manifest_hash_check(const void *fit, int node, const uint8_t *data, uint64_t size,
				struct reason *why) MUST_USE;

#endif
