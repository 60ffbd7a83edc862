/* SPDX-License-Identifier: MIT */
/*
 * Firmware events of the SBI's PMU extension: what happens in the hypervisor on a vCPU's
 * behalf, counted for guests that ask.
 *
 * Nobody pays for a count that nobody watches. Places that few guests come by call
 * pmu_note(), which looks at one word. Those on the trap path's short roads (set timer, device
 * accesses) have nothing in them: while one of their events is watched, the vCPU's traps
 * take another vector that notes them first (riscv/trap_noted.S).
 */
#ifndef SBI_PMU_H
#define SBI_PMU_H

#include "core/vcpu.h"

/* "PMU Firmware Events": the codes. Those of the HFENCE calls follow, which no guest has. */
enum pmu_event {
	PMU_MISALIGNED_LOAD,
	PMU_MISALIGNED_STORE,
	PMU_ACCESS_LOAD,
	PMU_ACCESS_STORE,
	PMU_ILLEGAL_INSN,
	PMU_SET_TIMER,
	/* Between vCPUs, each "to other hart", so not of one with itself: sent by this one ... */
	PMU_IPI_SENT,
	PMU_IPI_RECEIVED,
	PMU_FENCE_I_SENT,
	PMU_FENCE_I_RECEIVED,
	PMU_SFENCE_VMA_SENT,
	PMU_SFENCE_VMA_RECEIVED,
	PMU_SFENCE_VMA_ASID_SENT,
	PMU_SFENCE_VMA_ASID_RECEIVED,
	PMU_EVENTS,
};

/* Those that are noted by the vector, and so by no one else. */
#define PMU_NOTED_BY_VECTOR (1u << PMU_ACCESS_LOAD | 1u << PMU_ACCESS_STORE | 1u << PMU_SET_TIMER)

/* Count an event that some counter of `vcpu` watches. Any hart. */
void pmu_count(struct vcpu *vcpu, enum pmu_event event);

/* True when `vcpu` counts any firmware event. Any hart. */
static inline bool pmu_is_watched(const struct vcpu *vcpu)
{
	return __builtin_expect(vcpu->sbi.pmu.watched, 0);
}

/* The event has happened to `vcpu`, if anybody wants to know. Any hart. */
static inline void pmu_note(struct vcpu *vcpu, enum pmu_event event)
{
	if (__builtin_expect(vcpu->sbi.pmu.watched >> event & 1, 0))
		pmu_count(vcpu, event);
}

/*
 * `from` has asked something of another vCPU; `sent` is one of PMU_*_SENT. On the hart of `from`,
 * once for each `to`.
 */
static inline void pmu_note_request(struct vcpu *from, struct vcpu *to, enum pmu_event sent)
{
	if (__builtin_expect(from->sbi.pmu.watched | to->sbi.pmu.watched, 0)) {
		pmu_note(from, sent);
		pmu_note(to, sent + 1);
	}
}

#endif
