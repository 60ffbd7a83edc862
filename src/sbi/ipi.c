/* SPDX-License-Identifier: MIT */
/* "IPI Extension (EID #0x735049 "sPI: s-mode IPI")". */
#include "core/arch.h"
#include "sbi/sbi.h"

static void send(struct vcpu *vcpu, const void *with)
{
	(void)with;
	arch_vcpu_send_ipi(vcpu);
}

SBI_HANDLER(sbi_ipi)
{
	if (fid != 0)
		return sbi_return(SBI_ERR_NOT_SUPPORTED, 0);
	return sbi_return(sbi_for_each_hart(a0, a1, send, NULL), 0);
}
