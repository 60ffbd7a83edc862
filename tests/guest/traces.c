/* SPDX-License-Identifier: MIT */
/*
 * The guest that looks for traces of its earlier life. It asks which life this is, because
 * nothing that it could remember it by is meant to survive. The answers:
 *	1	leave traces everywhere, with a timer that is due only in the next life; reboot
 *	3	the same with a timer that is due already; report a failure
 *	2	look for them, print what a test prints, and ask again
 *	0	shut down
 */
#include "kit/csr.h"
#include "kit/fp.h"
#include "kit/kit.h"
#include "kit/mmio.h"
#include "kit/print.h"
#include "kit/sbi.h"
#include "kit/test.h"
#include "kit/trap.h"
#include "kit/vector.h"

#define TRACE	 ((unsigned long)0x7ace7ace7ace7aceULL)
#define SOON	 3000000 /* ticks */
#define PRIORITY 5

void traces_end(unsigned long type, unsigned long reason) __attribute__((noreturn));

extern unsigned long traces_seen[3];

/* Written before the life's end: in the image, that must come back as it was packed. */
static volatile unsigned long in_data = 0x600d;

static struct mmio_device uart, plic;
static unsigned long context;
static bool has_menvcfg, has_stimecmp;

/* What the CSRs were before this program used them. */
static struct {
	unsigned long sepc, scause, stval, scounteren, senvcfg, sip, sstatus;
	uint64_t stimecmp;
} found;

static unsigned long read_senvcfg(void)
{
	return CSR_READ(0x10a);
}

static void look_at_csrs(void)
{
	struct trap t;

	found.sstatus = CSR_READ(sstatus);
	found.sip = CSR_READ(sip);
	found.sepc = CSR_READ(sepc);
	found.scause = CSR_READ(scause);
	found.stval = CSR_READ(stval);
	found.scounteren = CSR_READ(scounteren);
	has_menvcfg = !trap_call(&t, read_senvcfg, 0, 0, 0);
	if (has_menvcfg)
		found.senvcfg = t.value;
	has_stimecmp = !trap_call(&t, csr_read_stimecmp, 0, 0, 0);
	if (has_stimecmp)
		found.stimecmp = csr_read_stimecmp();
}

/* --- leaving ---------------------------------------------------------------------------------- */

/* RAM that isn't the image's or the device tree's. */
static bool is_free(unsigned long at)
{
	unsigned long tree = (unsigned long)kit.fdt.blob;

	return (at < (unsigned long)image_start || at >= (unsigned long)image_end) &&
	       (at < (tree & ~4095UL) || at >= ((tree + kit.fdt.size + 4095) & ~4095UL));
}

static void leave_in_ram(void)
{
	unsigned long end = (unsigned long)(kit.ram_base + kit.ram_size);

	in_data = TRACE;
	for (unsigned long at = (unsigned long)kit.ram_base; at != end; at += XLEN_BYTES)
		if (is_free(at))
			*(volatile unsigned long *)at = TRACE;
}

/* An interrupt that is pending, one that is claimed and not completed, and every register. */
static void leave_in_devices(void)
{
	mmio_write8(uart.base + UART_LCR, UART_LCR_DLAB);
	mmio_write8(uart.base + UART_DATA, 0x12);
	mmio_write8(uart.base + UART_IER, 0x34);
	mmio_write8(uart.base + UART_LCR, 3);
	mmio_write8(uart.base + UART_FCR, UART_FCR_FIFO);
	mmio_write8(uart.base + UART_SCR, 0x56);
	mmio_write8(uart.base + UART_MCR, 0xb);
	mmio_write32(plic.base + PLIC_PRIORITY(uart.irq), PRIORITY);
	mmio_write32(plic.base + PLIC_ENABLE(context, uart.irq), 1U << uart.irq % 32);
	mmio_write32(plic.base + PLIC_THRESHOLD(context), 0);
	mmio_write8(uart.base + UART_IER, UART_IER_RX | UART_IER_THRE);
	test_equal(uart.irq, mmio_read32(plic.base + PLIC_CLAIM(context)),
		   "an interrupt of the UART is claimed and not completed");
	mmio_write32(plic.base + PLIC_THRESHOLD(context), 3);
	for (unsigned int irq = 1; irq < 32; irq++)
		mmio_write32(plic.base + PLIC_PRIORITY(irq), PRIORITY);
}

static void leave_in_csrs(bool later)
{
	uint64_t f[FP_WORDS];

	for (unsigned int i = 0; i < FP_COUNT; i++)
		f[i] = 0x7ace7ace7ace7aceULL;
	f[FP_COUNT] = 0x75; /* fcsr */
	CSR_SET(sstatus, SSTATUS_FS);
	if (CSR_READ(sstatus) & SSTATUS_FS)
		fp_load(f);
	if (vector_offered()) {
		static struct vector_state vectors;

		CSR_SET(sstatus, SSTATUS_VS);
		vector_fill(&vectors, 1, 6);
		vector_load(&vectors);
	}
	CSR_SET(sip, SIP_SSIP);
	sbi_set_timer(later ? csr_time() + SOON : 0);
	CSR_WRITE(scounteren, 2);
	if (has_menvcfg)
		CSR_WRITE(0x10a, 1);
	CSR_SET(sstatus, SSTATUS_SUM | SSTATUS_MXR | SSTATUS_SPIE);
	CSR_WRITE(sepc, TRACE);
	CSR_WRITE(scause, 7);
	CSR_WRITE(stval, TRACE);
	CSR_WRITE(sscratch, TRACE);
	CSR_WRITE(stvec, TRACE & ~3UL);
	CSR_WRITE(sie, SIP_STIP | SIP_SSIP | SIP_SEIP);
}

static void leave(bool later)
{
	test_true(true, "leaving traces");
	leave_in_ram();
	leave_in_devices();
	print("# traces: left\n");
	print_flush();
	leave_in_csrs(later);
	/* A reboot starts again in any case, a failure by the property `restart`. */
	if (later)
		traces_end(SRST_COLD, SRST_NO_REASON);
	traces_end(SRST_SHUTDOWN, SRST_FAILURE);
}

/* --- looking ---------------------------------------------------------------------------------- */

static void look_at_ram(void)
{
	unsigned long end = (unsigned long)(kit.ram_base + kit.ram_size);
	struct test_tally t = {0};

	for (unsigned long at = (unsigned long)kit.ram_base; at != end; at += XLEN_BYTES)
		if (is_free(at))
			test_tally(&t, at, 0, *(volatile unsigned long *)at);
	test_tally_end(&t, "RAM outside the image is zero");
	test_equal(0x600d, in_data, "the image is as it was packed");
}

static void look_at_registers(void)
{
	struct test_tally t = {0};
	uint64_t f[FP_WORDS];

	for (unsigned int i = 1; i < 32; i++)
		if (i != 11)
			test_tally(&t, i, 0, start_registers[i]);
	test_tally_end(&t, "all registers but a1 were zero");
	t = (struct test_tally){0};
	CSR_SET(sstatus, SSTATUS_FS);
	if (!(CSR_READ(sstatus) & SSTATUS_FS))
		return;
	fp_store(f);
	for (unsigned int i = 0; i <= FP_COUNT; i++)
		test_tally(&t, i, 0, (unsigned long)(f[i] | f[i] >> 32));
	test_tally_end(&t, "all floating-point registers and fcsr were zero");
}

static void look_at_vectors(void)
{
	static struct vector_state now, none = {.vtype = VECTOR_VILL};
	unsigned long where = 0;

	test_equal(0, start_registers[33] & SSTATUS_VS, "sstatus.VS was off");
	if (!vector_offered())
		return;
	CSR_SET(sstatus, SSTATUS_VS);
	vector_store(&now);
	test_equal(0, vector_differ(&none, &now, &where), "all vector registers were zero");
}

static void look_at_csrs_found(void)
{
	unsigned long bits = SSTATUS_SIE | SSTATUS_SPIE | SSTATUS_SPP | SSTATUS_SUM | SSTATUS_MXR;

	test_equal(0, traces_seen[1], "stvec was zero");
	test_equal(0, traces_seen[2], "sscratch was zero");
	test_equal(0, start_registers[32], "satp was zero");
	test_equal(0, start_registers[34], "sie was zero");
	test_equal(0, start_registers[33] & bits, "sstatus had none of SIE SPIE SPP SUM MXR");
	test_equal(0, start_registers[33] & SSTATUS_FS, "sstatus.FS was off");
	test_equal(0, found.sip, "no interrupt was pending");
	test_equal(0, found.sepc, "sepc was zero");
	test_equal(0, found.scause, "scause was zero");
	test_equal(0, found.stval, "stval was zero");
	test_equal(7, found.scounteren, "scounteren was as at the first start");
	if (has_menvcfg)
		test_equal(0, found.senvcfg, "senvcfg was zero");
	if (has_stimecmp)
		test_true(found.stimecmp == (uint64_t)-1, "stimecmp was as at the first start");
}

static void look_at_devices(void)
{
	struct test_tally t = {0};

	for (unsigned int irq = 1; irq < 32; irq++)
		test_tally(&t, irq, 0, mmio_read32(plic.base + PLIC_PRIORITY(irq)));
	test_tally_end(&t, "priorities of the PLIC are zero");
	test_equal(0, mmio_read32(plic.base + PLIC_ENABLE(context, 0)), "no interrupt is enabled");
	test_equal(0, mmio_read32(plic.base + PLIC_THRESHOLD(context)), "the threshold is zero");
	test_equal(0, mmio_read32(plic.base + PLIC_PENDING(0)), "no interrupt is pending in it");
	test_equal(0, mmio_read8(uart.base + UART_IER), "the UART's IER is zero");
	test_equal(0, mmio_read8(uart.base + UART_MCR) & 0x1f, "its MCR is zero");
	test_equal(0, mmio_read8(uart.base + UART_SCR), "its SCR is zero");
	test_equal(0, mmio_read8(uart.base + UART_LCR) & UART_LCR_DLAB, "its latch is closed");
	test_equal(UART_IIR_NONE, mmio_read8(uart.base + UART_IIR),
		   "its FIFO is off, no interrupt");
}

/* The UART's interrupt, claimed in the life before, can be claimed again. */
static void look_at_gateway(void)
{
	mmio_write32(plic.base + PLIC_PRIORITY(uart.irq), PRIORITY);
	mmio_write32(plic.base + PLIC_ENABLE(context, uart.irq), 1U << uart.irq % 32);
	mmio_write8(uart.base + UART_IER, UART_IER_THRE);
	test_equal(uart.irq, mmio_read32(plic.base + PLIC_CLAIM(context)),
		   "an interrupt that was claimed before can be claimed again");
	mmio_read8(uart.base + UART_IIR);
	mmio_write8(uart.base + UART_IER, 0);
	mmio_write32(plic.base + PLIC_CLAIM(context), uart.irq);
}

/* A timer that was set in the life before would come within this time. */
static void wait_for_timer(void)
{
	uint64_t start = csr_time();
	unsigned long seen = 0;

	while (csr_time() - start < 2 * SOON)
		seen |= CSR_READ(sip);
	test_equal(0, seen & (SIP_STIP | SIP_SSIP), "no interrupt of the life before comes later");
}

static void look(void)
{
	look_at_ram();
	look_at_registers();
	look_at_vectors();
	look_at_csrs_found();
	look_at_devices();
	wait_for_timer();
	look_at_gateway();
}

/* --- which life ------------------------------------------------------------------------------- */

/* Asks until somebody answers. */
static int ask(void)
{
	print("# traces: which life?\n");
	for (;;) {
		long byte = sbi_call(SBI_LEGACY_GETCHAR, 0, 0, 0, 0, 0, 0, 0).error;

		if (byte >= '0' && byte <= '3')
			return (int)byte;
	}
}

static int answer;

static void life(void)
{
	switch (answer) {
	case '1': leave(true); break;
	case '3': leave(false); break;
	default: look(); break;
	}
}

void main(void)
{
	static const struct test_subject subjects[] = {{"traces", life}, {0}};

	look_at_csrs();
	uart = mmio_uart();
	plic = mmio_plic();
	context = (unsigned long)mmio_plic_context();
	while ((answer = ask()) != '0')
		test_run(subjects);
}
