/* SPDX-License-Identifier: MIT */
/*
 * All that core and the SBI ask of the hardware. src/riscv implements it; the
 * unit tests implement it with a fake.
 */
#ifndef CORE_ARCH_H
#define CORE_ARCH_H

#include "core/hart.h"
#include "core/isolation.h"
#include "core/machine.h"
#include "core/manifest.h"
#include "core/ram.h"
#include "core/status.h"
#include "core/this_hart.h"
#include "core/vcpu.h"

/* The vCPU whose guest trapped into this hart. */
static inline struct vcpu *vcpu_this(void)
{
	return hart_this()->vcpu;
}

/* What the hardware layer has in a header (riscv/inline.h), where a call would cost too much. */
#if __STDC_HOSTED__
#define ARCH_INLINE
#else
#define ARCH_INLINE static inline
#endif

/* --- this hart ------------------------------------------------------------------------------ */

/*
 * Sleep until something is pending that this hart or, with `for_guest`, the guest that is loaded
 * has enabled; then serve the host's part of it.
 */
void arch_hart_sleep(bool for_guest);

/* Serve the host's interrupts that are pending. For loops in which nothing sleeps. */
void arch_hart_poll(void);

/* Call sched_work() on this hart at `when` (arch_time()), by an interrupt; all ones: never. */
void arch_alarm_set(uint64_t when);

/* Make `hart` look at what it shall do. Any hart. */
ARCH_INLINE void arch_hart_wake(struct hart *hart);

/*
 * memset() to 0 and memcpy(), for guest RAM by the megabyte: with whatever registers of the hart
 * move most at a time. Which guest is loaded makes no difference: none can see it.
 */
void arch_zero(void *to, size_t size);
void arch_copy(void *to, const void *from, size_t size);

/* Stop for ever: no interrupt is taken any more. */
_Noreturn void arch_hart_park(void);

/* Show where this hart's stack came from, for a panic. */
void arch_backtrace(void);

/* True when that was asked for since sched_work() began. */
bool arch_hart_has_work(void);

/* This hart's vCPU shall come by sched_work() before the guest's next instruction. */
ARCH_INLINE void arch_hart_request_work(void);

/* --- the machine ---------------------------------------------------------------------------- */

/* The hypervisor's own image in RAM. */
struct hpa_range arch_image(void);

/* The manifest that is linked into the image; size 0: none is. */
struct hpa_range arch_linked_manifest(void);

/* The part of `range` that M-mode can address: on RV32 what lies below 4 GiB. Says so when some
 * doesn't. */
struct hpa_range arch_reachable(struct hpa_range range);

/*
 * When the boot hart isn't one of the machine's, let one that is boot in its place, from the
 * beginning. Returns when that isn't so, or nobody has come. Boot hart, before it has done anything
 * but read the tree.
 */
void arch_boot_elsewhere(const struct machine *machine);

/*
 * Give every hart of the machine its memory, let it look at itself, and wait until
 * all have. One that doesn't answer is reported and left out. Boot hart.
 */
enum status arch_harts_start(const struct machine *machine, struct ram_map *ram,
			     struct reason *why) MUST_USE;

/* Make all other harts look whether there is a panic. This hart is about to report one. */
void arch_harts_stop(void);

/* True when the machine has an mtime register. */
bool arch_has_clock(void);

/* The index-th hart of the machine; NULL when it didn't come up. */
struct hart *arch_hart(unsigned index);

/* True when a guest can move between the two harts without noticing. Harts that are ready. */
bool arch_harts_alike(const struct hart *a, const struct hart *b);

/* True when a load of `width` bytes (1 or 4) from there doesn't fault, whatever it gives. */
bool arch_answers(hpa_t at, unsigned width);

/* A store to where there may be nothing; false when it faulted. */
bool arch_write32(hpa_t at, uint32_t value);

/* --- isolation ------------------------------------------------------------------------------ */

/* The back end for a capsule that asks for `wanted` on `hart`; ERR_LIMIT when the hart can't. */
enum status arch_isolation(const struct hart *hart, enum manifest_isolation wanted,
			   const struct isolation_ops **out, struct reason *why) MUST_USE;

/*
 * No RAM changes hands any more: what fences are made from the map of all RAM are made now.
 * ERR_LIMIT when the hardware has too little. Boot hart, after all capsules are made, before any
 * runs.
 */
enum status arch_isolation_seal(struct reason *why) MUST_USE;

/* --- vCPUs ---------------------------------------------------------------------------------- */

/*
 * A new vCPU, in memory that belongs to the capsule, for harts like `hart`; NULL when there is no
 * memory.
 */
struct vcpu *arch_vcpu_create(struct capsule *capsule, unsigned id, const struct hart *hart,
			      struct ram_map *ram);

/*
 * Reset registers to the state in which the SBI starts a hart ("HSM Hart Start
 * Register State"): pc, a0 = id, a1 = opaque, satp 0, interrupts off, all else zero.
 */
void arch_vcpu_reset(struct vcpu *vcpu, xlen_t pc, xlen_t opaque);

/*
 * Take the state of `from` (or NULL) out of this hart and put that of `to` in its place: all that
 * a guest can see but the general registers, fences included. Where `to` was before makes no
 * difference.
 */
void arch_vcpu_switch(struct vcpu *from, struct vcpu *to);

/* Forget the state of `vcpu`, which is loaded on this hart: nothing of it stays pending or enabled.
 */
void arch_vcpu_drop(struct vcpu *vcpu);

/* Enter the guest of the vCPU that is loaded. The stack is abandoned. */
_Noreturn void arch_vcpu_enter(struct vcpu *vcpu);

/* True when an interrupt is pending for a vCPU of this hart, loaded or not (then what is wanted of
 * it counts), and enabled in its `sie`. */
bool arch_vcpu_interrupted(const struct vcpu *vcpu);

/* When the timer of a vCPU of this hart will interrupt it; all ones: never. */
uint64_t arch_vcpu_deadline(const struct vcpu *vcpu);

/*
 * True when the running vCPU, in its guest's kernel, is within a few instructions of where it was
 * at the last call: it spins, or is in a short loop. Its registers are saved.
 */
bool arch_vcpu_is_in_place(struct vcpu *vcpu);

/* Start the loaded vCPU afresh (SBI HSM non-retentive resume); its work is done by then. */
void arch_vcpu_resume_at(struct vcpu *vcpu, xlen_t pc, xlen_t opaque);

/*
 * How often `vcpu` has left its guest for the index-th of the reasons that are told apart, and what
 * that is called; NULL: there are no more of them. Since the machine started, modulo 2^XLEN. Any
 * hart.
 */
const char *arch_vcpu_exits(const struct vcpu *vcpu, unsigned index, xlen_t *count);

/* The machine's clock, in ticks of its timebase. */
uint64_t arch_time(void);

/* No supervisor timer interrupt until one is set (harts with Sstc). */
void arch_timer_quiet(void);

/* The timer that the loaded vCPU waits for has changed: without Sstc, set mtimecmp accordingly. */
void arch_timer_reset(void);

/* Serve mtimecmp's interrupt at `now`; true when the alarm was due. */
bool arch_timer_interrupt(uint64_t now);

/* Set the supervisor timer of the running vCPU to `when`, in its guest's `time`. */
void arch_timer_set(struct vcpu *vcpu, uint64_t when);

/* Do to the vCPU that is loaded here what others want of it (VCPU_WANT_OF_HART; more is ignored).
 */
void arch_vcpu_honour(struct vcpu *vcpu, xlen_t wanted);

/* Raise the supervisor software interrupt of the running vCPU. */
ARCH_INLINE void arch_vcpu_raise_ipi(void);

/* Clear the supervisor software interrupt of the running vCPU; what it was. */
bool arch_vcpu_clear_ipi(struct vcpu *vcpu);

/* The call that is being served is made again: its handler returns a0 and a1 as they were. */
void arch_vcpu_repeat_call(void);

/* The level of the supervisor external interrupt of a vCPU, which may run on another hart. */
void arch_vcpu_set_external(struct vcpu *vcpu, bool level);

/* Fences for the guest of the running vCPU; size 0 means everything. */
void arch_fence_instructions(void);
void arch_fence_addresses(xlen_t start, xlen_t size);

/* True when `asid` can be in satp on this machine. */
bool arch_asid_valid(xlen_t asid);

/* --- what a vCPU has set of its hart: its own calls, on the hart where it is loaded ---------- */

/*
 * Misaligned loads and stores of `vcpu` are its own exceptions, or emulated as they are when it
 * starts. False when the hart doesn't delegate them: then nothing has changed.
 */
bool arch_vcpu_delegate_misaligned(struct vcpu *vcpu, bool delegate) MUST_USE;

/*
 * Traps of `vcpu` for which pmu.h has PMU_NOTED_BY_VECTOR are told to pmu_note() from the next
 * one on, or no more.
 */
void arch_vcpu_note_traps(struct vcpu *vcpu, bool note);

/* Bit n: this hart can stop counter n. */
unsigned arch_counters(void);

/*
 * Let a counter of `vcpu` run or not, or give it a value. It is the vCPU's own from then on, and
 * goes with it; before, it is the hart's, and runs.
 */
void arch_counter_run(struct vcpu *vcpu, enum arch_counter counter, bool run);
void arch_counter_set(struct vcpu *vcpu, enum arch_counter counter, uint64_t value);

/* --- what the guest is told about its hart -------------------------------------------------- */

struct guest_tree;

/* Fill the ISA part of a guest's tree for capsules on `hart`. The strings live as long as the hart.
 */
void arch_describe(const struct hart *hart, struct guest_tree *tree);

#if !__STDC_HOSTED__
#include "riscv/inline.h"
#endif

#endif
