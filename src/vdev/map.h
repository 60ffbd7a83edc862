/* SPDX-License-Identifier: MIT */
/*
 * Where guests find their virtual devices: the addresses of QEMU's `virt`
 * machine, which every bare-metal example already knows.
 */
#ifndef VDEV_MAP_H
#define VDEV_MAP_H

#define VDEV_PLIC     0x0c000000
#define VDEV_UART     0x10000000
#define VDEV_UART_IRQ 10

#endif
