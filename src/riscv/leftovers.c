/* SPDX-License-Identifier: MIT */
#include "riscv/leftovers.h"

#include "riscv/access.h"
#include "riscv/aia.h"

/*
 * Bits that can be set, so that they close something while they are clear; left so. But senvcfg is
 * open: it is switched, and guests that have Zicboz set it.
 */
static uint32_t probe_stateen(void)
{
	uint64_t sticks;
	xlen_t unused;

	if (!csr_probe_mstateen0(&unused))
		return 0;
	csr_write64(CSR_MSTATEEN0, CSR_MSTATEEN0H, (uint64_t)-1);
	sticks = csr_read64(CSR_MSTATEEN0, CSR_MSTATEEN0H);
	csr_write64(CSR_MSTATEEN0, CSR_MSTATEEN0H, (uint64_t)STATEEN_ENVCFG << 32);
	return STATEEN_BITS(sticks, sticks >> 32) & ~(uint32_t)STATEEN_ENVCFG;
}

static unsigned probe_csrs(uint32_t closed)
{
	static const uint32_t closing[] = {STATEEN_JVT, STATEEN_FCSR, STATEEN_CONTEXT,
					   STATEEN_SRMCFG, STATEEN_CTR};
	unsigned found = csr_probe_leftovers();

	for (unsigned i = 0; i < ARRAY_LENGTH(closing); i++)
		if (closed & closing[i])
			found &= ~(1u << i);
	return found;
}

/* A guest can have landing pads in its U-mode by itself ("Landing-Pad-Enabled (LPE) State"). */
static bool has_landing_pads(void)
{
	xlen_t sticks;

	csr_write(CSR_SENVCFG, ENVCFG_LPE);
	sticks = csr_read(CSR_SENVCFG);
	csr_write(CSR_SENVCFG, 0);
	return sticks & ENVCFG_LPE;
}

void leftovers_probe(struct cpu *cpu)
{
	uint32_t closed;
	unsigned found;

	csr_zero_optional();
	closed = probe_stateen();
	found = probe_csrs(closed);
	if (cpu->isa & ISA_BIT(ISA_F))
		found &= ~(unsigned)LEFTOVER_FCSR; /* it is switched */
	if (cpu->has_hypervisor)
		found &= ~(unsigned)LEFTOVER_SRMCFG;
	if (aia_probe(cpu, closed))
		found |= LEFTOVER_AIA;
	if (cpu->has_menvcfg && cpu->has_supervisor && has_landing_pads())
		found |= LEFTOVER_PAD;
	cpu->leftovers = found;
}

/*
 * "Smctr: Control Transfer Records Extension": recording stops before the records are cleared
 * (SCTRCLR). The depth is out of reach with V=1.
 */
static void forget_records(const struct cpu *cpu)
{
	if (cpu->has_hypervisor) {
		csr_write(CSR_VSCTRCTL, 0);
	} else {
		csr_write(CSR_SCTRCTL, 0);
		csr_write(CSR_SCTRDEPTH, 0);
	}
	csr_write(CSR_SCTRSTATUS, 0);
	csr_clear_records();
}

void leftovers_forget(const struct cpu *cpu)
{
	unsigned left = cpu->leftovers;

	if (left & LEFTOVER_AIA)
		aia_forget(cpu);
	if (left & LEFTOVER_JVT)
		csr_write(CSR_JVT, 0);
	if (left & LEFTOVER_FCSR)
		csr_write(CSR_FCSR, 0);
	if (left & LEFTOVER_CONTEXT)
		csr_write(CSR_SCONTEXT, 0);
	if (left & LEFTOVER_SRMCFG)
		csr_write(CSR_SRMCFG, 0);
	if (left & LEFTOVER_RECORDS)
		forget_records(cpu);
	/* "Preserving Expected Landing Pad State on Traps": the trap has brought it to M. */
	if (left & LEFTOVER_PAD)
		csr_clear(CSR_MPELP, MPELP);
}
