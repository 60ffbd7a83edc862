/* SPDX-License-Identifier: MIT */
/*
 * The interrupt controllers of a device tree: the PLIC, or the APLIC and the
 * harts' IMSICs, that the UART's interrupt comes through.
 *
 * Specifications: RISC-V PLIC, RISC-V AIA (APLIC and IMSIC), and the Linux
 * kernel's bindings riscv,aplic and riscv,imsics for the properties.
 */
#include <libfdt.h>

#include "core/machine_reader.h"
#include "lib/print.h"

/* --- who gets an interrupt -------------------------------------------------- */

struct machine_targets machine_interrupts_targets(const struct machine_reader *reader)
{
	struct machine_targets targets = {.reader = reader};
	unsigned length;

	targets.cells = tree_bytes(&reader->place, "interrupts-extended", &length);
	targets.count = length / 8;
	return targets;
}

bool machine_interrupts_next(struct machine_targets *targets, struct machine_hart **hart,
			     uint32_t *interrupt)
{
	const struct machine_reader *reader = targets->reader;
	uint32_t phandle;

	if (targets->position == targets->count)
		return false;
	phandle = tree_cell_at(targets->cells, targets->position * 2);
	*interrupt = tree_cell_at(targets->cells, targets->position * 2 + 1);
	*hart = NULL;
	for (unsigned i = 0; phandle && i < reader->out->hart_count; i++) {
		if (reader->intc[i] == phandle) {
			*hart = &reader->out->harts[i];
			break;
		}
	}
	targets->position++;
	return true;
}

/* What a node is compatible with. */
enum { PLIC_FIRST, PLIC_LAST = 2, APLIC, IMSICS, KINDS };

static int kind_here(const struct machine_reader *reader)
{
	static const char *const names[KINDS] = {"sifive,plic-1.0.0", "riscv,plic0",
						 "thead,c900-plic", "riscv,aplic", "riscv,imsics"};

	return tree_compatible(&reader->place, names, KINDS);
}

/* Call `visit` at each node in use that is one of these kinds. True when there are some of `other`:
 * a walk over all of a tree takes long, and most have neither. */
static bool at_each(struct machine_reader *reader, int first, int last, int other,
		    void (*visit)(struct machine_reader *reader))
{
	bool others = false;

	tree_begin(&reader->place, reader->place.fdt);
	while (tree_next(&reader->place)) {
		int kind = kind_here(reader);

		if (kind < 0 || !tree_ours(&reader->place))
			continue;
		others |= kind >= other;
		if (kind >= first && kind <= last)
			visit(reader);
	}
	return others;
}

static uint32_t phandle_here(const struct machine_reader *reader)
{
	return fdt_get_phandle(reader->place.fdt, reader->place.node);
}

/* --- PLIC -------------------------------------------------------------------- */

/* A context without a wire, by the Linux kernel's binding; and what a supervisor's has. */
#define UNCONNECTED 0xffffffffu
enum { SUPERVISOR_EXTERNAL = 9 };

/*
 * The contexts of our harts. Trees for operating systems may call a machine's context unconnected
 * (SiFive's do), since it isn't for them: it is taken to be the one before its hart's supervisor's,
 * as it is wherever both are named. That it exists is seen when it is used (drivers/plic.c).
 */
static void read_contexts(struct machine_reader *reader)
{
	struct machine_targets targets = machine_interrupts_targets(reader);
	struct machine_hart *hart, *unconnected = NULL;
	uint32_t interrupt;

	while (machine_interrupts_next(&targets, &hart, &interrupt)) {
		int context = targets.position - 1;

		if (interrupt == SUPERVISOR_EXTERNAL && hart == unconnected)
			context--;
		else if (interrupt != MACHINE_EXTERNAL)
			context = MACHINE_NO_CONTEXT;
		unconnected = interrupt == UNCONNECTED ? hart : NULL;
		if (hart && hart->plic_context == MACHINE_NO_CONTEXT)
			hart->plic_context = context;
	}
}

/* The one that the UART is wired to, else the first. Others, of other sockets, stay unused. */
static void read_plic(struct machine_reader *reader)
{
	uint32_t phandle = phandle_here(reader);
	struct machine *out = reader->out;
	struct hpa_range range;
	uint32_t sources;

	if (!machine_devices_range(reader, 0, &range) ||
	    !tree_cell(&reader->place, "riscv,ndev", &sources)) {
		MACHINE_ODD(reader, "%s has no address or no riscv,ndev, left out",
			    machine_devices_name(reader));
		return;
	}
	if (out->plic.base.raw && !(phandle && phandle == reader->uart_parent))
		return;
	reader->plic_phandle = phandle;
	out->plic = (struct machine_plic){range.base, range.size, sources};
	for (unsigned i = 0; i < out->hart_count; i++)
		out->harts[i].plic_context = MACHINE_NO_CONTEXT;
	read_contexts(reader);
}

/* --- APLIC ------------------------------------------------------------------- */

/* "Memory-mapped control region for an interrupt domain". */
enum {
	APLIC_SIZE_MIN = 0x4000,
	APLIC_SOURCES_MAX = 1023,
	APLIC_IDC = 0x4000,
	APLIC_IDC_SIZE = 32,
	APLIC_INDEX_MAX = 0x3fff,
};

/* The domain that names `domain`, a phandle, among its children; 0: none does. */
static uint32_t parent_of(struct machine_reader *reader, uint32_t domain)
{
	const struct tree_place *place = &reader->place;
	unsigned length;

	tree_begin(&reader->place, place->fdt);
	while (tree_next(&reader->place)) {
		const void *children = tree_bytes(place, "riscv,children", &length);

		if (!length || !tree_ours(place) || kind_here(reader) != APLIC)
			continue;
		for (unsigned i = 0; i < length / 4; i++)
			if (tree_cell_at(children, i) == domain)
				return phandle_here(reader);
	}
	return 0;
}

/*
 * A wire arrives at the root of an APLIC's domains ("Interrupt domains"), which is at machine
 * level. Devices may name a domain below as their interrupt-parent, which gets a source only if
 * those above delegate it: we drive the root, and delegate nothing. Trees may go in circles.
 */
static uint32_t root_of(struct machine_reader *reader, uint32_t domain)
{
	for (unsigned i = 0; domain && i < MACHINE_DOMAINS_MAX; i++) {
		uint32_t parent = parent_of(reader, domain);

		if (!parent)
			return domain;
		domain = parent;
	}
	return 0;
}

/* The harts to which the domain has a wire, by their place in the list or riscv,hart-indexes. */
static void read_wires(struct machine_reader *reader)
{
	const struct machine_aplic *aplic = &reader->out->aplic;
	struct machine_targets targets = machine_interrupts_targets(reader);
	struct machine_hart *hart;
	unsigned length;
	const void *indexes = tree_bytes(&reader->place, "riscv,hart-indexes", &length);
	uint32_t interrupt;

	while (machine_interrupts_next(&targets, &hart, &interrupt)) {
		uint32_t index = targets.position - 1;

		if (length / 4 == targets.count)
			index = tree_cell_at(indexes, index);
		if (hart && interrupt == MACHINE_EXTERNAL &&
		    hart->aplic_index == MACHINE_NO_CONTEXT && index <= APLIC_INDEX_MAX &&
		    range_contains(0, aplic->size, APLIC_IDC + APLIC_IDC_SIZE * index,
				   APLIC_IDC_SIZE))
			hart->aplic_index = (int)index;
	}
}

/* Any domain is remembered, to be switched off; the root above the UART's is the one to drive. */
static void read_aplic(struct machine_reader *reader)
{
	struct machine *out = reader->out;
	uint32_t phandle = phandle_here(reader);
	struct hpa_range range;
	uint32_t sources;

	if (!machine_devices_range(reader, 0, &range) || range.size < APLIC_SIZE_MIN ||
	    range.base.raw % PAGE_SIZE ||
	    !tree_cell(&reader->place, "riscv,num-sources", &sources) || !sources ||
	    sources > APLIC_SOURCES_MAX) {
		MACHINE_ODD(reader,
			    "%s has no address of an APLIC, or no riscv,num-sources of 1 to %u, "
			    "left out",
			    machine_devices_name(reader), (unsigned)APLIC_SOURCES_MAX);
		return;
	}
	if (out->domain_count < MACHINE_DOMAINS_MAX)
		out->domains[out->domain_count++] = range.base;
	if (!phandle || phandle != reader->uart_parent || out->aplic.base.raw)
		return;
	out->aplic =
		(struct machine_aplic){.base = range.base, .size = range.size, .sources = sources};
	tree_cell(&reader->place, "msi-parent", &reader->msi_parent);
	read_wires(reader);
}

/* --- IMSIC ------------------------------------------------------------------- */

/* What mmsiaddrcfgh has room for, and the interrupt files: 63, 127, ... identities. */
enum {
	IMSIC_IDS_MAX = 2047,
	INDEX_BITS_MAX = 14,
	GUEST_BITS_MAX = 7,
	GROUP_BITS_MAX = 7,
	GROUP_SHIFT_MIN = 24,
	GROUP_SHIFT_MAX = GROUP_SHIFT_MIN + 31,
};

/*
 * How the files of one level lie in memory ("Arrangement of the memory regions of multiple
 * interrupt files"). Addresses are numbers of pages.
 */
struct imsics {
	uint32_t ids, hart_bits, guest_bits, group_bits, group_shift;
};

static xlen_t ones(unsigned bits)
{
	return ((xlen_t)1 << bits) - 1;
}

static bool read_shape(const struct tree_place *place, unsigned files, struct imsics *out)
{
	*out = (struct imsics){.group_shift = GROUP_SHIFT_MIN};
	while (out->hart_bits < INDEX_BITS_MAX && files > ones(out->hart_bits) + 1)
		out->hart_bits++;
	tree_cell(place, "riscv,hart-index-bits", &out->hart_bits);
	tree_cell(place, "riscv,guest-index-bits", &out->guest_bits);
	tree_cell(place, "riscv,group-index-bits", &out->group_bits);
	tree_cell(place, "riscv,group-index-shift", &out->group_shift);
	return tree_cell(place, "riscv,num-ids", &out->ids) && out->ids % 64 == 63 &&
	       out->ids <= IMSIC_IDS_MAX && out->guest_bits <= GUEST_BITS_MAX &&
	       out->group_bits <= GROUP_BITS_MAX &&
	       out->hart_bits <= INDEX_BITS_MAX - out->group_bits &&
	       out->group_shift >= GROUP_SHIFT_MIN && out->group_shift <= GROUP_SHIFT_MAX &&
	       out->group_shift < XLEN;
}

/* The file at `position` of the list: they fill one range of reg after the other. */
static bool find_page(const struct tree_place *place, const struct imsics *shape, xlen_t position,
		      xlen_t *page)
{
	xlen_t offset = position << shape->guest_bits;
	struct hpa_range range;

	for (unsigned i = 0; i <= ones(shape->group_bits) && tree_reg(place, i, &range); i++) {
		xlen_t pages = range.size / PAGE_SIZE;

		if (range.base.raw % PAGE_SIZE || range.base.raw + range.size - 1 > (xlen_t)-1)
			return false;
		*page = (xlen_t)(range.base.raw / PAGE_SIZE) + offset;
		if (offset < pages)
			return true;
		offset -= (pages + ones(shape->guest_bits)) & ~ones(shape->guest_bits);
	}
	return false;
}

/* The number by which the APLIC addresses a page, or MACHINE_NO_CONTEXT: it can't. */
static int index_of(const struct machine_aplic *aplic, xlen_t page)
{
	unsigned group_shift = aplic->group_shift - PAGE_SHIFT;
	xlen_t hart = page >> aplic->guest_bits & ones(aplic->hart_bits);
	xlen_t group = page >> group_shift & ones(aplic->group_bits);

	if ((aplic->msi_page | hart << aplic->guest_bits | group << group_shift) != page)
		return MACHINE_NO_CONTEXT;
	return (int)(group << aplic->hart_bits | hart);
}

/* The APLIC that we drive sends to these files: what mmsiaddrcfg has to hold. */
static void take_msi(struct machine_reader *reader, const struct imsics *shape)
{
	struct machine_aplic *aplic = &reader->out->aplic;
	xlen_t indexes = ones(shape->hart_bits + shape->guest_bits) |
			 ones(shape->group_bits) << (shape->group_shift - PAGE_SHIFT);
	xlen_t first;

	if (!find_page(&reader->place, shape, 0, &first))
		return;
	aplic->sends_msi = true;
	aplic->hart_bits = shape->hart_bits;
	aplic->guest_bits = shape->guest_bits;
	aplic->group_bits = shape->group_bits;
	aplic->group_shift = shape->group_shift;
	aplic->msi_page = first & ~indexes;
	for (unsigned i = 0; i < reader->out->hart_count; i++)
		reader->out->harts[i].aplic_index = MACHINE_NO_CONTEXT;
}

/*
 * One node describes the files of all harts at one level; only that of machine level matters here.
 * A hart without a register for software interrupts is called by an MSI ("Interprocessor
 * Interrupts"); the message's register is the first of the page.
 */
static void read_imsics(struct machine_reader *reader)
{
	struct machine *out = reader->out;
	struct machine_targets targets = machine_interrupts_targets(reader);
	bool is_aplics = reader->msi_parent && reader->msi_parent == phandle_here(reader);
	struct machine_hart *hart;
	struct imsics shape;
	uint32_t interrupt;
	xlen_t page;

	if (targets.count < 1 || tree_cell_at(targets.cells, 1) != MACHINE_EXTERNAL)
		return;
	if (!read_shape(&reader->place, targets.count, &shape)) {
		MACHINE_ODD(reader,
			    "%s: riscv,num-ids or an index of harts is out of range, left out",
			    machine_devices_name(reader));
		return;
	}
	if (!out->imsic_ids || shape.ids < out->imsic_ids)
		out->imsic_ids = shape.ids;
	if (is_aplics)
		take_msi(reader, &shape);
	while (machine_interrupts_next(&targets, &hart, &interrupt)) {
		if (!hart || interrupt != MACHINE_EXTERNAL)
			continue;
		if (!find_page(&reader->place, &shape, targets.position - 1, &page)) {
			MACHINE_ODD(reader, "%s has no page for each of its harts",
				    machine_devices_name(reader));
			return;
		}
		if (is_aplics && hart->aplic_index == MACHINE_NO_CONTEXT)
			hart->aplic_index = index_of(&out->aplic, page);
		if (hart->msip)
			continue;
		hart->msip = page << PAGE_SHIFT;
		hart->msip_is_imsic = true;
	}
}

/* --- all of them ------------------------------------------------------------- */

/* Set the UART's interrupt, or say why it has none. */
static void take_uart_interrupt(struct machine_reader *reader, uint32_t wired_to)
{
	struct machine *out = reader->out;
	bool is_plics = wired_to && wired_to == reader->plic_phandle;
	uint32_t sources = is_plics ? out->plic.sources : out->aplic.sources;

	if (!out->uart.base.raw || !reader->uart_irq)
		return;
	if ((is_plics || out->aplic.base.raw) && reader->uart_irq <= sources) {
		out->uart.irq = reader->uart_irq;
		out->uart.trigger = reader->uart_trigger;
		return;
	}
	MACHINE_ODD(reader, "the UART's interrupt %u isn't one of a PLIC or APLIC",
		    (unsigned)reader->uart_irq);
}

void machine_interrupts_read(struct machine_reader *reader)
{
	if (at_each(reader, PLIC_FIRST, PLIC_LAST, APLIC, read_plic)) {
		if (reader->uart_parent != reader->plic_phandle)
			reader->uart_parent = root_of(reader, reader->uart_parent);
		if (at_each(reader, APLIC, APLIC, IMSICS, read_aplic))
			at_each(reader, IMSICS, IMSICS, KINDS, read_imsics);
	}
	if (reader->msi_parent && !reader->out->aplic.sends_msi)
		MACHINE_ODD(reader, "the APLIC's msi-parent is no IMSIC at machine level");
	take_uart_interrupt(reader, reader->uart_parent);
}
