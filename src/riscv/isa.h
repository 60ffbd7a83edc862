/* SPDX-License-Identifier: MIT */
/*
 * ISA strings: parsing the host's, and composing the guest's as the
 * intersection with an allow-list. Pure, host-tested.
 */
#ifndef RISCV_ISA_H
#define RISCV_ISA_H

#include "core/machine.h"

/*
 * The extensions that Diosix knows how to offer or to use; everything else is invisible. In the
 * canonical order, in which they are written.
 */
enum isa_extension {
	ISA_M,
	ISA_A,
	ISA_F,
	ISA_D,
	ISA_C,
	ISA_V,
	ISA_H, /* single letters; G counts as IMAFD + Zicsr + Zifencei */
	ISA_ZICBOM,
	ISA_ZICBOP,
	ISA_ZICBOZ,
	ISA_ZICNTR,
	ISA_ZICOND,
	ISA_ZICSR,
	ISA_ZIFENCEI,
	ISA_ZIHINTPAUSE,
	ISA_ZIHPM,
	ISA_ZABHA,
	ISA_ZACAS,
	ISA_ZAWRS,
	ISA_ZFA,
	ISA_ZFH,
	ISA_ZFHMIN,
	ISA_ZCB,
	ISA_ZBA,
	ISA_ZBB,
	ISA_ZBC,
	ISA_ZBKB,
	ISA_ZBKC,
	ISA_ZBKX,
	ISA_ZBS,
	ISA_ZKND,
	ISA_ZKNE,
	ISA_ZKNH,
	ISA_ZKSED,
	ISA_ZKSH,
	ISA_ZVBB,
	ISA_ZVBC,
	ISA_ZVE32F,
	ISA_ZVE32X,
	ISA_ZVE64D,
	ISA_ZVE64F,
	ISA_ZVE64X,
	ISA_ZVKB,
	ISA_ZVKG,
	ISA_ZVKN,
	ISA_ZVKNC,
	ISA_ZVKNED,
	ISA_ZVKNG,
	ISA_ZVKNHA,
	ISA_ZVKNHB,
	ISA_ZVKS,
	ISA_ZVKSC,
	ISA_ZVKSED,
	ISA_ZVKSG,
	ISA_ZVKSH,
	ISA_ZVKT,
	ISA_SSCOFPMF,
	ISA_SSTC,
	ISA_SVADU,
	ISA_SVINVAL,
	ISA_SVNAPOT,
	ISA_SVPBMT,
	ISA_SMSTATEEN,
	ISA_COUNT,
};

/* Bit n is extension n of enum isa_extension. */
typedef uint64_t isa_set_t;

#define ISA_BIT(extension) ((isa_set_t)1 << (extension))

/*
 * Those whose state is vector registers and their CSRs: V, what there may be of it (Zve...), and
 * what adds instructions (Zvb..., Zvk...).
 */
#define ISA_VECTOR (ISA_BIT(ISA_V) | (ISA_BIT(ISA_ZVKT + 1) - ISA_BIT(ISA_ZVBB)))

/*
 * What the hart's node says: riscv,isa-extensions where present, else
 * riscv,isa. Unknown names are skipped, versions ignored, B counts as Zba, Zbb
 * and Zbs. A riscv,isa also means Zicsr, Zifencei, Zicntr and Zihpm, which were
 * part of I when that property was defined. 0 when neither is there or the base
 * isn't an rv32 or rv64 I; `xlen` (may be NULL) gets 32 or 64 from riscv,isa, 0
 * when unknown.
 */
isa_set_t isa_read(const struct machine_hart *hart, unsigned *xlen);

struct isa_text {
	char base[8];	      /* "rv64i" */
	char isa[384];	      /* "rv64imafdc_zicsr_zifencei..." in canonical order */
	char extensions[384]; /* "i\0m\0a\0..." */
	unsigned extensions_length;
};

/* The set written both ways for a guest's device tree; `xlen` is 32 or 64. */
void isa_write(isa_set_t set, unsigned xlen, struct isa_text *out);

/* "RV64IMAFDC" for messages: base and single letters only, as many as fit; "RV??I" for xlen 0. */
void isa_short(isa_set_t set, unsigned xlen, char *out, size_t size);

#endif
