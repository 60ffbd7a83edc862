/* SPDX-License-Identifier: MIT */
/* The subjects of smp-tests.elf. Each leaves all other harts stopped. */
#ifndef SMP_SUBJECTS_H
#define SMP_SUBJECTS_H

void smp_hsm_test(void);

#endif
