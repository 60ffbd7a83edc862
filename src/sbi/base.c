/* SPDX-License-Identifier: MIT */
/* "Base Extension (EID #0x10)". */
#include "core/arch.h"
#include "sbi/sbi.h"

enum {
	SPEC_VERSION = 3 << 24, /* 3.0 */
	IMPLEMENTATION_DIOSIX = 5,
	IMPLEMENTATION_VERSION = 2 << 16, /* 2.0.0: major, minor and patch in 16, 8 and 8 bits */
};

SBI_HANDLER(sbi_base)
{
	switch (fid) {
	case 0: return sbi_return(SBI_SUCCESS, SPEC_VERSION);
	case 1: return sbi_return(SBI_SUCCESS, IMPLEMENTATION_DIOSIX);
	case 2: return sbi_return(SBI_SUCCESS, IMPLEMENTATION_VERSION);
	case 3: return sbi_return(SBI_SUCCESS, sbi_has(a0));
	case 4: return sbi_return(SBI_SUCCESS, arch_vendor_id());
	case 5: return sbi_return(SBI_SUCCESS, arch_architecture_id());
	case 6: return sbi_return(SBI_SUCCESS, arch_implementation_id());
	default: return sbi_return(SBI_ERR_NOT_SUPPORTED, 0);
	}
}
