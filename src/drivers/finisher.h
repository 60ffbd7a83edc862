/* SPDX-License-Identifier: MIT */
#ifndef DRIVERS_FINISHER_H
#define DRIVERS_FINISHER_H

#include "core/types.h"

/* Remember the SiFive test device at `at`; raw 0: the machine has none. */
void finisher_start(hpa_t at);

/* End the machine with this exit status, if not at once then soon. False when there is no such
 * device. */
bool finisher_power_off(unsigned status);

#endif
