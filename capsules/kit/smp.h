/* SPDX-License-Identifier: MIT */
/*
 * Several harts: starting them by HSM with stacks of their own, what each is
 * known by, and waiting for them. The hart that runs main() is number 0, the
 * others of the device tree follow in its order, so numbers aren't hart ids.
 */
#ifndef KIT_SMP_H
#define KIT_SMP_H

#include <stdbool.h>
#include <stdint.h>

#include "kit/sbi.h"

#define SMP_MAX 32

/* What the specification calls the states of a hart ("HSM Hart States"). */
enum {
	HSM_STARTED,
	HSM_STOPPED,
	HSM_START_PENDING,
	HSM_STOP_PENDING,
	HSM_SUSPENDED,
	HSM_SUSPEND_PENDING,
	HSM_RESUME_PENDING,
};

/* One hart. The first words are known to start.S, which fills them at smp_entry. */
struct smp_hart {
	unsigned long a0, satp, sstatus, sie; /* as it was started, or resumed */
	unsigned long stack, trap_stack;
	void (*run)(unsigned long argument);
	unsigned long argument;
	unsigned long id;
	volatile unsigned long entries; /* how often it came by smp_entry */
};

extern struct smp_hart smp[SMP_MAX];
extern unsigned smp_count;

/* Reads the harts from the device tree; more than SMP_MAX are left out. Hart 0, first of all. */
void smp_init(void);

/* The number of the hart that calls, told from its stack; 0 also where there is no smp_init(). */
unsigned smp_this(void);

/* HSM: hart `number` begins at smp_entry, runs run(argument) there, and stops. */
struct sbiret smp_start(unsigned number, void (*run)(unsigned long argument),
			unsigned long argument);

/* HSM's state of a hart, or ~0 when that is refused. */
unsigned long smp_state(unsigned number);

/* Waits for a state, for SMP_PATIENCE ticks at most. */
bool smp_wait_state(unsigned number, unsigned long state);

/* Waits until *word is `value`, for SMP_PATIENCE ticks at most. Spins. */
bool smp_wait_word(const volatile unsigned long *word, unsigned long value);

/* Waits until all but the caller are stopped. */
bool smp_wait_stopped(void);

/* An IPI to a hart by its number. */
struct sbiret smp_send_ipi(unsigned number);

/* The mask of all harts but hart 0, for base 0. Ids below XLEN only. */
unsigned long smp_others(void);

/* Half a minute at 10 MHz: longer than anything takes that comes at all, on a busy machine too. */
#define SMP_PATIENCE 300000000

/* Where harts begin: a0 = hart id, a1 = its struct smp_hart. Also a resume address. */
extern char smp_entry[];

#endif
