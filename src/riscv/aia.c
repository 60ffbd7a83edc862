/* SPDX-License-Identifier: MIT */
#include "riscv/aia.h"

#include "riscv/access.h"

/* Two 32-bit registers are one where XLEN is 64, and only even numbers exist there. */
enum { SELECT_STEP = XLEN / 32, IPRIO_COUNT = 16, FILE_ARRAY_COUNT = 64 };

bool aia_probe(struct cpu *cpu, uint32_t closed)
{
	xlen_t unused;

	cpu->has_aia = csr_probe_mvien(&unused);
	/* The IMSIC's bit is there only with an IMSIC. */
	return csr_probe_siselect(&unused) &&
	       !((closed & STATEEN_CSRIND) &&
		 ((closed & STATEEN_IMSIC) || !csr_probe_mtopei(&unused)));
}

/* An array of registers; those of identities that the file lacks may be absent, at its end. */
static void clear_array(xlen_t first, unsigned count)
{
	for (xlen_t i = first; i < first + count && csr_write_sireg(i, 0); i += SELECT_STEP)
		;
}

/* The supervisor's priorities, and its interrupt file where the hart has an IMSIC. */
static void clear_supervisor(void)
{
	clear_array(ISELECT_IPRIO, IPRIO_COUNT);
	if (csr_write_sireg(ISELECT_EIDELIVERY, 0)) {
		csr_write_sireg(ISELECT_EITHRESHOLD, 0);
		clear_array(ISELECT_EIE, FILE_ARRAY_COUNT);
		clear_array(ISELECT_EIP, FILE_ARRAY_COUNT);
	}
	csr_write(CSR_SISELECT, 0);
}

void aia_set_up(const struct cpu *cpu)
{
	xlen_t unused;

	if (csr_probe_siselect(&unused))
		clear_supervisor();
	if (!cpu->has_aia)
		return;
	/* What is beyond the interrupts that mideleg and hideleg are set for elsewhere. */
	csr_write64(CSR_MVIEN, CSR_MVIENH, 0);
	if (XLEN == 32) {
		csr_write(CSR_MIDELEGH, 0);
		csr_write(CSR_MIEH, 0);
	}
	if (!cpu->has_hypervisor)
		return;
	csr_write64(CSR_HVIEN, CSR_HVIENH, 0);
	csr_write(CSR_HVICTL, 0);
	/* "Configuring priorities of major interrupts at VS level": all as they are by default. */
	csr_write64(CSR_HVIPRIO1, CSR_HVIPRIO1H, 0);
	csr_write64(CSR_HVIPRIO2, CSR_HVIPRIO2H, 0);
	csr_write(CSR_VSISELECT, 0);
	if (XLEN == 32)
		csr_write(CSR_HIDELEGH, 0);
}

void aia_forget(const struct cpu *cpu)
{
	if (cpu->has_hypervisor)
		csr_write(CSR_VSISELECT, 0);
	else
		clear_supervisor();
}
