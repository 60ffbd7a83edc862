/* SPDX-License-Identifier: MIT */
#ifndef DRIVERS_FINISHER_H
#define DRIVERS_FINISHER_H

#include "core/machine.h"

/* Remember the SiFive test device at `at`; raw 0: the machine has none. */
void finisher_start(hpa_t at);

/* Remember MACHINE_POWER_OFF_MAX changes of registers that power it off; mask 0: none. */
void finisher_start_updates(const struct machine_update *updates);

/* End the machine with this exit status, if not at once then soon. False when there is no such
 * device. */
bool finisher_power_off(unsigned status);

/* Power off by those changes, which tell no status. False when there are none. */
bool finisher_update(void);

#endif
