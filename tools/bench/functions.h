/* SPDX-License-Identifier: MIT */
/*
 * Which functions of the hypervisor executed how many instructions before the
 * event "from": where a boot's time goes.
 */
#ifndef BENCH_FUNCTIONS_H
#define BENCH_FUNCTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Reads lines of "hexadecimal-address name", in the order of addresses. False: it can't. */
bool functions_read(const char *name);

/* The counter of the function that holds physical address `at`; NULL if none is known. */
uint64_t *functions_counter(uint64_t at);

/* Keep the counters as they are now, for functions_print(). */
void functions_freeze(void);

/* As JSON: name to count, without those that never ran. */
void functions_print(FILE *file);

#endif
