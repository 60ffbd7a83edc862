/* SPDX-License-Identifier: MIT */
/* "Base Extension (EID #0x10)". */
#include "core/arch.h"
#include "sbi/sbi.h"

enum {
	SPEC_VERSION = 3 << 24, /* 3.0 */
	IMPLEMENTATION_DIOSIX = 5,
	IMPLEMENTATION_VERSION = 2 << 16, /* 2.0.0: major, minor and patch in 16, 8 and 8 bits */
};

/* What the guest may know of its hart, and what nobody asks often. */
static struct sbi_ret rarely_asked(xlen_t fid)
{
	const struct hart *hart = hart_this();

	switch (fid) {
	case 1: return sbi_return(SBI_SUCCESS, IMPLEMENTATION_DIOSIX);
	case 2: return sbi_return(SBI_SUCCESS, IMPLEMENTATION_VERSION);
	case 4: return sbi_return(SBI_SUCCESS, hart->vendor);
	case 5: return sbi_return(SBI_SUCCESS, hart->architecture);
	case 6: return sbi_return(SBI_SUCCESS, hart->implementation);
	default: return sbi_return(SBI_ERR_NOT_SUPPORTED, 0);
	}
}

SBI_HANDLER(sbi_base)
{
	if (fid == 3)
		return sbi_return(SBI_SUCCESS, sbi_has(a0));
	if (fid == 0)
		return sbi_return(SBI_SUCCESS, SPEC_VERSION);
	return rarely_asked(fid);
}
