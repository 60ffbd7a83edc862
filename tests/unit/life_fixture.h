/* SPDX-License-Identifier: MIT */
/*
 * What the tests of a capsule's ends share: its first vCPU leaves the hart, and is put back into
 * it, as sched_work() would do it. Included by one file of each program.
 */
#ifndef LIFE_FIXTURE_H
#define LIFE_FIXTURE_H

#include "core/sched.h"
#include "fake/arch.h"

/* Its only vCPU leaves, and its hart sees what follows from that. */
static void life_leave(struct capsule *capsule)
{
	struct vcpu *vcpu = capsule->vcpus[0];

	sched_interrupt(vcpu->hart);
	sched_leave(vcpu->hart, vcpu);
	sched_interrupt(vcpu->hart);
	fake_arch_forget();
}

/* It is loaded, and runs. */
static void life_start(struct capsule *capsule)
{
	struct vcpu *vcpu = capsule->vcpus[0];
	struct sched *sched = &vcpu->hart->sched;

	assert_int_equal(capsule->present, 1);
	if (vcpu->run.place)
		heap_remove(&sched->runnable, &vcpu->run);
	if (vcpu->timer.place)
		heap_remove(&sched->timers, &vcpu->timer);
	sched->timer_at = UINT64_MAX;
	vcpu->closed = false;
	vcpu->posted = vcpu->wanted = 0;
	vcpu->place = VCPU_RUNNING;
	vcpu->hart->vcpu = fake_arch.loaded[vcpu->hart->index] = vcpu;
	capsule->state = CAPSULE_RUNNING;
}

#endif
