/* SPDX-License-Identifier: MIT */
/*
 * Page tables for Sv32, Sv39, Sv48 and Sv57, built from a fixed pool of pages.
 */
#ifndef KIT_MMU_H
#define KIT_MMU_H

#include <stdbool.h>

/* Bits of a page-table entry (privileged specification, "Sv32 ... page table entry"). */
#define PTE_V  0x1
#define PTE_R  0x2
#define PTE_W  0x4
#define PTE_X  0x8
#define PTE_U  0x10
#define PTE_G  0x20
#define PTE_A  0x40
#define PTE_D  0x80
#define PTE_AD (PTE_A | PTE_D)
#define PTE_RW (PTE_V | PTE_R | PTE_W | PTE_AD)
#define PTE_RX (PTE_V | PTE_R | PTE_X | PTE_AD)

/* A translation scheme of this width. The table mmu_modes[] ends with name == NULL. */
struct mmu_mode {
	const char *name;
	unsigned int satp_mode, levels;
};
extern const struct mmu_mode mmu_modes[];

struct mmu {
	const struct mmu_mode *mode;
	unsigned long *root;
};

/*
 * Starts an empty table, taking back every page that earlier tables had. False
 * if the hart does not have the mode.
 */
bool mmu_init(struct mmu *m, const struct mmu_mode *mode);

/*
 * Maps the page or superpage of `level` (0: 4 KiB) that holds `va` to the one
 * that holds `pa`. Returns the entry, or NULL if the pool is empty.
 */
unsigned long *mmu_map(struct mmu *m, unsigned long va, unsigned long pa, unsigned int level,
		       unsigned long flags);

/* The entry of `va` at `level`, tables above it being made as needed; or NULL. */
unsigned long *mmu_entry(struct mmu *m, unsigned long va, unsigned int level);

/* Maps the image where it is, so that code goes on when translation is turned on. */
void mmu_map_image(struct mmu *m);

/* Bytes that an entry of `level` maps. */
unsigned long mmu_page_size(unsigned int level);
unsigned long mmu_pte(unsigned long pa, unsigned long flags);

void mmu_on(const struct mmu *m, unsigned long asid);
void mmu_off(void);

#endif
