/* SPDX-License-Identifier: MIT */
/*
 * What the host's device tree says about the machine.
 *
 * machine_read() turns the flattened tree into plain values, once, on the
 * boot hart, before anything else is known; nobody else reads the tree. The
 * strings point into the tree, which therefore stays where it is, owned by
 * the hypervisor.
 */
#ifndef CORE_MACHINE_H
#define CORE_MACHINE_H

#include "core/status.h"
#include "core/types.h"

enum {
	MACHINE_HARTS_MAX = 128,
	MACHINE_RAM_MAX = 16,
	MACHINE_RESERVED_MAX = 32,
	MACHINE_DOMAINS_MAX = 8,
	MACHINE_POWER_OFF_MAX = 2,
	MACHINE_NO_CONTEXT = -1,
};

/* Cache-block instructions: management, zeroing, prefetching. */
enum { MACHINE_BLOCK_MANAGED, MACHINE_BLOCK_ZEROED, MACHINE_BLOCK_PREFETCHED, MACHINE_BLOCKS };

/* The property of a cpu's node that says the size of such a block. */
extern const char *const machine_block_names[MACHINE_BLOCKS];

struct machine_hart {
	xlen_t id;		    /* mhartid */
	const char *isa;	    /* riscv,isa or NULL */
	const char *extensions;	    /* riscv,isa-extensions, a string list, or NULL */
	unsigned extensions_length; /* of that list, in bytes */
	int aplic_index;      /* its hart index in the APLIC's domain, or MACHINE_NO_CONTEXT */
	const char *mmu_type; /* "riscv,sv39"... or NULL: no MMU, so no S-mode to use */
	/* Addresses of registers that M-mode reaches; 0: none. */
	xlen_t msip;		  /* writing 1 there calls it */
	xlen_t mtimecmp;	  /* its timer compare register */
	bool mtimecmp_halves : 1; /* which takes stores of 32 bits only */
	bool msip_is_imsic : 1;	  /* msip is its interrupt file's: the call is an MSI, number 1 */
	/* Of the blocks that cbo.*, cbo.zero and prefetch.* work on: their size is 2 to the power
	 * of this; 0: not said. */
	uint8_t block_shifts[MACHINE_BLOCKS];
	int plic_context; /* the PLIC context of its machine external interrupt */
};

enum machine_uart_kind {
	UART_16550,	 /* or an 8250 or 16450, without a FIFO */
	UART_DESIGNWARE, /* a 16550 with an interrupt of its own: busy */
	UART_XSCALE,	 /* a 16550 that is off until a bit of its own is set */
	UART_SIFIVE,
};

struct machine_uart {
	hpa_t base; /* raw 0: none found */
	enum machine_uart_kind kind;
	unsigned reg_shift;
	unsigned io_width; /* bytes: 1 or 4 */
	uint32_t clock;	   /* Hz, 0: unknown: leave the divisor alone */
	uint32_t irq;	   /* source of the PLIC or APLIC, 0: none */
	uint32_t trigger;  /* of an APLIC's source: the flags of its binding, 0: not said */
};

struct machine_plic {
	hpa_t base; /* raw 0: none found */
	uint64_t size;
	uint32_t sources; /* riscv,ndev */
};

/*
 * The root domain of the APLIC that the UART is wired to, and, when that domain tells harts by MSI,
 * where their interrupt files at machine level are: AIA, "Addresses and data for outgoing MSIs".
 */
struct machine_aplic {
	hpa_t base; /* raw 0: none found */
	uint64_t size;
	uint32_t sources; /* riscv,num-sources */
	bool sends_msi;
	uint8_t hart_bits, guest_bits, group_bits, group_shift;
	xlen_t msi_page; /* that of hart 0 of group 0: its address / 4096 */
};

/* A change of bits of a register of 32 bits. */
struct machine_update {
	hpa_t at;
	uint32_t mask, value; /* mask 0: none */
};

struct machine_reserved {
	struct hpa_range range;
	const char *name; /* of the node, or "/memreserve/" */
};

struct machine {
	const char *model;    /* of the root node, or "unknown" */
	const char *bootargs; /* /chosen, or "" */
	uint64_t timebase;    /* Hz; 32 bits, and not 0 */
	xlen_t mtime;	      /* address of a register that M-mode reaches; 0: none */
	struct machine_uart uart;
	struct machine_plic plic;
	struct machine_aplic aplic;
	unsigned domain_count;
	hpa_t domains[MACHINE_DOMAINS_MAX]; /* of all APLICs, that one's too, at any level */
	uint32_t imsic_ids; /* the highest identity of all IMSICs at machine level; 0: no IMSIC */
	hpa_t finisher;	    /* SiFive test device; raw 0: none */
	bool has_htif;	    /* Spike's terminal and way to end */
	hpa_t htif;	    /* its fromhost, then tohost; raw 0: those of our own image */
	/* What powers the machine off when nothing of the above does, in this order. */
	struct machine_update power_off[MACHINE_POWER_OFF_MAX];
	struct hpa_range initrd; /* size 0: none */
	struct hpa_range fdt;	 /* the tree itself */
	const void *seed;	 /* /chosen rng-seed, in the tree; NULL: none */
	unsigned seed_size;

	unsigned hart_count;
	unsigned harts_left_out; /* usable in the tree, but beyond MACHINE_HARTS_MAX */
	struct machine_hart harts[MACHINE_HARTS_MAX];

	unsigned ram_count;
	struct hpa_range
		ram[MACHINE_RAM_MAX]; /* ascending, not overlapping, page-aligned inwards */
	unsigned reserved_count;
	struct machine_reserved reserved[MACHINE_RESERVED_MAX];
};

/*
 * Read the tree at `fdt`, of which at most `limit` bytes may be touched.
 *
 * Refuses (ERR_FORMAT, ERR_MISSING, ERR_LIMIT) a tree that is corrupt or lacks
 * what nothing can run without: a hart, RAM, the timebase, a CLINT or ACLINT (or an
 * ACLINT's timer and an IMSIC).
 * `why` then says what was looked for and what was found. What can be done
 * without (UART, interrupt controller, finisher, initrd) is left zero. Odd but harmless things
 * are logged and skipped. `out->uart` is filled even when ERR_MISSING is
 * returned for something else, so that the sentence can be shown.
 */
enum status machine_read(const void *fdt, uint64_t limit, struct machine *out,
			 struct reason *why) MUST_USE;

#endif
