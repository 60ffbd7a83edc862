/* SPDX-License-Identifier: MIT */
/*
 * What the parts of the plugin share: the counters of the machine's harts.
 */
#ifndef BENCH_COUNT_H
#define BENCH_COUNT_H

#include <stdint.h>
#include <stdio.h>

enum { HARTS_MAX = 128 };

/* What is counted, each by who executed it: guests, or hypervisor (or firmware). */
enum counted { COUNT_INSNS, COUNT_SFENCE, COUNT_HFENCE, COUNT_PMP, COUNTED };
enum who { GUEST, HYPERVISOR, WHO };

struct counters {
	uint64_t of[WHO][COUNTED];
};

/* With one hart, and always for fences: added to by generated code. */
extern struct counters counters[HARTS_MAX];

/* All that hart `hart` has executed, of one kind. */
uint64_t count_of(unsigned hart, enum counted what);

/* The sum over all harts into `out`. */
void count_sum(struct counters *out);

/* `"name": {"guest": {...}, "hypervisor": {...}}` of `to` less `from`. */
void count_print(FILE *file, const char *name, const struct counters *to,
		 const struct counters *from);

/* Write the results and end QEMU. */
void count_stop(void) __attribute__((noreturn));

#endif
