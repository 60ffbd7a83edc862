/* SPDX-License-Identifier: MIT */
/*
 * The watch over harts. One that is lost, in a loop of our own or by its hardware, keeps what waits
 * for it waiting, in silence and for ever. So two harts, the keepers, look every few seconds: the
 * first, which also serves the terminal, after all those that somebody waits for, the second after
 * the first, whose place it takes when that is lost (docs/scheduler.md).
 */
#ifndef CORE_WATCH_H
#define CORE_WATCH_H

#include "core/hart.h"

/* The first keeper is `console`; it names the second. Boot hart, when all harts have their queues.
 */
void watch_start(struct hart *console);

/* Who serves the terminal, or is about to; NULL before watch_start(). Any hart. */
struct hart *watch_console_hart(void);

/* Look, if this hart is a keeper and it is time; when the next look is due, in ticks, all ones:
 * never. On a hart that has been told SCHED_CALL_CONSOLE, and then. */
uint64_t watch_tend(uint64_t now);

#endif
