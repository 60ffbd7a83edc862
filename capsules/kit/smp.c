/* SPDX-License-Identifier: MIT */
/*
 * Starting and awaiting the other harts. A hart that is done stops, so that each
 * start is a start by HSM.
 */
#include "kit/smp.h"

#include "kit/csr.h"
#include "kit/kit.h"
#include "kit/print.h"

/* For each hart: the upper half for its traps. start.S has hart 0's. */
#define STACK_BYTES 8192

struct smp_hart smp[SMP_MAX];
unsigned smp_count = 1;

static uint8_t stacks[SMP_MAX][STACK_BYTES] __attribute__((aligned(STACK_BYTES)));

void smp_main(struct smp_hart *hart);

static void add_hart(unsigned number, unsigned long id)
{
	unsigned long top = (unsigned long)stacks[number] + STACK_BYTES;

	smp[number].id = id;
	smp[number].trap_stack = top;
	smp[number].stack = top - STACK_BYTES / 2;
}

void smp_init(void)
{
	uint64_t id, size;
	int node = -1;

	add_hart(0, kit.hart);
	smp_count = 1;
	while ((node = fdt_next_with(&kit.fdt, node, "device_type", "cpu")) >= 0) {
		if (!fdt_reg(&kit.fdt, node, 0, &id, &size) || id == kit.hart)
			continue;
		if (smp_count < SMP_MAX)
			add_hart(smp_count++, (unsigned long)id);
	}
}

unsigned smp_this(void)
{
	unsigned long here = (unsigned long)__builtin_frame_address(0);
	unsigned long offset = here - (unsigned long)stacks;

	return offset < sizeof(stacks) ? (unsigned)(offset / STACK_BYTES) : 0;
}

/* Called from smp_entry on the hart's own stack, interrupts off. */
void smp_main(struct smp_hart *hart)
{
	hart->run(hart->argument);
	sbi_call(SBI_HSM, SBI_HSM_STOP, 0, 0, 0, 0, 0, 0);
	print("# hart %lu: hart_stop returned\n", hart->id);
	kit_fail();
}

struct sbiret smp_start(unsigned number, void (*run)(unsigned long argument),
			unsigned long argument)
{
	struct smp_hart *hart = &smp[number];

	hart->run = run;
	hart->argument = argument;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return sbi_call(SBI_HSM, SBI_HSM_START, hart->id, (unsigned long)smp_entry,
			(unsigned long)hart, 0, 0, 0);
}

unsigned long smp_state(unsigned number)
{
	struct sbiret r = sbi_call(SBI_HSM, SBI_HSM_STATUS, smp[number].id, 0, 0, 0, 0, 0);

	return r.error ? ~0UL : r.value;
}

bool smp_wait_state(unsigned number, unsigned long state)
{
	uint64_t start = csr_time();

	while (smp_state(number) != state)
		if (csr_time() - start > SMP_PATIENCE)
			return false;
	return true;
}

bool smp_wait_word(const volatile unsigned long *word, unsigned long value)
{
	uint64_t start = csr_time();

	while (__atomic_load_n(word, __ATOMIC_ACQUIRE) != value)
		if (csr_time() - start > SMP_PATIENCE)
			return false;
	return true;
}

bool smp_wait_stopped(void)
{
	bool all = true;

	for (unsigned i = 1; i < smp_count; i++)
		all = smp_wait_state(i, HSM_STOPPED) && all;
	return all;
}

struct sbiret smp_send_ipi(unsigned number)
{
	return sbi_send_ipi(1, smp[number].id);
}

unsigned long smp_others(void)
{
	unsigned long mask = 0;

	for (unsigned i = 1; i < smp_count; i++)
		mask |= 1UL << smp[i].id;
	return mask;
}
