/* SPDX-License-Identifier: MIT */
/*
 * ISA strings: parsing the host's, and composing the guest's as the
 * intersection with an allow-list. Pure, host-tested.
 */
#ifndef RISCV_ISA_H
#define RISCV_ISA_H

#include "core/machine.h"

/*
 * The extensions that Diosix knows how to offer or to use, with their names; everything else is
 * invisible. In the canonical order, in which they are written: single letters first, of which G
 * counts as IMAFD + Zicsr + Zifencei.
 */
/* clang-format off */
#define ISA_EXTENSIONS(X) \
	X(M, "m") X(A, "a") X(F, "f") X(D, "d") X(C, "c") X(V, "v") X(H, "h") \
	X(ZICBOM, "zicbom") X(ZICBOP, "zicbop") X(ZICBOZ, "zicboz") \
	X(ZICNTR, "zicntr") X(ZICOND, "zicond") X(ZICSR, "zicsr") \
	X(ZIFENCEI, "zifencei") X(ZIHINTPAUSE, "zihintpause") X(ZIHPM, "zihpm") \
	X(ZABHA, "zabha") X(ZACAS, "zacas") X(ZAWRS, "zawrs") X(ZFA, "zfa") \
	X(ZFH, "zfh") X(ZFHMIN, "zfhmin") X(ZCB, "zcb") X(ZBA, "zba") X(ZBB, "zbb") \
	X(ZBC, "zbc") X(ZBKB, "zbkb") X(ZBKC, "zbkc") X(ZBKX, "zbkx") X(ZBS, "zbs") \
	X(ZKND, "zknd") X(ZKNE, "zkne") X(ZKNH, "zknh") X(ZKSED, "zksed") \
	X(ZKSH, "zksh") X(ZVBB, "zvbb") X(ZVBC, "zvbc") X(ZVE32F, "zve32f") \
	X(ZVE32X, "zve32x") X(ZVE64D, "zve64d") X(ZVE64F, "zve64f") \
	X(ZVE64X, "zve64x") X(ZVKB, "zvkb") X(ZVKG, "zvkg") X(ZVKN, "zvkn") \
	X(ZVKNC, "zvknc") X(ZVKNED, "zvkned") X(ZVKNG, "zvkng") X(ZVKNHA, "zvknha") \
	X(ZVKNHB, "zvknhb") X(ZVKS, "zvks") X(ZVKSC, "zvksc") X(ZVKSED, "zvksed") \
	X(ZVKSG, "zvksg") X(ZVKSH, "zvksh") X(ZVKT, "zvkt") X(SSCOFPMF, "sscofpmf") \
	X(SSTC, "sstc") X(SVADU, "svadu") X(SVINVAL, "svinval") X(SVNAPOT, "svnapot") \
	X(SVPBMT, "svpbmt") X(SMSTATEEN, "smstateen")
#define ISA_CONSTANT(extension, name) ISA_##extension,
/* clang-format on */

enum isa_extension { ISA_EXTENSIONS(ISA_CONSTANT) ISA_COUNT };

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
