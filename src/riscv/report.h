/* SPDX-License-Identifier: MIT */
/*
 * What a person gets to see when a guest, or the hypervisor itself, has failed.
 * docs/crash-report.md says how to read it.
 */
#ifndef RISCV_REPORT_H
#define RISCV_REPORT_H

#include "riscv/report_exits.h"
#include "riscv/trap.h"

/*
 * The guest of `context` has trapped and can't go on: cause in words, registers, symbols,
 * code, page-table walks and the last exits, as at most 40 alerts. On its hart, with its
 * state in the registers and its context saved in full; before capsule_end().
 */
void report_guest(const struct context *context, const struct trap *trap);

/*
 * The same for a guest that has reported a failure of its own by an SBI call, which
 * returns to context->pc: what its last trap was is taken from its CSRs.
 */
void report_failure(const struct context *context);

/* Registers `from` to `from` + REPORT_PER_LINE - 1 of x; x0, which has nothing to tell, is the pc.
 */
enum { REPORT_PER_LINE = 4 };
void report_registers(char *line, size_t size, const xlen_t *x, xlen_t pc, unsigned from);

#endif
