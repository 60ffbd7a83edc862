/* SPDX-License-Identifier: MIT */
#include "drivers/drivers.h"

#include "core/console.h"
#include "core/log.h"
#include "drivers/finisher.h"
#include "drivers/ns16550.h"
#include "drivers/plic.h"
#include "drivers/sifive_uart.h"

/* A storm of interrupts must not keep the hart from its guest. */
enum { INTERRUPTS_AT_ONCE = 16 };

static uint32_t console_irq;

void drivers_start_console(const struct machine *machine)
{
	struct machine_uart uart = machine->uart;

	if (!uart.base.raw)
		uart = (struct machine_uart){.base = {EARLY_UART}, .io_width = 1};
	console_irq = uart.irq;
	console_set_device(uart.kind == UART_SIFIVE ? sifive_uart_start(&uart)
						    : ns16550_start(&uart));
	/* The machine must be able to end even when no more than this can be done with it. */
	finisher_start(machine->fdt.size ? machine->finisher : (hpa_t){EARLY_FINISHER});
	if (!machine->uart.base.raw)
		log_alert("The device tree names no UART that is known (ns16550a, sifive,uart0): "
			  "this is the board's at 0x%lx",
			  (unsigned long)EARLY_UART);
}

void drivers_emergency(void)
{
	static const struct machine_uart board = {.base = {EARLY_UART}, .io_width = 1};

	if (!console_has_device()) {
		console_set_device(ns16550_start(&board));
		finisher_start((hpa_t){EARLY_FINISHER});
	}
}

void drivers_start(const struct machine *machine)
{
	if (machine->plic.base.raw)
		plic_start(machine);
	if (!machine->plic.base.raw || !console_irq) {
		console_poll_device();
		log_info("No PLIC with an interrupt of the UART was found: the UART is polled");
	}
}

void drivers_route_console(const struct hart *hart)
{
	if (console_irq && hart->description->plic_context != MACHINE_NO_CONTEXT)
		plic_route(console_irq, hart->description->plic_context);
}

void drivers_interrupt(const struct hart *hart)
{
	int context = hart->description->plic_context;

	for (unsigned i = 0; i < INTERRUPTS_AT_ONCE; i++) {
		uint32_t irq = plic_claim(context);

		if (!irq)
			return;
		if (irq == console_irq)
			console_interrupt();
		plic_complete(context, irq);
	}
}

void drivers_power_off(unsigned status)
{
	finisher_power_off(status);
}
