/* SPDX-License-Identifier: MIT */
/*
 * "System Reset Extension (EID #0x53525354 "SRST")". The system is the capsule.
 */
#include "core/arch.h"
#include "sbi/sbi.h"

enum { TYPE_SHUTDOWN = 0, TYPE_COLD_REBOOT = 1, TYPE_WARM_REBOOT = 2 };
enum { REASON_NONE = 0, REASON_SYSTEM_FAILURE = 1 };

/* Both parameters are "32 bits wide". Every reserved or platform-specific value is invalid. */
static struct sbi_ret reset(uint32_t type, uint32_t reason)
{
	struct vcpu *vcpu = vcpu_this();

	if (type > TYPE_WARM_REBOOT || reason > REASON_SYSTEM_FAILURE)
		return sbi_return(SBI_ERR_INVALID_PARAM, 0);

	if (reason == REASON_SYSTEM_FAILURE)
		capsule_end(vcpu->capsule, CAPSULE_FAILED, "reported a system failure");
	else if (type == TYPE_SHUTDOWN)
		capsule_end(vcpu->capsule, CAPSULE_SHUTDOWN, "powered off");
	else
		capsule_end(vcpu->capsule, CAPSULE_REBOOT, "asked for a reboot");
	return sbi_return(SBI_SUCCESS, 0);
}

SBI_HANDLER(sbi_srst)
{
	if (fid != 0)
		return sbi_return(SBI_ERR_NOT_SUPPORTED, 0);
	return reset(a0, a1);
}
