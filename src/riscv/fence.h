/* SPDX-License-Identifier: MIT */
/*
 * The fences of a hart, each of which is one instruction. On the host they are functions of the
 * unit tests, whose harts have caches that forget nothing by themselves (tests/unit/test_fences.c).
 * M-mode, this hart.
 */
#ifndef RISCV_FENCE_H
#define RISCV_FENCE_H

#include "core/types.h"

#if __STDC_HOSTED__
#define FENCE(name, argument, code, operand) void name argument;
#else
#define FENCE(name, argument, code, operand)                                                       \
	static inline void name argument                                                           \
	{                                                                                          \
		__asm__ volatile(code : : operand : "memory");                                     \
	}
#endif

/* "Supervisor Memory-Management Fence Instruction": translations of S and U with V=0, all or of one
 * page, and the rights that PMP gave them. */
FENCE(fence_pages, (void), "sfence.vma x0, x0", )
FENCE(fence_page, (xlen_t page), "sfence.vma %0, x0", "r"(page))

/*
 * "Hypervisor Memory-Management Fence Instructions": translations of the first stage with V=1,
 * under the VMID in hgatp, all or of one page (HFENCE.VVMA); of the second stage, of all VMIDs,
 * with the rights that PMP gave them (HFENCE.GVMA). Encoded by hand for assemblers that don't know
 * H.
 */
FENCE(fence_guest_pages, (void), ".4byte 0x22000073", )
FENCE(fence_guest_page, (xlen_t page), ".insn r 0x73, 0, 0x11, x0, %0, x0", "r"(page))
FENCE(fence_second_stage, (void), ".4byte 0x62000073", )

/* "Instruction-Fetch Fence": what was written as data is executed from now on. */
FENCE(fence_code, (void), "fence.i", )

#undef FENCE

#endif
