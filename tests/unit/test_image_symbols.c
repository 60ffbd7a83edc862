/* SPDX-License-Identifier: MIT */
/*
 * src/core/image_symbols.c: ELFs of both classes made here, with every byte of them changed
 * and every length cut off; and a real one with thousands of symbols, which is this test itself.
 */
#include "unit.h"

#include "core/image_symbols.h"

enum {
	EXEC = 2,
	DYN = 3,
	LOCAL_FUNC = 2,
	GLOBAL_FUNC = 0x12,
	GLOBAL_NOTYPE = 0x10,
	SECTION = 3,
	FILE_SIZE = 2048,
	HEADERS = 256, /* where program headers end, and sections' headers begin */
	SYMBOLS = 512,
	STRINGS = 1536,
};

#define VADDR  0xc0000000u
#define PADDR  0x80200000u
#define VADDR2 0xc0100000u
#define PADDR2 0x80400000u

static uint8_t file[FILE_SIZE];
static struct image_plan plan;
static unsigned xlen, symbol_count, string_end;

static void put(unsigned at, unsigned size, uint64_t value)
{
	assert_true(at + size <= FILE_SIZE);
	for (unsigned i = 0; i < size; i++)
		file[at + i] = value >> (8 * i);
}

static void put_segment(unsigned index, uint64_t vaddr, uint64_t paddr, uint64_t size)
{
	bool wide = xlen == 64;
	unsigned at = wide ? 64 + 56 * index : 52 + 32 * index;

	put(at, 4, 1);
	put(at + (wide ? 16 : 8), wide ? 8 : 4, vaddr);
	put(at + (wide ? 24 : 12), wide ? 8 : 4, paddr);
	put(at + (wide ? 40 : 20), wide ? 8 : 4, size);
	plan.segments[plan.segment_count++] = (struct image_segment){.at = {paddr}, .size = size};
}

static void put_section(unsigned index, uint32_t type, uint64_t offset, uint64_t size,
			uint32_t link)
{
	bool wide = xlen == 64;
	unsigned at = HEADERS + (wide ? 64 : 40) * index;

	put(at + 4, 4, type);
	put(at + (wide ? 24 : 16), wide ? 8 : 4, offset);
	put(at + (wide ? 32 : 20), wide ? 8 : 4, size);
	put(at + (wide ? 40 : 24), 4, link);
}

static void put_symbol(const char *name, unsigned info, unsigned section, uint64_t value,
		       uint64_t size)
{
	bool wide = xlen == 64;
	unsigned at = SYMBOLS + (wide ? 24 : 16) * symbol_count++;

	put(at, 4, string_end);
	put(at + (wide ? 4 : 12), 1, info);
	put(at + (wide ? 6 : 14), 2, section);
	put(at + (wide ? 8 : 4), wide ? 8 : 4, value);
	put(at + (wide ? 16 : 8), wide ? 8 : 4, size);
	memcpy(file + STRINGS + string_end, name, strlen(name) + 1);
	string_end += strlen(name) + 1;
	put_section(1, 2, SYMBOLS, symbol_count * (wide ? 24 : 16), 2);
	put_section(2, 3, STRINGS, string_end, 0);
}

/* Headers of an ELF with a segment of 64 KiB and one of 4 KiB, and no symbol yet. */
static void make(unsigned width, unsigned type)
{
	bool wide = width == 64;

	memset(file, 0, sizeof(file));
	memset(&plan, 0, sizeof(plan));
	xlen = width;
	symbol_count = 0;
	string_end = 1;
	memcpy(file, "\x7f\x45LF", 4);
	put(4, 1, wide ? 2 : 1);
	put(16, 2, type);
	put(wide ? 32 : 28, wide ? 8 : 4, wide ? 64 : 52);
	put(wide ? 40 : 32, wide ? 8 : 4, HEADERS);
	put(wide ? 54 : 42, 2, wide ? 56 : 32);
	put(wide ? 56 : 44, 2, 2);
	put(wide ? 58 : 46, 2, wide ? 64 : 40);
	put(wide ? 60 : 48, 2, 3);
	put_segment(0, VADDR, PADDR, 0x10000);
	put_segment(1, VADDR2, PADDR2, 0x1000);
	put_symbol("", 0, 0, 0, 0);
}

/* A kernel's: functions with a hole behind the second, a label of assembly, and what is no name. */
static void make_kernel(unsigned width, unsigned type)
{
	make(width, type);
	put_symbol("$x", 0, 1, VADDR + 0x110, 0);
	put_symbol(".Lloop", 0, 1, VADDR + 0x112, 0);
	put_symbol("text", SECTION, 1, VADDR + 0x114, 0);
	put_symbol("elsewhere", GLOBAL_FUNC, 0, VADDR + 0x116, 0x1000);
	put_symbol("CONSTANT", GLOBAL_NOTYPE, 0xfff1, VADDR + 0x118, 0);
	put_symbol("label", 0, 1, VADDR + 0x108, 0);
	put_symbol("first", LOCAL_FUNC, 1, VADDR + 0x100, 0x40);
	put_symbol("second", GLOBAL_FUNC, 1, VADDR + 0x200, 0x40);
	put_symbol("start", GLOBAL_NOTYPE, 1, VADDR + 0x20, 0);
	put_symbol("data", GLOBAL_NOTYPE, 1, VADDR2 + 0x10, 0);
}

/* A copy of exactly `size` bytes, so that ASan sees the end; at an odd address. */
static void find_in(size_t size, struct image_symbol *symbols, unsigned count)
{
	uint8_t *copy = malloc(size + 1);

	memcpy(copy + 1, file, size);
	image_symbols_find(copy + 1, size, &plan, symbols, count);
	free(copy);
}

/* "name+0x12", or "" when there is none. */
static void expect(uint64_t address, const char *name)
{
	struct image_symbol symbol = {.address = address, .name = "?"};
	char text[80] = "";

	find_in(FILE_SIZE, &symbol, 1);
	if (symbol.name[0])
		snprintf(text, sizeof(text), "%s+0x%llx", symbol.name,
			 (unsigned long long)symbol.offset);
	if (strcmp(text, name) != 0)
		fail_msg("rv%u: 0x%llx is \"%s\" instead of \"%s\"", xlen,
			 (unsigned long long)address, text, name);
}

static void test_names(void **state)
{
	(void)state;
	for (unsigned width = 32; width <= 64; width += 32) {
		make_kernel(width, EXEC);
		expect(VADDR + 0x100, "first+0x0");
		expect(VADDR + 0x10c, "first+0xc"); /* inside it, before the nearer label */
		expect(VADDR + 0x120, "first+0x20");
		expect(VADDR + 0x13f, "first+0x3f");
		expect(VADDR + 0x140, "label+0x38"); /* in none: the nearest */
		expect(VADDR + 0x23f, "second+0x3f");
		expect(VADDR + 0x4000, "second+0x3e00");
		expect(VADDR + 0x20, "start+0x0");
		expect(VADDR + 0x1f, "");
	}
}

static void test_physical_and_virtual(void **state)
{
	(void)state;
	for (unsigned width = 32; width <= 64; width += 32) {
		make_kernel(width, EXEC);
		expect(PADDR + 0x120, "first+0x20");
		expect(PADDR2 + 0x18, "data+0x8");
		expect(VADDR2 + 0x18, "data+0x8");
		/* Not named after something in another segment, nor beyond the end of its own. */
		expect(VADDR2 + 0xf, "");
		expect(VADDR2 + 0x1000, "");
		expect(PADDR + 0x10000, "");
		expect(PADDR - 1, "");
		expect(0, "");
		expect(~(uint64_t)0, "");
	}
}

/* One that was moved isn't where it was linked. */
static void test_dynamic(void **state)
{
	(void)state;
	for (unsigned width = 32; width <= 64; width += 32) {
		make_kernel(width, DYN);
		expect(PADDR + 0x120, "first+0x20");
		expect(VADDR + 0x120, "");
	}
}

static void test_many_at_once(void **state)
{
	struct image_symbol symbols[] = {{.address = VADDR + 0x101},
					 {.address = 0},
					 {.address = PADDR + 0x202},
					 {.address = VADDR2 + 0x13}};

	(void)state;
	make_kernel(64, EXEC);
	find_in(FILE_SIZE, symbols, ARRAY_LENGTH(symbols));
	assert_string_equal(symbols[0].name, "first");
	assert_string_equal(symbols[1].name, "");
	assert_string_equal(symbols[2].name, "second");
	assert_string_equal(symbols[3].name, "data");
	assert_int_equal(symbols[2].offset, 2);
}

/* Cut off, and without anything a terminal would obey. */
static void test_odd_names(void **state)
{
	char longest[IMAGE_SYMBOL_NAME_MAX + 20], cut[80];

	(void)state;
	memset(longest, 'n', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	make(64, EXEC);
	put_symbol(longest, GLOBAL_FUNC, 1, VADDR, 16);
	put_symbol("a\x1b[2J\xff", GLOBAL_FUNC, 1, VADDR + 16, 16);
	put_symbol("last", GLOBAL_FUNC, 1, VADDR + 32, 16);
	snprintf(cut, sizeof(cut), "%.*s+0x1", IMAGE_SYMBOL_NAME_MAX - 1, longest);
	expect(VADDR + 1, cut);
	expect(VADDR + 17, "a?[2J?+0x1");
	put_section(2, 3, STRINGS, string_end - 3, 0); /* the table ends in "la" */
	expect(VADDR + 33, "la+0x1");
}

static void test_no_symbols(void **state)
{
	struct image_symbol symbol = {.address = VADDR, .name = "?"};

	(void)state;
	make(64, EXEC);
	expect(VADDR, "");
	make_kernel(64, EXEC);
	put(60, 2, 0); /* e_shnum */
	expect(VADDR + 0x100, "");
	make_kernel(64, EXEC);
	put_section(1, 2, SYMBOLS, 24 * symbol_count, 7); /* no such table of strings */
	expect(VADDR + 0x100, "");
	put_section(1, 2, ~(uint64_t)0, 24 * symbol_count, 2);
	expect(VADDR + 0x100, "");
	image_symbols_find((const uint8_t *)"flat", 4, &plan, &symbol, 1);
	assert_string_equal(symbol.name, "");
}

/* Whatever is in the file, what comes out is a string. */
static void check_sound(size_t size)
{
	struct image_symbol symbols[] = {{.address = VADDR + 0x120}, {.address = PADDR2 + 0x18}};

	find_in(size, symbols, ARRAY_LENGTH(symbols));
	for (size_t i = 0; i < ARRAY_LENGTH(symbols); i++) {
		size_t length = strnlen(symbols[i].name, IMAGE_SYMBOL_NAME_MAX);

		assert_true(length < IMAGE_SYMBOL_NAME_MAX);
		for (size_t c = 0; c < length; c++)
			assert_in_range(symbols[i].name[c], ' ', '~');
	}
}

static void test_hostile(void **state)
{
	static const uint8_t values[] = {0, 1, 0x7f, 0x80, 0xfe, 0xff};

	(void)state;
	for (unsigned width = 32; width <= 64; width += 32) {
		make_kernel(width, EXEC);
		for (size_t size = 0; size < FILE_SIZE; size++)
			check_sound(size);
		for (size_t at = 0; at < STRINGS + string_end; at++) {
			uint8_t was = file[at];

			for (size_t v = 0; v < sizeof(values); v++) {
				file[at] = values[v];
				check_sound(STRINGS + string_end);
			}
			file[at] = was;
		}
		for (unsigned round = 0; round < 20000; round++) {
			make_kernel(width, round & 1 ? EXEC : DYN);
			for (unsigned n = 0; n < 4; n++)
				file[unit_random_below(SYMBOLS)] = unit_random();
			check_sound(STRINGS + string_end);
		}
	}
}

/* The plan that image_plan() would make of a real file, if it were for this kind of machine. */
static void plan_real(const uint8_t *data, uint64_t bias)
{
	bool wide = data[4] == 2;
	uint64_t at = 0, phnum = data[wide ? 56 : 44];
	unsigned word = wide ? 8 : 4;

	memset(&plan, 0, sizeof(plan));
	memcpy(&at, data + (wide ? 32 : 28), word);
	for (; phnum--; at += wide ? 56 : 32) {
		struct image_segment *segment = &plan.segments[plan.segment_count];

		if (data[at] != 1 || data[at + 1])
			continue;
		memcpy(&segment->at.raw, data + at + (wide ? 16 : 8), word);
		segment->at.raw += bias;
		plan.segment_count++;
	}
}

extern const char __executable_start[];

static void test_real(void **state)
{
	size_t size;
	uint8_t *data = unit_read_file("/proc/self/exe", &size);
	struct image_symbol symbols[] = {
		{.address = (uintptr_t)test_real + 3},
		{.address = (uintptr_t)image_symbols_find},
		{.address = (uintptr_t)__executable_start + 0x7fffffff},
	};

	(void)state;
	assert_non_null(data);
	/* Where the loader has put it, if it may be put anywhere. */
	plan_real(data, data[16] == DYN ? (uintptr_t)__executable_start : 0);
	image_symbols_find(data, size, &plan, symbols, ARRAY_LENGTH(symbols));
	assert_string_equal(symbols[0].name, "test_real");
	assert_int_equal(symbols[0].offset, 3);
	assert_string_equal(symbols[1].name, "image_symbols_find");
	assert_int_equal(symbols[1].offset, 0);
	assert_string_equal(symbols[2].name, "");
	free(data);
}

/* A guest's, where they have been built (make guest-tests). */
static void test_guest(void **state)
{
	static const char *const paths[] = {"build/rv64/guest/crash.elf",
					    "build/rv32/guest/crash.elf"};
	unsigned seen = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(paths); i++) {
		size_t size;
		uint8_t *data = unit_read_file(paths[i], &size);
		struct image_symbol symbol = {.name = ""};

		if (!data)
			continue;
		seen++;
		plan_real(data, 0);
		for (uint64_t at = 0; at < 0x200 && strcmp(symbol.name, "read_nothing"); at += 2) {
			symbol.address = plan.segments[0].at.raw + at;
			image_symbols_find(data, size, &plan, &symbol, 1);
		}
		assert_string_equal(symbol.name, "read_nothing");
		assert_int_equal(symbol.offset, 0);
		free(data);
	}
	if (!seen)
		skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),	  cmocka_unit_test(test_physical_and_virtual),
		cmocka_unit_test(test_dynamic),	  cmocka_unit_test(test_many_at_once),
		cmocka_unit_test(test_odd_names), cmocka_unit_test(test_no_symbols),
		cmocka_unit_test(test_hostile),	  cmocka_unit_test(test_real),
		cmocka_unit_test(test_guest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
