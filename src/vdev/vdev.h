/* SPDX-License-Identifier: MIT */
/*
 * Hardware that guests see but that doesn't exist: the interface that every
 * virtual device implements, and the capsule's table of them.
 *
 * All calls on the devices of one capsule are serialised by the capsule's
 * device lock, which the caller holds; a device locks nothing itself.
 */
#ifndef VDEV_VDEV_H
#define VDEV_VDEV_H

#include "core/types.h"

struct vdev;

/*
 * Accesses are naturally aligned, `size` is 1, 2, 4 or 8 bytes, and lie inside
 * the device's window; everything else about them is the guest's choice and
 * must be survived. What a device doesn't have reads as zero and ignores writes.
 * `value` holds `size` bytes, the rest zero (read) or undefined (write).
 */
struct vdev_ops {
	const char *name;
	uint64_t (*read)(struct vdev *dev, uint32_t offset, unsigned size);
	void (*write)(struct vdev *dev, uint32_t offset, unsigned size, uint64_t value);
};

/* Windows begin and end at multiples of the largest access. */
enum { VDEV_ALIGN = 8 };

/* Base part of every virtual device; embed it as the first member. */
struct vdev {
	const struct vdev_ops *ops;
	gpa_t base;
	uint64_t size; /* bytes, below 4 GiB */
};

enum { VDEV_MAX = 8 };

struct vdev_bus {
	unsigned count;
	struct vdev *devices[VDEV_MAX + 1]; /* and a NULL, which ends the search */
};

/*
 * Put `dev` on the bus; those that are used most come first, as they are found
 * fastest. False (nothing changed) when its window overlaps another's, is empty,
 * wraps, isn't aligned to VDEV_ALIGN, or the bus is full.
 */
bool vdev_attach(struct vdev_bus *bus, struct vdev *dev);

/*
 * The device whose window contains all of [at, at + size), or NULL; misaligned
 * accesses find nothing. `size` is 1, 2, 4 or 8.
 */
static inline struct vdev *vdev_find(const struct vdev_bus *bus, gpa_t at, unsigned size)
{
	struct vdev *const *next = bus->devices;
	struct vdev *dev;

	if ((uint32_t)at.raw & (size - 1))
		return NULL;
	/* Windows are aligned to the largest access: what begins inside ends inside. */
	while ((dev = *next++) && at.raw - dev->base.raw >= dev->size)
		;
	return dev;
}

#endif
