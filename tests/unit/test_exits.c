/* SPDX-License-Identifier: MIT */
/* src/riscv/exits.c: what the trap path counts, told by name, each exit once. */
#include "unit.h"

#include "core/arch.h"
#include "fake/console.h"
#include "sbi/sbi.h"

/* Of RISC-V only, so not among the host's sources; the fake has one of its own. */
#define arch_vcpu_exits exits_of
const char *exits_of(const struct vcpu *vcpu, unsigned index, xlen_t *count);
#include "riscv/exits.c"
#include "riscv/report_exits.c"

static struct context context;

static void fresh(void)
{
	fake_console_reset();
	memset(&context, 0, sizeof(context));
	for (unsigned i = 0; i < SBI_SLOTS; i++)
		context.slots[i] =
			(struct context_slot){.eid = sbi_slots[i].eid, .call = sbi_slots[i].call};
}

/* What is told of `name`, and of everything. */
static xlen_t told(const char *name, xlen_t *all)
{
	const char *what;
	xlen_t count, of_name = 0;

	*all = 0;
	for (unsigned i = 0; (what = arch_vcpu_exits(&context.vcpu, i, &count)) != NULL; i++) {
		*all += count;
		if (!strcmp(what, name))
			of_name += count;
	}
	return of_name;
}

/* Every extension that guests have has a name and a count of its own. */
static void test_calls(void **state)
{
	unsigned found = 0;
	xlen_t all;

	(void)state;
	for (unsigned i = 0; i < SBI_SLOTS; i++) {
		const char *name = report_call(sbi_slots[i].eid);

		if (!sbi_slots[i].call)
			continue;
		assert_non_null(name);
		fresh();
		context.slots[i].count = 3 + i;
		assert_int_equal(told(name, &all), 3 + i);
		assert_int_equal(all, 3 + i);
		found++;
	}
	assert_int_equal(found, 16);
	assert_null(report_call(0x12345));
}

static void test_others(void **state)
{
	static const char *const expected[EXIT_KINDS] = {
		[EXIT_SET_TIMER] = "set timer",		[EXIT_UNKNOWN_CALL] = "unknown call",
		[EXIT_ACCESS] = "device access",	[EXIT_WFI] = "WFI",
		[EXIT_ILLEGAL] = "illegal instruction", [EXIT_EXCEPTION] = "other exception",
		[EXIT_TIMER] = "timer interrupt",	[EXIT_HOST_IPI] = "host IPI",
		[EXIT_EXTERNAL] = "external interrupt",
	};
	xlen_t all, count;

	(void)state;
	for (unsigned kind = 0; kind < EXIT_KINDS; kind++) {
		fresh();
		context.counts[kind] = 100 + kind;
		assert_int_equal(told(expected[kind], &all), 100 + kind);
		assert_int_equal(all, 100 + kind);
	}
	assert_null(arch_vcpu_exits(&context.vcpu, SBI_SLOTS + EXIT_KINDS, &count));
	assert_null(arch_vcpu_exits(&context.vcpu, (unsigned)-1, &count));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
