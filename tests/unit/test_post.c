/* SPDX-License-Identifier: MIT */
/*
 * core/sched_post.c with real threads: one is the hart that opens, closes, reads its inbox and
 * sleeps, others post as fast as they can. Whatever is posted is seen; a sleeper is woken by every
 * wish that wakes.
 */
#include "unit.h"

#include <pthread.h>
#include <sched.h>
#include <time.h>

#include "core/types.h"

/* Others get time between the steps of those that open a vCPU, or a wrong order would hardly show.
 */
static void dawdle(void);
#undef STORE_RELAXED
#define STORE_RELAXED(variable, value)                                                             \
	do {                                                                                       \
		dawdle();                                                                          \
		__atomic_store_n(&(variable), (value), __ATOMIC_RELAXED);                          \
		dawdle();                                                                          \
	} while (0)

#include "core/sched_internal.h"
#include "fake/arch.h"
#include "fake/console.h"

enum { POSTERS = 2, WISHES = 15000 };

static struct capsule capsule;
static struct fake_vcpu vcpus[CAPSULE_VCPUS_MAX];
static uint8_t memory[4096];
static struct hart *hart;
static struct vcpu *vcpu;
static unsigned long dozes;
static unsigned long posted[POSTERS], seen[POSTERS]; /* numbers of the last wish of each */

static void dawdle(void)
{
	unsigned turns = unit_random_below(64);

	if (turns < 2)
		sched_yield();
	else
		for (volatile unsigned n = 0; n < turns; n++)
			;
}

/* On a machine with few CPUs the others must come by; else no pause. */
static void wait_until_seen(unsigned who, unsigned long number)
{
	for (unsigned n = 0; __atomic_load_n(&seen[who], __ATOMIC_SEQ_CST) < number;)
		if (++n > 500)
			sched_yield();
}

/*
 * Poster 0 posts IPIs, 1 fences; each waits until the last one was seen, then posts the next. Often
 * it waits for the other's as well: a wish that is lost isn't found by the next one's help then.
 */
static void *post(void *argument)
{
	unsigned who = (unsigned)(uintptr_t)argument;

	arch_this_hart = &fake_arch.harts[1 + who];
	for (unsigned long i = 1; i <= WISHES; i++) {
		__atomic_store_n(&posted[who], i, __ATOMIC_SEQ_CST);
		sched_post(vcpu, who ? VCPU_WANT_FENCE_CODE : VCPU_WANT_IPI);
		wait_until_seen(who, i);
		if (i & 1)
			wait_until_seen(!who, __atomic_load_n(&posted[!who], __ATOMIC_SEQ_CST));
	}
	return NULL;
}

/* What the hart was told: by arch_vcpu_honour(), or when it opens. */
static void take(xlen_t bits)
{
	if (bits & VCPU_WANT_IPI)
		__atomic_store_n(&seen[0], posted[0], __ATOMIC_SEQ_CST);
	if (bits & VCPU_WANT_FENCE_CODE)
		__atomic_store_n(&seen[1], posted[1], __ATOMIC_SEQ_CST);
}

static void take_from_hart(void)
{
	struct fake_vcpu *fake = fake_vcpu_of(vcpu);
	xlen_t bits = fake->ipi ? VCPU_WANT_IPI : 0;

	if (!fake->stale_code)
		bits |= VCPU_WANT_FENCE_CODE;
	fake->ipi = false;
	fake->stale_code = true;
	take(bits);
}

/*
 * It runs, with everything open: what was posted before comes by an interrupt. It doesn't wait
 * again before, since the next look would find what this one has lost.
 */
static void while_running(void)
{
	unsigned long before[POSTERS];
	unsigned tries = 0;

	for (unsigned i = 0; i < POSTERS; i++)
		before[i] = __atomic_load_n(&posted[i], __ATOMIC_SEQ_CST);
	do {
		fake_arch_deliver(hart);
		take_from_hart();
		if (++tries > 1000)
			sched_yield();
		if (tries > 1000000) {
			fprintf(stderr, "a wish is lost\n");
			abort();
		}
	} while (seen[0] < before[0] || seen[1] < before[1]);
}

/* It waits for its turn, closed: nobody can disturb the hart; then it is opened again. */
static void while_waiting(void)
{
	sched_close(vcpu);
	__atomic_store_n(&hart->vcpu, NULL, __ATOMIC_SEQ_CST);
	fake_arch.loaded[0] = NULL;
	vcpu->place = VCPU_QUEUED;
	for (unsigned i = unit_random_below(20); i; i--)
		fake_arch_deliver(hart);
	if (vcpu->closed)
		assert_null(hart->sched.inbox);
	vcpu->place = VCPU_RUNNING;
	__atomic_store_n(&hart->vcpu, vcpu, __ATOMIC_SEQ_CST);
	fake_arch.loaded[0] = vcpu;
	take(sched_open(vcpu));
}

/* It sleeps, in sched_doze_on(): what comes is served, and an IPI wakes it. */
static void asleep(struct hart *which)
{
	static time_t began;
	unsigned tries = 0;

	began = time(NULL);
	while (!__atomic_load_n(&fake_arch.woken[0], __ATOMIC_SEQ_CST)) {
		if (++tries % 1000)
			continue;
		sched_yield();
		if (time(NULL) - began > 120) {
			fprintf(stderr, "a wake-up is lost\n");
			abort();
		}
	}
	if (which)
		fake_arch_deliver(which);
}

static void sleep_on(struct hart *which)
{
	/* What has come has been seen, unless it is what ends the sleep. */
	if (!fake_vcpu_of(vcpu)->ipi)
		take_from_hart();
	asleep(which);
}

/* What riscv/doze.c does. It isn't called again before somebody has something left to post. */
static void while_dozing(void)
{
	struct vcpu *called;
	xlen_t wanted = 0;

	assert_true(sched_doze_begin(hart, vcpu, fake_arch.time));
	asleep(NULL);
	dawdle();
	__atomic_store_n(&fake_arch.woken[0], false, __ATOMIC_SEQ_CST);
	dawdle();
	called = sched_doze_called(hart);
	if (called == vcpu) {
		assert_null(vcpu->inbox_next);
		wanted = sched_take_wanted(vcpu);
		called = NULL;
		dozes++;
	}
	if (wanted == VCPU_WANT_IPI) {
		sched_doze_end(hart, fake_arch.time);
		take(wanted);
		return;
	}
	fake_arch.sleep = sleep_on;
	/* Nobody posts IPIs any more: a fence won't wake it. */
	fake_arch.work[0] = seen[0] == WISHES;
	sched_doze_on(hart, vcpu, called, wanted);
	fake_arch.work[0] = false;
	take_from_hart();
}

static void *run(void *argument)
{
	(void)argument;
	arch_this_hart = hart;
	while (seen[0] < WISHES || seen[1] < WISHES) {
		switch (unit_random_below(3)) {
		case 0: while_running(); break;
		case 1: while_waiting(); break;
		default: while_dozing(); break;
		}
	}
	return NULL;
}

/* Two that post, one that takes: a wish that was lost would leave its poster waiting for ever. */
static void test_nothing_is_lost(void **state)
{
	pthread_t poster[POSTERS], taker;

	(void)state;
	fake_arch_reset();
	fake_console_reset();
	fake_arch.silent = true;
	sched_init(1000000, FAKE_HARTS);
	fake_arch_capsule(&capsule, vcpus, (gpa_t){0x80000000}, memory, sizeof(memory));
	hart = fake_arch.harts;
	vcpu = capsule.vcpus[0];
	fake_vcpu_of(vcpu)->stale_code = true;
	pthread_create(&taker, NULL, run, NULL);
	for (uintptr_t i = 0; i < POSTERS; i++)
		pthread_create(&poster[i], NULL, post, (void *)i);
	for (unsigned i = 0; i < POSTERS; i++)
		pthread_join(poster[i], NULL);
	pthread_join(taker, NULL);
	assert_int_equal(seen[0], WISHES);
	assert_int_equal(seen[1], WISHES);
	assert_true(vcpu->wanted == 0);
	assert_true(dozes > WISHES / 10);
	assert_false(hart_set_has(&sched_harts.idle, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
