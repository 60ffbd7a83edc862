/* SPDX-License-Identifier: MIT */
/*
 * src/riscv/aia.c on a hart whose CSRs are variables: when guests can reach the interrupt file of
 * the supervisor, and what is left there for the next.
 */
#include "unit.h"

#include "riscv/csr.h"

static struct {
	bool has_siselect, has_mvien, has_imsic;
	xlen_t siselect, vsiselect, mvien, hvien, hvictl;
	uint64_t hviprio1, hviprio2;
	xlen_t behind[0x100]; /* siselect */
	unsigned ids;
} hart;

static void *csr_named(const char *name)
{
	static uint64_t other;

	if (!strcmp(name, "CSR_SISELECT"))
		return &hart.siselect;
	if (!strcmp(name, "CSR_VSISELECT"))
		return &hart.vsiselect;
	if (!strcmp(name, "CSR_MVIEN"))
		return &hart.mvien;
	if (!strcmp(name, "CSR_HVIEN"))
		return &hart.hvien;
	if (!strcmp(name, "CSR_HVICTL"))
		return &hart.hvictl;
	if (!strcmp(name, "CSR_HVIPRIO1"))
		return &hart.hviprio1;
	if (!strcmp(name, "CSR_HVIPRIO2"))
		return &hart.hviprio2;
	return &other;
}

#undef csr_write
#undef csr_write64
#define csr_write(csr, value)	      ((void)(*(xlen_t *)csr_named(#csr) = (value)))
#define csr_write64(csr, csrh, value) ((void)(*(uint64_t *)csr_named(#csr) = (value)))

#include "riscv/aia.c"

static struct cpu cpu;

bool csr_probe_siselect(xlen_t *value)
{
	*value = hart.siselect;
	return hart.has_siselect;
}

bool csr_probe_mvien(xlen_t *value)
{
	*value = 0;
	return hart.has_mvien;
}

bool csr_probe_mtopei(xlen_t *value)
{
	*value = 0;
	return hart.has_imsic;
}

bool csr_write_sireg(xlen_t select, xlen_t value)
{
	bool is_file = select >= 0x70 && select <= 0xff;

	hart.siselect = select;
	if (!(select >= 0x30 && select <= 0x3f) && !(is_file && hart.has_imsic))
		return false;
	if ((select < 0x70 || select >= 0x80) && select % (XLEN / 32))
		return false;
	if (select >= 0x80 && select % 64 * 32 > hart.ids)
		return false;
	hart.behind[select] = value;
	return true;
}

/* With an IMSIC, and all of it in use. */
static int set_up(void **state)
{
	(void)state;
	memset(&hart, 0, sizeof(hart));
	memset(&cpu, 0, sizeof(cpu));
	hart.has_siselect = hart.has_mvien = hart.has_imsic = true;
	hart.ids = 255;
	hart.siselect = hart.vsiselect = hart.mvien = hart.hvien = hart.hvictl = 0x72;
	hart.hviprio1 = hart.hviprio2 = UINT64_MAX;
	memset(hart.behind, 0xa5, sizeof(hart.behind));
	return 0;
}

/* Smstateen closes it, if it has the bits. */
static void test_open(void **state)
{
	const uint32_t all = (uint32_t)-1;

	(void)state;
	assert_true(aia_probe(&cpu, 0));
	assert_true(cpu.has_aia);
	assert_false(aia_probe(&cpu, all));
	assert_false(aia_probe(&cpu, STATEEN_IMSIC | STATEEN_CSRIND));
	assert_true(aia_probe(&cpu, all & ~(uint32_t)STATEEN_IMSIC));
	hart.has_imsic = false;
	assert_false(aia_probe(&cpu, all & ~(uint32_t)STATEEN_IMSIC));
	assert_true(aia_probe(&cpu, all & ~(uint32_t)STATEEN_CSRIND));
	hart.has_siselect = false;
	assert_false(aia_probe(&cpu, 0));
	hart.has_mvien = false;
	aia_probe(&cpu, 0);
	assert_false(cpu.has_aia);
}

static void expect_forgotten(void)
{
	const unsigned step = XLEN / 32;

	assert_int_equal(hart.siselect, 0);
	for (unsigned i = 0x30; i < 0x40; i += step)
		assert_int_equal(hart.behind[i], 0);
	assert_int_equal(hart.behind[0x70], 0);
	assert_int_equal(hart.behind[0x72], 0);
	for (unsigned i = 0; i <= hart.ids / 32; i += step) {
		assert_int_equal(hart.behind[0x80 + i], 0);
		assert_int_equal(hart.behind[0xc0 + i], 0);
	}
}

/* All identities, of the smallest file and of the largest. */
static void test_forget(void **state)
{
	static const unsigned ids[] = {63, 127, 255, 2047};

	for (unsigned i = 0; i < ARRAY_LENGTH(ids); i++) {
		set_up(state);
		hart.ids = ids[i];
		aia_forget(&cpu);
		expect_forgotten();
		/* With V=1 it isn't the guest's; that is another register. */
		set_up(state);
		cpu.has_hypervisor = true;
		aia_forget(&cpu);
		assert_int_equal(hart.vsiselect, 0);
		assert_int_equal(hart.siselect, 0x72);
	}
	/* Priorities alone. */
	set_up(state);
	hart.has_imsic = false;
	aia_forget(&cpu);
	assert_int_equal(hart.siselect, 0);
	assert_int_equal(hart.behind[0x30], 0);
	assert_int_not_equal(hart.behind[0x70], 0);
}

static void test_set_up(void **state)
{
	(void)state;
	aia_probe(&cpu, 0);
	aia_set_up(&cpu);
	expect_forgotten();
	assert_int_equal(hart.mvien, 0);
	assert_int_equal(hart.hvictl, 0x72); /* there is none */
	set_up(state);
	cpu.has_hypervisor = true;
	aia_probe(&cpu, 0);
	aia_set_up(&cpu);
	assert_true(!hart.hvien && !hart.hvictl && !hart.vsiselect);
	assert_true(!hart.hviprio1 && !hart.hviprio2);
	/* A hart without AIA has none of these. */
	set_up(state);
	hart.has_mvien = hart.has_siselect = false;
	aia_probe(&cpu, 0);
	aia_set_up(&cpu);
	assert_int_equal(hart.mvien, 0x72);
	assert_int_equal(hart.siselect, 0x72);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_open, set_up),
		cmocka_unit_test_setup(test_forget, set_up),
		cmocka_unit_test_setup(test_set_up, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
