/* SPDX-License-Identifier: MIT */
/* What a hart sees to between turns: calls of others, its timers, the terminal's clock. */
#include "core/console.h"
#include "core/sched_internal.h"
#include "core/watch.h"

void sched_call(struct hart *hart, xlen_t call)
{
	__atomic_fetch_or(&hart->sched.calls, call, __ATOMIC_RELEASE);
	if (hart == hart_this())
		arch_hart_request_work();
	else
		arch_hart_wake(hart);
}

void sched_wake_console_hart(void)
{
	struct hart *hart = watch_console_hart();

	if (hart)
		sched_call(hart, SCHED_CALL_CONSOLE);
}

/* The terminal's clock, which may wake guests. When it is due next. */
static uint64_t tend_console(uint64_t now)
{
	if (hart_this() != watch_console_hart())
		return SCHED_NEVER;
	if (now >= console_deadline())
		console_tick();
	return console_deadline();
}

/* What a keeper does at its times (core/watch.h). */
static void keep(struct sched *sched, uint64_t now)
{
	uint64_t when = watch_tend(now), tick = tend_console(now);

	if (tick < when)
		when = tick;
	sched_remove_timer(sched, &sched->keeping);
	if (when != SCHED_NEVER)
		sched_add_timer(sched, &sched->keeping, when);
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
		if (first == &sched->keeping)
			keep(sched, now);
		else
			wake(hart, sched_vcpu_of_timer(first), now);
	}
}

static void serve_calls(struct hart *hart, uint64_t now)
{
	xlen_t calls = __atomic_exchange_n(&hart->sched.calls, 0, __ATOMIC_ACQUIRE);

	if (calls & SCHED_CALL_CONSOLE)
		keep(&hart->sched, now);
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
