/* SPDX-License-Identifier: MIT */
/*
 * src/core/manifest*.c: a manifest that mkimage wrote, inside and external data,
 * every refusal with its words, and every truncation and one-byte change of it.
 */
#include "unit.h"

#include <libfdt.h>
#include <time.h>
#include <unistd.h>

#include "core/manifest.h"
#include "core/types.h"

enum { ROOM = 16384 };

/* tests/unit/data/small.its as mkimage makes it: with data inside, with -E, and with -E -p. */
static uint8_t *inside, *external, *positioned;
static size_t inside_size, external_size, positioned_size;

static uint8_t *make(const char *options, size_t *size)
{
	char command[256], file[] = "/tmp/test_manifest.XXXXXX";
	int fd = mkstemp(file);
	uint8_t *data;

	assert_true(fd >= 0);
	close(fd);
	snprintf(command, sizeof(command),
		 "mkimage -q %s -f tests/unit/data/small.its %s >/dev/null 2>&1", options, file);
	if (system(command))
		fail_msg("%s failed", command);
	data = unit_read_file(file, size);
	unlink(file);
	assert_non_null(data);
	return data;
}

static int set_up(void **state)
{
	(void)state;
	inside = make("", &inside_size);
	external = make("-E", &external_size);
	positioned = make("-E -p 0x1000", &positioned_size);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	free(inside);
	free(external);
	free(positioned);
	return 0;
}

/* Every function that a boot calls; the index-th capsule's verdict is the result. */
static enum status read_all(const void *fit, uint64_t size, struct manifest_capsule *out,
			    struct reason *why)
{
	struct manifest manifest;
	enum status status = manifest_open(&manifest, fit, size, why), first = OK;

	if (status)
		return status;
	assert_in_range(manifest.capsule_count, 1, MANIFEST_CAPSULES_MAX);
	for (unsigned i = 0; i < manifest.capsule_count; i++) {
		struct manifest_capsule capsule;
		struct reason other;

		status = manifest_capsule(&manifest, i, &capsule, i ? &other : why);
		if (!i) {
			first = status;
			*out = capsule;
		}
		assert_non_null(manifest_capsule_name(&manifest, i));
	}
	return first;
}

static void check_web(const uint8_t *fit, size_t size)
{
	struct manifest_capsule web;
	struct reason why = {""};

	if (read_all(fit, size, &web, &why))
		fail_msg("refused: %s", why.text);
	assert_string_equal(web.name, "web");
	assert_string_equal(web.description, "web server");
	assert_string_equal(web.bootargs, "console=ttyS0");
	assert_string_equal(web.kernel.name, "linux");
	assert_int_equal(web.kernel.size, 8);
	assert_memory_equal(web.kernel.data, "\x73\x00\x50\x10\x6f\xf0\xdf\xff", 8);
	assert_string_equal(web.ramdisk.name, "initrd");
	assert_int_equal(web.ramdisk.size, 8);
	assert_memory_equal(web.ramdisk.data, "ramdisk", 8);
	assert_int_equal(web.memory_size, MIB(128));
	assert_true(web.memory_base_given);
	assert_int_equal(web.memory_base.raw, 0x90000000);
	assert_int_equal(web.vcpus, 2);
	assert_int_equal(web.weight, 50);
	assert_int_equal(web.cap_percent, 150);
	assert_int_equal(web.harts_count, 2);
	assert_memory_equal(web.harts, "\0\0\0\1\0\0\0\3", 8);
	assert_int_equal(web.restart, RESTART_ON_CRASH);
	assert_int_equal(web.isolation, ISOLATION_PMP);
}

static void test_good(void **state)
{
	(void)state;
	check_web(inside, inside_size);
	check_web(external, external_size);
	check_web(positioned, positioned_size);
	/* mkimage did what these tests rely on. */
	assert_null(
		fdt_getprop(external, fdt_path_offset(external, "/images/linux"), "data", NULL));
	assert_non_null(fdt_getprop(positioned, fdt_path_offset(positioned, "/images/linux"),
				    "data-position", NULL));
}

/* A FIT that can be changed: what the rows below work on. */
static uint8_t changed[ROOM] __attribute__((aligned(8)));

static void start(const void *fit)
{
	assert_int_equal(fdt_open_into(fit, changed, ROOM), 0);
}

static int node_of(const char *path)
{
	int node = fdt_path_offset(changed, path);

	assert_true(node >= 0);
	return node;
}

static void set(const char *path, const char *name, const void *value, int size)
{
	assert_int_equal(fdt_setprop(changed, node_of(path), name, value, size), 0);
}

static void test_defaults(void **state)
{
	struct manifest_capsule db;
	struct manifest manifest;
	struct reason why;

	(void)state;
	start(inside);
	set("/", "capsules", "db", 3);
	assert_int_equal(read_all(changed, ROOM, &db, &why), OK);
	assert_string_equal(db.name, "db");
	assert_string_equal(db.description, "");
	assert_string_equal(db.bootargs, "");
	assert_null(db.ramdisk.name);
	assert_false(db.memory_base_given);
	assert_int_equal(db.vcpus, 1);
	assert_int_equal(db.weight, 100);
	assert_int_equal(db.cap_percent, 0);
	assert_int_equal(db.harts_count, 0);
	assert_int_equal(db.restart, RESTART_NEVER);
	assert_int_equal(db.isolation, ISOLATION_AUTO);

	/* Without `capsules`, `default` counts; without that, every configuration. */
	assert_int_equal(fdt_delprop(changed, 0, "capsules"), 0);
	assert_int_equal(manifest_open(&manifest, changed, ROOM, &why), OK);
	assert_int_equal(manifest.capsule_count, 1);
	assert_string_equal(manifest_capsule_name(&manifest, 0), "db");
	assert_int_equal(fdt_delprop(changed, node_of("/configurations"), "default"), 0);
	assert_int_equal(manifest_open(&manifest, changed, ROOM, &why), OK);
	assert_int_equal(manifest.capsule_count, 2);
	assert_string_equal(manifest_capsule_name(&manifest, 0), "web");

	set("/", "capsules", "db\0web", 7);
	assert_int_equal(manifest_open(&manifest, changed, ROOM, &why), OK);
	assert_int_equal(manifest.capsule_count, 2);
	assert_string_equal(manifest_capsule_name(&manifest, 0), "db");
	assert_string_equal(manifest_capsule_name(&manifest, 1), "web");
}

/* A refused capsule leaves the others as they are. */
static void test_others_stay(void **state)
{
	struct manifest_capsule capsule;
	struct manifest manifest;
	struct reason why;

	(void)state;
	start(inside);
	set("/", "capsules", "web\0db", 7);
	set("/configurations/web", "vcpus", "\0\0\0\0", 4);
	assert_int_equal(manifest_open(&manifest, changed, ROOM, &why), OK);
	assert_int_equal(manifest_capsule(&manifest, 0, &capsule, &why), ERR_LIMIT);
	assert_int_equal(manifest_capsule(&manifest, 1, &capsule, &why), OK);
	assert_string_equal(capsule.name, "db");
}

#define WEB	 "/configurations/web"
#define IMAGE	 "/images/linux"
#define TEXT(s)	 s, sizeof(s)
#define BYTES(s) s, sizeof(s) - 1
#define MISSING	 NULL, 0

/* One property set (or deleted), the verdict, and words of its sentence. */
struct row {
	const char *path;
	const char *name;
	const char *value;
	int size;
	enum status status;
	const char *words;
};

static const struct row rows[] = {
	/* The root, and which capsules start. */
	{"/", "capsule", TEXT("web"), ERR_FORMAT,
	 "property \"capsule\" is not known; known are capsules"},
	{"/", "capsules", TEXT("wob"), ERR_MISSING,
	 "/: capsules names \"wob\", but /configurations has no such node; it has web, db"},
	{"/", "capsules", TEXT("web\0db\0web"), ERR_FORMAT, "starts \"web\" twice"},
	{"/", "capsules", TEXT("web\0"), ERR_MISSING, "names \"\""},
	{"/", "capsules", BYTES("web"), ERR_FORMAT, "capsules is no list of strings"},
	{"/", "capsules", "", 0, ERR_FORMAT, "capsules is empty"},
	{"/", "capsules", TEXT("we\x1b[1m"), ERR_MISSING, "names \"we?[1m\""},
	{"/configurations", "capsules", TEXT("web"), ERR_FORMAT,
	 "node /configurations: property \"capsules\" is not known; known are default"},
	/* Every property: wrong form, wrong value. */
	{WEB, "memory", TEXT("128M"), ERR_FORMAT,
	 "property \"memory\" is not known; known are kernel, ramdisk, bootargs, memory-mib, "
	 "memory-base, vcpus, weight, cap-percent, harts, restart, isolation, rights, description, "
	 "compatible"},
	{WEB, "compatible", MISSING, ERR_MISSING, "compatible is missing; \"diosix,capsule\""},
	{WEB, "compatible", TEXT("linux"), ERR_FORMAT,
	 "compatible is \"linux\"; \"diosix,capsule\""},
	{WEB, "compatible", BYTES("diosix,capsule"), ERR_FORMAT, "compatible is no string"},
	{WEB, "compatible", "", 0, ERR_FORMAT, "compatible is no string"},
	{WEB, "compatible", TEXT("acme,web\0diosix,capsule"), OK, ""},
	{WEB, "kernel", MISSING, ERR_MISSING, "kernel is missing"},
	{WEB, "kernel", TEXT("linus"), ERR_MISSING,
	 "kernel is \"linus\", but /images has no such node; it has linux, initrd"},
	{WEB, "kernel", TEXT("linux\0initrd"), ERR_FORMAT, "kernel: one string is expected"},
	{WEB, "kernel", BYTES("linux"), ERR_FORMAT, "kernel is no string: its 5 bytes"},
	{WEB, "kernel", "", 0, ERR_FORMAT, "kernel is no string: its 0 bytes"},
	{WEB, "kernel", TEXT("initrd"), ERR_FORMAT,
	 "image initrd: type is \"ramdisk\"; \"kernel\" is expected"},
	{WEB, "ramdisk", TEXT("linux"), ERR_FORMAT,
	 "image linux: type is \"kernel\"; \"ramdisk\" is expected"},
	{WEB, "ramdisk", TEXT("nothing"), ERR_MISSING, "ramdisk is \"nothing\", but /images"},
	{WEB, "ramdisk", MISSING, OK, ""},
	{WEB, "bootargs", BYTES("abc"), ERR_FORMAT, "bootargs is no string"},
	{WEB, "bootargs", TEXT(""), OK, ""},
	{WEB, "description", BYTES("abc"), ERR_FORMAT, "description is no string"},
	{WEB, "memory-mib", MISSING, ERR_MISSING, "memory-mib is missing"},
	{WEB, "memory-mib", BYTES("\0\0\0\0\0\0\0\x80"), ERR_FORMAT,
	 "memory-mib has 8 bytes; one cell (4 bytes) is expected"},
	{WEB, "memory-mib", "", 0, ERR_FORMAT, "memory-mib has 0 bytes; one cell"},
	{WEB, "memory-mib", BYTES("\0\0\0\0"), ERR_LIMIT, "memory-mib is 0; at least 1"},
	{WEB, "memory-base", BYTES("\x90\0\0\0"), ERR_FORMAT,
	 "memory-base has 4 bytes; two cells (8 bytes, <hi lo>) are expected"},
	{WEB, "memory-base", BYTES("\0\0\0\0\x90\0\x08\0"), ERR_FORMAT,
	 "memory-base is 0x90000800; a multiple of 0x1000 is expected"},
	{WEB, "memory-base", BYTES("\xff\xff\xff\xff\xff\xff\xf0\0"), ERR_LIMIT,
	 "memory-base 0xfffffffffffff000 and memory-mib 128 reach beyond 0x100000000000000"},
	{WEB, "memory-base", BYTES("\0\xff\xff\xff\xff\xff\xf0\0"), ERR_LIMIT, "reach beyond"},
	{WEB, "memory-base", BYTES("\0\0\0\0\x08\0\0\0"), ERR_OVERLAP,
	 "memory-base 0x8000000 and memory-mib 128 overlap the guest's devices, at 0xc000000 and"},
	{WEB, "memory-base", BYTES("\0\0\0\0\x0f\0\0\0"), ERR_OVERLAP, "overlap the guest's"},
	{WEB, "memory-base", BYTES("\0\0\0\0\x20\0\0\0"), OK, ""},
	{WEB, "vcpus", BYTES("\0\0\0\0"), ERR_LIMIT, "vcpus is 0; 1 to 32 is expected"},
	{WEB, "vcpus", BYTES("\0\0\0\x21"), ERR_LIMIT, "vcpus is 33; 1 to 32 is expected"},
	{WEB, "vcpus", BYTES("\0\0\0\x20"), OK, ""},
	{WEB, "vcpus", TEXT("2"), ERR_FORMAT, "vcpus has 2 bytes; one cell"},
	{WEB, "weight", BYTES("\0\0\0\0"), ERR_LIMIT, "weight is 0; 1 to 10000 is expected"},
	{WEB, "weight", BYTES("\0\0\x27\x11"), ERR_LIMIT, "weight is 10001; 1 to 10000"},
	{WEB, "cap-percent", BYTES("\0\0\0\0"), ERR_LIMIT, "cap-percent is 0; at least 1"},
	{WEB, "cap-percent", BYTES("\xff\xff\xff\xff"), OK, ""},
	{WEB, "harts", "", 0, ERR_FORMAT, "harts has 0 bytes; cells of 4 are expected"},
	{WEB, "harts", BYTES("\0\0\0\0\1"), ERR_FORMAT, "harts has 5 bytes"},
	{WEB, "harts", BYTES("\0\0\0\1\0\0\0\2\0\0\0\1"), ERR_FORMAT, "harts names hart 1 twice"},
	{WEB, "harts", BYTES("\0\0\0\0"), OK, ""},
	{WEB, "restart", TEXT("sometimes"), ERR_FORMAT,
	 "restart is \"sometimes\"; one of never, on-crash, always is expected"},
	{WEB, "restart", BYTES("\0\0\0\1"), ERR_FORMAT, "restart: one string is expected"},
	{WEB, "isolation", TEXT("jail"), ERR_FORMAT,
	 "isolation is \"jail\"; one of auto, pmp, hext is expected"},
	{WEB, "isolation", TEXT("hext"), OK, ""},
	{WEB, "rights", TEXT("console"), ERR_FORMAT, "rights: \"console\" is not known"},
	{WEB, "rights", BYTES("console"), ERR_FORMAT, "rights is no list of strings"},
	{WEB, "rights", "", 0, OK, ""},
	{WEB, "fdt", TEXT("tree"), ERR_FORMAT, "fdt can't be here: the guest's device tree is"},
	{WEB, "loadables", TEXT("x"), ERR_FORMAT, "loadables can't be here"},
	{WEB, "firmware", TEXT("x"), ERR_FORMAT, "firmware can't be here"},
	{WEB, "standalone", TEXT("x"), ERR_FORMAT, "standalone can't be here"},
	/* Images. */
	{IMAGE, "data", MISSING, ERR_MISSING,
	 "image linux: data is missing, and so are data-offset"},
	{IMAGE, "data", "", 0, ERR_FORMAT, "image linux: data is empty"},
	{IMAGE, "data-offset", BYTES("\0\0\0\0"), ERR_FORMAT, "more than one of data, data-offset"},
	{IMAGE, "arch", TEXT("arm64"), ERR_FORMAT, "arch is \"arm64\"; \"riscv\" is expected"},
	{IMAGE, "arch", MISSING, OK, ""},
	{IMAGE, "arch", BYTES("riscv"), ERR_FORMAT, "arch is no string"},
	{IMAGE, "compression", TEXT("gzip"), ERR_FORMAT,
	 "compression is \"gzip\"; \"none\" is expected: unpack it on the host"},
	{IMAGE, "lode", BYTES("\0\0\0\0"), ERR_FORMAT,
	 "image linux: property \"lode\" is not known"},
	{IMAGE "/hash-1", "algo", MISSING, ERR_MISSING, "node hash-1: algo is missing"},
	{IMAGE "/hash-1", "algo", TEXT("sha1"), ERR_FORMAT,
	 "node hash-1: algo \"sha1\" is not supported; \"crc32\" and \"sha256\" are"},
	{IMAGE "/hash-1", "algo", TEXT("sha256"), ERR_FORMAT,
	 "node hash-1: value has 4 bytes; 32 are expected"},
	{IMAGE "/hash-2", "algo", TEXT("crc32"), ERR_FORMAT,
	 "node hash-2: value has 32 bytes; 4 are expected"},
	{IMAGE "/hash-2", "value", BYTES("0123456789abcdef0123456789ABCDEF"), ERR_FORMAT,
	 "image linux: node hash-2: value is "
	 "3031323334353637383961626364656630313233343536373839414243444546, but the data's "
	 "sha256 is c6edcff3882786c0"},
	{IMAGE "/hash-2", "value", BYTES("0123456789abcdef0123456789ABCDE"), ERR_FORMAT,
	 "value has 31 bytes; 32 are"},
	{IMAGE "/hash-1", "algo", BYTES("crc32"), ERR_FORMAT, "algo is no string"},
	{IMAGE "/hash-1", "value", MISSING, ERR_MISSING, "value is missing; mkimage writes it"},
	{IMAGE "/hash-1", "value", BYTES("\1\2\3\4\5"), ERR_FORMAT, "value has 5 bytes; 4 are"},
	{IMAGE "/hash-1", "value", BYTES("\1\2\3\4"), ERR_FORMAT,
	 "image linux: node hash-1: value is 0x01020304, but the data's crc32 is 0x"},
};

static void check_row(const struct row *row, uint64_t size)
{
	struct manifest_capsule capsule;
	struct reason why = {""};
	enum status status = read_all(changed, size, &capsule, &why);

	if (status != row->status || !strstr(why.text, row->words))
		fail_msg("%s %s: status %d instead of %d, \"%s\" instead of \"%s\"", row->path,
			 row->name, status, row->status, why.text, row->words);
	for (const char *c = why.text; *c; c++)
		assert_in_range(*c, ' ', '~');
}

static void test_rows(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_LENGTH(rows); i++) {
		const struct row *row = &rows[i];

		start(inside);
		if (row->value)
			set(row->path, row->name, row->value, row->size);
		else
			assert_int_equal(fdt_delprop(changed, node_of(row->path), row->name), 0);
		check_row(row, ROOM);
	}
}

/* External data: the rows change /images/linux of what mkimage -E (-p) wrote. */
static void test_external_rows(void **state)
{
	static const struct row offset_rows[] = {
		{IMAGE, "data-size", MISSING, ERR_MISSING,
		 "data-size is missing; data-offset needs it"},
		{IMAGE, "data-size", BYTES("\0\0\0\0"), ERR_LIMIT, "data-size is 0; at least 1"},
		{IMAGE, "data-size", BYTES("\0\0\x40\0"), ERR_RANGE, "it is truncated"},
		{IMAGE, "data-size", BYTES("\xff\xff\xff\xff"), ERR_RANGE,
		 "and data-size 0xffffffff end"},
		{IMAGE, "data-offset", BYTES("\xff\xff\xff\xfc"), ERR_RANGE,
		 "data-offset 0xfffffffc and data-size 0x8 end at 0x10"},
		{IMAGE, "data-offset", BYTES("\0\0\0\2"), ERR_FORMAT,
		 "data-offset is 0x2; a multiple of 4 is expected"},
		{IMAGE, "data-position", BYTES("\0\0\x10\0"), ERR_FORMAT, "more than one of data"},
	};
	static const struct row position_rows[] = {
		{IMAGE, "data-position", BYTES("\0\0\0\x40"), ERR_RANGE,
		 "data-position is 0x40, inside the tree; 0x"},
		{IMAGE, "data-position", BYTES("\0\0\0\0"), ERR_RANGE, "inside the tree"},
		{IMAGE, "data-position", BYTES("\xff\xff\xff\xfc"), ERR_RANGE, "it is truncated"},
		{IMAGE, "data-size", MISSING, ERR_MISSING, "data-position needs it"},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LENGTH(offset_rows) + ARRAY_LENGTH(position_rows); i++) {
		bool first = i < ARRAY_LENGTH(offset_rows);
		const struct row *row =
			first ? &offset_rows[i] : &position_rows[i - ARRAY_LENGTH(offset_rows)];

		start(first ? external : positioned);
		if (row->value)
			set(row->path, row->name, row->value, row->size);
		else
			assert_int_equal(fdt_delprop(changed, node_of(row->path), row->name), 0);
		assert_int_equal(fdt_pack(changed), 0);
		check_row(row, fdt_totalsize(changed) + 64);
	}
}

static void expect(enum status expected, const char *words, uint64_t size)
{
	const struct row row = {"", words, NULL, 0, expected, words};

	check_row(&row, size);
}

static void rename_node(const char *path, const char *name)
{
	assert_int_equal(fdt_set_name(changed, node_of(path), name), 0);
}

static void test_names(void **state)
{
	static const char *const bad[] = {
		"we b", "web@1", "we,b", "we/b", "\x1b[2Jweb", "a-name-of-32-characters-is-too-xx"};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LENGTH(bad); i++) {
		struct manifest manifest;
		struct reason why;

		start(inside);
		set("/", "capsules", bad[i], strlen(bad[i]) + 1);
		rename_node(WEB, bad[i]);
		expect(ERR_FORMAT, "is refused; 1 to 31 of A-Z a-z 0-9 . _ - are expected", ROOM);
		assert_int_equal(manifest_open(&manifest, changed, ROOM, &why), OK);
		assert_string_equal(manifest_capsule_name(&manifest, 0), "?");
	}
	start(inside);
	set("/", "capsules", TEXT("A-name.of_31-characters-is-fine"));
	rename_node(WEB, "A-name.of_31-characters-is-fine");
	expect(OK, "", ROOM);
}

static void test_nodes(void **state)
{
	(void)state;
	start(inside);
	assert_true(fdt_add_subnode(changed, node_of(WEB), "signature-1") > 0);
	assert_true(fdt_add_subnode(changed, node_of(IMAGE), "signature-1") > 0);
	expect(OK, "", ROOM);
	assert_true(fdt_add_subnode(changed, node_of(WEB), "disk") > 0);
	expect(ERR_FORMAT, "node disk is not known", ROOM);

	start(inside);
	assert_true(fdt_add_subnode(changed, node_of(IMAGE), "cipher") > 0);
	expect(ERR_FORMAT, "image linux: node cipher: the data is encrypted", ROOM);
	start(inside);
	assert_true(fdt_add_subnode(changed, node_of(IMAGE), "hashes") > 0);
	expect(ERR_FORMAT, "image linux: node hashes is not known", ROOM);

	start(inside);
	rename_node("/images", "image");
	expect(ERR_MISSING, "no node /images", ROOM);
	start(inside);
	rename_node("/configurations", "configuration");
	expect(ERR_MISSING, "no node /configurations", ROOM);

	/* A property or a name twice can't be made by dtc, but by hand. */
	start(inside);
	set(WEB, "vcpuz", BYTES("\0\0\0\1"));
	memcpy((char *)(uintptr_t)fdt_get_string(changed, fdt_size_dt_strings(changed) - 6, NULL),
	       "vcpus", 5);
	expect(ERR_FORMAT, "vcpus is there twice", ROOM);
	start(inside);
	assert_int_equal(fdt_delprop(changed, 0, "capsules"), 0);
	assert_int_equal(fdt_delprop(changed, node_of("/configurations"), "default"), 0);
	rename_node("/configurations/db", "web");
	expect(ERR_FORMAT, "starts \"web\" twice", ROOM);
}

static void test_limits(void **state)
{
	static char text[MANIFEST_BOOTARGS_MAX + 1];
	static char names[4 * (MANIFEST_CAPSULES_MAX + 1)];
	static uint8_t harts[129 * 4];
	char name[8];

	(void)state;
	memset(text, 'a', MANIFEST_BOOTARGS_MAX);
	start(inside);
	set(WEB, "bootargs", text + 1, MANIFEST_BOOTARGS_MAX);
	expect(OK, "", ROOM);
	set(WEB, "bootargs", text, MANIFEST_BOOTARGS_MAX + 1);
	expect(ERR_LIMIT, "bootargs has 2048 characters; at most 2047 are expected", ROOM);

	start(inside);
	for (unsigned i = 0; i < 129; i++)
		harts[4 * i + 3] = i;
	set(WEB, "harts", harts, 128 * 4);
	expect(OK, "", ROOM);
	set(WEB, "harts", harts, 129 * 4);
	expect(ERR_LIMIT, "harts has 129 cells; at most 128", ROOM);

	start(inside);
	for (unsigned i = 0; i <= MANIFEST_CAPSULES_MAX; i++)
		memcpy(names + 4 * i, "web", 4);
	set("/", "capsules", names, sizeof(names));
	expect(ERR_LIMIT, "capsules names 65; at most 64", ROOM);

	start(inside);
	assert_int_equal(fdt_delprop(changed, 0, "capsules"), 0);
	assert_int_equal(fdt_delprop(changed, node_of("/configurations"), "default"), 0);
	for (unsigned i = 0; i < MANIFEST_CAPSULES_MAX - 1; i++) {
		snprintf(name, sizeof(name), "c%u", i);
		assert_true(fdt_add_subnode(changed, node_of("/configurations"), name) > 0);
	}
	expect(ERR_LIMIT, "more than 64 capsules", ROOM);

	start(inside);
	assert_int_equal(fdt_delprop(changed, 0, "capsules"), 0);
	assert_int_equal(fdt_delprop(changed, node_of("/configurations"), "default"), 0);
	assert_int_equal(fdt_del_node(changed, node_of("/configurations/web")), 0);
	assert_int_equal(fdt_del_node(changed, node_of("/configurations/db")), 0);
	expect(ERR_MISSING, "/configurations has no node", ROOM);
	set("/configurations", "default", TEXT("db"));
	expect(ERR_MISSING, "/configurations: default names \"db\"", ROOM);
	set("/configurations", "default", BYTES("db"));
	expect(ERR_FORMAT, "node /configurations: default is no string", ROOM);
}

static void test_headers(void **state)
{
	struct manifest_capsule capsule;
	struct reason why;

	(void)state;
	start(inside);
	expect(ERR_FORMAT, "has 39 bytes, fewer than a FIT's header (40)", 39);
	expect(ERR_FORMAT,
	       "the manifest is truncated: its header says 0x4000 bytes, there are 0x3fff",
	       ROOM - 1);
	fdt_set_version(changed, 16);
	fdt_set_last_comp_version(changed, 16);
	expect(ERR_FORMAT, "the FIT has version 16 (compatible to 16); 17 is expected", ROOM);
	start(inside);
	fdt_set_off_dt_struct(changed, 0xfffffff0);
	expect(ERR_FORMAT, "the manifest is corrupt: FDT_ERR_TRUNCATED", ROOM);
	start(inside);
	fdt_set_off_mem_rsvmap(changed, 0x2c);
	expect(ERR_FORMAT, "its blocks at 0x2c and 0x", ROOM);
	changed[0] = 0x7f;
	expect(ERR_FORMAT,
	       "the manifest is no FIT: it begins with 0x7f0dfeed, a FIT with 0xd00dfeed", ROOM);
	assert_int_equal(read_all(changed + 4, ROOM - 4, &capsule, &why), ERR_FORMAT);
	assert_non_null(strstr(why.text, "not aligned to 8 bytes"));
}

/* In memory of exactly its size, so that the sanitizer sees every read beyond. */
static void read_copy(const uint8_t *fit, size_t size, size_t shown)
{
	uint8_t *copy = malloc(shown ? shown : 1);
	struct manifest_capsule capsule;
	struct reason why;

	assert_non_null(copy);
	memcpy(copy, fit, shown < size ? shown : size);
	if (shown < size)
		assert_int_not_equal(read_all(copy, shown, &capsule, &why), OK);
	else
		(void)read_all(copy, shown, &capsule, &why);
	free(copy);
}

static void test_truncations(void **state)
{
	(void)state;
	for (size_t size = 0; size < inside_size; size++)
		read_copy(inside, inside_size, size);
	/* The last bytes with -E are the ramdisk and padding to four bytes, here none. */
	for (size_t size = 0; size < external_size; size++)
		read_copy(external, external_size, size);
}

/* All 255 changes of every byte, as many as three seconds allow, spread evenly. */
static void change_bytes(const uint8_t *fit, size_t size)
{
	uint8_t *copy = malloc(size);
	clock_t end = clock() + 3 * CLOCKS_PER_SEC;
	size_t total = size * 255, step = 7919, at = 0; /* a prime visits all */
	struct manifest_capsule capsule;
	struct reason why;

	unsetenv("UNIT_SAID"); /* what comes of this depends on the machine's speed */
	assert_non_null(copy);
	assert_int_not_equal(total % step, 0);
	memcpy(copy, fit, size);
	for (size_t i = 0; i < total && clock() < end; i++, at = (at + step) % total) {
		copy[at / 255] ^= 1 + at % 255;
		(void)read_all(copy, size, &capsule, &why);
		copy[at / 255] = fit[at / 255];
	}
	free(copy);
}

static void test_changes(void **state)
{
	(void)state;
	change_bytes(inside, inside_size);
	change_bytes(external, external_size);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),	      cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_others_stay),   cmocka_unit_test(test_rows),
		cmocka_unit_test(test_external_rows), cmocka_unit_test(test_names),
		cmocka_unit_test(test_nodes),	      cmocka_unit_test(test_limits),
		cmocka_unit_test(test_headers),	      cmocka_unit_test(test_truncations),
		cmocka_unit_test(test_changes),
	};

	return cmocka_run_group_tests_name("manifest", tests, set_up, tear_down);
}
