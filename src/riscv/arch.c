/* SPDX-License-Identifier: MIT */
/* What core asks of the hardware (core/arch.h), as far as it is about a hart's guest. */
#include "core/arch.h"

#include "core/assert.h"
#include "core/capsule.h"
#include "core/guest_tree.h"
#include "core/log.h"
#include "lib/string.h"
#include "riscv/access.h"
#include "riscv/cpu.h"
#include "riscv/fence.h"
#include "riscv/hext/hext.h"
#include "riscv/pmp/pmp.h"
#include "riscv/virtual.h"

/* riscv/fp.S */
void fp_zero_d(void *to, void *end);
void fp_copy_d(void *to, const void *from, void *end);

/*
 * True when the registers of D move guest RAM with half as many instructions as ours: on RV32.
 * What isn't aligned for them isn't worth bringing into line.
 */
static bool is_wide(uintptr_t at, size_t size)
{
	return XLEN == 32 && size >= FP_BLOCK && !(at % sizeof(uint64_t)) &&
	       (cpu_of(hart_this())->isa & ISA_BIT(ISA_D));
}

void arch_zero(void *to, size_t size)
{
	size_t wide = is_wide((uintptr_t)to, size) ? size & ~(size_t)(FP_BLOCK - 1) : 0;

	if (wide)
		fp_zero_d(to, (uint8_t *)to + wide);
	memset((uint8_t *)to + wide, 0, size - wide);
}

void arch_copy(void *to, const void *from, size_t size)
{
	uintptr_t either = (uintptr_t)to | (uintptr_t)from;
	size_t wide = is_wide(either, size) ? size & ~(size_t)(FP_BLOCK - 1) : 0;

	if (wide)
		fp_copy_d(to, from, (uint8_t *)to + wide);
	memcpy((uint8_t *)to + wide, (const uint8_t *)from + wide, size - wide);
}

_Noreturn void arch_hart_park(void)
{
	csr_write(mie, 0);
	for (;;)
		__asm__ volatile("wfi");
}

bool arch_hart_has_work(void)
{
	return cpu_of(hart_this())->work != 0;
}

bool arch_harts_alike(const struct hart *a, const struct hart *b)
{
	const struct cpu *x = cpu_of(a), *y = cpu_of(b);

	return x->has_sstc == y->has_sstc && x->has_time == y->has_time &&
	       x->has_hypervisor == y->has_hypervisor && x->has_menvcfg == y->has_menvcfg &&
	       x->pmp_slots == y->pmp_slots && x->vmids == y->vmids &&
	       x->gstage_modes == y->gstage_modes && x->vlenb == y->vlenb &&
	       x->inhibitable == y->inhibitable && !strcmp(x->guest_isa.isa, y->guest_isa.isa) &&
	       !memcmp(x->hart.description->block_shifts, y->hart.description->block_shifts,
		       MACHINE_BLOCKS) &&
	       !strcmp(x->hart.description->mmu_type, y->hart.description->mmu_type);
}

enum status arch_isolation(const struct hart *hart, enum manifest_isolation wanted,
			   const struct isolation_ops **out, struct reason *why)
{
	const char *unfit;

	if (hart->unfit)
		return refuse(why, ERR_LIMIT, "CPU %u can't run it: %s", hart->id, hart->unfit);
	unfit = hext_unfit(cpu_of(hart));
	if (wanted == ISOLATION_HEXT && unfit)
		return refuse(why, ERR_LIMIT,
			      "isolation is hext, but CPU %u %s; pmp or auto would be accepted",
			      hart->id, unfit);
	*out = wanted == ISOLATION_PMP || unfit ? &pmp_isolation : &hext_isolation;
	return OK;
}

enum status arch_isolation_seal(struct reason *why)
{
	return hext_seal(why);
}

void arch_fence_instructions(void)
{
	fence_code();
}

/* The guest's translations: of the first stage under its VMID, or, with V=0, all there are. */
static inline void fence_guest(void)
{
	if (virtual_guests())
		fence_guest_pages();
	else
		fence_pages();
}

static inline void fence_guest_at(xlen_t page)
{
	if (virtual_guests())
		fence_guest_page(page);
	else
		fence_page(page);
}

void arch_fence_addresses(xlen_t start, xlen_t size)
{
	/* Beyond some pages one fence of everything is quicker, and bounds the call's cost. */
	enum { PAGES_MAX = 16 };

	if (size == 0 || size > PAGES_MAX * PAGE_SIZE) {
		fence_guest();
		return;
	}
	xlen_t page = start & ~(xlen_t)(PAGE_SIZE - 1);
	xlen_t pages = (start - page + size + PAGE_SIZE - 1) / PAGE_SIZE;

	for (; pages; pages--, page += PAGE_SIZE)
		fence_guest_at(page);
}

bool arch_asid_valid(xlen_t asid)
{
	/* satp holds 16 bits of ASID on RV64, 9 on RV32, of which a hart may have fewer. */
	return asid < (xlen_t)1 << (XLEN == 64 ? 16 : 9);
}

void arch_describe(const struct hart *hart, struct guest_tree *tree)
{
	const struct cpu *cpu = cpu_of(hart);

	tree->isa_base = cpu->guest_isa.base;
	tree->isa = cpu->guest_isa.isa;
	tree->extensions = cpu->guest_isa.extensions;
	tree->extensions_length = cpu->guest_isa.extensions_length;
	tree->mmu_type = hart->description->mmu_type;
	tree->block_shifts = hart->description->block_shifts;
}
