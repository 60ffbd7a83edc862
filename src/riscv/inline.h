/* SPDX-License-Identifier: MIT */
/*
 * Those functions of core/arch.h that are no more than an instruction or two, for a trap's short
 * road; core/arch.h includes this file, and says what they do.
 */
#ifndef RISCV_INLINE_H
#define RISCV_INLINE_H

#include "riscv/cpu.h"
#include "riscv/csr.h"

static inline void arch_hart_wake(struct hart *hart)
{
	/* What was written to memory comes before the write to the device. */
	__asm__ volatile("fence rw, o" : : : "memory");
	*cpu_of(hart)->msip = 1;
}

static inline void arch_hart_request_work(void)
{
	cpu_of(hart_this())->work = 1;
}

static inline void arch_vcpu_raise_ipi(void)
{
	if (cpu_of(hart_this())->has_hypervisor)
		csr_set(hvip, MIP_VSSIP);
	else
		csr_set(mip, MIP_SSIP);
}

/* arch_time() on this hart, without a call. */
static inline uint64_t inline_time(const struct cpu *cpu)
{
	uint32_t high, low;

	if (__builtin_expect(cpu->has_time, 1))
		return csr_read64(CSR_TIME, CSR_TIMEH);
	if (!cpu_mtime)
		return 0;
	do {
		high = cpu_mtime[1];
		low = cpu_mtime[0];
	} while (high != cpu_mtime[1]);
	return (uint64_t)high << 32 | low;
}

#endif
