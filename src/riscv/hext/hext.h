/* SPDX-License-Identifier: MIT */
/*
 * The `hext` back end: a capsule is fenced by a second stage of translation of its own
 * (docs/isolation.md), and the PMP stands behind that (wall.h).
 */
#ifndef RISCV_HEXT_HEXT_H
#define RISCV_HEXT_HEXT_H

#include "core/isolation.h"
#include "core/ram.h"
#include "riscv/cpu.h"

extern const struct isolation_ops hext_isolation;

/*
 * PMP entries that a hart must have for it: the tables' memory takes one, each range of guests' RAM
 * up to two (wall.h).
 */
enum { HEXT_PMP_SLOTS_MIN = 8 };

/*
 * Take memory for the tables, where a hart has H; without it `hext` is refused. `ram` stays what it
 * is; `slots` is the least number of PMP entries among harts that have enough. Boot hart, once.
 */
void hext_init(struct ram_map *ram, unsigned slots);

/*
 * All of RAM is given away: build what the PMP opens from now on. ERR_LIMIT when that can't be.
 * Boot hart, before any vCPU runs.
 */
enum status hext_seal(struct reason *why) MUST_USE;

/* Why this hart can't do it, as the end of a sentence; NULL: it can. */
const char *hext_unfit(const struct cpu *cpu);

/* What hgatp holds for guests in `space` under this VMID; 0 for spaces of another back end. */
xlen_t hext_hgatp(const struct space *space, unsigned vmid);

/* Switch this hart's PMP entries of `hext` off, if they are on; the fence is the caller's. */
void hext_leave(struct cpu *cpu);

#endif
