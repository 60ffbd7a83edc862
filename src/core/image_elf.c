/* SPDX-License-Identifier: MIT */
/*
 * Plans ELF kernels of either width: System V ABI chapters 4 and 5, RISC-V
 * psABI for the machine. Only program headers matter; sections are not looked
 * at. Segments that are writable and executable are taken: a guest's RAM is
 * all of that to the guest anyway, which protects itself with its page tables.
 */
#include "core/image_elf.h"
#include "core/image_bytes.h"
#include "lib/print.h"
#include "lib/string.h"

enum {
	EI_DATA = 5, /* offsets in e_ident */
	EI_VERSION = 6,
	ELFCLASS32 = 1,
	ELFDATA2LSB = 1,
	EV_CURRENT = 1,
	E_IDENT_SIZE = 16,
	E_MACHINE = 18, /* offsets in the header, the same in both classes */
	E_ENTRY = 24,
	ET_EXEC = 2,
	EM_RISCV = 243,
	PF_X = 1,
};

struct elf {
	const uint8_t *data;
	uint64_t size;
	bool wide; /* ELFCLASS64 */
	unsigned type;
	uint64_t entry;
	uint64_t phoff;
	unsigned phnum;
	uint64_t low;  /* ET_DYN: the lowest page's address in the file */
	uint64_t bias; /* ET_DYN: what is added to addresses in the file, modulo 2^64 */
};

/* A program header, both classes. */
struct phdr {
	uint32_t type;
	uint32_t flags;
	uint64_t offset;
	uint64_t vaddr;
	uint64_t paddr;
	uint64_t filesz;
	uint64_t memsz;
	uint64_t align;
};

static unsigned phdr_size(const struct elf *elf)
{
	return elf->wide ? 56 : 32;
}

/* `index` is below phnum, and check_headers() has found the table to be inside the file. */
static void read_phdr(const struct elf *elf, unsigned index, struct phdr *out)
{
	const uint8_t *at = elf->data + elf->phoff + index * phdr_size(elf);

	out->type = image_le32(at);
	if (elf->wide) {
		out->flags = image_le32(at + 4);
		out->offset = image_le64(at + 8);
		out->vaddr = image_le64(at + 16);
		out->paddr = image_le64(at + 24);
		out->filesz = image_le64(at + 32);
		out->memsz = image_le64(at + 40);
		out->align = image_le64(at + 48);
	} else {
		out->offset = image_le32(at + 4);
		out->vaddr = image_le32(at + 8);
		out->paddr = image_le32(at + 12);
		out->filesz = image_le32(at + 16);
		out->memsz = image_le32(at + 20);
		out->flags = image_le32(at + 24);
		out->align = image_le32(at + 28);
	}
}

static enum status refuse_field(struct reason *why, const char *field, uint64_t value,
				const char *expected)
{
	return refuse(why, ERR_FORMAT, "ELF: %s is %" PRIu64 "; %s is expected", field, value,
		      expected);
}

/* The first 20 bytes: is it for this kind of machine at all? */
static enum status check_machine(const struct elf *elf, unsigned xlen, struct reason *why)
{
	const uint8_t *data = elf->data;

	if (elf->size < E_IDENT_SIZE + 4)
		return refuse(why, ERR_FORMAT, "ELF: truncated: the file has %" PRIu64 " bytes",
			      elf->size);
	if (data[EI_CLASS] != ELFCLASS32 && data[EI_CLASS] != ELFCLASS64)
		return refuse_field(why, "EI_CLASS", data[EI_CLASS], "1 or 2");
	if (data[EI_DATA] != ELFDATA2LSB)
		return refuse_field(why, "EI_DATA", data[EI_DATA], "1 (little-endian)");
	if (data[EI_VERSION] != EV_CURRENT)
		return refuse_field(why, "EI_VERSION", data[EI_VERSION], "1");
	if (image_le16(data + E_MACHINE) != EM_RISCV)
		return refuse_field(why, "e_machine", image_le16(data + E_MACHINE), "243 (RISC-V)");
	if (elf->wide != (xlen == 64))
		return refuse(why, ERR_FORMAT,
			      "ELF: EI_CLASS is %u (RV%u); a kernel for RV%u is expected",
			      data[EI_CLASS], elf->wide ? 64 : 32, xlen);
	return OK;
}

/* Read the rest of the header, and see that all program headers are in the file. */
static enum status check_headers(struct elf *elf, struct reason *why)
{
	const uint8_t *data = elf->data;
	unsigned phentsize;

	if (elf->size < (elf->wide ? 64 : 52))
		return refuse(why, ERR_FORMAT,
			      "ELF: truncated: the file has %" PRIu64 " bytes, its header has %u",
			      elf->size, elf->wide ? 64 : 52);
	elf->type = image_le16(data + E_TYPE);
	elf->entry = elf->wide ? image_le64(data + E_ENTRY) : image_le32(data + E_ENTRY);
	elf->phoff = elf->wide ? image_le64(data + 32) : image_le32(data + 28);
	phentsize = image_le16(data + (elf->wide ? 54 : 42));
	elf->phnum = image_le16(data + (elf->wide ? 56 : 44));

	if (elf->type != ET_EXEC && elf->type != ET_DYN)
		return refuse_field(why, "e_type", elf->type, "2 (ET_EXEC) or 3 (ET_DYN)");
	if (phentsize != phdr_size(elf))
		return refuse_field(why, "e_phentsize", phentsize, elf->wide ? "56" : "32");
	if (!elf->phnum || elf->phnum > IMAGE_PHDRS_MAX)
		return refuse_field(why, "e_phnum", elf->phnum, "1 to 64");
	if (!range_contains(0, elf->size, elf->phoff, elf->phnum * phentsize))
		return refuse(why, ERR_FORMAT,
			      "ELF: e_phoff 0x%" PRIx64 ": %u program headers are not inside the "
			      "file's 0x%" PRIx64 " bytes",
			      elf->phoff, elf->phnum, elf->size);
	return OK;
}

/*
 * Put a position-independent image so that its lowest page is at ram + place.
 * Its segments keep their distances, so one bias serves all of them.
 */
static enum status choose_bias(struct elf *elf, uint64_t target, uint64_t place, struct reason *why)
{
	uint64_t low = UINT64_MAX, align = PAGE_SIZE;
	struct phdr phdr;

	for (unsigned i = 0; i < elf->phnum; i++) {
		read_phdr(elf, i, &phdr);
		if (phdr.type != PT_LOAD || !phdr.memsz)
			continue;
		if (phdr.align & (phdr.align - 1) || phdr.align > place)
			return refuse(why, ERR_FORMAT,
				      "ELF: program header %u: p_align is 0x%" PRIx64
				      "; a power of two up to 0x%" PRIx64 " is expected",
				      i, phdr.align, place);
		if (phdr.align > align)
			align = phdr.align;
		if (phdr.vaddr < low)
			low = phdr.vaddr;
	}
	if (target & (align - 1))
		return refuse(why, ERR_RANGE,
			      "ELF: p_align is 0x%" PRIx64 ", and guest RAM is not aligned to that",
			      align);
	elf->low = align_down(low, align);
	elf->bias = target - elf->low;
	return OK;
}

static uint64_t address_of(const struct elf *elf, const struct phdr *phdr)
{
	return elf->type == ET_DYN ? phdr->vaddr + elf->bias : phdr->paddr;
}

/* Far enough from the lowest page, an address would wrap around and come to lie in RAM again. */
static bool in_ram(const struct elf *elf, const struct phdr *phdr, gpa_t ram, uint64_t ram_size)
{
	if (elf->type == ET_DYN && phdr->vaddr - elf->low > ram_size)
		return false;
	return range_contains(ram.raw, ram_size, address_of(elf, phdr), phdr->memsz);
}

static enum status check_overlap(const struct image_plan *plan, unsigned index, uint64_t at,
				 uint64_t size, struct reason *why)
{
	for (unsigned i = 0; i < plan->segment_count; i++) {
		const struct image_segment *other = &plan->segments[i];

		if (range_overlaps(other->at.raw, other->size, at, size))
			return refuse(why, ERR_OVERLAP,
				      "ELF: program header %u: [0x%" PRIx64 ", 0x%" PRIx64
				      ") overlaps another segment, [0x%" PRIx64 ", 0x%" PRIx64 ")",
				      index, at, at + size, other->at.raw,
				      other->at.raw + other->size);
	}
	return OK;
}

/* Everything about one segment that doesn't depend on the others. */
static enum status check_segment(const struct elf *elf, unsigned index, const struct phdr *phdr,
				 gpa_t ram, uint64_t ram_size, struct reason *why)
{
	uint64_t at = address_of(elf, phdr);

	if (phdr->filesz > phdr->memsz)
		return refuse(why, ERR_FORMAT,
			      "ELF: program header %u: p_filesz 0x%" PRIx64
			      " is more than p_memsz 0x%" PRIx64,
			      index, phdr->filesz, phdr->memsz);
	if (!range_contains(0, elf->size, phdr->offset, phdr->filesz))
		return refuse(why, ERR_FORMAT,
			      "ELF: program header %u: p_offset 0x%" PRIx64
			      " and p_filesz 0x%" PRIx64 " are not inside the file's 0x%" PRIx64
			      " bytes: it is truncated or corrupt",
			      index, phdr->offset, phdr->filesz, elf->size);
	if (phdr->memsz && !in_ram(elf, phdr, ram, ram_size))
		return refuse(why, ERR_RANGE,
			      "ELF: program header %u: %s 0x%" PRIx64 " and p_memsz 0x%" PRIx64
			      " are not inside guest RAM, [0x%" PRIx64 ", 0x%" PRIx64 ")%s",
			      index, elf->type == ET_DYN ? "address" : "p_paddr", at, phdr->memsz,
			      ram.raw, ram.raw + ram_size,
			      elf->type == ET_DYN ? "" : ": see memory-base and memory-mib");
	return OK;
}

static enum status plan_segments(const struct elf *elf, gpa_t ram, uint64_t ram_size,
				 struct image_plan *out, struct reason *why)
{
	struct phdr phdr;

	for (unsigned i = 0; i < elf->phnum; i++) {
		enum status status;
		uint64_t at;

		read_phdr(elf, i, &phdr);
		if (phdr.type != PT_LOAD)
			continue;
		status = check_segment(elf, i, &phdr, ram, ram_size, why);
		if (status)
			return status;
		if (!phdr.memsz)
			continue;
		at = address_of(elf, &phdr);
		status = check_overlap(out, i, at, phdr.memsz, why);
		if (status)
			return status;
		if (out->segment_count == IMAGE_SEGMENTS_MAX)
			return refuse(why, ERR_LIMIT, "ELF: more than %u segments to load",
				      IMAGE_SEGMENTS_MAX);
		out->segments[out->segment_count++] = (struct image_segment){
			.at = {at},
			.offset = phdr.offset,
			.file_size = phdr.filesz,
			.size = phdr.memsz,
		};
		if (at + phdr.memsz > out->end.raw)
			out->end.raw = at + phdr.memsz;
	}
	if (!out->segment_count)
		return refuse(why, ERR_FORMAT, "ELF: no program header is of type PT_LOAD");
	return OK;
}

/*
 * Kernels that run with an offset between virtual and physical addresses have
 * a virtual e_entry (Linux's vmlinux) or a physical one: try both, in that order.
 */
static enum status plan_entry(const struct elf *elf, struct image_plan *out, struct reason *why)
{
	struct phdr phdr;

	if (elf->entry & 1)
		return refuse(why, ERR_FORMAT, "ELF: e_entry 0x%" PRIx64 " is odd", elf->entry);
	for (unsigned physical = 0; physical < (elf->type == ET_EXEC ? 2 : 1); physical++) {
		for (unsigned i = 0; i < elf->phnum; i++) {
			uint64_t start;

			read_phdr(elf, i, &phdr);
			start = physical ? phdr.paddr : phdr.vaddr;
			if (phdr.type != PT_LOAD || !(phdr.flags & PF_X) || elf->entry < start ||
			    elf->entry - start >= phdr.filesz)
				continue;
			out->entry.raw = address_of(elf, &phdr) + (elf->entry - start);
			if (!(out->entry.raw & 1))
				return OK;
		}
	}
	return refuse(why, ERR_FORMAT,
		      "ELF: e_entry 0x%" PRIx64 " is in no executable segment of the file",
		      elf->entry);
}

bool image_elf_probe(const uint8_t *data, uint64_t size)
{
	return size >= 4 && !memcmp(data,
				    "\x7f"
				    "ELF",
				    4);
}

enum status image_elf_plan(const uint8_t *data, uint64_t size, gpa_t ram, uint64_t ram_size,
			   unsigned xlen, uint64_t place, struct image_plan *out,
			   struct reason *why)
{
	struct elf elf = {
		.data = data,
		.size = size,
		.wide = size > EI_CLASS && data[EI_CLASS] == ELFCLASS64,
	};
	enum status status;

	out->kind = IMAGE_ELF;
	status = check_machine(&elf, xlen, why);
	if (status)
		return status;
	status = check_headers(&elf, why);
	if (status)
		return status;
	if (elf.type == ET_DYN) {
		status = choose_bias(&elf, ram.raw + place, place, why);
		if (status)
			return status;
	}
	status = plan_segments(&elf, ram, ram_size, out, why);
	if (status)
		return status;
	return plan_entry(&elf, out, why);
}
