/* SPDX-License-Identifier: MIT */
/*
 * src/riscv/leftovers.c on a hart whose CSRs are variables: what guests can reach of extensions
 * that they aren't offered, what closes it, and that nothing of one guest is left for the next.
 */
#include "unit.h"

#include "riscv/csr.h"

enum { JVT, FCSR, SCONTEXT, SRMCFG, RECORDS, PROBED };

static struct {
	bool has_stateen, has_aia, has_pads, zeroed;
	unsigned exists; /* of PROBED */
	uint64_t stateen_bits;
	uint64_t mstateen0;
	xlen_t mstatus, mpelp, senvcfg, other;
	xlen_t jvt, fcsr, scontext, srmcfg, sctrctl, vsctrctl, sctrstatus, sctrdepth;
	bool records, file;
} hart;

static xlen_t *csr_named(const char *name)
{
	static const struct {
		const char *name;
		xlen_t *value;
	} all[] = {
		{"mstatus", &hart.mstatus},	    {"CSR_MPELP", &hart.mpelp},
		{"CSR_SENVCFG", &hart.senvcfg},	    {"CSR_JVT", &hart.jvt},
		{"CSR_FCSR", &hart.fcsr},	    {"CSR_SCONTEXT", &hart.scontext},
		{"CSR_SRMCFG", &hart.srmcfg},	    {"CSR_SCTRCTL", &hart.sctrctl},
		{"CSR_VSCTRCTL", &hart.vsctrctl},   {"CSR_SCTRSTATUS", &hart.sctrstatus},
		{"CSR_SCTRDEPTH", &hart.sctrdepth},
	};

	for (unsigned i = 0; i < ARRAY_LENGTH(all); i++)
		if (!strcmp(all[i].name, name))
			return all[i].value;
	fail_msg("no CSR %s", name);
	return NULL;
}

static void write_named(const char *name, xlen_t value)
{
	*csr_named(name) = value;
	if (!hart.has_pads)
		hart.senvcfg &= ~(xlen_t)ENVCFG_LPE;
}

#undef csr_read
#undef csr_write
#undef csr_set
#undef csr_clear
#undef csr_read64
#undef csr_write64
#define csr_read(csr)	      (*csr_named(#csr))
#define csr_write(csr, value) write_named(#csr, (xlen_t)(value))
#define csr_set(csr, bits)    write_named(#csr, *csr_named(#csr) | (xlen_t)(bits))
#define csr_clear(csr, bits)  write_named(#csr, *csr_named(#csr) & ~(xlen_t)(bits))
/* Of these only mstateen0. */
#define csr_read64(csr, csrh)	      (hart.mstateen0)
#define csr_write64(csr, csrh, value) ((void)(hart.mstateen0 = (value)&hart.stateen_bits))

#include "riscv/leftovers.c"

static struct cpu cpu;

bool csr_probe_mstateen0(xlen_t *value)
{
	*value = (xlen_t)hart.mstateen0;
	return hart.has_stateen;
}

unsigned csr_probe_leftovers(void)
{
	return hart.exists;
}

void csr_zero_optional(void)
{
	hart.zeroed = true;
	hart.mstateen0 = 0;
}

void csr_clear_records(void)
{
	assert_true(!hart.sctrctl || !hart.vsctrctl); /* nothing is recorded any more */
	hart.records = false;
}

bool aia_probe(struct cpu *of, uint32_t closed)
{
	assert_ptr_equal(of, &cpu);
	return hart.has_aia && !(closed & STATEEN_CSRIND);
}

void aia_forget(const struct cpu *of)
{
	assert_ptr_equal(of, &cpu);
	hart.file = false;
}

/* A hart that has everything, but nothing to close it with, and all of it full. */
static int set_up(void **state)
{
	(void)state;
	memset(&hart, 0xa5, sizeof(hart));
	memset(&cpu, 0, sizeof(cpu));
	hart.has_stateen = hart.zeroed = false;
	hart.has_aia = hart.has_pads = hart.records = hart.file = true;
	hart.exists = (1 << PROBED) - 1;
	hart.stateen_bits = UINT64_MAX;
	cpu.has_menvcfg = cpu.has_supervisor = true;
	return 0;
}

static void expect(unsigned leftovers)
{
	leftovers_probe(&cpu);
	assert_int_equal(cpu.leftovers, leftovers);
	assert_true(hart.zeroed);
	/* senvcfg is open, and nothing else. */
	assert_true((hart.mstateen0 & ~((uint64_t)1 << 62)) == 0);
}

static void test_open(void **state)
{
	(void)state;
	expect(0x7f);
	assert_int_equal(hart.senvcfg, 0);
	/* senvcfg is the supervisor's. */
	cpu.has_supervisor = false;
	hart.senvcfg = 1;
	expect(0x7f & ~LEFTOVER_PAD);
	assert_int_equal(hart.senvcfg, 1);
	cpu.has_supervisor = true;
	/* fcsr goes with F's registers. */
	cpu.isa = ISA_BIT(ISA_F);
	expect(0x7f & ~LEFTOVER_FCSR);
	cpu.has_hypervisor = true;
	expect(0x7f & ~(LEFTOVER_FCSR | LEFTOVER_SRMCFG));
	cpu.has_menvcfg = hart.has_pads = hart.has_aia = false;
	hart.exists = 0;
	expect(0);
}

/* Each bit of mstateen0 that can be set closes its own, and no other. */
static void test_closed(void **state)
{
	static const struct {
		unsigned bit;
		unsigned leftover;
	} all[] = {{1, LEFTOVER_FCSR},	  {2, LEFTOVER_JVT},	  {54, LEFTOVER_RECORDS},
		   {55, LEFTOVER_SRMCFG}, {57, LEFTOVER_CONTEXT}, {60, LEFTOVER_AIA}};
	const uint64_t envcfg = (uint64_t)1 << 62;

	(void)state;
	hart.has_stateen = true;
	expect(LEFTOVER_PAD);
	for (unsigned i = 0; i < ARRAY_LENGTH(all); i++) {
		hart.stateen_bits = (uint64_t)1 << all[i].bit;
		expect(0x7f & ~all[i].leftover);
		hart.stateen_bits = ~hart.stateen_bits;
		expect(LEFTOVER_PAD | all[i].leftover);
		/* Nothing but senvcfg is left open, which is switched. */
		assert_true(hart.mstateen0 == envcfg);
	}
}

static void test_forget(void **state)
{
	const xlen_t full = hart.jvt;

	(void)state;
	/* Nothing is touched that isn't there. */
	leftovers_forget(&cpu);
	assert_true(hart.records && hart.file);
	assert_int_equal(hart.jvt, full);
	assert_int_equal(hart.fcsr, full);
	leftovers_probe(&cpu);
	hart.mstatus = hart.mpelp = full;
	leftovers_forget(&cpu);
	assert_true(!hart.records && !hart.file);
	assert_true(!hart.jvt && !hart.fcsr && !hart.scontext && !hart.srmcfg);
	assert_true(!hart.sctrctl && !hart.sctrstatus && !hart.sctrdepth);
	assert_int_equal(hart.mpelp, full & ~(xlen_t)MPELP);
	/* With V=1 these are another's, or out of reach. */
	set_up(state);
	cpu.has_hypervisor = true;
	leftovers_probe(&cpu);
	leftovers_forget(&cpu);
	assert_true(!hart.vsctrctl && !hart.sctrstatus && !hart.records);
	assert_int_equal(hart.sctrctl, full);
	assert_int_equal(hart.sctrdepth, full);
	assert_int_equal(hart.srmcfg, full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_open, set_up),
		cmocka_unit_test_setup(test_closed, set_up),
		cmocka_unit_test_setup(test_forget, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
