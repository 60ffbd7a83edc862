/* SPDX-License-Identifier: MIT */
/*
 * src/core/image*.c: plans of good images of each kind, every refusal with its
 * words, and every truncation and one-byte change of an ELF and an Image header.
 */
#include "unit.h"

#include "core/image.h"

enum { FILE_SIZE = 1024, RAM_BASE = 0x80000000, TEXT = 512 };

static const gpa_t ram = {RAM_BASE};
static const uint64_t ram_size = MIB(64);
static uint8_t file[FILE_SIZE];

static void put(unsigned at, unsigned size, uint64_t value)
{
	assert_true(at + size <= FILE_SIZE);
	for (unsigned i = 0; i < size; i++)
		file[at + i] = value >> (8 * i);
}

/* Where the fields of the program header `index` are, by class. */
enum field { P_TYPE, P_OFFSET, P_VADDR, P_PADDR, P_FILESZ, P_MEMSZ, P_FLAGS, P_ALIGN };

static void put_phdr(unsigned xlen, unsigned index, enum field field, uint64_t value)
{
	static const unsigned at64[] = {0, 8, 16, 24, 32, 40, 4, 48};
	static const unsigned at32[] = {0, 4, 8, 12, 16, 20, 24, 28};

	if (xlen == 64)
		put(64 + 56 * index + at64[field], field == P_TYPE || field == P_FLAGS ? 4 : 8,
		    value);
	else
		put(52 + 32 * index + at32[field], 4, value);
}

static void put_segment(unsigned xlen, unsigned index, uint64_t address, uint64_t offset,
			uint64_t file_size, uint64_t size, uint32_t flags)
{
	put_phdr(xlen, index, P_TYPE, 1);
	put_phdr(xlen, index, P_OFFSET, offset);
	put_phdr(xlen, index, P_VADDR, address);
	put_phdr(xlen, index, P_PADDR, address);
	put_phdr(xlen, index, P_FILESZ, file_size);
	put_phdr(xlen, index, P_MEMSZ, size);
	put_phdr(xlen, index, P_FLAGS, flags);
	put_phdr(xlen, index, P_ALIGN, 0x1000);
}

static void put_entry(unsigned xlen, uint64_t entry)
{
	put(24, xlen / 8, entry);
}

/* A fixed ELF: code at RAM + 1 MiB, entered 4 bytes in; data with .bss at RAM + 2 MiB; a note. */
static void make_elf(unsigned xlen)
{
	memset(file, 0, sizeof(file));
	memcpy(file,
	       "\x7f"
	       "ELF",
	       4);
	put(4, 1, xlen == 64 ? 2 : 1);
	put(5, 1, 1);
	put(6, 1, 1);
	put(16, 2, 2);
	put(18, 2, 243);
	put(20, 4, 1);
	put_entry(xlen, RAM_BASE + 0x100004);
	put(xlen == 64 ? 32 : 28, xlen / 8, xlen == 64 ? 64 : 52);
	put(xlen == 64 ? 54 : 42, 2, xlen == 64 ? 56 : 32);
	put(xlen == 64 ? 56 : 44, 2, 3);
	put_segment(xlen, 0, RAM_BASE + 0x100000, TEXT, 256, 256, 5);
	put_segment(xlen, 1, RAM_BASE + 0x200000, TEXT + 256, 256, 0x10000, 6);
	put_segment(xlen, 2, 0, TEXT, 0, 0, 4);
	put_phdr(xlen, 2, P_TYPE, 4);
}

static void make_dyn(unsigned xlen, uint64_t link)
{
	make_elf(xlen);
	put(16, 2, 3);
	put_segment(xlen, 0, link, TEXT, 256, 256, 5);
	put_segment(xlen, 1, link + 0x2000, TEXT + 256, 256, 0x10000, 6);
	put_entry(xlen, link + 8);
}

static void make_linux(unsigned xlen)
{
	memset(file, 0, sizeof(file));
	memcpy(file, "MZ", 2);
	put(8, 8, xlen == 64 ? MIB(2) : MIB(4));
	put(16, 8, 0x5000);
	memcpy(file + 48, "RISCV\0\0\0RSC\x05", 12);
}

static void expect_of(gpa_t base, uint64_t size, unsigned xlen, enum status expected,
		      const char *words)
{
	struct image_plan plan;
	struct reason why = {""};
	enum status status = image_plan(file, size, base, ram_size, xlen, &plan, &why);

	if (status != expected || !strstr(why.text, words))
		fail_msg("RV%u: status %d instead of %d, \"%s\" instead of \"%s\"", xlen, status,
			 expected, why.text, words);
}

static void expect(unsigned xlen, enum status expected, const char *words, uint64_t size)
{
	expect_of(ram, size, xlen, expected, words);
}

static void plan(unsigned xlen, struct image_plan *out)
{
	struct reason why = {""};

	if (image_plan(file, FILE_SIZE, ram, ram_size, xlen, out, &why))
		fail_msg("RV%u: refused: %s", xlen, why.text);
}

/* RAM may lie there where a second stage of translation puts it, but nothing starts there on RV32.
 */
static void test_beyond_4_gib(void **state)
{
	static const uint64_t bases[] = {GIB(4), GIB(4) - MIB(60), GIB(16) - MIB(64)};

	(void)state;
	make_linux(32);
	for (unsigned i = 0; i < ARRAY_LENGTH(bases); i++)
		expect_of((gpa_t){bases[i]}, FILE_SIZE, 32, ERR_RANGE, "beyond the 4 GiB");
	expect_of((gpa_t){GIB(4) - ram_size}, FILE_SIZE, 32, OK, "");
	make_linux(64);
	for (unsigned i = 0; i < ARRAY_LENGTH(bases); i++)
		expect_of((gpa_t){bases[i]}, FILE_SIZE, 64, OK, "");
}

static void test_elf(void **state)
{
	(void)state;
	for (unsigned xlen = 32; xlen <= 64; xlen += 32) {
		struct image_plan got;

		make_elf(xlen);
		plan(xlen, &got);
		assert_int_equal(got.kind, IMAGE_ELF);
		assert_int_equal(got.entry.raw, RAM_BASE + 0x100004);
		assert_int_equal(got.end.raw, RAM_BASE + 0x210000);
		assert_int_equal(got.segment_count, 2);
		assert_int_equal(got.segments[0].at.raw, RAM_BASE + 0x100000);
		assert_int_equal(got.segments[0].offset, TEXT);
		assert_int_equal(got.segments[0].file_size, 256);
		assert_int_equal(got.segments[0].size, 256);
		assert_int_equal(got.segments[1].at.raw, RAM_BASE + 0x200000);
		assert_int_equal(got.segments[1].size, 0x10000);

		/* Linked at a virtual address, as Linux's vmlinux: the entry is translated. */
		put_phdr(xlen, 0, P_VADDR, 0xc0000000);
		put_entry(xlen, 0xc0000010);
		plan(xlen, &got);
		assert_int_equal(got.entry.raw, RAM_BASE + 0x100010);
		/* Or the entry is physical already. */
		put_entry(xlen, RAM_BASE + 0x100020);
		plan(xlen, &got);
		assert_int_equal(got.entry.raw, RAM_BASE + 0x100020);
	}
}

static void test_dyn(void **state)
{
	(void)state;
	for (unsigned xlen = 32; xlen <= 64; xlen += 32) {
		uint64_t place = RAM_BASE + (xlen == 64 ? MIB(2) : MIB(4));
		struct image_plan got;

		make_dyn(xlen, 0);
		plan(xlen, &got);
		assert_int_equal(got.entry.raw, place + 8);
		assert_int_equal(got.segments[1].at.raw, place + 0x2000);
		assert_int_equal(got.end.raw, place + 0x12000);
		/* Linked high: the distance to its lowest page counts, and wraps harmlessly. */
		make_dyn(xlen, 0xf0000100);
		plan(xlen, &got);
		assert_int_equal(got.segments[0].at.raw, place + 0x100);
		assert_int_equal(got.entry.raw, place + 0x108);

		put_phdr(xlen, 0, P_ALIGN, 0x1800);
		expect(xlen, ERR_FORMAT,
		       "program header 0: p_align is 0x1800; a power of two up to", FILE_SIZE);
		put_phdr(xlen, 0, P_ALIGN, MIB(8));
		expect(xlen, ERR_FORMAT, "p_align is 0x800000", FILE_SIZE);
		/* RAM that is aligned to less than that. */
		put_phdr(xlen, 0, P_ALIGN, MIB(2));
		expect_of((gpa_t){RAM_BASE + MIB(1)}, FILE_SIZE, xlen, ERR_RANGE,
			  "p_align is 0x200000, and guest RAM is not aligned to that");
		make_dyn(xlen, 0);
		put_phdr(xlen, 1, P_VADDR, 0xfffff000);
		expect(xlen, ERR_RANGE, "program header 1: address 0x", FILE_SIZE);
		make_dyn(xlen, 0);
		put_phdr(xlen, 1, P_MEMSZ, MIB(64));
		expect(xlen, ERR_RANGE, "program header 1: address 0x", FILE_SIZE);
	}
}

/* One field of the ELF changed: by its offset in either class, or of a program header. */
struct elf_row {
	int at64, at32, size; /* of a header's field; size 0: */
	unsigned index;	      /* of a program header */
	enum field field;
	uint64_t value;
	enum status status;
	const char *words;
};

#define HEADER(at64, at32, size, value) at64, at32, size, 0, 0, value
#define PHDR(index, field, value)	0, 0, 0, index, field, value

static const struct elf_row elf_rows[] = {
	{HEADER(4, 4, 1, 0), ERR_FORMAT, "EI_CLASS is 0; 1 or 2 is expected"},
	{HEADER(5, 5, 1, 2), ERR_FORMAT, "EI_DATA is 2; 1 (little-endian) is expected"},
	{HEADER(6, 6, 1, 9), ERR_FORMAT, "EI_VERSION is 9; 1 is expected"},
	{HEADER(16, 16, 2, 1), ERR_FORMAT, "e_type is 1; 2 (ET_EXEC) or 3 (ET_DYN) is expected"},
	{HEADER(18, 18, 2, 62), ERR_FORMAT, "e_machine is 62; 243 (RISC-V) is expected"},
	{HEADER(54, 42, 2, 8), ERR_FORMAT, "e_phentsize is 8; "},
	{HEADER(56, 44, 2, 0), ERR_FORMAT, "e_phnum is 0; 1 to 64 is expected"},
	{HEADER(56, 44, 2, 65535), ERR_FORMAT, "e_phnum is 65535; 1 to 64 is expected"},
	{HEADER(56, 44, 2, 40), ERR_FORMAT, "40 program headers are not inside the file's 0x400"},
	{HEADER(32, 28, 4, 0xfffffff0), ERR_FORMAT, "e_phoff 0xfffffff0: 3 program headers"},
	{HEADER(24, 24, 4, RAM_BASE + 0x100001), ERR_FORMAT, "e_entry 0x80100001 is odd"},
	{HEADER(24, 24, 4, 0x1000), ERR_FORMAT, "e_entry 0x1000 is in no executable segment"},
	{HEADER(24, 24, 4, RAM_BASE + 0x100100), ERR_FORMAT, "is in no executable segment"},
	{HEADER(24, 24, 4, RAM_BASE + 0x200000), ERR_FORMAT, "is in no executable segment"},
	{PHDR(0, P_FLAGS, 4), ERR_FORMAT, "is in no executable segment"},
	{PHDR(0, P_FLAGS, 7), OK, ""},
	{PHDR(0, P_FILESZ, 512), ERR_FORMAT, "p_filesz 0x200 is more than p_memsz 0x100"},
	{PHDR(1, P_OFFSET, 1000), ERR_FORMAT,
	 "program header 1: p_offset 0x3e8 and p_filesz 0x100 are not inside the file's 0x400"},
	{PHDR(1, P_OFFSET, 0xffffffff), ERR_FORMAT, "p_offset 0xffffffff"},
	{PHDR(1, P_PADDR, 0x40000000), ERR_RANGE,
	 "program header 1: p_paddr 0x40000000 and p_memsz 0x10000 are not inside guest RAM, "
	 "[0x80000000, 0x84000000)"},
	{PHDR(1, P_PADDR, 0x83ff0001), ERR_RANGE, "p_paddr 0x83ff0001"},
	{PHDR(1, P_PADDR, 0x83ff0000), OK, ""},
	{PHDR(1, P_PADDR, 0xfffff000), ERR_RANGE, "p_paddr 0xfffff000"},
	{PHDR(1, P_MEMSZ, 0xffffffff), ERR_RANGE, "p_memsz 0xffffffff are not inside guest RAM"},
	{PHDR(1, P_PADDR, RAM_BASE + 0x1000ff), ERR_OVERLAP,
	 "program header 1: [0x801000ff, 0x801100ff) overlaps another segment, [0x80100000, "
	 "0x80100100)"},
	{PHDR(1, P_PADDR, RAM_BASE + 0x100100), OK, ""},
};

static void test_elf_rows(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_LENGTH(elf_rows); i++) {
		for (unsigned xlen = 32; xlen <= 64; xlen += 32) {
			const struct elf_row *row = &elf_rows[i];

			make_elf(xlen);
			if (row->size)
				put(xlen == 64 ? row->at64 : row->at32, row->size, row->value);
			else
				put_phdr(xlen, row->index, row->field, row->value);
			expect(xlen, row->status, row->words, FILE_SIZE);
		}
	}
}

static void test_elf_wide(void **state)
{
	static const uint64_t huge[] = {UINT64_MAX, UINT64_MAX - 0xfff, (uint64_t)1 << 63};

	(void)state;
	make_elf(32);
	expect(64, ERR_FORMAT, "EI_CLASS is 1 (RV32); a kernel for RV64 is expected", FILE_SIZE);
	make_elf(64);
	expect(32, ERR_FORMAT, "EI_CLASS is 2 (RV64); a kernel for RV32 is expected", FILE_SIZE);
	/* Sums that wrap in 64 bits. */
	for (unsigned i = 0; i < ARRAY_LENGTH(huge); i++) {
		make_elf(64);
		put(32, 8, huge[i]);
		expect(64, ERR_FORMAT, "e_phoff 0x", FILE_SIZE);
		make_elf(64);
		put_phdr(64, 1, P_OFFSET, huge[i]);
		expect(64, ERR_FORMAT, "p_offset 0x", FILE_SIZE);
		make_elf(64);
		put_phdr(64, 1, P_MEMSZ, huge[i]);
		expect(64, ERR_RANGE, "p_memsz 0x", FILE_SIZE);
		make_elf(64);
		put_phdr(64, 1, P_PADDR, huge[i]);
		expect(64, ERR_RANGE, "p_paddr 0x", FILE_SIZE);
		make_dyn(64, 0);
		put_phdr(64, 1, P_VADDR, huge[i]);
		expect(64, ERR_RANGE, "address 0x", FILE_SIZE);
		put_phdr(64, 1, P_VADDR, huge[i] - MIB(1)); /* would wrap to below the first */
		expect(64, ERR_RANGE, "address 0x", FILE_SIZE);
	}
	make_elf(64);
	put_phdr(64, 0, P_TYPE, 4);
	put_phdr(64, 1, P_TYPE, 4);
	expect(64, ERR_FORMAT, "no program header is of type PT_LOAD", FILE_SIZE);
	make_elf(32);
	put(44, 2, 17);
	for (unsigned i = 0; i < 17; i++)
		put_segment(32, i, RAM_BASE + 0x100000 + 0x1000 * i, TEXT, 16, 16, 5);
	expect(32, ERR_LIMIT, "more than 16 segments to load", FILE_SIZE);
}

static void test_linux(void **state)
{
	(void)state;
	for (unsigned xlen = 32; xlen <= 64; xlen += 32) {
		uint64_t offset = xlen == 64 ? MIB(2) : MIB(4);
		struct image_plan got;
		struct reason why;

		make_linux(xlen);
		plan(xlen, &got);
		assert_int_equal(got.kind, IMAGE_LINUX);
		assert_int_equal(got.entry.raw, RAM_BASE + offset);
		assert_int_equal(got.end.raw, RAM_BASE + offset + 0x5000);
		assert_int_equal(got.segment_count, 1);
		assert_int_equal(got.segments[0].file_size, FILE_SIZE);
		assert_int_equal(got.segments[0].size, 0x5000);

		expect(96 - xlen, ERR_FORMAT,
		       xlen == 64 ? "which a kernel for RV64 has; one for RV32"
				  : "which a kernel for RV32 has; one for RV64",
		       FILE_SIZE);
		put(8, 8, 0);
		expect(xlen, ERR_FORMAT, "text_offset is 0, which a kernel for M-mode", FILE_SIZE);
		put(8, 8, 0x200001);
		expect(xlen, ERR_FORMAT, "text_offset 0x200001 is no multiple of", FILE_SIZE);
		put(8, 8, UINT64_MAX - 0xfff);
		expect(xlen, ERR_RANGE, "Linux Image: 0x5000 bytes at offset 0xfffffffffffff000",
		       FILE_SIZE);
		make_linux(xlen);
		put(16, 8, 0);
		expect(xlen, ERR_FORMAT, "image_size is 0", FILE_SIZE);
		put(16, 8, FILE_SIZE - 1);
		expect(xlen, ERR_FORMAT, "image_size 0x3ff is less than the file's 0x400",
		       FILE_SIZE);
		put(16, 8, UINT64_MAX);
		expect(xlen, ERR_RANGE, "0xffffffffffffffff bytes at offset", FILE_SIZE);
		put(16, 8, ram_size - offset + 1);
		expect(xlen, ERR_RANGE, "do not fit in 0x4000000 bytes (64 MiB) of guest RAM",
		       FILE_SIZE);
		put(16, 8, ram_size - offset);
		expect(xlen, OK, "", FILE_SIZE);
		put(24, 8, 1);
		expect(xlen, ERR_FORMAT, "flags bit 0 says big-endian", FILE_SIZE);

		make_linux(xlen);
		assert_int_equal(image_plan(file, FILE_SIZE, (gpa_t){RAM_BASE + MIB(1)}, ram_size,
					    xlen, &got, &why),
				 ERR_RANGE);
		assert_non_null(strstr(why.text, "guest RAM starts at 0x80100000; a multiple of"));
	}
	/* The older magic alone is enough. */
	make_linux(64);
	put(56, 4, 0);
	expect(64, OK, "", FILE_SIZE);
}

static void test_flat(void **state)
{
	struct image_plan got;
	struct reason why;

	(void)state;
	memset(file, 0x13, sizeof(file));
	plan(64, &got);
	assert_int_equal(got.kind, IMAGE_FLAT);
	assert_int_equal(got.entry.raw, RAM_BASE + MIB(2));
	assert_int_equal(got.end.raw, RAM_BASE + MIB(2) + FILE_SIZE);
	assert_int_equal(got.segments[0].size, FILE_SIZE);
	plan(32, &got);
	assert_int_equal(got.entry.raw, RAM_BASE + MIB(4));
	expect(64, ERR_FORMAT, "the image has 3 bytes; an ELF, a Linux Image or a flat", 3);
	assert_int_equal(image_plan(file, FILE_SIZE, ram, MIB(2) + FILE_SIZE - 1, 64, &got, &why),
			 ERR_RANGE);
	assert_non_null(strstr(why.text, "flat binary: 0x400 bytes at offset 0x200000 do not fit"));
	assert_int_equal(image_plan(file, FILE_SIZE, ram, MIB(1), 64, &got, &why), ERR_RANGE);
}

static void test_strangers(void **state)
{
	static const struct {
		const char *bytes;
		unsigned size;
		unsigned at;
		const char *words;
	} rows[] = {
		{"\x1f\x8b", 2, 0,
		 "compressed with gzip: unpack it on the host first (make run KERNEL="},
		{"\x28\xb5\x2f\xfd", 4, 0, "compressed with zstd: unpack it on the host"},
		{"\xfd\x37zXZ\0", 6, 0, "compressed with xz: unpack it on the host"},
		{"BZh", 3, 0, "compressed with bzip2"},
		{"\x5d\0\0", 3, 0, "compressed with lzma"},
		{"\x02\x21\x4c\x18", 4, 0, "compressed with lz4"},
		{"\x04\x22\x4d\x18", 4, 0, "compressed with lz4"},
		{"\x89LZO", 4, 0, "compressed with lzo"},
		{"MZ\0\0zimg", 8, 0, "EFI zboot wrapper: unpack it on the host"},
		{"\x27\x05\x19\x56", 4, 0, "wrapped for U-Boot (uImage): use what is inside"},
		{"\xd0\x0d\xfe\xed", 4, 0, "a device tree or another FIT"},
		{"ARM\x64", 4, 56, "an arm64 Linux Image: use a RISC-V one"},
		{"MZ", 2, 0, "an EFI program without Linux's RISC-V header"},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LENGTH(rows); i++) {
		memset(file, 0, sizeof(file));
		memcpy(file + rows[i].at, rows[i].bytes, rows[i].size);
		expect(64, ERR_FORMAT, rows[i].words, FILE_SIZE);
	}
}

static void test_place(void **state)
{
	struct image_plan got;
	struct image_extras extras;
	struct reason why;

	(void)state;
	make_linux(64);
	plan(64, &got);
	assert_int_equal(image_place(&got, ram, ram_size, 64, 5000, 3000, &extras, &why), OK);
	assert_int_equal(extras.tree.raw, RAM_BASE + MIB(64) - 0x1000);
	assert_int_equal(extras.initrd.raw, RAM_BASE + MIB(64) - 0x3000);
	/* The largest that fits stays above the kernel; one byte more does not fit. */
	for (uint64_t size = MIB(62) - 0x5000 - 0x4000; size < MIB(62); size++) {
		enum status status =
			image_place(&got, ram, ram_size, 64, size, 0x1000, &extras, &why);

		if (status)
			break;
		assert_true(extras.initrd.raw >= got.end.raw);
		assert_true(extras.initrd.raw + size <= extras.tree.raw);
		assert_true(extras.tree.raw + 0x1000 <= RAM_BASE + ram_size);
	}
	assert_int_equal(image_place(&got, ram, ram_size, 64, MIB(62), 0x1000, &extras, &why),
			 ERR_RANGE);
	assert_string_equal(why.text,
			    "the kernel up to 0x205000 bytes above the start of RAM, a ramdisk of "
			    "0x3e00000 and a device tree of up to 0x1000 do not fit in 64 MiB; "
			    "memory-mib 65 would do");
	assert_int_equal(image_place(&got, ram, GIB(2), 32, MIB(800), 4096, &extras, &why),
			 ERR_RANGE);
	assert_non_null(strstr(why.text, "do not fit in 768 MiB; an RV32 kernel maps no more"));
	assert_int_equal(image_place(&got, ram, ram_size, 64, UINT64_MAX, 4096, &extras, &why),
			 ERR_RANGE);
	assert_int_equal(image_place(&got, ram, ram_size, 64, 1, UINT64_MAX, &extras, &why),
			 ERR_RANGE);
	/* RV32: inside what Linux maps. */
	assert_int_equal(image_place(&got, ram, GIB(2), 32, MIB(1), 4096, &extras, &why), OK);
	assert_int_equal(extras.initrd.raw, RAM_BASE + MIB(767) - 4096);
	assert_int_equal(image_place(&got, ram, GIB(2), 64, MIB(1), 4096, &extras, &why), OK);
	assert_int_equal(extras.initrd.raw, RAM_BASE + GIB(2) - MIB(1) - 4096);
}

/* What must hold of every plan, whatever it was made from. */
static void check_plan(const uint8_t *data, uint64_t size, unsigned xlen)
{
	struct image_plan got;
	struct reason why;

	if (image_plan(data, size, ram, ram_size, xlen, &got, &why))
		return;
	assert_in_range(got.segment_count, 1, IMAGE_SEGMENTS_MAX);
	assert_true(range_contains(RAM_BASE, ram_size, got.entry.raw, 2));
	for (unsigned i = 0; i < got.segment_count; i++) {
		const struct image_segment *segment = &got.segments[i];

		assert_true(range_contains(0, size, segment->offset, segment->file_size));
		assert_true(segment->file_size <= segment->size);
		assert_true(range_contains(RAM_BASE, ram_size, segment->at.raw, segment->size));
		assert_true(segment->at.raw + segment->size <= got.end.raw);
	}
}

static void check_damage(unsigned xlen)
{
	for (unsigned size = 0; size < FILE_SIZE; size++) {
		uint8_t *copy = malloc(size ? size : 1);

		memcpy(copy, file, size);
		check_plan(copy, size, xlen);
		free(copy);
	}
	for (unsigned at = 0; at < 256; at++) {
		for (unsigned change = 1; change < 256; change++) {
			file[at] ^= change;
			check_plan(file, FILE_SIZE, xlen);
			file[at] ^= change;
		}
	}
}

static void test_damage(void **state)
{
	(void)state;
	for (unsigned xlen = 32; xlen <= 64; xlen += 32) {
		make_elf(xlen);
		check_damage(xlen);
		make_dyn(xlen, 0x1000);
		check_damage(xlen);
		make_linux(xlen);
		check_damage(xlen);
	}
	/* Cut at any byte of its headers or its data, an ELF is refused. */
	make_elf(64);
	for (unsigned size = 4; size < FILE_SIZE; size++) {
		struct image_plan got;
		struct reason why;

		assert_int_equal(image_plan(file, size, ram, ram_size, 64, &got, &why), ERR_FORMAT);
	}
	expect(64, ERR_FORMAT, "truncated: the file has 19 bytes", 19);
	expect(64, ERR_FORMAT, "truncated: the file has 63 bytes, its header has 64", 63);
	expect(64, ERR_FORMAT, "it is truncated or corrupt", FILE_SIZE - 1);
}

static void test_kind_names(void **state)
{
	(void)state;
	assert_string_equal(image_kind_name(IMAGE_ELF), "ELF");
	assert_string_equal(image_kind_name(IMAGE_LINUX), "Linux Image");
	assert_string_equal(image_kind_name(IMAGE_FLAT), "flat binary");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_beyond_4_gib), cmocka_unit_test(test_elf),
		cmocka_unit_test(test_dyn),	     cmocka_unit_test(test_elf_rows),
		cmocka_unit_test(test_elf_wide),     cmocka_unit_test(test_linux),
		cmocka_unit_test(test_flat),	     cmocka_unit_test(test_strangers),
		cmocka_unit_test(test_place),	     cmocka_unit_test(test_damage),
		cmocka_unit_test(test_kind_names),
	};

	return cmocka_run_group_tests_name("image", tests, NULL, NULL);
}
