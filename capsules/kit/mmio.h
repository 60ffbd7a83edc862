/* SPDX-License-Identifier: MIT */
/*
 * Registers of devices, and where the device tree says that they are.
 */
#ifndef KIT_MMIO_H
#define KIT_MMIO_H

#include <stdint.h>

static inline uint8_t mmio_read8(unsigned long address)
{
	return *(volatile uint8_t *)address;
}

static inline uint32_t mmio_read32(unsigned long address)
{
	return *(volatile uint32_t *)address;
}

static inline void mmio_write8(unsigned long address, uint8_t value)
{
	*(volatile uint8_t *)address = value;
}

static inline void mmio_write32(unsigned long address, uint32_t value)
{
	*(volatile uint32_t *)address = value;
}

/* A device of the guest; base 0 if the device tree has none. */
struct mmio_device {
	unsigned long base, size;
	unsigned int irq;
};

/* The 16550 and the PLIC of the device tree. */
struct mmio_device mmio_uart(void);
struct mmio_device mmio_plic(void);

/*
 * The PLIC's context for external interrupts of this hart in S-mode: its place
 * in `interrupts-extended`; -1 if there is none.
 */
int mmio_plic_context(void);

/* The same of another hart, by its id. */
int mmio_plic_context_of(unsigned long hart);

/* Offsets in the PLIC (RISC-V PLIC specification 1.0.0). */
#define PLIC_PRIORITY(irq)    (4UL * (irq))
#define PLIC_PENDING(irq)     (0x1000UL + (irq) / 32 * 4)
#define PLIC_ENABLE(ctx, irq) (0x2000UL + 0x80UL * (unsigned long)(ctx) + (irq) / 32 * 4)
#define PLIC_THRESHOLD(ctx)   (0x200000UL + 0x1000UL * (unsigned long)(ctx))
#define PLIC_CLAIM(ctx)	      (0x200004UL + 0x1000UL * (unsigned long)(ctx))

/* Registers and bits of the 16550. */
enum { UART_DATA, UART_IER, UART_IIR, UART_LCR, UART_MCR, UART_LSR, UART_MSR, UART_SCR };
#define UART_FCR	  UART_IIR
#define UART_IER_RX	  0x01
#define UART_IER_THRE	  0x02
#define UART_IIR_NONE	  0x01
#define UART_IIR_THRE	  0x02
#define UART_IIR_RX	  0x04
#define UART_IIR_FIFO	  0xc0
#define UART_FCR_CLEAR_RX 0x02
#define UART_FCR_FIFO	  0x01
#define UART_LCR_DLAB	  0x80
#define UART_MCR_LOOP	  0x10
#define UART_LSR_DR	  0x01
#define UART_LSR_THRE	  0x20
#define UART_LSR_TEMT	  0x40

#endif
