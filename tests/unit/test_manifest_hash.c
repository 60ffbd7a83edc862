/* SPDX-License-Identifier: MIT */
/*
 * src/core/manifest_hash.c: digests that are known from elsewhere, for every algorithm
 * (those that mkimage computes are in test_manifest.c), and every bit of them.
 */
#include "unit.h"

#include <libfdt.h>

#include "core/manifest_image.h"

enum { ROOM = 512, MANY = 1000000 };

static uint8_t fit[ROOM];
static struct reason why;

/* A node at the tree's root that says so. */
static enum status check(const char *algo, const uint8_t *value, int value_size, const void *data,
			 uint64_t size)
{
	assert_int_equal(fdt_create_empty_tree(fit, ROOM), 0);
	assert_int_equal(fdt_setprop_string(fit, 0, "algo", algo), 0);
	assert_int_equal(fdt_setprop(fit, 0, "value", value, value_size), 0);
	return manifest_hash_check(fit, 0, data, size, &why);
}

/* The digest is right as it is, and wrong with any bit changed. */
static void check_bits(const char *algo, uint8_t *value, int value_size, const void *data,
		       uint64_t size)
{
	if (check(algo, value, value_size, data, size))
		fail_msg("%s", why.text);
	for (int bit = 0; bit < 8 * value_size && size < MANY; bit++) {
		value[bit / 8] ^= 1 << bit % 8;
		assert_int_equal(check(algo, value, value_size, data, size), ERR_FORMAT);
		assert_non_null(strstr(why.text, algo));
		value[bit / 8] ^= 1 << bit % 8;
	}
}

static void from_hex(const char *hex, uint8_t *out)
{
	for (; *hex; hex += 2)
		sscanf(hex, "%2hhx", out++);
}

/* The examples of FIPS 180-2, appendix B. */
static void test_sha256(void **state)
{
	static const struct {
		const char *data, *digest;
	} examples[] = {
		{"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		 "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
	};
	uint8_t digest[32];
	char *many = malloc(MANY + 1);

	(void)state;
	for (unsigned i = 0; i < ARRAY_LENGTH(examples); i++) {
		from_hex(examples[i].digest, digest);
		check_bits("sha256", digest, 32, examples[i].data, strlen(examples[i].data));
	}
	/* At an odd address. */
	memset(many, 'a', MANY + 1);
	from_hex("cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0", digest);
	check_bits("sha256", digest, 32, many + 1, MANY);
	free(many);
}

/* The check value that every catalogue of CRCs gives. */
static void test_crc32(void **state)
{
	uint8_t value[4];

	(void)state;
	from_hex("cbf43926", value);
	check_bits("crc32", value, 4, "123456789", 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sha256),
		cmocka_unit_test(test_crc32),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
