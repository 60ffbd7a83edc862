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

/* The guest-physical address behind the guest's `va`; false when the guest should get its fault. */
static inline bool translate(const struct capsule *capsule, xlen_t va, xlen_t status,
			     enum walk_access access, gpa_t *out)
{
	xlen_t satp = csr_read(satp);
	struct walk walk;

	if (!translation_is_on(satp)) {
		out->raw = va;
		return true;
	}
	walk = (struct walk){
		.satp = satp,
		.user = !(status & MSTATUS_MPP_S),
		.sum = status & MSTATUS_SUM,
		.mxr = status & MSTATUS_MXR,
		.ram = capsule->space.regions[0].from,
		.ram_size = capsule->space.regions[0].size,
		.ram_host = (const uint8_t *)(uintptr_t)capsule->space.regions[0].to.raw,
	};
	return walk_translate(&walk, XLEN, va, access, out) == WALK_OK;
}

static inline bool fetch_through_guest(xlen_t pc, xlen_t status, uint32_t *insn, xlen_t *at)
{
	xlen_t with = guest_access_status(status) | MSTATUS_MXR;
	long low = guest_fetch16(pc, with);
	long high = 0;

	*at = pc;
	if (low < 0)
		return false;
	if ((low & 3) == 3) {
		*at = pc + 2;
		high = guest_fetch16(pc + 2, with);
		if (high < 0)
			return false;
	}
	*insn = (uint32_t)high << 16 | (uint32_t)low;
	return true;
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

/* The quick fetch: straight from RAM when the guest's translation is off. */
static inline bool fetch(const struct capsule *capsule, xlen_t pc, xlen_t status, uint32_t *insn)
{
	const struct space_region *ram = &capsule->space.regions[0];
	xlen_t at;

	if (translation_is_on(csr_read(satp)))
		return fetch_through_guest(pc, status, insn, &at);

	/* Two bytes at a time: the second half may lie outside. pc is even. */
	if (!range_contains(ram->from.raw, ram->size, pc, 4))
		return false;

	const uint16_t *halves = (const uint16_t *)(uintptr_t)(ram->to.raw + (pc - ram->from.raw));

	*insn = (halves[0] & 3) == 3 ? (uint32_t)halves[1] << 16 | halves[0] : halves[0];
	return true;
}

static inline xlen_t extend(uint64_t value, const struct access_insn *insn)
{
	if (!insn->sign_extend)
		return value;
	switch (insn->size) {
	case 1: return (xlen_t)(int8_t)value;
	case 2: return (xlen_t)(int16_t)value;
	case 4: return (xlen_t)(int32_t)value;
	default: return value;
	}
}

/* True when a short entry has saved the register. */
static inline bool is_saved(unsigned reg)
{
	return (0x3fc77u >> reg) & 1; /* x0-x2, x4-x6, x10-x17 */
}

static const struct mmio_result needs_full = {-1, 0};

struct mmio_result mmio_access(xlen_t cause)
{
	struct vcpu *vcpu = vcpu_this();
	struct capsule *capsule = vcpu->capsule;
	xlen_t pc = csr_read(mepc);
	xlen_t va = csr_read(mtval);
	xlen_t status = csr_read(mstatus);
	struct access_insn insn;
	struct vdev *dev = NULL;
	struct mmio_result result = {0, 0};
	uint32_t raw;
	gpa_t at;

	if (!fetch(capsule, pc, status, &raw)) {
		/* A fetch that faulted has overwritten what the full entry is going to read. */
		csr_write(mepc, pc);
		csr_write(mtval, va);
		csr_write(mcause, cause);
		csr_clear(mstatus, MSTATUS_MPP);
		csr_set(mstatus, status & MSTATUS_MPP);
		return needs_full;
	}
	if (decode_access(raw, XLEN, &insn) && insn.store == (cause == CAUSE_STORE_ACCESS) &&
	    (!insn.store || is_saved(insn.reg)) &&
	    translate(capsule, va, status, insn.store ? WALK_WRITE : WALK_READ, &at))
		dev = vdev_find(&capsule->bus, at, insn.size);
	if (!dev)
		return needs_full;

	lock_take(&capsule->devices_lock);
	if (insn.store) {
		dev->ops->write(dev, at.raw - dev->base.raw, insn.size,
				context_of(vcpu)->x[insn.reg]);
	} else {
		result.value =
			extend(dev->ops->read(dev, at.raw - dev->base.raw, insn.size), &insn);
		result.target = insn.reg;
	}
	lock_drop(&capsule->devices_lock);
	csr_write(mepc, pc + insn.length);
	return result;
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
	if (!decode_access(trap->insn, XLEN, &insn) || insn.store != store ||
	    context->x[insn.base] + (xlen_t)(long)insn.offset != trap->value ||
	    !translate(capsule, trap->value, trap->status, store ? WALK_WRITE : WALK_READ, &at))
		return TRAP_REFLECT;
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
