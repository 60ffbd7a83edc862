/* SPDX-License-Identifier: MIT */
/* The parts of loading that making a capsule needs as well (core/capsule_make.c). */
#ifndef CORE_CAPSULE_LOAD_H
#define CORE_CAPSULE_LOAD_H

#include "core/capsule.h"

/* Virtual devices as they are after power-on. Caller holds the device lock, or nobody else looks
 * yet. */
void capsule_load_devices(struct capsule *capsule);

/* Write the guest's device tree to its place in RAM. */
enum status capsule_load_tree(struct capsule *capsule, struct reason *why) MUST_USE;

#endif
