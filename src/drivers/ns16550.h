/* SPDX-License-Identifier: MIT */
#ifndef DRIVERS_NS16550_H
#define DRIVERS_NS16550_H

#include "core/console.h"
#include "core/machine.h"

/* Set up the 16550-compatible UART for 8n1 with FIFOs; the baud rate stays what it is. */
const struct console_device *ns16550_start(const struct machine_uart *uart);

#endif
