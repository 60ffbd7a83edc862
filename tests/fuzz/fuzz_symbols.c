/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer on src/core/image_symbols.c: whatever the image says of its symbols, what
 * comes out are short printable names. The plan is the one that image_plan() makes, or
 * an invented one, since the two see the image at different times.
 */
#include <stdlib.h>
#include <string.h>

#include "core/image_symbols.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_name(const struct image_symbol *symbol)
{
	size_t length = strnlen(symbol->name, IMAGE_SYMBOL_NAME_MAX);

	require(length < IMAGE_SYMBOL_NAME_MAX);
	for (size_t i = 0; i < length; i++)
		require(symbol->name[i] >= ' ' && symbol->name[i] <= '~');
}

/* The first byte chooses the plan, the next eight are an address; the rest is the image. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint64_t ram = 0x80000000;
	struct image_symbol symbols[3] = {{.address = ram + 0x200010}};
	struct image_plan plan = {.segment_count = 0};
	struct reason why;
	uint8_t *image;

	if (size < 9)
		return 0;
	memcpy(&symbols[1].address, data + 1, 8);
	size -= 9;
	image = malloc(size + 1);
	memcpy(image + 1, data + 9, size);
	if ((data[0] & 3) == 0) {
		plan.segment_count = 1 + (data[0] >> 2) % IMAGE_SEGMENTS_MAX;
		for (unsigned i = 0; i < plan.segment_count; i++)
			plan.segments[i] = (struct image_segment){.at = {ram + i * 0x100000}};
	} else if (image_plan(image + 1, size, (gpa_t){ram}, MIB(64), data[0] & 1 ? 64 : 32, &plan,
			      &why) != OK) {
		plan.segment_count = 0;
	}
	symbols[2].address = plan.entry.raw;
	image_symbols_find(image + 1, size, &plan, symbols, ARRAY_LENGTH(symbols));
	for (size_t i = 0; i < ARRAY_LENGTH(symbols); i++)
		check_name(&symbols[i]);
	free(image);
	return 0;
}
