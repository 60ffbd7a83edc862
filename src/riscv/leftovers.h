/* SPDX-License-Identifier: MIT */
/*
 * What a guest can leave in a hart besides the state that is switched: of extensions that it isn't
 * offered, but that are there when it tries them. Smstateen closes most of them. What stays open is
 * forgotten before the next guest runs, so that it carries nothing over; who used it has lost it.
 * M-mode, on the hart in question.
 */
#ifndef RISCV_LEFTOVERS_H
#define RISCV_LEFTOVERS_H

#include "riscv/cpu.h"

/* The first ones in the order of csr_probe_leftovers() (riscv/access.S). */
enum leftover {
	LEFTOVER_JVT = 1,      /* Zcmt */
	LEFTOVER_FCSR = 2,     /* Zfinx: without F's registers, and without FS to close it */
	LEFTOVER_CONTEXT = 4,  /* Sdtrig's scontext */
	LEFTOVER_SRMCFG = 8,   /* Ssqosid; with V=1 out of reach */
	LEFTOVER_RECORDS = 16, /* Ssctr's control transfer records */
	LEFTOVER_AIA = 32,     /* riscv/aia.h */
	LEFTOVER_PAD = 64,     /* Zicfilp: that a landing pad is expected, after a trap to M */
};

/*
 * Find cpu->leftovers, and close what can be closed. cpu->isa, has_hypervisor and has_menvcfg are
 * known.
 */
void leftovers_probe(struct cpu *cpu);

/* Between two guests, when there are any. */
void leftovers_forget(const struct cpu *cpu);

#endif
