/* SPDX-License-Identifier: MIT */
/*
 * The table of a capsule's virtual devices. All that can be checked when a
 * device is attached is checked there, so that finding one is short.
 */
#include "vdev/vdev.h"

bool vdev_attach(struct vdev_bus *bus, struct vdev *dev)
{
	uint64_t base = dev->base.raw, size = dev->size;

	if (bus->count == VDEV_MAX || !size || size > UINT32_MAX || size - 1 > UINT64_MAX - base)
		return false;
	if ((base | size) & (VDEV_ALIGN - 1))
		return false;
	for (unsigned i = 0; i < bus->count; i++) {
		const struct vdev *other = bus->devices[i];

		if (range_overlaps(base, size, other->base.raw, other->size))
			return false;
	}
	bus->devices[bus->count++] = dev;
	return true;
}
