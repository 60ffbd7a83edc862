/* SPDX-License-Identifier: MIT */
#include "drivers/aplic.h"

#include "core/arch.h"
#include "core/log.h"
#include "drivers/interrupts.h"
#include "drivers/mmio.h"

/* "Memory-mapped control region for an interrupt domain". */
enum {
	DOMAINCFG = 0x0000,
	SOURCECFG = 0x0000, /* + 4 * source, the first is 1 */
	MMSIADDRCFG = 0x1bc0,
	MMSIADDRCFGH = 0x1bc4,
	IN_CLRIP = 0x1d00, /* + 4 * (source / 32) */
	SETIENUM = 0x1edc,
	CLRIENUM = 0x1fdc,
	TARGET = 0x3000, /* + 4 * source */
	IDC = 0x4000,	 /* + 32 * hart index */
	IDC_SIZE = 32,
};

enum { IDELIVERY = 0x00, IFORCE = 0x04, ITHRESHOLD = 0x08, CLAIMI = 0x1c };

enum {
	DOMAINCFG_DM = 0x4,
	DOMAINCFG_IE = 0x100,
	DOMAINCFG_FIXED = 0x80, /* what its upper byte reads as */
	TARGET_INDEX_SHIFT = 18,
	CLAIMI_SOURCE_SHIFT = 16,
};

/* Fields of mmsiaddrcfgh. */
enum { LHXW_SHIFT = 12, HHXW_SHIFT = 16, LHXS_SHIFT = 20, HHXS_SHIFT = 24, HHXS_BASE = 24 };
#define MMSIADDRCFGH_LOCKED 0x80000000u

static uintptr_t base;
static uint32_t uart_irq, uart_trigger;

static uint32_t get(unsigned offset)
{
	return mmio_read32(base + offset);
}

static void set(unsigned offset, uint32_t value)
{
	mmio_write32(base + offset, value);
}

/* The registers of the wire to the hart with this index. */
static unsigned delivery(int index, unsigned offset)
{
	return IDC + IDC_SIZE * (unsigned)index + offset;
}

/*
 * Where the harts' interrupt files are ("Addresses and data for outgoing MSIs"). It may be fixed,
 * and then hidden, in which case we rely on it.
 */
static enum status set_msi_addresses(const struct machine_aplic *aplic, struct reason *why)
{
	uint32_t low = aplic->msi_page;
	uint32_t high = (uint64_t)aplic->msi_page >> 32 | (uint32_t)aplic->hart_bits << LHXW_SHIFT |
			(uint32_t)aplic->group_bits << HHXW_SHIFT |
			(uint32_t)aplic->guest_bits << LHXS_SHIFT;
	uint32_t low_is, high_is;

	if (aplic->group_bits)
		high |= (uint32_t)(aplic->group_shift - HHXS_BASE) << HHXS_SHIFT;
	set(MMSIADDRCFG, low);
	set(MMSIADDRCFGH, high);
	low_is = get(MMSIADDRCFG);
	high_is = get(MMSIADDRCFGH);
	if (low_is == low && (high_is & ~MMSIADDRCFGH_LOCKED) == high)
		return OK;
	if (!low_is && high_is == MMSIADDRCFGH_LOCKED)
		return OK;
	return refuse(why, ERR_LIMIT,
		      "the APLIC sends MSIs by 0x%08x 0x%08x, which isn't where the IMSICs are "
		      "(0x%08x 0x%08x)",
		      (unsigned)high_is, (unsigned)low_is, (unsigned)high, (unsigned)low);
}

/* No wire raises anything, be it by force. */
static void quiet_wires(const struct machine *machine)
{
	for (unsigned i = 0; i < machine->hart_count; i++) {
		int index = machine->harts[i].aplic_index;

		if (index == MACHINE_NO_CONTEXT)
			continue;
		set(delivery(index, IDELIVERY), 0);
		set(delivery(index, IFORCE), 0);
		set(delivery(index, ITHRESHOLD), 0);
	}
}

enum status aplic_start(const struct machine *machine, struct reason *why)
{
	const struct machine_aplic *aplic = &machine->aplic;
	uint32_t mode = aplic->sends_msi ? DOMAINCFG_IE | DOMAINCFG_DM : DOMAINCFG_IE;
	enum status status = OK;

	for (unsigned i = 0; i < machine->domain_count; i++) {
		if (!arch_answers(machine->domains[i], 4))
			return refuse(why, ERR_MISSING, "no APLIC answers at 0x%lx",
				      (unsigned long)machine->domains[i].raw);
		mmio_write32(machine->domains[i].raw + DOMAINCFG, 0);
	}
	base = aplic->base.raw;
	uart_irq = machine->uart.irq;
	uart_trigger = machine->uart.trigger;
	/* All bits 0, so that byte order, which is one of them, is known from here on. */
	set(DOMAINCFG, 0);
	if (get(DOMAINCFG) >> 24 != DOMAINCFG_FIXED)
		return refuse(why, ERR_FORMAT, "at 0x%lx is no APLIC: its domaincfg is 0x%08x",
			      (unsigned long)base, (unsigned)get(DOMAINCFG));
	/* Inactive, which also takes a source back from the domain that it was delegated to. */
	for (uint32_t source = 1; source <= aplic->sources; source++)
		set(SOURCECFG + 4 * source, 0);
	if (aplic->sends_msi)
		status = set_msi_addresses(aplic, why);
	else
		quiet_wires(machine);
	if (status != OK)
		return status;
	set(DOMAINCFG, mode);
	if ((get(DOMAINCFG) & (DOMAINCFG_IE | DOMAINCFG_DM)) != mode)
		return refuse(why, ERR_LIMIT, "the APLIC can't tell CPUs %s",
			      aplic->sends_msi ? "by MSI" : "by wire");
	return OK;
}

/* sourcecfg's mode for the flags of the binding's second cell; 0 for none of them. */
static uint32_t source_mode(uint32_t trigger)
{
	enum { RISING = 1, FALLING = 2, HIGH = 4, LOW = 8 };
	enum { EDGE1 = 4, EDGE0 = 5, LEVEL1 = 6, LEVEL0 = 7 };

	switch (trigger) {
	case RISING: return EDGE1;
	case FALLING: return EDGE0;
	case 0:
	case HIGH: return LEVEL1;
	case LOW: return LEVEL0;
	default: return 0;
	}
}

/* The target is unspecified until the source is active, so it is enabled last. */
enum status aplic_route(int index, uint32_t number, struct reason *why)
{
	uint32_t mode = source_mode(uart_trigger);

	set(CLRIENUM, uart_irq);
	set(SOURCECFG + 4 * uart_irq, mode);
	if (!mode || get(SOURCECFG + 4 * uart_irq) != mode)
		return refuse(why, ERR_LIMIT,
			      "the APLIC has no source %u that is triggered by %u (1, 2: edges, 4, "
			      "8: levels)",
			      (unsigned)uart_irq, (unsigned)uart_trigger);
	set(TARGET + 4 * uart_irq, (uint32_t)index << TARGET_INDEX_SHIFT | number);
	set(SETIENUM, uart_irq);
	return OK;
}

bool aplic_is_asserted(uint32_t irq)
{
	return source_mode(uart_trigger) >= source_mode(0) &&
	       (get(IN_CLRIP + irq / 32 * 4) >> irq % 32 & 1);
}

/* --- with wires to the harts -------------------------------------------------- */

static bool start_hart(const struct hart *hart)
{
	return hart->description->aplic_index != MACHINE_NO_CONTEXT;
}

static enum status route(const struct hart *hart, struct reason *why)
{
	enum { PRIORITY_HIGHEST = 1 };
	int index = hart->description->aplic_index;
	enum status status = aplic_route(index, PRIORITY_HIGHEST, why);

	if (status == OK)
		set(delivery(index, IDELIVERY), 1);
	return status;
}

/* A wire that is sensitive to its level is claimed again as long as it asks. */
static uint32_t claim(const struct hart *hart)
{
	return get(delivery(hart->description->aplic_index, CLAIMI)) >> CLAIMI_SOURCE_SHIFT;
}

static void complete(const struct hart *hart, uint32_t irq)
{
	(void)hart;
	(void)irq;
}

const struct interrupt_controller aplic_controller = {
	.name = "the APLIC",
	.start = aplic_start,
	.start_hart = start_hart,
	.route = route,
	.claim = claim,
	.complete = complete,
};
