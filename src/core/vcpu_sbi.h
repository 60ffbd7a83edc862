/* SPDX-License-Identifier: MIT */
/*
 * What a vCPU has set by SBI calls, and what is counted for it. All of it is zero when the
 * vCPU starts (arch_vcpu_reset), and survives a suspend.
 */
#ifndef CORE_VCPU_SBI_H
#define CORE_VCPU_SBI_H

#include "core/console.h"
#include "core/types.h"

enum { VCPU_EVENT_COUNTERS = 16 };

/* Counters that are CSRs which guests read. */
enum arch_counter { ARCH_COUNTER_CYCLE, ARCH_COUNTER_INSTRET, ARCH_COUNTERS };

/* 64 bits that another hart may count, in registers' widths: RV32 has no wider atomics. */
struct event_count {
	xlen_t words[64 / XLEN];
};

/* Firmware counters and the state of all (sbi/pmu.c). */
struct vcpu_pmu {
	/* Bit n: some running counter counts firmware event n. Written by the vCPU itself. */
	uint32_t watched;
	/* Bit n: whether counter n runs isn't as when the vCPU started. */
	uint32_t toggled;
	uint8_t events[VCPU_EVENT_COUNTERS]; /* firmware event + 1; 0: none */
	struct event_count counts[VCPU_EVENT_COUNTERS];
};

/* Where the guest wants to see the time that was stolen from it (core/steal.c). */
struct vcpu_steal {
	struct steal_memory *shared; /* in its RAM; NULL: nowhere */
	uint32_t sequence;	     /* ours, whatever the guest makes of the one in its RAM */
	uint64_t ticks;		     /* stolen since it asked to see it */
};

struct vcpu_sbi {
	uint32_t features; /* bit n: firmware feature n is on (sbi/fwft.c) */
	uint32_t locked;   /* bit n: and stays as it is */
	struct vcpu_pmu pmu;
	struct vcpu_steal steal;
	struct console_patience patience; /* with a byte that there is no room for */
};

#endif
