/* SPDX-License-Identifier: MIT */
/*
 * Finds the guest's devices in its device tree.
 */
#include "kit/mmio.h"

#include "kit/csr.h"
#include "kit/kit.h"

static struct mmio_device find(const char *compatible)
{
	struct mmio_device d = {0, 0, 0};
	uint64_t base, size;
	int node = fdt_next_with(&kit.fdt, -1, "compatible", compatible);

	if (node >= 0 && fdt_reg(&kit.fdt, node, 0, &base, &size)) {
		d.base = (unsigned long)base;
		d.size = (unsigned long)size;
		d.irq = fdt_cell(&kit.fdt, node, "interrupts", 0, 0);
	}
	return d;
}

struct mmio_device mmio_uart(void)
{
	return find("ns16550a");
}

/* Guests must expect either name. */
struct mmio_device mmio_plic(void)
{
	struct mmio_device d = find("sifive,plic-1.0.0");

	return d.base ? d : find("riscv,plic0");
}

/* The phandle of the interrupt controller inside the cpu node of a hart. */
static uint32_t hart_controller(unsigned long id)
{
	uint64_t hart, size;
	int node = -1;

	while ((node = fdt_next_with(&kit.fdt, node, "compatible", "riscv,cpu-intc")) >= 0) {
		int cpu = fdt_parent(&kit.fdt, node);

		if (fdt_reg(&kit.fdt, cpu, 0, &hart, &size) && hart == id)
			return fdt_cell(&kit.fdt, node, "phandle", 0, 0);
	}
	return 0;
}

int mmio_plic_context(void)
{
	return mmio_plic_context_of(kit.hart);
}

int mmio_plic_context_of(unsigned long hart)
{
	uint32_t phandle = hart_controller(hart), cell;
	int node = fdt_next_with(&kit.fdt, -1, "compatible", "sifive,plic-1.0.0");

	if (node < 0)
		node = fdt_next_with(&kit.fdt, -1, "compatible", "riscv,plic0");
	for (uint32_t i = 0; (cell = fdt_cell(&kit.fdt, node, "interrupts-extended", i, 0));
	     i += 2) {
		if (cell == phandle &&
		    fdt_cell(&kit.fdt, node, "interrupts-extended", i + 1, 0) == IRQ_EXTERNAL)
			return (int)(i / 2);
	}
	return -1;
}
