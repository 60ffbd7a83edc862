/* SPDX-License-Identifier: MIT */
/*
 * A hostile guest at the virtual devices: any access to any address, while input
 * arrives and the console fills and empties.
 *
 * The input is a list of operations of eight bytes. After each, what the devices
 * tell each other and the vCPUs has to fit what their registers say.
 */
#include <stdlib.h>
#include <string.h>

#include "core/console.h"
#include "vdev/vuart.h"

enum { PLIC = 0x0c000000, UART = 0x10000000, IRQ = 10, CONTEXTS = 3 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct vdev_bus bus;
static struct vplic plic;
static struct vuart uart;
static struct console_port port;
static uint32_t outputs; /* one bit a context */

static size_t room; /* bytes that the console takes before it is full */

struct console_road console_road; /* the quick road of a zeroed port is never open */

bool console_write_slowly(struct console_port *to, xlen_t byte)
{
	(void)to;
	(void)byte;
	if (!room)
		return false;
	room--;
	return true;
}

bool console_readable(struct console_port *from)
{
	return from->input_head != from->input_tail;
}

int console_read(struct console_port *from)
{
	if (!console_readable(from))
		return -1;
	return from->input[from->input_head++ % CONSOLE_INPUT_SIZE];
}

static void require(bool condition)
{
	if (!condition)
		abort();
}

/* Only changes are told, and only to vCPUs that exist. */
static void output(struct vplic *from, unsigned context, bool level)
{
	require(from == &plic && context < CONTEXTS);
	require((outputs >> context & 1) != level);
	outputs ^= 1u << context;
}

static void start(void)
{
	memset(&bus, 0, sizeof(bus));
	memset(&port, 0, sizeof(port));
	outputs = 0;
	room = 16;
	vplic_init(&plic, (gpa_t){PLIC}, CONTEXTS, output);
	vuart_init(&uart, (gpa_t){UART}, &plic, IRQ, &port);
	require(vdev_attach(&bus, &uart.dev) && vdev_attach(&bus, &plic.dev));
}

struct operation {
	uint8_t kind;
	uint8_t value;
	uint16_t room;
	uint32_t at; /* from the first device on */
};

/* Addresses near registers are likelier than their share. */
static uint64_t address_of(const struct operation *op)
{
	switch (op->kind >> 3 & 7) {
	case 0:
	case 1:
	case 2: return UART + op->at % 16;
	case 3: return PLIC + op->at % 0x100;
	case 4: return PLIC + 0x1000 + op->at % 0x1200;
	case 5: return PLIC + 0x200000 + (op->at % 5 << 12) + (op->at >> 8) % 12;
	case 6: return PLIC + op->at % (UART + 0x1000 - PLIC);
	default: return (uint64_t)op->at << 32 | op->room;
	}
}

static void access(const struct operation *op)
{
	unsigned size = 1u << (op->kind >> 6);
	gpa_t at = {address_of(op)};
	struct vdev *dev = vdev_find(&bus, at, size);
	uint64_t value = op->value * 0x0101010101010101u ^ op->room;

	if (!dev)
		return;
	require(range_contains(dev->base.raw, dev->size, at.raw, size));
	if (op->kind & 1) {
		dev->ops->write(dev, (uint32_t)(at.raw - dev->base.raw), size, value);
		return;
	}
	value = dev->ops->read(dev, (uint32_t)(at.raw - dev->base.raw), size);
	require(size == 8 || value >> (8 * size) == 0);
}

static void check(void)
{
	uint32_t expected = 0;

	require(plic.pending % 2 == 0 && plic.claimed % 2 == 0 && !(plic.pending & plic.claimed));
	require(!(plic.levels & ~plic.pending & ~plic.claimed));
	require(uart.line == (plic.levels >> IRQ & 1));
	for (unsigned c = 0; c < CONTEXTS; c++)
		for (unsigned s = 1; s < VPLIC_SOURCES; s++)
			if (plic.pending >> s & plic.enables[c] >> s & 1 &&
			    plic.priorities[s] > plic.thresholds[c])
				expected |= 1u << c;
	require(outputs == expected);
	require(uart.held.count <= VUART_FIFO && uart.loop.count <= VUART_FIFO);
	require(port.input_tail - port.input_head <= CONSOLE_INPUT_SIZE);
}

static void step(const struct operation *op)
{
	switch (op->kind & 6) {
	case 2:
		if (port.input_tail - port.input_head < CONSOLE_INPUT_SIZE)
			port.input[port.input_tail++ % CONSOLE_INPUT_SIZE] = op->value;
		vuart_poll(&uart);
		break;
	case 4:
		room = op->room % 64;
		vuart_poll(&uart);
		break;
	default: access(op);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct operation op;

	start();
	for (; size >= sizeof(op); data += sizeof(op), size -= sizeof(op)) {
		memcpy(&op, data, sizeof(op));
		step(&op);
		check();
	}
	return 0;
}
