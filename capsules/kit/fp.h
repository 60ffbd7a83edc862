/* SPDX-License-Identifier: MIT */
/*
 * All floating-point registers at once, for capsules that look whether theirs stay as
 * they were. The kit's C is compiled without FP, so nothing else changes them.
 */
#ifndef KIT_FP_H
#define KIT_FP_H

#include <stdint.h>

/* f0 to f31, then fcsr in the low half of the last. */
#define FP_COUNT 32
#define FP_WORDS (FP_COUNT + 1)

/* Both need D and sstatus.FS not Off; without them they trap. */
void fp_load(const uint64_t f[FP_WORDS]);
void fp_store(uint64_t f[FP_WORDS]);

#endif
