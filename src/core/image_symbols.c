/* SPDX-License-Identifier: MIT */
/*
 * The image was planned, so its program headers are sound; section headers and
 * symbols have been looked at by nobody yet. Every offset is checked against the
 * file before it is used, and values of symbols are only ever compared.
 */
#include "core/image_symbols.h"

#include "core/image_bytes.h"
#include "core/image_elf.h"

enum {
	SHT_SYMTAB = 2,
	SHN_UNDEF = 0,
	SHN_LORESERVE = 0xff00, /* from here on: absolute values, common blocks */
	STT_NOTYPE = 0,
	STT_OBJECT = 1,
	STT_FUNC = 2,
	SECTIONS_MAX = 4096, /* a kernel has fifty */
};

/* A part of the file that is known to be inside it. */
struct span {
	const uint8_t *at;
	uint64_t size;
};

struct file {
	const uint8_t *data;
	uint64_t size;
	bool wide; /* ELFCLASS64 */
	unsigned word;
};

/* What a symbol of either class says. */
struct symbol {
	uint64_t value;
	uint64_t size;
	uint32_t name;
	unsigned section;
	unsigned type;
};

/* How well a symbol fits; of two that are equally good, the first one stays. */
enum rank { RANK_NONE, RANK_BELOW, RANK_COVERS };

/* One address on its way to a name. */
struct search {
	uint64_t link; /* the address by the image's own reckoning (p_vaddr) */
	uint64_t low;  /* where its segment begins, by the same */
	enum rank rank;
	bool is_function;
	uint64_t value;
	uint32_t name;
};

static uint64_t word_at(const struct file *file, const uint8_t *at)
{
	return file->wide ? image_le64(at) : image_le32(at);
}

/* `count` entries of `entry` bytes at `offset`; false when the file hasn't all of them. */
static bool span_of(const struct file *file, uint64_t offset, unsigned count, unsigned entry,
		    struct span *out)
{
	if (!range_contains(0, file->size, offset, (uint64_t)count * entry))
		return false;
	*out = (struct span){file->data + offset, (uint64_t)count * entry};
	return true;
}

/* The table of program or section headers whose offset, entry size and count stand at these places.
 */
static bool header_table(const struct file *file, unsigned offset_at, unsigned sizes_at,
			 unsigned entry, unsigned max, struct span *out)
{
	unsigned count = image_le16(file->data + sizes_at + 2);

	return image_le16(file->data + sizes_at) == entry && count <= max &&
	       span_of(file, word_at(file, file->data + offset_at), count, entry, out);
}

/*
 * Where in the image's own addresses is `address`? The n-th segment that takes
 * memory is the n-th of the plan.
 */
static bool locate(const struct file *file, const struct image_plan *plan, uint64_t address,
		   struct search *out)
{
	bool dynamic = image_le16(file->data + E_TYPE) == ET_DYN;
	unsigned entry = file->wide ? 56 : 32, segment = 0;
	struct span headers;

	if (!header_table(file, file->wide ? 32 : 28, file->wide ? 54 : 42, entry, IMAGE_PHDRS_MAX,
			  &headers))
		return false;
	for (uint64_t at = 0; at < headers.size && segment < plan->segment_count; at += entry) {
		const uint8_t *header = headers.at + at;
		uint64_t vaddr = word_at(file, header + (file->wide ? 16 : 8));
		uint64_t size = word_at(file, header + (file->wide ? 40 : 20));
		uint64_t placed;

		if (image_le32(header) != PT_LOAD || !size)
			continue;
		placed = plan->segments[segment++].at.raw;
		out->low = vaddr;
		if (!dynamic && address - vaddr < size) {
			out->link = address;
			return true;
		}
		if (address - placed < size) {
			out->link = address - placed + vaddr;
			return true;
		}
	}
	return false;
}

/* The section `index` of the table, whole in the file. */
static bool section_span(const struct file *file, const struct span *sections, unsigned index,
			 struct span *out)
{
	unsigned entry = file->wide ? 64 : 40;
	const uint8_t *header;
	uint64_t offset, size;

	if ((uint64_t)index * entry >= sections->size)
		return false;
	header = sections->at + (uint64_t)index * entry;
	offset = word_at(file, header + 8 + 2 * file->word);
	size = word_at(file, header + 8 + 3 * file->word);
	if (!range_contains(0, file->size, offset, size))
		return false;
	*out = (struct span){file->data + offset, size};
	return true;
}

/* The first symbol table, with the strings that it links to. */
static bool find_tables(const struct file *file, struct span *symbols, struct span *strings)
{
	unsigned entry = file->wide ? 64 : 40;
	struct span sections;

	if (!header_table(file, file->wide ? 40 : 32, file->wide ? 58 : 46, entry, SECTIONS_MAX,
			  &sections))
		return false;
	for (unsigned i = 0; (uint64_t)i * entry < sections.size; i++) {
		const uint8_t *header = sections.at + (uint64_t)i * entry;

		if (image_le32(header + 4) == SHT_SYMTAB)
			return section_span(file, &sections, i, symbols) &&
			       section_span(file, &sections,
					    image_le32(header + 8 + 4 * file->word), strings);
	}
	return false;
}

static void read_symbol(const struct file *file, const uint8_t *at, struct symbol *out)
{
	const uint8_t *info = at + (file->wide ? 4 : 12);

	out->name = image_le32(at);
	out->value = word_at(file, at + (file->wide ? 8 : 4));
	out->size = word_at(file, at + (file->wide ? 16 : 8));
	out->type = info[0] & 0xf;
	out->section = image_le16(info + 2);
}

/* True for what can be the name of a place; "$x", ".L1" and the like are the assembler's own. */
static bool names_a_place(const struct symbol *symbol, const struct span *strings)
{
	if (symbol->section == SHN_UNDEF || symbol->section >= SHN_LORESERVE ||
	    symbol->name >= strings->size)
		return false;
	if (symbol->type != STT_FUNC && symbol->type != STT_OBJECT && symbol->type != STT_NOTYPE)
		return false;
	return strings->at[symbol->name] && strings->at[symbol->name] != '$' &&
	       strings->at[symbol->name] != '.';
}

static void consider(struct search *search, const struct symbol *symbol)
{
	bool is_function = symbol->type == STT_FUNC;
	enum rank rank = is_function && search->link - symbol->value < symbol->size ? RANK_COVERS
										    : RANK_BELOW;

	if (symbol->value > search->link || symbol->value < search->low || rank < search->rank)
		return;
	if (rank == search->rank &&
	    (symbol->value < search->value ||
	     (symbol->value == search->value && (search->is_function || !is_function))))
		return;
	search->rank = rank;
	search->is_function = is_function;
	search->value = symbol->value;
	search->name = symbol->name;
}

/* The name may lack its end, or hold anything. */
static void copy_name(const struct span *strings, uint32_t from, char *out)
{
	unsigned length = 0;

	while (length < IMAGE_SYMBOL_NAME_MAX - 1 && from < strings->size && strings->at[from]) {
		char c = (char)strings->at[from++];

		out[length++] = c < ' ' || c > '~' ? '?' : c;
	}
	out[length] = '\0';
}

static void search_all(const struct file *file, struct search *searches, unsigned count,
		       struct image_symbol *wanted)
{
	unsigned entry = file->wide ? 24 : 16;
	struct span symbols, strings;

	if (!find_tables(file, &symbols, &strings))
		return;
	for (unsigned i = 0; i < IMAGE_SYMBOLS_MAX && symbols.size >= entry; i++) {
		struct symbol symbol;

		read_symbol(file, symbols.at, &symbol);
		symbols.at += entry;
		symbols.size -= entry;
		if (!names_a_place(&symbol, &strings))
			continue;
		for (unsigned j = 0; j < count; j++)
			consider(&searches[j], &symbol);
	}
	for (unsigned j = 0; j < count; j++) {
		if (searches[j].rank == RANK_NONE)
			continue;
		wanted[j].offset = searches[j].link - searches[j].value;
		copy_name(&strings, searches[j].name, wanted[j].name);
	}
}

void image_symbols_find(const uint8_t *data, uint64_t size, const struct image_plan *plan,
			struct image_symbol *wanted, unsigned count)
{
	struct search searches[IMAGE_SYMBOLS_AT_ONCE];
	struct file file = {.data = data, .size = size};

	for (unsigned i = 0; i < count; i++)
		wanted[i].name[0] = '\0';
	if (count > IMAGE_SYMBOLS_AT_ONCE || size < 64 || !image_elf_probe(data, size))
		return;
	file.wide = data[EI_CLASS] == ELFCLASS64;
	file.word = file.wide ? 8 : 4;
	for (unsigned i = 0; i < count; i++) {
		searches[i] = (struct search){.rank = RANK_NONE};
		/* Outside all segments: nothing can be below it. */
		if (!locate(&file, plan, wanted[i].address, &searches[i]))
			searches[i] = (struct search){.low = 1};
	}
	search_all(&file, searches, count, wanted);
}
