/* SPDX-License-Identifier: MIT */
/*
 * Regions of memory as PMP entries (privileged spec, "Physical Memory
 * Protection"). Pure: tested on the host.
 */
#ifndef RISCV_PMP_ENCODE_H
#define RISCV_PMP_ENCODE_H

#include "core/isolation.h"

/* pmpcfg fields. */
enum {
	PMP_R = 1,
	PMP_W = 2,
	PMP_X = 4,
	PMP_OFF = 0 << 3,
	PMP_TOR = 1 << 3,
	PMP_NA4 = 2 << 3,
	PMP_NAPOT = 3 << 3,
	PMP_A = 3 << 3,
	PMP_L = 1 << 7,
};

/*
 * Append entries that allow `allow` (ALLOW_*) in [base, base + size) to the
 * `count` at `entries`, of which there may be `limit`. One NAPOT entry when the
 * region is a naturally aligned power of two, else a TOR pair; the first half of
 * the pair is saved when the previous entry ends where this region begins.
 * ERR_RANGE when the region isn't aligned to `grain` (a power of two) or lies
 * beyond what pmpaddr can hold on a hart of `xlen` bits; ERR_LIMIT names how many entries it needs.
 */
enum status pmp_encode(struct pmp_entry *entries, unsigned *count, unsigned limit, uint64_t base,
		       uint64_t size, unsigned allow, uint64_t grain, unsigned xlen,
		       struct reason *why) MUST_USE;

/*
 * pmpcfg CSRs hold four entries on RV32 and eight on RV64, where only the even
 * ones exist: which CSR (0..15), and the bit its byte starts at.
 */
static inline unsigned pmp_config_csr(unsigned slot, unsigned xlen)
{
	return xlen == 64 ? slot / 8 * 2 : slot / 4;
}

static inline unsigned pmp_config_shift(unsigned slot, unsigned xlen)
{
	return slot % (xlen / 8) * 8;
}

/* What the entries grant at [at, at + size): 0 when no entry matches it entirely. For checks and
 * tests. */
unsigned pmp_lookup(const struct pmp_entry *entries, unsigned count, uint64_t at, uint64_t size);

#endif
