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
#include "riscv/hext/hext.h"
#include "riscv/pmp/pmp.h"
#include "riscv/virtual.h"

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
	       !strcmp(x->guest_isa.isa, y->guest_isa.isa) &&
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

void arch_fence_instructions(void)
{
	__asm__ volatile("fence.i" : : : "memory");
}

/* The guest's translations: of the first stage under its VMID, or, with V=0, all there are. */
static inline void fence_all_pages(void)
{
	if (virtual_guests())
		virtual_fence_guest();
	else
		__asm__ volatile("sfence.vma x0, x0" : : : "memory");
}

static inline void fence_page(xlen_t page)
{
	if (virtual_guests())
		virtual_fence_page(page);
	else
		__asm__ volatile("sfence.vma %0, x0" : : "r"(page) : "memory");
}

void arch_fence_addresses(xlen_t start, xlen_t size)
{
	/* Beyond some pages one fence of everything is quicker, and bounds the call's cost. */
	enum { PAGES_MAX = 16 };

	if (size == 0 || size > PAGES_MAX * PAGE_SIZE) {
		fence_all_pages();
		return;
	}
	xlen_t page = start & ~(xlen_t)(PAGE_SIZE - 1);
	xlen_t pages = (start - page + size + PAGE_SIZE - 1) / PAGE_SIZE;

	for (; pages; pages--, page += PAGE_SIZE)
		fence_page(page);
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
}
