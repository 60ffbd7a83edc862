/* SPDX-License-Identifier: MIT */
/* What a hart sees to between turns: calls of others, its timers, the terminal's clock. */
#include "core/console.h"
#include "core/sched_internal.h"
#include "core/watch.h"

static struct hart *console_hart; /* who serves the terminal */
static struct heap_node console_timer;

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

void sched_set_console_hart(struct hart *hart)
{
	console_hart = hart;
	sched_wake_console_hart();
}

void sched_wake_console_hart(void)
{
	call_console_hart(SCHED_CALL_CONSOLE);
}

void sched_watch(void)
{
	call_console_hart(SCHED_CALL_WATCH);
}

/* The terminal's clock, which may wake guests, and the watch; then their next time. */
static void tend_console(struct sched *sched, uint64_t now)
{
	uint64_t when = watch_tend(now), tick;

	if (now >= console_deadline())
		console_tick();
	tick = console_deadline();
	if (tick < when)
		when = tick;
	sched_remove_timer(sched, &console_timer);
	if (when != SCHED_NEVER)
		sched_add_timer(sched, &console_timer, when);
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
		sched_remove_timer(sched, first);
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

/* All that may have to be seen to besides the turns of those that run. */
void sched_see_to(struct hart *hart, uint64_t now)
{
	struct sched *sched = &hart->sched;

	if (sched->calls)
		serve_calls(hart, now);
	if (sched->inbox)
		sched_read_inbox(hart);
	if (!heap_before(now, sched->timer_at))
		serve_timers(hart, now);
}
