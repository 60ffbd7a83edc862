/* SPDX-License-Identifier: MIT */
/*
 * What the files behind machine_read() share; nobody else includes this. Two
 * walks go over the tree: the first finds harts, memory and /chosen, the second
 * the devices, which refer to them.
 */
#ifndef CORE_MACHINE_READER_H
#define CORE_MACHINE_READER_H

#include "core/log.h"
#include "core/machine.h"
#include "core/tree.h"

enum { MACHINE_ODD_MAX = 16 }; /* alerts about odd nodes before the rest is left unsaid */

struct machine_reader {
	struct tree_place place;
	struct machine *out;
	unsigned odd; /* odd nodes met so far */
	bool reserved_full;

	/* The harts' interrupt controllers, in the order of out->harts. */
	unsigned cpu_nodes;		  /* usable or not */
	int hart;			  /* whose node the walk is in; -1: none of ours */
	uint64_t hart_timebase;		  /* a cpu node's own; 0: none */
	uint32_t intc[MACHINE_HARTS_MAX]; /* phandles; 0: none */

	int stdout_node; /* negative: not named */
	bool uart_is_stdout;
	uint32_t uart_parent; /* phandle of the UART's interrupt controller */
	uint32_t uart_irq;
	uint32_t plic_phandle;
};

/* Say once that something in the tree is odd and left out; a flood of such lines is cut off. */
#define MACHINE_ODD(reader, ...)                                                                   \
	do {                                                                                       \
		if ((reader)->odd++ < MACHINE_ODD_MAX)                                             \
			log_alert("Device tree: " __VA_ARGS__);                                    \
	} while (0)

/* The walk is at a node that may be /cpus, a cpu, or a cpu's interrupt controller. */
void machine_harts_node(struct machine_reader *reader);

/* The second walk. */
void machine_devices_read(struct machine_reader *reader);

/* What is told to a user when the tree has no CLINT and no ACLINT that we know. */
extern const char machine_devices_clints[];

#endif
