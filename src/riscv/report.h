/* SPDX-License-Identifier: MIT */
/* What a person gets to see when a guest, or the hypervisor itself, has failed. */
#ifndef RISCV_REPORT_H
#define RISCV_REPORT_H

#include "riscv/trap.h"

/* The guest that just trapped: cause in words, pc, address, all registers, supervisor CSRs. */
void report_guest(const struct context *context, const struct trap *trap);

/* "load access fault", ... */
const char *report_cause(xlen_t cause);

#endif
