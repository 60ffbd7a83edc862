/* SPDX-License-Identifier: MIT */
/* Stands for core/boot.c: counts the capsules that end, and powers nothing off. */
#include "unit.h"

#include "core/boot.h"
#include "fake/boot.h"

struct fake_boot fake_boot;

void fake_boot_reset(void)
{
	fake_boot = (struct fake_boot){0};
}

struct capsule *boot_capsule_to_tell(void)
{
	return fake_boot.told && fake_boot.told->figures ? fake_boot.told : NULL;
}

struct capsule *boot_capsule_at(unsigned index)
{
	return index < fake_boot.capsule_count ? fake_boot.capsules[index] : NULL;
}

void boot_capsule_ended(struct capsule *capsule)
{
	fake_boot.ended++;
	fake_boot.last = capsule;
}

void boot_capsule_revived(struct capsule *capsule)
{
	fake_boot.revived++;
	fake_boot.last = capsule;
}
