/* SPDX-License-Identifier: MIT */
/*
 * The Supervisor Binary Interface, version 3.0: what guests call.
 *
 * One file per extension, each with one handler that gets the guest's a0-a7 as
 * they are. Handlers run on the calling vCPU's hart, in M-mode, with only the
 * caller-saved registers of the guest saved: what must happen to the rest of its
 * state is left as work (arch_hart_request_work). An extension is complete or
 * it isn't in the table.
 */
#ifndef SBI_SBI_H
#define SBI_SBI_H

#include "core/capsule.h"
#include "core/status.h"
#include "core/types.h"
#include "sbi/slot.h"

/* Extension IDs ("SBI Extensions" chapters). */
enum {
	SBI_EXT_LEGACY_SET_TIMER = 0x00,
	SBI_EXT_LEGACY_PUTCHAR = 0x01,
	SBI_EXT_LEGACY_GETCHAR = 0x02,
	SBI_EXT_LEGACY_CLEAR_IPI = 0x03,
	SBI_EXT_LEGACY_SHUTDOWN = 0x08,
	SBI_EXT_BASE = 0x10,
	SBI_EXT_HSM = 0x48534d,
	SBI_EXT_IPI = 0x735049,
	SBI_EXT_DBCN = 0x4442434e,
	SBI_EXT_RFENCE = 0x52464e43,
	SBI_EXT_SRST = 0x53525354,
	SBI_EXT_TIME = 0x54494d45,
	SBI_EXT_PMU = 0x504d55,
	SBI_EXT_SUSP = 0x53555350,
	SBI_EXT_STA = 0x535441,
	SBI_EXT_FWFT = 0x46574654,
};

/* "Standard SBI Errors" of the binary encoding. */
enum {
	SBI_SUCCESS = 0,
	SBI_ERR_FAILED = -1,
	SBI_ERR_NOT_SUPPORTED = -2,
	SBI_ERR_INVALID_PARAM = -3,
	SBI_ERR_DENIED = -4,
	SBI_ERR_INVALID_ADDRESS = -5,
	SBI_ERR_ALREADY_AVAILABLE = -6,
	SBI_ERR_ALREADY_STARTED = -7,
	SBI_ERR_ALREADY_STOPPED = -8,
	SBI_ERR_NO_SHMEM = -9,
	SBI_ERR_DENIED_LOCKED = -14,
};

/* Returned in a0 and a1 by the C calling convention, which is the SBI's. */
struct sbi_ret {
	long error;
	xlen_t value;
};

/* The parameters of every handler: the guest's a0-a7. */
#define SBI_ARGUMENTS                                                                              \
	xlen_t a0, xlen_t a1, xlen_t a2, xlen_t a3, xlen_t a4, xlen_t a5, xlen_t fid, xlen_t eid

/* For those that a handler has no use for; it needn't name every unused one. */
#define SBI_HANDLER(name)                                                                          \
	struct sbi_ret name(xlen_t a0 __attribute__((unused)), xlen_t a1 __attribute__((unused)),  \
			    xlen_t a2 __attribute__((unused)), xlen_t a3 __attribute__((unused)),  \
			    xlen_t a4 __attribute__((unused)), xlen_t a5 __attribute__((unused)),  \
			    xlen_t fid __attribute__((unused)),                                    \
			    xlen_t eid __attribute__((unused)))

typedef struct sbi_ret sbi_handler(SBI_ARGUMENTS);

/*
 * The table of extensions: SBI_SLOT_OF(eid) is where the trap path looks for `eid`, and
 * calls sbi_unknown() when it isn't there.
 */
struct sbi_slot {
	xlen_t eid;
	sbi_handler *call;
};

extern const struct sbi_slot sbi_slots[SBI_SLOTS];

struct sbi_ret sbi_unknown(void);

/* True when `eid` is an extension that guests have. */
static inline bool sbi_has(xlen_t eid)
{
	const struct sbi_slot *slot = &sbi_slots[SBI_SLOT_OF(eid)];

	return slot->eid == eid; /* an empty slot has id 0, which is where 0 itself is */
}

static inline struct sbi_ret sbi_return(long error, xlen_t value)
{
	return (struct sbi_ret){error, value};
}

/* A parameter of 64 bits: one register, on RV32 two. */
static inline uint64_t sbi_wide(xlen_t low, xlen_t high)
{
	return XLEN == 32 ? (uint64_t)high << 32 | low : low;
}

/* The vCPU of `capsule` with hart id `id`, or NULL. The index is bounded here and nowhere else. */
static inline struct vcpu *sbi_vcpu(const struct capsule *capsule, xlen_t id)
{
	return id < capsule->vcpu_count ? capsule->vcpus[id] : NULL;
}

/*
 * "Hart list parameter": the vCPUs of `capsule` that (mask, base) names, bit i for hart i, to
 * `harts`; all for base -1. False when an id is named that the capsule doesn't have:
 * SBI_ERR_INVALID_PARAM, with nothing done.
 */
static inline bool sbi_harts(const struct capsule *capsule, xlen_t mask, xlen_t base,
			     uint32_t *harts)
{
	unsigned count = capsule->vcpu_count;
	uint32_t all = (uint32_t)-1 >> (32 - count);

	_Static_assert(CAPSULE_VCPUS_MAX <= 32, "one bit for each vCPU");
	if (base == 0 && !(mask & ~(xlen_t)all)) {
		*harts = (uint32_t)mask;
		return true;
	}
	if (base == (xlen_t)-1) {
		*harts = all;
		return true;
	}
	*harts = 0;
	if (base >= count)
		return !mask;
	/* Bit i is hart base + i: what would be shifted out is named as well. */
	if (mask & ~((xlen_t)all >> base))
		return false;
	*harts = (uint32_t)mask << base;
	return true;
}

/* True when that list is `self` alone, in the way in which Linux names a single hart. */
static inline bool sbi_is_alone(const struct vcpu *self, xlen_t mask, xlen_t base)
{
	return mask == 1 && base == self->id;
}

/* True unless the vCPU is stopped: such ones are left out of what goes to a list of harts. */
static inline bool sbi_is_there(const struct vcpu *vcpu)
{
	return __atomic_load_n(&vcpu->state, __ATOMIC_RELAXED) != VCPU_STOPPED;
}

/*
 * "Shared memory physical address range parameter": host memory behind guest-
 * physical (low, high), `size` bytes that allow `allow`. False when any of it
 * isn't this capsule's, or they aren't in one piece of the host's memory: no piece ends but at a
 * page's end.
 */
bool sbi_memory(const struct capsule *capsule, xlen_t low, xlen_t high, xlen_t size, unsigned allow,
		uint8_t **out);

/*
 * The same for what may be dealt with in parts: `length` gets how much of it lies at `out`, which
 * is all of it unless the capsule's RAM is in several pieces. All of it is checked.
 */
bool sbi_memory_part(const struct capsule *capsule, xlen_t low, xlen_t high, xlen_t size,
		     unsigned allow, uint8_t **out, xlen_t *length);

/* True when the guest may begin to execute at `address` (HSM start_addr, resume_addr). */
bool sbi_can_start_at(const struct capsule *capsule, xlen_t address);

/*
 * Let the calling vCPU sleep, once its call has returned, until an interrupt is pending that its
 * `sie` allows ("HART_SUSPENDED"). It goes on behind the call, or where sbi_resume_at() has said,
 * in the state in which a vCPU starts ("non-retentive").
 */
void sbi_suspend(struct vcpu *vcpu);
void sbi_resume_at(struct vcpu *vcpu, xlen_t address, xlen_t opaque);

/*
 * Send one byte, as the last thing that a call does which blocks until there is room: `a0` and `a1`
 * are its arguments, `value` its result's. While there is none the call is made again, so that
 * interrupts and turns go on meanwhile; SBI_ERR_FAILED when the terminal is stuck.
 */
struct sbi_ret sbi_write_blocking(xlen_t a0, xlen_t a1, xlen_t value);

sbi_handler sbi_base, sbi_time, sbi_ipi, sbi_rfence, sbi_hsm, sbi_srst, sbi_dbcn, sbi_legacy,
	sbi_legacy_putchar, sbi_pmu, sbi_susp, sbi_sta, sbi_fwft;

#endif
