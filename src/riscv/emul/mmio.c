/* SPDX-License-Identifier: MIT */
/*
 * A guest's access to a virtual device, which arrives as the load or store
 * access fault of an address that no fence allows.
 *
 * The instruction is fetched with the guest's own rights and decoded; the
 * address in mtval, virtual when translation is on, is walked to a guest-physical
 * one. What turns out not to be a device's is the guest's own access fault.
 *
 * The short road (mmio_load, mmio_store) serves loads, and stores of registers that a short
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

/* The guest-physical address behind the guest's `va`, or `nowhere`. */
static __attribute__((noinline)) gpa_t walk_guest(const struct context *context, xlen_t satp,
						  xlen_t va, xlen_t status, enum walk_access access)
{
	struct walk walk = context->walk;
	gpa_t at;

	walk.satp = satp;
	walk.user = !(status & MSTATUS_MPP_S);
	walk.sum = status & MSTATUS_SUM;
	walk.mxr = status & MSTATUS_MXR;
	return walk_translate(&walk, XLEN, va, access, &at) == WALK_OK ? at : nowhere;
}

/* With translation on or off. */
static gpa_t translate(const struct context *context, xlen_t satp, xlen_t va, xlen_t status,
		       enum walk_access access)
{
	return translation_is_on(satp) ? walk_guest(context, satp, va, status, access)
				       : (gpa_t){va};
}

/* Fetch through the guest's translation, by halves. `at` says where a failing access was. */
static bool fetch_through_guest(xlen_t pc, xlen_t status, uint32_t *insn, xlen_t *at)
{
	xlen_t with = guest_access_status(status) | MSTATUS_MXR;
	long low, high;

	*at = pc;
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

/* A load's value as the register gets it. */
static inline xlen_t extend(uint64_t value, uint32_t shape)
{
	unsigned unused = shape_sign_extends(shape) ? XLEN - 8 * shape_size(shape) : 0;

	return (xlen_t)((long)((xlen_t)value << unused) >> unused);
}

/*
 * mtval of a misaligned access that begins on the page before may be the page's start: where that
 * could be, the full entry computes the address instead.
 */
static inline bool may_be_second_half(xlen_t va, uint32_t shape)
{
	return !(va & (PAGE_SIZE - 1)) && shape_size(shape) > 1;
}

/* True when a short entry has saved the register: x0-x2, x4-x6, x10-x17. */
static inline bool is_saved(unsigned reg)
{
	return (0x3fc77u >> reg) & 1;
}

/*
 * The access itself, once instruction and address are known. In line in each of
 * the roads below, so that what lives across the device's function is little.
 * Results are mmio_load()'s and mmio_store()'s.
 */
static inline __attribute__((always_inline)) long load(struct capsule *capsule, xlen_t pc,
						       uint32_t shape, long reg, gpa_t at)
{
	struct vdev *dev = vdev_find(&capsule->bus, at, shape_size(shape));
	uint64_t value;

	if (!dev)
		return MMIO_NEEDS_FULL;
	csr_write(mepc, pc + shape_length(shape));
	lock_take(&capsule->devices_lock);
	value = dev->ops->read(dev, at.raw - dev->base.raw, shape_size(shape));
	lock_drop(&capsule->devices_lock);
	cpu_of(hart_this())->mmio_value = extend(value, shape);
	return reg;
}

static inline __attribute__((always_inline)) long store(struct capsule *capsule, xlen_t pc,
							uint32_t shape, long reg, gpa_t at)
{
	struct vdev *dev = vdev_find(&capsule->bus, at, shape_size(shape));

	if (!dev || !is_saved(reg))
		return MMIO_NEEDS_FULL;
	csr_write(mepc, pc + shape_length(shape));
	lock_take(&capsule->devices_lock);
	dev->ops->write(dev, at.raw - dev->base.raw, shape_size(shape),
			context_of(vcpu_this())->x[reg]);
	lock_drop(&capsule->devices_lock);
	return 0;
}

/* A fetch that faults overwrites what the full entry is going to read: put it back. */
static __attribute__((noinline)) long unfetchable(xlen_t pc, xlen_t cause, xlen_t value,
						  xlen_t status)
{
	csr_write(mepc, pc);
	csr_write(mtval, value);
	csr_write(mcause, cause);
	csr_clear(mstatus, MSTATUS_MPP);
	csr_set(mstatus, status & MSTATUS_MPP);
	return MMIO_NEEDS_FULL;
}

/* With translation on, everything: whatever instruction and page it is. */
static __attribute__((noinline)) long access_translated(xlen_t satp, bool is_store)
{
	struct context *context = context_of(vcpu_this());
	struct capsule *capsule = context->vcpu.capsule;
	xlen_t pc = csr_read(mepc);
	xlen_t status = csr_read(mstatus);
	xlen_t va = csr_read(mtval);
	struct access_insn insn;
	uint32_t raw;
	xlen_t unused;
	gpa_t at;

	if (!fetch_through_guest(pc, status, &raw, &unused))
		return unfetchable(pc, is_store ? CAUSE_STORE_ACCESS : CAUSE_LOAD_ACCESS, va,
				   status);
	if (!decode_access(raw, XLEN, &insn) || insn.store != is_store ||
	    may_be_second_half(va, insn.shape))
		return MMIO_NEEDS_FULL;
	at = walk_guest(context, satp, va, status, is_store ? WALK_WRITE : WALK_READ);
	return is_store ? store(capsule, pc, insn.shape, insn.reg, at)
			: load(capsule, pc, insn.shape, insn.reg, at);
}

/*
 * With translation on, the usual: an uncompressed instruction, a kernel's plain page.
 * Nothing has been changed when it turns out to be something else.
 */
static inline __attribute__((always_inline)) long access_usual(xlen_t satp, bool is_store)
{
	struct context *context = context_of(vcpu_this());
	xlen_t pc = csr_read(mepc);
	xlen_t status = csr_read(mstatus);
	xlen_t va = csr_read(mtval);
	uint32_t shape;
	long raw;
	gpa_t at;

	if (!(status & MSTATUS_MPP_S) ||
	    !walk_usual(&context->walk, XLEN, satp, va, is_store ? WALK_WRITE : WALK_READ, &at))
		return access_translated(satp, is_store);
	raw = guest_fetch32(pc, guest_access_status(status) | MSTATUS_MXR);
	if (raw == -1)
		return unfetchable(pc, is_store ? CAUSE_STORE_ACCESS : CAUSE_LOAD_ACCESS, va,
				   status);
	if (is_store ? !decode_is_store(raw) : !decode_is_load(raw))
		return access_translated(satp, is_store);
	shape = is_store ? decode_store_shape(raw, XLEN) : decode_load_shape(raw, XLEN);
	if (!shape || may_be_second_half(va, shape))
		return MMIO_NEEDS_FULL;
	return is_store ? store(context->vcpu.capsule, pc, shape, decode_rs2(raw), at)
			: load(context->vcpu.capsule, pc, shape, decode_rd(raw), at);
}

static __attribute__((noinline)) long load_translated(xlen_t satp)
{
	return access_usual(satp, false);
}

static __attribute__((noinline)) long store_translated(xlen_t satp)
{
	return access_usual(satp, true);
}

/* Compressed forms, with translation off. */
static __attribute__((noinline)) long access_compressed(xlen_t pc, uint32_t raw, bool is_store)
{
	struct capsule *capsule = vcpu_this()->capsule;
	gpa_t at = {csr_read(mtval)};
	struct access_insn insn;

	if (!decode_compressed(raw, XLEN, &insn) || insn.store != is_store ||
	    may_be_second_half(at.raw, insn.shape))
		return MMIO_NEEDS_FULL;
	return is_store ? store(capsule, pc, insn.shape, insn.reg, at)
			: load(capsule, pc, insn.shape, insn.reg, at);
}

/*
 * Fetch straight from guest RAM, for translation off. RAM is pages long, and pc is
 * even: an instruction in the last two bytes is left to the full entry. The upper
 * half of what turns out to be a compressed one is arbitrary.
 */
static inline bool fetch_directly(const struct capsule *capsule, xlen_t pc, uint32_t *raw)
{
	const struct space_region *ram = &capsule->space.regions[0];
	const uint16_t *halves = (const uint16_t *)(uintptr_t)(ram->to.raw + (pc - ram->from.raw));

	if (pc - ram->from.raw > ram->size - 4)
		return false;
	*raw = (uint32_t)halves[1] << 16 | halves[0];
	return true;
}

long mmio_load(void)
{
	struct capsule *capsule = vcpu_this()->capsule;
	xlen_t satp = csr_read(satp);
	xlen_t pc = csr_read(mepc);
	uint32_t raw, shape;
	xlen_t va;

	if (translation_is_on(satp))
		return load_translated(satp);
	if (!fetch_directly(capsule, pc, &raw))
		return MMIO_NEEDS_FULL;
	if (!decode_is_load(raw))
		return access_compressed(pc, raw, false);
	shape = decode_load_shape(raw, XLEN);
	va = csr_read(mtval);
	if (!shape || may_be_second_half(va, shape))
		return MMIO_NEEDS_FULL;
	return load(capsule, pc, shape, decode_rd(raw), (gpa_t){va});
}

long mmio_store(void)
{
	struct capsule *capsule = vcpu_this()->capsule;
	xlen_t satp = csr_read(satp);
	xlen_t pc = csr_read(mepc);
	uint32_t raw, shape;
	xlen_t va;

	if (translation_is_on(satp))
		return store_translated(satp);
	if (!fetch_directly(capsule, pc, &raw))
		return MMIO_NEEDS_FULL;
	if (!decode_is_store(raw))
		return access_compressed(pc, raw, true);
	shape = decode_store_shape(raw, XLEN);
	va = csr_read(mtval);
	if (!shape || may_be_second_half(va, shape))
		return MMIO_NEEDS_FULL;
	return store(capsule, pc, shape, decode_rs2(raw), (gpa_t){va});
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
	bool is_store = trap->cause == CAUSE_STORE_ACCESS;
	struct access_insn insn;
	struct vdev *dev;
	xlen_t cause, address;
	gpa_t at;

	if (!trap_fetch(context->pc, trap->status, &trap->insn, &cause, &address)) {
		trap->cause = cause;
		trap->value = address;
		return TRAP_REFLECT;
	}
	if (!decode_access(trap->insn, XLEN, &insn) || insn.store != is_store) {
		if (is_amo_store(trap->insn))
			trap->cause = CAUSE_STORE_ACCESS;
		return TRAP_REFLECT;
	}
	/* mtval may be the address of the part that failed, or zero: compute it. */
	address = context->x[insn.base] + (xlen_t)(long)insn.offset;
	at = translate(context, csr_read(satp), address, trap->status,
		       is_store ? WALK_WRITE : WALK_READ);
	dev = vdev_find(&capsule->bus, at, insn.size);
	if (!dev)
		return TRAP_REFLECT;

	lock_take(&capsule->devices_lock);
	if (is_store) {
		dev->ops->write(dev, at.raw - dev->base.raw, insn.size, context->x[insn.reg]);
	} else {
		uint64_t value = dev->ops->read(dev, at.raw - dev->base.raw, insn.size);

		if (insn.reg)
			context->x[insn.reg] = extend(value, insn.shape);
	}
	lock_drop(&capsule->devices_lock);
	return TRAP_SKIP;
}
