/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer on src/core/manifest*.c: whatever the bytes are, a manifest is read
 * or refused in words, and what it hands out lies inside the bytes. A kernel that
 * comes out goes on to image_plan() and a device tree is made for it, as at boot.
 */
#include <stdlib.h>
#include <string.h>

#include "core/guest_tree.h"
#include "core/image.h"
#include "core/machine.h"
#include "core/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* A refusal has a sentence, and printing it moves no cursor. */
static void check_reason(const struct reason *why)
{
	size_t length = strnlen(why->text, sizeof(why->text));

	require(length && length < sizeof(why->text));
	for (size_t i = 0; i < length; i++)
		require(why->text[i] >= ' ' && why->text[i] <= '~');
}

static void check_image(const struct manifest_image *image, const uint8_t *fit, size_t size)
{
	require(image->size && image->data >= fit);
	require(range_contains(0, size, (uint64_t)(image->data - fit), image->size));
}

static void make_tree(const struct manifest_capsule *capsule, gpa_t ram)
{
	static const uint8_t block_shifts[MACHINE_BLOCKS];
	static uint64_t out[GUEST_TREE_SIZE / sizeof(uint64_t)];
	const struct guest_tree tree = {
		.name = capsule->name,
		.bootargs = capsule->bootargs,
		.ram = ram,
		.ram_size = capsule->memory_size,
		.initrd = ram,
		.initrd_size = capsule->ramdisk.size,
		.vcpus = capsule->vcpus,
		.isa_base = "rv64i",
		.isa = "rv64i",
		.extensions = "i",
		.extensions_length = 2,
		.mmu_type = "riscv,sv39",
		.block_shifts = block_shifts,
	};
	struct reason why;
	size_t length;

	require(guest_tree_build(&tree, out, sizeof(out), &length, &why) == OK);
}

static void check_capsule(const struct manifest *manifest, unsigned index, const uint8_t *fit,
			  size_t size)
{
	struct manifest_capsule capsule;
	struct image_plan plan;
	struct reason why = {""};
	gpa_t ram = {0x80000000};

	if (manifest_capsule(manifest, index, &capsule, &why)) {
		check_reason(&why);
		return;
	}
	require(strnlen(capsule.name, MANIFEST_NAME_MAX) < MANIFEST_NAME_MAX);
	require(capsule.vcpus >= 1 && capsule.vcpus <= MANIFEST_VCPUS_MAX);
	require(capsule.memory_size >= MIB(1) && capsule.weight);
	check_image(&capsule.kernel, fit, size);
	if (capsule.ramdisk.name)
		check_image(&capsule.ramdisk, fit, size);
	if (capsule.memory_base_given)
		ram = capsule.memory_base;
	make_tree(&capsule, ram);
	if (image_plan(capsule.kernel.data, capsule.kernel.size, ram, capsule.memory_size, 64,
		       &plan, &why))
		check_reason(&why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reason why = {""};
	struct manifest manifest;
	uint8_t *fit = malloc(size ? size : 1); /* aligned, and of exactly this size */

	if (!fit)
		return 0;
	memcpy(fit, data, size);
	if (manifest_open(&manifest, fit, size, &why)) {
		check_reason(&why);
	} else {
		for (unsigned i = 0; i < manifest.capsule_count; i++)
			check_capsule(&manifest, i, fit, size);
	}
	free(fit);
	return 0;
}
