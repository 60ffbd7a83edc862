/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer on src/core/image*.c: whatever the bytes are, a plan stays inside
 * the guest's RAM and the image. The first byte chooses the width and the RAM.
 */
#include <stdlib.h>
#include <string.h>

#include "core/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_plan(const struct image_plan *plan, uint64_t size, uint64_t ram,
		       uint64_t ram_size)
{
	require(plan->segment_count >= 1 && plan->segment_count <= IMAGE_SEGMENTS_MAX);
	require(range_contains(ram, ram_size, plan->entry.raw, 1) && !(plan->entry.raw & 1));
	require(range_contains(ram, ram_size, plan->end.raw, 0));
	for (unsigned i = 0; i < plan->segment_count; i++) {
		const struct image_segment *segment = &plan->segments[i];

		require(range_contains(0, size, segment->offset, segment->file_size));
		require(segment->file_size <= segment->size);
		require(range_contains(ram, ram_size, segment->at.raw, segment->size));
		require(segment->at.raw + segment->size <= plan->end.raw);
		for (unsigned j = 0; j < i; j++)
			require(!range_overlaps(segment->at.raw, segment->size,
						plan->segments[j].at.raw, plan->segments[j].size));
	}
}

static void check_place(const struct image_plan *plan, uint64_t ram, uint64_t ram_size,
			unsigned xlen, uint64_t initrd_size)
{
	struct image_extras extras;
	struct reason why;

	if (image_place(plan, (gpa_t){ram}, ram_size, xlen, initrd_size, 0x10000, &extras, &why))
		return;
	require(extras.initrd.raw >= plan->end.raw);
	require(range_contains(ram, ram_size, extras.initrd.raw, initrd_size));
	require(extras.initrd.raw + initrd_size <= extras.tree.raw);
	require(range_contains(ram, ram_size, extras.tree.raw, 0x10000));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint64_t sizes[] = {MIB(1), MIB(64), GIB(2), (uint64_t)1 << 55};
	struct reason why = {""};
	struct image_plan plan;
	unsigned xlen;
	uint64_t ram, ram_size;
	uint8_t *image;

	if (!size)
		return 0;
	xlen = data[0] & 1 ? 32 : 64;
	ram_size = sizes[data[0] >> 1 & 3];
	ram = data[0] & 8 ? 0 : 0x80000000;
	image = malloc(size); /* of exactly the image's size, and not aligned to more than 1 */
	if (!image)
		return 0;
	memcpy(image + 1, data + 1, size - 1);
	if (image_plan(image + 1, size - 1, (gpa_t){ram}, ram_size, xlen, &plan, &why)) {
		require(why.text[0] && strnlen(why.text, sizeof(why.text)) < sizeof(why.text));
	} else {
		check_plan(&plan, size - 1, ram, ram_size);
		check_place(&plan, ram, ram_size, xlen, size << (data[0] >> 4));
	}
	free(image);
	return 0;
}
