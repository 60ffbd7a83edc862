/* SPDX-License-Identifier: MIT */
/*
 * FIT's hash-* nodes. Only crc32 so far, which finds accidents and no attacks;
 * any other algorithm is refused by name, never passed over.
 */
#include "core/manifest_image.h"
#include "core/manifest_property.h"
#include "lib/print.h"
#include "lib/string.h"

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

enum status manifest_hash_check(const void *fit, int node, const uint8_t *data, uint64_t size,
				struct reason *why)
{
	int length;
	const char *algo = fdt_getprop(fit, node, "algo", &length);
	const void *value;
	enum status status;
	uint32_t crc;

	if (!algo)
		return refuse(why, ERR_MISSING, "algo is missing; \"crc32\" is expected");
	status = manifest_property_string("algo", algo, length, why);
	if (status)
		return status;
	if (strcmp(algo, "crc32"))
		return refuse(why, ERR_FORMAT, "algo \"%.*s\" is not supported; \"crc32\" is",
			      MANIFEST_SHOWN(algo));
	value = fdt_getprop(fit, node, "value", &length);
	if (!value)
		return refuse(why, ERR_MISSING, "value is missing; mkimage writes it");
	if (length != sizeof(crc))
		return refuse(why, ERR_FORMAT, "value has %d bytes; 4 are expected", length);
	crc = crc32(data, size);
	if (crc != fdt32_ld(value))
		return refuse(why, ERR_FORMAT,
			      "value is 0x%08" PRIx32 ", but the data's crc32 is 0x%08" PRIx32,
			      fdt32_ld(value), crc);
	return OK;
}
