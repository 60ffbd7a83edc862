/* SPDX-License-Identifier: MIT */
/*
 * "RFENCE Extension (EID #0x52464E43 "RFNC")". The HFENCE functions are for
 * guests with the H extension, which no guest has: not supported.
 */
#include "core/arch.h"
#include "sbi/sbi.h"

enum { REMOTE_FENCE_I = 0, REMOTE_SFENCE_VMA = 1, REMOTE_SFENCE_VMA_ASID = 2 };

struct addresses {
	xlen_t start;
	xlen_t size; /* 0: everything */
};

/* A range without addresses. */
static void fence_nothing(struct vcpu *vcpu, const void *with)
{
	(void)vcpu;
	(void)with;
}

static void fence_instructions(struct vcpu *vcpu, const void *with)
{
	(void)vcpu;
	(void)with;
	arch_fence_instructions();
}

/* An ASID narrows the fence only as a hint: fencing all of them is always right, and as quick. */
static void fence_addresses(struct vcpu *vcpu, const void *with)
{
	const struct addresses *range = with;

	(void)vcpu;
	arch_fence_addresses(range->start, range->size);
}

SBI_HANDLER(sbi_rfence)
{
	struct addresses range = {a2, a3};

	switch (fid) {
	case REMOTE_FENCE_I:
		return sbi_return(sbi_for_each_hart(a0, a1, fence_instructions, NULL), 0);
	case REMOTE_SFENCE_VMA_ASID:
		if (!arch_asid_valid(a4))
			return sbi_return(SBI_ERR_INVALID_PARAM, 0);
		/* fall through */
	case REMOTE_SFENCE_VMA:
		/* The whole address space: "start_addr and size are both 0, or size is 2^XLEN-1".
		 */
		if ((a2 == 0 && a3 == 0) || a3 == (xlen_t)-1)
			range = (struct addresses){0, 0};
		else if (a3 && a3 - 1 > (xlen_t)-1 - a2)
			return sbi_return(SBI_ERR_INVALID_ADDRESS, 0);
		else if (a3 == 0)
			return sbi_return(sbi_for_each_hart(a0, a1, fence_nothing, NULL), 0);
		return sbi_return(sbi_for_each_hart(a0, a1, fence_addresses, &range), 0);
	default: return sbi_return(SBI_ERR_NOT_SUPPORTED, 0);
	}
}
