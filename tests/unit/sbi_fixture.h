/* SPDX-License-Identifier: MIT */
/*
 * What the tests of src/sbi share: a capsule of one vCPU, and calls made the way the
 * trap path makes them. Included by one file of each program.
 */
#ifndef SBI_FIXTURE_H
#define SBI_FIXTURE_H

#include "unit.h"

#include "fake/arch.h"
#include "fake/console.h"
#include "sbi/sbi.h"

/* Of the bytes that one call of the console takes. */
enum { CHUNK = 256 };

enum { RAM_SIZE = 0x4000 };
#define RAM_BASE ((xlen_t)0x80000000)
#define TOP	 ((xlen_t)-1)

static struct capsule capsule;
static struct fake_vcpu vcpus[CAPSULE_VCPUS_MAX];
static uint8_t *memory; /* guest RAM: of exactly its size, so that ASan sees its ends */

static unsigned changed; /* calls of the console port's `changed` */

static void port_changed(struct console_port *port)
{
	assert_ptr_equal(port, &capsule.console);
	changed++;
}

/* All that a call could change, as it was before any. */
static void fresh(void)
{
	fake_arch_reset();
	fake_console_reset();
	fake_log_clear();
	fake_arch_capsule(&capsule, vcpus, (gpa_t){RAM_BASE}, memory, RAM_SIZE);
	for (unsigned i = 1; i < CAPSULE_VCPUS_MAX; i++)
		capsule.vcpus[i]->state = VCPU_STARTED;
	capsule.started = CAPSULE_VCPUS_MAX;
	capsule.console.changed = port_changed;
	changed = 0;
	fake_arch.harts[0].vendor = 0x123;
	fake_arch.harts[0].architecture = (xlen_t)1 << (XLEN - 1) | 5;
	fake_arch.harts[0].implementation = 0x20260101;
}

static int set_up(void **state)
{
	(void)state;
	memory = malloc(RAM_SIZE);
	for (unsigned i = 0; i < RAM_SIZE; i++)
		memory[i] = i * 7;
	fresh();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	free(memory);
	return 0;
}

/* What riscv/trap.S does with an ecall. */
static struct sbi_ret call6(xlen_t eid, xlen_t fid, const xlen_t a[6])
{
	const struct sbi_slot *slot = &sbi_slots[SBI_SLOT_OF(eid)];

	if (slot->eid != eid)
		return sbi_unknown();
	return slot->call(a[0], a[1], a[2], a[3], a[4], a[5], fid, eid);
}

#define call(eid, fid, ...) call6(eid, fid, (const xlen_t[6]){__VA_ARGS__})

/* Both results of a call. */
#define assert_ret(ret, error_, value_)                                                            \
	do {                                                                                       \
		struct sbi_ret ret_ = (ret);                                                       \
		if (ret_.error != (error_) || ret_.value != (xlen_t)(value_))                      \
			fail_msg("%s: %ld, 0x%lx instead of %ld, 0x%lx", #ret, ret_.error,         \
				 ret_.value, (long)(error_), (unsigned long)(value_));             \
	} while (0)

/* A call that is refused has no effect. */
#define assert_refused(ret, error_)                                                                \
	do {                                                                                       \
		assert_ret(ret, error_, 0);                                                        \
		assert_int_equal(fake_arch.call_count, 0);                                         \
		assert_int_equal(capsule.state, CAPSULE_RUNNING);                                  \
		assert_int_equal(fake_console()->length, 0);                                       \
	} while (0)

/* What is on, and beside, an edge of something. */
static const xlen_t bounds[] = {
	0,
	1,
	2,
	3,
	XLEN - 1,
	XLEN,
	XLEN + 1,
	0x7fffffff,
	0x80000000,
	0xffffffff,
	(xlen_t)1 << (XLEN - 1),
	(xlen_t)1 << (XLEN / 2),
	TOP - XLEN,
	TOP - XLEN + 1,
	TOP - 2,
	TOP - 1,
	TOP,
	RAM_BASE - 1,
	RAM_BASE,
	RAM_BASE + 1,
	RAM_BASE + 2,
	RAM_BASE + RAM_SIZE - 2,
	RAM_BASE + RAM_SIZE - 1,
	RAM_BASE + RAM_SIZE,
	RAM_BASE + RAM_SIZE + 1,
	RAM_SIZE - 1,
	RAM_SIZE,
	RAM_SIZE + 1,
	0 - RAM_BASE,
};

static inline xlen_t bound(void)
{
	return bounds[unit_random_below(ARRAY_LENGTH(bounds))];
}

/* Is every byte of it in the RAM? Counted, for what is short enough to be counted. */
static inline bool is_inside(xlen_t low, xlen_t size)
{
	return low >= RAM_BASE && low - RAM_BASE <= RAM_SIZE && size <= RAM_SIZE - (low - RAM_BASE);
}

#endif
