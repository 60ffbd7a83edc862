/* SPDX-License-Identifier: MIT */
/* core/panic.c itself: one hart reports, once, whoever else panics, and whatever panics meanwhile.
 */
#include "unit.h"

#include "core/panic.c"
#include "fake/arch.h"
#include "fake/console.h"

static char said[1024];
static unsigned emergencies, offs;
static void (*while_reporting)(void); /* what happens at the report's first words; once */

void drivers_emergency(void)
{
	emergencies++;
}

bool drivers_power_off(unsigned status)
{
	assert_int_equal(status, EXIT_NONE);
	offs++;
	return false;
}

void console_emergency(const char *text)
{
	void (*happens)(void) = while_reporting;

	while_reporting = NULL;
	if (happens)
		happens();
	strncat(said, text, sizeof(said) - strlen(said) - 1);
}

_Noreturn void arch_lock_is_stuck(unsigned long holder)
{
	panic("%lx never lets go of a lock", holder);
}

static int set_up(void **state)
{
	(void)state;
	fake_arch_reset();
	panic_hart = 0;
	said[0] = '\0';
	emergencies = offs = 0;
	while_reporting = NULL;
	return 0;
}

/* The hart panics; how its call ended. */
static int panics(unsigned hart, const char *words)
{
	jmp_buf leave, *outer = fake_arch.leave;
	struct hart *was = arch_this_hart;
	int how;

	fake_arch.leave = &leave;
	how = setjmp(leave);
	if (!how) {
		arch_this_hart = &fake_arch.harts[hart];
		panic("%s", words);
	}
	arch_this_hart = was;
	fake_arch.leave = outer;
	return how - 1;
}

static void second(void)
{
	assert_int_equal(panics(1, "second"), FAKE_PARK);
	assert_int_equal(offs, 0);
}

/* Another hart panics at the same time: it stops, and says nothing; the first one goes on. */
static void test_two_at_once(void **state)
{
	(void)state;
	while_reporting = second;
	assert_int_equal(panics(0, "first"), FAKE_PARK);
	assert_string_equal(said, "[!] CPU 0: Panic: first\n");
	assert_int_equal(panic_hart, 1);
	assert_int_equal(emergencies, 1);
	assert_int_equal(fake_arch_count(FAKE_STOP), 1);
	assert_int_equal(offs, 1);
	assert_int_equal(panics(2, "third"), FAKE_PARK);
	assert_string_equal(said, "[!] CPU 0: Panic: first\n");
}

/* What reports panics itself: no more words, and no deeper; the power is still to go. */
static void itself(void)
{
	panic("again");
}

static void test_again(void **state)
{
	(void)state;
	while_reporting = itself;
	assert_int_equal(panics(0, "first"), FAKE_PARK);
	assert_string_equal(said, "");
	assert_int_equal(offs, 1);
}

int main(void)
{
	/* The second one leaves a panic behind that nothing ends. */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_two_at_once, set_up),
		cmocka_unit_test_setup(test_again, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
