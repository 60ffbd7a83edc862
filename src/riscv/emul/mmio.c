/* SPDX-License-Identifier: MIT */
/*
 * A guest's access to a virtual device, which arrives as the load or store
 * access fault of an address that no fence allows.
 *
 * The instruction is fetched with the guest's own rights and decoded; the
 * address in mtval, virtual when translation is on, is walked to a guest-physical
 * one. What turns out not to be a device's is the guest's own access fault.
 *
 * The short road (mmio_access) serves loads, and stores of registers that a short
 * entry saves. Everything else comes again, with every register in the context
 * (mmio_exception): CSRs that a failed fetch changed are put back before.
 */
#include "core/arch.h"
#include "core/capsule.h"
#include "riscv/access.h"
#include "riscv/cpu.h"
#include "riscv/csr.h"
#include "riscv/emul/decode.h"
#include "riscv/emul/walk.h"
#include "riscv/trap.h"

static inline bool translation_is_on(xlen_t satp)
{
	return satp >> (XLEN == 64 ? 60 : 31) != 0;
}

/* An address that no device has: what stands for "the guest should get its fault". */
static const gpa_t nowhere = {~(uint64_t)0};

/* Out of line, so that the road without translation saves no registers for it. */
static __attribute__((noinline)) gpa_t walk_guest(const struct capsule *capsule, xlen_t satp,
						  xlen_t va, xlen_t status, bool store)
{
	const struct space_region *ram = &capsule->space.regions[0];
	struct walk walk = {
		.satp = satp,
		.user = !(status & MSTATUS_MPP_S),
		.sum = status & MSTATUS_SUM,
		.mxr = status & MSTATUS_MXR,
		.ram = ram->from,
		.ram_size = ram->size,
		.ram_host = (const uint8_t *)(uintptr_t)ram->to.raw,
	};
	gpa_t at;

	return walk_translate(&walk, XLEN, va, store ? WALK_WRITE : WALK_READ, &at) == WALK_OK
		       ? at
		       : nowhere;
}

/* The guest-physical address behind the guest's `va`. */
static inline gpa_t translate(const struct capsule *capsule, xlen_t satp, xlen_t va, xlen_t status,
			      bool store)
{
	if (!translation_is_on(satp))
		return (gpa_t){va};
	return walk_guest(capsule, satp, va, status, store);
}

/*
 * Fetch through the guest's translation. An aligned word can't cross a page and is one
 * access; else each half is its own. `at` says where a failing access was.
 */
static inline bool fetch_through_guest(xlen_t pc, xlen_t status, uint32_t *insn, xlen_t *at)
{
	xlen_t with = guest_access_status(status) | MSTATUS_MXR;
	long low, high;

	*at = pc;
	if (XLEN == 64 && !(pc & 3)) {
		low = guest_fetch32(pc, with);
		*insn = (uint32_t)low;
		return low >= 0;
	}
	low = guest_fetch16(pc, with);
	if (low < 0)
		return false;
	*insn = (uint32_t)low;
	if ((low & 3) != 3)
		return true;
	*at = pc + 2;
	high = guest_fetch16(pc + 2, with);
	*insn |= (uint32_t)high << 16;
	return high >= 0;
}

/*
 * MPRV with MXR reads what may be executed. A page that may only be read would
 * pass as well; the guest did execute the instruction a moment ago, and what is
 * emulated from it is bounded by what the guest could do anyway.
 */
bool trap_fetch(xlen_t pc, xlen_t status, uint32_t *insn, xlen_t *cause, xlen_t *at)
{
	if (fetch_through_guest(pc, status, insn, at))
		return true;
	/* The fault that the probe took is a load's; the guest's own would be a fetch's. */
	*cause = csr_read(mcause) == CAUSE_LOAD_PAGE ? CAUSE_INSN_PAGE : CAUSE_INSN_ACCESS;
	return false;
}

/*
 * The instruction at the guest's pc: straight from its RAM while its translation is off.
 * The upper half of what turns out to be a compressed one is arbitrary.
 */
static inline bool fetch(const struct capsule *capsule, xlen_t satp, xlen_t pc, xlen_t status,
			 uint32_t *insn)
{
	const struct space_region *ram = &capsule->space.regions[0];
	const uint16_t *halves;
	xlen_t at;

	if (translation_is_on(satp))
		return fetch_through_guest(pc, status, insn, &at);

	/* RAM is pages long, and pc is even: the last two bytes are left to the full entry. */
	if (pc - ram->from.raw > ram->size - 4)
		return false;
	halves = (const uint16_t *)(uintptr_t)(ram->to.raw + (pc - ram->from.raw));
	*insn = (uint32_t)halves[1] << 16 | halves[0];
	return true;
}

static inline xlen_t extend(uint64_t value, const struct access_insn *insn)
{
	unsigned unused = XLEN - 8 * insn->size;

	return insn->sign_extend ? (xlen_t)((long)((xlen_t)value << unused) >> unused) : value;
}

/* True when a short entry has saved the register: x0-x2, x4-x6, x10-x17. */
static inline bool is_saved(unsigned reg)
{
	return (0x3fc77u >> reg) & 1;
}

/* A fetch that faulted has overwritten what the full entry is going to read. */
static struct mmio_result needs_full(xlen_t cause, xlen_t pc, xlen_t va, xlen_t status)
{
	csr_write(mepc, pc);
	csr_write(mtval, va);
	csr_write(mcause, cause);
	csr_clear(mstatus, MSTATUS_MPP);
	csr_set(mstatus, status & MSTATUS_MPP);
	return (struct mmio_result){-1, 0};
}

struct mmio_result mmio_access(xlen_t cause)
{
	struct vcpu *vcpu = vcpu_this();
	struct capsule *capsule = vcpu->capsule;
	xlen_t satp = csr_read(satp);
	xlen_t pc = csr_read(mepc);
	xlen_t va = csr_read(mtval);
	xlen_t status = csr_read(mstatus);
	struct mmio_result result = {0, 0};
	struct access_insn insn;
	struct vdev *dev;
	uint32_t raw;
	gpa_t at;

	if (!fetch(capsule, satp, pc, status, &raw) || !decode_access(raw, XLEN, &insn) ||
	    insn.store != (cause == CAUSE_STORE_ACCESS) || (insn.store && !is_saved(insn.reg)))
		return needs_full(cause, pc, va, status);
	at = translate(capsule, satp, va, status, insn.store);
	dev = vdev_find(&capsule->bus, at, insn.size);
	if (!dev)
		return needs_full(cause, pc, va, status);

	csr_write(mepc, pc + insn.length);
	lock_take(&capsule->devices_lock);
	if (insn.store) {
		dev->ops->write(dev, at.raw - dev->base.raw, insn.size,
				context_of(vcpu)->x[insn.reg]);
	} else {
		result.target = insn.reg;
		result.value =
			extend(dev->ops->read(dev, at.raw - dev->base.raw, insn.size), &insn);
	}
	lock_drop(&capsule->devices_lock);
	return result;
}

/*
 * An AMO or a store-conditional that was denied is a store's fault ("Zaamo", "Zalrsc"), which not
 * every emulator reports so.
 */
static bool is_amo_store(uint32_t insn)
{
	enum { OPCODE_AMO = 0x2f, FUNCT5_LR = 2 };

	return (insn & 0x7f) == OPCODE_AMO && insn >> 27 != FUNCT5_LR;
}

enum trap_result mmio_exception(struct context *context, struct trap *trap)
{
	struct capsule *capsule = context->vcpu.capsule;
	bool store = trap->cause == CAUSE_STORE_ACCESS;
	struct access_insn insn;
	struct vdev *dev;
	xlen_t cause, address;
	gpa_t at;

	if (!trap_fetch(context->pc, trap->status, &trap->insn, &cause, &address)) {
		trap->cause = cause;
		trap->value = address;
		return TRAP_REFLECT;
	}
	if (!decode_access(trap->insn, XLEN, &insn) || insn.store != store) {
		if (is_amo_store(trap->insn))
			trap->cause = CAUSE_STORE_ACCESS;
		return TRAP_REFLECT;
	}
	/* mtval may be the address of the part that failed, or zero: compute it. */
	address = context->x[insn.base] + (xlen_t)(long)insn.offset;
	at = translate(capsule, csr_read(satp), address, trap->status, store);
	dev = vdev_find(&capsule->bus, at, insn.size);
	if (!dev)
		return TRAP_REFLECT;

	lock_take(&capsule->devices_lock);
	if (store) {
		dev->ops->write(dev, at.raw - dev->base.raw, insn.size, context->x[insn.reg]);
	} else {
		uint64_t value = dev->ops->read(dev, at.raw - dev->base.raw, insn.size);

		if (insn.reg)
			context->x[insn.reg] = extend(value, &insn);
	}
	lock_drop(&capsule->devices_lock);
	return TRAP_SKIP;
}
