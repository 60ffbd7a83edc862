/* SPDX-License-Identifier: MIT */
/* What the scheduler needs before a hart runs: memory, times, and who begins where. */
#include "core/sched_internal.h"
#include "lib/div64.h"

enum {
	TURNS_A_SECOND = 200,
	/* A vCPU that slept for longer than this has no debts. It bounds how far apart keys are. */
	FORGET_SECONDS = 16,
};

static uint64_t turn;	/* ticks */
static uint64_t forget; /* ticks */

void sched_init_hart(struct hart *hart)
{
	struct sched *sched = &hart->sched;

	sched->idle_word = &sched_harts.idle.words[hart->index / 32];
	sched->idle_bit = (uint32_t)1 << hart->index % 32;
	sched->waiting = (uint8_t *)sched_harts.waiting + hart->index;
	sched->turn = turn;
	sched->forget = forget;
	sched->timer_at = SCHED_NEVER;
}

void sched_init(uint64_t hz, unsigned harts)
{
	sched_harts = (struct sched_harts){.count = harts};
	turn = div64_u32(hz, TURNS_A_SECOND, NULL);
	/* Longer of a slow clock: its first look isn't at its beginning (sched_first_look()). */
	if (turn < 1 << SCHED_LOOK_SHIFT)
		turn = 1 << SCHED_LOOK_SHIFT;
	forget = hz * FORGET_SECONDS;
	for (unsigned i = 0; i < harts; i++)
		if (arch_hart(i))
			sched_init_hart(arch_hart(i));
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
		void *memory;

		if (!hart)
			continue;
		status = ram_alloc_pages(ram, 2 * size, RAM_OWNER_HYPERVISOR, &memory, why);
		if (status != OK)
			return status;
		nodes = memory;
		hart->sched.runnable = (struct heap){nodes, 0, vcpus + 1};
		hart->sched.timers = (struct heap){nodes + vcpus + 1, 0, vcpus + 1};
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
