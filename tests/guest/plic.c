/* SPDX-License-Identifier: MIT */
/*
 * Subject plic: the guest's interrupt controller keeps what it is told for the
 * guest's own interrupts and context, and nothing else (RISC-V PLIC
 * specification 1.0.0). The UART's sender is the source that is at hand.
 */
#include "kit/csr.h"
#include "kit/kit.h"
#include "kit/mmio.h"
#include "kit/print.h"
#include "kit/test.h"
#include "subjects.h"

static struct mmio_device uart, plic;
static int context;

static uint32_t get(unsigned long offset)
{
	return mmio_read32(plic.base + offset);
}

static void set(unsigned long offset, uint32_t value)
{
	mmio_write32(plic.base + offset, value);
}

/*
 * QEMU 7.2's own PLIC does not look at its lines again after a write of the
 * enable bits, only after one of the threshold, which here changes nothing.
 */
static void enable(uint32_t bits)
{
	set(PLIC_ENABLE(context, uart.irq), bits);
	if (!kit.diosix)
		set(PLIC_THRESHOLD(context), get(PLIC_THRESHOLD(context)));
}

static bool external(void)
{
	return trap_is_pending(IRQ_EXTERNAL);
}

/* The line follows in its own time on real hardware: so with patience, and not for ever. */
static bool external_becomes(bool wanted)
{
	for (int i = 0; i < 100000 && external() != wanted; i++)
		;
	return external() == wanted;
}

static void check_registers(void)
{
	struct test_tally t = {0};

	for (uint32_t value = 0; value < 8; value++) {
		set(PLIC_PRIORITY(uart.irq), value);
		test_tally(&t, value, value, get(PLIC_PRIORITY(uart.irq)));
		set(PLIC_THRESHOLD(context), value);
		test_tally(&t, value, value, get(PLIC_THRESHOLD(context)));
	}
	set(PLIC_PRIORITY(uart.irq), 0);
	set(PLIC_THRESHOLD(context), 0);
	test_tally_end(&t, "priority and threshold keep 0 to 7");

	set(PLIC_ENABLE(context, uart.irq), 1u << uart.irq % 32);
	test_equal(1u << uart.irq % 32, get(PLIC_ENABLE(context, uart.irq)),
		   "the enable bit keeps its value");
	set(PLIC_ENABLE(context, uart.irq), 0);
	test_equal(0, get(PLIC_ENABLE(context, uart.irq)), "the enable bit is cleared");

	set(PLIC_PRIORITY(0), 7);
	test_equal(0, get(PLIC_PRIORITY(0)), "interrupt 0 has no priority");
	set(PLIC_ENABLE(context, 0), 1);
	if (kit.diosix) /* QEMU 7.2 remembers the bit, without effect */
		test_equal(0, get(PLIC_ENABLE(context, 0)) & 1, "interrupt 0 can't be enabled");
	set(PLIC_ENABLE(context, 0), 0);
}

static void check_idle(void)
{
	test_equal(0, get(PLIC_CLAIM(context)), "claim finds nothing when nothing is pending");
	test_true(!external(), "SEIP is clear when nothing is pending");
	set(PLIC_CLAIM(context), uart.irq);
	set(PLIC_CLAIM(context), 0);
	set(PLIC_CLAIM(context), 1000);
	set(PLIC_CLAIM(context), 0xffffffff);
	test_equal(0, get(PLIC_CLAIM(context)), "completing what was not claimed does nothing");
}

/* The level of the source is up from here to the end of check_claim(). */
static void raise(void)
{
	mmio_write8(uart.base + UART_IER, 0);
	mmio_write8(uart.base + UART_IER, UART_IER_THRE);
}

static void check_gates(void)
{
	uint32_t bit = 1u << uart.irq % 32;

	raise();
	set(PLIC_PRIORITY(uart.irq), 3);
	kit_delay(1000);
	test_true(!external(), "not enabled: no interrupt");
	test_equal(bit, get(PLIC_PENDING(uart.irq)) & bit, "the pending bit shows it all the same");
	enable(bit);
	test_true(external_becomes(true), "enabled, priority 3, threshold 0: interrupt");
	set(PLIC_THRESHOLD(context), 3);
	test_true(external_becomes(false), "priority equal to the threshold: none");
	set(PLIC_THRESHOLD(context), 2);
	test_true(external_becomes(true), "priority above the threshold: interrupt");
	set(PLIC_THRESHOLD(context), 0);
	set(PLIC_PRIORITY(uart.irq), 0);
	test_true(external_becomes(false), "priority 0: never");
	set(PLIC_PRIORITY(uart.irq), 1);
	test_true(external_becomes(true), "priority 1, threshold 0: interrupt");
	enable(0);
	test_true(external_becomes(false), "disabled again: none");
	enable(bit);
	test_true(external_becomes(true), "enabled again: interrupt");

	/* The guest has no other way to change it (privileged specification, sip.SEIP). */
	CSR_CLEAR(sip, SIP_SEIP);
	test_true(external(), "the guest can't clear SEIP by itself");
}

static void check_claim(void)
{
	test_equal(uart.irq, get(PLIC_CLAIM(context)), "claim gives the interrupt");
	test_true(external_becomes(false), "claimed: SEIP is clear");
	test_equal(0, get(PLIC_CLAIM(context)), "claimed: a second claim finds nothing");
	set(PLIC_CLAIM(context), uart.irq);
	if (!kit.diosix)
		raise(); /* QEMU 7.2's gateway forgets that the line is up */
	test_true(external_becomes(true), "completed while the line is up: it comes again");
	test_equal(uart.irq, get(PLIC_CLAIM(context)), "claim gives it again");

	mmio_write8(uart.base + UART_IER, 0);
	set(PLIC_CLAIM(context), uart.irq);
	kit_delay(1000);
	test_true(!external(), "completed while the line is down: silence");
	test_equal(0, get(PLIC_CLAIM(context)), "claim finds nothing");
	set(PLIC_ENABLE(context, uart.irq), 0);
	set(PLIC_PRIORITY(uart.irq), 0);
}

static void poke(struct test_tally *t, unsigned long offset, uint32_t value)
{
	static const void *const probes[] = {probe_load8,   probe_load16, probe_load32,
					     probe_load,    probe_store8, probe_store16,
					     probe_store32, probe_store};

	for (unsigned int i = 0; i < 8; i++) {
		struct trap trap;

		trap_call(&trap, probes[i], plic.base + offset, value, 0);
		test_tally(t, offset << 4 | i, 1,
			   !trap.taken || (trap.frame.cause >= CAUSE_LOAD_MISALIGNED &&
					   trap.frame.cause <= CAUSE_STORE_ACCESS));
	}
}

/*
 * Interrupts and contexts that are not the guest's, wrong widths, unaligned
 * addresses, gaps, the last bytes of the window. On a machine that the guest
 * owns these would change what firmware set up.
 */
static void check_invalid(void)
{
	static const unsigned long offsets[] = {
		PLIC_PRIORITY(1),
		PLIC_PRIORITY(127),
		PLIC_PRIORITY(1023),
		0x0ffd,
		PLIC_PENDING(0),
		PLIC_PENDING(1023),
		0x1080,
		0x1ffc,
		PLIC_ENABLE(0, 0),
		PLIC_ENABLE(0, 992),
		PLIC_ENABLE(1, 992),
		PLIC_ENABLE(2, 0),
		PLIC_ENABLE(500, 0),
		0x1f1ffc,
		PLIC_THRESHOLD(0),
		PLIC_CLAIM(0),
		PLIC_THRESHOLD(1) + 8,
		PLIC_THRESHOLD(2),
		PLIC_CLAIM(2),
		PLIC_THRESHOLD(1) + 1,
		PLIC_THRESHOLD(1) + 2,
		PLIC_CLAIM(500),
	};
	struct test_tally t = {0}, zero = {0};

	if (!kit.diosix) {
		test_skip("the machine's own", "registers that are not the guest's");
		return;
	}
	for (unsigned long i = 0; i < sizeof(offsets) / sizeof(*offsets); i++)
		poke(&t, offsets[i], 0xffffffff);
	for (unsigned long back = 1; back <= 8; back++)
		poke(&t, plic.size - back, 0xffffffff);
	test_tally_end(&t, "registers that are not the guest's: nothing, or a fault");

	/* Priorities of interrupts that the guest does not have: not remembered. */
	for (unsigned int irq = 200; irq < 1024; irq += 41) {
		set(PLIC_PRIORITY(irq), 7);
		test_tally(&zero, irq, 0, get(PLIC_PRIORITY(irq)));
	}
	test_tally_end(&zero, "interrupts that nobody has keep no priority");
	for (unsigned int irq = 0; irq < 1024; irq += 32)
		set(PLIC_ENABLE(context, irq), 0);
	for (unsigned int irq = 1; irq < 128; irq++)
		set(PLIC_PRIORITY(irq), 0);
	set(PLIC_THRESHOLD(context), 0);
}

void plic_test(void)
{
	uart = mmio_uart();
	plic = mmio_plic();
	context = mmio_plic_context();
	if (!uart.base || !plic.base || context < 0) {
		test_skip("no UART or no PLIC", "interrupt controller");
		return;
	}
	/* Firmware prints through the device whose interrupt is used. */
	print_hold(true);
	mmio_write8(uart.base + UART_IER, 0);
	check_registers();
	check_idle();
	check_gates();
	check_claim();
	check_invalid();
}
