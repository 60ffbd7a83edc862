/* SPDX-License-Identifier: MIT */
/*
 * The devices of a device tree that Diosix drives itself: UART, finisher,
 * timer and software interrupts. Interrupt controllers and other ways to power off
 * have files of their own.
 *
 * Specifications: SiFive U54-MC manual (CLINT), RISC-V ACLINT, and the Linux
 * kernel's bindings for the properties.
 */
#include <libfdt.h>

#include "core/machine_reader.h"
#include "lib/print.h"
#include "lib/string.h"

/* A CLINT's registers. An ACLINT has the same arrays at the start of its ranges. */
enum { CLINT_MTIMECMP = 0x4000, CLINT_MTIME = 0xbff8 };

const char machine_devices_clints[] = "riscv,clint0, sifive,clint0, thead,c900-clint, "
				      "riscv,aclint-mswi, riscv,imsics and riscv,aclint-mtimer";

/* What a node is compatible with. T-Head's and Nuclei's ACLINTs are ACLINTs as far as we use them.
 */
enum kind {
	THEAD_CLINT,
	CLINT_FIRST,
	CLINT_LAST,
	MSWI_FIRST,
	MSWI_LAST = MSWI_FIRST + 2,
	MTIMER,
	OTHER_MTIMER_FIRST,
	OTHER_MTIMER_LAST,
	RESERVED_LAST = OTHER_MTIMER_LAST, /* so far status may be "reserved" */
	DESIGNWARE,
	XSCALE,
	NS16550_FIRST,
	NS16550_LAST = NS16550_FIRST + 3,
	SIFIVE_UART,
	FINISHER_FIRST,
	FINISHER_LAST,
	HTIF,
};

static const char *const names[] = {
	[THEAD_CLINT] = "thead,c900-clint",
	[CLINT_FIRST] = "riscv,clint0",
	"sifive,clint0",
	[MSWI_FIRST] = "riscv,aclint-mswi",
	"thead,c900-aclint-mswi",
	"nuclei,ux900-aclint-mswi",
	[MTIMER] = "riscv,aclint-mtimer",
	[OTHER_MTIMER_FIRST] = "thead,c900-aclint-mtimer",
	"nuclei,ux900-aclint-mtimer",
	[DESIGNWARE] = "snps,dw-apb-uart",
	[XSCALE] = "intel,xscale-uart",
	[NS16550_FIRST] = "ns16550a",
	"ns16550",
	"ns16450",
	"ns8250",
	[SIFIVE_UART] = "sifive,uart0",
	[FINISHER_FIRST] = "sifive,test0",
	"sifive,test1",
	[HTIF] = "ucb,htif0",
};

const char *machine_devices_name(const struct machine_reader *reader)
{
	const char *name = fdt_get_name(reader->place.fdt, reader->place.node, NULL);

	return name ? name : "?";
}

/* True when M-mode can address all of it: on RV32 what lies below 4 GiB. It doesn't wrap. */
static bool is_reachable(const struct hpa_range *range)
{
	return range->base.raw + range->size - 1 <= (xlen_t)-1;
}

/* A tree in which devices are where memory is is wrong about one of the two: neither is touched. */
bool machine_devices_range(struct machine_reader *reader, unsigned index, struct hpa_range *range)
{
	const struct machine *out = reader->out;

	if (!tree_reg(&reader->place, index, range) || !is_reachable(range))
		return false;
	for (unsigned i = 0; i < out->ram_count; i++) {
		if (!range_overlaps(out->ram[i].base.raw, out->ram[i].size, range->base.raw,
				    range->size))
			continue;
		MACHINE_ODD(reader, "%s is at 0x%" PRIx64 ", which is memory",
			    machine_devices_name(reader), range->base.raw);
		return false;
	}
	return true;
}

/* --- timer and software interrupts ------------------------------------------- */

/* Set a register, unless another device has claimed to be it, or it lies outside or askew. */
static void set_register(xlen_t *out, const struct hpa_range *range, uint64_t offset, unsigned size)
{
	uint64_t at = range->base.raw + offset;

	if (!*out && range_contains(0, range->size, offset, size) && !(at & (size - 1)))
		*out = at;
}

/* Where the device's registers are; false, which is told, when nothing says so. */
static bool first_range(struct machine_reader *reader, struct hpa_range *range)
{
	if (machine_devices_range(reader, 0, range))
		return true;
	MACHINE_ODD(reader, "%s has no address, left out", machine_devices_name(reader));
	return false;
}

/* Unless another device has claimed to be it. */
static void set_mtimecmp(struct machine_hart *hart, const struct hpa_range *range, uint64_t offset,
			 bool halves)
{
	if (hart->mtimecmp)
		return;
	set_register(&hart->mtimecmp, range, offset, 8);
	hart->mtimecmp_halves = halves;
}

/* T-Head's has no mtime, and takes 32 bits at a time; its makers' own trees say it by a property.
 */
static void read_clint(struct machine_reader *reader, bool halves)
{
	struct machine_targets targets = machine_interrupts_targets(reader);
	struct machine_hart *hart;
	struct hpa_range range;
	uint32_t interrupt;
	unsigned length;

	if (!first_range(reader, &range))
		return;
	if (tree_bytes(&reader->place, "clint,has-no-64bit-mmio", &length))
		halves = true;
	if (!halves)
		set_register(&reader->out->mtime, &range, CLINT_MTIME, 8);
	while (machine_interrupts_next(&targets, &hart, &interrupt)) {
		/* Each hart has two entries, software and timer. */
		uint64_t index = (targets.position - 1) / 2;

		if (hart && interrupt == MACHINE_SOFTWARE)
			set_register(&hart->msip, &range, 4 * index, 4);
		if (hart && interrupt == MACHINE_TIMER)
			set_mtimecmp(hart, &range, CLINT_MTIMECMP + 8 * index, halves);
	}
}

static void read_mswi(struct machine_reader *reader)
{
	struct machine_targets targets = machine_interrupts_targets(reader);
	struct machine_hart *hart;
	struct hpa_range range;
	uint32_t interrupt;

	if (!first_range(reader, &range))
		return;
	while (machine_interrupts_next(&targets, &hart, &interrupt))
		if (hart && interrupt == MACHINE_SOFTWARE)
			set_register(&hart->msip, &range, 4 * (uint64_t)(targets.position - 1), 4);
}

/*
 * reg: first the register mtime, then the array of mtimecmp; or that array alone, which reg-names
 * says. What has its own name is taken to be like T-Head's, which takes 32 bits at a time.
 */
static void read_mtimer(struct machine_reader *reader, bool halves)
{
	struct machine_targets targets = machine_interrupts_targets(reader);
	const char *name = tree_string(&reader->place, "reg-names");
	bool has_mtime = !name || strcmp(name, "mtimecmp");
	struct machine_hart *hart;
	struct hpa_range mtime, range;
	uint32_t interrupt;

	if (!machine_devices_range(reader, has_mtime, &range)) {
		MACHINE_ODD(reader, "%s has no %saddress, that of mtimecmp, left out",
			    machine_devices_name(reader), has_mtime ? "second " : "");
		return;
	}
	if (has_mtime && machine_devices_range(reader, 0, &mtime))
		set_register(&reader->out->mtime, &mtime, 0, 8);
	while (machine_interrupts_next(&targets, &hart, &interrupt))
		if (hart && interrupt == MACHINE_TIMER)
			set_mtimecmp(hart, &range, 8 * (uint64_t)(targets.position - 1), halves);
}

/* --- UART and finisher ------------------------------------------------------- */

/* Which controller the node's first interrupt goes to, and its number there. */
static void read_uart_interrupt(struct machine_reader *reader)
{
	const struct tree_place *place = &reader->place;
	unsigned length;
	const void *bytes = tree_bytes(place, "interrupts-extended", &length);

	reader->uart_parent = 0;
	reader->uart_irq = 0;
	reader->uart_trigger = 0;
	if (length >= 8) {
		reader->uart_parent = tree_cell_at(bytes, 0);
		reader->uart_irq = tree_cell_at(bytes, 1);
		if (length >= 12)
			reader->uart_trigger = tree_cell_at(bytes, 2);
		return;
	}
	bytes = tree_bytes(place, "interrupts", &length);
	if (length < 4)
		return;
	reader->uart_parent = place->path[place->depth].interrupt_parent;
	reader->uart_irq = tree_cell_at(bytes, 0);
	if (length >= 8)
		reader->uart_trigger = tree_cell_at(bytes, 1);
}

/* The first UART found, unless a later one is what stdout-path names. */
static bool wants_uart(const struct machine_reader *reader)
{
	bool is_stdout = reader->place.node == reader->stdout_node;

	return !reader->out->uart.base.raw || (is_stdout && !reader->uart_is_stdout);
}

static void take_uart(struct machine_reader *reader, struct machine_uart uart)
{
	reader->uart_is_stdout = reader->place.node == reader->stdout_node;
	reader->out->uart = uart;
	read_uart_interrupt(reader);
}

/* "sifive,uart0": eight words. */
static void read_sifive_uart(struct machine_reader *reader)
{
	struct hpa_range range;

	if (!wants_uart(reader))
		return;
	if (!machine_devices_range(reader, 0, &range) || range.size < 0x1c || range.base.raw % 4) {
		MACHINE_ODD(reader, "%s: no SiFive UART in its reg, left out",
			    machine_devices_name(reader));
		return;
	}
	take_uart(reader,
		  (struct machine_uart){
			  .base = range.base, .kind = UART_SIFIVE, .reg_shift = 2, .io_width = 4});
}

static void read_16550(struct machine_reader *reader, enum machine_uart_kind kind)
{
	const struct tree_place *place = &reader->place;
	uint32_t shift = 0, width = 1, offset = 0, clock = 0;
	struct hpa_range range;

	if (!wants_uart(reader))
		return;
	tree_cell(place, "reg-shift", &shift);
	tree_cell(place, "reg-io-width", &width);
	tree_cell(place, "reg-offset", &offset);
	tree_cell(place, "clock-frequency", &clock);
	if (!machine_devices_range(reader, 0, &range) || shift > 3 || (width != 1 && width != 4) ||
	    (width == 4 && (shift < 2 || range.base.raw % 4 || offset % 4)) ||
	    !range_contains(0, range.size, offset, 8u << shift)) {
		MACHINE_ODD(reader,
			    "%s: no 16550 with eight registers of 1 or 4 bytes in its reg, "
			    "left out",
			    machine_devices_name(reader));
		return;
	}
	if (kind == UART_DESIGNWARE && !range_contains(0, range.size, offset, 32u << shift))
		kind = UART_16550; /* without the register that tells it from others */
	take_uart(reader, (struct machine_uart){
				  .base = {range.base.raw + offset},
				  .kind = kind,
				  .reg_shift = shift,
				  .io_width = width,
				  .clock = clock,
			  });
}

static void read_finisher(struct machine_reader *reader)
{
	struct hpa_range range;

	if (!reader->out->finisher.raw && machine_devices_range(reader, 0, &range) &&
	    range.size >= 4 && range.base.raw % 4 == 0)
		reader->out->finisher = range.base;
}

/* Without a reg its words are found by their names in the image that was loaded. */
static void read_htif(struct machine_reader *reader)
{
	struct machine *out = reader->out;
	struct hpa_range range = {0};
	unsigned length;

	tree_bytes(&reader->place, "reg", &length);
	if (length && (!tree_reg(&reader->place, 0, &range) || !is_reachable(&range) ||
		       range.size < 16 || range.base.raw % 8)) {
		MACHINE_ODD(reader, "%s: no two words of 64 bits in its reg, left out",
			    machine_devices_name(reader));
		return;
	}
	out->has_htif = true;
	out->htif = range.base;
}

/* --- the second walk ----------------------------------------------------------- */

static void read_device(struct machine_reader *reader, int kind)
{
	if (kind <= CLINT_LAST)
		read_clint(reader, kind == THEAD_CLINT);
	else if (kind <= MSWI_LAST)
		read_mswi(reader);
	else if (kind <= OTHER_MTIMER_LAST)
		read_mtimer(reader, kind != MTIMER);
	else if (kind <= NS16550_LAST)
		read_16550(reader, kind == DESIGNWARE ? UART_DESIGNWARE
				   : kind == XSCALE   ? UART_XSCALE
						      : UART_16550);
	else if (kind == SIFIVE_UART)
		read_sifive_uart(reader);
	else if (kind <= FINISHER_LAST)
		read_finisher(reader);
	else
		read_htif(reader);
}

void machine_devices_read(struct machine_reader *reader)
{
	const struct tree_place *place = &reader->place;

	tree_begin(&reader->place, place->fdt);
	while (tree_next(&reader->place)) {
		int kind = tree_compatible(place, names, ARRAY_LENGTH(names));

		if (kind >= 0 && (kind <= RESERVED_LAST ? tree_ours(place) : tree_available(place)))
			read_device(reader, kind);
	}
}
