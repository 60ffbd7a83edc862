/* SPDX-License-Identifier: MIT */
/*
 * What an interrupt controller of the host's has to offer. There are three: the PLIC, an APLIC
 * with wires to the harts, and the harts' IMSICs with an APLIC that sends to them. drivers.c
 * chooses one for the machine. Every member is mandatory.
 */
#ifndef DRIVERS_INTERRUPTS_H
#define DRIVERS_INTERRUPTS_H

#include "core/hart.h"
#include "core/machine.h"
#include "core/status.h"

/* What `claim` gives when no device but another hart calls. */
#define INTERRUPT_CALL ((uint32_t)-1)

struct interrupt_controller {
	const char *name; /* for messages: "the PLIC" */

	/*
	 * Every source off, for every hart, and for what lies below machine level, whatever an
	 * earlier stage has left: what arrives there would go to a guest directly, since SEIP of
	 * mip reads as its OR with that line. Boot hart, once. Refuses what turns out to be
	 * something else.
	 */
	enum status (*start)(const struct machine *machine, struct reason *why);

	/* The hart's own part of it; false when it has none. On that hart, before it is ready. */
	bool (*start_hart)(const struct hart *hart);

	/*
	 * The UART's source (uart.irq of start()) raises the external interrupt of `hart`, whose
	 * part is set up, and of no other. Any hart.
	 */
	enum status (*route)(const struct hart *hart, struct reason *why);

	/*
	 * The next source that wants service at `hart`, 0 for none, or INTERRUPT_CALL; and the end
	 * of a source's service. On that hart.
	 */
	uint32_t (*claim)(const struct hart *hart);
	void (*complete)(const struct hart *hart, uint32_t irq);
};

extern const struct interrupt_controller plic_controller;  /* plic.c */
extern const struct interrupt_controller aplic_controller; /* aplic.c */
extern const struct interrupt_controller imsic_controller; /* imsic.c */

#endif
