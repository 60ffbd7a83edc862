/* SPDX-License-Identifier: MIT */
#include "riscv/cpu.h"

#include "core/arch.h"
#include "core/log.h"
#include "riscv/access.h"
#include "riscv/aia.h"
#include "riscv/features.h"
#include "riscv/leftovers.h"
#include "riscv/pmp/pmp.h"
#include "riscv/vector.h"
#include "riscv/virtual.h"

/* riscv/exchange.S */
context_exchange vcpu_exchange, vcpu_exchange_vector, vcpu_exchange_virtual, vcpu_exchange_hext;

_Static_assert(sizeof(struct cpu) + CPU_FAULT_STACK_SIZE + 6144 <= CPU_BLOCK_SIZE,
	       "at least 6 KiB are left for a hart's stack");

struct cpu *cpu_prepare(void *block, const struct machine_hart *description)
{
	uintptr_t top = ((uintptr_t)block + CPU_BLOCK_SIZE - sizeof(struct cpu)) & ~(uintptr_t)15;
	struct cpu *cpu = (struct cpu *)top;

	*cpu = (struct cpu){
		.hart = {.description = description, .sched.alarm = (uint64_t)-1},
		.fault_stack = top,
		.stack = top - CPU_FAULT_STACK_SIZE,
		.stack_limit = block,
	};
	*cpu->stack_limit = CPU_STACK_CANARY;
	if (description) {
		cpu->hart.id = description->id;
		cpu->msip = (volatile uint32_t *)description->msip;
		cpu->mtimecmp = description->mtimecmp;
	}
	return cpu;
}

/* "Machine Vendor ID": JEDEC codes; marchid: riscv/riscv-isa-manual's marchid.md for open ones. */
const char *cpu_maker(const struct cpu *cpu)
{
	enum { MARCHID_QEMU = 42, VENDOR_SIFIVE = 0x489, VENDOR_THEAD = 0x5b7 };

	if (cpu->hart.vendor == VENDOR_SIFIVE)
		return "SiFive/Unknown";
	if (cpu->hart.vendor == VENDOR_THEAD)
		return "T-Head/Unknown";
	if (cpu->hart.architecture == MARCHID_QEMU ||
	    (!cpu->hart.vendor && !cpu->hart.architecture) ||
	    (!cpu->hart.vendor && cpu->hart.architecture == cpu->hart.implementation))
		return "QEMU/Unknown";
	return "Unknown/Unknown";
}

/* Why guests can't run here, as a sentence's end; NULL when they can. */
static const char *why_unfit(const struct cpu *cpu)
{
	xlen_t mseccfg = 0;

	if (!cpu->has_supervisor)
		return "it has no S-mode";
	if (!cpu->hart.description->mmu_type)
		return "its device tree node names no mmu-type";
	/* First of the two: who sets it has locked entries as well. */
	if (csr_probe_mseccfg(&mseccfg) && (mseccfg & MSECCFG_MML))
		return "an earlier boot stage has set mseccfg.MML, under which M-mode can't read "
		       "guests";
	if (cpu->pmp_locked)
		return "an earlier boot stage has locked PMP entries";
	if (cpu->pmp_slots < PMP_SLOT_GUEST_FIRST + PMP_SLOT_GUEST_COUNT)
		return cpu->pmp_slots ? "it has too few PMP entries" : "it has no PMP";
	if (cpu->hart.description->msip == 0 || cpu->mtimecmp == 0)
		return "the device tree names no CLINT or ACLINT for it";
	if (!cpu->has_time && !arch_has_clock())
		return "it has no clock: neither the time CSR nor mtime";
	return NULL;
}

/*
 * Extensions that a guest may have: those without state, and those whose state is switched.
 * All others are left out of its ISA string, and switched off where that can be done. Why not
 * those that isa.h knows: docs/isolation.md.
 */
#define B(name) ISA_BIT(ISA_##name)
static const isa_set_t guest_allowed =
	ISA_VECTOR | B(M) | B(A) | B(F) | B(D) | B(C) | B(ZICBOM) | B(ZICBOP) | B(ZICBOZ) |
	B(ZICNTR) | B(ZICOND) | B(ZICSR) | B(ZIFENCEI) | B(ZIHINTPAUSE) | B(ZABHA) | B(ZACAS) |
	B(ZAWRS) | B(ZFA) | B(ZFH) | B(ZFHMIN) | B(ZCB) | B(ZBA) | B(ZBB) | B(ZBC) | B(ZBKB) |
	B(ZBKC) | B(ZBKX) | B(ZBS) | B(ZKND) | B(ZKNE) | B(ZKNH) | B(ZKSED) | B(ZKSH) | B(SSTC) |
	B(SVINVAL) | B(SVNAPOT);

/*
 * What of the newer extensions guests may use, of which only the cache-block instructions and Sstc
 * have a switch (machine-level spec, "Machine Environment Configuration (menvcfg) Register").
 * cbo.inval has to be a flush: it would throw away what was written, our zeroes included.
 */
static void probe_environment(struct cpu *cpu, isa_set_t *guest)
{
	const uint8_t *shifts = cpu->hart.description->block_shifts;
	xlen_t takes = 0, wanted = 0;

	if (cpu->has_menvcfg) {
		csr_write(CSR_MENVCFG, ENVCFG_CBIE_FLUSH | ENVCFG_CBCFE | ENVCFG_CBZE);
		takes = csr_read(CSR_MENVCFG);
	}
	if ((*guest & B(ZICBOM)) && shifts[MACHINE_BLOCK_MANAGED] &&
	    (takes & (ENVCFG_CBIE | ENVCFG_CBCFE)) == (ENVCFG_CBIE_FLUSH | ENVCFG_CBCFE))
		wanted = ENVCFG_CBIE_FLUSH | ENVCFG_CBCFE;
	else
		*guest &= ~B(ZICBOM);
	if ((*guest & B(ZICBOZ)) && shifts[MACHINE_BLOCK_ZEROED] && (takes & ENVCFG_CBZE))
		wanted |= ENVCFG_CBZE;
	else
		*guest &= ~B(ZICBOZ);
	cpu->envcfg = wanted | (cpu->has_sstc ? (uint64_t)1 << ENVCFG_STCE_BIT : 0);
}

/* "Machine Counter-Inhibit (mcountinhibit) Register": each bit may be read-only zero. */
static uint8_t probe_inhibitable(void)
{
	xlen_t before, sticks;

	if (!csr_probe_mcountinhibit(&before))
		return 0;
	csr_write(CSR_MCOUNTINHIBIT, before | MCOUNTINHIBIT_CY | MCOUNTINHIBIT_IR);
	sticks = csr_read(CSR_MCOUNTINHIBIT);
	csr_write(CSR_MCOUNTINHIBIT, 0);
	return sticks & (MCOUNTINHIBIT_CY | MCOUNTINHIBIT_IR);
}

/*
 * True when mstatush.MDT can be set, which it isn't: riscv/entry.S has cleared it. Nothing
 * can trap while it is.
 */
static bool has_double_trap(void)
{
	xlen_t unused;
	bool has;

	if (XLEN == 64 || !csr_probe_mstatush(&unused))
		return false;
	csr_set(CSR_MSTATUSH, MSTATUSH_MDT);
	has = csr_read(CSR_MSTATUSH) & MSTATUSH_MDT;
	csr_clear(CSR_MSTATUSH, MSTATUSH_MDT);
	return has;
}

/*
 * F and D, which neither misa has to say nor the device tree says for certain. A guest with V=0 can
 * switch on what nobody has named, so what is here must be known. FS stays on until cpu_set_up().
 */
static isa_set_t floating_point(void)
{
	xlen_t unused;

	csr_set(mstatus, MSTATUS_FS);
	if (!(csr_read(mstatus) & MSTATUS_FS) || !csr_probe_fcsr(&unused))
		return 0;
	return ISA_BIT(ISA_F) | (insn_probe_double() ? ISA_BIT(ISA_D) : 0);
}

void cpu_probe(struct cpu *cpu)
{
	xlen_t misa = csr_read(misa);
	xlen_t unused;
	isa_set_t named, guest;

	named = isa_read(cpu->hart.description, NULL);
	cpu->isa = (named & ~(ISA_BIT(ISA_F) | ISA_BIT(ISA_D))) | floating_point();
	guest = cpu->isa & named & guest_allowed;
	cpu->hart.vendor = csr_read(mvendorid);
	cpu->hart.architecture = csr_read(marchid);
	cpu->hart.implementation = csr_read(mimpid);
	/* misa may be hardwired to zero: then the tree alone knows. */
	cpu->has_supervisor = misa ? misa >> ('S' - 'A') & 1 : csr_probe_satp(&unused);
	cpu->has_hypervisor = misa ? misa >> ('H' - 'A') & 1 : !!(cpu->isa & ISA_BIT(ISA_H));
	vector_probe(cpu);
	cpu->has_time = csr_probe_time(&unused);
	cpu->has_menvcfg = csr_probe_menvcfg(&unused);
	cpu->has_sstc =
		(cpu->isa & ISA_BIT(ISA_SSTC)) && cpu->has_menvcfg && csr_probe_stimecmp(&unused);
	cpu->inhibitable = probe_inhibitable();
	leftovers_probe(cpu);
	cpu->is_usual =
		(cpu->isa & ISA_BIT(ISA_D)) && cpu->has_menvcfg && cpu->has_sstc && !cpu->leftovers;
	cpu->ticks_full = cpu->has_sstc && cpu->has_time && !cpu->hart.description->mtimecmp_halves;
	cpu->has_double_trap = has_double_trap();
	pmp_probe(cpu);
	if (cpu->has_hypervisor)
		virtual_probe(cpu);
	cpu->hart.unfit = why_unfit(cpu);

	if (!cpu->has_sstc)
		guest &= ~ISA_BIT(ISA_SSTC);
	probe_environment(cpu, &guest);
	if (!cpu->vlenb)
		guest &= ~ISA_VECTOR;
	isa_write(guest, XLEN, &cpu->guest_isa);
}

/*
 * mstatus as riscv/exchange.S leaves it: as it is by now, when all is set up. With V=1 of its bits
 * MPP alone is a guest's, and FS is on: the guest's own FS decides, which is in vsstatus ("Virtual
 * Supervisor Status (vsstatus) Register").
 */
static void set_up_exchange(struct cpu *cpu)
{
	xlen_t status = csr_read(mstatus) & ~(xlen_t)MSTATUS_MPP;

	cpu->status_guest = MSTATUS_MPP_S;
	if (cpu->has_hypervisor) {
		cpu->status_host = status | MSTATUS_FS | (XLEN == 64 ? cpu->mpv : 0);
		cpu->exchange[0] = vcpu_exchange_virtual;
		cpu->exchange[1] = vcpu_exchange_hext;
	} else {
		cpu->status_guest |= MSTATUS_GUEST;
		cpu->status_host = status & ~MSTATUS_GUEST;
		cpu->exchange[0] = cpu->vlenb ? vcpu_exchange_vector : vcpu_exchange;
	}
}

void cpu_set_up(struct cpu *cpu)
{
	xlen_t unused;

	features_reset(cpu);
	csr_write(mie, 0);
	if (!cpu->has_supervisor)
		return;

	csr_write(mideleg, MIP_GUEST);
	if (csr_probe_mcounteren(&unused))
		csr_write(mcounteren, SCOUNTEREN_ALL);
	if (csr_probe_mseccfg(&unused))
		csr_clear(CSR_MSECCFG, MSECCFG_USEED | MSECCFG_SSEED | MSECCFG_MLPE);
	csr_write(satp, 0);
	csr_clear(mstatus, MSTATUS_SBE | MSTATUS_TVM | MSTATUS_TSR | MSTATUS_MPRV | MSTATUS_SUM |
				   MSTATUS_MXR | MSTATUS_FS | MSTATUS_VS);
	csr_set(mstatus, MSTATUS_TW);
	if (cpu->has_menvcfg)
		csr_write64(CSR_MENVCFG, CSR_MENVCFGH, cpu->envcfg);
	aia_set_up(cpu);
	if (cpu->has_sstc)
		arch_timer_quiet();
	csr_clear(mip, MIP_SSIP | MIP_STIP | MIP_SEIP);
	if (cpu->has_hypervisor)
		virtual_set_up(cpu);
	set_up_exchange(cpu);
}
