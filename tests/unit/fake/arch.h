/* SPDX-License-Identifier: MIT */
/*
 * The machine that the unit tests run on: harts without hardware behind
 * core/arch.h. It does what it is asked as far as a test can see it, keeps a
 * list of what it was asked, and fails where the test says so. Host-physical
 * addresses are this program's own pointers.
 */
#ifndef FAKE_ARCH_H
#define FAKE_ARCH_H

#include <setjmp.h>

#include "core/arch.h"
#include "core/capsule.h"

enum {
	FAKE_HARTS = 4,
	FAKE_CALLS_MAX = 1024,
	FAKE_QUEUE = 320, /* vCPUs that a hart's queues have room for */
	FAKE_EXITS = 60,  /* reasons for exits that are told apart */
};

/* Where guests have their RAM that are fenced by `stage`. */
#define FAKE_STAGE_RAM 0x80000000u

/* What core asked of the hardware; a and b as in the comment. */
enum fake_call_kind {
	FAKE_SLEEP,	      /* arch_hart_sleep() */
	FAKE_WAKE,	      /* arch_hart_wake(): a is the hart's id */
	FAKE_PARK,	      /* arch_hart_park() */
	FAKE_STOP,	      /* arch_harts_stop() */
	FAKE_POLL,	      /* arch_hart_poll() */
	FAKE_WORK,	      /* arch_hart_request_work() */
	FAKE_ACTIVATE,	      /* isolation_ops.activate(): a is the space */
	FAKE_VERIFY,	      /* isolation_ops.verify(): a is the space */
	FAKE_SWITCH,	      /* arch_vcpu_switch(): a is the one before */
	FAKE_DROP,	      /* arch_vcpu_drop() */
	FAKE_CREATE,	      /* arch_vcpu_create(): a is the id */
	FAKE_RESET,	      /* arch_vcpu_reset(): pc, opaque */
	FAKE_ENTER,	      /* arch_vcpu_enter() */
	FAKE_RESUME_AT,	      /* arch_vcpu_resume_at(): pc, opaque */
	FAKE_TIMER,	      /* arch_timer_set(): when */
	FAKE_TIMER_QUIET,     /* arch_timer_quiet() */
	FAKE_HONOUR,	      /* arch_vcpu_honour(): wanted */
	FAKE_CLEAR_IPI,	      /* arch_vcpu_clear_ipi() */
	FAKE_REPEAT,	      /* arch_vcpu_repeat_call() */
	FAKE_EXTERNAL,	      /* arch_vcpu_set_external(): level */
	FAKE_FENCE_CODE,      /* arch_fence_instructions() */
	FAKE_FENCE_ADDRESSES, /* arch_fence_addresses(): start, size */
	FAKE_DELEGATE,	      /* arch_vcpu_delegate_misaligned(): whether */
	FAKE_NOTE_TRAPS,      /* arch_vcpu_note_traps(): whether */
	FAKE_COUNTER_RUN,     /* arch_counter_run(): counter, whether */
	FAKE_COUNTER_SET      /* arch_counter_set(): counter, value */
};

struct fake_call {
	enum fake_call_kind kind;
	struct hart *hart; /* on which it was made */
	struct vcpu *vcpu; /* NULL where there is none */
	uint64_t a, b;
};

/* A vCPU with what the hardware would hold of it. */
struct fake_vcpu {
	xlen_t pc, a0, a1;
	uint64_t timer;		 /* as it is in the hart, or as it was when it was taken out */
	uint64_t saved_timer;	 /* of what isn't loaded: written by a switch */
	bool ipi;		 /* its software interrupt is pending, in the hart or saved */
	bool external;		 /* the level that its PLIC has set */
	bool seip;		 /* what the hart has of that; of what is loaded */
	bool masked;		 /* its sie is 0 */
	bool spins;		 /* its program counter stays where it is */
	uint64_t progress;	 /* ticks that it has run, and one; 0: the test doesn't say */
	uint64_t progress_seen;	 /* at the last look */
	bool verified;		 /* its fence was */
	const struct hart *last; /* where it was loaded last */
	bool stale_memory, stale_code; /* what it has cached isn't what is in memory any more */
	bool misaligned, noted;
	bool stopped[ARCH_COUNTERS];
	uint64_t counters[ARCH_COUNTERS];
	xlen_t exits[FAKE_EXITS]; /* of arch_vcpu_exits() */
	struct vcpu vcpu;
};

static inline struct fake_vcpu *fake_vcpu_of(struct vcpu *vcpu)
{
	return (struct fake_vcpu *)((uintptr_t)vcpu - offsetof(struct fake_vcpu, vcpu));
}

struct fake_arch {
	struct hart harts[FAKE_HARTS]; /* ids 0, 1, ...; the test runs on the first */

	struct heap_node *nodes[FAKE_HARTS][2][FAKE_QUEUE]; /* of the harts' queues */
	unsigned different; /* harts from this index on are of another kind; 0: all are alike */
	bool silent;	    /* calls aren't noted (simulations) */

	uint64_t alarm_takes; /* ticks that setting one takes */

	/* Of each hart. */
	bool woken[FAKE_HARTS];	    /* arch_hart_wake(): an interrupt that isn't delivered yet */
	uint64_t alarm[FAKE_HARTS]; /* when arch_timer_interrupt(fake_arch.time) is true; all ones:
				       never */
	bool work[FAKE_HARTS];	    /* arch_hart_request_work() was called */
	struct vcpu *loaded[FAKE_HARTS]; /* whose state is in the registers */

	unsigned call_count;
	struct fake_call calls[FAKE_CALLS_MAX];

	/* What the test may set. */
	uint64_t time;		   /* of arch_time() */
	unsigned asid_bits;	   /* 16 */
	bool keeps_misaligned;	   /* harts don't delegate misaligned accesses */
	unsigned counters;	   /* of arch_counters(): both */
	uint64_t alignment;	   /* of guest RAM: 2 MiB */
	uint64_t large;		   /* with which ranges of this size are aligned; 0: none */
	unsigned hext;		   /* bit n: the n-th hart can do hext, which is `stage` then */
	uint64_t guest_offset;	   /* guest-physical minus host-physical address of RAM: 0 */
	struct hpa_range image;	   /* the hypervisor's */
	struct hpa_range manifest; /* that is linked into it */
	bool verify_fails;	   /* the fence reads back wrong */
	void (*unfenced)(struct capsule *); /* what happens then to a capsule that is switched to */
	void (*sleep)(struct hart *);	    /* what happens while a hart sleeps; NULL: a failure */
	void (*poll)(struct hart *);	    /* what arch_hart_poll() serves; NULL: nothing */
	jmp_buf *leave;		       /* where calls that don't return go: with the kind + 1 */
	bool (*fails)(const char *at); /* asked before each step that can fail; NULL: none does */

	uint64_t nothing_at; /* where nothing answers (arch_answers); 0: everything does */
	enum status sealed;  /* of arch_isolation_seal() */

	enum manifest_isolation wanted; /* what arch_isolation() was asked for last */
};

extern struct fake_arch fake_arch;

/* The machine as it starts: no calls, nothing fails, the first hart runs no vCPU. */
void fake_arch_reset(void);

/* How many calls of this kind there were, and the last of them (NULL: none). */
unsigned fake_arch_count(enum fake_call_kind kind);
const struct fake_call *fake_arch_last(enum fake_call_kind kind);

/* Note a call on this hart, for the fake's own files. */
void fake_arch_note(enum fake_call_kind kind, struct vcpu *vcpu, uint64_t a, uint64_t b);

/* The hart takes what arch_hart_wake() sent it, if it did: sched_interrupt(), and work if due. */
void fake_arch_deliver(struct hart *hart);

/* The machine forgets what it was asked so far. */
void fake_arch_forget(void);

/*
 * The guest's page tables (or its code) are changed: what each of its vCPUs has cached of them
 * isn't true any more, until it fences, or others do it for it.
 */
void fake_arch_change_memory(struct capsule *capsule);
void fake_arch_change_code(struct capsule *capsule);

/*
 * A capsule that wasn't loaded from anything: `size` bytes of this program at `memory`,
 * which the guest sees at `ram`, and as many vCPUs as a capsule can have. The first
 * one runs on the first hart. `vcpus` is where they live.
 */
void fake_arch_capsule(struct capsule *capsule, struct fake_vcpu vcpus[CAPSULE_VCPUS_MAX],
		       gpa_t ram, void *memory, uint64_t size);

#endif
