/* SPDX-License-Identifier: MIT */
/*
 * The C half of trap handling: start.S saves the registers and calls
 * trap_handle(), and what it leaves in the frame is what the hart goes on with.
 */
#include "kit/trap.h"

#include "kit/csr.h"
#include "kit/kit.h"
#include "kit/print.h"
#include "kit/sbi.h"
#include "kit/smp.h"

/* The number of interrupt causes that can have a handler. */
#define INTERRUPT_COUNT 16

/* Known to start.S: the labels it has, the words it writes. */
extern char trap_recover[];
unsigned long trap_enter(unsigned long a0, unsigned long a1, unsigned long a2, const void *fn,
			 unsigned long *recover_sp);
void user_enter(unsigned long a0, unsigned long a1, unsigned long fn);
void registers_enter(unsigned long x, unsigned long code);
void trap_handle(struct trap_frame *frame);
void trap_nested(unsigned long cause, unsigned long pc, unsigned long tval);
struct context *context_current;

/* Of each hart: who waits for an exception, or NULL, and with which stack pointer. */
static struct trap *expecting[SMP_MAX];
static unsigned long recover_sp[SMP_MAX];
static void (*interrupt_handlers[INTERRUPT_COUNT])(struct trap_frame *frame);

bool trap_call(struct trap *t, const void *fn, unsigned long a0, unsigned long a1, unsigned long a2)
{
	unsigned hart = smp_this();
	struct trap *outer = expecting[hart];
	unsigned long outer_sp = recover_sp[hart];

	t->taken = false;
	expecting[hart] = t;
	t->value = trap_enter(a0, a1, a2, fn, &recover_sp[hart]);
	expecting[hart] = outer;
	recover_sp[hart] = outer_sp;
	return t->taken;
}

bool trap_call_user(struct trap *t, const void *fn, unsigned long a0, unsigned long a1)
{
	return trap_call(t, user_enter, a0, a1, (unsigned long)fn);
}

bool trap_call_registers(struct trap *t, const unsigned long x[32], const void *code)
{
	return trap_call(t, registers_enter, (unsigned long)x, (unsigned long)code, 0);
}

void trap_on_interrupt(unsigned int cause, void (*handler)(struct trap_frame *frame))
{
	if (cause < INTERRUPT_COUNT)
		interrupt_handlers[cause] = handler;
}

static bool sip_hides;

/* Of each hart: whether it looks what is delivered to it, and what it saw. */
static volatile struct look {
	bool looks, saw;
} look[SMP_MAX];

/* Lets the one interrupt in for a moment, past its handler. */
static bool is_delivered(unsigned int cause)
{
	volatile struct look *own = &look[smp_this()];
	unsigned long sie = CSR_READ(sie), sstatus = CSR_READ(sstatus);

	CSR_CLEAR(sstatus, SSTATUS_SIE);
	own->saw = false;
	own->looks = true;
	CSR_WRITE(sie, 1UL << cause);
	CSR_SET(sstatus, SSTATUS_SIE);
	__asm__ volatile("nop" : : : "memory");
	CSR_CLEAR(sstatus, SSTATUS_SIE);
	own->looks = false;
	CSR_WRITE(sie, sie);
	CSR_SET(sstatus, sstatus & SSTATUS_SIE);
	return own->saw;
}

bool trap_is_pending(unsigned int cause)
{
	return (CSR_READ(sip) >> cause & 1) || (sip_hides && is_delivered(cause));
}

void trap_learn_sip(void)
{
	bool shown;

	sbi_set_timer(0);
	do
		shown = CSR_READ(sip) >> IRQ_TIMER & 1;
	while (!shown && !is_delivered(IRQ_TIMER));
	sip_hides = !shown;
	sbi_set_timer(~(uint64_t)0);
	if (sip_hides)
		print("# sip hides STIP and SEIP here, which are delivered all the same\n");
}

/* An interrupt nobody wants is turned off, or it would come back for ever. */
static void handle_interrupt(struct trap_frame *frame, unsigned long cause)
{
	volatile struct look *own = &look[smp_this()];

	if (own->looks) {
		CSR_CLEAR(sie, 1UL << cause);
		own->saw = true;
		return;
	}
	if (cause < INTERRUPT_COUNT && interrupt_handlers[cause]) {
		interrupt_handlers[cause](frame);
		return;
	}
	CSR_CLEAR(sie, 1UL << (cause & (XLEN - 1)));
	print("# unexpected interrupt %lu at 0x%lx\n", cause, frame->pc);
}

/*
 * Called from trap_entry on the trap stack. The frame is changed so that the
 * interrupted trap_call() returns: back to S-mode, and SIE as it was, because
 * sret copies SPIE into it. A trap from U leaves SPIE 0.
 */
void trap_handle(struct trap_frame *frame)
{
	unsigned long interrupt_bit = 1UL << (XLEN - 1);
	unsigned hart = smp_this();

	if (frame->cause & interrupt_bit) {
		handle_interrupt(frame, frame->cause & ~interrupt_bit);
		return;
	}
	if (!expecting[hart]) {
		print("# hart %u: exception %lu at 0x%lx, stval 0x%lx, ra 0x%lx: nobody expected "
		      "it\n",
		      hart, frame->cause, frame->pc, frame->tval, frame->x[1]);
		kit_fail();
	}
	expecting[hart]->taken = true;
	expecting[hart]->frame = *frame;
	frame->pc = (unsigned long)trap_recover;
	frame->x[2] = recover_sp[hart];
	frame->status |= SSTATUS_SPP;
}

/* Called from trap_entry when the handler itself trapped: all is lost but the message. */
void trap_nested(unsigned long cause, unsigned long pc, unsigned long tval)
{
	print("# trap inside the trap handler: cause 0x%lx at 0x%lx, stval 0x%lx\n", cause, pc,
	      tval);
	kit_fail();
}
