/* SPDX-License-Identifier: MIT */
/*
 * The watch over ends. A capsule ends when every hart has let go of its vCPUs; a hart that is lost,
 * in a loop of our own or by its hardware, would keep it from that in silence, and for ever. So the
 * console's hart looks every few seconds, as long as any capsule is about to end or is asked to: it
 * calls all harts, and whoever hasn't taken the call by the next look is lost (docs/scheduler.md).
 */
#ifndef CORE_WATCH_H
#define CORE_WATCH_H

#include "core/types.h"

/* A capsule is about to end: there is something to watch from `now` on. The console's hart. */
void watch_begin(uint64_t now);

/* Look, if it is time; when the next look is due, in ticks; all ones: never. The console's hart. */
uint64_t watch_tend(uint64_t now);

#endif
