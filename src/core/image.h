/* SPDX-License-Identifier: MIT */
/*
 * Kernel images: what kind one is, and which bytes go where in guest RAM.
 *
 * Only plans are made here; core/capsule_load.c copies. A plan never leaves the
 * guest's RAM and never reads outside the image, whatever the image says.
 */
#ifndef CORE_IMAGE_H
#define CORE_IMAGE_H

#include "core/status.h"
#include "core/types.h"

enum image_kind {
	IMAGE_ELF,   /* linked at fixed addresses (ET_EXEC), or placed anywhere (ET_DYN) */
	IMAGE_LINUX, /* Linux's boot/Image */
	IMAGE_FLAT,  /* anything else */
};

enum { IMAGE_SEGMENTS_MAX = 16 };

struct image_segment {
	gpa_t at;
	uint64_t offset;    /* in the image */
	uint64_t file_size; /* bytes to copy */
	uint64_t size;	    /* bytes in memory; the rest stays zero */
};

struct image_plan {
	enum image_kind kind;
	gpa_t entry;
	gpa_t end; /* first byte after all segments, .bss included */
	unsigned segment_count;
	struct image_segment segments[IMAGE_SEGMENTS_MAX];
};

/* Where what the kernel finds besides itself is put; both are page-aligned. */
struct image_extras {
	gpa_t initrd; /* where it would be, when it is empty */
	gpa_t tree;
};

/*
 * Plan how the `size` bytes at `data` (of any alignment) are placed in
 * [ram, ram + ram_size), which doesn't wrap, for a guest whose registers have
 * `xlen` bits (32 or 64). ERR_FORMAT, ERR_RANGE or ERR_LIMIT with `why` naming
 * field and value, e.g. an ELF of the other width, a segment outside the RAM, a
 * truncated file, a gzip or zboot image ("unpack it on the host: make run
 * KERNEL= does"). Linux: at its text_offset from the start of RAM, image_size
 * reserved; flat: 2 MiB (RV64) or 4 MiB (RV32) above the start, entered at its
 * first byte; ET_DYN: the same place, relocates itself. Pure; on any hart.
 * Formats: the ELF specification with the RISC-V psABI, and the RISC-V boot image
 * header in Linux's documentation. After a refusal `out` means nothing.
 */
enum status image_plan(const uint8_t *data, uint64_t size, gpa_t ram, uint64_t ram_size,
		       unsigned xlen, struct image_plan *out, struct reason *why) MUST_USE;

/*
 * Find the places of an initrd (`initrd_size` may be 0) and of a device tree of
 * at most `tree_size` bytes above the planned kernel: the tree at the end of RAM
 * and the initrd below it, since kernels expect to have what is above them; on
 * RV32 within the first 768 MiB, which a 32-bit Linux maps. ERR_RANGE with the
 * numbers and how many MiB would do. Pure.
 */
enum status image_place(const struct image_plan *plan, gpa_t ram, uint64_t ram_size, unsigned xlen,
			uint64_t initrd_size, uint64_t tree_size, struct image_extras *out,
			struct reason *why) MUST_USE;

/* "ELF", "Linux Image", "flat binary". */
const char *image_kind_name(enum image_kind kind);

#endif
