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

/* Everything else: the interrupt controller, of which no source is routed yet. Boot hart, after
 * drivers_start_console(). */
void drivers_start(const struct machine *machine);

/*
 * The hart's own part of the interrupt controller; on that hart, before it is ready, with
 * interrupts off. False when it has none: no device can interrupt it, nor another hart by MSI.
 */
bool drivers_start_hart(const struct hart *hart);

/* The terminal's interrupts go to `hart`, which is ready, from now on, and to no other. Before
 * console_start(); says so when it can't be, and the terminal is polled. */
void drivers_route_console(const struct hart *hart);

/* Serve what is pending at `hart`'s external interrupt, on that hart. True when another hart has
 * called it by an MSI. */
bool drivers_interrupt(const struct hart *hart);

/*
 * Power off, with `status` where something can tell it to whoever watches. False when nothing can;
 * true when something was told to, which may take a moment after this has returned.
 */
bool drivers_power_off(unsigned status);

#endif
