/* SPDX-License-Identifier: MIT */
/*
 * Device trees may lie. What one says of memory, of devices and of a hart's own interrupts is tried
 * out before anything relies on it, so that a wrong address is a sentence and no fault of ours, and
 * a timer that will never ring isn't waited for.
 */
#include "core/arch.h"
#include "core/lock.h"
#include "riscv/access.h"
#include "riscv/cpu.h"

/* Looks at a register that is about to change: some milliseconds at least. */
enum { PATIENCE = 1000 * 1000 };

bool arch_answers(hpa_t at, unsigned width)
{
	if (at.raw != (uintptr_t)at.raw)
		return false;
	return width == 1 ? probe_load8(at.raw) : probe_load32(at.raw);
}

bool arch_write32(hpa_t at, uint32_t value)
{
	return at.raw == (uintptr_t)at.raw && probe_store32(at.raw, value);
}

bool probe_clock(void)
{
	uint64_t start = arch_time();

	for (unsigned i = 0; i < PATIENCE; i++)
		if (arch_time() != start)
			return true;
	return false;
}

/* True when the bit of mip comes to be as it should be. */
static bool becomes(xlen_t bit, bool set)
{
	for (unsigned i = 0; i < PATIENCE; i++)
		if (!(csr_read(mip) & bit) == !set)
			return true;
	return false;
}

/* A time that has been is due at once; all ones never is. */
static bool timer_rings(uintptr_t mtimecmp)
{
	return probe_store32(mtimecmp, (uint32_t)-1) && probe_store32(mtimecmp + 4, 0) &&
	       probe_store32(mtimecmp, 0) && becomes(MIP_MTIP, true) &&
	       probe_store32(mtimecmp, (uint32_t)-1) && probe_store32(mtimecmp + 4, (uint32_t)-1) &&
	       becomes(MIP_MTIP, false);
}

static bool call_arrives(uintptr_t msip)
{
	return probe_store32(msip, 1) && becomes(MIP_MSIP, true) && probe_store32(msip, 0) &&
	       becomes(MIP_MSIP, false);
}

/* What to say first stays. */
static void is_unfit(struct cpu *cpu, const char *why)
{
	if (!cpu->hart.unfit)
		cpu->hart.unfit = why;
}

/*
 * One hart at a time: where the registers in the device tree are each other's, two harts that try
 * at once would ring for one another, and both take it for their own doing.
 */
static struct lock trying;

void probe_interrupts(struct cpu *cpu)
{
	lock_take(&trying);
	if (cpu->mtimecmp && !timer_rings(cpu->mtimecmp)) {
		is_unfit(cpu, "its timer isn't where the device tree says, or doesn't ring");
		cpu->mtimecmp = 0;
	}
	/* An MSI arrives in the interrupt file, which has to be set up first (drivers/imsic.c). */
	if (cpu->msip && !cpu->hart.description->msip_is_imsic &&
	    !call_arrives((uintptr_t)cpu->msip)) {
		is_unfit(cpu, "its software interrupt isn't where the device tree says, or doesn't "
			      "come");
		cpu->msip = NULL;
	}
	lock_drop(&trying);
}
