/* SPDX-License-Identifier: MIT */
/*
 * The `hext` back end: a capsule is fenced by a second stage of translation of its own
 * (docs/isolation.md). The PMP still stands behind it: whatever the tables might say, below
 * M-mode a hart reaches the RAM of `hext` capsules, reads their tables, and nothing else.
 */
#ifndef RISCV_HEXT_HEXT_H
#define RISCV_HEXT_HEXT_H

#include "core/isolation.h"
#include "core/ram.h"
#include "riscv/cpu.h"

extern const struct isolation_ops hext_isolation;

/*
 * PMP entries that `hext` uses, from 0 up; all a hart must have for it. The same on every hart
 * and for every capsule, so that a change of capsule writes none.
 */
enum { HEXT_PMP_SLOTS = 8 };

/* Take memory for the tables, where a hart has H; without it `hext` is refused. Boot hart, once. */
void hext_init(struct ram_map *ram);

/* Why this hart can't do it, as the end of a sentence; NULL: it can. */
const char *hext_unfit(const struct cpu *cpu);

/* What hgatp holds for guests in `space` under this VMID; 0 for spaces of another back end. */
xlen_t hext_hgatp(const struct space *space, unsigned vmid);

/* Switch this hart's PMP entries of `hext` off, if they are on; the fence is the caller's. */
void hext_leave(struct cpu *cpu);

#endif
