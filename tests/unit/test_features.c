/* SPDX-License-Identifier: MIT */
/*
 * src/riscv/features.c on a hart whose CSRs are variables: what one vCPU sets is in force
 * while it is loaded and at no other time, and counters are each vCPU's own once it has
 * touched them.
 */
#include "unit.h"

#include "core/arch.h"
#include "riscv/csr.h"

/* The hart's CSRs. What is counted is counted by let_run(). */
static struct {
	xlen_t medeleg, hedeleg, mtvec, inhibit, mstatus;
	xlen_t undelegated; /* bits of medeleg that are read-only zero */
	uint64_t mcycle, minstret;
	unsigned writes;
} csrs;

static xlen_t *csr_named(const char *name)
{
	static xlen_t high; /* the upper halves of RV32, where the lower ones have 64 bits here */

	if (!strcmp(name, "medeleg"))
		return &csrs.medeleg;
	if (!strcmp(name, "hedeleg"))
		return &csrs.hedeleg;
	if (!strcmp(name, "mtvec"))
		return &csrs.mtvec;
	if (!strcmp(name, "mstatus"))
		return &csrs.mstatus;
	if (!strcmp(name, "CSR_MCOUNTINHIBIT"))
		return &csrs.inhibit;
	if (!strcmp(name, "mcycle"))
		return (xlen_t *)&csrs.mcycle;
	if (!strcmp(name, "minstret"))
		return (xlen_t *)&csrs.minstret;
	high = 0;
	return &high;
}

#undef csr_read
#undef csr_write
#undef csr_read64
#undef csr_write64_counting
#define csr_read(csr) (*csr_named(#csr))
#define csr_write(csr, value)                                                                      \
	((void)(csrs.writes++, *csr_named(#csr) = (xlen_t)(value),                                 \
		csrs.medeleg &= ~csrs.undelegated))
#define csr_read64(csr, csrh) (*(uint64_t *)csr_named(#csr))
#define csr_write64_counting(csr, csrh, value)                                                     \
	((void)(csrs.writes++, *(uint64_t *)csr_named(#csr) = (value)))

#include "riscv/features.c"

_Thread_local struct hart *arch_this_hart;

static struct machine_hart description;
static struct cpu cpu;
static unsigned events[PMU_EVENTS];

void pmu_count(struct vcpu *vcpu, enum pmu_event event)
{
	assert_ptr_equal(vcpu, cpu.hart.vcpu);
	events[event]++;
}
static struct context contexts[3];

const uint8_t trap_load_results[1];

void trap_entry_sstc(void)
{
}

void trap_entry_mtimecmp(void)
{
}

void trap_noted_sstc(void)
{
}

void trap_noted_mtimecmp(void)
{
}

void trap_entry_virtual_sstc(void)
{
}

void trap_entry_virtual_mtimecmp(void)
{
}

void trap_noted_virtual_sstc(void)
{
}

void trap_noted_virtual_mtimecmp(void)
{
}

void trap_entry_halves(void)
{
}

void trap_entry_virtual_halves(void)
{
}

void trap_noted_halves(void)
{
}

void trap_noted_virtual_halves(void)
{
}

static int set_up(void **state)
{
	(void)state;
	memset(&csrs, 0, sizeof(csrs));
	memset(&cpu, 0, sizeof(cpu));
	description = (struct machine_hart){0};
	cpu.hart.description = &description;
	memset(contexts, 0, sizeof(contexts));
	memset(events, 0, sizeof(events));
	cpu.has_supervisor = cpu.has_sstc = true;
	cpu.inhibitable = MCOUNTINHIBIT_CY | MCOUNTINHIBIT_IR;
	for (unsigned i = 0; i < ARRAY_LENGTH(contexts); i++)
		contexts[i].cpu = &cpu;
	arch_this_hart = &cpu.hart;
	features_reset(&cpu);
	cpu.context = &contexts[0];
	cpu.hart.vcpu = &contexts[0].vcpu;
	return 0;
}

/* The hart executes something. */
static void let_run(unsigned count)
{
	if (!(csrs.inhibit & MCOUNTINHIBIT_CY))
		csrs.mcycle += 2 * count;
	if (!(csrs.inhibit & MCOUNTINHIBIT_IR))
		csrs.minstret += count;
}

static void switch_to(unsigned which)
{
	features_switch(&cpu, cpu.context, &contexts[which]);
	cpu.context = &contexts[which];
	cpu.hart.vcpu = &contexts[which].vcpu;
}

enum { PLAIN = 0xb109 & ~(1 << CAUSE_ECALL_S) };

static void test_reset(void **state)
{
	(void)state;
	assert_int_equal(csrs.medeleg, PLAIN);
	assert_true(csrs.mtvec == (uintptr_t)trap_entry_sstc);
	cpu.has_sstc = false;
	features_reset(&cpu);
	assert_true(csrs.mtvec == (uintptr_t)trap_entry_mtimecmp);
	description.mtimecmp_halves = true;
	features_reset(&cpu);
	assert_true(csrs.mtvec == (uintptr_t)trap_entry_halves);
	/* A hart without S-mode has no medeleg. */
	csrs.medeleg = 7;
	cpu.has_supervisor = false;
	features_reset(&cpu);
	assert_int_equal(csrs.medeleg, 7);
}

/* With H both delegation registers are equal, and the vectors are others. */
static void test_virtual(void **state)
{
	(void)state;
	cpu.has_hypervisor = true;
	features_reset(&cpu);
	assert_int_equal(csrs.medeleg, PLAIN);
	assert_int_equal(csrs.hedeleg, PLAIN);
	assert_true(csrs.mtvec == (uintptr_t)trap_entry_virtual_sstc);
	assert_true(arch_vcpu_delegate_misaligned(&contexts[0].vcpu, true));
	assert_int_not_equal(csrs.medeleg, PLAIN);
	assert_int_equal(csrs.hedeleg, csrs.medeleg);
	arch_vcpu_note_traps(&contexts[0].vcpu, true);
	assert_true(csrs.mtvec == (uintptr_t)trap_noted_virtual_sstc);
	contexts[0].vcpu.sbi.pmu.watched = 1u << PMU_ACCESS_LOAD | 1u << PMU_SET_TIMER;
	memset(events, 0, sizeof(events));
	features_note_trap(CAUSE_LOAD_GUEST_PAGE, 0, 0);
	features_note_trap(CAUSE_LOAD_ACCESS, 0, 0);
	features_note_trap(CAUSE_ECALL_VS, SBI_EXT_TIME, 0);
	assert_int_equal(events[PMU_ACCESS_LOAD], 2);
	assert_int_equal(events[PMU_SET_TIMER], 1);
	switch_to(1);
	assert_int_equal(csrs.medeleg, PLAIN);
	assert_int_equal(csrs.hedeleg, PLAIN);
	cpu.has_sstc = false;
	features_reset(&cpu);
	assert_true(csrs.mtvec == (uintptr_t)trap_entry_virtual_mtimecmp);
}

/* Nobody has set anything: a switch writes nothing. */
static void test_cheap(void **state)
{
	(void)state;
	csrs.writes = 0;
	for (unsigned i = 0; i < 6; i++)
		switch_to(i % 3);
	assert_int_equal(csrs.writes, 0);
}

static void test_delegation(void **state)
{
	(void)state;
	assert_true(arch_vcpu_delegate_misaligned(&contexts[0].vcpu, true));
	assert_int_equal(csrs.medeleg,
			 PLAIN | 1 << CAUSE_LOAD_MISALIGNED | 1 << CAUSE_STORE_MISALIGNED);
	switch_to(1);
	assert_int_equal(csrs.medeleg, PLAIN);
	switch_to(2);
	assert_int_equal(csrs.medeleg, PLAIN);
	switch_to(0);
	assert_int_not_equal(csrs.medeleg, PLAIN);
	assert_true(arch_vcpu_delegate_misaligned(&contexts[0].vcpu, false));
	assert_int_equal(csrs.medeleg, PLAIN);
	csrs.writes = 0;
	switch_to(1);
	assert_int_equal(csrs.writes, 0);
}

/* A hart that delegates only stores says no, and has changed nothing. */
static void test_no_delegation(void **state)
{
	(void)state;
	csrs.undelegated = 1 << CAUSE_LOAD_MISALIGNED;
	assert_false(arch_vcpu_delegate_misaligned(&contexts[0].vcpu, true));
	assert_int_equal(csrs.medeleg, PLAIN);
	assert_false(contexts[0].features.special);
	assert_true(arch_vcpu_delegate_misaligned(&contexts[0].vcpu, false));
}

/* A vCPU that starts afresh while it was loaded leaves nothing. */
static void test_forgotten(void **state)
{
	(void)state;
	assert_true(arch_vcpu_delegate_misaligned(&contexts[0].vcpu, true));
	arch_vcpu_note_traps(&contexts[0].vcpu, true);
	arch_counter_run(&contexts[0].vcpu, ARCH_COUNTER_CYCLE, false);
	memset(&contexts[0].features, 0, sizeof(contexts[0].features));
	features_switch(&cpu, NULL, &contexts[0]);
	assert_int_equal(csrs.medeleg, PLAIN);
	assert_true(csrs.mtvec == (uintptr_t)trap_entry_sstc);
	assert_int_equal(csrs.inhibit, 0);
	assert_false(cpu.special);
}

static void test_vector(void **state)
{
	(void)state;
	arch_vcpu_note_traps(&contexts[0].vcpu, true);
	assert_true(csrs.mtvec == (uintptr_t)trap_noted_sstc);
	switch_to(1);
	assert_true(csrs.mtvec == (uintptr_t)trap_entry_sstc);
	cpu.has_sstc = false;
	switch_to(0);
	assert_true(csrs.mtvec == (uintptr_t)trap_noted_mtimecmp);
	arch_vcpu_note_traps(&contexts[0].vcpu, false);
	assert_true(csrs.mtvec == (uintptr_t)trap_entry_mtimecmp);
}

/* Exactly the traps that the vector has to note, each as its event. */
static void test_noted(void **state)
{
	(void)state;
	features_note_trap(CAUSE_LOAD_ACCESS, SBI_EXT_TIME, 0);
	assert_int_equal(events[PMU_ACCESS_LOAD], 0); /* nobody watches */
	contexts[0].vcpu.sbi.pmu.watched = (1u << PMU_EVENTS) - 1;
	features_note_trap(CAUSE_LOAD_ACCESS, SBI_EXT_TIME, 0);
	features_note_trap(CAUSE_STORE_ACCESS, SBI_EXT_TIME, 0);
	features_note_trap(CAUSE_STORE_ACCESS, SBI_EXT_TIME, 0);
	for (unsigned i = 0; i < 3; i++)
		features_note_trap(CAUSE_ECALL_S, SBI_EXT_TIME, 0);
	features_note_trap(CAUSE_ECALL_S, SBI_EXT_LEGACY_SET_TIMER, 77);
	features_note_trap(CAUSE_ECALL_S, SBI_EXT_TIME, 1);
	features_note_trap(CAUSE_ECALL_S, SBI_EXT_IPI, 0);
	features_note_trap(CAUSE_ECALL_U, SBI_EXT_TIME, 0);
	features_note_trap(CAUSE_ILLEGAL, SBI_EXT_TIME, 0);
	features_note_trap(CAUSE_LOAD_MISALIGNED, SBI_EXT_TIME, 0);
	features_note_trap((xlen_t)1 << (XLEN - 1) | CAUSE_LOAD_ACCESS, SBI_EXT_TIME, 0);
	for (unsigned i = 0; i < PMU_EVENTS; i++)
		assert_int_equal(events[i], i == PMU_ACCESS_LOAD    ? 1
					    : i == PMU_ACCESS_STORE ? 2
					    : i == PMU_SET_TIMER    ? 4
								    : 0);
}

static void test_counters_found(void **state)
{
	(void)state;
	assert_int_equal(arch_counters(), 3);
	cpu.inhibitable = MCOUNTINHIBIT_IR;
	assert_int_equal(arch_counters(), 1u << ARCH_COUNTER_INSTRET);
	cpu.inhibitable = 0;
	assert_int_equal(arch_counters(), 0);
}

static void test_counter(void **state)
{
	struct vcpu *vcpu = &contexts[0].vcpu;

	(void)state;
	let_run(100);
	arch_counter_run(vcpu, ARCH_COUNTER_CYCLE, false);
	let_run(10);
	assert_int_equal(csrs.mcycle, 200);
	assert_int_equal(csrs.minstret, 110);
	arch_counter_set(vcpu, ARCH_COUNTER_CYCLE, 7);
	arch_counter_run(vcpu, ARCH_COUNTER_CYCLE, true);
	let_run(1);
	assert_int_equal(csrs.mcycle, 9);
	assert_int_equal(csrs.minstret, 111);
}

/* Each sees its own, and one without its own sees the hart's, which never goes back. */
static void test_counters_switched(void **state)
{
	uint64_t last = 0;

	(void)state;
	let_run(1000);
	arch_counter_set(&contexts[0].vcpu, ARCH_COUNTER_CYCLE, (uint64_t)5 << 40);
	arch_counter_run(&contexts[0].vcpu, ARCH_COUNTER_INSTRET, false);
	let_run(10);
	switch_to(1);
	assert_int_equal(csrs.inhibit, 0);
	assert_true(csrs.mcycle == 2020);
	let_run(100);
	arch_counter_set(&contexts[1].vcpu, ARCH_COUNTER_INSTRET, 3);
	let_run(5);
	switch_to(0);
	assert_true(csrs.mcycle == ((uint64_t)5 << 40) + 20);
	assert_int_equal(csrs.inhibit, MCOUNTINHIBIT_IR);
	assert_true(csrs.minstret == 1000);
	let_run(50);
	assert_true(csrs.minstret == 1000);
	switch_to(1);
	assert_int_equal(csrs.minstret, 8);
	let_run(1);
	for (unsigned i = 0; i < 100; i++) {
		switch_to(2);
		assert_true(csrs.mcycle > last);
		last = csrs.mcycle;
		switch_to(i & 1);
		let_run(i + 1);
		if (i % 7 == 0)
			arch_counter_set(&contexts[i & 1].vcpu, ARCH_COUNTER_CYCLE, unit_random());
	}
}

/* Who may be exchanged in a row. Of mstatus.VS only with V=1: else it is the guest's. */
static void test_settle(void **state)
{
	struct context *context = &contexts[0];

	(void)state;
	features_settle(context);
	assert_null(context->exchange_on);
	cpu.is_usual = true;
	csrs.mstatus = MSTATUS_VS;
	features_settle(context);
	assert_ptr_equal(context->exchange_on, &cpu.exchange[0]);
	cpu.has_hypervisor = true;
	features_settle(context);
	assert_null(context->exchange_on);
	csrs.mstatus = 0;
	context->hgatp = context->has_vmid = true;
	features_settle(context);
	assert_ptr_equal(context->exchange_on, &cpu.exchange[1]);
	csrs.mstatus = MSTATUS_VS;
	arch_vcpu_note_traps(&context->vcpu, true);
	arch_vcpu_note_traps(&context->vcpu, false);
	assert_null(context->exchange_on);
	csrs.mstatus = 0;
	context->has_vmid = false;
	features_settle(context);
	assert_null(context->exchange_on);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_reset, set_up),
		cmocka_unit_test_setup(test_virtual, set_up),
		cmocka_unit_test_setup(test_cheap, set_up),
		cmocka_unit_test_setup(test_delegation, set_up),
		cmocka_unit_test_setup(test_no_delegation, set_up),
		cmocka_unit_test_setup(test_forgotten, set_up),
		cmocka_unit_test_setup(test_vector, set_up),
		cmocka_unit_test_setup(test_settle, set_up),
		cmocka_unit_test_setup(test_noted, set_up),
		cmocka_unit_test_setup(test_counters_found, set_up),
		cmocka_unit_test_setup(test_counter, set_up),
		cmocka_unit_test_setup(test_counters_switched, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
