/* SPDX-License-Identifier: MIT */
/*
 * src/core/hart.c: what a hart does for ever, and what it does before its guest
 * may go on.
 */
#include "unit.h"

#include "core/boot.h"
#include "fake/arch.h"

static struct capsule capsule;
static struct fake_vcpu vcpus[CAPSULE_VCPUS_MAX];
static uint8_t memory[PAGE_SIZE];
static jmp_buf leave;
static struct vcpu *vcpu;
static struct hart *hart;

enum { ENDED = 100 }; /* what boot_capsule_ended() leaves with */

static struct capsule *ended;
static struct vcpu *vcpu_at_end;

/* In place of core/boot.c, which powers the machine off. */
_Noreturn void boot_capsule_ended(struct capsule *which)
{
	ended = which;
	vcpu_at_end = hart->vcpu;
	longjmp(leave, ENDED);
}

static int set_up(void **state)
{
	(void)state;
	fake_arch_reset();
	fake_arch_capsule(&capsule, vcpus, (gpa_t){0x80000000}, memory, sizeof(memory));
	vcpus[0].timer = UINT64_MAX;
	fake_arch.leave = &leave;
	vcpu = capsule.vcpus[0];
	hart = arch_this_hart;
	ended = NULL;
	return 0;
}

/* --- hart_work() ------------------------------------------------------------------- */

static unsigned sleeps;

/* Wakes for nothing twice; then something for the guest is pending. */
static void wake_at_third(struct hart *which)
{
	assert_ptr_equal(which, hart);
	if (++sleeps == 3)
		vcpus[0].external = true;
}

static void test_nothing(void **state)
{
	(void)state;
	hart_work(hart, vcpu);
	assert_int_equal(fake_arch.call_count, 0);
	assert_int_equal(vcpu->state, VCPU_STARTED);
	assert_ptr_equal(hart->vcpu, vcpu);
}

/* It waits until an interrupt of the guest's own is pending, not until it wakes. */
static void test_wait(void **state)
{
	(void)state;
	sleeps = 0;
	fake_arch.sleep = wake_at_third;
	vcpu->wait = true;
	vcpu->state = VCPU_SUSPENDED;
	hart_work(hart, vcpu);
	assert_int_equal(sleeps, 3);
	assert_false(vcpu->wait);
	assert_int_equal(vcpu->state, VCPU_STARTED);
	assert_int_equal(fake_arch.call_count, 3);
	/* The next time there is nothing to do. */
	hart_work(hart, vcpu);
	assert_int_equal(fake_arch.call_count, 3);
}

/* What is pending already wakes at once: a sleep here would be a failure. */
static void test_wait_not(void **state)
{
	(void)state;
	vcpu->wait = true;
	vcpus[0].ipi = true;
	hart_work(hart, vcpu);
	assert_int_equal(fake_arch.call_count, 0);

	vcpus[0].ipi = false;
	vcpu->wait = true;
	vcpus[0].timer = fake_arch.time = 5;
	hart_work(hart, vcpu);
	assert_int_equal(fake_arch.call_count, 0);
	assert_false(vcpu->wait);
}

static void check_state_at_sleep(struct hart *which)
{
	(void)which;
	assert_int_equal(vcpu->state, VCPU_SUSPENDED);
	assert_true(vcpu->resume);
	assert_int_equal(fake_arch_count(FAKE_RESUME_AT), 0);
	vcpus[0].ipi = true;
}

/* Non-retentive suspend: it sleeps first, starts afresh then, and is started last. */
static void test_resume(void **state)
{
	(void)state;
	fake_arch.sleep = check_state_at_sleep;
	vcpu->state = VCPU_SUSPENDED;
	vcpu->wait = vcpu->resume = true;
	vcpu->resume_at = 0x80000abc;
	vcpu->resume_opaque = (xlen_t)-2;
	hart_work(hart, vcpu);
	assert_int_equal(fake_arch_count(FAKE_SLEEP), 1);
	assert_int_equal(fake_arch_count(FAKE_RESUME_AT), 1);
	assert_ptr_equal(fake_arch_last(FAKE_RESUME_AT)->vcpu, vcpu);
	assert_true(vcpus[0].pc == 0x80000abc);
	assert_true(vcpus[0].a0 == 0);
	assert_true(vcpus[0].a1 == (xlen_t)-2);
	assert_false(vcpu->resume);
	assert_int_equal(vcpu->state, VCPU_STARTED);
	hart_work(hart, vcpu);
	assert_int_equal(fake_arch_count(FAKE_RESUME_AT), 1);
}

/* The guest never goes on; the hart has no vCPU any more when the end is reported. */
static void test_ended(void **state)
{
	(void)state;
	capsule.state = CAPSULE_ENDED;
	vcpu->wait = vcpu->resume = true; /* nobody waits for interrupts of the dead */
	if (!setjmp(leave)) {
		hart_work(hart, vcpu);
		fail_msg("the guest of a capsule that has ended goes on");
	}
	assert_ptr_equal(ended, &capsule);
	assert_null(vcpu_at_end);
	assert_null(hart->vcpu);
	assert_int_equal(fake_arch.call_count, 0);
}

/* --- hart_run() -------------------------------------------------------------------- */

static int run(void)
{
	int kind = setjmp(leave);

	if (!kind)
		hart_run(hart);
	return kind - 1;
}

static void bring_vcpu(struct hart *which)
{
	if (++sleeps == 2)
		which->vcpu = vcpu;
	else if (sleeps == 4)
		capsule.state = CAPSULE_LOADED;
	assert_true(sleeps <= 4);
}

/* It sleeps until it has a vCPU whose capsule is loaded, and enters that. */
static void test_run(void **state)
{
	(void)state;
	sleeps = 0;
	fake_arch.sleep = bring_vcpu;
	hart->vcpu = NULL;
	capsule.state = CAPSULE_EMPTY;
	assert_int_equal(run(), FAKE_ENTER);
	assert_int_equal(sleeps, 4);
	assert_ptr_equal(fake_arch_last(FAKE_ENTER)->vcpu, vcpu);
	assert_int_equal(fake_arch_count(FAKE_ENTER), 1);
	assert_int_equal(capsule.state, CAPSULE_RUNNING);
}

static void give_up(struct hart *which)
{
	(void)which;
	if (++sleeps == 5)
		longjmp(leave, ENDED);
}

/* What runs already, or has ended, isn't entered from the start again. */
static void test_run_not(void **state)
{
	static const enum capsule_state states[] = {CAPSULE_EMPTY, CAPSULE_RUNNING, CAPSULE_ENDED};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LENGTH(states); i++) {
		sleeps = 0;
		fake_arch.sleep = give_up;
		hart->vcpu = vcpu;
		capsule.state = states[i];
		assert_int_equal(run(), ENDED - 1);
		assert_int_equal(fake_arch_count(FAKE_ENTER), 0);
		assert_int_equal(capsule.state, states[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_nothing, set_up),
		cmocka_unit_test_setup(test_wait, set_up),
		cmocka_unit_test_setup(test_wait_not, set_up),
		cmocka_unit_test_setup(test_resume, set_up),
		cmocka_unit_test_setup(test_ended, set_up),
		cmocka_unit_test_setup(test_run, set_up),
		cmocka_unit_test_setup(test_run_not, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
