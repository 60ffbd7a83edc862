/* SPDX-License-Identifier: MIT */
/*
 * FIT's hash-* nodes: crc32, which finds accidents and no attacks, and sha256, by BearSSL.
 * Any other algorithm is refused by name, never passed over.
 */
#include "core/manifest_image.h"
#include "core/manifest_property.h"
#include "lib/print.h"
#include "lib/string.h"

#include <bearssl_hash.h>
#include <libfdt.h>

/* CRC-32 of IEEE 802.3, four bits at a time: small, and fast enough for once at boot. */
static uint32_t crc32(const uint8_t *data, uint64_t size)
{
	static const uint32_t table[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
		0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
		0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	const uint8_t *end = data + size;
	uint32_t crc = UINT32_MAX;

	while (data != end) {
		crc ^= *data++;
		crc = table[crc & 15] ^ crc >> 4;
		crc = table[crc & 15] ^ crc >> 4;
	}
	return ~crc;
}

static enum status check_crc32(const uint8_t *value, const uint8_t *data, uint64_t size,
			       struct reason *why)
{
	uint32_t crc = crc32(data, size);
	uint32_t expected = fdt32_ld((const fdt32_t *)(const void *)value);

	if (crc == expected)
		return OK;
	return refuse(why, ERR_FORMAT,
		      "value is 0x%08" PRIx32 ", but the data's crc32 is 0x%08" PRIx32, expected,
		      crc);
}

enum { DIGEST_SIZE = br_sha256_SIZE };

/* In hexadecimal digits, as sha256sum prints it. */
static void digest_text(const uint8_t digest[DIGEST_SIZE], char text[2 * DIGEST_SIZE + 1])
{
	for (unsigned i = 0; i < DIGEST_SIZE; i++)
		print_text(text + 2 * i, 3, "%02x", digest[i]);
}

/* The data is in memory, so its size fits a size_t. */
static enum status check_sha256(const uint8_t *value, const uint8_t *data, uint64_t size,
				struct reason *why)
{
	char expected[2 * DIGEST_SIZE + 1], got[2 * DIGEST_SIZE + 1];
	uint8_t digest[DIGEST_SIZE];
	br_sha256_context context;

	br_sha256_init(&context);
	br_sha256_update(&context, data, (size_t)size);
	br_sha256_out(&context, digest);
	if (!memcmp(value, digest, DIGEST_SIZE))
		return OK;
	digest_text(value, expected);
	digest_text(digest, got);
	return refuse(why, ERR_FORMAT, "value is %s, but the data's sha256 is %s", expected, got);
}

struct algorithm {
	const char *name;
	int size; /* of a value: bytes */
	enum status (*check)(const uint8_t *value, const uint8_t *data, uint64_t size,
			     struct reason *why);
};

static const struct algorithm algorithms[] = {
	{"crc32", sizeof(uint32_t), check_crc32},
	{"sha256", DIGEST_SIZE, check_sha256},
};

enum status manifest_hash_check(const void *fit, int node, const uint8_t *data, uint64_t size,
				struct reason *why)
{
	const struct algorithm *algorithm = algorithms;
	int length;
	const char *algo = fdt_getprop(fit, node, "algo", &length);
	const void *value;
	enum status status;

	if (!algo)
		return refuse(why, ERR_MISSING,
			      "algo is missing; \"crc32\" or \"sha256\" is expected");
	status = manifest_property_string("algo", algo, length, why);
	if (status)
		return status;
	while (strcmp(algo, algorithm->name))
		if (++algorithm == algorithms + ARRAY_LENGTH(algorithms))
			return refuse(why, ERR_FORMAT,
				      "algo \"%.*s\" is not supported; \"crc32\" and "
				      "\"sha256\" are",
				      MANIFEST_SHOWN(algo));
	value = fdt_getprop(fit, node, "value", &length);
	if (!value)
		return refuse(why, ERR_MISSING, "value is missing; mkimage writes it");
	if (length != algorithm->size)
		return refuse(why, ERR_FORMAT, "value has %d bytes; %d are expected", length,
			      algorithm->size);
	return algorithm->check(value, data, size, why);
}
