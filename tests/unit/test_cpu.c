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

/* What menvcfg can hold, and what it holds besides. */
static xlen_t menvcfg_takes, menvcfg_adds;

static xlen_t csr_kept(const char *name)
{
	xlen_t value = *csr_named(name);

	return strcmp(name, "CSR_MENVCFG") ? value : (value & menvcfg_takes) | menvcfg_adds;
}

#undef csr_read
#undef csr_write
#undef csr_set
#undef csr_clear
#define csr_read(csr)	      csr_kept(#csr)
#define csr_write(csr, value) ((void)(*csr_named(#csr) = (xlen_t)(value)))
#define csr_set(csr, bits)    ((void)(*csr_named(#csr) |= (xlen_t)(bits)))
#define csr_clear(csr, bits)  ((void)(*csr_named(#csr) &= ~(xlen_t)(bits)))

#include "fake/said.h"
#include "riscv/cpu.c"

static struct machine_hart description;
static struct cpu *cpu;
static bool has_mstatush, has_stimecmp, has_time, has_satp, has_mseccfg, has_clock,
	has_countinhibit, has_fcsr, has_double, has_vectors, locked;
static uint8_t leftovers;
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
		.msip = 0x200000c,
		.mtimecmp = 0x2004018,
	};
	*csr_named("misa") = misa_of("ACDFIMSU");
	has_mstatush = has_stimecmp = has_time = has_satp = has_mseccfg = has_clock =
		has_countinhibit = true;
	locked = has_fcsr = has_double = has_vectors = false;
	leftovers = 0;
	slots = 16;
	mseccfg = 0;
	menvcfg_takes = (xlen_t)-1;
	menvcfg_adds = 0;
	cpu = cpu_prepare(block, &description);
	return 0;
}

bool csr_probe_fcsr(xlen_t *value)
{
	*value = 0;
	return has_fcsr || (*csr_named("misa") >> ('F' - 'A') & 1);
}

bool insn_probe_double(void)
{
	return has_double || (*csr_named("misa") >> ('D' - 'A') & 1);
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

/* What it goes by is known. */
void leftovers_probe(struct cpu *of)
{
	assert_int_equal(of->has_hypervisor, *csr_named("misa") >> ('H' - 'A') & 1);
	assert_true(of->has_menvcfg);
	of->leftovers = leftovers;
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

void vector_probe(struct cpu *of)
{
	of->vlenb = has_vectors ? 16 : 0;
}

/* Assembly, which nobody calls here. */
context_exchange vcpu_exchange, vcpu_exchange_vector, vcpu_exchange_virtual, vcpu_exchange_hext;

void vcpu_exchange_vector(struct context *from, struct context *to)
{
	(void)from, (void)to;
}

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
	csr_clear(mstatus, MSTATUS_TW);
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

/* Registers that a tree doesn't tell of are switched all the same, but not offered. */
static void test_hidden_fp(void **state)
{
	(void)state;
	description.isa = "rv64imac";
	*csr_named("misa") = misa_of("ACIMSU");
	expect(NULL);
	assert_int_equal(cpu->isa & (ISA_BIT(ISA_F) | ISA_BIT(ISA_D)), 0);
	*csr_named("misa") = misa_of("ACFIMSU");
	expect(NULL);
	assert_int_equal(cpu->isa & (ISA_BIT(ISA_F) | ISA_BIT(ISA_D)), ISA_BIT(ISA_F));
	*csr_named("misa") = misa_of("ACDFIMSU");
	expect(NULL);
	assert_true(cpu->isa & ISA_BIT(ISA_F) && cpu->isa & ISA_BIT(ISA_D));
	assert_non_null(strstr(cpu->guest_isa.isa, "imac_"));
	/* One on which guests leave something isn't a usual one. */
	assert_true(cpu->is_usual == cpu->has_sstc);
	leftovers = 1;
	expect(NULL);
	assert_false(cpu->is_usual);
}

/* misa says nothing, or the tree says too much: the registers themselves are asked. */
static void test_fp_by_itself(void **state)
{
	const isa_set_t both = ISA_BIT(ISA_F) | ISA_BIT(ISA_D);

	(void)state;
	description.isa = "rv64imac";
	*csr_named("misa") = 0;
	has_fcsr = has_double = true;
	expect(NULL);
	assert_true((cpu->isa & both) == both);
	has_double = false;
	expect(NULL);
	assert_true((cpu->isa & both) == ISA_BIT(ISA_F));
	description.isa = "rv64imafdc";
	has_fcsr = false;
	expect(NULL);
	assert_false(cpu->isa & both);
	assert_null(strstr(cpu->guest_isa.isa, "imaf"));
}

/*
 * "Virtualization Support in mstatus Register": TW has WFI trap with V=0, and must be off with V=1,
 * where hstatus.VTW does it; and so it must stay when guests take turns (status_host).
 */
static void test_set_up(void **state)
{
	(void)state;
	mseccfg = 0;
	*csr_named("CSR_MSECCFG") = MSECCFG_USEED | MSECCFG_SSEED | MSECCFG_MLPE | 1 << 30;
	*csr_named("mstatus") = MSTATUS_MPRV | MSTATUS_TVM | MSTATUS_TSR | MSTATUS_SBE;
	cpu_probe(cpu);
	cpu_set_up(cpu);
	assert_int_equal(*csr_named("mstatus"), MSTATUS_TW);
	assert_int_equal(cpu->status_host, MSTATUS_TW);
	assert_int_equal(*csr_named("CSR_MSECCFG"), 1 << 30);
	*csr_named("misa") = misa_of("ACDFHIMSU");
	cpu_probe(cpu);
	cpu_set_up(cpu);
	assert_int_equal(*csr_named("mstatus"), 0);
	assert_int_equal(cpu->status_host & MSTATUS_TW, 0);
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

static void test_clocks(void **state)
{
	(void)state;
	has_time = has_clock = false;
	expect("it has no clock");
	has_clock = true;
	description.msip = 0;
	expect("names no CLINT or ACLINT for it");
	set_up(state);
	description.mtimecmp = 0;
	cpu = cpu_prepare(block, &description);
	expect("names no CLINT or ACLINT for it");
}

static bool names(const char *extension)
{
	char text[32];

	snprintf(text, sizeof(text), "_%s_", extension);
	return strstr(cpu->guest_isa.isa, text);
}

/* Offered when the hart has it, says how large its blocks are, and takes what makes it harmless. */
static void test_blocks(void **state)
{
	static const uint64_t sstc = (uint64_t)1 << 63;

	(void)state;
	description.isa =
		XLEN == 64 ? "rv64imac_zicbom_zicboz_sstc" : "rv32imac_zicbom_zicboz_sstc";
	expect(NULL);
	assert_false(names("zicbom") || names("zicboz"));
	assert_true(cpu->envcfg == sstc);

	description.block_shifts[MACHINE_BLOCK_ZEROED] = 6;
	expect(NULL);
	assert_true(names("zicboz") && !names("zicbom"));
	assert_true(cpu->envcfg == (sstc | ENVCFG_CBZE));

	description.block_shifts[MACHINE_BLOCK_MANAGED] = 6;
	expect(NULL);
	assert_true(names("zicboz") && names("zicbom"));
	/* cbo.inval is a flush: CBIE is 1, not 3. */
	assert_true(cpu->envcfg == (sstc | 0xd0));
	cpu_set_up(cpu);
	assert_int_equal(*csr_named("CSR_MENVCFG") & 0xff, 0xd0);

	menvcfg_takes = ENVCFG_CBIE | ENVCFG_CBZE; /* no CBCFE */
	expect(NULL);
	assert_true(names("zicboz") && !names("zicbom"));
	assert_true(cpu->envcfg == (sstc | ENVCFG_CBZE));
	menvcfg_takes = ENVCFG_CBCFE | ENVCFG_CBIE;
	menvcfg_adds = ENVCFG_CBIE; /* it knows an invalidation only */
	expect(NULL);
	assert_false(names("zicboz") || names("zicbom"));
	assert_true(cpu->envcfg == sstc);
}

/* Vectors are offered where they are switched, and it is the change of guest that does it. */
static void test_vectors(void **state)
{
	(void)state;
	description.isa = "rv64imafdcvh_zvbb_zve32x_zvfh_zvkned_zvkt_sstc";
	expect(NULL);
	assert_string_equal(cpu->guest_isa.isa + 4, "imafdc_zicntr_zicsr_zifencei_sstc");
	assert_true(cpu->is_usual);
	cpu_set_up(cpu);
	assert_true(cpu->exchange[0] == vcpu_exchange);
	has_vectors = true;
	expect(NULL);
	assert_string_equal(cpu->guest_isa.isa + 4,
			    "imafdcv_zicntr_zicsr_zifencei_zvbb_zve32x_zvkned_zvkt_sstc");
	assert_true(cpu->is_usual);
	csr_set(mstatus, MSTATUS_VS);
	cpu_set_up(cpu);
	assert_true(cpu->exchange[0] == vcpu_exchange_vector);
	assert_int_equal((csr_read(mstatus) | cpu->status_host) & MSTATUS_VS, 0);
	assert_int_equal(cpu->status_guest & MSTATUS_VS, MSTATUS_VS);
	/* With V=1 VS is the hypervisor's, and off for whom it has just loaded. */
	*csr_named("misa") = misa_of("ACDFHIMSUV");
	expect(NULL);
	csr_set(mstatus, MSTATUS_VS);
	cpu_set_up(cpu);
	assert_true(cpu->exchange[0] == vcpu_exchange_virtual);
	assert_int_equal((csr_read(mstatus) | cpu->status_host | cpu->status_guest) & MSTATUS_VS,
			 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_fit, set_up),
		cmocka_unit_test_setup(test_modes, set_up),
		cmocka_unit_test_setup(test_pmp, set_up),
		cmocka_unit_test_setup(test_hidden_fp, set_up),
		cmocka_unit_test_setup(test_fp_by_itself, set_up),
		cmocka_unit_test_setup(test_set_up, set_up),
		cmocka_unit_test_setup(test_double_trap, set_up),
		cmocka_unit_test_setup(test_clocks, set_up),
		cmocka_unit_test_setup(test_blocks, set_up),
		cmocka_unit_test_setup(test_vectors, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
