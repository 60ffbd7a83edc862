/* SPDX-License-Identifier: MIT */
/*
 * Subject srst: the resets that must be refused (SBI 3.0, chapter "System Reset
 * Extension"). Those that work end the capsule: see shutdown.S and its brothers.
 */
#include "kit/csr.h"
#include "kit/kit.h"
#include "kit/sbi.h"
#include "kit/test.h"
#include "subjects.h"

#define VENDOR_TYPE   0xf0000000UL
#define IMPL_REASON   0xe0000000UL
#define VENDOR_REASON 0xf0000000UL

void srst_test(void)
{
	static const unsigned long types[] = {3, 4, 0x7fffffff, 0x80000000, 0xefffffff};
	static const unsigned long reasons[] = {2, 3, 0x80000000, 0xdfffffff};
	static const unsigned long vendor[] = {VENDOR_TYPE, 0xffffffff};

	for (unsigned long i = 0; i < sizeof(types) / sizeof(*types); i++)
		test_error(SBI_ERR_INVALID_PARAM, sbi_reset(types[i], SRST_NO_REASON),
			   "reserved type 0x%lx", types[i]);
	for (unsigned long i = 0; i < sizeof(vendor) / sizeof(*vendor); i++)
		test_error_either(SBI_ERR_INVALID_PARAM, SBI_ERR_NOT_SUPPORTED,
				  sbi_reset(vendor[i], SRST_NO_REASON), "vendor type 0x%lx",
				  vendor[i]);
	if (XLEN == 64)
		test_error(SBI_ERR_INVALID_PARAM, sbi_reset(1UL << (XLEN - 1) | 3, SRST_NO_REASON),
			   "reserved type with high bits");

	/* OpenSBI does not look at the reason, so it would end the test. */
	if (!kit.diosix) {
		test_skip("others reset", "reserved reasons");
		return;
	}
	for (unsigned long i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
		test_error(SBI_ERR_INVALID_PARAM, sbi_reset(SRST_SHUTDOWN, reasons[i]),
			   "reserved reason 0x%lx", reasons[i]);
	test_error_either(SBI_ERR_INVALID_PARAM, SBI_ERR_NOT_SUPPORTED,
			  sbi_reset(SRST_SHUTDOWN, IMPL_REASON), "reason of the implementation");
	test_error_either(SBI_ERR_INVALID_PARAM, SBI_ERR_NOT_SUPPORTED,
			  sbi_reset(SRST_SHUTDOWN, VENDOR_REASON), "vendor reason");
	test_error(SBI_ERR_INVALID_PARAM, sbi_reset(3, 2), "reserved type and reason");
}
