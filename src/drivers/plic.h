/* SPDX-License-Identifier: MIT */
/*
 * The host's PLIC (RISC-V Platform-Level Interrupt Controller specification).
 * Only machine-level contexts are ever enabled: what the host's supervisor
 * contexts would raise goes to a guest directly: SEIP of mip reads as its OR with that line.
 */
#ifndef DRIVERS_PLIC_H
#define DRIVERS_PLIC_H

#include "core/machine.h"

/* Every source off for every context. */
void plic_start(const struct machine *machine);

/*
 * Source `irq` raises the external interrupt of `context` and of no other. False when the PLIC
 * hasn't the one or the other: the bit that says so doesn't stay.
 */
bool plic_route(uint32_t irq, int context);

/* The next source that wants service at `context`, 0 for none; end of its service. */
uint32_t plic_claim(int context);
void plic_complete(int context, uint32_t irq);

#endif
