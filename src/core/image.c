/* SPDX-License-Identifier: MIT */
/*
 * Tells the kinds of kernel images apart, plans Linux's Image and flat
 * binaries, and places what goes with a kernel. ELF is in image_elf.c.
 */
#include "core/image.h"
#include "core/image_bytes.h"
#include "core/image_elf.h"
#include "lib/print.h"
#include "lib/string.h"

/* The RISC-V boot image header that begins Linux's Image. */
enum {
	LINUX_TEXT_OFFSET = 8,
	LINUX_IMAGE_SIZE = 16,
	LINUX_FLAGS = 24,
	LINUX_MAGIC = 48,  /* "RISCV", what header version 0.1 had */
	LINUX_MAGIC2 = 56, /* "RSC" and 5, since version 0.2 */
	LINUX_HEADER_SIZE = 64,
	LINUX_FLAG_BIG_ENDIAN = 1,
};

/* The smallest thing that can be a program: one uncompressed instruction. */
enum { FLAT_SIZE_MIN = 4 };

static const char UNPACK[] =
	"unpack it on the host first (make run KERNEL= does for gzip and EFI zboot)";

/* Files that people take for kernels, and what to do about each. */
struct stranger {
	unsigned offset;
	unsigned length;
	const char *magic;
	const char *what;
	const char *cure;
};

static const struct stranger strangers[] = {
	{0, 2, "\x1f\x8b", "compressed with gzip", UNPACK},
	{0, 4, "\x28\xb5\x2f\xfd", "compressed with zstd", UNPACK},
	{0, 6,
	 "\xfd"
	 "7zXZ\0",
	 "compressed with xz", UNPACK},
	{0, 3, "BZh", "compressed with bzip2", UNPACK},
	{0, 3, "\x5d\0\0", "compressed with lzma", UNPACK},
	{0, 4, "\x02\x21\x4c\x18", "compressed with lz4", UNPACK},
	{0, 4, "\x04\x22\x4d\x18", "compressed with lz4", UNPACK},
	{0, 4, "\x89LZO", "compressed with lzo", UNPACK},
	{4, 4, "zimg", "a compressed kernel in an EFI zboot wrapper", UNPACK},
	{0, 4, "\x27\x05\x19\x56", "wrapped for U-Boot (uImage)", "use what is inside it"},
	{0, 4, "\xd0\x0d\xfe\xed", "a device tree or another FIT", "use a kernel from inside it"},
	{56, 4, "ARM\x64", "an arm64 Linux Image", "use a RISC-V one"},
};

/* An EFI program starts so; Linux's Image does too, and was recognised before. */
static const struct stranger efi = {0, 2, "MZ", "an EFI program without Linux's RISC-V header",
				    "an ELF, a Linux Image or a flat binary is expected"};

static bool matches(const uint8_t *data, uint64_t size, const struct stranger *stranger)
{
	return range_contains(0, size, stranger->offset, stranger->length) &&
	       !memcmp(data + stranger->offset, stranger->magic, stranger->length);
}

static enum status refuse_stranger(const uint8_t *data, uint64_t size, struct reason *why)
{
	for (unsigned i = 0; i < ARRAY_LENGTH(strangers); i++) {
		const struct stranger *stranger = &strangers[i];

		if (matches(data, size, stranger))
			return refuse(why, ERR_FORMAT, "the image is %s: %s", stranger->what,
				      stranger->cure);
	}
	return OK;
}

/* Where Linux and everything that can be put anywhere goes, from the start of RAM. */
static uint64_t usual_offset(unsigned xlen)
{
	return xlen == 32 ? MIB(4) : MIB(2);
}

/* Make the one segment of an image that isn't ELF, entered at its first byte. */
static enum status plan_whole(uint64_t file_size, uint64_t offset, uint64_t size, gpa_t ram,
			      uint64_t ram_size, struct image_plan *out, struct reason *why)
{
	if (offset > ram_size || size > ram_size - offset)
		return refuse(why, ERR_RANGE,
			      "%s: 0x%" PRIx64 " bytes at offset 0x%" PRIx64
			      " do not fit in 0x%" PRIx64 " bytes (%" PRIu64 " MiB) of guest RAM",
			      image_kind_name(out->kind), size, offset, ram_size, ram_size >> 20);
	out->entry.raw = ram.raw + offset;
	out->end.raw = out->entry.raw + size;
	out->segment_count = 1;
	out->segments[0] = (struct image_segment){
		.at = out->entry,
		.offset = 0,
		.file_size = file_size,
		.size = size,
	};
	return OK;
}

static bool is_linux(const uint8_t *data, uint64_t size)
{
	return size >= LINUX_HEADER_SIZE && (!memcmp(data + LINUX_MAGIC2, "RSC\x05", 4) ||
					     !memcmp(data + LINUX_MAGIC, "RISCV\0\0\0", 8));
}

/*
 * The header has no field for the width, but Linux's text_offset is always the
 * size of its largest early page: 2 MiB for RV64, 4 MiB for RV32, and 0 for a
 * kernel that was built to run in M-mode.
 */
static enum status check_text_offset(uint64_t text_offset, unsigned xlen, struct reason *why)
{
	if (!text_offset)
		return refuse(
			why, ERR_FORMAT,
			"Linux Image: text_offset is 0, which a kernel for M-mode has; one for "
			"S-mode (0x%" PRIx64 ") is expected",
			usual_offset(xlen));
	if (text_offset == usual_offset(96 - xlen))
		return refuse(why, ERR_FORMAT,
			      "Linux Image: text_offset is 0x%" PRIx64 ", which a kernel for RV%u "
			      "has; one for RV%u (0x%" PRIx64 ") is expected",
			      text_offset, 96 - xlen, xlen, usual_offset(xlen));
	if (text_offset & (PAGE_SIZE - 1))
		return refuse(why, ERR_FORMAT,
			      "Linux Image: text_offset 0x%" PRIx64 " is no multiple of 0x%x",
			      text_offset, PAGE_SIZE);
	return OK;
}

/* image_size counts .bss too, and Linux's documentation calls it mandatory. */
static enum status check_image_size(uint64_t image_size, uint64_t size, struct reason *why)
{
	if (!image_size)
		return refuse(why, ERR_FORMAT,
			      "Linux Image: image_size is 0; the size in memory is expected");
	if (image_size < size)
		return refuse(why, ERR_FORMAT,
			      "Linux Image: image_size 0x%" PRIx64
			      " is less than the file's 0x%" PRIx64 " bytes",
			      image_size, size);
	return OK;
}

static enum status plan_linux(const uint8_t *data, uint64_t size, gpa_t ram, uint64_t ram_size,
			      unsigned xlen, struct image_plan *out, struct reason *why)
{
	uint64_t text_offset = image_le64(data + LINUX_TEXT_OFFSET);
	uint64_t image_size = image_le64(data + LINUX_IMAGE_SIZE);
	enum status status;

	out->kind = IMAGE_LINUX;
	if (image_le64(data + LINUX_FLAGS) & LINUX_FLAG_BIG_ENDIAN)
		return refuse(
			why, ERR_FORMAT,
			"Linux Image: flags bit 0 says big-endian; little-endian is expected");
	status = check_text_offset(text_offset, xlen, why);
	if (status)
		return status;
	status = check_image_size(image_size, size, why);
	if (status)
		return status;
	if (ram.raw & (usual_offset(xlen) - 1))
		return refuse(why, ERR_RANGE,
			      "Linux Image: guest RAM starts at 0x%" PRIx64
			      "; a multiple of 0x%" PRIx64 " is needed",
			      ram.raw, usual_offset(xlen));
	return plan_whole(size, text_offset, image_size, ram, ram_size, out, why);
}

static enum status plan_flat(const uint8_t *data, uint64_t size, gpa_t ram, uint64_t ram_size,
			     unsigned xlen, struct image_plan *out, struct reason *why)
{
	out->kind = IMAGE_FLAT;
	if (size < FLAT_SIZE_MIN)
		return refuse(why, ERR_FORMAT,
			      "the image has %" PRIu64 " bytes; an ELF, a Linux Image or a flat "
			      "binary is expected",
			      size);
	if (matches(data, size, &efi))
		return refuse(why, ERR_FORMAT, "the image is %s: %s", efi.what, efi.cure);
	return plan_whole(size, usual_offset(xlen), size, ram, ram_size, out, why);
}

enum status image_plan(const uint8_t *data, uint64_t size, gpa_t ram, uint64_t ram_size,
		       unsigned xlen, struct image_plan *out, struct reason *why)
{
	enum status status;

	memset(out, 0, sizeof *out);
	/* Entry and device tree are given in registers, and translation is off. */
	if (xlen == 32 && (ram.raw + ram_size - 1) >> 32)
		return refuse(why, ERR_RANGE,
			      "guest RAM ends at 0x%" PRIx64 ", beyond the 4 GiB that RV32 reaches",
			      ram.raw + ram_size);
	if (image_elf_probe(data, size))
		return image_elf_plan(data, size, ram, ram_size, xlen, usual_offset(xlen), out,
				      why);
	if (is_linux(data, size))
		return plan_linux(data, size, ram, ram_size, xlen, out, why);
	status = refuse_stranger(data, size, why);
	if (status)
		return status;
	return plan_flat(data, size, ram, ram_size, xlen, out, why);
}

/* `room` is what there is for all three, in bytes; more RAM helps unless the width limits it. */
static enum status refuse_room(uint64_t kernel, uint64_t initrd_size, uint64_t tree_size,
			       uint64_t room, bool limited, struct reason *why)
{
	uint64_t needed = align_up(kernel + initrd_size + tree_size + 2 * PAGE_SIZE, MIB(1)) >> 20;
	enum status status =
		refuse(why, ERR_RANGE,
		       "the kernel up to 0x%" PRIx64 " bytes above the start of RAM, a ramdisk of "
		       "0x%" PRIx64 " and a device tree of up to 0x%" PRIx64
		       " do not fit in %" PRIu64 " MiB; ",
		       kernel, initrd_size, tree_size, room >> 20);
	size_t used = strlen(why->text);

	if (limited)
		print_text(why->text + used, sizeof(why->text) - used,
			   "an RV32 kernel maps no more");
	else
		print_text(why->text + used, sizeof(why->text) - used,
			   "memory-mib %" PRIu64 " would do", needed);
	return status;
}

enum status image_place(const struct image_plan *plan, gpa_t ram, uint64_t ram_size, unsigned xlen,
			uint64_t initrd_size, uint64_t tree_size, struct image_extras *out,
			struct reason *why)
{
	uint64_t top = ram_size, kernel = plan->end.raw - ram.raw;
	uint64_t limit = UINT64_MAX >> 2; /* no sum of two such wraps */
	uint64_t room;

	if (xlen == 32 && top > MIB(768) && kernel < MIB(768))
		top = MIB(768);
	/* Rounding down to pages costs less than a page for each of the two. */
	room = top > kernel ? top - kernel : 0;
	if (initrd_size > limit || tree_size > limit ||
	    initrd_size + tree_size + 2 * PAGE_SIZE > room)
		return refuse_room(kernel, initrd_size, tree_size, top, top != ram_size, why);
	out->tree.raw = align_down(ram.raw + top - tree_size, PAGE_SIZE);
	out->initrd.raw = align_down(out->tree.raw - initrd_size, PAGE_SIZE);
	return OK;
}

const char *image_kind_name(enum image_kind kind)
{
	switch (kind) {
	case IMAGE_ELF: return "ELF";
	case IMAGE_LINUX: return "Linux Image";
	case IMAGE_FLAT: return "flat binary";
	}
	return "unknown";
}
