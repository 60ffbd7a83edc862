/* SPDX-License-Identifier: MIT */
/*
 * Traps into the hypervisor, from the vector's first instruction to the `mret`
 * that leaves it, sorted by cause and, for SBI calls, by extension and function.
 */
#ifndef BENCH_TRAPS_H
#define BENCH_TRAPS_H

#include <stdint.h>
#include <stdio.h>

/* `xlen` is the width of the emulated machine's registers. */
void traps_init(unsigned xlen);

/* Called before the instruction is executed: a guest's ecall, a vector's first, any mret. */
void traps_ecall(unsigned hart, void *with);
void traps_entry(unsigned hart, void *with);
void traps_mret(unsigned hart, void *with);

/*
 * Called where the hypervisor looks at interrupts that are pending, or waits for one: no longer
 * than from one of these to the next does an interrupt wait.
 */
void traps_look(unsigned hart, void *with);

/* Forget what was counted so far; count no more. */
void traps_begin(unsigned hart, void *with);
void traps_end(unsigned hart, void *with);

/* The list of classes, as JSON. */
void traps_print(FILE *file);

#endif
