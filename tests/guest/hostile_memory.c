/* SPDX-License-Identifier: MIT */
/*
 * The hostile guest's attacks on memory: directly, through page tables, and on
 * the registers of its devices.
 */
#include "hostile.h"

#include "kit/csr.h"
#include "kit/mmu.h"
#include "kit/print.h"

void hostile_amo(void);
void hostile_amo_wide(void);
void hostile_lr(void);
void hostile_sc(void);
void hostile_read_signed(void);
void hostile_fetch(void);

/* The first ones are plain, as devices have them. */
static const struct hostile_access accesses[] = {
	{probe_load8, 1, HOSTILE_READ},		  {probe_load16, 2, HOSTILE_READ},
	{probe_load32, 4, HOSTILE_READ},	  {probe_load, XLEN_BYTES, HOSTILE_READ},
	{hostile_read_signed, 1, HOSTILE_READ},	  {probe_store8, 1, HOSTILE_WRITE},
	{probe_store16, 2, HOSTILE_WRITE},	  {probe_store32, 4, HOSTILE_WRITE},
	{probe_store, XLEN_BYTES, HOSTILE_WRITE}, {hostile_amo, 4, HOSTILE_WRITE},
	{hostile_amo_wide, 4, HOSTILE_WRITE},	  {hostile_lr, 4, HOSTILE_READ},
	{hostile_sc, 4, HOSTILE_WRITE},		  {hostile_fetch, 2, HOSTILE_FETCH},
};

#define ACCESSES     (sizeof(accesses) / sizeof(*accesses))
#define PLAIN_COUNT  9
#define FETCHES	     1
#define TABLE_LEVELS 5

const struct hostile_access *hostile_access(bool fetch)
{
	return &accesses[hostile_below(fetch ? ACCESSES : ACCESSES - FETCHES)];
}

/* Causes that an access of memory may have; misaligned ones are among them. */
static bool is_access_cause(unsigned long cause, bool translated)
{
	if (cause <= CAUSE_STORE_ACCESS)
		return cause != CAUSE_ILLEGAL && cause != CAUSE_BREAKPOINT;
	return translated &&
	       (cause == CAUSE_FETCH_PAGE || cause == CAUSE_LOAD_PAGE || cause == CAUSE_STORE_PAGE);
}

bool hostile_try(const struct hostile_access *access, unsigned long at, bool translated)
{
	struct trap t;

	hostile.count++;
	if (!trap_call(&t, access->run, at, hostile_random(), 0))
		/* A store-conditional that fails may look at no memory at all. */
		return access->run == hostile_sc && t.value;
	/* A jump that came to be in our own filler, or in a hole of it. */
	if (access->way == HOSTILE_FETCH &&
	    (t.frame.cause == CAUSE_BREAKPOINT || t.frame.cause == CAUSE_ILLEGAL))
		return false;
	if (!is_access_cause(t.frame.cause, translated))
		hostile_escape("an access ended by an impossible cause", at, t.frame.cause);
	return true;
}

/* Everything that isn't ours, straight. Our own RAM's ends are among it, crossed by some bytes. */
void hostile_memory(void)
{
	for (int i = 0; i < HOSTILE_BATCH; i++) {
		const struct hostile_access *access = hostile_access(true);
		unsigned long at = hostile_foreign();

		if (!hostile_below(16)) { /* across an end */
			at = hostile_below(2) ? hostile.ram_end : hostile.ram;
			at -= 1 + hostile_below(access->width);
		}
		if (hostile_is_mine(at, access->width))
			continue;
		if (access->way == HOSTILE_FETCH && hostile_is_mine(at & ~1UL, 2))
			continue;
		if (!hostile_try(access, at, false))
			hostile_escape("an access of foreign memory", at, access->width);
	}
}

static unsigned long any_flags(void)
{
	unsigned long flags = PTE_V;

	if (hostile_below(4))
		flags |= PTE_R | PTE_AD;
	if (hostile_below(2))
		flags |= PTE_W | PTE_R;
	if (hostile_below(2))
		flags |= PTE_X;
	if (!hostile_below(8))
		flags |= PTE_U;
	if (!hostile_below(8))
		flags ^= PTE_A;
	if (!hostile_below(8))
		flags ^= PTE_D;
	if (!hostile_below(8))
		flags |= PTE_G;
	return flags;
}

/* What the hart makes of an entry: where `va` leads to, if it leads anywhere. */
static unsigned long target_of(unsigned long pa, unsigned long va, unsigned int level)
{
	unsigned long size = mmu_page_size(level);

	return (pa & ~(size - 1)) | (va & (size - 1));
}

/*
 * One entry that leads to foreign memory: as a page or superpage, or, at a level above, as the
 * table below. Then an access through it.
 */
static void try_entry(struct mmu *m, unsigned long va, unsigned int level)
{
	const struct hostile_access *access = hostile_access(true);
	unsigned long flags = any_flags(), pa = hostile_foreign() & ~4095UL, target;
	bool leaf = flags & (PTE_R | PTE_X);
	unsigned long *entry = mmu_entry(m, va, level);

	if (!entry || hostile_touches_ram(pa, 4096))
		return;
	if (leaf && hostile_below(8)) /* aligned, or it is a page fault */
		pa &= ~(mmu_page_size(level) - 1);
	va += hostile_below(2) ? hostile_random() & 0xfff : 4096 - hostile_below(9);
	target = leaf ? target_of(pa, va, level) : pa;
	*entry = mmu_pte(pa, flags);
	if (XLEN == 64 && !hostile_below(16)) /* reserved, Svnapot and Svpbmt */
		*entry |= (unsigned long)(hostile_random() & ~0x3fffffU) << (XLEN - 32);
	__asm__ volatile("sfence.vma" : : : "memory");
	/* A superpage may hold our own RAM too, and the page after `va` is another entry's. */
	if (!leaf || !hostile_touches_ram(target, access->width)) {
		CSR_CLEAR(sstatus, SSTATUS_SUM | SSTATUS_MXR);
		CSR_SET(sstatus, hostile_random() & (SSTATUS_SUM | SSTATUS_MXR));
		if (!hostile_try(access, va, true) &&
		    !(leaf && hostile_is_mine(target, access->width)))
			hostile_escape("an access through a page table", target, *entry);
	}
	*entry = 0;
}

void hostile_tables(void)
{
	unsigned long va = XLEN == 64 ? 1UL << (XLEN / 2 + 4) % XLEN : 0x40000000;
	unsigned int modes = 0;
	struct mmu m;

	while (mmu_modes[modes].name)
		modes++;
	if (!mmu_init(&m, &mmu_modes[hostile_below(modes)]))
		return;
	mmu_on(&m, hostile_random() & 0xff);
	for (int i = 0; i < HOSTILE_BATCH; i++) {
		unsigned int level = (unsigned int)hostile_below(m.mode->levels);

		/* Entries of different levels don't share their tables: each has its own part. */
		try_entry(&m, va + mmu_page_size(m.mode->levels - 1) * level, level);
	}
	mmu_off();
	CSR_CLEAR(sstatus, SSTATUS_SUM | SSTATUS_MXR);
}

/* Every register of the UART and the PLIC, at every width, and what lies behind the last one. */
void hostile_devices(void)
{
	const struct mmio_device *devices[] = {&hostile.uart, &hostile.plic};

	for (int i = 0; i < HOSTILE_BATCH; i++) {
		const struct hostile_access *access = &accesses[hostile_below(ACCESSES)];
		const struct mmio_device *device = devices[hostile_below(2)];
		unsigned long offset = hostile_random();

		/* The PLIC's registers that matter are few: priorities, enables, context 0 and 1.
		 */
		if (device == &hostile.plic) {
			static const unsigned long parts[] = {0, 0x1000, 0x2000, 0x200000,
							      0x201000};

			offset = parts[hostile_below(5)] + (offset & 0x1ff);
		} else {
			offset &= 0xf;
		}
		if (!hostile_below(16))
			offset = device->size - 8 + hostile_below(16);
		if (!hostile_below(16))
			offset = hostile_below(device->size);
		if (access->way != HOSTILE_FETCH && access - accesses >= PLAIN_COUNT &&
		    hostile_below(4))
			access = &accesses[hostile_below(PLAIN_COUNT)];
		/* What is sent is seen by people: not too much of it. */
		if (device == &hostile.uart && access->way == HOSTILE_WRITE && offset < 1 &&
		    hostile_below(512))
			continue;
		if (!hostile_try(access, device->base + offset, false) &&
		    !hostile_is_mine(device->base + offset, access->width))
			hostile_escape("an access beyond a device", device->base + offset,
				       access->width);
	}
}
