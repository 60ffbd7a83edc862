/* SPDX-License-Identifier: MIT */
/* The subjects of smp-tests.elf. Each leaves all other harts stopped. */
#ifndef SMP_SUBJECTS_H
#define SMP_SUBJECTS_H

void smp_hsm_test(void);
void smp_ipi_test(void);
void smp_wfi_test(void);
void smp_fence_test(void);
void smp_plic_test(void);
void smp_vector_test(void);

#endif
