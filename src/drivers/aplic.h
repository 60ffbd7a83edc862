/* SPDX-License-Identifier: MIT */
/*
 * The root domain of the host's APLIC (RISC-V AIA, "Advanced Platform-Level Interrupt Controller"),
 * for who drives the machine by it: aplic.c itself, where it has wires to the harts, or imsic.c,
 * where it sends MSIs. Nothing is ever delegated to the domains below, and they are off.
 */
#ifndef DRIVERS_APLIC_H
#define DRIVERS_APLIC_H

#include "core/machine.h"
#include "core/status.h"

/*
 * Every source off in every domain; the root is ready to tell harts, by MSI if machine->aplic says
 * so. Boot hart. ERR_FORMAT: it isn't an APLIC; ERR_LIMIT: it can't send MSIs, or not to where the
 * tree has the IMSICs.
 */
enum status aplic_start(const struct machine *machine, struct reason *why) MUST_USE;

/*
 * The UART's source goes to the hart with this index, with the given priority or, by MSI,
 * identity. ERR_LIMIT when the APLIC doesn't have the source, or not with such a trigger.
 */
enum status aplic_route(int index, uint32_t number, struct reason *why) MUST_USE;

/* True while the wire of a source that is sensitive to its level asks for service. */
bool aplic_is_asserted(uint32_t irq);

#endif
