/* SPDX-License-Identifier: MIT */
/*
 * src/sbi: every function of every extension but the console's, called the way the
 * trap path calls it, with good arguments, with those around every edge, and with
 * mixtures of all.
 */
#include "sbi_fixture.h"

#include "core/sched.h"

/* --- finding the handler ---------------------------------------------------------- */

static const xlen_t extensions[] = {
	SBI_EXT_LEGACY_SET_TIMER,
	SBI_EXT_LEGACY_PUTCHAR,
	SBI_EXT_LEGACY_GETCHAR,
	SBI_EXT_LEGACY_CLEAR_IPI,
	SBI_EXT_LEGACY_SHUTDOWN,
	SBI_EXT_BASE,
	SBI_EXT_HSM,
	SBI_EXT_IPI,
	SBI_EXT_DBCN,
	SBI_EXT_RFENCE,
	SBI_EXT_SRST,
	SBI_EXT_TIME,
	SBI_EXT_PMU,
	SBI_EXT_SUSP,
	SBI_EXT_STA,
	SBI_EXT_FWFT,
};

/* Those that aren't legacy calls, which have no function id. */
#define FIRST_MODERN 5

static bool is_extension(xlen_t eid)
{
	for (unsigned i = 0; i < ARRAY_LENGTH(extensions); i++)
		if (extensions[i] == eid)
			return true;
	return false;
}

static void check_unknown(xlen_t eid)
{
	assert_false(sbi_has(eid));
	assert_ret(call(SBI_EXT_BASE, 3, eid), SBI_SUCCESS, 0);
	assert_refused(call(eid, unit_random_below(4), unit_random()), SBI_ERR_NOT_SUPPORTED);
}

/* The ids of the specification, in slots of their own. */
static void test_table(void **state)
{
	static const xlen_t ids[] = {0,		 1,	     2,		 3,
				     8,		 0x10,	     0x48534d,	 0x735049,
				     0x4442434e, 0x52464e43, 0x53525354, 0x54494d45,
				     0x504d55,	 0x53555350, 0x535441,	 0x46574654};
	bool taken[SBI_SLOTS] = {false};
	unsigned handlers = 0;

	(void)state;
	for (unsigned i = 0; i < ARRAY_LENGTH(ids); i++) {
		unsigned slot = SBI_SLOT_OF(ids[i]);

		assert_int_equal(extensions[i], ids[i]);
		assert_false(taken[slot]);
		taken[slot] = true;
		assert_true(sbi_has(ids[i]));
		assert_int_equal(sbi_slots[slot].eid, ids[i]);
		assert_non_null(sbi_slots[slot].call);
		assert_ret(call(SBI_EXT_BASE, 3, ids[i]), SBI_SUCCESS, 1);
	}
	for (unsigned slot = 0; slot < SBI_SLOTS; slot++)
		handlers += sbi_slots[slot].call != NULL;
	assert_int_equal(handlers, ARRAY_LENGTH(ids));
}

/* Everything else isn't there, for callers as for probe_extension. */
static void test_unknown_extensions(void **state)
{
	(void)state;
	for (xlen_t eid = 0; eid < 0x10000; eid++)
		if (!is_extension(eid))
			check_unknown(eid);
	for (unsigned i = 0; i < 20000; i++) {
		xlen_t eid = (uint32_t)unit_random();

		if (!is_extension(eid))
			check_unknown(eid);
		eid = unit_random();
		if (!is_extension(eid))
			check_unknown(eid);
	}
	/* Firmware's, vendors', experiments', and what else 3.0 defines. */
	static const xlen_t others[] = {0x0a000000, 0x0a000005, 0x0affffff, 0x09000000, 0x09ffffff,
					0x08000000, 0x08ffffff, 0x4e41434c, 0x43505043, 0x535345,
					0x44425452, 0x4d505859, 0x80000000, 0xffffffff};

	for (unsigned i = 0; i < ARRAY_LENGTH(others); i++)
		check_unknown(others[i]);
	/* A bit more, anywhere, makes another id. */
	for (unsigned i = 0; i < ARRAY_LENGTH(extensions); i++)
		for (unsigned bit = 0; bit < XLEN; bit++)
			if (!is_extension(extensions[i] ^ (xlen_t)1 << bit))
				check_unknown(extensions[i] ^ (xlen_t)1 << bit);
}

/* Functions that an extension doesn't have, with high bits, too. */
static void test_unknown_functions(void **state)
{
	static const unsigned functions[] = {7, 4, 1, 3, 3, 1,
					     1, 9, 1, 1, 2}; /* of the modern extensions */
	static const xlen_t fids[] = {
		7, 8, 9, 10, 0x7fffffff, TOP, TOP - 1, TOP ^ TOP >> 1, 256, 0x80000000};

	(void)state;
	for (unsigned i = FIRST_MODERN; i < ARRAY_LENGTH(extensions); i++) {
		unsigned count = functions[i - FIRST_MODERN];

		for (xlen_t fid = count; fid < 64; fid++)
			assert_refused(call(extensions[i], fid, 0, 0, 0, 0), SBI_ERR_NOT_SUPPORTED);
		for (unsigned f = 0; f < ARRAY_LENGTH(fids); f++)
			if (fids[f] >= count)
				assert_refused(call(extensions[i], fids[f], 1, 0, RAM_BASE, 0),
					       SBI_ERR_NOT_SUPPORTED);
		/* A known one with a high bit. */
		for (unsigned bit = 8; bit < XLEN; bit++)
			assert_refused(call(extensions[i], (xlen_t)1 << bit, 1, 0),
				       SBI_ERR_NOT_SUPPORTED);
	}
}

/* --- BASE ------------------------------------------------------------------------- */

static void test_base(void **state)
{
	(void)state;
	assert_ret(call(SBI_EXT_BASE, 0), 0, 3 << 24);
	assert_ret(call(SBI_EXT_BASE, 1), 0, 5);
	assert_ret(call(SBI_EXT_BASE, 2), 0, 2 << 16);
	assert_ret(call(SBI_EXT_BASE, 4), 0, 0x123);
	assert_ret(call(SBI_EXT_BASE, 5), 0, (xlen_t)1 << (XLEN - 1) | 5);
	assert_ret(call(SBI_EXT_BASE, 6), 0, 0x20260101);
	assert_int_equal(fake_arch.call_count, 0);
}

/* --- TIME ------------------------------------------------------------------------- */

static void check_timer(uint64_t when)
{
	assert_int_equal(fake_arch.call_count, 1);
	assert_int_equal(fake_arch.calls[0].kind, FAKE_TIMER);
	assert_ptr_equal(fake_arch.calls[0].vcpu, capsule.vcpus[0]);
	assert_true(fake_arch.calls[0].a == when);
	fake_arch.call_count = 0;
}

/* On RV32 the value is in two registers; on RV64 a1 isn't looked at. */
static void test_time(void **state)
{
	static const xlen_t values[] = {0, 1, 0x7fffffff, 0x80000000, 0xffffffff, TOP >> 1, TOP};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LENGTH(values); i++) {
		for (unsigned j = 0; j < ARRAY_LENGTH(values); j++) {
			uint64_t when = values[i];

			if (XLEN == 32)
				when |= (uint64_t)values[j] << 32;
			assert_ret(call(SBI_EXT_TIME, 0, values[i], values[j]), SBI_SUCCESS, 0);
			check_timer(when);
			assert_ret(call(SBI_EXT_LEGACY_SET_TIMER, 0, values[i], values[j]), 0,
				   values[j]);
			check_timer(when);
		}
	}
}

/* --- hart masks ------------------------------------------------------------------- */

/* True when hart base + bit exists; computed without a sum that wraps. */
static bool exists(xlen_t base, unsigned bit)
{
	return base < capsule.vcpu_count && bit < capsule.vcpu_count - base;
}

static bool is_named(unsigned id, xlen_t mask, xlen_t base)
{
	return base == TOP || (id >= base && id - base < XLEN && mask >> (id - base) & 1);
}

/* All named harts exist. */
static bool is_valid(xlen_t mask, xlen_t base)
{
	for (unsigned bit = 0; base != TOP && bit < XLEN; bit++)
		if (mask >> bit & 1 && !exists(base, bit))
			return false;
	return true;
}

/* "Hart list parameter", against its text: all named harts exist, or nothing is done. */
static void check_mask(xlen_t mask, xlen_t base)
{
	uint32_t harts = 0;

	if (sbi_harts(&capsule, mask, base, &harts) != is_valid(mask, base))
		fail_msg("mask 0x%lx, base 0x%lx of %u", mask, base, capsule.vcpu_count);
	for (unsigned id = 0; is_valid(mask, base) && id < 32; id++)
		assert_int_equal(harts >> id & 1,
				 id < capsule.vcpu_count && is_named(id, mask, base));
}

/* For every number of vCPUs that a capsule can have. */
static void test_masks(void **state)
{
	(void)state;
	for (unsigned count = 1; count <= CAPSULE_VCPUS_MAX; count++) {
		capsule.vcpu_count = count;
		for (unsigned i = 0; i < ARRAY_LENGTH(bounds); i++) {
			for (unsigned j = 0; j < ARRAY_LENGTH(bounds); j++)
				check_mask(bounds[i], bounds[j]);
			for (unsigned bit = 0; bit < XLEN; bit++) {
				check_mask((xlen_t)1 << bit, bounds[i]);
				check_mask((xlen_t)1 << bit | 1, bounds[i]);
			}
		}
		/* All that end at the last vCPU, and those that go one further. */
		for (xlen_t base = 0; base < count + 2; base++)
			for (unsigned bit = 0; bit < XLEN; bit++) {
				check_mask(TOP >> (XLEN - 1 - bit), base);
				check_mask((xlen_t)1 << bit, base);
			}
		/* Ids that come round to 0 behind the end of the numbers are no vCPUs. */
		for (unsigned bit = 1; bit < XLEN; bit++) {
			check_mask((xlen_t)1 << bit, 0 - (xlen_t)bit);
			check_mask((xlen_t)3 << bit, 0 - (xlen_t)bit);
		}
		for (unsigned i = 0; i < 2000; i++)
			check_mask(unit_random() & unit_random(),
				   unit_random_below(4) ? bound() : unit_random());
	}
}

/*
 * What a call did: the vCPU itself has it from the hart, others have the wish and are in the inbox
 * of their hart, which is woken; stopped ones have nothing.
 */
static void check_told(uint32_t harts, xlen_t want, bool itself)
{
	unsigned others = 0;

	for (unsigned id = 0; id < CAPSULE_VCPUS_MAX; id++) {
		const struct vcpu *vcpu = capsule.vcpus[id];
		bool told = harts >> id & 1 && vcpu->state != VCPU_STOPPED;

		if (id == 0) {
			assert_int_equal(itself, told);
			assert_true(vcpu->wanted == 0);
			continue;
		}
		others += told;
		assert_true(vcpu->wanted == (told ? want : 0));
		assert_true(vcpu->posted == told);
		if (told && vcpu->hart != fake_arch.harts)
			assert_true(fake_arch.woken[vcpu->hart->index]);
	}
	for (unsigned i = 0; i < FAKE_HARTS; i++)
		for (struct vcpu *vcpu = fake_arch.harts[i].sched.inbox; vcpu;
		     vcpu = vcpu->inbox_next, others--)
			assert_ptr_equal(vcpu->hart, &fake_arch.harts[i]);
	assert_int_equal(others, 0);
}

/* Stopped vCPUs are skipped without an error; in every other state they are served. */
static void random_states(void)
{
	for (unsigned id = 1; id < CAPSULE_VCPUS_MAX; id++)
		capsule.vcpus[id]->state = unit_random_below(VCPU_SUSPENDED + 1);
}

static void test_ipi(void **state)
{
	(void)state;
	assert_ret(call(SBI_EXT_IPI, 0, 1, 0), SBI_SUCCESS, 0);
	assert_true(vcpus[0].ipi);
	check_told(1, VCPU_WANT_IPI, true);
	for (unsigned round = 0; round < 5000; round++) {
		xlen_t mask = unit_random() & 0xffffffff, base = unit_random_below(40);
		uint32_t harts;

		if (unit_random_below(4) == 0)
			base = unit_random_below(2) ? TOP : bound();
		if (unit_random_below(2))
			mask >>= unit_random_below(32);
		fresh();
		random_states();
		if (!is_valid(mask, base)) {
			assert_refused(call(SBI_EXT_IPI, 0, mask, base), SBI_ERR_INVALID_PARAM);
			check_told(0, 0, false);
			continue;
		}
		assert_true(sbi_harts(&capsule, mask, base, &harts));
		assert_ret(call(SBI_EXT_IPI, 0, mask, base), SBI_SUCCESS, 0);
		check_told(harts, VCPU_WANT_IPI, vcpus[0].ipi);
	}
	fresh();
	assert_ret(call(SBI_EXT_IPI, 0, 0, 0), SBI_SUCCESS, 0);
	assert_int_equal(fake_arch.call_count, 0);
	assert_refused(call(SBI_EXT_IPI, 0, 1, TOP - 1), SBI_ERR_INVALID_PARAM);
	assert_refused(call(SBI_EXT_IPI, 0, 4, TOP - 1), SBI_ERR_INVALID_PARAM);
	assert_refused(call(SBI_EXT_IPI, 0, 1, CAPSULE_VCPUS_MAX), SBI_ERR_INVALID_PARAM);
	assert_refused(call(SBI_EXT_IPI, 0, 3, CAPSULE_VCPUS_MAX - 1), SBI_ERR_INVALID_PARAM);
	assert_refused(call(SBI_EXT_IPI, 0, 1, (xlen_t)1 << (XLEN / 2)), SBI_ERR_INVALID_PARAM);
}

/* --- RFENCE ----------------------------------------------------------------------- */

/* One fence of this kind was made; `everything`, or at least [start, start + size). */
static void check_fence(bool everything, xlen_t start, xlen_t size)
{
	const struct fake_call *fence;

	assert_int_equal(fake_arch.call_count, 1);
	fence = fake_arch_last(FAKE_FENCE_ADDRESSES);
	assert_non_null(fence);
	if (everything)
		assert_true(fence->b == 0);
	else
		assert_true(fence->a == start && fence->b == size);
	fake_arch.call_count = 0;
}

static void test_fence_code(void **state)
{
	(void)state;
	assert_ret(call(SBI_EXT_RFENCE, 0, 1, 0), SBI_SUCCESS, 0);
	assert_int_equal(fake_arch_count(FAKE_FENCE_CODE), 1);
	assert_int_equal(fake_arch.call_count, 1);
	/* It has no range: what is in a2 to a4 doesn't matter. */
	assert_ret(call(SBI_EXT_RFENCE, 0, 0, TOP, TOP, TOP - 1, TOP), SBI_SUCCESS, 0);
	assert_int_equal(fake_arch_count(FAKE_FENCE_CODE), 2);
	check_told(TOP & 0xffffffff, VCPU_WANT_FENCE_CODE, true);
	fresh();
	assert_refused(call(SBI_EXT_RFENCE, 0, 1, CAPSULE_VCPUS_MAX), SBI_ERR_INVALID_PARAM);
}

/* To any others, who fence everything; the caller fences only if it is named. */
static void test_fence_others(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 3000; round++) {
		xlen_t mask = unit_random() & unit_random() & 0xffffffff;
		xlen_t fid = unit_random_below(3), start = bound(), size = bound();
		bool wraps = size && size != TOP && start > TOP - (size - 1);
		bool nothing = fid && size == 0 && start != 0;
		struct sbi_ret ret;

		fresh();
		random_states();
		ret = call(SBI_EXT_RFENCE, fid, mask, 0, start, size, 7);
		if (fid && wraps) {
			assert_refused(ret, SBI_ERR_INVALID_ADDRESS);
			check_told(0, 0, false);
			continue;
		}
		assert_ret(ret, SBI_SUCCESS, 0);
		check_told(nothing ? 0 : mask, fid ? VCPU_WANT_FENCE_MEMORY : VCPU_WANT_FENCE_CODE,
			   fake_arch_count(fid ? FAKE_FENCE_ADDRESSES : FAKE_FENCE_CODE));
	}
}

/* vCPU 1 is on another hart, which takes its interrupt at the third look. */
static unsigned looks;

static void third_look(struct hart *hart)
{
	assert_ptr_equal(hart, fake_arch.harts);
	assert_true(vcpus[1].stale_memory);
	if (++looks == 3)
		fake_arch_deliver(&fake_arch.harts[1]);
}

/* Nobody's guest goes on with what isn't true any more: the call waits for it. */
static void test_fence_waits(void **state)
{
	(void)state;
	fake_arch.harts[1].vcpu = fake_arch.loaded[1] = capsule.vcpus[1];
	capsule.vcpus[1]->place = VCPU_RUNNING;
	fake_arch_change_memory(&capsule);
	fake_arch.poll = third_look;
	looks = 0;
	assert_ret(call(SBI_EXT_RFENCE, 1, 0, TOP, 0, 0, 0), SBI_SUCCESS, 0);
	assert_int_equal(looks, 3);
	assert_false(vcpus[0].stale_memory);
	assert_false(vcpus[1].stale_memory);
	/* Those that aren't in a hart fence before they run; nobody has waited for them. */
	for (unsigned id = 2; id < CAPSULE_VCPUS_MAX; id++)
		assert_true(capsule.vcpus[id]->wanted == VCPU_WANT_FENCE_MEMORY);
}

/* The other one fences this one at the same time, and waits for it: neither waits for ever. */
static void other_fences_too(struct hart *hart)
{
	(void)hart;
	if (++looks == 1) {
		arch_this_hart = &fake_arch.harts[1];
		assert_ret(call(SBI_EXT_RFENCE, 1, 1, 0, 0, 0, 0), SBI_SUCCESS, 0);
		arch_this_hart = fake_arch.harts;
		return;
	}
	assert_true(looks < 10);
	fake_arch_deliver(fake_arch.harts); /* which polls as well */
	fake_arch_deliver(&fake_arch.harts[1]);
}

static void test_fence_each_other(void **state)
{
	(void)state;
	fake_arch.harts[1].vcpu = fake_arch.loaded[1] = capsule.vcpus[1];
	capsule.vcpus[1]->place = VCPU_RUNNING;
	fake_arch_change_memory(&capsule);
	fake_arch.poll = other_fences_too;
	looks = 0;
	assert_ret(call(SBI_EXT_RFENCE, 1, 2, 0, 0, 0, 0), SBI_SUCCESS, 0);
	assert_false(vcpus[0].stale_memory);
	assert_false(vcpus[1].stale_memory);
}

/* What vCPU 1's hart does while it is waited for; time goes on. */
static bool hears; /* it takes a call, if one comes after the first */
static bool was_called;

static void time_goes_by(struct hart *hart)
{
	(void)hart;
	fake_arch.time += sched_turn() / 1000;
	if (!was_called) {
		fake_arch.woken[1] = false; /* the call is lost on its way */
		was_called = true;
	} else if (hears) {
		fake_arch_deliver(&fake_arch.harts[1]);
	}
	assert_true(fake_arch.time < 2 * sched_patience());
}

static void away(bool hears_later)
{
	sched_init(10000000, FAKE_HARTS);
	fake_arch.silent = true;
	fake_arch.time = 0;
	fake_arch.harts[1].vcpu = fake_arch.loaded[1] = capsule.vcpus[1];
	capsule.vcpus[1]->place = VCPU_RUNNING;
	capsule.present = 2;
	fake_arch_change_memory(&capsule);
	fake_arch.poll = time_goes_by;
	hears = hears_later;
	was_called = false;
	fake_arch.work[0] = false;
}

/* A call between harts that got lost is repeated; nobody is taken for lost for that. */
static void test_fence_call_lost(void **state)
{
	(void)state;
	away(true);
	assert_ret(call(SBI_EXT_RFENCE, 1, 2, 0, 0, 0, 0), SBI_SUCCESS, 0);
	assert_false(vcpus[1].stale_memory);
	assert_true(fake_arch.time < sched_patience() / 10);
	assert_int_equal(capsule.state, CAPSULE_RUNNING);
}

/* A hart that never answers is waited for so long, and not longer; the guest doesn't go on. */
static void test_fence_hart_lost(void **state)
{
	(void)state;
	away(false);
	call(SBI_EXT_RFENCE, 1, 2, 0, 0, 0, 0);
	assert_true(fake_arch.time >= sched_patience() &&
		    fake_arch.time < sched_patience() + sched_patience() / 8);
	assert_true(vcpus[1].stale_memory);
	assert_int_equal(capsule.state, CAPSULE_STOPPING);
	assert_int_equal(capsule.end, CAPSULE_UNANSWERED);
	assert_true(fake_arch.work[0]);
	assert_true(fake_log_contains("stopped: CPU 1 has not answered for 4 seconds"));
}

/* Nor does it when the capsule has ended while it waited: at the next look, not after seconds. */
static void end_meanwhile(struct hart *hart)
{
	time_goes_by(hart);
	if (capsule.state == CAPSULE_RUNNING)
		capsule.state = CAPSULE_STOPPING;
}

static void test_fence_ends_meanwhile(void **state)
{
	(void)state;
	away(false);
	fake_arch.poll = end_meanwhile;
	call(SBI_EXT_RFENCE, 1, 2, 0, 0, 0, 0);
	assert_true(fake_arch.time < sched_patience() / 10);
	assert_true(fake_arch.work[0]);
}

/* "remote_sfence_vma": start and size 0, or size 2^XLEN-1, mean everything. */
static void test_fence_ranges(void **state)
{
	(void)state;
	for (xlen_t fid = 1; fid <= 2; fid++) {
		assert_ret(call(SBI_EXT_RFENCE, fid, 1, 0, 0, 0, 0), SBI_SUCCESS, 0);
		check_fence(true, 0, 0);
		for (unsigned i = 0; i < ARRAY_LENGTH(bounds); i++) {
			assert_ret(call(SBI_EXT_RFENCE, fid, 1, 0, bounds[i], TOP, 0), SBI_SUCCESS,
				   0);
			check_fence(true, 0, 0);
			for (unsigned j = 0; j < ARRAY_LENGTH(bounds); j++) {
				xlen_t start = bounds[i], size = bounds[j];
				struct sbi_ret ret =
					call(SBI_EXT_RFENCE, fid, 1, 0, start, size, 0);
				bool everything = size == TOP || (!start && !size);
				/* The last byte is start + size - 1. */
				bool wraps = size && start > TOP - (size - 1);

				if (!everything && wraps) {
					assert_refused(ret, SBI_ERR_INVALID_ADDRESS);
				} else if (!everything && !size) {
					assert_ret(ret, SBI_SUCCESS, 0);
					assert_int_equal(fake_arch.call_count, 0);
				} else {
					assert_ret(ret, SBI_SUCCESS, 0);
					check_fence(everything, start, size);
				}
			}
		}
		/* Exactly to the top, and one byte more. */
		assert_ret(call(SBI_EXT_RFENCE, fid, 1, 0, TOP - 0xfff, 0x1000, 0), SBI_SUCCESS, 0);
		check_fence(false, TOP - 0xfff, 0x1000);
		assert_refused(call(SBI_EXT_RFENCE, fid, 1, 0, TOP - 0xfff, 0x1001, 0),
			       SBI_ERR_INVALID_ADDRESS);
		assert_refused(
			call(SBI_EXT_RFENCE, fid, 2, CAPSULE_VCPUS_MAX - 1, 0x1000, 0x1000, 0),
			SBI_ERR_INVALID_PARAM);
		assert_refused(call(SBI_EXT_RFENCE, fid, 1, CAPSULE_VCPUS_MAX, 0x1000, 0, 0),
			       SBI_ERR_INVALID_PARAM);
	}
}

/* ASIDs that satp can't hold; the function without one doesn't look at a4. */
static void test_fence_asid(void **state)
{
	static const xlen_t bad[] = {0x10000, 0x10001, 0x7fffffff, TOP, (xlen_t)1 << (XLEN - 1)};

	(void)state;
	for (xlen_t asid = 0; asid < 0x10000; asid += 0xff) {
		assert_ret(call(SBI_EXT_RFENCE, 2, 1, 0, 0x1000, 0x1000, asid), SBI_SUCCESS, 0);
		check_fence(false, 0x1000, 0x1000);
	}
	for (unsigned i = 0; i < ARRAY_LENGTH(bad); i++) {
		assert_refused(call(SBI_EXT_RFENCE, 2, 1, 0, 0x1000, 0x1000, bad[i]),
			       SBI_ERR_INVALID_PARAM);
		assert_refused(call(SBI_EXT_RFENCE, 2, 1, 0, 0, 0, bad[i]), SBI_ERR_INVALID_PARAM);
		assert_ret(call(SBI_EXT_RFENCE, 1, 1, 0, 0x1000, 0x1000, bad[i]), SBI_SUCCESS, 0);
		check_fence(false, 0x1000, 0x1000);
	}
}

/* --- HSM: arguments -------------------------------------------------------- */

static void test_hart_status(void **state)
{
	(void)state;
	for (unsigned s = VCPU_STARTED; s <= VCPU_SUSPENDED; s++) {
		for (unsigned id = 0; id < CAPSULE_VCPUS_MAX; id++) {
			capsule.vcpus[id]->state = s;
			assert_ret(call(SBI_EXT_HSM, 2, id), SBI_SUCCESS, s);
		}
	}
	capsule.vcpu_count = 3;
	for (xlen_t id = 3; id < 100; id++)
		assert_refused(call(SBI_EXT_HSM, 2, id), SBI_ERR_INVALID_PARAM);
	for (unsigned i = 0; i < ARRAY_LENGTH(bounds); i++)
		if (bounds[i] >= 3)
			assert_refused(call(SBI_EXT_HSM, 2, bounds[i]), SBI_ERR_INVALID_PARAM);
	assert_refused(call(SBI_EXT_HSM, 2, (xlen_t)1 << (XLEN / 2)), SBI_ERR_INVALID_PARAM);
}

static void test_hart_start(void **state)
{
	static const xlen_t bad[] = {RAM_BASE + 1,
				     RAM_BASE + RAM_SIZE - 1,
				     RAM_BASE + RAM_SIZE,
				     RAM_BASE - 2,
				     TOP - 1,
				     0};
	static const long errors[] = {
		[VCPU_STARTED] = SBI_ERR_ALREADY_AVAILABLE,
		[VCPU_STOPPED] = SBI_SUCCESS,
		[VCPU_START_PENDING] = SBI_ERR_ALREADY_AVAILABLE,
		[VCPU_STOP_PENDING] = SBI_ERR_FAILED,
		[VCPU_SUSPENDED] = SBI_ERR_ALREADY_AVAILABLE,
	};

	(void)state;
	for (unsigned s = VCPU_STARTED; s <= VCPU_SUSPENDED; s++) {
		fresh();
		capsule.vcpus[5]->state = s;
		for (unsigned i = 0; i < ARRAY_LENGTH(bad); i++)
			assert_refused(call(SBI_EXT_HSM, 0, 5, bad[i], 1), SBI_ERR_INVALID_ADDRESS);
		assert_ret(call(SBI_EXT_HSM, 0, 5, RAM_BASE + RAM_SIZE - 2, 99), errors[s], 0);
		if (s != VCPU_STOPPED) {
			assert_int_equal(capsule.vcpus[5]->state, s);
			assert_true(capsule.vcpus[5]->wanted == 0);
			assert_int_equal(capsule.started, CAPSULE_VCPUS_MAX);
			continue;
		}
		assert_int_equal(capsule.vcpus[5]->state, VCPU_START_PENDING);
		assert_true(capsule.vcpus[5]->wanted == VCPU_WANT_START);
		assert_true(capsule.vcpus[5]->start_at == RAM_BASE + RAM_SIZE - 2);
		assert_true(capsule.vcpus[5]->start_opaque == 99);
		assert_int_equal(capsule.started, CAPSULE_VCPUS_MAX + 1);
		/* Its hart is told, once. */
		assert_int_equal(fake_arch_count(FAKE_WAKE), 1);
		assert_ptr_equal(fake_arch.harts[1].sched.inbox, capsule.vcpus[5]);
		assert_ret(call(SBI_EXT_HSM, 0, 5, RAM_BASE, 1), SBI_ERR_ALREADY_AVAILABLE, 0);
		assert_true(capsule.vcpus[5]->start_opaque == 99);
	}
	for (unsigned i = 0; i < ARRAY_LENGTH(bounds); i++) {
		fresh();
		if (bounds[i] >= CAPSULE_VCPUS_MAX)
			assert_refused(call(SBI_EXT_HSM, 0, bounds[i], RAM_BASE, 1),
				       SBI_ERR_INVALID_PARAM);
	}
}

/* The last one that stops ends its capsule; before, the others go on. */
static void test_hart_stop(void **state)
{
	(void)state;
	capsule.started = 2;
	call(SBI_EXT_HSM, 1);
	assert_int_equal(capsule.vcpus[0]->state, VCPU_STOP_PENDING);
	assert_int_equal(capsule.state, CAPSULE_RUNNING);
	assert_true(fake_arch.work[0]);
	fresh();
	capsule.started = 1;
	call(SBI_EXT_HSM, 1);
	assert_int_equal(capsule.vcpus[0]->state, VCPU_STOP_PENDING);
	assert_int_equal(capsule.state, CAPSULE_STOPPING);
	assert_int_equal(capsule.end, CAPSULE_SHUTDOWN);
	assert_true(fake_arch.work[0]);
	assert_true(fake_log_contains("stopped its last vCPU"));
}

static void check_suspended(bool resumes, xlen_t at, xlen_t opaque)
{
	const struct vcpu *vcpu = capsule.vcpus[0];

	assert_int_equal(vcpu->state, VCPU_SUSPENDED);
	assert_true(vcpu->wait);
	assert_int_equal(vcpu->resume, resumes);
	if (resumes) {
		assert_true(vcpu->resume_at == at);
		assert_true(vcpu->resume_opaque == opaque);
	}
	assert_int_equal(fake_arch_count(FAKE_WORK), 1);
	assert_int_equal(fake_arch.call_count, 1);
	assert_int_equal(capsule.state, CAPSULE_RUNNING);
	fresh();
}

static void test_hart_suspend(void **state)
{
	static const uint32_t bad[] = {1,	   2,	       0x0fffffff, 0x10000000, 0x7fffffff,
				       0x80000001, 0x8fffffff, 0x90000000, 0xffffffff};

	(void)state;
	/* Retentive: the other arguments aren't looked at. */
	assert_ret(call(SBI_EXT_HSM, 3, 0, TOP, TOP), SBI_SUCCESS, 0);
	check_suspended(false, 0, 0);
	for (unsigned i = 0; i < ARRAY_LENGTH(bounds); i++) {
		assert_ret(call(SBI_EXT_HSM, 3, 0x80000000, RAM_BASE + 4, bounds[i]), SBI_SUCCESS,
			   0);
		check_suspended(true, RAM_BASE + 4, bounds[i]);
	}
	for (unsigned i = 0; i < ARRAY_LENGTH(bad); i++) {
		assert_refused(call(SBI_EXT_HSM, 3, bad[i], RAM_BASE, 0), SBI_ERR_INVALID_PARAM);
		assert_int_equal(capsule.vcpus[0]->state, VCPU_STARTED);
	}
	static const xlen_t addresses[] = {
		RAM_BASE + 1, RAM_BASE + RAM_SIZE - 1, RAM_BASE + RAM_SIZE, RAM_BASE - 2, 0,
		TOP - 1};

	for (unsigned i = 0; i < ARRAY_LENGTH(addresses); i++) {
		assert_refused(call(SBI_EXT_HSM, 3, 0x80000000, addresses[i], 0),
			       SBI_ERR_INVALID_ADDRESS);
		assert_false(capsule.vcpus[0]->wait);
		assert_false(capsule.vcpus[0]->resume);
		assert_int_equal(capsule.vcpus[0]->state, VCPU_STARTED);
	}
	/* The type has 32 bits, whatever else is in a 64-bit register. */
	if (XLEN == 64) {
		assert_ret(call(SBI_EXT_HSM, 3, TOP << (XLEN / 2), 0, 0), SBI_SUCCESS, 0);
		check_suspended(false, 0, 0);
		assert_ret(call(SBI_EXT_HSM, 3, TOP << 31, RAM_BASE, 3), SBI_SUCCESS, 0);
		check_suspended(true, RAM_BASE, 3);
	}
}

/* --- SRST ------------------------------------------------------------------------- */

static void test_reset(void **state)
{
	static const uint32_t values[] = {0,	      1,	  2,	      3,
					  4,	      0x7fffffff, 0x80000000, 0xdfffffff,
					  0xe0000000, 0xefffffff, 0xf0000000, 0xffffffff};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LENGTH(values); i++) {
		for (unsigned j = 0; j < ARRAY_LENGTH(values); j++) {
			uint32_t type = values[i], reason = values[j];

			fresh();
			if (type > 2 || reason > 1) {
				assert_refused(call(SBI_EXT_SRST, 0, type, reason),
					       SBI_ERR_INVALID_PARAM);
				continue;
			}
			call(SBI_EXT_SRST, 0, type, reason);
			assert_int_equal(capsule.state, CAPSULE_STOPPING);
			assert_int_equal(capsule.end, reason ? CAPSULE_FAILED
						      : type ? CAPSULE_REBOOT
							     : CAPSULE_SHUTDOWN);
			assert_true(fake_arch.work[0]);
			assert_int_equal(fake_log_count(), 1);
		}
	}
	/* Both are 32 bits wide. */
	fresh();
	call(SBI_EXT_SRST, 0, TOP << (XLEN / 2) << (XLEN == 32 ? 16 : 0), 0);
	assert_int_equal(capsule.state, CAPSULE_STOPPING);
}

/* --- everything at once ----------------------------------------------------------- */

/*
 * Any mixture of arguments: the answer is one that the specification has, memory
 * changes only where a console read may write, and no call does more than a bounded
 * number of things.
 */
static void check_any(xlen_t eid, xlen_t fid, const xlen_t a[6])
{
	struct sbi_ret ret = call6(eid, fid, a);

	if (eid <= 0xf)
		assert_true(ret.value == a[1] || !is_extension(eid));
	else
		assert_true(ret.error <= 0 && ret.error >= SBI_ERR_DENIED_LOCKED);
	if (ret.error < 0 && eid > 0xf)
		assert_true(ret.value == 0);
	/* A start of two counters with a value each, and of one that is noted, is 5. */
	assert_in_range(fake_arch.call_count, 0, 3 + 2 * CAPSULE_VCPUS_MAX);
	assert_in_range(fake_console()->length, 0, CHUNK);
	assert_true(capsule.vcpus[0]->state <= VCPU_SUSPENDED);
	if (capsule.state == CAPSULE_STOPPING || capsule.vcpus[0]->wait)
		assert_true(fake_arch.work[0]);
	if (capsule.vcpus[0]->resume)
		assert_true(is_inside(capsule.vcpus[0]->resume_at, 2));
}

static void test_any(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 300000; round++) {
		xlen_t a[6], eid = extensions[unit_random_below(ARRAY_LENGTH(extensions))];

		for (unsigned i = 0; i < 6; i++)
			a[i] = bound() + (unit_random_below(8) ? 0 : unit_random_below(5) - 2);
		if (unit_random_below(16) == 0)
			eid ^= (xlen_t)1 << unit_random_below(XLEN);
		fresh();
		if (unit_random_below(2))
			fake_console_type(&capsule.console, "typed");
		check_any(eid, unit_random_below(16) ? unit_random_below(9) : bound(), a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_table, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_unknown_extensions, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_unknown_functions, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_base, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_time, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_masks, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_ipi, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_fence_code, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_fence_others, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_fence_waits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_fence_each_other, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_fence_call_lost, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_fence_hart_lost, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_fence_ends_meanwhile, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_fence_ranges, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_fence_asid, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_hart_status, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_hart_start, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_hart_stop, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_hart_suspend, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_reset, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_any, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
