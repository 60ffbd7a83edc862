/* SPDX-License-Identifier: MIT */
/*
 * src/riscv/report_walk.c and report_exits.c: what a crash report says about page tables
 * and exits. The walk for people has to end as the emulation's does.
 */
#include "walk_fixture.h"

/* Of RISC-V only, so not among the host's sources. */
#include "riscv/report_exits.c"
#include "riscv/report_walk.c"

static struct report_walk walked;
static char text[256];

/* How it ends, after how many entries, and with which words. */
static void expect(xlen_t va, enum walk_access access, enum report_walk_end end, unsigned levels,
		   const char *words)
{
	report_walk(&walk, xlen, va, access, &walked);
	report_walk_verdict(&walked, text, sizeof(text));
	if (walked.end != end || walked.level_count != levels || !strstr(text, words))
		fail_msg("va %lx: end %u after %u levels, \"%s\"; expected %u after %u, \"%s\"", va,
			 walked.end, walked.level_count, text, end, levels, words);
}

static void expect_level(unsigned level, const char *words)
{
	assert_true(level < walked.level_count);
	report_walk_level(&walked, level, text, sizeof(text));
	assert_string_equal(text, words);
}

static void test_off(void **state)
{
	(void)state;
	start(0);
	expect(0x1234, WALK_READ, REPORT_WALK_BARE, 0, "0x1234: translation is off");
	assert_true(report_walk_is_mapped(&walked));
	for (unsigned mode = 2; XLEN == 64 && mode < 16; mode++) {
		start(mode);
		if (mode >= 8 && mode <= 10)
			continue;
		expect(0x1234, WALK_READ, REPORT_WALK_UNKNOWN_MODE, 0, "mode");
		assert_false(report_walk_is_mapped(&walked));
	}
}

static void test_steps(void **state)
{
	(void)state;
	if (XLEN == 32) /* Sv39 */
		skip();
	start(8);
	assert_int_equal(sizeof(verdicts) / sizeof(*verdicts), REPORT_WALK_NOT_DIRTY + 1);
	set(0, 2, table(1));
	set(1, 3, table(2));
	set(2, 4, entry(0x90000000, V | R | A));
	expect(0x80604abc, WALK_READ, REPORT_WALK_MAPPED, 3, "0x90000abc: the access is allowed");
	assert_string_equal(walked.mode, "Sv39");
	expect_level(0, "table 0x80000000 [2]: 0x20000401, points to 0x80001000");
	expect_level(1, "table 0x80001000 [3]: 0x20000801, points to 0x80002000");
	expect_level(2, "table 0x80002000 [4]: 0x24000043, a page at 0x90000000, r----a-");
	expect(0x80604abc, WALK_WRITE, REPORT_WALK_DENIED, 3, "kind of access");
	assert_int_equal(walked.physical.raw, 0x90000abc);
	expect(0x80605abc, WALK_READ, REPORT_WALK_NOT_VALID, 3, "not valid");
	expect_level(2, "table 0x80002000 [5]: 0x0");
	expect(0x40000000, WALK_READ, REPORT_WALK_NOT_VALID, 1, "not valid");
	expect((xlen_t)((uint64_t)1 << 38), WALK_READ, REPORT_WALK_NOT_CANONICAL, 0,
	       "not canonical");
	set(1, 5, entry(0x40200000, RWX));
	expect(0x80a12345, WALK_EXECUTE, REPORT_WALK_MAPPED, 2, "0x40212345");
	expect_level(1, "table 0x80001000 [5]: 0x100800cf, a large page at 0x40200000, rwx--ad");
}

static void test_ends(void **state)
{
	(void)state;
	start(1);
	assert_int_equal(xlen, 32);
	set(0, 0, entry(RAM + sizeof(ram), V));
	expect(0, WALK_READ, REPORT_WALK_TABLE_OUTSIDE, 1, "table 0x80010000: the table is not in");
	set(0, 0, table(1));
	set(1, 0, table(2));
	expect(0, WALK_READ, REPORT_WALK_TOO_DEEP, 2, "one more");
	set(1, 0, entry(0x1000, V | W | X));
	expect(0, WALK_READ, REPORT_WALK_RESERVED, 2, "reserved");
	set(0, 0, entry(0x1000, RWX));
	expect(0, WALK_READ, REPORT_WALK_MISALIGNED, 1, "misaligned");
	set(0, 0, entry(0, RWX | U));
	expect(0, WALK_READ, REPORT_WALK_USER_ONLY, 1, "user's");
	walk.user = true;
	expect(0, WALK_READ, REPORT_WALK_MAPPED, 1, "allowed");
	set(0, 0, entry(0, RWX));
	expect(0, WALK_READ, REPORT_WALK_NOT_USER, 1, "kernel's");
	walk.user = false;
	set(0, 0, entry(0, RWX & ~A));
	expect(0, WALK_READ, REPORT_WALK_NOT_ACCESSED, 1, "accessed");
	set(0, 0, entry(0, RWX & ~D));
	expect(0, WALK_READ, REPORT_WALK_MAPPED, 1, "allowed");
	expect(0, WALK_WRITE, REPORT_WALK_NOT_DIRTY, 1, "dirty");
	walk.satp = (xlen_t)1 << 31 | 1;
	expect(0, WALK_WRITE, REPORT_WALK_TABLE_OUTSIDE, 0, "table 0x1000");
}

static uint64_t random_entry(void)
{
	uint64_t pte = table(unit_random_below(PAGES)), dice = unit_random_below(16);

	if (dice < 6)
		pte = entry((unit_random_below(64) << 30) & 0x3ffffffff, RWX);
	else if (dice < 8)
		pte = entry(unit_random() & 0x3ffffffff, RWX);
	else if (dice < 9)
		pte = entry(unit_random_below(1u << 18) << 16 | 0x8000, RWX) | (uint64_t)1 << 63;
	if (unit_random_below(4) == 0)
		pte ^= 1u << unit_random_below(8);
	if (unit_random_below(16) == 0)
		pte ^= (uint64_t)1 << unit_random_below(64);
	return pte;
}

static enum walk_result result_of(enum report_walk_end end)
{
	if (end <= REPORT_WALK_MAPPED)
		return WALK_OK;
	return end == REPORT_WALK_TABLE_OUTSIDE ? WALK_ACCESS_FAULT : WALK_PAGE_FAULT;
}

/* Both walkers, on the same random tables. */
static void compare(unsigned mode, xlen_t va, enum walk_access access)
{
	gpa_t at = {0};
	enum walk_result result = walk_translate(&walk, xlen, va, access, &at);

	report_walk(&walk, xlen, va, access, &walked);
	if (result_of(walked.end) != result || (result == WALK_OK && walked.physical.raw != at.raw))
		fail_msg("mode %u va %lx: %d 0x%llx, the report has %u 0x%llx", mode, va, result,
			 (unsigned long long)at.raw, walked.end,
			 (unsigned long long)walked.physical.raw);
	report_walk_verdict(&walked, text, sizeof(text));
	assert_true(strlen(text) < 100);
	for (unsigned i = 0; i < walked.level_count; i++) {
		report_walk_level(&walked, i, text, sizeof(text));
		assert_true(strlen(text) < 140);
	}
}

static void test_random(void **state)
{
	static const unsigned modes[] = {1, 8, 9, 10};
	static const enum walk_access kinds[] = {WALK_READ, WALK_WRITE, WALK_EXECUTE};
	unsigned seen[REPORT_WALK_NOT_DIRTY + 1] = {0};

	(void)state;
	for (unsigned run = 0; run < 400; run++) {
		unsigned mode = modes[XLEN == 64 ? run & 3 : 0];

		start(mode);
		/* Only the first eight indexes of a table are used, so that walks go deep. */
		for (unsigned i = 0; i < PAGES * 8; i++)
			set(i / 8, i % 8, random_entry());
		for (unsigned i = 0; i < 300; i++) {
			xlen_t va = unit_random_below(PAGE_SIZE);

			for (unsigned level = 0; level < (xlen == 32 ? 2 : mode - 5); level++)
				va |= (xlen_t)unit_random_below(8)
				      << (12 + (xlen == 32 ? 10 : 9) * level);
			if (unit_random_below(32) == 0)
				va ^= (xlen_t)1 << unit_random_below(xlen);
			walk.user = unit_random_below(4) == 0;
			walk.sum = unit_random() & 1;
			walk.mxr = unit_random() & 1;
			walk.pbmt = unit_random() & 1;
			walk.napot = unit_random() & 1;
			compare(mode, va, kinds[unit_random_below(3)]);
			seen[walked.end]++;
		}
	}
	for (unsigned end = REPORT_WALK_MAPPED; end <= REPORT_WALK_NOT_DIRTY; end++)
		if (end != REPORT_WALK_UNKNOWN_MODE && !seen[end] &&
		    (XLEN == 64 || end != REPORT_WALK_NOT_CANONICAL))
			fail_msg("no walk ended with %u", end);
}

/* --- exits ---------------------------------------------------------------------------------- */

#define IRQ(n) ((xlen_t)1 << (XLEN - 1) | (n))

/* The whole ring as one text, lines separated by "|". */
static const char *told(const xlen_t *ring, unsigned next)
{
	struct report_exits exits = {.ring = ring, .count = 32, .next = next};
	static char all[4096];
	unsigned lines = 0;
	char line[160];

	all[0] = '\0';
	while (report_exits_line(&exits, line, sizeof(line))) {
		assert_true(++lines <= 16 && strlen(line) < sizeof(line) - 1);
		strcat(strcat(all, all[0] ? "|" : ""), line);
	}
	assert_string_equal(line, "");
	return all;
}

static void test_exits(void **state)
{
	xlen_t ring[32] = {0};

	(void)state;
	assert_string_equal(told(ring, 0), "");
	ring[0] = 0x10;
	ring[1] = SBI_EXT_DBCN;
	for (unsigned i = 2; i < 14; i++)
		ring[i] = ~(xlen_t)CAUSE_LOAD_ACCESS;
	ring[14] = IRQ(7);
	ring[15] = 0x12345;
	ring[16] = IRQ(30);
	assert_string_equal(told(ring, 17), "call base, call DBCN, 12 x load access fault, timer "
					    "interrupt, call 0x12345, unknown cause");
	/* The oldest is in the middle, and a run goes over the end. */
	for (unsigned i = 0; i < 32; i++)
		ring[i] = i < 4 || i > 20 ? IRQ(11) : SBI_EXT_IPI;
	assert_string_equal(told(ring, 10), "11 x call IPI, 15 x external interrupt, 6 x call IPI");
}

/* As long as it can get: nothing is left out, and no line is cut. */
static void test_long_exits(void **state)
{
	xlen_t ring[32];
	unsigned found = 0;

	(void)state;
	for (unsigned i = 0; i < 32; i++)
		ring[i] = i & 1 ? ~(xlen_t)CAUSE_INSN_MISALIGNED : ~(xlen_t)0 >> 1;
	for (const char *at = told(ring, 0); (at = strstr(at, "call 0x7fff")); at++)
		found++;
	assert_int_equal(found, 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_off),   cmocka_unit_test(test_steps),
		cmocka_unit_test(test_ends),  cmocka_unit_test(test_random),
		cmocka_unit_test(test_exits), cmocka_unit_test(test_long_exits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
