/* SPDX-License-Identifier: MIT */
/*
 * The long road to a virtual device, with every register in the context: what the short ones
 * leave, and every access that turns out to be none of a device's.
 */
#include "riscv/emul/mmio.h"

gpa_t mmio_walk(const struct context *context, xlen_t satp, xlen_t va, xlen_t rights,
		enum walk_access access)
{
	struct walk walk = context->walk;
	gpa_t at;

	walk.satp = satp;
	walk.user = !(rights & MSTATUS_MPP_S);
	walk.sum = rights & MSTATUS_SUM;
	walk.mxr = rights & MSTATUS_MXR;
	return walk_translate(&walk, XLEN, va, access, &at) == WALK_OK ? at : nowhere;
}

/* With translation on or off. */
static gpa_t translate(const struct context *context, xlen_t va, xlen_t status,
		       enum walk_access access)
{
	enum where where = virtual_guests() ? VIRTUAL : PLAIN;
	xlen_t satp = satp_of(where);

	return translation_is_on(satp)
		       ? mmio_walk(context, satp, va, rights_of(where, status), access)
		       : (gpa_t){va};
}

bool mmio_fetch(xlen_t pc, xlen_t status, uint32_t *insn, xlen_t *at)
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
 * The fault that the probe took is a load's; the guest's own would be a fetch's. With V=1 the
 * guest's page tables tell which: QEMU 7.2 calls both stages' faults page faults under MPRV.
 */
static xlen_t fetch_cause(xlen_t at, xlen_t status)
{
	const struct context *context = context_of(vcpu_this());
	struct walk walk = context->walk;
	gpa_t unused;

	if (!virtual_guests())
		return csr_read(mcause) == CAUSE_LOAD_PAGE ? CAUSE_INSN_PAGE : CAUSE_INSN_ACCESS;
	walk.satp = csr_read(vsatp);
	walk.user = !(status & MSTATUS_MPP_S);
	return walk_translate(&walk, XLEN, at, WALK_EXECUTE, &unused) == WALK_PAGE_FAULT
		       ? CAUSE_INSN_PAGE
		       : CAUSE_INSN_ACCESS;
}

/*
 * MPRV with MXR reads what may be executed. A page that may only be read would
 * pass as well; the guest did execute the instruction a moment ago, and what is
 * emulated from it is bounded by what the guest could do anyway.
 */
bool trap_fetch(xlen_t pc, xlen_t status, uint32_t *insn, xlen_t *cause, xlen_t *at)
{
	if (mmio_fetch(pc, status, insn, at))
		return true;
	*cause = fetch_cause(*at, status);
	return false;
}

long mmio_unfetchable(xlen_t pc, xlen_t cause, xlen_t value, xlen_t status)
{
	csr_write(mepc, pc);
	csr_write(mtval, value);
	csr_write(mcause, cause);
	csr_clear(mstatus, MSTATUS_MPP);
	csr_set(mstatus, status & MSTATUS_MPP);
	return TRAP_NEEDS_FULL;
}

/*
 * What is a store's fault when it is denied: stores of any kind of register, AMOs and
 * store-conditionals ("Zaamo", "Zalrsc"). Not every emulator reports all of them so: QEMU's AMOs,
 * and its walks of a guest's tables that leave the guest's RAM, are always loads'.
 */
static bool stores(uint32_t insn)
{
	enum { STORE = 0x23, STORE_FP = 0x27, AMO = 0x2f, FUNCT5_LR = 2, MISC_MEM = 0x0f };
	unsigned opcode = insn & 0x7f;
	unsigned funct3 = insn >> 13 & 7; /* of a compressed one: c.fsd, c.sw, c.sd and c.fsw */
	struct access_insn unused;

	if ((insn & 3) == 3)
		return opcode == STORE || opcode == STORE_FP || opcode == MISC_MEM ||
		       (opcode == AMO && insn >> 27 != FUNCT5_LR);
	if ((insn & 3) != 1 && funct3 >= 5)
		return true;
	return decode_compressed(insn, XLEN, &unused) && unused.store; /* Zcb */
}

/*
 * Where the access of an instruction whose address is `address` went. After a guest-page fault
 * that is where the hardware located it, if it was this address and not a part of what lies around
 * it. What the hardware doesn't say, the guest's page tables do.
 */
static gpa_t find(const struct context *context, const struct trap *trap, bool is_guest_page,
		  gpa_t located, xlen_t address)
{
	if (is_guest_page && trap->value && trap->value != address)
		return nowhere;
	if (is_guest_page && trap->value && located.raw >= PAGE_SIZE)
		return located;
	return translate(context, address, trap->status,
			 trap->cause == CAUSE_STORE_ACCESS ? WALK_WRITE : WALK_READ);
}

enum trap_result mmio_exception(struct context *context, struct trap *trap)
{
	struct capsule *capsule = context->vcpu.capsule;
	bool is_guest_page = trap->cause >= CAUSE_LOAD_GUEST_PAGE;
	gpa_t located = is_guest_page ? guest_page_address(trap->value) : nowhere;
	bool is_store, own_walk;
	struct access_insn insn;
	struct vdev *dev;
	xlen_t cause, address;
	gpa_t at;

	own_walk = is_guest_page && is_not_of_an_instruction(csr_read(CSR_MTINST));
	trap->cause = virtual_cause(trap->cause);
	is_store = trap->cause == CAUSE_STORE_ACCESS;
	if (!trap_fetch(context->pc, trap->status, &trap->insn, &cause, &address)) {
		trap->cause = cause;
		trap->value = address;
		return TRAP_REFLECT;
	}
	if (own_walk || !decode_access(trap->insn, XLEN, &insn) || insn.store != is_store) {
		if (stores(trap->insn))
			trap->cause = CAUSE_STORE_ACCESS;
		return TRAP_REFLECT;
	}
	/* mtval may be the address of the part that failed, or zero: compute it. */
	address = context->x[insn.base] + (xlen_t)(long)insn.offset;
	at = find(context, trap, is_guest_page, located, address);
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
