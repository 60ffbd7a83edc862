/* SPDX-License-Identifier: MIT */
#ifndef DRIVERS_SIFIVE_UART_H
#define DRIVERS_SIFIVE_UART_H

#include "core/console.h"
#include "core/machine.h"

/* Switch on transmitter and receiver; the baud rate stays what it is. */
const struct console_device *sifive_uart_start(const struct machine_uart *uart);

#endif
