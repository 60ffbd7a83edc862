/* SPDX-License-Identifier: MIT */
/*
 * Spike's Host-Target Interface: two words of 64 bits by which the emulator serves as terminal and
 * ends. QEMU's board of that name has nothing else.
 */
#ifndef DRIVERS_HTIF_H
#define DRIVERS_HTIF_H

#include "core/console.h"

/*
 * There is one, whose words are at `at`, fromhost first; raw 0: they are those of our own image,
 * which the emulator has found by their names. Boot hart, once.
 */
void htif_start(hpa_t at);

/* The terminal that it is, after htif_start(). It raises no interrupt. */
const struct console_device *htif_console(void);

/* End the machine with this exit status, if not at once then soon. False when there is none. Any
 * hart. */
bool htif_power_off(unsigned status);

#endif
