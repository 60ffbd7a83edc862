/* SPDX-License-Identifier: MIT */
/*
 * Several harts in one thread, on one simulated clock: each is a coroutine that does what
 * riscv/trap.c does (sched_work(), sched_tick(), sched_interrupt()), with guests that compute,
 * sleep until a time, and send each other IPIs. After every step the promises that must hold at
 * any time are checked; tests look at the sums. Included by one file of each program.
 */
#ifndef SIM_FIXTURE_H
#define SIM_FIXTURE_H

#include <ucontext.h>

#include "core/sched_internal.h"
#include "fake/arch.h"
#include "fake/boot.h"
#include "fake/console.h"

enum {
	SIM_HZ = 1000000,
	SIM_TURN = SIM_HZ / 200,
	SIM_CAPSULES = 16,
	SIM_STACK = 256 * 1024,
	SIM_SLOTS = 100, /* of a second, for the ceilings */
	SIM_LATE = 64,	 /* eighths of a turn that are told apart */
};

enum sim_kind {
	SIM_SPINS,  /* computes for ever */
	SIM_SLEEPS, /* computes for `busy` ticks, then sleeps for `idle` */
	SIM_CALLS,  /* computes, sends an IPI to the next vCPU of its capsule, waits for one */
	SIM_LOCKS,  /* computes, spins until it gets its capsule's lock, holds it for `idle` */
	SIM_YIELDS, /* computes, sends itself an IPI and executes WFI */
	SIM_STOPS,  /* computes, then stops (HSM) */
	SIM_STARTS, /* computes, and now and then starts those of its capsule that are stopped */
	SIM_ENDS,   /* computes, then its capsule ends, to start again */
};

/* A ticket lock: who comes first gets it first, whether it runs or not. */
struct sim_lock {
	uint64_t next, owner;
};

struct sim_guest {
	struct vcpu *vcpu;
	enum sim_kind kind;
	uint64_t busy, idle;	     /* ticks */
	uint64_t left;		     /* ticks of computing until it does something else */
	bool asleep;		     /* in WFI */
	bool holds;		     /* the lock */
	uint64_t ticket;	     /* for the lock that it spins for (fake_vcpu.spins) */
	uint64_t due;		     /* when its timer ends that */
	uint64_t queued_at;	     /* since when it waits for a turn; 0: it doesn't */
	uint64_t longest;	     /* that it has waited */
	uint64_t latest;	     /* how much later than its timer it ran */
	uint32_t late[SIM_LATE + 1]; /* how often by so many eighths of a turn, or more */
	uint64_t wakes;
};

struct sim_hart {
	ucontext_t context;
	bool asleep;	   /* in arch_hart_sleep(); else its guest runs */
	uint64_t run_from; /* when its guest began to run */
	uint64_t sleeps;
	uint64_t since;	      /* that it sleeps */
	uint64_t idle_beside; /* since when it sleeps beside work that it might do; 0: it doesn't */
	uint64_t longest;     /* of that */
	uint64_t slept;	      /* ticks in all */
};

static struct {
	unsigned harts, guest_count, capsule_count;
	ucontext_t main;
	struct sim_hart hart[FAKE_HARTS];
	struct sim_guest guests[SIM_CAPSULES * 4];
	uint64_t used[SIM_CAPSULES][SIM_SLOTS]; /* ticks in each hundredth of the last second */
	uint64_t most[SIM_CAPSULES];		/* of any second */
	struct sim_lock locks[SIM_CAPSULES];
	uint64_t slot;
	uint64_t began;
} sim;

static struct capsule sim_capsules[SIM_CAPSULES];
static struct fake_vcpu sim_vcpus[SIM_CAPSULES][CAPSULE_VCPUS_MAX];
static uint8_t sim_stacks[FAKE_HARTS][SIM_STACK], sim_memory[4096];

/* --- making it ---------------------------------------------------------------------- */

static void sim_reset(unsigned harts)
{
	fake_arch_reset();
	fake_boot_reset();
	fake_console_reset();
	fake_arch.silent = true;
	fake_arch.time = SIM_HZ;
	memset(&sim, 0, sizeof(sim));
	sim.harts = harts;
	sched_init(SIM_HZ, harts);
	for (unsigned i = 0; i < FAKE_HARTS; i++) {
		fake_arch.harts[i].sched.turn = SIM_TURN;
		fake_arch.harts[i].presence = i < harts ? HART_READY : HART_LEFT_OUT;
	}
}

/* A capsule of `vcpus` that run already; they begin on the allowed harts in turn. */
static struct capsule *sim_capsule(unsigned vcpus, uint32_t weight, uint32_t cap, uint32_t allowed)
{
	unsigned number = sim.capsule_count++;
	struct capsule *capsule = &sim_capsules[number];
	unsigned at = number;

	arch_this_hart = fake_arch.harts;
	fake_arch_capsule(capsule, sim_vcpus[number], (gpa_t){0x80000000}, sim_memory,
			  sizeof(sim_memory));
	arch_this_hart->vcpu = fake_arch.loaded[0] = NULL;
	capsule->timebase = SIM_HZ;
	capsule->vcpu_count = vcpus;
	capsule->present = capsule->started = vcpus;
	capsule->harts = (struct hart_set){{allowed & ((1u << sim.harts) - 1)}};
	if (cap)
		share_cap_init(&capsule->cap, cap, SIM_TURN, fake_arch.time);
	for (unsigned i = 0; i < vcpus; i++) {
		struct vcpu *vcpu = capsule->vcpus[i];

		do
			at = (at + 1) % sim.harts;
		while (!hart_set_has(&capsule->harts, at));
		vcpu->weight = weight;
		vcpu->inverse_weight = SHARE_SCALE / weight;
		vcpu->grace = (SIM_TURN >> 6) * vcpu->inverse_weight;
		vcpu->capped = cap != 0;
		vcpu->has_peers = vcpus > 1;
		vcpu->state = VCPU_STARTED;
		vcpu->place = VCPU_AWAY;
		vcpu->hart = &fake_arch.harts[at];
		arch_this_hart = vcpu->hart;
		sched_enqueue(vcpu);
	}
	return capsule;
}

static struct sim_guest *sim_guest_of(const struct vcpu *vcpu)
{
	for (unsigned i = 0; i < sim.guest_count; i++)
		if (sim.guests[i].vcpu == vcpu)
			return &sim.guests[i];
	fail_msg("no guest");
	return NULL;
}

static uint64_t sim_around(uint64_t ticks)
{
	return ticks < 2 ? ticks : ticks / 2 + unit_random_below(ticks);
}

static void sim_guest(struct vcpu *vcpu, enum sim_kind kind, uint64_t busy, uint64_t idle)
{
	sim.guests[sim.guest_count++] = (struct sim_guest){
		.vcpu = vcpu,
		.kind = kind,
		.busy = busy,
		.idle = idle,
		.left = kind == SIM_SPINS ? UINT64_MAX : 1 + sim_around(busy),
	};
	fake_vcpu_of(vcpu)->progress = 1;
}

/* --- what harts do ------------------------------------------------------------------- */

static void sim_yield(struct hart *hart, bool asleep)
{
	struct sim_hart *it = &sim.hart[hart->index];

	it->asleep = asleep;
	swapcontext(&it->context, &sim.main);
	arch_this_hart = hart;
	it->asleep = false;
}

static void sim_work(struct hart *hart)
{
	while (fake_arch.work[hart->index]) {
		fake_arch.work[hart->index] = false;
		sched_work(hart);
	}
}

/* The host's interrupts that are pending; true: the alarm was one. */
static bool sim_interrupts(struct hart *hart)
{
	fake_arch_deliver(hart);
	return arch_timer_interrupt(fake_arch.time);
}

/* What ends its sleep. (A machine's hart is also kept awake by what is pending for a throttled
 * vCPU that is still in its registers, with the same decisions.) */
static bool sim_is_pending(const struct hart *hart)
{
	const struct vcpu *vcpu = hart->vcpu;

	return fake_arch.woken[hart->index] || fake_arch.alarm[hart->index] <= fake_arch.time ||
	       (vcpu && vcpu->place != VCPU_THROTTLED && arch_vcpu_interrupted(vcpu));
}

static void sim_sleep(struct hart *hart)
{
	struct sim_hart *it = &sim.hart[hart->index];

	it->sleeps++;
	it->since = fake_arch.time;
	if (!sim_is_pending(hart))
		sim_yield(hart, true);
	it->slept += fake_arch.time - it->since;
	if (sim_interrupts(hart))
		fake_arch.work[hart->index] = true;
}

static void sim_poll(struct hart *hart)
{
	if (sim_interrupts(hart))
		fake_arch.work[hart->index] = true;
}

static struct sim_lock *sim_lock_of(const struct sim_guest *guest)
{
	return &sim.locks[guest->vcpu->capsule - sim_capsules];
}

/* It spins for the lock, and might have it. */
static bool sim_gets_lock(const struct sim_guest *guest)
{
	return fake_vcpu_of(guest->vcpu)->spins && sim_lock_of(guest)->owner == guest->ticket;
}

/* Computing, spinning, holding, and so on. */
static void sim_lock_step(struct sim_guest *guest)
{
	struct sim_lock *lock = sim_lock_of(guest);
	bool *spins = &fake_vcpu_of(guest->vcpu)->spins;

	if (sim_gets_lock(guest)) {
		*spins = false;
		guest->holds = true;
		guest->left = guest->idle;
	} else if (guest->left == 0 && guest->holds) {
		guest->holds = false;
		lock->owner++;
		guest->wakes++;
		guest->left = 1 + sim_around(guest->busy);
	} else if (guest->left == 0) {
		guest->ticket = lock->next++;
		*spins = true;
		guest->left = UINT64_MAX;
	}
}

/* As sbi/hsm.c does it. */
static void sim_stop(struct hart *hart, struct sim_guest *guest)
{
	guest->vcpu->state = VCPU_STOP_PENDING;
	guest->vcpu->capsule->started--;
	fake_arch.work[hart->index] = true;
}

static void sim_start_others(struct capsule *capsule)
{
	for (unsigned i = 0; i < capsule->vcpu_count; i++) {
		if (capsule->vcpus[i]->state != VCPU_STOPPED)
			continue;
		capsule->vcpus[i]->state = VCPU_START_PENDING;
		capsule->started++;
		sched_post(capsule->vcpus[i], VCPU_WANT_START);
	}
}

/* The guest is done with computing. */
static void sim_act(struct hart *hart, struct sim_guest *guest)
{
	struct vcpu *vcpu = guest->vcpu;
	struct capsule *capsule = vcpu->capsule;

	if (guest->kind == SIM_STOPS || guest->kind == SIM_STARTS || guest->kind == SIM_ENDS) {
		guest->left = 1 + sim_around(guest->busy);
		if (guest->kind == SIM_ENDS && unit_random_below(2))
			capsule_end(capsule, CAPSULE_AGAIN, "again");
		else if (guest->kind == SIM_ENDS)
			capsule_ask(capsule, CAPSULE_RESTART);
		else if (guest->kind == SIM_STOPS)
			sim_stop(hart, guest);
		else
			sim_start_others(capsule);
		return;
	}
	guest->due = UINT64_MAX;
	if (guest->kind == SIM_SLEEPS)
		guest->due = fake_arch.time + sim_around(guest->idle);
	else if (guest->kind == SIM_YIELDS)
		sched_post(vcpu, VCPU_WANT_IPI);
	else
		sched_post(capsule->vcpus[(vcpu->id + 1) % capsule->vcpu_count], VCPU_WANT_IPI);
	arch_timer_set(vcpu, guest->due);
	guest->asleep = true;
	vcpu->wait = true;
	fake_arch.work[hart->index] = true;
}

static void sim_note_late(struct sim_guest *guest, uint64_t late)
{
	uint64_t eighths = late / (SIM_TURN / 8);

	guest->late[eighths < SIM_LATE ? eighths : SIM_LATE]++;
	if (late > guest->latest)
		guest->latest = late;
}

/* It is in its hart, and comes out of WFI if it was there. */
static void sim_enter(struct sim_guest *guest)
{
	struct fake_vcpu *fake = fake_vcpu_of(guest->vcpu);

	if (!guest->asleep)
		return;
	if (guest->due != UINT64_MAX) {
		if (fake_arch.time < guest->due)
			fail_msg("woken too early");
		sim_note_late(guest, fake_arch.time - guest->due);
	} else if (!fake->ipi) {
		fail_msg("woken without an IPI");
	}
	guest->asleep = false;
	guest->wakes++;
	fake->ipi = false;
	arch_timer_set(guest->vcpu, UINT64_MAX);
	guest->left = 1 + sim_around(guest->busy);
}

/* As riscv/trap.S does it. */
static void sim_tick(struct hart *hart)
{
	struct vcpu *before = hart->vcpu;
	struct vcpu *next = sched_tick(fake_arch.time);

	if (!next)
		return;
	assert_ptr_equal(next, hart->vcpu);
	arch_vcpu_switch(before, next);
	arch_alarm_set(hart->sched.alarm);
}

static void sim_main(unsigned index)
{
	struct hart *hart = &fake_arch.harts[index];

	fake_arch.work[index] = true;
	for (;;) {
		struct sim_guest *guest;
		uint64_t ran;

		sim_work(hart);
		guest = sim_guest_of(hart->vcpu);
		sim_enter(guest);
		sim.hart[index].run_from = fake_arch.time;
		sim_yield(hart, false);
		ran = fake_arch.time - sim.hart[index].run_from;
		sim.used[guest->vcpu->capsule - sim_capsules][sim.slot] += ran;
		fake_vcpu_of(guest->vcpu)->progress += ran;
		if (guest->left != UINT64_MAX)
			guest->left -= ran;
		/* Another hart's call goes before the alarm, and what it leaves to be done does,
		 * too. */
		fake_arch_deliver(hart);
		if (fake_arch.work[index])
			continue;
		if (arch_timer_interrupt(fake_arch.time))
			sim_tick(hart);
		else if (guest->kind == SIM_LOCKS)
			sim_lock_step(guest);
		else if (guest->left == 0)
			sim_act(hart, guest);
	}
}

/* --- what must hold at any time -------------------------------------------------------- */

/* A vCPU that waits for `hart` though nobody holds it there. */
static bool sim_could_run(const struct vcpu *vcpu, const struct hart *hart)
{
	return vcpu->place == VCPU_QUEUED && vcpu->hart != hart && vcpu->hart->vcpu != vcpu &&
	       hart_set_has(&vcpu->capsule->harts, hart->index);
}

static void sim_check_hart(unsigned index)
{
	const struct hart *hart = &fake_arch.harts[index];
	const struct vcpu *vcpu = hart->vcpu;
	struct sim_hart *it = &sim.hart[index];
	bool beside = false;

	assert_ptr_equal(vcpu, fake_arch.loaded[index]);
	if (vcpu) {
		assert_ptr_equal(vcpu->hart, hart);
		assert_true(hart_set_has(&vcpu->capsule->harts, index));
	}
	assert_int_equal(sched_waits(hart->index), hart->sched.runnable.count != 0);
	if (!it->asleep) {
		/* Or its end is about to be heard of. */
		assert_true(vcpu->capsule->state == CAPSULE_RUNNING ||
			    vcpu->capsule->state == CAPSULE_STOPPING);
		assert_int_equal(vcpu->place, VCPU_RUNNING);
		assert_false(vcpu->wait);
		/* No tick when nothing competes. */
		if (!hart->sched.runnable.count && !hart->sched.timers.count && !vcpu->capped)
			assert_true(fake_arch.alarm[index] == UINT64_MAX);
		else
			assert_true(fake_arch.alarm[index] != UINT64_MAX);
	}
	for (unsigned i = 0; it->asleep && i < sim.guest_count; i++)
		beside |= sim_could_run(sim.guests[i].vcpu, hart);
	if (!beside)
		it->idle_beside = 0;
	else if (!it->idle_beside)
		it->idle_beside = fake_arch.time;
	else if (fake_arch.time - it->idle_beside > it->longest)
		it->longest = fake_arch.time - it->idle_beside;
}

static void sim_check(void)
{
	for (unsigned i = 0; i < sim.harts; i++) {
		sim_check_hart(i);
		for (unsigned j = 0; j < i; j++)
			if (fake_arch.harts[i].vcpu)
				assert_ptr_not_equal(fake_arch.harts[i].vcpu,
						     fake_arch.harts[j].vcpu);
	}
	for (unsigned i = 0; i < sim.guest_count; i++) {
		struct sim_guest *guest = &sim.guests[i];

		if (guest->vcpu->place != VCPU_QUEUED)
			guest->queued_at = 0;
		else if (!guest->queued_at)
			guest->queued_at = fake_arch.time;
		else if (fake_arch.time - guest->queued_at > guest->longest)
			guest->longest = fake_arch.time - guest->queued_at;
	}
}

/* A hundredth of a second is over: how much did each have of the last second? */
static void sim_next_slot(void)
{
	for (unsigned c = 0; c < sim.capsule_count; c++) {
		uint64_t sum = 0;

		for (unsigned i = 0; i < SIM_SLOTS; i++)
			sum += sim.used[c][i];
		if (sum > sim.most[c])
			sim.most[c] = sum;
		sim.used[c][(sim.slot + 1) % SIM_SLOTS] = 0;
	}
	sim.slot = (sim.slot + 1) % SIM_SLOTS;
}

/* --- time -------------------------------------------------------------------------------- */

/* When the hart does something next. */
static uint64_t sim_next_of(unsigned index)
{
	const struct hart *hart = &fake_arch.harts[index];
	const struct sim_hart *it = &sim.hart[index];
	uint64_t when = fake_arch.alarm[index];

	arch_this_hart = &fake_arch.harts[index];
	if (it->asleep ? sim_is_pending(hart) : fake_arch.woken[index])
		return fake_arch.time;
	if (!it->asleep && sim_gets_lock(sim_guest_of(hart->vcpu)))
		return fake_arch.time;
	if (!it->asleep && sim_guest_of(hart->vcpu)->left != UINT64_MAX &&
	    it->run_from + sim_guest_of(hart->vcpu)->left < when)
		when = it->run_from + sim_guest_of(hart->vcpu)->left;
	if (it->asleep && hart->vcpu && hart->vcpu->place != VCPU_THROTTLED &&
	    arch_vcpu_deadline(hart->vcpu) < when)
		when = arch_vcpu_deadline(hart->vcpu);
	return when < fake_arch.time ? fake_arch.time : when;
}

static void sim_resume(unsigned index)
{
	arch_this_hart = &fake_arch.harts[index];
	swapcontext(&sim.main, &sim.hart[index].context);
}

static void sim_make(unsigned index)
{
	ucontext_t *context = &sim.hart[index].context;

	getcontext(context);
	context->uc_stack.ss_sp = sim_stacks[index];
	context->uc_stack.ss_size = SIM_STACK;
	makecontext(context, (void (*)(void))sim_main, 1, index);
}

static void sim_start(void)
{
	fake_arch.sleep = sim_sleep;
	fake_arch.poll = sim_poll;
	sim.began = fake_arch.time;
	for (unsigned i = 0; i < sim.harts; i++) {
		sim_make(i);
		sim_resume(i);
	}
}

/* Let `ticks` pass. */
static void sim_run(uint64_t ticks)
{
	uint64_t end = fake_arch.time + ticks;
	uint64_t slot_end = fake_arch.time + SIM_HZ / SIM_SLOTS;
	unsigned at_once = 0;

	if (!sim.began)
		sim_start();
	for (;;) {
		uint64_t first = UINT64_MAX;
		unsigned who = 0, from = unit_random_below(sim.harts);

		for (unsigned i = 0; i < sim.harts; i++) {
			unsigned index = (from + i) % sim.harts;
			uint64_t when = sim_next_of(index);

			if (when < first) {
				first = when;
				who = index;
			}
		}
		while (slot_end <= first && slot_end <= end) {
			sim_next_slot();
			slot_end += SIM_HZ / SIM_SLOTS;
		}
		if (first > end)
			break;
		at_once = first == fake_arch.time ? at_once + 1 : 0;
		if (at_once > 10000)
			fail_msg("CPU %u does something for ever at the same time", who);
		fake_arch.time = first;
		sim_resume(who);
		sim_check();
	}
	fake_arch.time = end;
	arch_this_hart = fake_arch.harts;
}

/* What the vCPU has run, up to now. */
static __attribute__((unused)) uint64_t sim_ran(const struct vcpu *vcpu)
{
	const struct hart *hart = vcpu->hart;

	if (hart->vcpu == vcpu && vcpu->place == VCPU_RUNNING)
		return vcpu->run_time + (fake_arch.time - hart->sched.since);
	return vcpu->run_time;
}

#endif
