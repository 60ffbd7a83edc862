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

/* riscv/fp.S */
void fp_save_d(struct fp *fp);
void fp_load_d(const struct fp *fp);
void fp_save_f(struct fp *fp);
void fp_load_f(const struct fp *fp);
void vector_clear(void);

struct vcpu *arch_vcpu_create(struct capsule *capsule, unsigned id, struct ram_map *ram)
{
	struct context *context;
	struct reason why;
	hpa_t memory;

	if (ram_alloc(ram, align_up(sizeof(*context), PAGE_SIZE), PAGE_SIZE,
		      RAM_OWNER_CAPSULE + capsule->number, &memory, &why) != OK)
		return NULL;
	context = (struct context *)(uintptr_t)memory.raw;
	memset(context, 0, sizeof(*context));
	context->walk = (struct walk){
		.ram = capsule->space.regions[0].from,
		.ram_size = capsule->space.regions[0].size,
		.ram_host = (const uint8_t *)(uintptr_t)capsule->space.regions[0].to.raw,
	};
	context->vcpu = (struct vcpu){.capsule = capsule, .id = id};
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
	context->status = MSTATUS_MPP_S;
	context->timer = (uint64_t)-1;
	context->external = false;
	context->fresh = true;
	/* User programs read the clock: Linux leaves this to the firmware. */
	context->supervisor = (struct supervisor){.scounteren = SCOUNTEREN_ALL};
	memset(&context->fp, 0, sizeof(context->fp));
	memset(&context->features, 0, sizeof(context->features));
	memset(&vcpu->sbi, 0, sizeof(vcpu->sbi));
	vcpu->state = VCPU_STARTED;
	vcpu->wait = false;
	vcpu->resume = false;
}

static void save_fp(const struct cpu *cpu, struct fp *fp)
{
	csr_set(mstatus, MSTATUS_FS);
	if (cpu->isa & ISA_BIT(ISA_D))
		fp_save_d(fp);
	else if (cpu->isa & ISA_BIT(ISA_F))
		fp_save_f(fp);
}

static void load_fp(const struct cpu *cpu, const struct fp *fp)
{
	csr_set(mstatus, MSTATUS_FS);
	if (cpu->isa & ISA_BIT(ISA_D))
		fp_load_d(fp);
	else if (cpu->isa & ISA_BIT(ISA_F))
		fp_load_f(fp);
}

/*
 * Guests aren't offered V, but where the hart has it they can switch it on by themselves
 * (sstatus.VS): what they leave there must not reach the next one.
 */
static void clear_vector(void)
{
	csr_set(mstatus, MSTATUS_VS);
	vector_clear();
}

/* Take the guest's state out of the hart. Its general registers are in the context already. */
static void save_state(const struct cpu *cpu, struct context *context)
{
	struct supervisor *s = &context->supervisor;

	s->sstatus = csr_read(sstatus);
	s->stvec = csr_read(stvec);
	s->sscratch = csr_read(sscratch);
	s->sepc = csr_read(sepc);
	s->scause = csr_read(scause);
	s->stval = csr_read(stval);
	s->satp = csr_read(satp);
	s->sie = csr_read(sie);
	s->scounteren = csr_read(scounteren);
	s->software = csr_read(mip) & MIP_SSIP;
	if (cpu->has_menvcfg)
		s->senvcfg = csr_read(CSR_SENVCFG);
	if (cpu->has_sstc)
		context->timer = csr_read64(CSR_STIMECMP, CSR_STIMECMPH);
	save_fp(cpu, &context->fp);
	features_save(context);
}

/*
 * Put the guest's state into the hart: every CSR that it can see is written, so that
 * nothing of whoever ran here before is left. The PMP is this guest's by now; its fence
 * has also done away with the translations of the one before.
 */
static void load_state(const struct cpu *cpu, struct context *context)
{
	const struct supervisor *s = &context->supervisor;

	features_load(context);
	load_fp(cpu, &context->fp);
	if (cpu->has_vector)
		clear_vector();
	csr_write(sstatus, s->sstatus);
	csr_write(stvec, s->stvec);
	csr_write(sscratch, s->sscratch);
	csr_write(sepc, s->sepc);
	csr_write(scause, s->scause);
	csr_write(stval, s->stval);
	csr_write(sie, s->sie);
	csr_write(scounteren, s->scounteren);
	if (cpu->has_menvcfg)
		csr_write(CSR_SENVCFG, s->senvcfg);
	csr_clear(mip, MIP_SSIP | MIP_SEIP);
	if (s->software)
		csr_set(mip, MIP_SSIP);
	if (__atomic_load_n(&context->external, __ATOMIC_ACQUIRE))
		csr_set(mip, MIP_SEIP);
	arch_timer_set(&context->vcpu, context->timer);
	csr_write(satp, s->satp);
}

/* A reservation of the guest before must not let a store-conditional of this one succeed. */
static void drop_reservation(void)
{
	static int nowhere;
	int unused;

	__asm__ volatile("sc.w %0, zero, (%1)" : "=r"(unused) : "r"(&nowhere) : "memory");
}

/* New on this hart: what was written as data may be executed, and the fence must hold. */
static void first_time(struct cpu *cpu, struct context *context)
{
	struct capsule *capsule = context->vcpu.capsule;
	struct reason why;

	context->cpu = cpu;
	context->mtimecmp = cpu->mtimecmp;
	__asm__ volatile("fence.i" : : : "memory");
	context->fresh = false;
	if (capsule->space.ops->verify(&capsule->space, &why) == OK)
		return;
	log_alert("Capsule %u: %s: %s", capsule->number, capsule->name, why.text);
	capsule_end(capsule, CAPSULE_FAILED, "stopped: its fence can't be set up");
}

void arch_vcpu_switch(struct vcpu *from, struct vcpu *to)
{
	struct context *context = context_of(to);
	struct cpu *cpu = cpu_of(hart_this());
	const struct space *space = &to->capsule->space;

	if (from)
		save_state(cpu, context_of(from));
	if (context->cpu != cpu)
		context->fresh = true;
	csr_write(satp, 0);
	space->ops->activate(space);
	cpu->context = context;
	context->alarm = cpu->alarm;
	if (context->fresh)
		first_time(cpu, context);
	load_state(cpu, context);
	drop_reservation();
	ASSERT(!cpu->pmp_dirty);
}

void arch_vcpu_drop(struct vcpu *vcpu)
{
	struct cpu *cpu = cpu_of(hart_this());

	(void)vcpu;
	csr_clear(mie, MIP_GUEST);
	csr_clear(mip, MIP_GUEST);
	if (cpu->has_sstc)
		arch_timer_quiet();
	cpu->context = NULL;
}

_Noreturn void arch_vcpu_enter(struct vcpu *vcpu)
{
	context_enter(context_of(vcpu));
}

bool arch_vcpu_interrupted(const struct vcpu *vcpu)
{
	const struct context *context = context_of(vcpu);
	xlen_t pending = 0;

	if (cpu_of(hart_this())->context == context)
		return csr_read(mip) & csr_read(mie) & MIP_GUEST;
	if (context->supervisor.software ||
	    (__atomic_load_n(&vcpu->wanted, __ATOMIC_ACQUIRE) & VCPU_WANT_IPI))
		pending |= MIP_SSIP;
	if (__atomic_load_n(&context->external, __ATOMIC_ACQUIRE))
		pending |= MIP_SEIP;
	if (context->timer <= arch_time())
		pending |= MIP_STIP;
	return pending & context->supervisor.sie;
}

uint64_t arch_vcpu_deadline(const struct vcpu *vcpu)
{
	const struct context *context = context_of(vcpu);
	const struct cpu *cpu = cpu_of(hart_this());
	bool loaded = cpu->context == context;
	xlen_t sie = loaded ? csr_read(sie) : context->supervisor.sie;

	if (!(sie & MIP_STIP))
		return (uint64_t)-1;
	return loaded && cpu->has_sstc ? csr_read64(CSR_STIMECMP, CSR_STIMECMPH) : context->timer;
}

void arch_vcpu_resume_at(struct vcpu *vcpu, xlen_t pc, xlen_t opaque)
{
	struct context *context = context_of(vcpu);

	context->x[10] = vcpu->id;
	context->x[11] = opaque;
	context->pc = pc;
	context->status |= MSTATUS_MPP_S;
	csr_write(satp, 0);
	csr_clear(mstatus, MSTATUS_SIE);
}

void arch_vcpu_honour(struct vcpu *vcpu, xlen_t wanted)
{
	if (wanted & VCPU_WANT_IPI)
		csr_set(mip, MIP_SSIP);
	if (wanted & VCPU_WANT_FENCE_CODE)
		arch_fence_instructions();
	if (wanted & VCPU_WANT_FENCE_MEMORY)
		arch_fence_addresses(0, 0);
	if (wanted & VCPU_WANT_EXTERNAL) {
		if (__atomic_load_n(&context_of(vcpu)->external, __ATOMIC_ACQUIRE))
			csr_set(mip, MIP_SEIP);
		else
			csr_clear(mip, MIP_SEIP);
	}
}

bool arch_vcpu_clear_ipi(struct vcpu *vcpu)
{
	bool pending = csr_read(mip) & MIP_SSIP;

	(void)vcpu;
	csr_clear(mip, MIP_SSIP);
	return pending;
}

void arch_vcpu_set_external(struct vcpu *vcpu, bool level)
{
	struct context *context = context_of(vcpu);

	__atomic_store_n(&context->external, level, __ATOMIC_RELEASE);
	if (cpu_of(hart_this())->context == context)
		arch_vcpu_honour(vcpu, VCPU_WANT_EXTERNAL);
	else
		sched_post(vcpu, VCPU_WANT_EXTERNAL);
}
