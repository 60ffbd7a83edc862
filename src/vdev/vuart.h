/* SPDX-License-Identifier: MIT */
/*
 * The virtual NS16550A: the console that a stock kernel's 8250 driver finds.
 * Registers one byte apart (reg-shift 0), accesses of one byte. Data sheet:
 * National PC16550D.
 *
 * Nothing is lost that a guest has a right to expect: bytes that the console has
 * no room for are held, 16 of them, with THRE off until all are gone; what is
 * typed waits in the console's port until the guest reads it, also through
 * the FIFO resets and blind reads of a driver that starts up.
 */
#ifndef VDEV_VUART_H
#define VDEV_VUART_H

#include "core/console.h"
#include "vdev/vdev.h"
#include "vdev/vplic.h"

enum { VUART_SIZE = 0x100, VUART_CLOCK = 3686400 };

enum { VUART_FIFO = 16 };

/* Bytes of one direction, at most VUART_FIFO. */
struct vuart_fifo {
	uint8_t first; /* index of the oldest */
	uint8_t count;
	uint8_t bytes[VUART_FIFO];
};

struct vuart {
	struct vdev dev;
	struct console_port *port;
	struct vplic *plic;
	unsigned irq;
	bool line;	   /* what the PLIC was told last */
	bool thre_pending; /* the transmitter-empty interrupt is latched */
	bool input;	   /* the console's port had a byte when we looked last */
	uint8_t odd;	   /* what makes LSR more than "is there input?": ODD_... in vuart.c */
	uint8_t msr_delta; /* modem lines that changed since MSR was read */
	uint8_t ier, fcr, lcr, mcr, scr, dll, dlm;
	struct vuart_fifo held; /* output that the console had no room for */
	struct vuart_fifo loop; /* what loop-back (MCR bit 4) has received */
};

/* Make `uart` (zeroed here) at `base`, raising `irq` of `plic`, talking to `port`. */
void vuart_init(struct vuart *uart, gpa_t base, struct vplic *plic, unsigned irq,
		struct console_port *port);

/*
 * Call it once the port is attached to the console, and whenever its `changed` is called: input has
 * arrived or room for output has come back: send what is held and bring the interrupt up
 * to date. Like the registers' functions, called with the capsule's device lock held, and without
 * the console's.
 */
void vuart_poll(struct vuart *uart);

#endif
