/* SPDX-License-Identifier: MIT */
/*
 * Guests on a hart with the H extension: V=1.
 *
 * There, S-mode with V=0 would be HS-mode, which owns the hypervisor CSRs, so every guest of
 * such a hart runs in VS-mode and VU-mode, whatever fences it ("Privilege Modes" of the
 * hypervisor extension). Nothing ever runs in HS-mode. Which set of supervisor CSRs is the
 * guest's follows from the hart alone; the functions here are the V=1 half of vcpu.c and
 * trap.c. M-mode, on the hart in question.
 */
#ifndef RISCV_VIRTUAL_H
#define RISCV_VIRTUAL_H

#include "core/arch.h"
#include "riscv/cpu.h"
#include "riscv/csr.h"

/* True when guests of this hart run with V=1. */
static inline bool virtual_guests(void)
{
	return cpu_of(hart_this())->has_hypervisor;
}

/* A supervisor CSR of the loaded guest, by the name that it has for the guest: guest_read(stvec).
 */
#define guest_read(name) (virtual_guests() ? csr_read(v##name) : csr_read(name))

/* mcause as a guest without H would have seen it: guest-page faults are access faults to it. */
static inline xlen_t virtual_cause(xlen_t cause)
{
	switch (cause) {
	case CAUSE_INSN_GUEST_PAGE: return CAUSE_INSN_ACCESS;
	case CAUSE_LOAD_GUEST_PAGE: return CAUSE_LOAD_ACCESS;
	case CAUSE_STORE_GUEST_PAGE: return CAUSE_STORE_ACCESS;
	case CAUSE_VIRTUAL_INSN: return CAUSE_ILLEGAL;
	default: return cause;
	}
}

/* When the guest's clock shows `when`, in the host's time; all ones stay so. */
static inline uint64_t virtual_to_host_time(const struct context *context, uint64_t when)
{
	uint64_t host = when + context->time_zero;

	return host < when ? (uint64_t)-1 : host;
}

/* What H has to offer here: see struct cpu. Before virtual_set_up(). */
void virtual_probe(struct cpu *cpu);

/* CSRs that no guest changes: delegation, interception, nothing for HS-mode. After menvcfg. */
void virtual_set_up(struct cpu *cpu);

/* A new vCPU in `space`: its hgatp, with a VMID of its own as long as there are any. Boot hart. */
void virtual_create(struct context *context, const struct space *space);

/* arch_vcpu_switch()'s halves: take the guest's state out of the hart, put it in. */
void virtual_save(const struct cpu *cpu, struct context *context);
void virtual_load(struct cpu *cpu, struct context *context);

/* Nothing of the loaded guest stays pending or enabled. */
void virtual_drop(const struct cpu *cpu);

/* arch_timer_set() for the loaded guest, `when` in its own time. The hart's mtimecmp is not
 * touched. */
void virtual_set_timer(const struct cpu *cpu, struct context *context, uint64_t when);

/* When the loaded guest's timer is due, in its own time where the hart has Sstc, else in the
 * host's. */
uint64_t virtual_timer(const struct cpu *cpu, const struct context *context);

/* trap_reflect() for a guest with V=1. */
void virtual_reflect(struct context *context, xlen_t cause, xlen_t value);

/*
 * True when the last trap did not come from V=1: something was delivered to HS-mode, where the
 * first fetch failed.
 */
bool virtual_is_stray(void);

#endif
