/* SPDX-License-Identifier: MIT */
/*
 * Capsules: a guest's virtual machine, from the manifest's wish to its end.
 */
#ifndef CORE_CAPSULE_H
#define CORE_CAPSULE_H

#include "core/console.h"
#include "core/image.h"
#include "core/isolation.h"
#include "core/lock.h"
#include "core/manifest.h"
#include "core/ram.h"
#include "core/vcpu.h"
#include "vdev/vplic.h"
#include "vdev/vuart.h"

enum { CAPSULE_VCPUS_MAX = 1 };

/*
 *   EMPTY -> LOADING -> RUNNING -> STOPPING -> ENDED
 *               ^                     |
 *               +------ WAITING <-----+
 *
 * LOADING: RAM is being zeroed and filled, step by step. STOPPING: its vCPU has
 * left the guest for good, and what follows is being decided. WAITING: it starts
 * again at `restart_at`. All changes are made by the hart that runs the vCPU.
 */
enum capsule_state {
	CAPSULE_EMPTY,
	CAPSULE_LOADING,
	CAPSULE_RUNNING,
	CAPSULE_STOPPING,
	CAPSULE_WAITING,
	CAPSULE_ENDED,
};

enum capsule_end {
	CAPSULE_SHUTDOWN, /* the guest's wish */
	CAPSULE_REBOOT,	  /* the guest's wish */
	CAPSULE_FAILED,	  /* contract broken, or the guest reported a failure of its own */
	CAPSULE_STOPPED,  /* the user's wish */
};

/* What the user wants of a capsule; set by any hart, obeyed by its own. */
enum capsule_request { CAPSULE_NO_REQUEST, CAPSULE_STOP, CAPSULE_RESTART };

enum {
	/* A guest's own reboots: this many within the time below, then it is stopped. */
	CAPSULE_REBOOTS_MAX = 5,
	CAPSULE_REBOOT_SECONDS = 10,
	/* Restarts after failures: 1, 2, 4, 8, 16 seconds apart, then it stays ended. */
	CAPSULE_RESTARTS_MAX = 5,
	/* Having run for this long, a capsule is as good as new. */
	CAPSULE_STABLE_SECONDS = 60,
};

/* What RAM is filled from, each time the capsule starts; constant. */
struct capsule_image {
	struct image_plan plan;
	struct image_extras extras;
	const uint8_t *kernel;
	uint64_t kernel_size;
	const uint8_t *ramdisk;
	uint64_t ramdisk_size;
	const char *bootargs;
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

	hpa_t host_ram;
	uint32_t timebase; /* Hz */
	struct capsule_image image;
	enum manifest_restart restart;

	/* Of the hart that runs its vCPU. */
	enum capsule_state state;
	enum capsule_end end;
	uint64_t loaded;     /* bytes of RAM that have their first contents */
	uint64_t started_at; /* ticks */
	uint64_t restart_at; /* ticks; WAITING */
	unsigned failures;   /* in a row */
	unsigned starts;
	uint64_t reboots[CAPSULE_REBOOTS_MAX]; /* when the last ones were */

	enum capsule_request request; /* atomic */

	struct console_port console;

	struct lock devices_lock;
	/* Guarded by devices_lock. */
	struct vdev_bus bus;
	struct vplic plic;
	struct vuart uart;

	uint8_t output[CONSOLE_OUTPUT_SIZE]; /* of `console` */
};

/*
 * Build a capsule from what the manifest asks for, in RAM taken from `map`: RAM fenced, image
 * planned, devices and vCPU made and given to `hart`, whose business the loading is.
 * `timebase` is the machine's, in Hz. On refusal nothing stays allocated and `why` has
 * the sentence; NULL is returned. Boot hart.
 */
struct capsule *capsule_create(unsigned number, const struct manifest_capsule *wish,
			       uint64_t timebase, struct ram_map *map, struct hart *hart,
			       struct reason *why);

/* The guest has come to its end, on its own vCPU: it runs no further instruction. */
void capsule_end(struct capsule *capsule, enum capsule_end end, const char *how);

/* A line or two about what it has done so far, into the log. Any hart. */
void capsule_show_figures(const struct capsule *capsule);

/* Ask for something; any hart. */
void capsule_ask(struct capsule *capsule, enum capsule_request request);

/* --- the scheduler's, on the hart that runs the vCPU ---------------------------------------- */

/* Obey what was asked. */
void capsule_obey(struct capsule *capsule, uint64_t now);

/* A capsule that is STOPPING: decide whether it starts again, and when. */
void capsule_settle(struct capsule *capsule, uint64_t now);

/*
 * Give the next piece of RAM its first contents; when it was the last one, device tree,
 * devices and vCPU as well. True when the capsule runs from now on.
 */
bool capsule_load_step(struct capsule *capsule);

#endif
