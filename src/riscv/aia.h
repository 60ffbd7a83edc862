/* SPDX-License-Identifier: MIT */
/*
 * The Advanced Interrupt Architecture's CSRs of a hart, as far as guests could reach them.
 *
 * Guests are offered none of it: their interrupt controller is the virtual PLIC. But a hart that
 * has it shows siselect, sireg, stopei and stopi to S-mode: priorities of interrupts, and the
 * IMSIC's interrupt file of the supervisor, which is the hart's and not a guest's. Smstateen closes
 * them. A hart without it is open, and forgets what a guest has left there before the next runs.
 * With V=1 and hstatus.VGEIN 0 only vsiselect can be reached ("Hypervisor and VS CSRs").
 *
 * mvien, which would close the file alone, isn't used: it leaves the priorities open, and changes
 * how SEIP is injected. M-mode, on the hart in question.
 */
#ifndef RISCV_AIA_H
#define RISCV_AIA_H

#include "riscv/cpu.h"

/* Find cpu->has_aia. True when guests can reach something though mstateen0 closes `closed`
 * (STATEEN_...). */
bool aia_probe(struct cpu *cpu, uint32_t closed);

/* Nothing of an earlier stage is in force; guests are kept out where that can be done. */
void aia_set_up(const struct cpu *cpu);

/* Of an open hart, between two guests: nothing of the one is left. */
void aia_forget(const struct cpu *cpu);

#endif
