/* SPDX-License-Identifier: MIT */
/*
 * src/sbi: memory that a guest names in a call, the debug console that reads and
 * writes it, and the legacy calls.
 */
#include "sbi_fixture.h"

/* --- memory of the guest ---------------------------------------------------------- */

static void check_memory(xlen_t low, xlen_t high, xlen_t size)
{
	uint8_t *out = NULL;
	bool found = sbi_memory(&capsule, low, high, size, ALLOW_READ, &out);

	if (size)
		assert_int_equal(found, high == 0 && is_inside(low, size));
	if (found && size) {
		assert_ptr_equal(out, memory + (low - RAM_BASE));
		/* ASan agrees. */
		assert_int_equal(out[0], (uint8_t)((low - RAM_BASE) * 7));
		assert_int_equal(out[size - 1], (uint8_t)((low - RAM_BASE + size - 1) * 7));
	}
}

static void test_memory(void **state)
{
	uint8_t *out;

	(void)state;
	for (unsigned i = 0; i < ARRAY_LENGTH(bounds); i++)
		for (unsigned j = 0; j < ARRAY_LENGTH(bounds); j++)
			for (unsigned k = 0; k < ARRAY_LENGTH(bounds); k++)
				check_memory(bounds[i], bounds[k], bounds[j]);
	assert_true(sbi_memory(&capsule, RAM_BASE, 0, RAM_SIZE, ALLOW_ALL, &out));
	assert_ptr_equal(out, memory);
	assert_false(sbi_memory(&capsule, RAM_BASE, 0, RAM_SIZE + 1, ALLOW_READ, &out));
	assert_false(sbi_memory(&capsule, RAM_BASE - 1, 0, 2, ALLOW_READ, &out));
	assert_true(sbi_memory(&capsule, RAM_BASE + RAM_SIZE - 1, 0, 1, ALLOW_READ, &out));
	assert_false(sbi_memory(&capsule, RAM_BASE + RAM_SIZE - 1, 0, 2, ALLOW_READ, &out));
	assert_false(sbi_memory(&capsule, RAM_BASE + RAM_SIZE, 0, 1, ALLOW_READ, &out));
	assert_false(sbi_memory(&capsule, RAM_BASE + 1, 0, TOP, ALLOW_READ, &out));
	assert_false(sbi_memory(&capsule, RAM_BASE + 1, 0, 0 - RAM_BASE, ALLOW_READ, &out));
	assert_false(sbi_memory(&capsule, RAM_BASE, 1, 1, ALLOW_READ, &out));
	assert_false(sbi_memory(&capsule, RAM_BASE, TOP, 1, ALLOW_READ, &out));
	assert_true(sbi_memory(&capsule, RAM_BASE + 5, 0, 0, ALLOW_READ, &out));
}

/* Rights count, and two regions aren't one even when they touch. */
static void test_memory_rights(void **state)
{
	struct space *space = &capsule.space;
	uint8_t *out;

	(void)state;
	space->regions[0].size = RAM_SIZE / 2;
	space->regions[0].allow = ALLOW_READ;
	space->regions[1] = (struct space_region){{RAM_BASE + RAM_SIZE / 2},
						  {(uintptr_t)memory},
						  RAM_SIZE / 2,
						  ALLOW_READ | ALLOW_WRITE};
	space->region_count = 2;
	assert_true(sbi_memory(&capsule, RAM_BASE + 8, 0, 8, ALLOW_READ, &out));
	assert_false(sbi_memory(&capsule, RAM_BASE + 8, 0, 8, ALLOW_WRITE, &out));
	assert_false(sbi_memory(&capsule, RAM_BASE + RAM_SIZE / 2 - 4, 0, 8, ALLOW_READ, &out));
	assert_true(sbi_memory(&capsule, RAM_BASE + RAM_SIZE / 2, 0, 8, ALLOW_WRITE, &out));
	assert_ptr_equal(out, memory);
	assert_false(sbi_can_start_at(&capsule, RAM_BASE));

	/* A read of the console into what the guest can't write changes nothing. */
	fake_console_type(&capsule.console, "x");
	assert_ret(call(SBI_EXT_DBCN, 1, 1, RAM_BASE, 0), SBI_ERR_INVALID_PARAM, 0);
	assert_int_equal(memory[0], 0);
	assert_true(console_readable(&capsule.console));
}

/* The capsule's RAM in three pieces: the first at the end of the host's, the last a hole away. */
static void in_pieces(void)
{
	enum { PART = RAM_SIZE / 4 };

	capsule.space.region_count = 3;
	for (unsigned i = 0; i < 3; i++)
		capsule.space.regions[i] = (struct space_region){
			{RAM_BASE + i * PART},
			{(uintptr_t)memory + (3 - i) * PART},
			PART,
			ALLOW_ALL,
		};
	capsule.space.regions[2].from.raw += PART;
}

static void test_memory_part(void **state)
{
	enum { PART = RAM_SIZE / 4 };
	uint8_t *out;
	xlen_t here;

	(void)state;
	in_pieces();
	assert_true(sbi_memory_part(&capsule, RAM_BASE + 8, 0, 8, ALLOW_READ, &out, &here));
	assert_int_equal(here, 8);
	assert_ptr_equal(out, memory + 3 * PART + 8);
	assert_true(sbi_memory_part(&capsule, RAM_BASE + 8, 0, PART, ALLOW_READ, &out, &here));
	assert_int_equal(here, PART - 8);
	assert_ptr_equal(out, memory + 3 * PART + 8);
	assert_true(sbi_memory_part(&capsule, RAM_BASE, 0, 2 * PART, ALLOW_READ, &out, &here));
	assert_int_equal(here, PART);
	assert_true(sbi_memory_part(&capsule, RAM_BASE + 5, 0, 0, ALLOW_READ, &out, &here));
	assert_int_equal(here, 0);
	/* All of it has to be there, with the rights. */
	assert_false(sbi_memory_part(&capsule, RAM_BASE, 0, 2 * PART + 1, ALLOW_READ, &out, &here));
	assert_false(sbi_memory_part(&capsule, RAM_BASE, 1, 8, ALLOW_READ, &out, &here));
	assert_false(sbi_memory_part(&capsule, RAM_BASE + 2 * PART, 0, 1, ALLOW_READ, &out, &here));
	assert_false(sbi_memory_part(&capsule, RAM_BASE - 1, 0, 2, ALLOW_READ, &out, &here));
	assert_false(sbi_memory_part(&capsule, RAM_BASE + 1, 0, TOP, ALLOW_READ, &out, &here));
	assert_false(sbi_memory_part(&capsule, 0, 0, 0, ALLOW_READ, &out, &here));
	capsule.space.regions[1].allow = ALLOW_READ;
	assert_false(sbi_memory_part(&capsule, RAM_BASE, 0, PART + 1, ALLOW_WRITE, &out, &here));
	assert_true(sbi_memory_part(&capsule, RAM_BASE, 0, PART + 1, ALLOW_READ, &out, &here));
}

static void test_can_start_at(void **state)
{
	(void)state;
	assert_true(sbi_can_start_at(&capsule, RAM_BASE));
	assert_true(sbi_can_start_at(&capsule, RAM_BASE + 2));
	assert_true(sbi_can_start_at(&capsule, RAM_BASE + RAM_SIZE - 2));
	assert_false(sbi_can_start_at(&capsule, RAM_BASE + 1));
	assert_false(sbi_can_start_at(&capsule, RAM_BASE + RAM_SIZE - 1));
	assert_false(sbi_can_start_at(&capsule, RAM_BASE + RAM_SIZE));
	assert_false(sbi_can_start_at(&capsule, RAM_BASE - 2));
	assert_false(sbi_can_start_at(&capsule, 0));
	assert_false(sbi_can_start_at(&capsule, TOP));
	assert_false(sbi_can_start_at(&capsule, TOP - 1));
}

/* --- DBCN ------------------------------------------------------------------------- */

static void check_output(const uint8_t *bytes, size_t length)
{
	assert_int_equal(fake_console()->length, length);
	assert_memory_equal(fake_console()->output, bytes, length);
	fake_console_reset();
}

/* One call takes what there is room for, and never more than a bounded part. */
static void test_console_write(void **state)
{
	static const xlen_t sizes[] = {0, 1, 15, 16, 255, 256, 257, 1000, RAM_SIZE};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LENGTH(sizes); i++) {
		xlen_t size = sizes[i], expected = size < CHUNK ? size : CHUNK;

		assert_ret(call(SBI_EXT_DBCN, 0, size, RAM_BASE, 0), SBI_SUCCESS, expected);
		check_output(memory, expected);
	}
	for (xlen_t room = 0; room < 40; room++) {
		fake_console()->room = room;
		assert_ret(call(SBI_EXT_DBCN, 0, 32, RAM_BASE + 3, 0), SBI_SUCCESS,
			   room < 32 ? room : 32);
		check_output(memory + 3, room < 32 ? room : 32);
	}
	/* Repeating with the rest writes all of it, once. */
	for (xlen_t at = 0; at < 4096;) {
		struct sbi_ret ret;

		fake_console()->room = 1 + unit_random_below(300);
		ret = call(SBI_EXT_DBCN, 0, 4096 - at, RAM_BASE + at, 0);
		assert_int_equal(ret.error, 0);
		assert_in_range(ret.value, 1, CHUNK);
		at += ret.value;
		if (at == 4096)
			assert_memory_equal(fake_console()->output, memory, 4096);
	}
}

static void test_console_write_edges(void **state)
{
	(void)state;
	assert_ret(call(SBI_EXT_DBCN, 0, 1, RAM_BASE + RAM_SIZE - 1, 0), SBI_SUCCESS, 1);
	check_output(memory + RAM_SIZE - 1, 1);
	assert_refused(call(SBI_EXT_DBCN, 0, 2, RAM_BASE + RAM_SIZE - 1, 0), SBI_ERR_INVALID_PARAM);
	assert_refused(call(SBI_EXT_DBCN, 0, 1, RAM_BASE + RAM_SIZE, 0), SBI_ERR_INVALID_PARAM);
	assert_refused(call(SBI_EXT_DBCN, 0, 1, RAM_BASE - 1, 0), SBI_ERR_INVALID_PARAM);
	assert_refused(call(SBI_EXT_DBCN, 0, RAM_SIZE + 1, RAM_BASE, 0), SBI_ERR_INVALID_PARAM);
	assert_refused(call(SBI_EXT_DBCN, 0, TOP, RAM_BASE, 0), SBI_ERR_INVALID_PARAM);
	assert_refused(call(SBI_EXT_DBCN, 0, 0 - RAM_BASE, RAM_BASE, 0), SBI_ERR_INVALID_PARAM);
	assert_refused(call(SBI_EXT_DBCN, 0, 1, RAM_BASE, 1), SBI_ERR_INVALID_PARAM);
	assert_refused(call(SBI_EXT_DBCN, 0, 1, 0x10000000, 0), SBI_ERR_INVALID_PARAM);
	assert_refused(call(SBI_EXT_DBCN, 0, 1, 0, 0), SBI_ERR_INVALID_PARAM);
	assert_refused(call(SBI_EXT_DBCN, 0, 1, TOP, TOP), SBI_ERR_INVALID_PARAM);
	/* Of no memory all is accessible, wherever it is. */
	for (unsigned i = 0; i < ARRAY_LENGTH(bounds); i++) {
		assert_ret(call(SBI_EXT_DBCN, 0, 0, bounds[i], 0), SBI_SUCCESS, 0);
		assert_ret(call(SBI_EXT_DBCN, 0, 0, bounds[i], bounds[i]), SBI_SUCCESS, 0);
		assert_ret(call(SBI_EXT_DBCN, 1, 0, bounds[i], bounds[i]), SBI_SUCCESS, 0);
	}
	assert_int_equal(fake_console()->length, 0);
	/* It isn't looked for in the first region only. */
	capsule.space.regions[1] = capsule.space.regions[0];
	capsule.space.regions[1].from.raw = RAM_BASE / 2;
	capsule.space.region_count = 2;
	assert_ret(call(SBI_EXT_DBCN, 0, 7, RAM_BASE / 2 + 9, 0), SBI_SUCCESS, 7);
	check_output(memory + 9, 7);
}

static void test_console_read(void **state)
{
	(void)state;
	memset(memory, 0xee, RAM_SIZE);
	assert_ret(call(SBI_EXT_DBCN, 1, 16, RAM_BASE, 0), SBI_SUCCESS, 0);
	assert_int_equal(memory[0], 0xee);
	assert_int_equal(changed, 0);

	fake_console_type(&capsule.console, "hello");
	assert_ret(call(SBI_EXT_DBCN, 1, 3, RAM_BASE + RAM_SIZE - 3, 0), SBI_SUCCESS, 3);
	assert_memory_equal(memory + RAM_SIZE - 4, "\xeehel", 4);
	assert_int_equal(changed, 1); /* the UART has them no more */
	assert_ret(call(SBI_EXT_DBCN, 1, 0, RAM_BASE, 0), SBI_SUCCESS, 0);
	assert_ret(call(SBI_EXT_DBCN, 1, 16, RAM_BASE + 1, 0), SBI_SUCCESS, 2);
	assert_memory_equal(memory, "\xeelo\xee", 4);

	/* What is refused is still there to be read. */
	fake_console_type(&capsule.console, "z");
	assert_refused(call(SBI_EXT_DBCN, 1, 2, RAM_BASE + RAM_SIZE - 1, 0), SBI_ERR_INVALID_PARAM);
	assert_refused(call(SBI_EXT_DBCN, 1, 1, RAM_BASE, TOP), SBI_ERR_INVALID_PARAM);
	assert_refused(call(SBI_EXT_DBCN, 1, TOP, RAM_BASE, 0), SBI_ERR_INVALID_PARAM);
	assert_refused(call(SBI_EXT_DBCN, 1, 1, RAM_BASE - 1, 0), SBI_ERR_INVALID_PARAM);
	assert_ret(call(SBI_EXT_DBCN, 1, 1, RAM_BASE, 0), SBI_SUCCESS, 1);
	assert_int_equal(memory[0], 'z');

	for (unsigned i = 0; i < 300; i++)
		fake_console_type(&capsule.console, "q");
	assert_ret(call(SBI_EXT_DBCN, 1, RAM_SIZE, RAM_BASE, 0), SBI_SUCCESS, CHUNK);
	assert_ret(call(SBI_EXT_DBCN, 1, RAM_SIZE, RAM_BASE, 0), SBI_SUCCESS, 300 - CHUNK);
}

/* "Only the least significant 8 bits" are the byte; one that is lost is reported. */
/* A call ends with a piece, as it may ("Console Write"): what isn't read any more is the rest's. */
static void test_console_in_pieces(void **state)
{
	enum { PART = RAM_SIZE / 4 };
	xlen_t at = RAM_BASE + PART - 3;

	(void)state;
	in_pieces();
	assert_ret(call(SBI_EXT_DBCN, 0, 8, at, 0), SBI_SUCCESS, 3);
	check_output(memory + 4 * PART - 3, 3);
	fake_console_reset();
	assert_ret(call(SBI_EXT_DBCN, 0, 5, at + 3, 0), SBI_SUCCESS, 5);
	check_output(memory + 2 * PART, 5);
	fake_console_reset();
	assert_refused(call(SBI_EXT_DBCN, 0, PART + 4, at, 0), SBI_ERR_INVALID_PARAM);
	fake_console_type(&capsule.console, "hello");
	assert_ret(call(SBI_EXT_DBCN, 1, 8, at, 0), SBI_SUCCESS, 3);
	assert_memory_equal(memory + 4 * PART - 3, "hel", 3);
	assert_ret(call(SBI_EXT_DBCN, 1, 5, at + 3, 0), SBI_SUCCESS, 2);
	assert_memory_equal(memory + 2 * PART, "lo", 2);
}

static void test_console_byte(void **state)
{
	(void)state;
	assert_ret(call(SBI_EXT_DBCN, 2, 'a'), SBI_SUCCESS, 0);
	assert_ret(call(SBI_EXT_DBCN, 2, TOP << 8 | 'b'), SBI_SUCCESS, 0);
	assert_ret(call(SBI_EXT_DBCN, 2, 0x100), SBI_SUCCESS, 0);
	check_output((const uint8_t *)"ab", 3);
	fake_console()->room = 0;
	assert_refused(call(SBI_EXT_DBCN, 2, 'c'), SBI_ERR_FAILED);
	assert_int_equal(fake_arch_count(FAKE_REPEAT), 0);
}

/* A call that blocks is made again, with its arguments as they were. */
static void test_repeated(void **state)
{
	(void)state;
	fake_console()->room = 0;
	fake_console()->patience = 2;
	assert_ret(call(SBI_EXT_DBCN, 2, 'c', 0x1234), 'c', 0x1234);
	assert_int_equal(fake_arch_count(FAKE_REPEAT), 1);
	assert_ret(call(SBI_EXT_LEGACY_PUTCHAR, 0, 'd', 0x5678), 'd', 0x5678);
	assert_int_equal(fake_arch_count(FAKE_REPEAT), 2);
	fake_console()->room = 1;
	assert_ret(call(SBI_EXT_DBCN, 2, 'c', 0x1234), SBI_SUCCESS, 0);
	check_output((const uint8_t *)"c", 1);
	assert_int_equal(fake_arch_count(FAKE_REPEAT), 2);
}

/* --- legacy ----------------------------------------------------------------------- */

/* All but a0 is kept, and a6 means nothing. */
static void test_legacy(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_LENGTH(bounds); i++) {
		xlen_t a1 = bounds[i], fid = bound();

		assert_ret(call(SBI_EXT_LEGACY_PUTCHAR, fid, TOP << 8 | 'p', a1), 0, a1);
		check_output((const uint8_t *)"p", 1);
		assert_ret(call(SBI_EXT_LEGACY_GETCHAR, fid, 0, a1), -1, a1);
		assert_int_equal(changed, 0);
		fake_console_type(&capsule.console, "\xff");
		assert_ret(call(SBI_EXT_LEGACY_GETCHAR, fid, 0, a1), 0xff, a1);
		assert_int_equal(changed, 1);
		assert_ret(call(SBI_EXT_LEGACY_CLEAR_IPI, fid, 0, a1), 0, a1);
		arch_vcpu_honour(capsule.vcpus[0], VCPU_WANT_IPI);
		assert_ret(call(SBI_EXT_LEGACY_CLEAR_IPI, fid, 0, a1), 1, a1);
		assert_false(vcpus[0].ipi);
		assert_ret(call(SBI_EXT_LEGACY_SET_TIMER, fid, 77, a1), 0, a1);
		fake_console()->room = 0;
		assert_ret(call(SBI_EXT_LEGACY_PUTCHAR, fid, 'p', a1), SBI_ERR_FAILED, a1);
		fresh();
	}
	assert_ret(call(SBI_EXT_LEGACY_SHUTDOWN, 9, 0, 0x77), 0, 0x77);
	assert_int_equal(capsule.state, CAPSULE_STOPPING);
	assert_int_equal(capsule.end, CAPSULE_SHUTDOWN);
	assert_true(fake_arch.work[0]);
}

/* The quick road: the byte goes to the device's register, the fake console sees nothing. */
static void test_putchar_quickly(void **state)
{
	struct console_port *port = &capsule.console;
	uint8_t history[2] = {0};
	volatile uint8_t data = 0;

	(void)state;
	console_road.data = &data;
	port->next = history;
	port->stop = history + 2;
	assert_ret(call(SBI_EXT_LEGACY_PUTCHAR, 0, 'x', 5), 0, 5);
	assert_int_equal(data, 'x');
	assert_ret(call(SBI_EXT_DBCN, 2, 'y'), SBI_SUCCESS, 0);
	assert_int_equal(data, 'y');
	assert_int_equal(fake_console()->length, 0);
	assert_ret(call(SBI_EXT_LEGACY_PUTCHAR, 0, 'z', 5), 0, 5);
	check_output((const uint8_t *)"z", 1);
	assert_int_equal(data, 'y');
	assert_memory_equal(history, "xy", 2);
	memset(&console_road, 0, sizeof(console_road));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_memory, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_memory_rights, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_memory_part, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_console_in_pieces, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_can_start_at, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_console_write, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_console_write_edges, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_console_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_console_byte, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_repeated, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_legacy, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_putchar_quickly, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
