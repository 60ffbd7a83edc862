/* SPDX-License-Identifier: MIT */
/*
 * HTIF, as Spike (fesvr/htif.cc, device.cc) and QEMU (hw/char/riscv_htif.c) have it; there is no
 * specification. A command is a store to tohost: device in bits 63:56, what to do in 55:48, a byte
 * below. The host clears tohost once it has seen it, and answers in fromhost, which we clear.
 *
 * On RV32 a command takes two stores. QEMU acts upon the second, of the upper half. Spike looks
 * between two instructions, now and then, and might see half of one: there only power_off(),
 * which is of one half, is safe, and Spike has a 16550 for a terminal.
 */
#include "drivers/htif.h"

#include "drivers/mmio.h"

/* Of tohost and fromhost: device 1 is the terminal, device 0 ends the machine. */
#define GET ((uint64_t)0x0100 << 48)
#define PUT ((uint64_t)0x0101 << 48)

enum {
	TYPED_MAX = 16,	 /* a power of two */
	TRIES = 1000000, /* looks, until a host that doesn't clear tohost is given up */
};

/*
 * The emulator looks for these names in the ELF and takes the 16 bytes for itself: they are in a
 * page that nothing else is in (riscv/link.ld.S).
 */
extern volatile uint64_t tohost, fromhost;
volatile uint64_t tohost __attribute__((section(".htif")));
volatile uint64_t fromhost __attribute__((section(".htif")));

static uintptr_t to, from; /* 0: there is no HTIF */
static bool asked;	   /* the host owes a byte */
static uint8_t typed[TYPED_MAX];
static unsigned typed_in, typed_out; /* free-running */

/*
 * Make room for the host's next answer: QEMU doesn't wait for it, so that whatever it answers to a
 * byte that was sent would overwrite one that was typed.
 */
static void take_answer(void)
{
	uint64_t answer = mmio_read64(from);

	if (!answer)
		return;
	mmio_write64(from, 0);
	if ((answer & ~(uint64_t)0xffff) != GET)
		return;
	asked = false;
	if (typed_in - typed_out < TYPED_MAX)
		typed[typed_in++ % TYPED_MAX] = (uint8_t)answer;
}

static bool ready(void)
{
	take_answer();
	return !mmio_read64(to);
}

static void send(uint64_t command)
{
	for (unsigned i = 0; i < TRIES && !ready(); i++)
		;
	mmio_write64(to, command);
}

static void put(uint8_t byte)
{
	send(PUT | byte);
}

/* Spike owes one byte for each time it was asked, QEMU all that are typed from the first time on.
 */
static int get(void)
{
	if (ready() && !asked) {
		asked = true;
		mmio_write64(to, GET);
	}
	return typed_in == typed_out ? -1 : typed[typed_out++ % TYPED_MAX];
}

static void interrupts(bool on_input, bool on_output)
{
	(void)on_input;
	(void)on_output;
}

const struct console_device *htif_console(void)
{
	static const struct console_device device = {
		.burst = 1,
		.ready = ready,
		.put = put,
		.get = get,
		.interrupts = interrupts,
	};

	return &device;
}

void htif_start(hpa_t at)
{
	from = at.raw ? at.raw : (uintptr_t)&fromhost;
	to = at.raw ? at.raw + sizeof(uint64_t) : (uintptr_t)&tohost;
}

bool htif_power_off(unsigned status)
{
	if (to)
		send((uint64_t)status << 1 | 1);
	return to;
}
