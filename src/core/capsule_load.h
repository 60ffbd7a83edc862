/* SPDX-License-Identifier: MIT */
/* The parts of loading that making a capsule needs as well (core/capsule_make.c). */
#ifndef CORE_CAPSULE_LOAD_H
#define CORE_CAPSULE_LOAD_H

#include "core/capsule.h"

/* Virtual devices as they are after power-on. Caller holds the device lock, or nobody else looks
 * yet. */
void capsule_load_devices(struct capsule *capsule);

#endif
