/* SPDX-License-Identifier: MIT */
/*
 * "Steal-time Accounting Extension (EID #0x535441 "STA")". What is written, and when, is
 * core/steal.c's; the address is forgotten when the vCPU stops or starts again.
 */
#include "core/arch.h"
#include "core/steal.h"
#include "sbi/sbi.h"

enum { SET_SHARED_MEMORY = 0 };

static long set_shared_memory(xlen_t low, xlen_t high, xlen_t flags)
{
	const xlen_t all_ones = (xlen_t)-1;
	struct vcpu *vcpu = vcpu_this();
	uint8_t *memory;

	if (flags)
		return SBI_ERR_INVALID_PARAM;
	if (low == all_ones && high == all_ones) {
		steal_show(vcpu, NULL);
		return SBI_SUCCESS;
	}
	if (low % sizeof(struct steal_memory))
		return SBI_ERR_INVALID_PARAM;
	if (!sbi_memory(vcpu->capsule, low, high, sizeof(struct steal_memory),
			ALLOW_READ | ALLOW_WRITE, &memory))
		return SBI_ERR_INVALID_ADDRESS;
	steal_show(vcpu, (struct steal_memory *)(void *)memory);
	return SBI_SUCCESS;
}

SBI_HANDLER(sbi_sta)
{
	if (fid != SET_SHARED_MEMORY)
		return sbi_return(SBI_ERR_NOT_SUPPORTED, 0);
	return sbi_return(set_shared_memory(a0, a1, a2), 0);
}
