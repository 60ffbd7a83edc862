/* SPDX-License-Identifier: MIT */
/*
 * What the files behind machine_read() share; nobody else includes this. Several
 * walks go over the tree: the first finds harts, memory and /chosen, the second
 * the devices, which refer to them, the others the interrupt controllers.
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
	uint32_t uart_trigger; /* its second cell, 0: none */
	uint32_t plic_phandle;
	uint32_t msi_parent; /* phandle of the IMSICs that the APLIC sends to; 0: none */
};

/* Say once that something in the tree is odd and left out; a flood of such lines is cut off. */
#define MACHINE_ODD(reader, ...)                                                                   \
	do {                                                                                       \
		if ((reader)->odd++ < MACHINE_ODD_MAX)                                             \
			log_alert("Device tree: " __VA_ARGS__);                                    \
	} while (0)

/* Interrupt numbers of a hart, as in mip. */
enum { MACHINE_SOFTWARE = 3, MACHINE_TIMER = 7, MACHINE_EXTERNAL = 11 };

/* Goes over interrupts-extended, whose entries are a hart's controller and a number. */
struct machine_targets {
	const struct machine_reader *reader;
	const void *cells;
	unsigned count;
	unsigned position; /* of the entry that was read last + 1 */
};

/* The walk is at a node that may be /cpus, a cpu, or a cpu's interrupt controller. */
void machine_harts_node(struct machine_reader *reader);

/* The second walk. */
void machine_devices_read(struct machine_reader *reader);

/* PLIC, APLIC, IMSICs, and the UART's interrupt. After machine_devices_read(). */
void machine_interrupts_read(struct machine_reader *reader);

/* Ways to power off. After machine_devices_read(). */
void machine_power_read(struct machine_reader *reader);

/* The node's interrupts-extended, from its first entry. */
struct machine_targets machine_interrupts_targets(const struct machine_reader *reader);

/*
 * The next entry's number, and the hart, NULL for one that we don't use: such
 * entries count for the position all the same. False at the end.
 */
bool machine_interrupts_next(struct machine_targets *targets, struct machine_hart **hart,
			     uint32_t *interrupt);

/*
 * tree_reg() of the node; false also where M-mode can't reach all of it, and, which is told, where
 * the tree has memory.
 */
bool machine_devices_range(struct machine_reader *reader, unsigned index, struct hpa_range *range);

/* The node's name for a message. */
const char *machine_devices_name(const struct machine_reader *reader);

/* What is told to a user when the tree has no CLINT and no ACLINT that we know. */
extern const char machine_devices_clints[];

#endif
