/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer on machine_read(): whatever the host's device tree is, what comes
 * out of it stays inside its own tables, and strings are terminated in the tree.
 */
#include <libfdt.h>
#include <stdlib.h>
#include <string.h>

#include "core/machine.h"
#include "riscv/isa.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_ram(const struct machine *machine)
{
	require(machine->ram_count <= MACHINE_RAM_MAX);
	require(machine->reserved_count <= MACHINE_RESERVED_MAX);
	for (unsigned i = 0; i < machine->ram_count; i++) {
		const struct hpa_range *ram = &machine->ram[i];

		require(ram->size && !(ram->size % PAGE_SIZE) && !(ram->base.raw % PAGE_SIZE));
		require(ram->size <= UINT64_MAX - ram->base.raw);
		require(!i || ram->base.raw >= ram[-1].base.raw + ram[-1].size);
	}
	for (unsigned i = 0; i < machine->reserved_count; i++) {
		const struct hpa_range *range = &machine->reserved[i].range;

		require(range->size && range->size <= UINT64_MAX - range->base.raw);
		require(strlen(machine->reserved[i].name) < INT32_MAX);
	}
}

static void check_harts(const struct machine *machine)
{
	require(machine->hart_count <= MACHINE_HARTS_MAX);
	for (unsigned i = 0; i < machine->hart_count; i++) {
		const struct machine_hart *hart = &machine->harts[i];
		struct isa_text text;
		unsigned xlen;
		isa_set_t set = isa_read(hart, &xlen);

		isa_write(set, xlen ? xlen : 64, &text);
		require(!hart->mmu_type || strlen(hart->mmu_type) < INT32_MAX);
		require(hart->plic_context >= MACHINE_NO_CONTEXT);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct machine machine;
	struct reason why = {""};
	enum status status;
	void *tree = malloc(size);

	memcpy(tree, data, size);
	/* Half of all inputs would fail for the magic alone. */
	if (size >= sizeof(struct fdt_header))
		fdt_set_magic(tree, FDT_MAGIC);
	status = machine_read(tree, size, &machine, &why);
	require(status == OK || why.text[0]);
	require(strlen(machine.model) < INT32_MAX && strlen(machine.bootargs) < INT32_MAX);
	check_ram(&machine);
	check_harts(&machine);
	free(tree);
	return 0;
}
