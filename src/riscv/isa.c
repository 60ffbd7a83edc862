/* SPDX-License-Identifier: MIT */
/*
 * ISA strings. Unprivileged specification, "ISA Extension Naming Conventions",
 * and the Linux kernel's binding riscv/extensions.yaml for riscv,isa-extensions.
 */
#include "riscv/isa.h"

#include "core/assert.h"
#include "lib/string.h"

/* All names that we know, in the order of enum isa_extension, each with a zero behind it. */
#define NAME(extension, name) name "\0"
static const char names[] = ISA_EXTENSIONS(NAME);

_Static_assert(ISA_COUNT <= 64, "a set is one 64-bit word");

/* The name behind one that is there. */
static const char *next_name(const char *name)
{
	return name + strlen(name) + 1;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The set that one name, without its version, stands for; empty when we don't know it. */
static isa_set_t set_of(const char *name, size_t length)
{
	const char *known = names;

	if (length == 1 && lower(*name) == 'g')
		return ISA_BIT(ISA_M) | ISA_BIT(ISA_A) | ISA_BIT(ISA_F) | ISA_BIT(ISA_D) |
		       ISA_BIT(ISA_ZICSR) | ISA_BIT(ISA_ZIFENCEI);
	if (length == 1 && lower(*name) == 'b')
		return ISA_BIT(ISA_ZBA) | ISA_BIT(ISA_ZBB) | ISA_BIT(ISA_ZBS);
	for (unsigned i = 0; i < ISA_COUNT; i++, known = next_name(known)) {
		size_t at = 0;

		while (at < length && known[at] == lower(name[at]))
			at++;
		if (at == length && !known[at])
			return ISA_BIT(i);
	}
	return 0;
}

/* Go past a version, "2" or "2p1". A p without a digit after it is an extension. */
static const char *skip_version(const char *at)
{
	if (!is_digit(*at))
		return at;
	while (is_digit(*at))
		at++;
	if (lower(*at) == 'p' && is_digit(at[1]))
		for (at++; is_digit(*at);)
			at++;
	return at;
}

/* The length of a name that ends at `end`, without its version: "zba1p0" has 3. */
static size_t without_version(const char *name, const char *end)
{
	const char *at = end;

	while (at > name && is_digit(at[-1]))
		at--;
	if (at == end)
		return end - name;
	/* `at` is the first digit of "0" in "1p0", or of all there is. */
	if (at - name >= 2 && lower(at[-1]) == 'p' && is_digit(at[-2]))
		for (at--; at > name && is_digit(at[-1]);)
			at--;
	return at - name;
}

/* What follows "rv64i": single letters, and names of several letters up to underscores. */
static isa_set_t read_names(const char *at)
{
	isa_set_t set = 0;
	bool separated = false;

	while (*at) {
		const char *end = at + 1;
		char c = lower(*at);

		if (c == '_') {
			separated = true;
			at++;
			continue;
		}
		/* Old QEMU lists the modes S and U among the single letters. */
		if (c == 's' && !separated && lower(at[1]) == 'u') {
			at += 2;
			continue;
		}
		if (c == 'z' || c == 's' || c == 'x') {
			while (*end && *end != '_')
				end++;
			set |= set_of(at, without_version(at, end));
		} else {
			set |= set_of(at, 1);
			end = skip_version(end);
		}
		separated = false;
		at = end;
	}
	return set;
}

/*
 * A riscv,isa string was defined when I still contained Zicsr, Zifencei and
 * the counters, so it means them whether it says so or not.
 */
static isa_set_t read_string(const char *isa, unsigned *xlen)
{
	isa_set_t set = ISA_BIT(ISA_ZICSR) | ISA_BIT(ISA_ZIFENCEI) | ISA_BIT(ISA_ZICNTR) |
			ISA_BIT(ISA_ZIHPM);
	const char *base = isa + 4;

	if (strnlen(isa, 5) < 5 || lower(isa[0]) != 'r' || lower(isa[1]) != 'v')
		return 0;
	if (isa[2] == '3' && isa[3] == '2')
		*xlen = 32;
	else if (isa[2] == '6' && isa[3] == '4')
		*xlen = 64;
	else
		return 0;
	if (lower(*base) == 'i')
		return set | read_names(skip_version(base + 1));
	if (lower(*base) == 'g')
		return set | read_names(base);
	return 0;
}

/* Zero-separated names, each whole and without version. */
static isa_set_t read_list(const char *list, unsigned length)
{
	isa_set_t set = 0;
	bool base = false;

	while (length) {
		size_t name = strnlen(list, length);

		if (name == 1 && lower(*list) == 'i')
			base = true;
		set |= set_of(list, name);
		if (name == length)
			break;
		list += name + 1;
		length -= name + 1;
	}
	return base ? set : 0;
}

isa_set_t isa_read(const struct machine_hart *hart, unsigned *xlen)
{
	unsigned found = 0;
	isa_set_t set = 0;

	if (hart->isa)
		set = read_string(hart->isa, &found);
	if (hart->extensions)
		set = read_list(hart->extensions, hart->extensions_length);
	if (xlen)
		*xlen = found;
	return set;
}

/* Text that grows in a buffer of `size` bytes, which our own names always fit into. */
struct text {
	char *out;
	size_t size;
	size_t length;
};

static void append(struct text *text, const char *s, size_t length)
{
	ASSERT(length < text->size - text->length);
	memcpy(text->out + text->length, s, length);
	text->length += length;
	text->out[text->length] = '\0';
}

static void append_base(struct text *text, unsigned xlen)
{
	ASSERT(xlen == 32 || xlen == 64);
	append(text, xlen == 32 ? "rv32i" : "rv64i", 5);
}

void isa_write(isa_set_t set, unsigned xlen, struct isa_text *out)
{
	struct text base = {out->base, sizeof(out->base), 0};
	struct text isa = {out->isa, sizeof(out->isa), 0};
	struct text list = {out->extensions, sizeof(out->extensions), 0};
	const char *name = names;

	append_base(&base, xlen);
	append_base(&isa, xlen);
	append(&list, "i", 2);
	for (unsigned i = 0; i < ISA_COUNT; i++, name = next_name(name)) {
		size_t length = strlen(name);

		if (!(set & ISA_BIT(i)))
			continue;
		if (length > 1)
			append(&isa, "_", 1);
		append(&isa, name, length);
		append(&list, name, length + 1);
	}
	out->extensions_length = list.length;
}

void isa_short(isa_set_t set, unsigned xlen, char *out, size_t size)
{
	struct text text = {out, size, 0};
	const char *name = names;

	if (!size)
		return;
	out[0] = '\0';
	if (size < 6)
		return;
	append(&text, xlen == 32 ? "RV32I" : xlen == 64 ? "RV64I" : "RV??I", 5);
	for (unsigned i = 0; i < ISA_COUNT && text.length + 1 < size; i++, name = next_name(name)) {
		char letter = name[0] - 'a' + 'A';

		if (!name[1] && (set & ISA_BIT(i)))
			append(&text, &letter, 1);
	}
}
