/* SPDX-License-Identifier: MIT */
/*
 * src/riscv/emul/decode.c against the disassembler of binutils, which somebody
 * else wrote: every compressed encoding, and many 32-bit ones, for both widths.
 * Only Zcb, which older binutils don't know, has an oracle of our own.
 */
#include "unit.h"

#include <unistd.h>

#include "riscv/emul/decode.h"

/* The disassembler's names of what is an integer load or store, and what that means. */
static const struct known {
	const char *name;
	bool store, sign_extend;
	unsigned size, length;
} known[] = {
	{"lb", false, true, 1, 4},     {"lh", false, true, 2, 4},     {"lw", false, true, 4, 4},
	{"ld", false, true, 8, 4},     {"lbu", false, false, 1, 4},   {"lhu", false, false, 2, 4},
	{"lwu", false, false, 4, 4},   {"sb", true, false, 1, 4},     {"sh", true, false, 2, 4},
	{"sw", true, false, 4, 4},     {"sd", true, false, 8, 4},     {"c.lw", false, true, 4, 2},
	{"c.ld", false, true, 8, 2},   {"c.sw", true, false, 4, 2},   {"c.sd", true, false, 8, 2},
	{"c.lwsp", false, true, 4, 2}, {"c.ldsp", false, true, 8, 2}, {"c.swsp", true, false, 4, 2},
	{"c.sdsp", true, false, 8, 2},
};

/* What one line of the disassembly should decode to; size 0: not a load or store. */
static struct access_insn oracle(const char *text)
{
	struct access_insn expected = {.size = 0};
	char name[16];
	unsigned reg, base;
	int offset;

	if (sscanf(text, "%15s x%u,%d(x%u)", name, &reg, &offset, &base) != 4)
		return expected;
	for (size_t i = 0; i < ARRAY_LENGTH(known); i++) {
		if (strcmp(known[i].name, name))
			continue;
		expected.store = known[i].store;
		expected.sign_extend = known[i].sign_extend;
		expected.size = known[i].size;
		expected.length = known[i].length;
		expected.reg = reg;
		expected.base = base;
		expected.offset = offset;
	}
	return expected;
}

static void compare(uint32_t insn, unsigned xlen, const struct access_insn *expected)
{
	struct access_insn got;
	bool is_access;

	memset(&got, 0xff, sizeof(got));
	is_access = decode_access(insn, xlen, &got);
	if (is_access != (expected->size != 0))
		fail_msg("rv%u %08x: %s an access", xlen, insn, is_access ? "taken for" : "not");
	if (!is_access)
		return;
	if (got.store != expected->store || got.sign_extend != expected->sign_extend ||
	    got.size != expected->size || got.length != expected->length ||
	    got.reg != expected->reg || got.base != expected->base ||
	    got.offset != expected->offset)
		fail_msg("rv%u %08x: store %d sign %d size %d length %d x%d, %d(x%d)", xlen, insn,
			 got.store, got.sign_extend, got.size, got.length, got.reg, got.offset,
			 got.base);
}

/* Zcb's loads and stores, written down from its chapter one encoding at a time. */
static bool zcb_oracle(uint32_t insn, struct access_insn *out)
{
	unsigned uimm1 = insn >> 5 & 1, uimm0 = insn >> 6 & 1;

	if ((insn & 0xe003) != 0x8000 || insn >> 16)
		return false;
	memset(out, 0, sizeof(*out));
	out->length = 2;
	out->reg = 8 + (insn >> 2 & 7);
	out->base = 8 + (insn >> 7 & 7);
	switch (insn >> 10 & 7) {
	case 0: out->size = 1; break;
	case 1:
		out->size = 2;
		out->sign_extend = uimm0;
		break;
	case 2:
		out->size = 1;
		out->store = true;
		break;
	case 3:
		out->size = uimm0 ? 0 : 2;
		out->store = true;
		break;
	}
	out->offset = out->size == 1 ? uimm1 * 2 + uimm0 : uimm1 * 2;
	return true;
}

/* Disassemble the file and compare every line; returns how many instructions there were. */
static unsigned compare_file(const char *path, unsigned xlen, unsigned *accesses)
{
	const char *objdump = getenv("OBJDUMP");
	struct access_insn expected;
	unsigned count = 0, insn;
	char line[256];
	FILE *pipe;
	int text;

	snprintf(line, sizeof(line), "%s -D -z -b binary -m riscv:rv%u -M no-aliases,numeric %s",
		 objdump ? objdump : "riscv64-unknown-elf-objdump", xlen, path);
	pipe = popen(line, "r");
	assert_non_null(pipe);
	while (fgets(line, sizeof(line), pipe)) {
		if (sscanf(line, " %*x: %x %n", &insn, &text) != 1)
			continue;
		if (!zcb_oracle(insn, &expected))
			expected = oracle(line + text);
		compare(insn, xlen, &expected);
		*accesses += expected.size != 0;
		count++;
	}
	assert_int_equal(pclose(pipe), 0);
	return count;
}

static FILE *temporary(char *path)
{
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	return fdopen(fd, "wb");
}

/* All 49152 encodings whose low two bits aren't 3; junk in the upper half must not matter. */
static void test_compressed(void **state)
{
	char path[] = "/tmp/decode-XXXXXX";
	FILE *file = temporary(path);
	unsigned accesses64 = 0, accesses32 = 0;

	(void)state;
	for (unsigned i = 0; i < 0x10000; i++) {
		uint16_t insn = i;

		if ((insn & 3) != 3)
			assert_int_equal(fwrite(&insn, 2, 1, file), 1);
	}
	fclose(file);
	assert_int_equal(compare_file(path, 64, &accesses64), 49152);
	assert_int_equal(compare_file(path, 32, &accesses32), 49152);
	unlink(path);
	/* c.lw, c.sw, c.swsp and their doubles; c.lwsp, c.ldsp without rd 0; Zcb. */
	assert_int_equal(accesses64, 6 * 2048 + 2 * (2048 - 64) + 7 * 128);
	assert_int_equal(accesses32, 3 * 2048 + 1 * (2048 - 64) + 7 * 128);
}

static void test_upper_half_ignored(void **state)
{
	(void)state;
	for (unsigned insn = 0; insn < 0x10000; insn++) {
		struct access_insn low, high;

		if ((insn & 3) == 3)
			continue;
		memset(&low, 0, sizeof(low));
		memset(&high, 0, sizeof(high));
		for (unsigned xlen = 32; xlen <= 64; xlen += 32) {
			bool is = decode_access(insn, xlen, &low);

			assert_int_equal(decode_access(insn | 0xa5c30000, xlen, &high), is);
			if (is)
				assert_memory_equal(&low, &high, sizeof(low));
		}
	}
}

/* 32-bit encodings: half of them anything, half of them loads and stores. */
static void test_full_length(void **state)
{
	char path[] = "/tmp/decode-XXXXXX";
	FILE *file = temporary(path);
	unsigned accesses = 0;
	enum { COUNT = 30000 };

	(void)state;
	for (unsigned i = 0; i < COUNT; i++) {
		uint32_t insn = unit_random();

		if (i & 1)
			insn = (insn & ~0x7fu) | (insn >> 7 & 1 ? 0x23 : 0x03);
		/* Not a longer one, which would swallow the next. */
		insn |= 3;
		if ((insn & 0x1c) == 0x1c)
			insn &= ~4u;
		assert_int_equal(fwrite(&insn, 4, 1, file), 1);
	}
	fclose(file);
	assert_int_equal(compare_file(path, 64, &accesses), COUNT);
	assert_true(accesses > COUNT / 4);
	assert_int_equal(compare_file(path, 32, &accesses), COUNT);
	unlink(path);
}

/* 48 bits and more: never an access, whatever follows. */
static void test_longer(void **state)
{
	struct access_insn out;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		uint32_t insn = (uint32_t)unit_random() | 0x1f;

		assert_false(decode_access(insn, 64, &out));
		assert_false(decode_access(insn, 32, &out));
	}
}

/* LR, SC, AMO, FLW, FSD, vector, CBO, HLV: somebody else's, or nobody's. */
static void test_other_accesses(void **state)
{
	static const uint32_t others[] = {
		0x100522af, /* lr.w t0, (a0) */
		0x18a5a2af, /* sc.w t0, a0, (a1) */
		0x00a5a2af, /* amoadd.w t0, a0, (a1) */
		0x0005a507, /* flw fa0, 0(a1) */
		0x00a5b027, /* fsd fa0, 0(a1) */
		0x02058007, /* vle8.v v0, (a1) */
		0x0045200f, /* cbo.zero (a0) */
		0x6005c573, /* hlv.b a0, (a1) */
	};
	struct access_insn out;

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(others); i++) {
		assert_false(decode_access(others[i], 64, &out));
		assert_false(decode_access(others[i], 32, &out));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compressed),     cmocka_unit_test(test_upper_half_ignored),
		cmocka_unit_test(test_full_length),    cmocka_unit_test(test_longer),
		cmocka_unit_test(test_other_accesses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
