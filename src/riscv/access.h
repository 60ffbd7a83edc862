/* SPDX-License-Identifier: MIT */
/*
 * Accesses that may fault by design (riscv/access.S). M-mode, this hart.
 */
#ifndef RISCV_ACCESS_H
#define RISCV_ACCESS_H

#include "core/arch.h"
#include "riscv/cpu.h"
#include "riscv/csr.h"

/*
 * One byte or halfword of the guest's memory, at an address as the guest sees
 * it, under `status`: mstatus with MPRV set and MPP the mode whose rights count,
 * MXR too for a fetch. -1 when the guest itself couldn't have made the access.
 * A fault changes mepc, mcause, mtval and MPP: who needs them saves them first.
 */
long guest_fetch16(xlen_t address, xlen_t status);
long guest_load8(xlen_t address, xlen_t status);
long guest_store8(xlen_t address, xlen_t byte, xlen_t status);

/*
 * Four bytes of code, of which the upper two may be needless: -1 only means that this road
 * is closed. (On RV32 so does the word of all ones, which is no instruction.)
 */
long guest_fetch32(xlen_t address, xlen_t status);

/*
 * mstatus for such an access, from the one that the guest trapped with. MDT (Smdbltrp) is
 * cleared, or the trap of a failing access would be a double one: on RV64 for the access, on
 * RV32, where mstatush has it, from here on. (Going back to the guest clears it too.)
 */
static inline xlen_t guest_access_status(xlen_t status)
{
	if (XLEN == 64)
		status &= ~(xlen_t)((uint64_t)1 << MSTATUS_MDT_BIT);
	else if (cpu_of(hart_this())->has_double_trap)
		csr_clear(CSR_MSTATUSH, MSTATUSH_MDT);
	return (status & ~(xlen_t)MSTATUS_MIE) | MSTATUS_MPRV;
}

/* Read a CSR that may not exist; false when it doesn't. */
bool csr_probe_time(xlen_t *value);
bool csr_probe_stimecmp(xlen_t *value);
bool csr_probe_menvcfg(xlen_t *value);
bool csr_probe_mseccfg(xlen_t *value);
bool csr_probe_satp(xlen_t *value);
bool csr_probe_mcounteren(xlen_t *value);
bool csr_probe_mcountinhibit(xlen_t *value);
bool csr_probe_mstatush(xlen_t *value); /* RV32's */
bool csr_probe_mtopei(xlen_t *value);
bool csr_probe_siselect(xlen_t *value);
bool csr_probe_mstateen0(xlen_t *value);
bool csr_probe_mvien(xlen_t *value);
bool csr_probe_vlenb(xlen_t *value);
bool csr_probe_fcsr(xlen_t *value); /* needs mstatus.FS */

/* True when there is D; needs mstatus.FS. */
bool insn_probe_double(void);

/* Those of the first ones of enum leftover that the hart has (riscv/leftovers.h). VS is on. */
unsigned csr_probe_leftovers(void);

/*
 * Zero to what an earlier stage may have set, where it exists: state enables, delegation of
 * exceptions from 32 on, control transfer records, the requests' class; on RV32 all of mstatush,
 * which says that memory is little-endian.
 */
void csr_zero_optional(void);

/* SCTRCLR, where there are control transfer records. */
void csr_clear_records(void);

/*
 * Write `value` to what miselect or siselect choose by `select`, or set bits of it (AIA,
 * "Indirectly Accessed Registers"). False when there is no such register; then nothing has changed
 * but the choice.
 */
bool csr_write_mireg(xlen_t select, xlen_t value);
bool csr_set_mireg(xlen_t select, xlen_t bits);
bool csr_write_sireg(xlen_t select, xlen_t value);

/* Read or write memory of the host's; false when nothing answers there. */
bool probe_load8(uintptr_t at);
bool probe_load32(uintptr_t at);
bool probe_store32(uintptr_t at, uint32_t value);

/* PMP CSRs by number; false where they don't exist. */
bool pmp_read_address(unsigned slot, xlen_t *value);
bool pmp_write_address(unsigned slot, xlen_t value);
bool pmp_read_config(unsigned csr, xlen_t *value);
bool pmp_write_config(unsigned csr, xlen_t value);

#endif
