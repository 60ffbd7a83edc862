/* SPDX-License-Identifier: MIT */
/*
 * A vCPU's state: made, reset, taken out of a hart and put into it. What must be
 * switched is listed once, in struct context; what a guest can't see is set by
 * cpu_set_up() and never changes.
 */
#include "core/arch.h"
#include "core/assert.h"
#include "core/capsule.h"
#include "core/log.h"
#include "core/sched.h"
#include "lib/string.h"
#include "riscv/access.h"
#include "riscv/cpu.h"
#include "riscv/features.h"
#include "riscv/fence.h"
#include "riscv/leftovers.h"
#include "riscv/trap.h"
#include "riscv/vector.h"
#include "riscv/virtual.h"

/* Called by riscv/trap.S. */
void vcpu_change(struct context *from, struct context *to);

/* riscv/fp.S */
void fp_save_d(struct fp *fp);
void fp_load_d(const struct fp *fp);
void fp_save_f(struct fp *fp);
void fp_load_f(const struct fp *fp);

struct vcpu *arch_vcpu_create(struct capsule *capsule, unsigned id, const struct hart *hart,
			      struct ram_map *ram)
{
	const struct cpu *cpu = cpu_of(hart);
	size_t size = align_up(sizeof(struct context), VECTOR_ALIGN);
	struct context *context;
	struct reason why;
	void *memory;

	if (ram_alloc_pages(ram, size + vector_size(cpu), RAM_OWNER_CAPSULE + capsule->number,
			    &memory, &why) != OK)
		return NULL;
	context = memory;
	memset(context, 0, sizeof(*context));
	context->walk = (struct walk){
		.ram = capsule->space.regions[0].from,
		.ram_size = capsule->space.regions[0].size,
		.ram_host = (const uint8_t *)(uintptr_t)capsule->space.regions[0].to.raw,
		.space = capsule->space.region_count > 1 ? &capsule->space : NULL,
	};
	context->vcpu = (struct vcpu){.capsule = capsule, .id = id};
	for (unsigned i = 0; i < SBI_SLOTS; i++)
		context->slots[i] =
			(struct context_slot){.eid = sbi_slots[i].eid, .call = sbi_slots[i].call};
	vector_create(context, cpu, (uint8_t *)context + size);
	virtual_create(context, &capsule->space);
	return &context->vcpu;
}

void arch_vcpu_reset(struct vcpu *vcpu, xlen_t pc, xlen_t opaque)
{
	struct context *context = context_of(vcpu);

	memset(context->x, 0, sizeof(context->x));
	memset(context->exits, 0, sizeof(context->exits));
	context->exit_next = context->exits;
	context->x[10] = vcpu->id;
	context->x[11] = opaque;
	context->pc = pc;
	context->status = MSTATUS_MPP_S | MSTATUS_UXL_64;
	context->time_zero = vcpu->capsule->space.time_zero;
	context->timer = (uint64_t)-1;
	context->pending = (struct pending){0};
	context->fresh = true;
	context->exchange_on = NULL;
	/*
	 * User programs read the clock: Linux leaves this to the firmware. UXL of vsstatus is WARL:
	 * what 0, which is no width, turns into is the hart's matter ("Virtual Supervisor Status
	 * (vsstatus) Register").
	 */
	context->supervisor =
		(struct supervisor){.sstatus = MSTATUS_UXL_64, .scounteren = SCOUNTEREN_ALL};
	memset(&context->fp, 0, sizeof(context->fp));
	vector_reset(context);
	memset(&context->features, 0, sizeof(context->features));
	memset(&vcpu->sbi, 0, sizeof(vcpu->sbi));
	vcpu->state = VCPU_STARTED;
	vcpu->wait = false;
	vcpu->resume = false;
}

/* mstatus of the loaded guest, MPP as it will have it. */
static xlen_t status_of_loaded(const struct context *context)
{
	return (csr_read(mstatus) & ~(xlen_t)MSTATUS_MPP) | (context->status & MSTATUS_MPP);
}

/* Take the state of a guest with V=0 out of the hart. */
static void save_supervisor(const struct cpu *cpu, struct context *context)
{
	struct supervisor *s = &context->supervisor;

	context->status = status_of_loaded(context);
	s->stvec = csr_read(stvec);
	s->sscratch = csr_read(sscratch);
	s->sepc = csr_read(sepc);
	s->scause = csr_read(scause);
	s->stval = csr_read(stval);
	s->satp = csr_read(satp);
	s->sie = csr_read(sie);
	s->scounteren = csr_read(scounteren);
	context->pending.software = csr_read(mip) & PENDING_SOFTWARE;
	if (cpu->has_menvcfg)
		s->senvcfg = csr_read(CSR_SENVCFG);
	if (cpu->has_sstc)
		context->timer = csr_read64(CSR_STIMECMP, CSR_STIMECMPH);
}

/*
 * Put the state of a guest with V=0 into the hart: every CSR that it can see is written, so that
 * nothing of whoever ran here before is left. The PMP is this guest's by now; its fence
 * has also done away with the translations of the one before. riscv/exchange.S does the same.
 */
static void load_supervisor(const struct cpu *cpu, struct context *context)
{
	const struct supervisor *s = &context->supervisor;
	xlen_t external = __atomic_load_n(&context->pending.external, __ATOMIC_RELAXED);

	csr_write(sstatus, context->status);
	csr_write(stvec, s->stvec);
	csr_write(sscratch, s->sscratch);
	csr_write(sepc, s->sepc);
	csr_write(scause, s->scause);
	csr_write(stval, s->stval);
	csr_write(sie, s->sie);
	csr_write(scounteren, s->scounteren);
	if (cpu->has_menvcfg)
		csr_write(CSR_SENVCFG, s->senvcfg);
	/* Of mip these two are all that can be written with Sstc, and nothing was read of it. */
	csr_write(mip, context->pending.software | external << 8);
	if (cpu->has_sstc)
		csr_write64_parked(CSR_STIMECMP, CSR_STIMECMPH, context->timer);
	else
		arch_timer_set(&context->vcpu, context->timer);
	csr_write(satp, s->satp);
}

static inline void switch_fp(const struct cpu *cpu, struct context *from, struct context *to)
{
	if (cpu->isa & ISA_BIT(ISA_D)) {
		if (from)
			fp_save_d(&from->fp);
		fp_load_d(&to->fp);
	} else if (cpu->isa & ISA_BIT(ISA_F)) {
		if (from)
			fp_save_f(&from->fp);
		fp_load_f(&to->fp);
	}
}

/* A reservation of the guest before must not let a store-conditional of this one succeed. */
static inline void drop_reservation(void)
{
	static int nowhere;
	int unused;

	__asm__ volatile("sc.w %0, zero, (%1)" : "=r"(unused) : "r"(&nowhere) : "memory");
}

/* New on this hart: what was written as data may be executed, and the fence must hold. */
static __attribute__((noinline)) void first_time(struct context *context)
{
	struct capsule *capsule = context->vcpu.capsule;
	struct reason why;

	fence_code();
	context->fresh = false;
	if (capsule->space.ops->verify(&capsule->space, &why) == OK)
		return;
	log_alert("Capsule %u: %s: %s", capsule->number, capsule->name, why.text);
	capsule_end(capsule, CAPSULE_FAILED, "stopped: its fence can't be set up");
}

/* Nothing of `from` is in the hart any more: its fence, and what goes with `to`'s. */
static inline void fence_in(struct cpu *cpu, struct context *to)
{
	const struct space *space = &to->vcpu.capsule->space;

	space->ops->activate(space);
	cpu->context = to;
	to->alarm = cpu->hart.sched.alarm;
}

static void switch_any(struct cpu *cpu, struct context *from, struct context *to)
{
	bool virtual = cpu->has_hypervisor;

	if (from && virtual)
		virtual_save(cpu, from);
	else if (from)
		save_supervisor(cpu, from);
	if (virtual)
		csr_write(vsatp, 0);
	else
		csr_write(satp, 0);
	if (to->cpu != cpu) {
		to->cpu = cpu;
		to->mtimecmp = cpu->mtimecmp;
		to->walk.napot = cpu->isa & ISA_BIT(ISA_SVNAPOT);
		to->fresh = true;
	}
	fence_in(cpu, to);
	csr_set(mstatus, MSTATUS_FS);
	switch_fp(cpu, from, to);
	if (cpu->vlenb)
		vector_switch(cpu, from, to);
	if (cpu->leftovers)
		leftovers_forget(cpu);
	if (virtual) {
		virtual_load(cpu, to);
		arch_timer_reset();
	} else {
		load_supervisor(cpu, to);
	}
}

/* Any two, `from` may be NULL. The next time it may be riscv/exchange.S that does it. */
void vcpu_change(struct context *from, struct context *to)
{
	struct cpu *cpu = cpu_of(hart_this());

	switch_any(cpu, from, to);
	features_switch(cpu, from, to);
	drop_reservation();
	if (to->fresh)
		first_time(to);
	features_settle(to);
	ASSERT(!cpu->pmp_dirty);
}

void arch_vcpu_switch(struct vcpu *from, struct vcpu *to)
{
	struct context *before = from ? context_of(from) : NULL;
	struct context *context = context_of(to);

	/* `from` is loaded, so what it has is this hart's. riscv/trap.S does the same. */
	if (before && before->exchange_on && before->exchange_on == context->exchange_on) {
		before->status = status_of_loaded(before);
		(*context->exchange_on)(before, context);
	} else {
		vcpu_change(before, context);
	}
}

void arch_vcpu_drop(struct vcpu *vcpu)
{
	struct cpu *cpu = cpu_of(hart_this());

	(void)vcpu;
	cpu->context = NULL;
	if (cpu->has_hypervisor) {
		virtual_drop(cpu);
		return;
	}
	csr_clear(mie, MIP_GUEST);
	csr_clear(mip, MIP_GUEST);
	if (cpu->has_sstc)
		arch_timer_quiet();
}

_Noreturn void arch_vcpu_enter(struct vcpu *vcpu)
{
	context_enter(context_of(vcpu));
}

/* When the timer of a vCPU that isn't loaded is due, in the host's time. */
static uint64_t timer_of(const struct context *context)
{
	/* The harts that it may run on are alike. */
	return cpu_of(hart_this())->has_sstc ? virtual_to_host_time(context, context->timer)
					     : context->timer;
}

bool arch_vcpu_interrupted(const struct vcpu *vcpu)
{
	const struct context *context = context_of(vcpu);
	const struct cpu *cpu = cpu_of(hart_this());
	xlen_t pending = 0;

	if (cpu->context == context)
		return csr_read(mip) & csr_read(mie) &
		       (cpu->has_hypervisor ? MIP_VIRTUAL : MIP_GUEST);
	if (context->pending.software ||
	    (__atomic_load_n(&vcpu->wanted, __ATOMIC_ACQUIRE) & VCPU_WANT_IPI))
		pending |= MIP_SSIP;
	if (__atomic_load_n(&context->pending.external, __ATOMIC_ACQUIRE))
		pending |= MIP_SEIP;
	if (timer_of(context) <= arch_time())
		pending |= MIP_STIP;
	return pending & context->supervisor.sie;
}

uint64_t arch_vcpu_deadline(const struct vcpu *vcpu)
{
	const struct context *context = context_of(vcpu);
	const struct cpu *cpu = cpu_of(hart_this());
	bool loaded = cpu->context == context;
	xlen_t sie = loaded ? guest_read(sie) : context->supervisor.sie;

	if (!(sie & MIP_STIP))
		return (uint64_t)-1;
	if (!loaded || !cpu->has_sstc)
		return timer_of(context);
	if (cpu->has_hypervisor)
		return virtual_to_host_time(context, virtual_timer(cpu, context));
	return csr_read64(CSR_STIMECMP, CSR_STIMECMPH);
}

bool arch_vcpu_is_in_place(struct vcpu *vcpu)
{
	enum { NEAR = 256 }; /* bytes: a function that waits for a lock, inlined ones included */
	struct context *context = context_of(vcpu);
	xlen_t before = context->seen_pc;

	context->seen_pc = context->pc;
	return (context->status & MSTATUS_MPP_S) && context->pc - before + NEAR < 2 * NEAR;
}

void arch_vcpu_resume_at(struct vcpu *vcpu, xlen_t pc, xlen_t opaque)
{
	struct context *context = context_of(vcpu);

	context->x[10] = vcpu->id;
	context->x[11] = opaque;
	context->pc = pc;
	context->status |= MSTATUS_MPP_S;
	if (virtual_guests()) {
		csr_write(vsatp, 0);
		csr_clear(vsstatus, MSTATUS_SIE);
		return;
	}
	csr_write(satp, 0);
	csr_clear(mstatus, MSTATUS_SIE);
}

void arch_vcpu_honour(struct vcpu *vcpu, xlen_t wanted)
{
	if (wanted & VCPU_WANT_IPI)
		arch_vcpu_raise_ipi();
	if (wanted & VCPU_WANT_FENCE_CODE)
		arch_fence_instructions();
	if (wanted & VCPU_WANT_FENCE_MEMORY)
		arch_fence_addresses(0, 0);
	if (wanted & VCPU_WANT_EXTERNAL)
		trap_set_external(
			__atomic_load_n(&context_of(vcpu)->pending.external, __ATOMIC_ACQUIRE));
}

void arch_vcpu_repeat_call(void)
{
	enum { ECALL_SIZE = 4 };

	csr_write(mepc, csr_read(mepc) - ECALL_SIZE);
}

bool arch_vcpu_clear_ipi(struct vcpu *vcpu)
{
	bool pending;

	(void)vcpu;
	if (virtual_guests()) {
		pending = csr_read(hvip) & MIP_VSSIP;
		csr_clear(hvip, MIP_VSSIP);
		return pending;
	}
	pending = csr_read(mip) & MIP_SSIP;
	csr_clear(mip, MIP_SSIP);
	return pending;
}

void arch_vcpu_set_external(struct vcpu *vcpu, bool level)
{
	struct context *context = context_of(vcpu);

	__atomic_store_n(&context->pending.external, level ? PENDING_EXTERNAL : 0,
			 __ATOMIC_RELEASE);
	if (cpu_of(hart_this())->context == context)
		arch_vcpu_honour(vcpu, VCPU_WANT_EXTERNAL);
	else
		sched_post(vcpu, VCPU_WANT_EXTERNAL);
}
