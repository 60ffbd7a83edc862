/* SPDX-License-Identifier: MIT */
#include "drivers/drivers.h"

#include "core/arch.h"
#include "core/console.h"
#include "core/log.h"
#include "drivers/finisher.h"
#include "drivers/htif.h"
#include "drivers/interrupts.h"
#include "drivers/ns16550.h"
#include "drivers/sifive_uart.h"

/* A storm of interrupts must not keep the hart from its guest. */
enum { INTERRUPTS_AT_ONCE = 16 };

static const struct interrupt_controller *controller; /* NULL: there is none that we know */
static uint32_t console_irq;

/* True when something is where the line status is, or the sixth register of SiFive's. */
static bool uart_answers(const struct machine_uart *uart)
{
	enum { REGISTER = 5 };

	return arch_answers((hpa_t){uart->base.raw + (REGISTER << uart->reg_shift)},
			    uart->io_width);
}

void drivers_start_console(const struct machine *machine)
{
	struct machine_uart uart = machine->uart;
	bool answers = uart.base.raw && uart_answers(&uart);

	if (!answers)
		uart = (struct machine_uart){.base = {EARLY_UART}, .io_width = 1};
	console_irq = uart.irq;
	/* The machine must be able to end even when no more than this can be done with it. */
	finisher_start(machine->fdt.size ? machine->finisher : (hpa_t){EARLY_FINISHER});
	finisher_start_updates(machine->power_off);
	if (machine->has_htif)
		htif_start(machine->htif);
	if (machine->has_htif && !machine->uart.base.raw) {
		console_set_device(htif_console());
		return;
	}
	/* Better silent than writing to what isn't there: on another board that is a fault. */
	if (answers || uart_answers(&uart))
		console_set_device(uart.kind == UART_SIFIVE ? sifive_uart_start(&uart)
							    : ns16550_start(&uart));
	if (!machine->uart.base.raw)
		log_alert("The device tree names no UART that is known (ns16550a, sifive,uart0): "
			  "this is the board's at 0x%lx",
			  (unsigned long)EARLY_UART);
	else if (!answers)
		log_alert("Nothing answers at 0x%lx, where the device tree has the UART: this is "
			  "the board's at 0x%lx",
			  (unsigned long)machine->uart.base.raw, (unsigned long)EARLY_UART);
}

void drivers_emergency(void)
{
	static const struct machine_uart board = {.base = {EARLY_UART}, .io_width = 1};

	if (!console_has_device()) {
		console_set_device(ns16550_start(&board));
		finisher_start((hpa_t){EARLY_FINISHER});
	}
}

/* The UART's, or the one by which harts call each other, or the one that has to be silenced. */
static const struct interrupt_controller *choose(const struct machine *machine)
{
	if (machine->aplic.base.raw)
		return machine->aplic.sends_msi ? &imsic_controller : &aplic_controller;
	for (unsigned i = 0; i < machine->hart_count; i++)
		if (machine->harts[i].msip_is_imsic)
			return &imsic_controller;
	return machine->plic.base.raw ? &plic_controller : NULL;
}

static void poll_console(const struct reason *why)
{
	console_irq = 0;
	console_poll_device();
	log_info("%s: the UART is polled", why->text);
}

static enum status start_controller(const struct machine *machine, struct reason *why)
{
	enum status status;

	controller = choose(machine);
	if (!controller)
		return refuse(why, ERR_MISSING,
			      "No PLIC or APLIC with an interrupt of the UART was found");
	status = controller->start(machine, why);
	if (status == OK && !console_irq)
		return refuse(why, ERR_MISSING, "No interrupt of the UART comes by %s",
			      controller->name);
	return status;
}

void drivers_start(const struct machine *machine)
{
	struct reason why;

	if (start_controller(machine, &why) != OK)
		poll_console(&why);
	else if (controller != &plic_controller)
		log_debug("The UART's interrupt comes by %s", controller->name);
}

static enum status route_console(const struct hart *hart, struct reason *why)
{
	if (!hart->reachable)
		return refuse(why, ERR_LIMIT, "Nothing of %s reaches CPU %u", controller->name,
			      hart->id);
	return controller->route(hart, why);
}

bool drivers_start_hart(const struct hart *hart)
{
	return controller && controller->start_hart(hart);
}

void drivers_route_console(const struct hart *hart)
{
	struct reason why;

	if (console_irq && route_console(hart, &why) != OK)
		poll_console(&why);
}

bool drivers_interrupt(const struct hart *hart)
{
	bool is_called = false;

	for (unsigned i = 0; hart->reachable && i < INTERRUPTS_AT_ONCE; i++) {
		uint32_t irq = controller->claim(hart);

		if (!irq)
			break;
		if (irq == INTERRUPT_CALL) {
			is_called = true;
			continue;
		}
		if (irq == console_irq)
			console_interrupt();
		controller->complete(hart, irq);
		/* That takes its time, and what else is pending interrupts again. */
		if (irq == console_irq)
			break;
	}
	return is_called;
}

bool drivers_power_off(unsigned status)
{
	return finisher_power_off(status) || htif_power_off(status) || finisher_update();
}
