/* SPDX-License-Identifier: MIT */
/*
 * Access to device registers: exactly one load or store of the given width; of 64 bits on RV32 two,
 * of the lower half first. M-mode.
 */
#ifndef DRIVERS_MMIO_H
#define DRIVERS_MMIO_H

#include "core/types.h"

static inline uint8_t mmio_read8(uintptr_t at)
{
	return *(volatile uint8_t *)at;
}

static inline uint32_t mmio_read32(uintptr_t at)
{
	return *(volatile uint32_t *)at;
}

static inline void mmio_write8(uintptr_t at, uint8_t value)
{
	*(volatile uint8_t *)at = value;
}

static inline void mmio_write32(uintptr_t at, uint32_t value)
{
	*(volatile uint32_t *)at = value;
}

static inline uint64_t mmio_read64(uintptr_t at)
{
	uint32_t low;

	if (sizeof(at) == sizeof(uint64_t))
		return *(volatile uint64_t *)at;
	low = mmio_read32(at);
	return (uint64_t)mmio_read32(at + 4) << 32 | low;
}

static inline void mmio_write64(uintptr_t at, uint64_t value)
{
	if (sizeof(at) == sizeof(uint64_t)) {
		*(volatile uint64_t *)at = value;
		return;
	}
	mmio_write32(at, (uint32_t)value);
	mmio_write32(at + 4, (uint32_t)(value >> 32));
}

#endif
