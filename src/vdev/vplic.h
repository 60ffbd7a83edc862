/* SPDX-License-Identifier: MIT */
/*
 * The virtual PLIC: interrupts of a capsule's devices to its vCPUs, as the
 * RISC-V PLIC specification describes it. One context per vCPU (its S-mode).
 */
#ifndef VDEV_VPLIC_H
#define VDEV_VPLIC_H

#include "vdev/vdev.h"

enum {
	VPLIC_SOURCES = 32,	/* 0 is no interrupt: 31 usable, riscv,ndev = 31 */
	VPLIC_CONTEXTS = 32,	/* vCPUs of one capsule at most */
	VPLIC_PRIORITY_MAX = 7, /* of priorities and thresholds; one less than a power of two */
	VPLIC_SIZE = 0x400000,
};

struct vplic {
	struct vdev dev;
	/*
	 * Tells a vCPU whether its external interrupt line is up. Called with the
	 * capsule's device lock held, only when the level changes.
	 */
	void (*output)(struct vplic *plic, unsigned context, bool level);
	unsigned contexts; /* how many exist */
	uint32_t levels;   /* the devices' lines */
	uint32_t pending;
	uint32_t claimed; /* claimed and not completed: gateway closed */
	uint32_t priorities[VPLIC_SOURCES];
	uint32_t above[VPLIC_PRIORITY_MAX + 1]; /* sources whose priority exceeds the index */
	uint32_t enables[VPLIC_CONTEXTS];
	uint32_t thresholds[VPLIC_CONTEXTS];
	uint32_t raised; /* contexts whose output is up */
};

/*
 * Registers are 32 bits wide; other accesses, and what isn't there, read as zero
 * and ignore writes. Sources are level-triggered: pending while the line is up and
 * not claimed, and a line that falls before the claim leaves its source pending.
 */

/* Make `plic` (zeroed here) at `base` with `contexts` (1..VPLIC_CONTEXTS) contexts. */
void vplic_init(struct vplic *plic, gpa_t base, unsigned contexts,
		void (*output)(struct vplic *plic, unsigned context, bool level));

/*
 * Set the level of a device's line; `source` is 1..VPLIC_SOURCES-1. Called by the devices, with the
 * capsule's device lock held.
 */
void vplic_set(struct vplic *plic, unsigned source, bool level);

#endif
