/* SPDX-License-Identifier: MIT */
/* The last exits of a vCPU (RECORD_EXIT in riscv/trap.S), in words. Pure, host-tested. */
#ifndef RISCV_REPORT_EXITS_H
#define RISCV_REPORT_EXITS_H

#include "core/types.h"

/* "load access fault", ... by mcause; "unknown cause". */
const char *report_cause(xlen_t cause);

/* "DBCN", ... by an extension's id; NULL: no extension that guests have. */
const char *report_call(xlen_t eid);

/* A place in a ring of exits that is being told. */
struct report_exits {
	const xlen_t *ring; /* `count` elements, 0 for those that were never written */
	unsigned count;
	unsigned next; /* the oldest element */
	unsigned told; /* how many have been */
};

/*
 * Write as many of the exits that are left as fit into a line of `size` bytes (128 or
 * more): "12 x load access fault, call DBCN". False, with an empty line, when none is left.
 */
bool report_exits_line(struct report_exits *exits, char *line, size_t size);

#endif
