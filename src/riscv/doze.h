/* SPDX-License-Identifier: MIT */
/* A vCPU that waits in its hart (riscv/doze.c). */
#ifndef RISCV_DOZE_H
#define RISCV_DOZE_H

#include "core/types.h"

/*
 * The guest of vcpu_this(), for which no interrupt is pending and enabled, executed WFI and its
 * mepc is behind that: sleep until one is. If there is more to do, that is left as work. M-mode,
 * interrupts off, behind a short entry. `of_guest` are the bits of mip that are the guest's. The
 * result is 0: what emulate_wait() returns.
 */
long doze_until_interrupted(xlen_t of_guest);

#endif
