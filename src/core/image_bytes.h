/* SPDX-License-Identifier: MIT */
/*
 * Little-endian numbers in an image. A FIT aligns data to four bytes only, and
 * the offsets in an image are whatever it says, so bytes are read one by one.
 */
#ifndef CORE_IMAGE_BYTES_H
#define CORE_IMAGE_BYTES_H

#include <stdint.h>

/* The caller has checked that the bytes are there. */
static inline uint32_t image_le16(const uint8_t *at)
{
	return at[0] | (uint32_t)at[1] << 8;
}

static inline uint32_t image_le32(const uint8_t *at)
{
	return image_le16(at) | image_le16(at + 2) << 16;
}

static inline uint64_t image_le64(const uint8_t *at)
{
	return image_le32(at) | (uint64_t)image_le32(at + 4) << 32;
}

#endif
