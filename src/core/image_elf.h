/* SPDX-License-Identifier: MIT */
/*
 * ELF executables as kernels; a part of core/image.h that nobody else calls.
 */
#ifndef CORE_IMAGE_ELF_H
#define CORE_IMAGE_ELF_H

#include "core/image.h"

/* True when the image begins like an ELF file, good or not. */
bool image_elf_probe(const uint8_t *data, uint64_t size);

/*
 * As image_plan(), for what image_elf_probe() takes; `place` is the offset in
 * RAM where a position-independent one goes (2 or 4 MiB). `out` is zeroed.
 */
enum status image_elf_plan(const uint8_t *data, uint64_t size, gpa_t ram, uint64_t ram_size,
			   unsigned xlen, uint64_t place, struct image_plan *out,
			   struct reason *why) MUST_USE;

#endif
