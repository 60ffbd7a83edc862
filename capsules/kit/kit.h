/* SPDX-License-Identifier: MIT */
/*
 * What a capsule written with the kit has: main(), and these facts about where
 * it runs.
 */
#ifndef KIT_KIT_H
#define KIT_KIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kit/fdt.h"

/* Filled before main() is called. Addresses are guest-physical. */
struct kit {
	unsigned long hart;
	struct fdt fdt;
	/* The memory node that holds the image; 0 if there is none. */
	uint64_t ram_base, ram_size;
	/* True if SBI says that it is Diosix: rules that others break are checked. */
	bool diosix;
	const char *bootargs;
};
extern struct kit kit;

/* The image in memory, its bss and stacks included (kit.ld). */
extern char image_start[], image_end[];

/* The capsule's own code. When it returns, the capsule shuts down. */
void main(void);

/* The end: tells the environment, by SRST or as of old. Never returns. */
void kit_shutdown(void) __attribute__((noreturn));

/* The end after a failure that leaves no way to go on (SRST, system failure). */
void kit_fail(void) __attribute__((noreturn));

/*
 * The word after `name=` in the boot arguments, copied to `out` (cut to `size`);
 * false if there is none.
 */
bool kit_argument(const char *name, char *out, size_t size);

/* The decimal number after `name=`, up to its first other character; `otherwise` if there is none.
 */
unsigned long kit_argument_number(const char *name, unsigned long otherwise);

/* Waits `ticks` of the `time` counter without sleeping. */
void kit_delay(uint64_t ticks);

#endif
