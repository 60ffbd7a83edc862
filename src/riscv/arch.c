/* SPDX-License-Identifier: MIT */
/* What core asks of the hardware (core/arch.h), as far as it is about a hart's guest. */
#include "core/arch.h"

#include "core/assert.h"
#include "core/capsule.h"
#include "core/guest_tree.h"
#include "core/log.h"
#include "lib/string.h"
#include "riscv/access.h"
#include "riscv/cpu.h"
#include "riscv/pmp/pmp.h"

void arch_hart_wake(struct hart *hart)
{
	/* What was written to memory comes before the write to the device. */
	__asm__ volatile("fence rw, o" : : : "memory");
	*cpu_of(hart)->msip = 1;
}

_Noreturn void arch_hart_park(void)
{
	csr_write(mie, 0);
	for (;;)
		__asm__ volatile("wfi");
}

void arch_hart_request_work(void)
{
	cpu_of(hart_this())->work = 1;
}

enum status arch_isolation(const struct hart *hart, enum manifest_isolation wanted,
			   const struct isolation_ops **out, struct reason *why)
{
	if (hart->unfit)
		return refuse(why, ERR_LIMIT, "CPU %u can't run it: %s", hart->id, hart->unfit);
	if (wanted == ISOLATION_HEXT)
		return refuse(why, ERR_LIMIT,
			      "isolation is hext, but CPU %u has no H extension; pmp or auto would "
			      "be accepted",
			      hart->id);
	*out = &pmp_isolation;
	return OK;
}

struct vcpu *arch_vcpu_create(struct capsule *capsule, unsigned id, struct hart *hart,
			      struct ram_map *ram)
{
	struct context *context;
	struct reason why;
	hpa_t memory;

	if (ram_alloc(ram, align_up(sizeof(*context), PAGE_SIZE), PAGE_SIZE,
		      RAM_OWNER_CAPSULE + capsule->number, &memory, &why) != OK)
		return NULL;
	context = (struct context *)(uintptr_t)memory.raw;
	memset(context, 0, sizeof(*context));
	context->cpu = cpu_of(hart);
	context->mtimecmp = context->cpu->mtimecmp;
	context->walk = (struct walk){
		.ram = capsule->space.regions[0].from,
		.ram_size = capsule->space.regions[0].size,
		.ram_host = (const uint8_t *)(uintptr_t)capsule->space.regions[0].to.raw,
	};
	context->vcpu = (struct vcpu){.capsule = capsule, .id = id, .hart = hart};
	return &context->vcpu;
}

void arch_vcpu_reset(struct vcpu *vcpu, xlen_t pc, xlen_t opaque)
{
	struct context *context = context_of(vcpu);

	memset(context->x, 0, sizeof(context->x));
	context->x[10] = vcpu->id;
	context->x[11] = opaque;
	context->pc = pc;
	context->status = MSTATUS_MPP_S;
	context->timer = (uint64_t)-1;
}

/* Supervisor CSRs as a guest finds them: nothing of whoever ran here before. */
static void clear_supervisor(const struct cpu *cpu)
{
	csr_write(satp, 0);
	csr_write(stvec, 0);
	csr_write(sscratch, 0);
	csr_write(sepc, 0);
	csr_write(scause, 0);
	csr_write(stval, 0);
	/* User programs read the clock: Linux leaves this to the firmware. */
	csr_write(scounteren, SCOUNTEREN_ALL);
	csr_clear(mie, MIP_GUEST);
	csr_clear(mip, MIP_GUEST);
	if (cpu->has_menvcfg)
		csr_write(CSR_SENVCFG, 0);
	csr_clear(mstatus, MSTATUS_SIE | MSTATUS_SPIE | MSTATUS_SPP | MSTATUS_SUM | MSTATUS_MXR |
				   MSTATUS_FS | MSTATUS_VS);
}

_Noreturn void arch_vcpu_enter(struct vcpu *vcpu)
{
	struct context *context = context_of(vcpu);
	struct cpu *cpu = context->cpu;
	struct reason why;

	ASSERT(cpu == cpu_of(hart_this()));
	if (vcpu->capsule->space.ops->activate(&vcpu->capsule->space, &why) != OK) {
		log_alert("%s", why.text);
		capsule_end(vcpu->capsule, CAPSULE_FAILED, "stopped: its fence can't be set up");
		hart_work(&cpu->hart, vcpu);
	}
	ASSERT(!cpu->pmp_dirty);
	clear_supervisor(cpu);
	arch_timer_set(vcpu, context->timer);
	csr_set(mie, MIP_MSIP | MIP_MEIP);
	cpu->context = context;
	/* The image was written as data. */
	__asm__ volatile("fence.i" : : : "memory");
	context_enter(context);
}

bool arch_vcpu_interrupted(const struct vcpu *vcpu)
{
	(void)vcpu;
	return csr_read(mip) & csr_read(mie) & MIP_GUEST;
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

static void write_stimecmp(uint64_t when)
{
#if __riscv_xlen == 64
	csr_write(CSR_STIMECMP, when);
#else
	/* No interrupt may appear between the halves: one is parked at all ones. */
	csr_write(CSR_STIMECMP, -1);
	csr_write(CSR_STIMECMPH, when >> 32);
	csr_write(CSR_STIMECMP, when);
#endif
}

static void write_mtimecmp(uintptr_t at, uint64_t when)
{
	volatile uint32_t *halves = (volatile uint32_t *)at;

	halves[0] = (uint32_t)-1;
	halves[1] = when >> 32;
	halves[0] = when;
}

void arch_timer_quiet(void)
{
	write_stimecmp((uint64_t)-1);
}

void arch_timer_set(struct vcpu *vcpu, uint64_t when)
{
	struct context *context = context_of(vcpu);

	if (context->cpu->has_sstc) {
		write_stimecmp(when);
		return;
	}
	context->timer = when;
	write_mtimecmp(context->mtimecmp, when);
	csr_clear(mip, MIP_STIP);
	csr_set(mie, MIP_MTIP);
}

void arch_vcpu_send_ipi(struct vcpu *vcpu)
{
	(void)vcpu; /* the capsule's only one, and it is the caller */
	csr_set(mip, MIP_SSIP);
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
	if (context->cpu != cpu_of(hart_this()))
		arch_hart_wake(&context->cpu->hart);
	else if (level)
		csr_set(mip, MIP_SEIP);
	else
		csr_clear(mip, MIP_SEIP);
}

void arch_fence_instructions(void)
{
	__asm__ volatile("fence.i" : : : "memory");
}

void arch_fence_addresses(xlen_t start, xlen_t size)
{
	/* Beyond some pages one fence of everything is quicker, and bounds the call's cost. */
	enum { PAGES_MAX = 16 };

	if (size == 0 || size > PAGES_MAX * PAGE_SIZE) {
		__asm__ volatile("sfence.vma x0, x0" : : : "memory");
		return;
	}
	xlen_t page = start & ~(xlen_t)(PAGE_SIZE - 1);
	xlen_t pages = (start - page + size + PAGE_SIZE - 1) / PAGE_SIZE;

	for (; pages; pages--, page += PAGE_SIZE)
		__asm__ volatile("sfence.vma %0, x0" : : "r"(page) : "memory");
}

bool arch_asid_valid(xlen_t asid)
{
	/* satp holds 16 bits of ASID on RV64, 9 on RV32, of which a hart may have fewer. */
	return asid < (xlen_t)1 << (XLEN == 64 ? 16 : 9);
}

void arch_describe(const struct hart *hart, struct guest_tree *tree)
{
	const struct cpu *cpu = cpu_of(hart);

	tree->isa_base = cpu->guest_isa.base;
	tree->isa = cpu->guest_isa.isa;
	tree->extensions = cpu->guest_isa.extensions;
	tree->extensions_length = cpu->guest_isa.extensions_length;
	tree->mmu_type = hart->description->mmu_type;
}
