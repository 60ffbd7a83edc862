/* SPDX-License-Identifier: MIT */
/*
 * The subjects of guest-tests.elf, one file each.
 */
#ifndef GUEST_SUBJECTS_H
#define GUEST_SUBJECTS_H

void base_test(void);
void time_test(void);
void ipi_test(void);
void rfence_test(void);
void hsm_test(void);
void srst_test(void);
void dbcn_test(void);
void fwft_test(void);
void pmu_test(void);
void sta_test(void);
void susp_test(void);
void legacy_test(void);
void trap_test(void);
void user_test(void);
void wfi_test(void);
void memory_test(void);
void mmu_test(void);
void emulate_test(void);
void uart_test(void);
void plic_test(void);
void csr_test(void);
void hyper_test(void);
void fdt_test(void);
void isa_test(void);
void vector_test(void);

#endif
