/* SPDX-License-Identifier: MIT */
#include "riscv/virtual.h"

#include "core/lock.h"
#include "riscv/access.h"
#include "riscv/fence.h"
#include "riscv/hext/hext.h"
#include "riscv/trap.h"

/* Exceptions are features.c's. */
static void delegate_interrupts(void)
{
	csr_write(hideleg, MIP_VIRTUAL);
	/*
	 * The supervisor's own are never enabled in mie, so where they would go doesn't matter; but
	 * QEMU 7.2 shows a guest with V=1 no more of sie and sip than is set here.
	 */
	csr_write(mideleg, MIP_GUEST);
}

/*
 * HS-mode gets nothing: no interrupt of its own is enabled or can become pending, no exception
 * is delegated that V=1 wouldn't get, and should it be entered all the same, its first fetch
 * hits memory that PMP denies: an access fault, which medeleg leaves to M-mode (virtual_is_stray).
 */
static void guard_hs(const struct cpu *cpu)
{
	csr_write(stvec, (uintptr_t)trap_entry_virtual_sstc);
	csr_write(hgeie, 0);
	csr_clear(mie, MIP_GUEST);
	if (cpu->has_sstc)
		csr_write64_parked(CSR_STIMECMP, CSR_STIMECMPH, (uint64_t)-1);
}

/* The highest VMID that all harts with H have, among those that have looked. */
static unsigned vmids_of_all = (unsigned)-1;
static struct lock vmids_lock;

/* What hgatp takes: its modes, and how many bits of VMID. Left at Bare. */
void virtual_probe(struct cpu *cpu)
{
	const unsigned modes = 1u << (XLEN - HGATP_MODE_SHIFT);

	cpu->mpv = (xlen_t)1 << MPV_BIT;
	for (unsigned mode = 1; mode < modes; mode++) {
		csr_write(hgatp, (xlen_t)mode << HGATP_MODE_SHIFT | (xlen_t)HGATP_VMIDS
									    << HGATP_VMID_SHIFT);
		if (csr_read(hgatp) >> HGATP_MODE_SHIFT != mode)
			continue;
		cpu->gstage_modes |= 1u << mode;
		cpu->vmids = csr_read(hgatp) >> HGATP_VMID_SHIFT & HGATP_VMIDS;
	}
	csr_write(hgatp, 0);
	lock_take(&vmids_lock);
	if (cpu->vmids < vmids_of_all)
		vmids_of_all = cpu->vmids;
	lock_drop(&vmids_lock);
}

void virtual_set_up(struct cpu *cpu)
{
	xlen_t unused;

	delegate_interrupts();
	guard_hs(cpu);
	/* WFI arrives as a virtual instruction; satp, sfence.vma and sret are the guest's. */
	csr_write(hstatus, HSTATUS_VSXL | HSTATUS_VTW);
	csr_clear(mstatus, MSTATUS_TW);
	csr_write(hcounteren, SCOUNTEREN_ALL);
	if (cpu->has_menvcfg)
		csr_write64(CSR_HENVCFG, CSR_HENVCFGH, cpu->envcfg);
	if (csr_probe_mstateen0(&unused))
		csr_write64(CSR_HSTATEEN0, CSR_HSTATEEN0H, (uint64_t)STATEEN_ENVCFG << 32);
	csr_write(vsatp, 0);
	csr_write(hgatp, 0);
	virtual_drop(cpu);
	fence_second_stage();
	fence_guest_pages();
}

/*
 * VMIDs are those that every hart has. 0 is the one of guests without a second stage, and of
 * those that come when all others are given away; these are fenced at every load. None is ever
 * given back, since a vCPU is for ever: its next life begins with a fence (fence_translations).
 */
void virtual_create(struct context *context, const struct space *space)
{
	static unsigned last;

	if (!hext_hgatp(space, 0))
		return;
	context->has_vmid = last < vmids_of_all;
	context->hgatp = hext_hgatp(space, context->has_vmid ? ++last : 0);
}

void virtual_save(const struct cpu *cpu, struct context *context)
{
	struct supervisor *s = &context->supervisor;

	s->sstatus = csr_read(vsstatus);
	s->stvec = csr_read(vstvec);
	s->sscratch = csr_read(vsscratch);
	s->sepc = csr_read(vsepc);
	s->scause = csr_read(vscause);
	s->stval = csr_read(vstval);
	s->satp = csr_read(vsatp);
	s->sie = csr_read(vsie);
	s->scounteren = csr_read(scounteren);
	context->pending.software = csr_read(hvip) >> 1 & PENDING_SOFTWARE;
	if (cpu->has_menvcfg)
		s->senvcfg = csr_read(CSR_SENVCFG);
	if (cpu->has_sstc)
		context->timer = csr_read64(CSR_VSTIMECMP, CSR_VSTIMECMPH);
}

/* What is pending for the guest, without what its own timer compare register raises. */
static xlen_t pending(const struct cpu *cpu, const struct context *context)
{
	xlen_t hvip = 0;

	if (context->pending.software)
		hvip |= MIP_VSSIP;
	if (__atomic_load_n(&context->pending.external, __ATOMIC_ACQUIRE))
		hvip |= MIP_VSEIP;
	if (!cpu->has_sstc && context->timer <= arch_time())
		hvip |= MIP_VSTIP;
	return hvip;
}

/*
 * Translations of the first stage are tagged with the VMID. A vCPU that has one of its own finds
 * none but its own. It must not find those of an earlier stay on this hart, which remote fences
 * of its guest have not reached since, or of an earlier life: then it is fresh. One without a VMID
 * of its own must not find those of the vCPU before. The VMID is in hgatp by now.
 */
static void fence_translations(const struct context *context)
{
	if (context->has_vmid && !context->fresh)
		return;
	if (!context->has_vmid)
		fence_second_stage(); /* VMID 0 has another mode and root now, or none */
	fence_guest_pages();
}

/*
 * vsatp was zeroed before and comes last, so that no translation of one guest is cached under
 * the VMID of another ("Memory-Management Fences", its note on world switches).
 */
void virtual_load(struct cpu *cpu, struct context *context)
{
	const struct supervisor *s = &context->supervisor;

	csr_write(hgatp, context->hgatp);
	fence_translations(context);
	csr_write(vsstatus, s->sstatus);
	csr_write(vstvec, s->stvec);
	csr_write(vsscratch, s->sscratch);
	csr_write(vsepc, s->sepc);
	csr_write(vscause, s->scause);
	csr_write(vstval, s->stval);
	csr_write(vsie, s->sie);
	csr_write(scounteren, s->scounteren);
	if (cpu->has_menvcfg)
		csr_write(CSR_SENVCFG, s->senvcfg);
	/* Without `time` reads of it are emulated, and emulators exist that have no htimedelta
	 * then.
	 */
	if (cpu->has_time)
		csr_write64(CSR_HTIMEDELTA, CSR_HTIMEDELTAH, 0 - context->time_zero);
	if (cpu->has_sstc)
		csr_write64_parked(CSR_VSTIMECMP, CSR_VSTIMECMPH, context->timer);
	csr_write(hvip, pending(cpu, context));
	csr_write(vsatp, s->satp);
}

void virtual_drop(const struct cpu *cpu)
{
	csr_clear(mie, MIP_VIRTUAL);
	csr_write(hvip, 0);
	if (cpu->has_sstc)
		csr_write64_parked(CSR_VSTIMECMP, CSR_VSTIMECMPH, (uint64_t)-1);
}

void virtual_set_timer(const struct cpu *cpu, struct context *context, uint64_t when)
{
	if (cpu->has_sstc) {
		csr_write64_parked(CSR_VSTIMECMP, CSR_VSTIMECMPH, when);
		return;
	}
	context->timer = virtual_to_host_time(context, when);
	csr_clear(hvip, MIP_VSTIP);
}

uint64_t virtual_timer(const struct cpu *cpu, const struct context *context)
{
	return cpu->has_sstc ? csr_read64(CSR_VSTIMECMP, CSR_VSTIMECMPH) : context->timer;
}

/* "Trap Entry" into VS-mode: what hardware does when it delegates that far. */
void virtual_reflect(struct context *context, xlen_t cause, xlen_t value)
{
	xlen_t status = csr_read(vsstatus);

	csr_write(vscause, cause);
	csr_write(vstval, value);
	csr_write(vsepc, context->pc);
	context->pc = csr_read(vstvec) & ~(xlen_t)3;

	status &= ~(xlen_t)(MSTATUS_SPP | MSTATUS_SPIE);
	if (context->status & MSTATUS_MPP_S)
		status |= MSTATUS_SPP;
	if (status & MSTATUS_SIE)
		status |= MSTATUS_SPIE;
	csr_write(vsstatus, status & ~(xlen_t)MSTATUS_SIE);
	context->status |= MSTATUS_MPP_S;
}

bool virtual_is_stray(void)
{
	return !(csr_read(CSR_MPV) >> MPV_BIT & 1);
}
