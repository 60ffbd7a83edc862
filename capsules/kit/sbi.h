/* SPDX-License-Identifier: MIT */
/*
 * Calls to the supervisor execution environment, as the RISC-V SBI
 * specification 3.0 defines them.
 */
#ifndef KIT_SBI_H
#define KIT_SBI_H

#include <stdbool.h>
#include <stdint.h>

#define SBI_SUCCESS		  0
#define SBI_ERR_FAILED		  -1
#define SBI_ERR_NOT_SUPPORTED	  -2
#define SBI_ERR_INVALID_PARAM	  -3
#define SBI_ERR_DENIED		  -4
#define SBI_ERR_INVALID_ADDRESS	  -5
#define SBI_ERR_ALREADY_AVAILABLE -6
#define SBI_ERR_ALREADY_STARTED	  -7
#define SBI_ERR_ALREADY_STOPPED	  -8
#define SBI_ERR_NO_SHMEM	  -9
#define SBI_ERR_DENIED_LOCKED	  -14

/* Legacy extensions: the number is the call. */
#define SBI_LEGACY_SET_TIMER 0x0
#define SBI_LEGACY_PUTCHAR   0x1
#define SBI_LEGACY_GETCHAR   0x2
#define SBI_LEGACY_CLEAR_IPI 0x3
#define SBI_LEGACY_SEND_IPI  0x4
#define SBI_LEGACY_SHUTDOWN  0x8

#define SBI_BASE	    0x10
#define SBI_BASE_SPEC	    0
#define SBI_BASE_IMPL	    1
#define SBI_BASE_IMPL_VER   2
#define SBI_BASE_PROBE	    3
#define SBI_BASE_MVENDORID  4
#define SBI_BASE_MARCHID    5
#define SBI_BASE_MIMPID	    6
#define SBI_IMPL_OPENSBI    1
#define SBI_IMPL_DIOSIX	    5
#define SBI_TIME	    0x54494d45
#define SBI_TIME_SET	    0
#define SBI_IPI		    0x735049
#define SBI_IPI_SEND	    0
#define SBI_RFENCE	    0x52464e43
#define SBI_RFENCE_I	    0
#define SBI_RFENCE_VMA	    1
#define SBI_RFENCE_VMA_ASID 2
#define SBI_RFENCE_LAST	    6
#define SBI_HSM		    0x48534d
#define SBI_HSM_START	    0
#define SBI_HSM_STOP	    1
#define SBI_HSM_STATUS	    2
#define SBI_HSM_SUSPEND	    3
#define SBI_SRST	    0x53525354
#define SBI_SRST_RESET	    0
#define SBI_DBCN	    0x4442434e
#define SBI_DBCN_WRITE	    0
#define SBI_DBCN_READ	    1
#define SBI_DBCN_BYTE	    2
#define SBI_PMU		    0x504d55
#define SBI_PMU_COUNT	    0
#define SBI_PMU_INFO	    1
#define SBI_PMU_CONFIG	    2
#define SBI_PMU_START	    3
#define SBI_PMU_STOP	    4
#define SBI_PMU_READ	    5
#define SBI_PMU_READ_HI	    6
#define SBI_PMU_SNAPSHOT    7
#define SBI_PMU_EVENTS	    8
#define SBI_SUSP	    0x53555350
#define SBI_SUSP_SUSPEND    0
#define SBI_STA		    0x535441
#define SBI_STA_SET	    0
#define SBI_FWFT	    0x46574654
#define SBI_FWFT_SET	    0
#define SBI_FWFT_GET	    1

enum { SRST_SHUTDOWN, SRST_COLD, SRST_WARM };
enum { SRST_NO_REASON, SRST_FAILURE };

struct sbiret {
	long error;
	unsigned long value;
};

/* One call. Legacy extensions return in `error` and leave a1, seen as `value`, alone. */
static inline struct sbiret sbi_call(unsigned long eid, unsigned long fid, unsigned long arg0,
				     unsigned long arg1, unsigned long arg2, unsigned long arg3,
				     unsigned long arg4, unsigned long arg5)
{
	register unsigned long a0 __asm__("a0") = arg0;
	register unsigned long a1 __asm__("a1") = arg1;
	register unsigned long a2 __asm__("a2") = arg2;
	register unsigned long a3 __asm__("a3") = arg3;
	register unsigned long a4 __asm__("a4") = arg4;
	register unsigned long a5 __asm__("a5") = arg5;
	register unsigned long a6 __asm__("a6") = fid;
	register unsigned long a7 __asm__("a7") = eid;

	__asm__ volatile("ecall"
			 : "+r"(a0), "+r"(a1)
			 : "r"(a2), "r"(a3), "r"(a4), "r"(a5), "r"(a6), "r"(a7)
			 : "memory");
	return (struct sbiret){(long)a0, a1};
}

/* Value of a function of the base extension that has no argument and can't fail. */
unsigned long sbi_base(unsigned long fid);
bool sbi_probe(unsigned long eid);

/* Absolute, in ticks of `time`; splits the argument on RV32. */
struct sbiret sbi_set_timer(uint64_t when);
struct sbiret sbi_send_ipi(unsigned long mask, unsigned long base);

/* Returns only if the environment refuses. */
struct sbiret sbi_reset(unsigned long type, unsigned long reason);

/* "SBI_ERR_INVALID_PARAM" and so on; "?" for a number without a name. */
const char *sbi_error_name(long error);

#endif
