/* SPDX-License-Identifier: MIT */
/*
 * The device tree that a guest gets: generated, never hand-written, from the
 * values that the fences and the virtual devices were made from.
 */
#ifndef CORE_GUEST_TREE_H
#define CORE_GUEST_TREE_H

#include "core/seed.h"
#include "core/status.h"
#include "core/types.h"

/* Bytes that are enough for the tree of any capsule that a manifest can ask for. */
enum { GUEST_TREE_SIZE = 64 * 1024, GUEST_TREE_SLACK = 4096 };

struct guest_tree {
	const char *name;     /* of the capsule; /model is "Diosix capsule <name>" */
	const char *bootargs; /* "" allowed */
	const uint8_t *seed;  /* for its random numbers: SEED_SIZE bytes; NULL: none */
	gpa_t ram;
	uint64_t ram_size;
	gpa_t initrd;
	uint64_t initrd_size; /* 0: none */
	uint32_t vcpus;
	uint32_t timebase;	/* Hz */
	const char *isa_base;	/* "rv64i" */
	const char *isa;	/* riscv,isa: "rv64imafdc_zicsr_..." */
	const char *extensions; /* riscv,isa-extensions: zero-separated list */
	unsigned extensions_length;
	const char *mmu_type;	     /* "riscv,sv39" */
	const uint8_t *block_shifts; /* MACHINE_BLOCKS of them, as in struct machine_hart */
	gpa_t plic;
	uint64_t plic_size;
	uint32_t plic_sources; /* riscv,ndev: the highest source */
	gpa_t uart;
	uint64_t uart_size;
	uint32_t uart_irq;
	uint32_t uart_clock; /* Hz, what the 8250 driver divides */
};

/*
 * Write the tree into the `size` bytes at `out` (8-byte aligned); its length
 * goes to `length`. ERR_LIMIT when it doesn't fit. dtc takes the result without
 * a warning, all of its checks on, and libfdt's fdt_check_full() without an
 * error. `*length` is what it has; its totalsize has GUEST_TREE_SLACK more where `size` has, for
 * boot loaders that add to it in place. The vCPUs' hart ids are 0 to vcpus - 1, and context n of
 * the PLIC is vCPU n's supervisor external interrupt. Pure; on any hart. Bindings: Linux's
 * Documentation/devicetree/bindings (riscv/cpus, riscv/extensions, riscv,cpu-intc,
 * sifive,plic-1.0.0, serial/8250).
 */
enum status guest_tree_build(const struct guest_tree *tree, void *out, size_t size, size_t *length,
			     struct reason *why) MUST_USE;

#endif
