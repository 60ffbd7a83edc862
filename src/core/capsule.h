/* SPDX-License-Identifier: MIT */
/*
 * Capsules: a guest's virtual machine, from the manifest's wish to its end.
 */
#ifndef CORE_CAPSULE_H
#define CORE_CAPSULE_H

#include "core/console.h"
#include "core/hart_set.h"
#include "core/image.h"
#include "core/isolation.h"
#include "core/lock.h"
#include "core/manifest.h"
#include "core/ram.h"
#include "core/share.h"
#include "core/vcpu.h"
#include "vdev/vplic.h"
#include "vdev/vuart.h"

enum { CAPSULE_VCPUS_MAX = MANIFEST_VCPUS_MAX };

/*
 *   EMPTY -> LOADING -> RUNNING -> STOPPING -> ENDED     LOST: a hart never lets go of a vCPU
 *               ^                     |  |
 *               +------ WAITING <-----+  +-----> LOST
 *
 * LOADING: RAM is being zeroed and filled, step by step, in turns of the first vCPU. STOPPING: no
 * vCPU runs a further instruction; the last one that leaves its hart lets the first
 * one's hart decide what follows. WAITING: it starts again at `restart_at`. Any vCPU can bring it
 * from RUNNING to STOPPING; all other changes are made on the hart of the first vCPU, but for LOST.
 */
enum capsule_state {
	CAPSULE_EMPTY,
	CAPSULE_LOADING,
	CAPSULE_RUNNING,
	CAPSULE_STOPPING,
	CAPSULE_WAITING,
	CAPSULE_ENDED,
	CAPSULE_LOST, /* for good: nobody knows what that hart still does to its RAM */
};

enum capsule_end {
	CAPSULE_SHUTDOWN,   /* the guest's wish */
	CAPSULE_REBOOT,	    /* the guest's wish */
	CAPSULE_AGAIN,	    /* the user's wish: start it again */
	CAPSULE_FAILED,	    /* contract broken, or the guest reported a failure of its own */
	CAPSULE_STOPPED,    /* the user's wish */
	CAPSULE_UNANSWERED, /* a hart that has a vCPU of it doesn't answer */
};

/* What the user wants of a capsule; set by any hart, obeyed by its first vCPU's. */
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

/* The device tree that the guest gets, in memory of the capsule's; constant. */
struct capsule_tree {
	const uint8_t *bytes;
	size_t size;
	size_t seed; /* where in it the seed for random numbers is; 0: there is none */
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

	uint32_t timebase;     /* Hz */
	struct hart_set harts; /* where its vCPUs may run */
	struct capsule_image image;
	struct capsule_tree tree;
	enum manifest_restart restart;

	enum capsule_state state; /* atomic */
	unsigned present;	  /* atomic: vCPUs that the scheduler has */
	unsigned started;	  /* atomic: vCPUs that are neither stopped nor about to be */
	struct share_cap cap;	  /* its ceiling */

	/* Of the hart of its first vCPU; `end` also of whoever brought it to STOPPING. */
	enum capsule_end end;
	uint64_t loaded;     /* bytes of RAM that have their first contents */
	uint64_t started_at; /* ticks */
	uint64_t restart_at; /* ticks; WAITING */
	unsigned failures;   /* in a row */
	unsigned starts;
	uint64_t reboots[CAPSULE_REBOOTS_MAX]; /* when the last ones were */

	enum capsule_request request; /* atomic */
	unsigned figures; /* atomic: the vCPU whose are told next (core/figures.c), + 1; 0: none */

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
 * planned, devices and vCPUs made. It is LOADING, for sched_begin(); `hart` is the first of
 * `harts`, whose harts are of one kind. `timebase` is the machine's, in Hz. On refusal nothing
 * stays allocated and `why` has the sentence; NULL is returned. Boot hart.
 */
struct capsule *capsule_create(unsigned number, const struct manifest_capsule *wish,
			       uint64_t timebase, struct ram_map *map, struct hart *hart,
			       const struct hart_set *harts, struct reason *why);

/*
 * The guest has come to its end: none of its vCPUs runs a further instruction once the call
 * or exception that this is about has returned to the trap path. Of several ends at the same
 * time the first counts. Any hart that runs one of its vCPUs.
 */
void capsule_end(struct capsule *capsule, enum capsule_end end, const char *how);

/*
 * `hart`, which has or had a vCPU of it, has not answered for too long: the capsule ends, as by a
 * failure. Any hart.
 */
void capsule_unanswered(struct capsule *capsule, const struct hart *hart);

/* `hart` has something of it and doesn't answer: it is to end, or, if that was so already, or it
 * didn't run, is given up, and never starts again. The first keeper (core/watch.h). */
void capsule_lose(struct capsule *capsule, const struct hart *hart);

/* Ask for something; any hart. */
void capsule_ask(struct capsule *capsule, enum capsule_request request);

/* --- the scheduler's ------------------------------------------------------------------------- */

/* A vCPU is about to start. False: the capsule isn't running. On its hart. */
bool capsule_vcpu_joins(struct capsule *capsule);

/* The scheduler has a vCPU less. On that vCPU's hart, which has nothing of it any more. */
void capsule_vcpu_left(struct capsule *capsule);

/* VCPU_WANT_LOOK: see whether `vcpu`, if it is the first one, has anything to do for its capsule.
 */
void capsule_look(struct vcpu *vcpu, uint64_t now);

/*
 * Give the next piece of RAM its first contents; when it was the last one, device tree,
 * devices and vCPUs as well. True when the capsule runs from now on. On the first vCPU's hart.
 */
bool capsule_load_step(struct capsule *capsule);

#endif
