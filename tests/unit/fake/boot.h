/* SPDX-License-Identifier: MIT */
/* What a test sees of the fake of core/boot.c. */
#ifndef FAKE_BOOT_H
#define FAKE_BOOT_H

#include "core/capsule.h"

struct fake_boot {
	unsigned ended;		    /* calls of boot_capsule_ended() */
	unsigned revived;	    /* calls of boot_capsule_revived() */
	const struct capsule *last; /* of either */
	struct capsule *told;	    /* whose figures may be told; the test sets it */
	unsigned capsule_count;	    /* that boot_capsule_at() gives */
	struct capsule *capsules[8];
};

extern struct fake_boot fake_boot;

void fake_boot_reset(void);

#endif
