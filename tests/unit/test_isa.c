/* SPDX-License-Identifier: MIT */
/* src/riscv/isa.c: strings as they are found in the wild, odd ones, and round trips. */
#include "unit.h"

#include "core/types.h"
#include "riscv/isa.h"

#define B(extension) ISA_BIT(ISA_##extension)

/* What every riscv,isa means besides what it says. */
#define OLD_I (B(ZICSR) | B(ZIFENCEI) | B(ZICNTR) | B(ZIHPM))
#define MAFD  (B(M) | B(A) | B(F) | B(D))

static unsigned xlen;

static isa_set_t read_isa(const char *isa)
{
	struct machine_hart hart = {.isa = isa};

	return isa_read(&hart, &xlen);
}

/* `list` separated by commas. */
static isa_set_t read_list(const char *list)
{
	char *copy = strdup(list);
	struct machine_hart hart = {.extensions = copy, .extensions_length = strlen(copy) + 1};
	isa_set_t set;

	for (char *c = copy; *c; c++)
		if (*c == ',')
			*c = '\0';
	set = isa_read(&hart, &xlen);
	free(copy);
	return set;
}

static void test_strings(void **state)
{
	static const struct {
		const char *isa;
		unsigned xlen;
		isa_set_t set;
	} cases[] = {
		{"rv64i", 64, OLD_I},
		{"rv32i", 32, OLD_I},
		{"rv64imac", 64, OLD_I | B(M) | B(A) | B(C)},
		{"RV64IMAFDC", 64, OLD_I | MAFD | B(C)},
		{"rv64gc", 64, OLD_I | MAFD | B(C)},
		{"rv64g", 64, OLD_I | MAFD},
		{"rv32GCV_Zba_ZBB", 32, OLD_I | MAFD | B(C) | B(V) | B(ZBA) | B(ZBB)},
		{"rv64ib", 64, OLD_I | B(ZBA) | B(ZBB) | B(ZBS)},
		{"rv64imafdch_zicsr_zifencei_zihintpause_zba_zbb_zbc_zbs_sstc", 64,
		 OLD_I | MAFD | B(C) | B(H) | B(ZIHINTPAUSE) | B(ZBA) | B(ZBB) | B(ZBC) | B(ZBS) |
			 B(SSTC)},
		{"rv64i2p1_m2p0_a2p1_zicsr2p0_zba1p0_sstc1p0", 64,
		 OLD_I | B(M) | B(A) | B(ZBA) | B(SSTC)},
		{"rv64i2p1m2a2p1f2d2c2p0zba1", 64, OLD_I | MAFD | B(C) | B(ZBA)},
		{"rv64imaczicsr_zbs", 64, OLD_I | B(M) | B(A) | B(C) | B(ZBS)},
		/* The P extension is no version; Q, E and unknown letters are skipped. */
		{"rv32i2_p2mac", 32, OLD_I | B(M) | B(A) | B(C)},
		{"rv64imqtc", 64, OLD_I | B(M) | B(C)},
		/* QEMU of old names modes. */
		{"rv64imafdcsu", 64, OLD_I | MAFD | B(C)},
		{"rv64imafdcsuh_zba", 64, OLD_I | MAFD | B(C) | B(H) | B(ZBA)},
		/* Names that only begin like ours, or have ours inside. */
		{"rv64i_zbaa_zb_xzba_zvfh_ssu_svadeish", 64, OLD_I},
		{"rv64gcv_zvbb_zvkned1p0_zvfh_zvkt_zvl256b", 64,
		 OLD_I | MAFD | B(C) | B(V) | B(ZVBB) | B(ZVKNED) | B(ZVKT)},
		{"rv64imac_zve32x_zve64d1p0_zvl128b", 64,
		 OLD_I | B(M) | B(A) | B(C) | B(ZVE32X) | B(ZVE64D)},
		{"rv64i___zba__", 64, OLD_I | B(ZBA)},
		{"rv64i_zicbom_zicboz_zicbop_svinval_svnapot_svpbmt_svadu_sscofpmf_smstateen", 64,
		 OLD_I | B(ZICBOM) | B(ZICBOZ) | B(ZICBOP) | B(SVINVAL) | B(SVNAPOT) | B(SVPBMT) |
			 B(SVADU) | B(SSCOFPMF) | B(SMSTATEEN)},
		{"rv64i\x01\xff~ _zba", 64, OLD_I | B(ZBA)},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		isa_set_t set = read_isa(cases[i].isa);

		if (set != cases[i].set || xlen != cases[i].xlen)
			fail_msg("%s: set %llx instead of %llx, xlen %u", cases[i].isa,
				 (unsigned long long)set, (unsigned long long)cases[i].set, xlen);
	}
}

static void test_nonsense(void **state)
{
	static const char *const nonsense[] = {
		"",	"r",	  "rv",	     "rv6",   "rv64",	  "rv128i", "rv32e",
		"rv64", "rv64_i", "x86_64i", "rv65i", "riscv64i", "64i",    "rv64q",
	};
	struct machine_hart nothing = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(nonsense); i++)
		assert_int_equal(read_isa(nonsense[i]), 0);
	assert_int_equal(isa_read(&nothing, &xlen), 0);
	assert_int_equal(xlen, 0);
	assert_int_equal(isa_read(&nothing, NULL), 0);
}

static void test_list(void **state)
{
	struct machine_hart both = {
		.isa = "rv64imafdc", .extensions = "i\0m", .extensions_length = 4};

	(void)state;
	assert_true(read_list("i,m,a,zicsr,sstc") == (B(M) | B(A) | B(ZICSR) | B(SSTC)));
	assert_int_equal(xlen, 0);
	assert_true(read_list("m,a,zicsr") == 0); /* no base */
	assert_true(read_list("i,,,zba,") == B(ZBA));
	assert_true(read_list("i,zbaa,zb,za128rs,h") == B(H));
	/* It is the list that counts, and the string that tells the width. */
	assert_true(isa_read(&both, &xlen) == B(M));
	assert_int_equal(xlen, 64);
	/* Not terminated: the last name still ends with the property. */
	both.extensions_length = 3;
	assert_true(isa_read(&both, &xlen) == B(M));
}

static void test_long_strings(void **state)
{
	enum { SIZE = 10 * 1024 };
	static const char *const fillers[] = {"z", "1", "p", "_", "i", "zba_", "1p", "_x", "su"};

	(void)state;
	for (size_t f = 0; f < ARRAY_LENGTH(fillers); f++) {
		char *isa = malloc(SIZE + 1);

		strcpy(isa, "rv64im");
		while (strlen(isa) + 4 < SIZE)
			strcat(isa + strlen(isa), fillers[f]);
		assert_true(read_isa(isa) & B(M));
		free(isa);
	}
}

/* Whatever bytes: no access outside (ASan), an answer, and nothing that isn't an extension. */
static void test_random_strings(void **state)
{
	(void)state;
	for (int round = 0; round < 50000; round++) {
		size_t length = unit_random_below(24);
		char *isa = malloc(4 + length + 1);

		memcpy(isa, "rv64", 4);
		for (size_t i = 0; i < length; i++)
			isa[4 + i] = "imafdcghvbzsxpu_0129ZS\xff"[unit_random_below(23)];
		isa[4 + length] = '\0';
		assert_int_equal(read_isa(isa) >> ISA_COUNT, 0);
		free(isa);
	}
}

static void test_write(void **state)
{
	struct isa_text text;

	(void)state;
	isa_write(MAFD | B(C) | B(ZICSR) | B(ZBA) | B(SSTC) | B(ZICNTR), 64, &text);
	assert_string_equal(text.base, "rv64i");
	assert_string_equal(text.isa, "rv64imafdc_zicntr_zicsr_zba_sstc");
	assert_int_equal(text.extensions_length,
			 sizeof("i\0m\0a\0f\0d\0c\0zicntr\0zicsr\0zba\0sstc"));
	assert_memory_equal(text.extensions, "i\0m\0a\0f\0d\0c\0zicntr\0zicsr\0zba\0sstc",
			    text.extensions_length);
	isa_write(0, 32, &text);
	assert_string_equal(text.base, "rv32i");
	assert_string_equal(text.isa, "rv32i");
	assert_int_equal(text.extensions_length, 2);
}

/* Every set comes back as it was, from the list exactly, from the string with what I means. */
static void test_round_trips(void **state)
{
	isa_set_t all = ISA_BIT(ISA_COUNT) - 1;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		isa_set_t set = round < 2 ? (round ? all : 0) : unit_random() & all;
		unsigned width = round & 1 ? 32 : 64;
		struct isa_text text;
		struct machine_hart hart = {0};

		isa_write(set, width, &text);
		hart.isa = text.isa;
		assert_true(isa_read(&hart, &xlen) == (set | OLD_I));
		assert_int_equal(xlen, width);
		hart.extensions = text.extensions;
		hart.extensions_length = text.extensions_length;
		assert_true(isa_read(&hart, &xlen) == set);
		/* Linux takes lower case only, and wants an underscore before each name. */
		for (const char *c = text.isa; *c; c++)
			assert_non_null(strchr("abcdefghijklmnopqrstuvwxyz_0123456789", *c));
	}
}

static void test_short(void **state)
{
	char text[16], tiny[8] = "#######";

	(void)state;
	isa_short(MAFD | B(C) | B(H) | B(ZICSR), 64, text, sizeof(text));
	assert_string_equal(text, "RV64IMAFDCH");
	isa_short(0, 32, text, sizeof(text));
	assert_string_equal(text, "RV32I");
	isa_short(0, 0, text, sizeof(text));
	assert_string_equal(text, "RV??I");
	isa_short(MAFD, 64, tiny, 7);
	assert_string_equal(tiny, "RV64IM");
	isa_short(MAFD, 64, tiny, 3);
	assert_string_equal(tiny, "");
	isa_short(MAFD, 64, tiny, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strings),	       cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_list),	       cmocka_unit_test(test_long_strings),
		cmocka_unit_test(test_random_strings), cmocka_unit_test(test_write),
		cmocka_unit_test(test_round_trips),    cmocka_unit_test(test_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
