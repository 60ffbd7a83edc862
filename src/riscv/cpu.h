/* SPDX-License-Identifier: MIT */
/*
 * A physical CPU in all its detail: tp points at it whenever M-mode code runs.
 *
 * Each hart has a block of CPU_BLOCK_SIZE bytes: its stack, a second small stack
 * for reporting faults of our own (the first may be what is broken), and this
 * structure at the top.
 */
#ifndef RISCV_CPU_H
#define RISCV_CPU_H

#include "core/hart.h"
#include "core/ram.h"
#include "core/status.h"
#include "riscv/context.h"
#include "riscv/isa.h"

enum {
	CPU_BLOCK_SIZE = 12 * 1024,
	CPU_FAULT_STACK_SIZE = 2048,
	PMP_SLOTS_MAX = 64,
};

/* What a stack holds at its lower end; a different value there means that it overflowed. */
#define CPU_STACK_CANARY ((xlen_t)0x5bd1e995)

struct cpu {
	struct hart hart; /* first: hart_this() is this structure */

	/* The trap path's (riscv/trap.S). */
	struct context *context;  /* of the vCPU that runs below us */
	xlen_t stack;		  /* top of the hart's stack */
	xlen_t work;		  /* not zero: trap_work() before the next guest instruction */
	xlen_t mmio_value;	  /* what an emulated load gives (mmio_load) */
	const void *load_results; /* trap_load_results: nearer from here */
	xlen_t scratch[2];
	xlen_t fault_stack; /* top of the second stack */
	xlen_t fault_depth; /* faults of our own that are being reported */
	xlen_t fault_x[32];
	xlen_t mpv; /* mstatus.MPV (RV32: mstatush.MPV) where guests run with V=1, else 0 */
	xlen_t status_guest, status_host; /* bits of mstatus that a guest has; the others */
	/* Changes of guest: without a second stage, and with one and a VMID of its own. */
	context_exchange *exchange[2];

	xlen_t *stack_limit; /* lowest word of the stack: the canary */

	/* What the hart is and has; constant once it is HART_READY. */
	isa_set_t isa;
	bool has_supervisor;
	bool has_hypervisor;   /* guests run with V=1 (riscv/virtual.h) */
	unsigned vmids;	       /* the highest VMID that hgatp takes */
	unsigned gstage_modes; /* bit n: hgatp takes mode n */
	unsigned vlenb;	       /* bytes of a vector register; 0: no guest here can use any */
	bool has_aia;	       /* CSRs of the Advanced Interrupt Architecture (riscv/aia.h) */
	uint8_t leftovers; /* enum leftover: what one guest leaves must be cleared for the next */
	bool has_time;	   /* the `time` CSR can be read */
	bool has_sstc;
	bool has_menvcfg;
	uint64_t envcfg;      /* of menvcfg and henvcfg: what guests may use */
	uint8_t inhibitable;  /* the bits of mcountinhibit for cycle and instret that can be set */
	bool is_usual;	      /* D, Sstc and envcfg, AIA out of reach: see exchange.S */
	bool ticks_full;      /* the alarm's interrupt is a full entry at once: see trap.S */
	bool has_double_trap; /* RV32: mstatush.MDT is there (Smdbltrp) */
	unsigned pmp_slots;
	uint64_t pmp_grain; /* bytes */
	bool pmp_locked;    /* an earlier stage left locked entries */
	struct isa_text guest_isa;

	volatile uint32_t *msip;
	xlen_t mtimecmp; /* address */

	unsigned hext_edition; /* of the PMP entries of hext/hext.c that are in force; 0: none */
	/* What a vCPU has set is in force, and must be undone for the next (riscv/features.h). */
	bool special;
	uint64_t count_offsets[ARCH_COUNTERS]; /* the hart's own cycle and instret, less the CSRs */

	/* Something of the PMP was written and the fences are still due. */
	bool pmp_dirty;
};

_Static_assert(offsetof(struct cpu, hart) == 0, "tp points at the hart and at the cpu alike");

static inline struct cpu *cpu_of(const struct hart *hart)
{
	return (struct cpu *)(uintptr_t)hart;
}

/* Lay out the block at `block` (CPU_BLOCK_SIZE bytes) for the hart described; gives the structure.
 */
struct cpu *cpu_prepare(void *block, const struct machine_hart *description);

/* This hart looks at itself: CSRs, PMP, extensions. On the hart, before it is HART_READY. */
void cpu_probe(struct cpu *cpu);

/* Set the CSRs that every guest on this hart runs under (delegation, traps, counters). On the hart.
 */
void cpu_set_up(struct cpu *cpu);

/*
 * Try out whether this hart's timer and software interrupt come when they are told to; what doesn't
 * is forgotten, and the hart unfit. On the hart, before they are enabled in mie (riscv/probe.c).
 */
void probe_interrupts(struct cpu *cpu);

/* True when arch_time() goes on. On any hart that has looked at itself. */
bool probe_clock(void);

/* mtimecmp's interrupt is on from now on: nothing is due yet. On the hart (riscv/timer.c). */
void timer_set_up(const struct cpu *cpu);

/* "QEMU/Unknown": who made the hart, as far as mvendorid and marchid tell; for messages. */
const char *cpu_maker(const struct cpu *cpu);

/* The machine's mtime, low half first; NULL: it has none. Constant once harts run (riscv/boot.c).
 */
extern volatile uint32_t *cpu_mtime;

/* All harts, in the order of the device tree; NULL for those left out, and beyond. Any hart. */
struct cpu *cpu_at(unsigned index);

#endif
