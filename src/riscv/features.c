/* SPDX-License-Identifier: MIT */
#include "riscv/features.h"

#include "core/arch.h"
#include "riscv/access.h"
#include "riscv/trap.h"
#include "riscv/virtual.h"
#include "sbi/pmu.h"
#include "sbi/sbi.h"

/* From riscv/trap_noted.S. */
void features_note_trap(xlen_t cause, xlen_t eid, xlen_t fid);

/*
 * What a guest gets straight away. Not illegal instructions, among which is its WFI
 * (TW, machine-level spec "Virtualization Support in mstatus"), not misaligned accesses,
 * which are emulated until it wants them, not load and store access faults, which are its
 * devices, and not instruction access faults, which may be of its own trap handler (trap.c).
 */
enum {
	DELEGATED = 1 << CAUSE_INSN_MISALIGNED | 1 << CAUSE_BREAKPOINT | 1 << CAUSE_ECALL_U |
		    1 << CAUSE_INSN_PAGE | 1 << CAUSE_LOAD_PAGE | 1 << CAUSE_STORE_PAGE,
	DELEGATED_MISALIGNED = 1 << CAUSE_LOAD_MISALIGNED | 1 << CAUSE_STORE_MISALIGNED,
};

/* --- delegation and vector ---------------------------------------------------------- */

/*
 * With H, medeleg and hedeleg have to be equal: what only medeleg has would be delivered to
 * HS-mode ("Hypervisor Trap Delegation Registers"). So what hedeleg doesn't take isn't delegated
 * at all.
 */
static void set_delegation(const struct cpu *cpu, const struct features *features)
{
	xlen_t wanted = features->misaligned ? DELEGATED | DELEGATED_MISALIGNED : DELEGATED;

	if (!cpu->has_hypervisor) {
		csr_write(medeleg, wanted);
		return;
	}
	csr_write(hedeleg, wanted);
	csr_write(medeleg, wanted & csr_read(hedeleg));
	csr_write(hedeleg, csr_read(medeleg));
}

/* The edition of the trap vector that knows this hart's guests and their timer. */
static void set_vector(const struct cpu *cpu, const struct features *features)
{
	enum { SSTC, WHOLE, HALVES, TIMERS };
	static void (*const usual[][TIMERS])(void) = {
		{trap_entry_sstc, trap_entry_mtimecmp, trap_entry_halves},
		{trap_entry_virtual_sstc, trap_entry_virtual_mtimecmp, trap_entry_virtual_halves},
	};
	static void (*const noted[][TIMERS])(void) = {
		{trap_noted_sstc, trap_noted_mtimecmp, trap_noted_halves},
		{trap_noted_virtual_sstc, trap_noted_virtual_mtimecmp, trap_noted_virtual_halves},
	};
	unsigned timer = cpu->has_sstc				  ? SSTC
			 : cpu->hart.description->mtimecmp_halves ? HALVES
								  : WHOLE;

	csr_write(mtvec, (uintptr_t)(features->noted ? noted : usual)[cpu->has_hypervisor][timer]);
}

void features_reset(struct cpu *cpu)
{
	static const struct features none;

	set_vector(cpu, &none);
	cpu->load_results = trap_load_results;
	if (cpu->has_supervisor)
		set_delegation(cpu, &none);
	cpu->special = false;
}

void features_settle(struct context *context)
{
	const struct cpu *cpu = context->cpu;
	bool plain = cpu->is_usual && !context->fresh && !cpu->special;

	/* One that shares VMID 0 with guests of another kind is fenced by virtual_load(). */
	if (context->hgatp && !context->has_vmid)
		plain = false;
	/* Its vectors are in the hart, and have to be put away: see riscv/vector.h. */
	if (cpu->has_hypervisor && (csr_read(mstatus) & MSTATUS_VS))
		plain = false;
	context->exchange_on = plain ? &cpu->exchange[context->has_vmid] : NULL;
}

/* The vCPU, which is loaded, has set or unset something. */
static void changed(struct context *context)
{
	struct features *features = &context->features;

	features->special = features->misaligned || features->noted || features->counters;
	context->cpu->special = features->special;
	features_settle(context);
}

/* "Machine Trap Delegation Registers": "an implementation can choose to subset the delegatable
 * traps". */
bool arch_vcpu_delegate_misaligned(struct vcpu *vcpu, bool delegate)
{
	struct context *context = context_of(vcpu);
	bool done;

	context->features.misaligned = delegate;
	set_delegation(context->cpu, &context->features);
	done = !delegate || !(~csr_read(medeleg) & DELEGATED_MISALIGNED);
	if (!done) {
		context->features.misaligned = false;
		set_delegation(context->cpu, &context->features);
	}
	changed(context);
	return done;
}

void arch_vcpu_note_traps(struct vcpu *vcpu, bool note)
{
	struct context *context = context_of(vcpu);

	context->features.noted = note;
	set_vector(context->cpu, &context->features);
	changed(context);
}

/* A trap of the loaded vCPU's guest, with a7 and a6 as they were; nothing has been done yet. */
void features_note_trap(xlen_t cause, xlen_t eid, xlen_t fid)
{
	struct vcpu *vcpu = vcpu_this();

	cause = virtual_cause(cause);
	if (cause == CAUSE_LOAD_ACCESS)
		pmu_note(vcpu, PMU_ACCESS_LOAD);
	else if (cause == CAUSE_STORE_ACCESS)
		pmu_note(vcpu, PMU_ACCESS_STORE);
	else if ((cause == CAUSE_ECALL_S || cause == CAUSE_ECALL_VS) &&
		 (eid == SBI_EXT_LEGACY_SET_TIMER || (eid == SBI_EXT_TIME && fid == 0)))
		pmu_note(vcpu, PMU_SET_TIMER);
}

/* --- counters ----------------------------------------------------------------------- */

static const uint8_t inhibit_bits[ARCH_COUNTERS] = {
	[ARCH_COUNTER_CYCLE] = MCOUNTINHIBIT_CY,
	[ARCH_COUNTER_INSTRET] = MCOUNTINHIBIT_IR,
};

unsigned arch_counters(void)
{
	const struct cpu *cpu = cpu_of(hart_this());
	unsigned has = 0;

	for (unsigned i = 0; i < ARCH_COUNTERS; i++)
		if (cpu->inhibitable & inhibit_bits[i])
			has |= 1u << i;
	return has;
}

static uint64_t read_count(enum arch_counter counter)
{
	return counter == ARCH_COUNTER_CYCLE ? csr_read64(mcycle, mcycleh)
					     : csr_read64(minstret, minstreth);
}

static void write_count(enum arch_counter counter, uint64_t value)
{
	if (counter == ARCH_COUNTER_CYCLE)
		csr_write64_counting(mcycle, mcycleh, value);
	else
		csr_write64_counting(minstret, minstreth, value);
}

/*
 * Between two vCPUs of which one or both have counters of their own, the hart's go on as if there
 * were none: what a guest without sees never goes back, whatever others set.
 */
static void exchange_counters(struct cpu *cpu, const struct features *features)
{
	uint64_t hart[ARCH_COUNTERS];

	for (unsigned i = 0; i < ARCH_COUNTERS; i++)
		hart[i] = read_count(i) + cpu->count_offsets[i];
	csr_write(CSR_MCOUNTINHIBIT, features->inhibited);
	for (unsigned i = 0; i < ARCH_COUNTERS; i++) {
		uint64_t wanted = features->counters ? features->counts[i] : hart[i];

		cpu->count_offsets[i] = hart[i] - wanted;
		write_count(i, wanted);
	}
}

void features_exchange(struct cpu *cpu, struct context *from, struct context *to)
{
	if (from && from->features.counters)
		for (unsigned i = 0; i < ARCH_COUNTERS; i++)
			from->features.counts[i] = read_count(i);
	set_delegation(cpu, &to->features);
	set_vector(cpu, &to->features);
	if (cpu->inhibitable)
		exchange_counters(cpu, &to->features);
	cpu->special = to->features.special;
}

/* From now on they are the vCPU's, with the values that they have. */
static struct features *own_counters(struct context *context)
{
	context->features.counters = true;
	changed(context);
	return &context->features;
}

/*
 * The value is written again, since emulators exist (QEMU 7.2) in which a counter that is stopped
 * shows what was written last, and one that starts again what it would have counted meanwhile.
 */
void arch_counter_run(struct vcpu *vcpu, enum arch_counter counter, bool run)
{
	struct features *features = own_counters(context_of(vcpu));
	uint64_t value = read_count(counter);

	if (run)
		features->inhibited &= ~inhibit_bits[counter];
	else
		features->inhibited |= inhibit_bits[counter];
	csr_write(CSR_MCOUNTINHIBIT, features->inhibited);
	write_count(counter, value);
}

void arch_counter_set(struct vcpu *vcpu, enum arch_counter counter, uint64_t value)
{
	struct context *context = context_of(vcpu);

	own_counters(context);
	context->cpu->count_offsets[counter] += read_count(counter) - value;
	write_count(counter, value);
}
