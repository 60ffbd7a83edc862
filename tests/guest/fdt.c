/* SPDX-License-Identifier: MIT */
/*
 * Subject fdt: the device tree that the guest is given parses, holds what a
 * guest needs, and describes nothing that the guest can't reach.
 */
#include "kit/fdt.h"

#include "kit/csr.h"
#include "kit/kit.h"
#include "kit/mmio.h"
#include "kit/string.h"
#include "kit/test.h"
#include "subjects.h"

/* What tests/guest/guest-tests.its asks for: memory-base and memory-mib. */
#define MANIFEST_BASE 0x84000000UL
#define MANIFEST_SIZE (32UL << 20)

static const struct fdt *f = &kit.fdt;

static void check_memory(void)
{
	int node = fdt_next_with(f, -1, "device_type", "memory");

	test_true(node >= 0, "there is a memory node");
	test_true(kit.ram_size != 0, "a memory node holds the image");
	/* Firmware passes on the machine's memory. */
	if (!kit.diosix) {
		test_skip("not a capsule", "memory is what the manifest says");
		return;
	}
	test_equal(MANIFEST_BASE, (unsigned long)kit.ram_base, "memory starts where it should");
	test_equal(MANIFEST_SIZE, (unsigned long)kit.ram_size, "memory is as large as it should");
	test_equal(-1UL, (unsigned long)(long)fdt_next_with(f, node, "device_type", "memory"),
		   "there is no other memory node");
	test_true((unsigned long)f->blob >= MANIFEST_BASE &&
			  f->size <= MANIFEST_SIZE - ((unsigned long)f->blob - MANIFEST_BASE),
		  "the device tree lies in it");
}

static void check_cpu(void)
{
	int cpu = fdt_next_with(f, -1, "device_type", "cpu");
	const char *isa = fdt_string(f, cpu, "riscv,isa", "");
	uint64_t hart = ~0UL, size;

	test_true(cpu >= 0 && fdt_reg(f, cpu, 0, &hart, &size), "there is a cpu node with a reg");
	test_true(fdt_cell(f, fdt_path(f, "/cpus"), "timebase-frequency", 0, 0) != 0,
		  "the timebase is given");
	test_true(!strncmp(isa, XLEN == 64 ? "rv64i" : "rv32i", 5), "riscv,isa has this width");
	test_true(fdt_next_with(f, cpu, "compatible", "riscv,cpu-intc") >= 0,
		  "the hart has its interrupt controller");
	if (!kit.diosix) {
		test_skip("not a capsule", "one cpu, its ISA in both forms");
		return;
	}
	test_equal(kit.hart, (unsigned long)hart, "the cpu is the one that runs");
	test_equal(-1UL, (unsigned long)(long)fdt_next_with(f, cpu, "device_type", "cpu"),
		   "there is one cpu");
	test_true(fdt_property(f, cpu, "riscv,isa-base", NULL) &&
			  fdt_property(f, cpu, "riscv,isa-extensions", NULL),
		  "riscv,isa-base and riscv,isa-extensions are there as well");
	test_true(!strcmp(fdt_string(f, cpu, "riscv,isa-base", ""), XLEN == 64 ? "rv64i" : "rv32i"),
		  "riscv,isa-base has this width");
	/* The letters of single-letter extensions end at the first underscore. */
	for (const char *c = isa + 4; *c && *c != '_'; c++) {
		if (*c == 'h')
			test_true(false, "the hypervisor extension is not offered");
	}
	test_true(!!fdt_property(f, cpu, "mmu-type", NULL), "mmu-type is given");
	test_true(!strcmp(fdt_string(f, cpu, "status", "okay"), "okay"), "the cpu is okay");
}

static void check_devices(void)
{
	struct mmio_device uart = mmio_uart(), plic = mmio_plic();
	int chosen = fdt_path(f, "/chosen");
	uint32_t length = 0;

	test_true(chosen >= 0, "there is a chosen node");
	test_true(!!fdt_property(f, chosen, "stdout-path", NULL), "it names the console");
	test_true(!!fdt_property(f, chosen, "rng-seed", &length) && length >= 32,
		  "it has a seed for random numbers");
	test_true(uart.base && uart.irq, "there is a UART with an interrupt");
	test_true(plic.base != 0, "there is a PLIC");
	test_true(mmio_plic_context() >= 0, "the PLIC has a context for this hart's S-mode");
	if (!kit.diosix)
		return;
	test_equal(-1UL, (unsigned long)(long)fdt_next_with(f, -1, "compatible", "riscv,clint0"),
		   "the CLINT is not the guest's");
	test_equal(-1UL, (unsigned long)(long)fdt_next_with(f, -1, "compatible", "sifive,clint0"),
		   "the CLINT is not the guest's, by its other name");
	test_equal(-1UL, (unsigned long)(long)fdt_next_with(f, -1, "compatible", "sifive,test0"),
		   "the finisher is not the guest's");
}

/* Whatever the tree describes, the fences let the guest reach: both come from one table. */
static void check_reachable(void)
{
	struct test_tally t = {0};
	int node = -1;

	if (!kit.diosix) {
		test_skip("devices that need care", "every reg is reachable");
		return;
	}
	while ((node = fdt_next(f, node)) >= 0) {
		int parent = fdt_parent(f, node);
		uint64_t base, size;
		struct trap trap;

		if (fdt_cell(f, parent, "#size-cells", 0, 0) == 0)
			continue; /* a cpu: its reg is no address */
		for (unsigned int i = 0; fdt_reg(f, node, i, &base, &size) && size; i++) {
			trap_call(&trap, probe_load8, (unsigned long)base, 0, 0);
			test_tally(&t, (unsigned long)base, 0, trap.taken);
			trap_call(&trap, probe_load8, (unsigned long)(base + size - 1), 0, 0);
			test_tally(&t, (unsigned long)(base + size - 1), 0, trap.taken);
		}
	}
	test_tally_end(&t, "the first and last byte of every reg are reachable");
}

void fdt_test(void)
{
	if (!test_true(f->blob != NULL, "the device tree at a1 parses"))
		return;
	check_memory();
	check_cpu();
	check_devices();
	check_reachable();
}
