/* SPDX-License-Identifier: MIT */
/*
 * hostile.elf: a capsule that tries everything it can think of, at random. Each
 * kind of attack is one function below that makes a batch of attempts and adds
 * them to hostile.count.
 *
 * An attempt that succeeds although it reaches beyond the capsule is an escape:
 * hostile_escape() says so and ends the capsule as a failure.
 */
#ifndef GUEST_HOSTILE_H
#define GUEST_HOSTILE_H

#include <stdbool.h>
#include <stdint.h>

#include "kit/mmio.h"
#include "kit/trap.h"

#define HOSTILE_BATCH 32

/* c.ebreak: what all unused RAM is filled with, so that a stray jump traps at once. */
#define HOSTILE_FILLER 0x9002u

struct hostile {
	unsigned long ram, ram_end;
	struct mmio_device uart, plic;
	/*
	 * The page of code that is made up, with more than the range of a jump of filler
	 * around it, and the middle of the memory that such code may write to.
	 */
	unsigned long code, data;
	bool has_stimecmp;
	uint64_t seed;
	unsigned long count;
};
extern struct hostile hostile;

/* The next word of chance; a number below `n`, which isn't 0. */
uint32_t hostile_random(void);
unsigned long hostile_below(unsigned long n);

/* A register's worth of chance, with a liking for the ends of ranges. */
unsigned long hostile_value(void);

/* An address that is none of ours, with a liking for the hypervisor, its devices, other capsules.
 */
unsigned long hostile_foreign(void);

/* True when all of [at, at + size) is this capsule's RAM or device; when some of it is its RAM. */
bool hostile_is_mine(unsigned long at, unsigned long size);
bool hostile_touches_ram(unsigned long at, unsigned long size);

/* The end of the test: what was done, and two numbers that explain it. */
void hostile_escape(const char *what, unsigned long a, unsigned long b) __attribute__((noreturn));

/* Makes a timer interrupt come in `ticks`; its handler ends made-up code that runs. */
void hostile_alarm(unsigned long ticks);

/* One access: its width in bytes, and which way. The function traps at its first instruction. */
enum hostile_way { HOSTILE_READ, HOSTILE_WRITE, HOSTILE_FETCH };
struct hostile_access {
	void *run;
	unsigned int width;
	enum hostile_way way;
};

/* One of all accesses; `fetch`: jumps are among them. */
const struct hostile_access *hostile_access(bool fetch);

/*
 * Makes an access. True when it trapped or did nothing; any cause but those that an access may have
 * is reported as a failure. With `translated` these may be page faults.
 */
bool hostile_try(const struct hostile_access *access, unsigned long at, bool translated);

/* The attacks. */
void hostile_memory(void);
void hostile_tables(void);
void hostile_devices(void);
void hostile_csrs(void);
void hostile_calls(void);
void hostile_words(void);
void hostile_programs(void);

#endif
