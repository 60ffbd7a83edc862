/* SPDX-License-Identifier: MIT */
/*
 * SiFive's test device: writing to it ends the simulation, or the machine. The
 * low half says pass or fail, the high half carries the status of a failure. And registers of
 * other devices in which some bits do the same (core/machine_power.c).
 */
#include "drivers/finisher.h"

#include "core/arch.h"
#include "drivers/mmio.h"

enum { FINISHER_PASS = 0x5555, FINISHER_FAIL = 0x3333 };

static hpa_t base;
static const struct machine_update *updates; /* NULL: not known yet */

void finisher_start(hpa_t at)
{
	base = at;
}

bool finisher_power_off(unsigned status)
{
	return base.raw &&
	       arch_write32(base, status ? status << 16 | FINISHER_FAIL : FINISHER_PASS);
}

void finisher_start_updates(const struct machine_update *given)
{
	updates = given;
}

/* Where all bits are given the register isn't read: it may be one that can't be. */
static bool apply(const struct machine_update *update)
{
	uint32_t others = 0;

	if (update->mask != UINT32_MAX) {
		if (!arch_answers(update->at, sizeof(others)))
			return false;
		others = mmio_read32(update->at.raw) & ~update->mask;
	}
	return arch_write32(update->at, others | (update->value & update->mask));
}

bool finisher_update(void)
{
	if (!updates || !updates->mask)
		return false;
	for (unsigned i = 0; i < MACHINE_POWER_OFF_MAX && updates[i].mask; i++)
		if (!apply(&updates[i]))
			return false;
	return true;
}
