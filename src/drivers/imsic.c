/* SPDX-License-Identifier: MIT */
/*
 * The harts' IMSICs (RISC-V AIA, "Incoming MSI Controller"), each hart's interrupt file at machine
 * level: for what the APLIC sends, and, on machines without registers for software interrupts, for
 * what one hart sends another ("Interprocessor Interrupts").
 *
 * Identity 1 is that call, riscv/csr.h's IMSIC_CALL; that of a source of the APLIC is its number
 * and 1. A file is reached through CSRs of its hart alone. The supervisor's file is riscv/aia.c's.
 */
#include "core/log.h"
#include "drivers/aplic.h"
#include "drivers/interrupts.h"
#include "riscv/access.h"

enum { TOPEI_IDENTITY_SHIFT = 16 };

static uint32_t uart_identity; /* 0: nothing is sent but calls */

static uint32_t identity_of(uint32_t irq)
{
	return irq + IMSIC_CALL;
}

/* Of the arrays eip and eie: the register with this identity, and its bit there. */
static xlen_t register_of(xlen_t array, uint32_t identity)
{
	return array + identity / XLEN * (XLEN / 32);
}

static xlen_t bit_of(uint32_t identity)
{
	return (xlen_t)1 << identity % XLEN;
}

/* There may be nothing but calls; what can't be sent is known when it is routed. */
static enum status start(const struct machine *machine, struct reason *why)
{
	uart_identity = 0;
	if (!machine->aplic.sends_msi)
		return refuse(why, ERR_MISSING, "no APLIC sends MSIs for the UART's interrupt");
	if (identity_of(machine->uart.irq) > machine->imsic_ids)
		return refuse(why, ERR_LIMIT,
			      "the UART's interrupt %u is beyond the %u identities of the IMSICs",
			      (unsigned)machine->uart.irq, (unsigned)machine->imsic_ids);
	uart_identity = identity_of(machine->uart.irq);
	return aplic_start(machine, why);
}

/* What an earlier stage had enabled is no longer, and what is pending counts for nothing. */
static bool start_hart(const struct hart *hart)
{
	const xlen_t step = XLEN / 32;
	xlen_t unused;

	(void)hart;
	if (!csr_probe_mtopei(&unused) || !csr_write_mireg(ISELECT_EIDELIVERY, 0) ||
	    !csr_write_mireg(ISELECT_EITHRESHOLD, 0))
		return false;
	for (xlen_t i = ISELECT_EIE; i < ISELECT_EIE + 64 && csr_write_mireg(i, 0); i += step)
		;
	for (xlen_t i = ISELECT_EIP; i < ISELECT_EIP + 64 && csr_write_mireg(i, 0); i += step)
		;
	if (uart_identity &&
	    !csr_set_mireg(register_of(ISELECT_EIE, uart_identity), bit_of(uart_identity)))
		return false;
	return csr_set_mireg(ISELECT_EIE, bit_of(IMSIC_CALL)) &&
	       csr_write_mireg(ISELECT_EIDELIVERY, 1);
}

static enum status route(const struct hart *hart, struct reason *why)
{
	int index = hart->description->aplic_index;

	if (index == MACHINE_NO_CONTEXT)
		return refuse(why, ERR_LIMIT, "the APLIC has no number for CPU %u", hart->id);
	return aplic_route(index, uart_identity, why);
}

/* To read and to take in one instruction: in between another could come first ("Top external
 * interrupt CSRs"). */
static uint32_t claim(const struct hart *hart)
{
	uint32_t identity = csr_swap(CSR_MTOPEI, 0) >> TOPEI_IDENTITY_SHIFT;

	(void)hart;
	return identity == IMSIC_CALL ? INTERRUPT_CALL : identity ? identity - IMSIC_CALL : 0;
}

/*
 * The APLIC has sent its MSI and won't send another before the wire has been released ("Special
 * consideration for level-sensitive interrupt sources"). Of the ways that the specification gives,
 * writing to setipnum does nothing on QEMU 7.2; so the wire is looked at, and as long as it asks
 * the interrupt is made pending here.
 */
static void complete(const struct hart *hart, uint32_t irq)
{
	(void)hart;
	if (aplic_is_asserted(irq))
		csr_set_mireg(register_of(ISELECT_EIP, identity_of(irq)), bit_of(identity_of(irq)));
}

const struct interrupt_controller imsic_controller = {
	.name = "the APLIC and the CPUs' IMSICs",
	.start = start,
	.start_hart = start_hart,
	.route = route,
	.claim = claim,
	.complete = complete,
};
