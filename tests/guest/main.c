/* SPDX-License-Identifier: MIT */
/*
 * guest-tests.elf: what a capsule with one vCPU may rely on, seen from inside.
 * It runs on any SBI firmware too, where it shows that a test is right: rules
 * that only Diosix keeps are checked only there, each with the reason.
 *
 * The memory test comes first: it looks for RAM that is not zero.
 */
#include "kit/test.h"
#include "subjects.h"

/* clang-format off */
static const struct test_subject subjects[] = {
	{"memory", memory_test},
	{"fdt", fdt_test},
	{"isa", isa_test},
	{"base", base_test},
	{"legacy", legacy_test},
	{"dbcn", dbcn_test},
	{"time", time_test},
	{"ipi", ipi_test},
	{"hsm", hsm_test},
	{"srst", srst_test},
	{"susp", susp_test},
	{"sta", sta_test},
	{"fwft", fwft_test},
	{"pmu", pmu_test},
	{"trap", trap_test},
	{"user", user_test},
	{"wfi", wfi_test},
	{"csr", csr_test},
	{"hyper", hyper_test},
	{"mmu", mmu_test},
	{"rfence", rfence_test},
	{"plic", plic_test},
	{"uart", uart_test},
	{"emulate", emulate_test},
	{"vector", vector_test},
	{0},
};
/* clang-format on */

void main(void)
{
	trap_learn_sip();
	test_run(subjects);
}
