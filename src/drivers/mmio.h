/* SPDX-License-Identifier: MIT */
/* Access to device registers: exactly one load or store of the given width. M-mode. */
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

#endif
