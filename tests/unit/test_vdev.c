/* SPDX-License-Identifier: MIT */
/* src/vdev/vdev.c: which windows a bus takes, and who is found behind an address. */
#include "unit.h"

#include "vdev/vdev.h"

static struct vdev_bus bus;
static struct vdev devices[VDEV_MAX + 1];

static bool attach(unsigned i, uint64_t base, uint64_t size)
{
	devices[i].base.raw = base;
	devices[i].size = size;
	return vdev_attach(&bus, &devices[i]);
}

static struct vdev *find(uint64_t at, unsigned size)
{
	return vdev_find(&bus, (gpa_t){at}, size);
}

static int set_up(void **state)
{
	(void)state;
	memset(&bus, 0, sizeof(bus));
	memset(devices, 0, sizeof(devices));
	return 0;
}

static void test_empty(void **state)
{
	(void)state;
	assert_null(find(0, 1));
	assert_null(find(UINT64_MAX, 1));
}

/* Every size at every offset from before the window to behind it. */
static void test_window(void **state)
{
	static const uint64_t bases[] = {0x10000000, 0, 0x3ffffff00, 0 - (uint64_t)0x40};

	(void)state;
	for (size_t b = 0; b < ARRAY_LENGTH(bases); b++) {
		uint64_t base = bases[b];

		set_up(NULL);
		assert_true(attach(0, base, 0x40));
		for (int offset = -16; offset < 0x50; offset++) {
			for (unsigned size = 1; size <= 8; size *= 2) {
				bool inside = offset >= 0 && offset + size <= 0x40;
				bool aligned = offset % (int)size == 0;

				assert_ptr_equal(find(base + (uint64_t)offset, size),
						 inside && aligned ? &devices[0] : NULL);
			}
		}
	}
}

static void test_refused(void **state)
{
	(void)state;
	assert_false(attach(0, 0x1000, 0));
	assert_false(attach(0, 0x1000, (uint64_t)1 << 32));
	assert_false(attach(0, 0x1004, 0x100));
	assert_false(attach(0, 0x1000, 0x104));
	assert_false(attach(0, 0 - (uint64_t)0x100, 0x108));
	assert_int_equal(bus.count, 0);

	assert_true(attach(0, 0x1000, 0x1000));
	assert_false(attach(1, 0x1000, 0x1000));
	assert_false(attach(1, 0x0ff8, 0x10));
	assert_false(attach(1, 0x1ff8, 0x10));
	assert_false(attach(1, 0x1800, 8));
	assert_false(attach(1, 0, 0x3000));
	assert_int_equal(bus.count, 1);
	assert_ptr_equal(find(0x1800, 8), &devices[0]);

	assert_true(attach(1, 0x0f00, 0x100));
	assert_true(attach(2, 0x2000, 0x100));
	assert_ptr_equal(find(0x0fff, 1), &devices[1]);
	assert_ptr_equal(find(0x1fff, 1), &devices[0]);
	assert_ptr_equal(find(0x2000, 1), &devices[2]);
	assert_null(find(0x2100, 1));
}

static void test_full(void **state)
{
	(void)state;
	for (unsigned i = 0; i < VDEV_MAX; i++)
		assert_true(attach(i, 0x1000 * (i + 1), 0x1000));
	assert_false(attach(VDEV_MAX, 0x100000, 0x1000));
	assert_int_equal(bus.count, VDEV_MAX);
	for (unsigned i = 0; i < VDEV_MAX; i++)
		assert_ptr_equal(find(0x1000 * (i + 1) + 0xff8, 8), &devices[i]);
	assert_null(find(0x100000, 8));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_empty, set_up),
		cmocka_unit_test_setup(test_window, set_up),
		cmocka_unit_test_setup(test_refused, set_up),
		cmocka_unit_test_setup(test_full, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
