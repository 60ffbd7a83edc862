/* SPDX-License-Identifier: MIT */
/*
 * The `pmp` back end: a capsule is fenced by the hart's PMP entries alone.
 * Guest-physical addresses are host-physical ones, and what no entry allows is
 * denied to everything below M-mode (docs/isolation.md).
 */
#ifndef RISCV_PMP_PMP_H
#define RISCV_PMP_PMP_H

#include "core/isolation.h"
#include "riscv/cpu.h"

/*
 * The slot budget. Accesses from S and U that match no entry fail, so nothing is
 * spent on denying. Slots are used from 0 up; all others are switched off.
 */
#define PMP_SLOT_GUEST_FIRST 0
#define PMP_SLOT_GUEST_COUNT 4

_Static_assert(PMP_SLOT_GUEST_FIRST + PMP_SLOT_GUEST_COUNT <= 8,
	       "the smallest PMPs in use have eight entries");
_Static_assert(PMP_SLOT_GUEST_COUNT <= (int)SPACE_SLOTS_MAX, "a space holds what it may use");

extern const struct isolation_ops pmp_isolation;

/*
 * Count this hart's entries and measure their grain; all are left off, fences
 * done. An entry counts only when address and mode read back. On the hart.
 */
void pmp_probe(struct cpu *cpu);

/* After PMP registers were written: see pmp.c. The only thing that clears cpu->pmp_dirty. */
void pmp_fence(struct cpu *cpu);

/* The coarsest grain of all harts, in bytes. */
uint64_t pmp_grain(void);

/* ERR_LIMIT when this hart's entries from PMP_SLOT_GUEST_FIRST on read back differently. */
enum status pmp_verify(const struct pmp_entry *entries, unsigned count, struct reason *why);

#endif
