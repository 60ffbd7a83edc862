/* SPDX-License-Identifier: MIT */
/*
 * The page-table builder. All four schemes are one algorithm with different
 * numbers of levels; a table is one page and has as many entries as words fit.
 */
#include "kit/mmu.h"

#include "kit/csr.h"
#include "kit/kit.h"
#include "kit/string.h"

#define PAGE_SHIFT 12
#define PAGE_SIZE  (1UL << PAGE_SHIFT)
#define ENTRIES	   (PAGE_SIZE / XLEN_BYTES)
#define INDEX_BITS (XLEN == 64 ? 9 : 10)
#define PTE_PPN	   10
#define POOL_PAGES 48

#if __riscv_xlen == 64
const struct mmu_mode mmu_modes[] = {{"Sv39", 8, 3}, {"Sv48", 9, 4}, {"Sv57", 10, 5}, {NULL, 0, 0}};
#else
const struct mmu_mode mmu_modes[] = {{"Sv32", 1, 2}, {NULL, 0, 0}};
#endif

static unsigned long pool[POOL_PAGES][ENTRIES] __attribute__((aligned(4096)));
static unsigned int pool_used;

static unsigned long *take_page(void)
{
	unsigned long *page;

	if (pool_used == POOL_PAGES)
		return NULL;
	page = pool[pool_used++];
	memset(page, 0, PAGE_SIZE);
	return page;
}

static unsigned long satp_of(const struct mmu *m, unsigned long asid)
{
	return (unsigned long)m->mode->satp_mode << SATP_MODE_SHIFT | asid << SATP_ASID_SHIFT |
	       (unsigned long)m->root >> PAGE_SHIFT;
}

/* A write of satp with a mode that is not there has no effect: so try, with our code mapped. */
bool mmu_init(struct mmu *m, const struct mmu_mode *mode)
{
	bool present;

	pool_used = 0;
	m->mode = mode;
	m->root = take_page();
	mmu_map_image(m);
	CSR_WRITE(satp, satp_of(m, 0));
	present = CSR_READ(satp) == satp_of(m, 0);
	mmu_off();
	return present;
}

unsigned long mmu_page_size(unsigned int level)
{
	return PAGE_SIZE << (level * INDEX_BITS);
}

unsigned long mmu_pte(unsigned long pa, unsigned long flags)
{
	return pa >> PAGE_SHIFT << PTE_PPN | flags;
}

unsigned long *mmu_entry(struct mmu *m, unsigned long va, unsigned int level)
{
	unsigned long *table = m->root;

	for (unsigned int at = m->mode->levels - 1;; at--) {
		unsigned long *entry = &table[va >> (PAGE_SHIFT + at * INDEX_BITS) & (ENTRIES - 1)];

		if (at == level)
			return entry;
		if (!(*entry & PTE_V)) {
			table = take_page();
			if (!table)
				return NULL;
			*entry = mmu_pte((unsigned long)table, PTE_V);
		}
		table = (unsigned long *)(*entry >> PTE_PPN << PAGE_SHIFT);
	}
}

unsigned long *mmu_map(struct mmu *m, unsigned long va, unsigned long pa, unsigned int level,
		       unsigned long flags)
{
	unsigned long *entry = mmu_entry(m, va, level);

	if (entry)
		*entry = mmu_pte(pa & ~(mmu_page_size(level) - 1), flags);
	return entry;
}

void mmu_map_image(struct mmu *m)
{
	unsigned long step = mmu_page_size(1);
	unsigned long va = (unsigned long)image_start & ~(step - 1);

	for (; va < (unsigned long)image_end; va += step)
		mmu_map(m, va, va, 1, PTE_RW | PTE_X);
}

void mmu_on(const struct mmu *m, unsigned long asid)
{
	__asm__ volatile("sfence.vma" : : : "memory");
	CSR_WRITE(satp, satp_of(m, asid));
	__asm__ volatile("sfence.vma" : : : "memory");
}

void mmu_off(void)
{
	CSR_WRITE(satp, 0);
	__asm__ volatile("sfence.vma" : : : "memory");
}
