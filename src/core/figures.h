/* SPDX-License-Identifier: MIT */
/* What a capsule and its vCPUs have done so far, in words (core/share.h and others count). */
#ifndef CORE_FIGURES_H
#define CORE_FIGURES_H

#include "core/capsule.h"

/* Let the figures of `capsule` be told, from its first vCPU on. Any hart, without locks. */
void figures_ask(struct capsule *capsule);

/*
 * Tell the next piece of what was asked for: some lines into the log, one vCPU's. True when there
 * is more. Any hart, without locks.
 */
bool figures_tell(void);

#endif
