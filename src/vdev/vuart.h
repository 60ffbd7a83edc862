/* SPDX-License-Identifier: MIT */
/*
 * The virtual NS16550A: the console that a stock kernel's 8250 driver finds.
 * Registers one byte apart (reg-shift 0). Data sheet: National PC16550D.
 */
#ifndef VDEV_VUART_H
#define VDEV_VUART_H

#include "core/console.h"
#include "vdev/vdev.h"
#include "vdev/vplic.h"

enum { VUART_SIZE = 0x100, VUART_CLOCK = 3686400 };

struct vuart {
	struct vdev dev;
	struct console_port *port;
	struct vplic *plic;
	unsigned irq;
	bool thre_pending; /* the transmitter-empty interrupt is latched */
	/* loop-back (MCR bit 4) holds one byte */
	bool loop_full;
	uint8_t loop;
	uint8_t ier, fcr, lcr, mcr, scr, dll, dlm;
};

/* Make `uart` (zeroed here) at `base`, raising `irq` of `plic`, talking to `port`. */
void vuart_init(struct vuart *uart, gpa_t base, struct vplic *plic, unsigned irq,
		struct console_port *port);

/* Input has arrived or room for output has come back: bring the interrupt up to date. */
void vuart_poll(struct vuart *uart);

#endif
