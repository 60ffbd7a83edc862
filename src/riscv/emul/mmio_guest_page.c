/* SPDX-License-Identifier: MIT */
/*
 * The short road of guests with a second stage of translation: an address that it doesn't map is a
 * guest-page fault, and the hardware has found it already ("Machine Second Trap Value Register").
 */
#include "riscv/emul/mmio.h"

/* The device's part of it. */
static inline __attribute__((always_inline)) long guest_page_usual(xlen_t pc, uint32_t raw,
								   bool is_store)
{
	struct capsule *capsule = vcpu_this()->capsule;
	uint32_t shape;
	xlen_t va;

	if (is_store ? !decode_is_store(raw) : !decode_is_load(raw))
		return mmio_access_compressed(pc, raw, is_store,
					      guest_page_address(csr_read(mtval)));
	shape = is_store ? decode_store_shape(raw, XLEN) : decode_load_shape(raw, XLEN);
	va = csr_read(mtval);
	if (!shape || may_be_second_half(va, shape))
		return TRAP_NEEDS_FULL;
	return is_store ? store(capsule, pc, shape, decode_rs2(raw), guest_page_address(va))
			: load(capsule, pc, shape, decode_rd(raw), guest_page_address(va));
}

/* With translation on. A fetch that fails must leave no trace: see mmio_unfetchable(). */
static inline __attribute__((always_inline)) long guest_page_translated(xlen_t pc, bool is_store)
{
	xlen_t status = csr_read(mstatus);
	xlen_t va = csr_read(mtval);
	xlen_t mtval2 = csr_read(CSR_MTVAL2);
	long raw = guest_fetch32(pc, guest_access_status(status) | MSTATUS_MXR);

	if (raw != -1)
		return guest_page_usual(pc, raw, is_store);
	csr_write(CSR_MTVAL2, mtval2);
	csr_write(CSR_MTINST, 0);
	return mmio_unfetchable(pc, is_store ? CAUSE_STORE_GUEST_PAGE : CAUSE_LOAD_GUEST_PAGE, va,
				status);
}

static __attribute__((noinline)) long load_guest_page_translated(xlen_t pc)
{
	return guest_page_translated(pc, false);
}

static __attribute__((noinline)) long store_guest_page_translated(xlen_t pc)
{
	return guest_page_translated(pc, true);
}

/*
 * A guest-page fault: the hardware has found the address in both stages. Where it doesn't say it,
 * it is an address that no device has, and the full entry walks for it.
 */
static inline __attribute__((always_inline)) long access_guest_page(bool is_store)
{
	xlen_t pc = csr_read(mepc);
	uint32_t raw;

	if (is_not_of_an_instruction(csr_read(CSR_MTINST)))
		return TRAP_NEEDS_FULL;
	if (translation_is_on(csr_read(vsatp)))
		return is_store ? store_guest_page_translated(pc) : load_guest_page_translated(pc);
	if (!fetch_directly(vcpu_this()->capsule, pc, &raw))
		return TRAP_NEEDS_FULL;
	return guest_page_usual(pc, raw, is_store);
}

long mmio_load_guest_page(void)
{
	return access_guest_page(false);
}

long mmio_store_guest_page(void)
{
	return access_guest_page(true);
}
