/* SPDX-License-Identifier: MIT */
/*
 * The calls that are made from more than one place, and names for errors.
 */
#include "kit/sbi.h"

#include "kit/csr.h"

unsigned long sbi_base(unsigned long fid)
{
	return sbi_call(SBI_BASE, fid, 0, 0, 0, 0, 0, 0).value;
}

bool sbi_probe(unsigned long eid)
{
	struct sbiret r = sbi_call(SBI_BASE, SBI_BASE_PROBE, eid, 0, 0, 0, 0, 0);

	return r.error == SBI_SUCCESS && r.value != 0;
}

struct sbiret sbi_set_timer(uint64_t when)
{
	unsigned long high = XLEN == 32 ? (unsigned long)(when >> 32) : 0;

	return sbi_call(SBI_TIME, SBI_TIME_SET, (unsigned long)when, high, 0, 0, 0, 0);
}

struct sbiret sbi_send_ipi(unsigned long mask, unsigned long base)
{
	return sbi_call(SBI_IPI, SBI_IPI_SEND, mask, base, 0, 0, 0, 0);
}

struct sbiret sbi_reset(unsigned long type, unsigned long reason)
{
	return sbi_call(SBI_SRST, SBI_SRST_RESET, type, reason, 0, 0, 0, 0);
}

const char *sbi_error_name(long error)
{
	static const char *const names[] = {
		"SBI_SUCCESS",
		"SBI_ERR_FAILED",
		"SBI_ERR_NOT_SUPPORTED",
		"SBI_ERR_INVALID_PARAM",
		"SBI_ERR_DENIED",
		"SBI_ERR_INVALID_ADDRESS",
		"SBI_ERR_ALREADY_AVAIL",
		"SBI_ERR_ALREADY_STARTED",
		"SBI_ERR_ALREADY_STOPPED",
		"SBI_ERR_NO_SHMEM",
		"SBI_ERR_INVALID_STATE",
		"SBI_ERR_BAD_RANGE",
		"SBI_ERR_TIMEOUT",
		"SBI_ERR_IO",
		"SBI_ERR_DENIED_LOCKED",
	};
	long count = sizeof(names) / sizeof(*names);

	return error <= 0 && error > -count ? names[-error] : "?";
}
