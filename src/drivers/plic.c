/* SPDX-License-Identifier: MIT */
#include "drivers/plic.h"

#include "core/arch.h"
#include "core/log.h"
#include "drivers/interrupts.h"
#include "drivers/mmio.h"

/* "Memory Map" of the PLIC specification. */
enum {
	PRIORITY = 0x0,	 /* + 4 * source */
	ENABLE = 0x2000, /* + 0x80 * context, a bit a source */
	ENABLE_STRIDE = 0x80,
	CONTEXT = 0x200000, /* + 0x1000 * context: threshold, then claim */
	CONTEXT_STRIDE = 0x1000,
	CLAIM = 4,
	SOURCES_MAX = 1024,
};

static uintptr_t base;
static unsigned contexts;
static unsigned words; /* of enable bits a context has */

static uintptr_t enable_word(unsigned context, unsigned word)
{
	return base + ENABLE + (uintptr_t)context * ENABLE_STRIDE + 4 * word;
}

static uintptr_t context_register(unsigned context, unsigned offset)
{
	return base + CONTEXT + (uintptr_t)context * CONTEXT_STRIDE + offset;
}

/* The contexts that exist: the machine's ones are known, each is followed by its supervisor's. */
static unsigned count_contexts(const struct machine *machine)
{
	int last = -1;

	for (unsigned i = 0; i < machine->hart_count; i++)
		if (machine->harts[i].plic_context > last)
			last = machine->harts[i].plic_context;
	return last + 2;
}

/* The first and the last of the contexts' registers that are about to be written. */
static bool is_there(void)
{
	return arch_answers((hpa_t){enable_word(0, 0)}, 4) &&
	       arch_answers((hpa_t){enable_word(contexts - 1, words - 1)}, 4) &&
	       arch_answers((hpa_t){context_register(contexts - 1, 0)}, 4);
}

void plic_start(const struct machine *machine)
{
	unsigned sources =
		machine->plic.sources < SOURCES_MAX ? machine->plic.sources : SOURCES_MAX - 1;

	base = machine->plic.base.raw;
	words = sources / 32 + 1;
	contexts = count_contexts(machine);

	/* Contexts that would lie behind the window don't exist. */
	while (contexts && context_register(contexts - 1, CLAIM) - base + 4 > machine->plic.size)
		contexts--;
	/* Not even one, or nothing there: this is no PLIC, and its window may be of any size. */
	if (!contexts || !is_there()) {
		base = 0;
		return;
	}

	for (unsigned context = 0; context < contexts; context++) {
		for (unsigned word = 0; word < words; word++)
			mmio_write32(enable_word(context, word), 0);
		mmio_write32(context_register(context, 0), 0);
	}
	for (unsigned source = 1; source <= sources; source++)
		mmio_write32(base + PRIORITY + 4 * source, 0);
}

bool plic_route(uint32_t irq, int context)
{
	unsigned word = irq / 32;
	uint32_t bit = (uint32_t)1 << irq % 32;

	if (!base || word >= words || (unsigned)context >= contexts)
		return false;
	for (unsigned other = 0; other < contexts; other++)
		mmio_write32(enable_word(other, word),
			     mmio_read32(enable_word(other, word)) & ~bit);
	mmio_write32(base + PRIORITY + 4 * irq, 1);
	mmio_write32(enable_word(context, word), mmio_read32(enable_word(context, word)) | bit);
	return mmio_read32(enable_word(context, word)) & bit;
}

uint32_t plic_claim(int context)
{
	if (!base || (unsigned)context >= contexts)
		return 0;
	return mmio_read32(context_register(context, CLAIM));
}

void plic_complete(int context, uint32_t irq)
{
	mmio_write32(context_register(context, CLAIM), irq);
}

/* --- as the machine's interrupt controller ------------------------------------ */

static uint32_t uart_irq;

static enum status start(const struct machine *machine, struct reason *why)
{
	uart_irq = machine->uart.irq;
	plic_start(machine);
	if (!base)
		return refuse(
			why, ERR_FORMAT,
			"the PLIC has no registers for a CPU, or isn't where the device tree says");
	return OK;
}

static bool start_hart(const struct hart *hart)
{
	return hart->description->plic_context != MACHINE_NO_CONTEXT;
}

static enum status route(const struct hart *hart, struct reason *why)
{
	if (!plic_route(uart_irq, hart->description->plic_context))
		return refuse(why, ERR_MISSING, "The PLIC has no such context, or no source %u",
			      (unsigned)uart_irq);
	return OK;
}

static uint32_t claim(const struct hart *hart)
{
	return plic_claim(hart->description->plic_context);
}

static void complete(const struct hart *hart, uint32_t irq)
{
	plic_complete(hart->description->plic_context, irq);
}

const struct interrupt_controller plic_controller = {
	.name = "the PLIC",
	.start = start,
	.start_hart = start_hart,
	.route = route,
	.claim = claim,
	.complete = complete,
};
