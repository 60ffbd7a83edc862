/* SPDX-License-Identifier: MIT */
/*
 * The hardware that Diosix itself drives, as found in the device tree.
 */
#ifndef DRIVERS_DRIVERS_H
#define DRIVERS_DRIVERS_H

#include "core/hart.h"
#include "core/machine.h"

/*
 * A terminal and a way to power off, as early as possible: the tree's, or, when it names none
 * or can't be read, those of the board that the image was built for (EARLY_UART,
 * EARLY_FINISHER), so that a machine that can't be used can say so and end.
 */
void drivers_start_console(const struct machine *machine);

/* A terminal for last words when there is none yet: the board's. */
void drivers_emergency(void);

/* Everything else: the interrupt controller. After drivers_start_console(). */
void drivers_start(const struct machine *machine);

/* The terminal's interrupts go to `hart` from now on, and to no other. */
void drivers_route_console(const struct hart *hart);

/* Serve what is pending at `hart`'s external interrupt; on that hart. */
void drivers_interrupt(const struct hart *hart);

/* Power off, with `status` where something can tell it to whoever watches. Returns when nothing
 * can. */
void drivers_power_off(unsigned status);

#endif
