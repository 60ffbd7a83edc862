/* SPDX-License-Identifier: MIT */
#include "riscv/pmp/pmp.h"

#include "core/arch.h"
#include "core/assert.h"
#include "core/lock.h"
#include "riscv/access.h"
#include "riscv/fence.h"
#include "riscv/hext/hext.h"
#include "riscv/pmp/encode.h"
#include "riscv/virtual.h"

/* The coarsest grain of all harts, by which regions are placed; pmp_probe() raises it. */
static uint64_t grain = PAGE_SIZE;
static struct lock grain_lock;

/*
 * Entries are cached with translations: after a change everything below M-mode
 * must be fenced ("Physical Memory Protection and Paging"), or a hart goes on
 * with the old rights. Emulators forgive this; hardware doesn't.
 */
void pmp_fence(struct cpu *cpu)
{
	fence_pages();
	if (cpu->has_hypervisor)
		fence_second_stage(); /* "Memory-Management Fences": what two stages have cached */
	cpu->pmp_dirty = false;
}

static void write_config(struct cpu *cpu, unsigned slot, uint8_t config)
{
	unsigned csr = pmp_config_csr(slot, XLEN);
	unsigned shift = pmp_config_shift(slot, XLEN);
	xlen_t value = 0;

	cpu->pmp_dirty = true;
	pmp_read_config(csr, &value);
	pmp_write_config(csr, (value & ~((xlen_t)0xff << shift)) | (xlen_t)config << shift);
}

static uint8_t read_config(unsigned slot)
{
	xlen_t value = 0;

	pmp_read_config(pmp_config_csr(slot, XLEN), &value);
	return value >> pmp_config_shift(slot, XLEN);
}

static void write_address(struct cpu *cpu, unsigned slot, xlen_t address)
{
	cpu->pmp_dirty = true;
	pmp_write_address(slot, address);
}

/* True when the slot exists and does what it is told. `mode` is NAPOT: TOR is needed as well. */
static bool slot_works(struct cpu *cpu, unsigned slot)
{
	xlen_t address = 0;
	bool works;

	write_address(cpu, slot, (xlen_t)-1 >> 10);
	if (!pmp_read_address(slot, &address) || address == 0)
		return false;
	write_config(cpu, slot, PMP_TOR);
	works = read_config(slot) == PMP_TOR;
	write_config(cpu, slot, PMP_NAPOT);
	works = works && read_config(slot) == PMP_NAPOT;
	write_config(cpu, slot, PMP_OFF);
	write_address(cpu, slot, 0);
	return works;
}

/* "The granularity can be determined by writing zero to pmp0cfg, then all ones to pmpaddr0". */
static uint64_t measure_grain(struct cpu *cpu)
{
	uint64_t size = 4;
	xlen_t address = 0;

	write_config(cpu, 0, PMP_OFF);
	write_address(cpu, 0, (xlen_t)-1);
	pmp_read_address(0, &address);
	write_address(cpu, 0, 0);
	while (address && !(address & 1)) {
		address >>= 1;
		size <<= 1;
	}
	return size;
}

void pmp_probe(struct cpu *cpu)
{
	unsigned slots = 0;

	for (unsigned slot = 0; slot < PMP_SLOTS_MAX; slot++) {
		if (read_config(slot) & PMP_L)
			cpu->pmp_locked = true;
		write_config(cpu, slot, PMP_OFF);
	}
	while (!cpu->pmp_locked && slots < PMP_SLOTS_MAX && slot_works(cpu, slots))
		slots++;
	cpu->pmp_slots = slots;
	if (slots) {
		cpu->pmp_grain = measure_grain(cpu);
		lock_take(&grain_lock);
		if (cpu->pmp_grain > grain)
			grain = cpu->pmp_grain;
		lock_drop(&grain_lock);
	}
	pmp_fence(cpu);
}

uint64_t pmp_grain(void)
{
	return grain;
}

static uint64_t alignment(void)
{
	return grain > MIB(2 * 64 / XLEN) ? grain : MIB(2 * 64 / XLEN);
}

static uint64_t best_alignment(uint64_t size)
{
	(void)size;
	return alignment();
}

static gpa_t guest_address(hpa_t ram)
{
	return (gpa_t){ram.raw};
}

static enum status map(struct space *space, gpa_t from, hpa_t to, uint64_t size, unsigned allow,
		       struct reason *why)
{
	enum status status;

	if (from.raw != to.raw)
		return refuse(why, ERR_RANGE,
			      "guest address 0x%lx can't be host address 0x%lx: PMP doesn't "
			      "translate",
			      (unsigned long)from.raw, (unsigned long)to.raw);
	if (space->region_count == SPACE_REGIONS_MAX)
		return refuse(why, ERR_LIMIT, "a capsule has at most %u regions of memory",
			      SPACE_REGIONS_MAX);
	status = pmp_encode(space->entries, &space->entry_count, PMP_SLOT_GUEST_COUNT, to.raw, size,
			    allow, grain, XLEN, why);
	if (status != OK)
		return status;
	space->regions[space->region_count++] = (struct space_region){from, to, size, allow};
	space->config = 0;
	for (unsigned i = 0; i < space->entry_count; i++)
		space->config |= (xlen_t)space->entries[i].config << pmp_config_shift(i, XLEN);
	return OK;
}

static void unmap(struct space *space)
{
	space->region_count = 0;
	space->entry_count = 0;
	space->config = 0;
}

/*
 * Modes off first, then addresses, then modes: never is a half-written entry in
 * force, though nothing runs below us meanwhile. The guest's slots are all there is
 * in pmpcfg0 on RV32, and on RV64 the rest of it is off.
 */
static void activate(const struct space *space)
{
	struct cpu *cpu = cpu_of(hart_this());

	_Static_assert(PMP_SLOT_GUEST_FIRST == 0 && PMP_SLOT_GUEST_COUNT == 4,
		       "the CSRs below are the guest's slots");
	hext_leave(cpu);
	cpu->pmp_dirty = true;
	csr_write(pmpcfg0, 0);
	csr_write(pmpaddr0, space->entries[0].address);
	csr_write(pmpaddr1, space->entries[1].address);
	if (space->entry_count > 2) { /* more are off, and their addresses mean nothing */
		csr_write(pmpaddr2, space->entries[2].address);
		csr_write(pmpaddr3, space->entries[3].address);
	}
	csr_write(pmpcfg0, space->config);
	pmp_fence(cpu);
}

enum status pmp_verify(const struct pmp_entry *entries, unsigned count, struct reason *why)
{
	for (unsigned i = 0; i < count; i++) {
		unsigned slot = PMP_SLOT_GUEST_FIRST + i;
		uint8_t config = read_config(slot);
		xlen_t address = 0;

		pmp_read_address(slot, &address);
		if (address != entries[i].address || config != entries[i].config)
			return refuse(why, ERR_LIMIT,
				      "PMP entry %u reads back as 0x%lx (0x%x) instead of 0x%lx "
				      "(0x%x)",
				      slot, address, config, entries[i].address, entries[i].config);
	}
	return OK;
}

static enum status verify(const struct space *space, struct reason *why)
{
	return pmp_verify(space->entries, space->entry_count, why);
}

const struct isolation_ops pmp_isolation = {
	.name = "pmp",
	.alignment = alignment,
	.best_alignment = best_alignment,
	.guest_address = guest_address,
	.map = map,
	.unmap = unmap,
	.activate = activate,
	.verify = verify,
};
