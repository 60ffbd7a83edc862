/* SPDX-License-Identifier: MIT */
/*
 * Capsules: a guest's virtual machine, from the manifest's wish to its end.
 */
#ifndef CORE_CAPSULE_H
#define CORE_CAPSULE_H

#include "core/console.h"
#include "core/isolation.h"
#include "core/lock.h"
#include "core/manifest.h"
#include "core/ram.h"
#include "core/vcpu.h"
#include "vdev/vplic.h"
#include "vdev/vuart.h"

enum { CAPSULE_VCPUS_MAX = 1 };

/*
 *   EMPTY -> LOADED -> RUNNING -> ENDED
 *
 * LOADED: RAM, image, device tree and vCPU are ready. ENDED: it never runs
 * again; `end` says why.
 */
enum capsule_state { CAPSULE_EMPTY, CAPSULE_LOADED, CAPSULE_RUNNING, CAPSULE_ENDED };

enum capsule_end {
	CAPSULE_SHUTDOWN, /* the guest's wish */
	CAPSULE_REBOOT,	  /* the guest's wish */
	CAPSULE_FAILED,	  /* contract broken, or the guest reported a failure of its own */
};

struct capsule {
	/* Constant once loaded. */
	unsigned number; /* 1, 2, ... */
	char name[MANIFEST_NAME_MAX];
	gpa_t ram;
	uint64_t ram_size;
	struct space space;
	unsigned vcpu_count;
	struct vcpu *vcpus[CAPSULE_VCPUS_MAX];

	enum capsule_state state;
	enum capsule_end end;

	struct console_port console;

	struct lock devices_lock;
	/* Guarded by devices_lock. */
	struct vdev_bus bus;
	struct vplic plic;
	struct vuart uart;
};

/*
 * Build a capsule from what the manifest asks for, in RAM taken from `map`:
 * RAM zeroed and fenced, image and ramdisk copied, device tree written, vCPU
 * ready at the kernel's entry for `hart`. `timebase` is the machine's, in Hz. On refusal nothing
 * stays allocated and `why` has the sentence. Boot hart.
 */
enum status capsule_create(struct capsule *capsule, unsigned number,
			   const struct manifest_capsule *wish, uint64_t timebase,
			   struct ram_map *map, struct hart *hart, struct reason *why) MUST_USE;

/* Say how it ended, in the capsule's last line. The vCPU that runs must not return to the guest. */
void capsule_end(struct capsule *capsule, enum capsule_end end, const char *how);

#endif
