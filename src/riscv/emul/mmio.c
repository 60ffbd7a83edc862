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
#include "riscv/emul/mmio.h"

/* With translation on, everything: whatever instruction and page it is. */
static __attribute__((noinline)) long access_translated(xlen_t satp, bool is_store)
{
	enum where where = virtual_guests() ? VIRTUAL : PLAIN;
	struct context *context = context_of(vcpu_this());
	struct capsule *capsule = context->vcpu.capsule;
	xlen_t pc = csr_read(mepc);
	xlen_t status = csr_read(mstatus);
	xlen_t va = csr_read(mtval);
	struct access_insn insn;
	uint32_t raw;
	xlen_t unused;
	gpa_t at;

	if (!mmio_fetch(pc, status, &raw, &unused))
		return mmio_unfetchable(pc, is_store ? CAUSE_STORE_ACCESS : CAUSE_LOAD_ACCESS, va,
					status);
	if (!decode_access(raw, XLEN, &insn) || insn.store != is_store ||
	    may_be_second_half(va, insn.shape))
		return TRAP_NEEDS_FULL;
	at = mmio_walk(context, satp, va, rights_of(where, status),
		       is_store ? WALK_WRITE : WALK_READ);
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
		return mmio_unfetchable(pc, is_store ? CAUSE_STORE_ACCESS : CAUSE_LOAD_ACCESS, va,
					status);
	if (is_store ? !decode_is_store(raw) : !decode_is_load(raw))
		return access_translated(satp, is_store);
	shape = is_store ? decode_store_shape(raw, XLEN) : decode_load_shape(raw, XLEN);
	if (!shape || may_be_second_half(va, shape))
		return TRAP_NEEDS_FULL;
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

long mmio_access_compressed(xlen_t pc, uint32_t raw, bool is_store, gpa_t at)
{
	struct capsule *capsule = vcpu_this()->capsule;
	struct access_insn insn;

	if (!decode_compressed(raw, XLEN, &insn) || insn.store != is_store ||
	    may_be_second_half(csr_read(mtval), insn.shape))
		return TRAP_NEEDS_FULL;
	return is_store ? store(capsule, pc, insn.shape, insn.reg, at)
			: load(capsule, pc, insn.shape, insn.reg, at);
}

/* With translation off: mtval is the address. */
static inline __attribute__((always_inline)) long access_at_mtval(bool is_store)
{
	struct capsule *capsule = vcpu_this()->capsule;
	xlen_t pc = csr_read(mepc);
	uint32_t raw, shape;
	xlen_t va;

	if (!fetch_directly(capsule, pc, &raw))
		return TRAP_NEEDS_FULL;
	if (is_store ? !decode_is_store(raw) : !decode_is_load(raw))
		return mmio_access_compressed(pc, raw, is_store, (gpa_t){csr_read(mtval)});
	shape = is_store ? decode_store_shape(raw, XLEN) : decode_load_shape(raw, XLEN);
	va = csr_read(mtval);
	if (!shape || may_be_second_half(va, shape))
		return TRAP_NEEDS_FULL;
	return is_store ? store(capsule, pc, shape, decode_rs2(raw), (gpa_t){va})
			: load(capsule, pc, shape, decode_rd(raw), (gpa_t){va});
}

long mmio_load(void)
{
	xlen_t satp = csr_read(satp);

	return translation_is_on(satp) ? load_translated(satp) : access_at_mtval(false);
}

long mmio_load_virtual(void)
{
	xlen_t satp = csr_read(vsatp);

	return translation_is_on(satp) ? load_translated(satp) : access_at_mtval(false);
}

long mmio_store(void)
{
	xlen_t satp = csr_read(satp);

	return translation_is_on(satp) ? store_translated(satp) : access_at_mtval(true);
}

long mmio_store_virtual(void)
{
	xlen_t satp = csr_read(vsatp);

	return translation_is_on(satp) ? store_translated(satp) : access_at_mtval(true);
}
