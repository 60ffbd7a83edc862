/* SPDX-License-Identifier: MIT */
/*
 * ELF executables as kernels; a part of core/image.h that nobody else calls.
 */
#ifndef CORE_IMAGE_ELF_H
#define CORE_IMAGE_ELF_H

#include "core/image.h"

/* Of the format, what image_symbols.c looks at as well: System V ABI, chapters 4 and 5. */
enum {
	EI_CLASS = 4, /* offset in e_ident */
	ELFCLASS64 = 2,
	E_TYPE = 16, /* offset in the header */
	ET_DYN = 3,
	PT_LOAD = 1,
	IMAGE_PHDRS_MAX = 64, /* a kernel has four or five */
};

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
