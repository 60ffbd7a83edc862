/* SPDX-License-Identifier: MIT */
/*
 * "Timer Extension (EID #0x54494D45 "TIME")". Its only function is done by the
 * trap path itself, on two registers (riscv/trap.S); what arrives here is the rest.
 */
#include "core/arch.h"
#include "sbi/sbi.h"

SBI_HANDLER(sbi_time)
{
	if (fid != 0)
		return sbi_return(SBI_ERR_NOT_SUPPORTED, 0);
	arch_timer_set(vcpu_this(), sbi_wide(a0, a1));
	return sbi_return(SBI_SUCCESS, 0);
}
