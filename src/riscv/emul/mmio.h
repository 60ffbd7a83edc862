/* SPDX-License-Identifier: MIT */
/*
 * What the roads to a virtual device have in common (mmio.c, mmio_guest_page.c, mmio_full.c). In
 * line in each of them, so that the short ones stay short.
 */
#ifndef RISCV_EMUL_MMIO_H
#define RISCV_EMUL_MMIO_H

#include "core/arch.h"
#include "core/capsule.h"
#include "riscv/access.h"
#include "riscv/cpu.h"
#include "riscv/csr.h"
#include "riscv/emul/decode.h"
#include "riscv/emul/walk.h"
#include "riscv/trap.h"
#include "riscv/virtual.h"

/*
 * Where the supervisor's state of the guest is: constant in each of the short roads, so that none
 * of them asks for it.
 */
enum where { PLAIN, VIRTUAL };

static inline __attribute__((always_inline)) xlen_t satp_of(enum where where)
{
	return where == VIRTUAL ? csr_read(vsatp) : csr_read(satp);
}

/* SUM and MXR, and MPP of the trap. */
static inline __attribute__((always_inline)) xlen_t rights_of(enum where where, xlen_t status)
{
	if (where == VIRTUAL)
		return (status & MSTATUS_MPP) | (csr_read(vsstatus) & (MSTATUS_SUM | MSTATUS_MXR));
	return status;
}

static inline bool translation_is_on(xlen_t satp)
{
	return satp >> (XLEN == 64 ? 60 : 31) != 0;
}

/* An address that no device has: what stands for "the guest should get its fault". */
static const gpa_t nowhere = {~(uint64_t)0};

/* The guest-physical address behind the guest's `va`, or `nowhere`. `rights`: rights_of(). */
gpa_t mmio_walk(const struct context *context, xlen_t satp, xlen_t va, xlen_t rights,
		enum walk_access access);

/* Fetch through the guest's translation, by halves. `at` says where a failing access was. */
bool mmio_fetch(xlen_t pc, xlen_t status, uint32_t *insn, xlen_t *at);

/*
 * A fetch that faults overwrites what the full entry is going to read: put it back. The result is
 * MMIO_NEEDS_FULL.
 */
long mmio_unfetchable(xlen_t pc, xlen_t cause, xlen_t value, xlen_t status);

/*
 * The short road's end for a compressed instruction, which `raw` turned out to be, or none that is
 * a load or store: the access to guest-physical `at`, which isn't walked for. Results are
 * mmio_load()'s and mmio_store()'s.
 */
long mmio_access_compressed(xlen_t pc, uint32_t raw, bool is_store, gpa_t at);

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

/* True when the context has the register after a short entry; x0 reads as zero there. */
static inline bool is_saved(unsigned reg)
{
	return ((CONTEXT_SHORT_SAVED | 1u) >> reg) & 1;
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
		return TRAP_NEEDS_FULL;
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
		return TRAP_NEEDS_FULL;
	csr_write(mepc, pc + shape_length(shape));
	lock_take(&capsule->devices_lock);
	dev->ops->write(dev, at.raw - dev->base.raw, shape_size(shape),
			context_of(vcpu_this())->x[reg]);
	lock_drop(&capsule->devices_lock);
	return 0;
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

/*
 * True when it was the guest's own walk that left its RAM: mtinst has one of the pseudoinstructions
 * for that (0x2000, 0x2020, 0x3000, 0x3020), or something that no specification knows yet. A
 * transformed instruction has bit 0 set, whatever else it may be, and 0 says nothing.
 */
static inline bool is_not_of_an_instruction(xlen_t mtinst)
{
	return mtinst && !(mtinst & 1);
}

/* mtval2 has the upper bits of the guest-physical address that failed, or 0. */
static inline gpa_t guest_page_address(xlen_t va)
{
	return (gpa_t){(uint64_t)csr_read(CSR_MTVAL2) << 2 | (va & 3)};
}

#endif
