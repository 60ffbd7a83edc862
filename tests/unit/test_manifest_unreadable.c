/* SPDX-License-Identifier: MIT */
/*
 * The manifest's code on a tree that libfdt itself can't read. manifest_open() has
 * such a tree refused by fdt_check_full() before anything else looks at it; that the
 * rest would refuse it as well, in words, is what is tested here.
 */
#include "unit.h"

#include <libfdt.h>

#include "core/manifest.c"
#include "core/manifest_image.h"

enum { ROOM = 2048 };

static uint8_t fit[ROOM] __attribute__((aligned(8)));
static struct manifest manifest;
static struct reason why;

static void put_text(const char *name, const char *text)
{
	assert_int_equal(fdt_property_string(fit, name, text), 0);
}

/* One image with a subnode, one capsule. No value has 8 bytes, which version 15 would align. */
static int set_up(void **state)
{
	(void)state;
	assert_int_equal(fdt_create(fit, ROOM), 0);
	assert_int_equal(fdt_finish_reservemap(fit), 0);
	assert_int_equal(fdt_begin_node(fit, ""), 0);
	assert_int_equal(fdt_begin_node(fit, "images"), 0);
	assert_int_equal(fdt_begin_node(fit, "/linux"), 0);
	put_text("type", "kernel");
	put_text("arch", "riscv");
	put_text("compression", "none");
	assert_int_equal(fdt_property_u32(fit, "data", 0x6f), 0);
	assert_int_equal(fdt_begin_node(fit, "hash-1"), 0);
	assert_int_equal(fdt_end_node(fit), 0);
	assert_int_equal(fdt_end_node(fit), 0);
	assert_int_equal(fdt_end_node(fit), 0);
	assert_int_equal(fdt_begin_node(fit, "configurations"), 0);
	assert_int_equal(fdt_begin_node(fit, "web"), 0);
	assert_int_equal(fdt_end_node(fit), 0);
	assert_int_equal(fdt_end_node(fit), 0);
	assert_int_equal(fdt_end_node(fit), 0);
	assert_int_equal(fdt_finish(fit), 0);

	manifest = (struct manifest){.fit = fit, .size = fdt_totalsize(fit)};
	manifest.images = fdt_subnode_offset(fit, 0, "images");
	manifest.configurations = fdt_subnode_offset(fit, 0, "configurations");
	assert_true(manifest.images > 0 && manifest.configurations > 0);
	strcpy(why.text, "(no reason given)");
	return 0;
}

/* Before version 16 a node's name was its whole path: one without a slash has no name. */
static void make_names_unreadable(void)
{
	fdt_set_version(fit, 15);
	fdt_set_last_comp_version(fit, 2);
}

static void test_capsule_without_name(void **state)
{
	(void)state;
	make_names_unreadable();
	assert_int_equal(list_capsules(&manifest, &why), ERR_FORMAT);
	assert_string_equal(why.text, "/configurations: a node's name can't be read");
	assert_int_equal(manifest.capsule_count, 0);
}

static void test_hash_without_name(void **state)
{
	struct manifest_image image;

	(void)state;
	make_names_unreadable();
	assert_int_equal(manifest_image_read(&manifest, "kernel", "linux", "kernel", &image, &why),
			 ERR_FORMAT);
	assert_string_equal(why.text, "image linux: a node's name can't be read");
}

/* The name of a property lies outside of the block of names. */
static void test_property_without_name(void **state)
{
	int image = fdt_subnode_offset(fit, manifest.images, "/linux");
	struct manifest_image read;
	int length;

	(void)state;
	assert_true(image > 0);
	((struct fdt_property *)(uintptr_t)fdt_get_property(fit, image, "arch", &length))->nameoff =
		cpu_to_fdt32(0x1000);
	assert_int_equal(manifest_image_read(&manifest, "kernel", "/linux", "kernel", &read, &why),
			 ERR_FORMAT);
	assert_string_equal(why.text, "image /linux: a property can't be read: FDT_ERR_BADOFFSET");
}

/* Each of them is refused as a whole when it comes the usual way. */
static void test_whole(void **state)
{
	(void)state;
	make_names_unreadable();
	assert_int_equal(manifest_open(&manifest, fit, ROOM, &why), ERR_FORMAT);
	assert_non_null(strstr(why.text, "the FIT has version 15"));
	set_up(state);
	test_property_without_name(state);
	assert_int_equal(manifest_open(&manifest, fit, ROOM, &why), ERR_FORMAT);
	assert_non_null(strstr(why.text, "the manifest is corrupt: FDT_ERR_"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_capsule_without_name, set_up),
		cmocka_unit_test_setup(test_hash_without_name, set_up),
		cmocka_unit_test_setup(test_property_without_name, set_up),
		cmocka_unit_test_setup(test_whole, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
