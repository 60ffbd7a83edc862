/* SPDX-License-Identifier: MIT */
/*
 * Offsets that assembly needs. Compiled to assembly only; mk/build.mk turns
 * the `@@` lines into macros of build/<width>/asm_offsets.h.
 */
#include "core/capsule.h"
#include "riscv/cpu.h"

#define EMIT(name, value) __asm__ volatile("\n@@ " #name " %0" : : "i"(value))

void asm_offsets(void);

void asm_offsets(void)
{
	EMIT(CONTEXT_X, offsetof(struct context, x));
	EMIT(CONTEXT_PC, offsetof(struct context, pc));
	EMIT(CONTEXT_STATUS, offsetof(struct context, status));
	EMIT(CONTEXT_CPU, offsetof(struct context, cpu));
	EMIT(CONTEXT_MTIMECMP, offsetof(struct context, mtimecmp));
	EMIT(CONTEXT_ALARM, offsetof(struct context, alarm));
	EMIT(CONTEXT_EXIT_NEXT, offsetof(struct context, exit_next));
	EMIT(CONTEXT_EXITS_SIZE, sizeof(((struct context *)0)->exits));
	EMIT(CONTEXT_SHORT_SAVED, CONTEXT_SHORT_SAVED);
	EMIT(CONTEXT_TIMER, offsetof(struct context, timer));
	EMIT(CONTEXT_COUNTS, offsetof(struct context, counts));
	EMIT(CONTEXT_SLOT_EID, offsetof(struct context, slots[0].eid));
	EMIT(CONTEXT_SLOT_CALL, offsetof(struct context, slots[0].call));
	EMIT(CONTEXT_SLOT_COUNT, offsetof(struct context, slots[0].count));
	EMIT(EXIT_SET_TIMER, EXIT_SET_TIMER);
	EMIT(EXIT_TIMER, EXIT_TIMER);
	EMIT(EXIT_UNKNOWN_CALL, EXIT_UNKNOWN_CALL);
	EMIT(EXIT_ACCESS, EXIT_ACCESS);
	EMIT(CPU_ABOVE_STACK, align_up(sizeof(struct cpu), 16) + CPU_FAULT_STACK_SIZE);
	EMIT(CPU_CONTEXT, offsetof(struct cpu, context));
	EMIT(CPU_STACK, offsetof(struct cpu, stack));
	EMIT(CPU_WORK, offsetof(struct cpu, work));
	EMIT(CPU_SCRATCH, offsetof(struct cpu, scratch));
	EMIT(CPU_FAULT_STACK, offsetof(struct cpu, fault_stack));
	EMIT(CPU_FAULT_DEPTH, offsetof(struct cpu, fault_depth));
	EMIT(FP_FCSR, offsetof(struct fp, fcsr));
	EMIT(FP_BLOCK, FP_BLOCK);
	EMIT(CPU_MMIO_VALUE, offsetof(struct cpu, mmio_value));
	EMIT(CPU_MPV, offsetof(struct cpu, mpv));
	EMIT(CPU_LOAD_RESULTS, offsetof(struct cpu, load_results));
	EMIT(CPU_TICKS_FULL, offsetof(struct cpu, ticks_full));
	EMIT(CPU_ALARM, offsetof(struct cpu, hart.sched.alarm));
	EMIT(CPU_MTIMECMP, offsetof(struct cpu, mtimecmp));
	EMIT(CPU_STATUS_GUEST, offsetof(struct cpu, status_guest));
	EMIT(CPU_STATUS_HOST, offsetof(struct cpu, status_host));
	EMIT(CONTEXT_EXCHANGE_ON, offsetof(struct context, exchange_on));
	EMIT(CONTEXT_VCPU, offsetof(struct context, vcpu));
	EMIT(CONTEXT_CAPSULE, offsetof(struct context, vcpu.capsule));
	EMIT(CONTEXT_PENDING, offsetof(struct context, pending));
	EMIT(CONTEXT_FP, offsetof(struct context, fp.f));
	EMIT(CONTEXT_FCSR, offsetof(struct context, fp.fcsr));
	EMIT(CONTEXT_VSTART, offsetof(struct context, vector.vstart));
	EMIT(CONTEXT_VCSR, offsetof(struct context, vector.vcsr));
	EMIT(CONTEXT_VL, offsetof(struct context, vector.vl));
	EMIT(CONTEXT_VTYPE, offsetof(struct context, vector.vtype));
	EMIT(CONTEXT_VECTORS, offsetof(struct context, vector.registers));
	EMIT(CONTEXT_SSTATUS, offsetof(struct context, supervisor.sstatus));
	EMIT(CONTEXT_STVEC, offsetof(struct context, supervisor.stvec));
	EMIT(CONTEXT_SSCRATCH, offsetof(struct context, supervisor.sscratch));
	EMIT(CONTEXT_SEPC, offsetof(struct context, supervisor.sepc));
	EMIT(CONTEXT_SCAUSE, offsetof(struct context, supervisor.scause));
	EMIT(CONTEXT_STVAL, offsetof(struct context, supervisor.stval));
	EMIT(CONTEXT_SATP, offsetof(struct context, supervisor.satp));
	EMIT(CONTEXT_SIE, offsetof(struct context, supervisor.sie));
	EMIT(CONTEXT_SCOUNTEREN, offsetof(struct context, supervisor.scounteren));
	EMIT(CONTEXT_SENVCFG, offsetof(struct context, supervisor.senvcfg));
	EMIT(CAPSULE_PMP_ADDRESS, offsetof(struct capsule, space.entries[0].address));
	EMIT(CAPSULE_PMP_CONFIG, offsetof(struct capsule, space.config));
	EMIT(PMP_ENTRY_SIZE, sizeof(struct pmp_entry));
	EMIT(CONTEXT_HGATP, offsetof(struct context, hgatp));
	EMIT(CONTEXT_TIME_ZERO, offsetof(struct context, time_zero));
	EMIT(CPU_FAULT_X, offsetof(struct cpu, fault_x));
}
