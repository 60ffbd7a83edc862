/* SPDX-License-Identifier: MIT */
/*
 * The order in which the machine comes up, and how it goes down.
 */
#ifndef CORE_BOOT_H
#define CORE_BOOT_H

#include "core/capsule.h"

/* What the machine's exit status tells, where a test finisher can tell it. */
enum boot_exit {
	EXIT_DONE = 0,	 /* every capsule ended by its own wish */
	EXIT_FAILED = 1, /* a capsule was stopped for a failure */
	EXIT_NONE = 2,	 /* no capsule could start, or the hypervisor itself failed */
};

/* The boot hart, on its own stack, bss clear, traps reported. `tree` is what the boot protocol
 * gave. */
_Noreturn void boot_machine(const void *tree);

/* The capsule with this number; NULL when there is none. Any hart, once capsules run. */
struct capsule *boot_capsule(unsigned number);

/* The first capsule whose figures are to be told; NULL: none. Any hart. */
struct capsule *boot_capsule_to_tell(void);

/* The index-th capsule; NULL: there are no more. Any hart, once capsules run. */
struct capsule *boot_capsule_at(unsigned index);

/* `capsule` has ended for good; when it was the last one, so has the machine. Its own hart,
 * or the console's for one that is lost. */
void boot_capsule_ended(struct capsule *capsule);

/* `capsule` had ended, and is about to start again after all. Its own hart. */
void boot_capsule_revived(struct capsule *capsule);

/* Power off with `status`; where nothing can do that, stop and say so. Any hart, any state. */
_Noreturn void boot_power_off(enum boot_exit status);

#endif
