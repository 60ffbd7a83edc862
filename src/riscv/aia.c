/* SPDX-License-Identifier: MIT */
#include "riscv/aia.h"

#include "riscv/access.h"

/* mstateen0 ("Access control by the state-enable CSRs"). */
#define STATEEN_IMSIC  ((uint64_t)1 << 58)
#define STATEEN_AIA    ((uint64_t)1 << 59)
#define STATEEN_CSRIND ((uint64_t)1 << 60)
#define STATEEN_ALL    (STATEEN_IMSIC | STATEEN_AIA | STATEEN_CSRIND)

/* Two 32-bit registers are one where XLEN is 64, and only even numbers exist there. */
enum { SELECT_STEP = XLEN / 32, IPRIO_COUNT = 16, FILE_ARRAY_COUNT = 64 };

/* Bits that can be set; left clear. senvcfg is open: it is switched, and guests with Zicboz set it.
 */
static uint64_t probe_stateen(void)
{
	uint64_t before, sticks;
	xlen_t unused;

	if (!csr_probe_mstateen0(&unused))
		return 0;
	before = csr_read64(CSR_MSTATEEN0, CSR_MSTATEEN0H) & ~STATEEN_ALL;
	before |= STATEEN_ENVCFG;
	csr_write64(CSR_MSTATEEN0, CSR_MSTATEEN0H, before | STATEEN_ALL);
	sticks = csr_read64(CSR_MSTATEEN0, CSR_MSTATEEN0H) & STATEEN_ALL;
	csr_write64(CSR_MSTATEEN0, CSR_MSTATEEN0H, before);
	return sticks;
}

void aia_probe(struct cpu *cpu)
{
	uint64_t closes = probe_stateen();
	xlen_t unused;

	cpu->has_aia = csr_probe_mvien(&unused);
	/* The IMSIC's bit is there only with an IMSIC. */
	cpu->aia_open = csr_probe_siselect(&unused) &&
			!((closes & STATEEN_CSRIND) &&
			  ((closes & STATEEN_IMSIC) || !csr_probe_mtopei(&unused)));
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
