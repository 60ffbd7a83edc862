/* SPDX-License-Identifier: MIT */
/*
 * Where in sbi_slots the handler of an extension is: the one place that knows, for the
 * trap path as for C. The macros must stay the same function of `eid`; the guest tests,
 * which call every extension through the trap path, fail when they aren't.
 */
#ifndef SBI_SLOT_H
#define SBI_SLOT_H

#define SBI_SLOTS      64
#define SBI_SLOT_SHIFT 5

/* A vCPU's copy of a slot (riscv/context.h) has this many bytes, so that one shift is enough. */
#define SBI_SLOT_COPY (1 << SBI_SLOT_SHIFT)

#ifdef __ASSEMBLER__

/* to = SBI_SLOT_OF(eid) * SBI_SLOT_COPY; they are two registers. */
#define SBI_SLOT_COPY_OF_REGISTER(to, eid)                                                         \
	slli to, eid, SBI_SLOT_SHIFT;                                                              \
	xor to, to, eid;                                                                           \
	andi to, to, (SBI_SLOTS - 1) * SBI_SLOT_COPY

#else

#define SBI_SLOT_OF(eid) (((eid) ^ (eid) >> SBI_SLOT_SHIFT) % SBI_SLOTS)

#endif

#endif
