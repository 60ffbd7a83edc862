/* SPDX-License-Identifier: MIT */
/*
 * smp-tests.elf: what a capsule with several vCPUs may rely on, seen from inside.
 * As guest-tests.elf it runs on any SBI firmware too.
 */
#include "smp_subjects.h"

#include "kit/kit.h"
#include "kit/smp.h"
#include "kit/test.h"
#include "kit/trap.h"

static const struct test_subject subjects[] = {
	{"hsm", smp_hsm_test},
	{"ipi", smp_ipi_test},
	{"wfi", smp_wfi_test},
	{"rfence", smp_fence_test},
	{"plic", smp_plic_test},
	{"vector", smp_vector_test},
	{0},
};

void main(void)
{
	smp_init();
	trap_learn_sip();
	test_run(subjects);
}
