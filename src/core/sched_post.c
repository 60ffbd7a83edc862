/* SPDX-License-Identifier: MIT */
/*
 * What harts want of each other's vCPUs.
 *
 * A wish is a bit in the vCPU (`wanted`). Who sets it and finds `posted` clear sends the vCPU to
 * its hart's inbox, a stack that anybody pushes to and its hart takes whole, and interrupts that
 * hart. Whoever finds `posted` set need do nothing: its holder clears it first and looks at
 * `wanted` afterwards (sched_take_wanted(), sched_is_wanted()), so that no wish is missed.
 *
 * While a vCPU waits for its turn its hart keeps `posted` (`closed`): however many wishes come, the
 * hart's other guests aren't interrupted for them. The holder of `posted` is also the
 * only one that may use `inbox_next` and change `hart`.
 */
#include "core/sched_post.h"

#include "core/sched_internal.h"

/* A power of two: some tenths of a millisecond. */
enum { LOOKS_BETWEEN_CALLS = 4096 };

void sched_send(struct vcpu *vcpu)
{
	sched_post_send(vcpu);
}

void sched_post(struct vcpu *vcpu, xlen_t bits)
{
	sched_post_now(vcpu, bits);
}

/*
 * No answer for a while. The hart is called once more, lest a call was lost, until it is too late:
 * then its capsule ends. False: the caller, who is of that capsule, isn't to wait any longer.
 */
static __attribute__((noinline)) bool may_hope(const struct vcpu *vcpu, struct hart *hart,
					       uint64_t *since)
{
	uint64_t now = arch_time();

	if (!*since)
		*since = now;
	if (now - *since < sched_patience() && vcpu->capsule->state == CAPSULE_RUNNING) {
		arch_hart_wake(hart);
		return true;
	}
	capsule_unanswered(vcpu->capsule, hart);
	/* Its guest mustn't go on: what it asked for wasn't done. */
	arch_hart_request_work();
	return false;
}

/*
 * Who finds another vCPU, or none, in the hart must also find all that `vcpu` did before it left:
 * so that is before the change of hart->vcpu for everybody, by the fence of whatever closes `vcpu`
 * (end_turn(), put_aside()), or one of its own.
 */
void sched_await(const struct vcpu *vcpu, xlen_t bits)
{
	uint64_t since = 0;
	unsigned looks = 0;

	while (__atomic_load_n(&vcpu->wanted, __ATOMIC_SEQ_CST) & bits) {
		struct hart *hart = __atomic_load_n(&vcpu->hart, __ATOMIC_SEQ_CST);

		/* It sees the bits when it is loaded, if it was not when we looked. */
		if (__atomic_load_n(&hart->vcpu, __ATOMIC_SEQ_CST) != vcpu || hart == hart_this())
			return;
		arch_hart_poll();
		if (++looks % LOOKS_BETWEEN_CALLS == 0 && !may_hope(vcpu, hart, &since))
			return;
	}
}

/* HSM: it begins at start_at, unless its capsule has ended meanwhile. */
static void start(struct vcpu *vcpu, uint64_t now)
{
	xlen_t pending = VCPU_START_PENDING;

	if (!capsule_vcpu_joins(vcpu->capsule))
		return;
	/* The state may be of an earlier life of the capsule. */
	if (vcpu->place != VCPU_AWAY ||
	    !__atomic_compare_exchange_n(&vcpu->state, &pending, VCPU_START_PENDING, false,
					 __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
		capsule_vcpu_left(vcpu->capsule);
		return;
	}
	/* What was wanted of it while it was stopped isn't any more. */
	__atomic_fetch_and(&vcpu->wanted, ~(xlen_t)VCPU_WANT_OF_HART, __ATOMIC_SEQ_CST);
	arch_vcpu_reset(vcpu, vcpu->start_at, vcpu->start_opaque);
	sched_ready(vcpu->hart, vcpu, now);
}

void sched_obey(struct vcpu *vcpu, xlen_t bits, uint64_t now)
{
	if (bits & VCPU_WANT_LOOK)
		capsule_look(vcpu, now);
	if (bits & VCPU_WANT_START)
		start(vcpu, now);
}

/* Of a vCPU that isn't in the registers; its wishes for the hardware wait until it is. */
static void arrive_outside(struct hart *hart, struct vcpu *vcpu)
{
	xlen_t mine = ~(xlen_t)VCPU_WANT_OF_HART;
	xlen_t bits = 0;

	if (__atomic_load_n(&vcpu->wanted, __ATOMIC_SEQ_CST) & mine)
		bits = __atomic_fetch_and(&vcpu->wanted, ~mine, __ATOMIC_SEQ_CST) & mine;
	if (bits)
		sched_obey(vcpu, bits, arch_time());
	/* That may have sent it to another hart, which may have it already. */
	if (__atomic_load_n(&vcpu->hart, __ATOMIC_SEQ_CST) != hart || vcpu->place == VCPU_MOVING ||
	    vcpu->place == VCPU_AWAY)
		return;
	if (vcpu->capsule->state == CAPSULE_STOPPING)
		sched_leave(hart, vcpu);
	else if (vcpu->place != VCPU_ASLEEP)
		sched_close(vcpu);
	else if (vcpu->capsule->state == CAPSULE_RUNNING && arch_vcpu_interrupted(vcpu))
		sched_ready(hart, vcpu, arch_time());
}

bool sched_serve(struct vcpu *vcpu, xlen_t wanted)
{
	if (wanted & VCPU_WANT_OF_HART)
		arch_vcpu_honour(vcpu, wanted);
	wanted &= ~(xlen_t)VCPU_WANT_OF_HART;
	if (wanted)
		sched_obey(vcpu, wanted, arch_time());
	return wanted;
}

/* True when a decision is due. */
static bool arrive(struct hart *hart, struct vcpu *vcpu)
{
	if (vcpu->place == VCPU_MOVING) {
		sched_arrive(hart, vcpu);
		return true;
	}
	if (vcpu == hart->vcpu)
		return sched_serve(vcpu, sched_take_wanted(vcpu));
	__atomic_store_n(&vcpu->posted, 0, __ATOMIC_SEQ_CST);
	arrive_outside(hart, vcpu);
	return true;
}

bool sched_receive(struct hart *hart, struct vcpu *vcpu)
{
	bool due = false;

	while (vcpu) {
		/* Afterwards it may be in another inbox already. */
		struct vcpu *next = vcpu->inbox_next;

		/* What clears `posted` there needn't wait for that load. */
		__atomic_thread_fence(__ATOMIC_RELEASE);
		due |= arrive(hart, vcpu);
		vcpu = next;
	}
	return due;
}

bool sched_read_inbox(struct hart *hart)
{
	return sched_receive(hart, __atomic_exchange_n(&hart->sched.inbox, NULL, __ATOMIC_ACQUIRE));
}

bool sched_interrupt(struct hart *hart)
{
	bool due = hart->sched.calls != 0;

	if (hart->sched.inbox)
		due |= sched_read_inbox(hart);
	return due;
}
