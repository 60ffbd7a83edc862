/* SPDX-License-Identifier: MIT */
/* A hart's decisions: whose turn it is, until when, and when there is nobody, to sleep. */
#include "core/console.h"
#include "core/sched_internal.h"
#include "core/steal.h"
#include "core/watch.h"
#include "lib/div64.h"

enum {
	TURNS_A_SECOND = 200,
	/* A vCPU that slept for longer than this has no debts. It bounds how far apart keys are. */
	FORGET_SECONDS = 16,
};

static const uint64_t never = (uint64_t)-1;
static uint64_t turn;	/* ticks */
static uint64_t forget; /* ticks */

static struct hart *console_hart; /* who serves the terminal */
static struct heap_node console_timer;

/* The hart's places among those of all. On the hart, or before it runs. */
static void find_place(struct hart *hart)
{
	hart->sched.idle_word = &sched_harts.idle.words[hart->index / 32];
	hart->sched.idle_bit = (uint32_t)1 << hart->index % 32;
	hart->sched.waiting = (uint8_t *)sched_harts.waiting + hart->index;
}

void sched_init(uint64_t hz, unsigned harts)
{
	sched_harts = (struct sched_harts){.count = harts};
	turn = div64_u32(hz, TURNS_A_SECOND, NULL);
	forget = hz * FORGET_SECONDS;
	for (unsigned i = 0; i < harts; i++)
		if (arch_hart(i))
			find_place(arch_hart(i));
}

uint64_t sched_turn(void)
{
	return turn;
}

uint64_t sched_patience(void)
{
	return turn * (TURNS_A_SECOND * SCHED_PATIENCE_SECONDS);
}

/* Two queues for each hart, in which there is room for everybody. */
enum status sched_prepare(unsigned vcpus, struct ram_map *ram, struct reason *why)
{
	size_t size = (vcpus + 1) * sizeof(struct heap_node *);

	for (unsigned i = 0; i < sched_harts.count; i++) {
		struct hart *hart = arch_hart(i);
		struct heap_node **nodes;
		enum status status;
		hpa_t memory;

		if (!hart)
			continue;
		status = ram_alloc(ram, align_up(2 * size, PAGE_SIZE), PAGE_SIZE,
				   RAM_OWNER_HYPERVISOR, &memory, why);
		if (status != OK)
			return status;
		nodes = (struct heap_node **)(uintptr_t)memory.raw;
		hart->sched.runnable = (struct heap){nodes, 0, vcpus + 1};
		hart->sched.timers = (struct heap){nodes + vcpus + 1, 0, vcpus + 1};
		hart->sched.turn = turn;
		hart->sched.timer_at = never;
	}
	return OK;
}

/* It arrives in the inbox, as if it came from another hart. */
void sched_begin(struct capsule *capsule, struct hart *hart)
{
	struct vcpu *vcpu = capsule->vcpus[0];

	capsule->present = 1;
	vcpu->hart = hart;
	vcpu->place = VCPU_MOVING;
	vcpu->since = arch_time();
	sched_close(vcpu);
	sched_send(vcpu);
}

void sched_set_console_hart(struct hart *hart)
{
	console_hart = hart;
	sched_wake_console_hart();
}

static void call_console_hart(xlen_t call)
{
	if (!console_hart)
		return;
	__atomic_fetch_or(&console_hart->sched.calls, call, __ATOMIC_RELEASE);
	if (console_hart == hart_this())
		arch_hart_request_work();
	else
		arch_hart_wake(console_hart);
}

void sched_wake_console_hart(void)
{
	call_console_hart(SCHED_CALL_CONSOLE);
}

void sched_watch(void)
{
	call_console_hart(SCHED_CALL_WATCH);
}

/* --- accounts ------------------------------------------------------------------------------- */

/* The running vCPU pays, and so does its capsule, if that has a ceiling. */
static inline void charge(struct sched *sched, struct vcpu *vcpu, uint64_t now)
{
	uint64_t ran = sched_account(sched, vcpu, now);

	if (vcpu->capped) {
		sched->left = share_cap_charge(&vcpu->capsule->cap, ran, now);
		sched->spent |= sched->left <= 0;
	}
}

void sched_charge(struct hart *hart, uint64_t now)
{
	if (hart->vcpu && hart->vcpu->place == VCPU_RUNNING)
		charge(&hart->sched, hart->vcpu, now);
}

/* After every change of the hart's timers. */
static void note_timers(struct sched *sched)
{
	const struct heap_node *first = heap_first(&sched->timers);

	sched->timer_at = first ? first->key : never;
}

static void add_timer(struct sched *sched, struct heap_node *timer, uint64_t when)
{
	heap_add(&sched->timers, timer, when);
	note_timers(sched);
}

static void remove_timer(struct sched *sched, struct heap_node *timer)
{
	if (!timer->place)
		return;
	heap_remove(&sched->timers, timer);
	note_timers(sched);
}

static inline void raise_floor(struct sched *sched, uint64_t key)
{
	if (heap_before(sched->floor, key))
		sched->floor = key;
}

void sched_update_floor(struct hart *hart)
{
	struct sched *sched = &hart->sched;
	const struct heap_node *first = heap_first(&sched->runnable);
	const struct vcpu *loaded = hart->vcpu;

	/* Of one that sleeps alone as well: it mustn't fall behind whoever comes. */
	if (!loaded || (first && (loaded->place != VCPU_RUNNING ||
				  heap_before(first->key, loaded->run.key)))) {
		if (first)
			raise_floor(sched, first->key);
	} else {
		raise_floor(sched, loaded->run.key);
	}
}

/*
 * Virtual time on waking up: its own, unless it has slept for so long that it would have more than
 * a turn ahead of everybody else; that much lets those who sleep often run at once.
 */
static void refresh(struct hart *hart, struct vcpu *vcpu, uint64_t now)
{
	uint64_t least;

	sched_update_floor(hart);
	least = hart->sched.floor - turn * vcpu->inverse_weight;
	if (now - vcpu->since > forget || heap_before(vcpu->run.key, least)) {
		vcpu->run.key = least;
		vcpu->lag = hart->sched.lag;
	}
}

/* No ceiling to be looked at, no stolen time to be shown, when its turns begin and end. */
static inline bool is_plain(const struct vcpu *vcpu)
{
	return !vcpu->capped && !vcpu->sbi.steal.shared;
}

void sched_ready(struct hart *hart, struct vcpu *vcpu, uint64_t now)
{
	struct sched *sched = &hart->sched;
	struct vcpu *loaded = hart->vcpu;

	sched_charge(hart, now);
	remove_timer(sched, &vcpu->timer);
	refresh(hart, vcpu, now);
	if (vcpu->place != VCPU_THROTTLED)
		vcpu->since = now; /* else it has been waiting all the time */
	if (vcpu != loaded &&
	    (sched->runnable.count || (loaded && loaded->place == VCPU_RUNNING)) &&
	    sched_send_to_idle(hart, vcpu))
		return;
	sched_queue(sched, vcpu);
	sched->woke = true;
	/* Nothing of what a call may have left is to be done before it goes on. */
	vcpu->plain = is_plain(vcpu) && !vcpu->resume && vcpu->state == VCPU_STARTED &&
		      vcpu->capsule->state == CAPSULE_RUNNING;
	if (vcpu->plain)
		vcpu->wait = false;
	if (vcpu != loaded)
		sched_close(vcpu);
}

/* When time wakes it; all ones: time doesn't. What is too far off is compared as if it were past.
 */
static uint64_t deadline_of(const struct vcpu *vcpu, uint64_t now)
{
	uint64_t when = arch_vcpu_deadline(vcpu);

	return when > now && when - now > (never >> 2) ? never : when;
}

/* Its state leaves the hart, while it sleeps or waits. */
static void put_aside(struct hart *hart, struct vcpu *vcpu, uint64_t now)
{
	if (vcpu->place == VCPU_ASLEEP) {
		uint64_t when = deadline_of(vcpu, now);

		if (when != never)
			add_timer(&hart->sched, &vcpu->timer, when);
	} else if (vcpu->place != VCPU_AWAY) {
		steal_preempt(vcpu);
		sched_close(vcpu);
	}
}

void sched_leave(struct hart *hart, struct vcpu *vcpu)
{
	struct sched *sched = &hart->sched;
	struct capsule *capsule = vcpu->capsule;

	if (vcpu->place == VCPU_AWAY)
		return;
	if (vcpu->run.place)
		heap_remove(&sched->runnable, &vcpu->run);
	remove_timer(sched, &vcpu->timer);
	sched_note_waiting(sched);
	if (hart->vcpu == vcpu) {
		/* What is pending for a guest that is no more must not keep the hart awake. */
		arch_vcpu_drop(vcpu);
		__atomic_store_n(&hart->vcpu, NULL, __ATOMIC_SEQ_CST);
	}
	vcpu->place = VCPU_AWAY;
	vcpu->wait = false;
	if (vcpu->closed) {
		xlen_t missed = sched_open(vcpu) & ~(xlen_t)VCPU_WANT_OF_HART;

		if (missed)
			sched_post(vcpu, missed);
	}
	if (vcpu->state == VCPU_STOP_PENDING)
		__atomic_store_n(&vcpu->state, VCPU_STOPPED, __ATOMIC_RELEASE);
	capsule_vcpu_left(capsule);
}

void sched_wait_until(struct vcpu *vcpu, uint64_t when)
{
	ASSERT(vcpu->place == VCPU_AWAY);
	vcpu->place = VCPU_ASLEEP;
	vcpu->since = arch_time();
	add_timer(&vcpu->hart->sched, &vcpu->timer, when);
	arch_hart_request_work();
}

void sched_enqueue(struct vcpu *vcpu)
{
	ASSERT(vcpu->place == VCPU_AWAY || vcpu->place == VCPU_ASLEEP);
	sched_ready(vcpu->hart, vcpu, arch_time());
	arch_hart_request_work();
}

/* --- what is due ----------------------------------------------------------------------------- */

/* The terminal's clock, which may wake guests, and the watch; then their next time. */
static void tend_console(struct sched *sched, uint64_t now)
{
	uint64_t when = watch_tend(now), tick;

	if (now >= console_deadline())
		console_tick();
	tick = console_deadline();
	if (tick < when)
		when = tick;
	remove_timer(sched, &console_timer);
	if (when != never)
		add_timer(sched, &console_timer, when);
}

static void wake(struct hart *hart, struct vcpu *vcpu, uint64_t now)
{
	/* Its capsule's back-off is over: it has the loading to do. */
	if (vcpu->capsule->state == CAPSULE_WAITING)
		vcpu->capsule->state = CAPSULE_LOADING;
	sched_ready(hart, vcpu, now);
}

static void serve_timers(struct hart *hart, uint64_t now)
{
	struct sched *sched = &hart->sched;
	struct heap_node *first;

	while ((first = heap_first(&sched->timers)) && !heap_before(now, first->key)) {
		remove_timer(sched, first);
		if (first == &console_timer)
			tend_console(sched, now);
		else
			wake(hart, sched_vcpu_of_timer(first), now);
	}
}

static void serve_calls(struct hart *hart, uint64_t now)
{
	xlen_t calls = __atomic_exchange_n(&hart->sched.calls, 0, __ATOMIC_ACQUIRE);

	if (calls & SCHED_CALL_WATCH)
		watch_begin(now);
	if (calls & (SCHED_CALL_CONSOLE | SCHED_CALL_WATCH))
		tend_console(&hart->sched, now);
	if (calls & SCHED_CALL_SHARE)
		sched_balance(hart);
}

/* --- the decision ---------------------------------------------------------------------------- */

/* Until its capsule's bucket has a part of a turn for it. */
static void throttle(struct sched *sched, struct vcpu *vcpu, uint64_t now)
{
	struct share_cap *cap = &vcpu->capsule->cap;
	uint64_t wait = share_cap_wait(cap, share_cap_charge(cap, 0, now), turn / SHARE_CAP_PART);

	sched->spent = false;
	vcpu->place = VCPU_THROTTLED;
	vcpu->since = now;
	add_timer(sched, &vcpu->timer, now + wait);
}

static bool has_ended(const struct vcpu *vcpu)
{
	return vcpu->capsule->state != CAPSULE_RUNNING || vcpu->state == VCPU_STOP_PENDING;
}

/* The running vCPU waits, or has used up its share. */
static __attribute__((noinline)) void stop_running(struct hart *hart, struct vcpu *vcpu,
						   uint64_t now)
{
	vcpu->plain = false;
	if (vcpu->wait && !arch_vcpu_interrupted(vcpu)) {
		vcpu->place = VCPU_ASLEEP;
		vcpu->since = now;
	} else if (hart->sched.spent) {
		throttle(&hart->sched, vcpu, now);
	}
	hart->sched.spent = false;
}

/* What is in the registers: whether it goes on, falls asleep, wakes up, or leaves. */
static inline struct vcpu *see_loaded(struct hart *hart, struct vcpu *vcpu, uint64_t now)
{
	if (has_ended(vcpu)) {
		sched_leave(hart, vcpu);
		return NULL;
	}
	if (vcpu->place == VCPU_RUNNING) {
		if (vcpu->wait || hart->sched.spent)
			stop_running(hart, vcpu, now);
	} else if (vcpu->place == VCPU_ASLEEP && arch_vcpu_interrupted(vcpu)) {
		sched_ready(hart, vcpu, now);
	}
	return vcpu->place == VCPU_RUNNING ? vcpu : NULL;
}

/* True when the first in the queue goes before `running`. */
static inline bool is_overtaken(const struct sched *sched, const struct vcpu *running, uint64_t now)
{
	const struct heap_node *first = sched->runnable.nodes[0];

	if (now >= sched->turn_end)
		return !heap_before(running->run.key + running->grace, first->key);
	/* Whoever has come meanwhile must be a good part of the turn behind that a sleeper is. */
	return sched->woke &&
	       heap_before(
		       first->key +
			       (sched->turn >> 2) *
				       sched_vcpu_of_run((struct heap_node *)first)->inverse_weight,
		       running->run.key);
}

/* The first in the queue leaves it; `running`, unless it is NULL, joins it. */
static inline struct vcpu *take_first(struct sched *sched, struct vcpu *running, uint64_t now)
{
	struct heap_node *first = sched->runnable.nodes[0];

	if (!running) {
		heap_remove(&sched->runnable, first);
		sched_note_waiting(sched);
		return sched_vcpu_of_run(first);
	}
	running->place = VCPU_QUEUED;
	running->since = now;
	if (sched->runnable.count == 1) {
		sched->runnable.nodes[0] = &running->run;
		running->run.place = 1;
		first->place = 0;
	} else {
		heap_replace_first(&sched->runnable, &running->run);
	}
	return sched_vcpu_of_run(first);
}

/* Whose turn it is; not in the queue. NULL: nobody's. */
static inline struct vcpu *pick(struct sched *sched, struct vcpu *running, uint64_t now)
{
	if (!sched->runnable.count || (running && !is_overtaken(sched, running, now))) {
		if (running && now >= sched->turn_end)
			sched_begin_turn(sched, running, now);
		return running;
	}
	running = take_first(sched, running, now);
	sched_begin_turn(sched, running, now);
	return running;
}

/* A turn of one whose capsule isn't running: a piece of its loading, or it leaves. */
static void take_job(struct hart *hart, struct vcpu *vcpu, uint64_t now)
{
	struct sched *sched = &hart->sched;
	xlen_t wanted = sched_open(vcpu);

	sched_obey(vcpu, wanted, now);
	if (vcpu->capsule->state == CAPSULE_LOADING && vcpu->id == 0) {
		capsule_load_step(vcpu->capsule);
		charge(sched, vcpu, arch_time());
		vcpu->since = sched->since;
		sched_queue(sched, vcpu);
		sched_close(vcpu);
	} else {
		sched_leave(hart, vcpu);
	}
	arch_hart_poll();
}

/* `vcpu` has the turn, and its state isn't in the registers: it takes the place of `before`. */
static inline void load(struct hart *hart, struct vcpu *before, struct vcpu *vcpu)
{
	arch_vcpu_switch(before, vcpu);
	/* Before the look at what is wanted of it, as sched_await() has it. */
	__atomic_store_n(&hart->vcpu, vcpu, __ATOMIC_RELAXED);
	vcpu->switches++;
}

/* Apart, because it rarely is anything. */
void __attribute__((noinline)) sched_obey_late(struct vcpu *vcpu, uint64_t now)
{
	xlen_t wanted = __atomic_exchange_n(&vcpu->wanted, 0, __ATOMIC_SEQ_CST);

	if (wanted & VCPU_WANT_OF_HART)
		arch_vcpu_honour(vcpu, wanted);
	if (wanted & ~(xlen_t)VCPU_WANT_OF_HART)
		sched_obey(vcpu, wanted, now);
}

/* `vcpu` goes on in this hart; false when what was wanted of it is in the way. */
static inline bool give_turn(struct hart *hart, struct vcpu *vcpu, uint64_t now)
{
	uint64_t waited = now - vcpu->since;

	vcpu->wait_time += waited;
	if (vcpu->capsule->state != CAPSULE_RUNNING) {
		take_job(hart, vcpu, now);
		return false;
	}
	/* It may have slept instead of being throttled, or others have drawn from the bucket. */
	if (vcpu->capped) {
		hart->sched.left = share_cap_charge(&vcpu->capsule->cap, 0, now);
		if (hart->sched.left <= 0) {
			throttle(&hart->sched, vcpu, now);
			return false;
		}
	}
	vcpu->place = VCPU_RUNNING;
	if (hart->vcpu != vcpu) {
		struct vcpu *before = hart->vcpu;

		load(hart, before, vcpu);
		if (before)
			put_aside(hart, before, now);
	}
	steal_update(vcpu, waited);
	if (sched_is_wanted(vcpu))
		sched_obey_late(vcpu, now);
	return vcpu->capsule->state == CAPSULE_RUNNING;
}

/*
 * When the bucket of the running vCPU's capsule is empty, or nearly: an eighth of a turn is what a
 * look at it is worth. Others of the capsule may be drawing from it on other harts.
 */
static __attribute__((noinline)) uint64_t spent_at(const struct sched *sched,
						   const struct vcpu *running, uint64_t now)
{
	/* What doesn't fit is more than a turn. */
	uint32_t left = sched->left >> 32 ? (uint32_t)-1 : (uint32_t)sched->left;

	left /= running->capsule->vcpu_count;

	return now + (left > turn / 8 ? left : turn / 8);
}

/* When the hart has to decide again although nobody calls it. */
static inline void set_alarm(struct sched *sched, const struct vcpu *running, uint64_t now)
{
	uint64_t when = sched->timer_at;

	if (running && sched->runnable.count && sched->look_at < when)
		when = sched->look_at;
	if (running && running->capped) {
		uint64_t spent = spent_at(sched, running, now);

		if (spent < when)
			when = spent;
	}
	arch_alarm_set(when);
}

/* All that may have to be seen to besides the turns of those that run. */
static __attribute__((noinline)) void see_to(struct hart *hart, uint64_t now)
{
	struct sched *sched = &hart->sched;

	if (sched->calls)
		serve_calls(hart, now);
	if (sched->inbox)
		sched_read_inbox(hart);
	if (!heap_before(now, sched->timer_at))
		serve_timers(hart, now);
}

enum sched_verdict sched_decide(struct hart *hart)
{
	struct sched *sched = &hart->sched;
	struct vcpu *running = hart->vcpu;
	uint64_t now = arch_time();
	struct vcpu *next;

	if (running && running->place == VCPU_RUNNING)
		charge(sched, running, now);
	else
		sched->since = now;
	if (sched->calls || sched->inbox || now >= sched->timer_at) {
		see_to(hart, now);
		running = hart->vcpu;
	}
	if (running)
		running = see_loaded(hart, running, now);

	if (running && now >= sched->look_at && now < sched->turn_end) {
		next = sched_look(hart, running, now);
		if (next != running) {
			if (!give_turn(hart, next, now))
				return SCHED_AGAIN;
			set_alarm(sched, next, now);
			return SCHED_RUN;
		}
	}
	next = pick(sched, running, now);
	sched->woke = false;
	if (!next) {
		set_alarm(sched, NULL, now);
		return SCHED_SLEEP;
	}
	if (next != running) {
		if (!give_turn(hart, next, now))
			return SCHED_AGAIN;
		if (sched_is_time_to_look(sched))
			sched_balance(hart);
	} else if (sched->runnable.count && sched->turn_end == now + sched->turn) {
		/* Its next turn: those that wait for it may have to wait for long. */
		if (sched_is_time_to_look(sched))
			sched_balance(hart);
	}
	set_alarm(sched, next, now);
	return SCHED_RUN;
}

/* --- the hart's life ------------------------------------------------------------------------- */

/* What a call left for the vCPU that goes on now. */
static inline void finish_call(struct vcpu *vcpu)
{
	vcpu->wait = false;
	if (vcpu->resume) {
		vcpu->resume = false;
		arch_vcpu_resume_at(vcpu, vcpu->resume_at, vcpu->resume_opaque);
	}
	if (vcpu->state == VCPU_SUSPENDED)
		__atomic_store_n(&vcpu->state, VCPU_STARTED, __ATOMIC_RELEASE);
	vcpu->plain = is_plain(vcpu);
}

bool sched_doze_on(struct hart *hart, struct vcpu *vcpu, struct vcpu *called, xlen_t wanted)
{
	vcpu->place = VCPU_ASLEEP;
	if (sched_serve(vcpu, wanted) | sched_receive(hart, called) || hart->sched.calls)
		arch_hart_request_work();
	arch_hart_poll();
	while (!arch_vcpu_interrupted(vcpu) && !arch_hart_has_work())
		arch_hart_sleep(true);
	vcpu->place = VCPU_RUNNING;
	sched_doze_end(hart, arch_time());
	if (arch_hart_has_work())
		return false;
	vcpu->wait = false;
	return true;
}

bool sched_doze(struct hart *hart)
{
	struct sched *sched = &hart->sched;
	struct vcpu *vcpu = hart->vcpu;
	uint64_t now = arch_time();

	if (vcpu->place != VCPU_RUNNING || sched->runnable.count || sched->inbox || sched->calls ||
	    now >= sched->timer_at || vcpu->capped || has_ended(vcpu))
		return false;
	charge(sched, vcpu, now);
	sched_set_idle(hart, true);
	sched_ask_for_work(hart, now);
	return sched_doze_on(hart, vcpu, NULL, 0);
}

/*
 * No wake-up is lost: interrupts are off, so that one that comes after the look at what is wanted
 * stays pending and ends the WFI (arch_hart_sleep).
 */
void sched_work(struct hart *hart)
{
	struct vcpu *vcpu = hart->vcpu;

	if (!vcpu || !vcpu->wait || !sched_doze(hart)) {
		enum sched_verdict verdict;

		while ((verdict = sched_decide(hart)) != SCHED_RUN) {
			/* What this hart has posted to itself comes without an interrupt. */
			if (verdict == SCHED_AGAIN || hart->sched.inbox || hart->sched.calls)
				continue;
			sched_set_idle(hart, true);
			sched_ask_for_work(hart, hart->sched.since);
			/* What waits for its ceiling isn't to be woken by what is pending. */
			vcpu = hart->vcpu;
			arch_hart_sleep(vcpu && vcpu->place == VCPU_ASLEEP);
			sched_set_idle(hart, false);
		}
	}
	finish_call(hart->vcpu);
}

_Noreturn void sched_run(struct hart *hart)
{
	hart->sched.timer_at = never;
	find_place(hart);
	sched_work(hart);
	arch_vcpu_enter(hart->vcpu);
}
