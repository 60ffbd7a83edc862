/* SPDX-License-Identifier: MIT */
/*
 * Writes a guest's device tree with libfdt's sequential functions, which need
 * no memory besides the result. An error sticks in the writer and makes all that
 * follows do nothing, so that it is looked at once, at the end.
 */
#include "core/guest_tree.h"
#include "core/machine.h"
#include "lib/print.h"
#include "lib/string.h"

#include <libfdt.h>

enum {
	IRQ_S_EXTERNAL = 9, /* privileged specification, scause */
	NAME_SIZE = 64,
	UART_SPEED = 115200,
};

struct writer {
	void *fdt;
	int error;
};

static void note(struct writer *w, int result)
{
	if (!w->error && result < 0)
		w->error = result;
}

static void begin(struct writer *w, const char *name)
{
	if (!w->error)
		note(w, fdt_begin_node(w->fdt, name));
}

/* A node that has an address in its name. */
static void begin_at(struct writer *w, const char *name, uint64_t at)
{
	char text[NAME_SIZE];

	print_text(text, sizeof(text), "%s@%" PRIx64, name, at);
	begin(w, text);
}

static void end(struct writer *w)
{
	if (!w->error)
		note(w, fdt_end_node(w->fdt));
}

static void put(struct writer *w, const char *name, const void *value, unsigned size)
{
	if (!w->error)
		note(w, fdt_property(w->fdt, name, value, (int)size));
}

static void put_flag(struct writer *w, const char *name)
{
	put(w, name, "", 0);
}

static void put_text(struct writer *w, const char *name, const char *value)
{
	put(w, name, value, strlen(value) + 1);
}

static void put_cell(struct writer *w, const char *name, uint32_t value)
{
	if (!w->error)
		note(w, fdt_property_u32(w->fdt, name, value));
}

/* Two cells: an address or a size where #address-cells and #size-cells are 2. */
static void put_wide(struct writer *w, const char *name, uint64_t value)
{
	if (!w->error)
		note(w, fdt_property_u64(w->fdt, name, value));
}

static void put_reg(struct writer *w, gpa_t base, uint64_t size)
{
	fdt64_t cells[2] = {cpu_to_fdt64(base.raw), cpu_to_fdt64(size)};

	put(w, "reg", cells, sizeof(cells));
}

static void put_address_cells(struct writer *w, uint32_t address, uint32_t size)
{
	put_cell(w, "#address-cells", address);
	put_cell(w, "#size-cells", size);
}

/* Phandles: 1 to vcpus are the vCPUs' interrupt controllers, the next is the PLIC. */
static uint32_t vcpu_phandle(uint32_t vcpu)
{
	return vcpu + 1;
}

static uint32_t plic_phandle(const struct guest_tree *tree)
{
	return tree->vcpus + 1;
}

static void write_chosen(struct writer *w, const struct guest_tree *tree)
{
	char text[NAME_SIZE];

	begin(w, "chosen");
	if (*tree->bootargs)
		put_text(w, "bootargs", tree->bootargs);
	print_text(text, sizeof(text), "/soc/serial@%" PRIx64 ":%un8", tree->uart.raw, UART_SPEED);
	put_text(w, "stdout-path", text);
	if (tree->seed)
		put(w, "rng-seed", tree->seed, SEED_SIZE);
	if (tree->initrd_size) {
		put_wide(w, "linux,initrd-start", tree->initrd.raw);
		put_wide(w, "linux,initrd-end", tree->initrd.raw + tree->initrd_size);
	}
	end(w);
}

static void write_memory(struct writer *w, const struct guest_tree *tree)
{
	begin_at(w, "memory", tree->ram.raw);
	put_text(w, "device_type", "memory");
	put_reg(w, tree->ram, tree->ram_size);
	end(w);
}

/* Old kernels read riscv,isa, new ones riscv,isa-base and riscv,isa-extensions. */
static void write_cpu(struct writer *w, const struct guest_tree *tree, uint32_t vcpu)
{
	begin_at(w, "cpu", vcpu);
	put_text(w, "device_type", "cpu");
	put_text(w, "compatible", "riscv");
	put_cell(w, "reg", vcpu);
	put_text(w, "status", "okay");
	put_text(w, "riscv,isa", tree->isa);
	put_text(w, "riscv,isa-base", tree->isa_base);
	put(w, "riscv,isa-extensions", tree->extensions, tree->extensions_length);
	put_text(w, "mmu-type", tree->mmu_type);
	for (unsigned i = 0; i < MACHINE_BLOCKS; i++)
		if (tree->block_shifts[i])
			put_cell(w, machine_block_names[i], (uint32_t)1 << tree->block_shifts[i]);
	begin(w, "interrupt-controller");
	put_text(w, "compatible", "riscv,cpu-intc");
	put_flag(w, "interrupt-controller");
	put_cell(w, "#address-cells", 0);
	put_cell(w, "#interrupt-cells", 1);
	put_cell(w, "phandle", vcpu_phandle(vcpu));
	end(w);
	end(w);
}

static void write_cpus(struct writer *w, const struct guest_tree *tree)
{
	begin(w, "cpus");
	put_address_cells(w, 1, 0);
	put_cell(w, "timebase-frequency", tree->timebase);
	for (uint32_t vcpu = 0; vcpu < tree->vcpus && !w->error; vcpu++)
		write_cpu(w, tree, vcpu);
	end(w);
}

/* interrupts-extended: for each context the controller it goes to, and the line there. */
static void put_contexts(struct writer *w, const struct guest_tree *tree)
{
	void *value;

	if (w->error)
		return;
	if (tree->vcpus > INT32_MAX / (2 * sizeof(fdt32_t))) {
		note(w, -FDT_ERR_NOSPACE);
		return;
	}
	note(w, fdt_property_placeholder(w->fdt, "interrupts-extended",
					 (int)(tree->vcpus * 2 * sizeof(fdt32_t)), &value));
	for (uint32_t vcpu = 0; vcpu < tree->vcpus && !w->error; vcpu++) {
		fdt32_t *cells = (fdt32_t *)value + 2 * vcpu;

		cells[0] = cpu_to_fdt32(vcpu_phandle(vcpu));
		cells[1] = cpu_to_fdt32(IRQ_S_EXTERNAL);
	}
}

static void write_plic(struct writer *w, const struct guest_tree *tree)
{
	static const char compatible[] = "sifive,plic-1.0.0\0riscv,plic0";

	begin_at(w, "plic", tree->plic.raw);
	put(w, "compatible", compatible, sizeof(compatible));
	put_reg(w, tree->plic, tree->plic_size);
	put_flag(w, "interrupt-controller");
	put_cell(w, "#address-cells", 0);
	put_cell(w, "#interrupt-cells", 1);
	put_contexts(w, tree);
	put_cell(w, "riscv,ndev", tree->plic_sources);
	put_cell(w, "phandle", plic_phandle(tree));
	end(w);
}

static void write_uart(struct writer *w, const struct guest_tree *tree)
{
	begin_at(w, "serial", tree->uart.raw);
	put_text(w, "compatible", "ns16550a");
	put_reg(w, tree->uart, tree->uart_size);
	put_cell(w, "clock-frequency", tree->uart_clock);
	put_cell(w, "current-speed", UART_SPEED);
	put_cell(w, "interrupts", tree->uart_irq);
	put_cell(w, "interrupt-parent", plic_phandle(tree));
	end(w);
}

static void write_soc(struct writer *w, const struct guest_tree *tree)
{
	begin(w, "soc");
	put_text(w, "compatible", "simple-bus");
	put_address_cells(w, 2, 2);
	put_flag(w, "ranges");
	write_plic(w, tree);
	write_uart(w, tree);
	end(w);
}

static void write_root(struct writer *w, const struct guest_tree *tree)
{
	char model[NAME_SIZE];

	print_text(model, sizeof(model), "Diosix capsule %s", tree->name);
	begin(w, "");
	put_address_cells(w, 2, 2);
	put_text(w, "compatible", "diosix,capsule");
	put_text(w, "model", model);
	write_chosen(w, tree);
	write_memory(w, tree);
	write_cpus(w, tree);
	write_soc(w, tree);
	end(w);
}

enum status guest_tree_build(const struct guest_tree *tree, void *out, size_t size, size_t *length,
			     struct reason *why)
{
	struct writer w = {.fdt = out};

	note(&w, fdt_create(out, size < INT32_MAX ? (int)size : INT32_MAX));
	if (!w.error)
		note(&w, fdt_finish_reservemap(out));
	write_root(&w, tree);
	if (!w.error)
		note(&w, fdt_finish(out));
	if (w.error)
		return refuse(why, ERR_LIMIT,
			      "the device tree for %" PRIu32 " vCPUs does not fit in %lu bytes: %s",
			      tree->vcpus, (unsigned long)size, fdt_strerror(w.error));
	*length = fdt_totalsize(out);
	if (*length + GUEST_TREE_SLACK <= size)
		fdt_set_totalsize(out, *length + GUEST_TREE_SLACK);
	return OK;
}
