/* SPDX-License-Identifier: MIT */
/*
 * src/riscv/cpu.c on a hart whose CSRs are variables: what makes a hart unfit for
 * guests, of which no emulator can show everything.
 */
#include "unit.h"

#include "core/arch.h"
#include "riscv/csr.h"

/* Every CSR by the name that the code calls it. */
static xlen_t *csr_named(const char *name)
{
	static struct {
		const char *name;
		xlen_t value;
	} all[32];

	for (unsigned i = 0; i < ARRAY_LENGTH(all); i++) {
		if (!all[i].name)
			all[i].name = name;
		if (!strcmp(all[i].name, name))
			return &all[i].value;
	}
	fail_msg("too many CSRs: %s", name);
	return NULL;
}

#undef csr_read
#undef csr_write
#undef csr_set
#undef csr_clear
#define csr_read(csr)	      (*csr_named(#csr))
#define csr_write(csr, value) ((void)(*csr_named(#csr) = (xlen_t)(value)))
#define csr_set(csr, bits)    ((void)(*csr_named(#csr) |= (xlen_t)(bits)))
#define csr_clear(csr, bits)  ((void)(*csr_named(#csr) &= ~(xlen_t)(bits)))

#include "fake/said.h"
#include "riscv/cpu.c"

static struct machine_hart description;
static struct cpu *cpu;
static bool has_mstatush, has_stimecmp, has_time, has_satp, has_mseccfg, has_clock,
	has_countinhibit, has_open_aia, has_fcsr, has_double, has_vlenb, locked;
static unsigned slots;
static xlen_t mseccfg;
static _Alignas(16) uint8_t block[CPU_BLOCK_SIZE];

static xlen_t misa_of(const char *letters)
{
	xlen_t misa = 0;

	for (; *letters; letters++)
		misa |= (xlen_t)1 << (*letters - 'A');
	return misa;
}

/* A hart that is fit. */
static int set_up(void **state)
{
	(void)state;
	description = (struct machine_hart){
		.id = 3,
		.mmu_type = "riscv,sv39",
		.msip = {0x200000c},
		.mtimecmp = {0x2004018},
	};
	*csr_named("misa") = misa_of("ACDFIMSU");
	has_mstatush = has_stimecmp = has_time = has_satp = has_mseccfg = has_clock =
		has_countinhibit = true;
	locked = has_open_aia = has_fcsr = has_double = has_vlenb = false;
	slots = 16;
	mseccfg = 0;
	cpu = cpu_prepare(block, &description);
	return 0;
}

bool csr_probe_fcsr(xlen_t *value)
{
	*value = 0;
	return has_fcsr;
}

bool insn_probe_double(void)
{
	return has_double;
}

bool csr_probe_vlenb(xlen_t *value)
{
	*value = 16;
	return has_vlenb;
}

bool csr_probe_time(xlen_t *value)
{
	*value = 0;
	return has_time;
}

bool csr_probe_satp(xlen_t *value)
{
	*value = 0;
	return has_satp;
}

bool csr_probe_mseccfg(xlen_t *value)
{
	*value = mseccfg;
	return has_mseccfg;
}

bool csr_probe_menvcfg(xlen_t *value)
{
	*value = 0;
	return true;
}

bool csr_probe_stimecmp(xlen_t *value)
{
	*value = 0;
	return has_stimecmp;
}

bool csr_probe_mstatush(xlen_t *value)
{
	*value = 0;
	return has_mstatush;
}

bool csr_probe_mcounteren(xlen_t *value)
{
	*value = 0;
	return true;
}

void pmp_probe(struct cpu *of)
{
	of->pmp_slots = slots;
	of->pmp_locked = locked;
}

bool arch_has_clock(void)
{
	return has_clock;
}

void arch_timer_quiet(void)
{
}

bool csr_probe_mcountinhibit(xlen_t *value)
{
	*value = 0;
	return has_countinhibit;
}

void aia_probe(struct cpu *of)
{
	of->has_aia = of->aia_open = has_open_aia;
}

void aia_set_up(const struct cpu *of)
{
	assert_ptr_equal(of, cpu);
}

void features_reset(struct cpu *of)
{
	assert_ptr_equal(of, cpu);
}

void trap_entry_virtual_sstc(void)
{
}

void trap_entry_virtual_mtimecmp(void)
{
}

/* Assembly, which nobody calls here. */
context_exchange vcpu_exchange, vcpu_exchange_virtual, vcpu_exchange_hext;

void vcpu_exchange(struct context *from, struct context *to)
{
	(void)from, (void)to;
}

void vcpu_exchange_virtual(struct context *from, struct context *to)
{
	(void)from, (void)to;
}

void vcpu_exchange_hext(struct context *from, struct context *to)
{
	(void)from, (void)to;
}

void virtual_probe(struct cpu *of)
{
	assert_true(of->has_hypervisor);
}

void virtual_set_up(struct cpu *of)
{
	assert_true(of->has_hypervisor);
}

/* NULL: it is fit. */
static void expect(const char *unfit)
{
	cpu_probe(cpu);
	if (!unfit) {
		if (cpu->hart.unfit)
			fail_msg("it is unfit: %s", cpu->hart.unfit);
		return;
	}
	if (!cpu->hart.unfit || !strstr(cpu->hart.unfit, unfit))
		fail_msg("\"%s\" isn't \"%s\"", cpu->hart.unfit ? cpu->hart.unfit : "fit", unfit);
	fake_said(cpu->hart.unfit);
}

static void test_fit(void **state)
{
	(void)state;
	expect(NULL);
	assert_int_equal(cpu->hart.id, 3);
	/* Neither Smepmp nor a readable misa is needed. */
	has_mseccfg = false;
	mseccfg = MSECCFG_MML;
	*csr_named("misa") = 0;
	expect(NULL);
	/* One clock is enough. */
	has_clock = false;
	expect(NULL);
	has_clock = true;
	has_time = false;
	expect(NULL);
	/* Counters that can be stopped are found, but not needed; all are left running. */
	assert_int_equal(cpu->inhibitable, MCOUNTINHIBIT_CY | MCOUNTINHIBIT_IR);
	assert_int_equal(*csr_named("CSR_MCOUNTINHIBIT"), 0);
	has_countinhibit = false;
	expect(NULL);
	assert_int_equal(cpu->inhibitable, 0);
	/* As many PMP entries as a guest has. */
	slots = PMP_SLOT_GUEST_FIRST + PMP_SLOT_GUEST_COUNT;
	expect(NULL);
}

static void test_modes(void **state)
{
	(void)state;
	*csr_named("misa") = misa_of("ACIMU");
	expect("it has no S-mode");
	*csr_named("misa") = 0;
	has_satp = false;
	expect("it has no S-mode");
	has_satp = true;
	expect(NULL);
	*csr_named("misa") = misa_of("ACHIMSU");
	expect(NULL);
	description.mmu_type = NULL;
	expect("names no mmu-type");
}

static void test_pmp(void **state)
{
	(void)state;
	slots = 0;
	expect("it has no PMP");
	slots = PMP_SLOT_GUEST_FIRST + PMP_SLOT_GUEST_COUNT - 1;
	expect("it has too few PMP entries");
	locked = true;
	slots = 0;
	expect("has locked PMP entries");
	locked = false;
	slots = 16;
	mseccfg = MSECCFG_MML;
	expect("has set mseccfg.MML");
	locked = true;
	expect("has set mseccfg.MML");
	locked = false;
	mseccfg = (xlen_t)~MSECCFG_MML;
	expect(NULL);
}

/* The double-trap bit is RV32's affair here; it is never left set. */
static void test_double_trap(void **state)
{
	(void)state;
	expect(NULL);
	assert_int_equal(cpu->has_double_trap, XLEN == 32);
	assert_int_equal(*csr_named("CSR_MSTATUSH"), 0);
	has_mstatush = false;
	expect(NULL);
	assert_false(cpu->has_double_trap);
}

/*
 * With V=0 a guest can switch on what nobody has named, so what there is must be switched or
 * cleared between guests; but they are only offered what is named.
 */
static void test_registers_without_a_name(void **state)
{
	const isa_set_t both = ISA_BIT(ISA_F) | ISA_BIT(ISA_D);

	(void)state;
	description.isa = "rv64imac";
	*csr_named("misa") = misa_of("ACIMSU");
	has_fcsr = has_double = has_vlenb = true;
	expect(NULL);
	assert_true((cpu->isa & both) == both);
	assert_true(cpu->has_vector && cpu->has_leftovers);
	assert_non_null(strstr(cpu->guest_isa.isa, "imac"));
	has_double = has_vlenb = false;
	expect(NULL);
	assert_true((cpu->isa & both) == ISA_BIT(ISA_F));
	assert_false(cpu->has_vector || cpu->has_leftovers);
	/* Named, but not there. */
	description.isa = "rv64imafdcv";
	has_fcsr = false;
	expect(NULL);
	assert_false((cpu->isa & both) || cpu->has_vector);
	assert_null(strstr(cpu->guest_isa.isa, "imaf"));
}

static void test_clocks(void **state)
{
	(void)state;
	has_time = has_clock = false;
	expect("it has no clock");
	has_clock = true;
	description.msip.raw = 0;
	expect("names no CLINT or ACLINT for it");
	set_up(state);
	description.mtimecmp.raw = 0;
	cpu = cpu_prepare(block, &description);
	expect("names no CLINT or ACLINT for it");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_fit, set_up),
		cmocka_unit_test_setup(test_modes, set_up),
		cmocka_unit_test_setup(test_pmp, set_up),
		cmocka_unit_test_setup(test_double_trap, set_up),
		cmocka_unit_test_setup(test_registers_without_a_name, set_up),
		cmocka_unit_test_setup(test_clocks, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
