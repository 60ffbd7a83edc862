/* SPDX-License-Identifier: MIT */
/*
 * "Legacy Extensions (EIDs #0x00 - #0x0F)", those that old kernels need: timer,
 * console, clearing one's own IPI, shutdown. The ones that take a pointer to a
 * hart mask in virtual memory (0x04-0x07) are not offered. The result is in a0
 * alone: a1 comes back as it was.
 */
#include "core/arch.h"
#include "sbi/sbi.h"

/* One of its own, because old kernels print with it byte by byte. */
SBI_HANDLER(sbi_legacy_putchar)
{
	if (console_write_quickly(vcpu_this()->console, a0))
		return sbi_return(0, a1);
	return sbi_write_blocking(a0, a1, a1);
}

/* -1 when nothing waits. */
static long getchar(struct console_port *port)
{
	int byte = console_read(port);

	if (byte >= 0)
		port->changed(port); /* its UART shows the same input */
	return byte;
}

SBI_HANDLER(sbi_legacy)
{
	struct vcpu *vcpu = vcpu_this();

	switch (eid) {
	case SBI_EXT_LEGACY_GETCHAR: return sbi_return(getchar(vcpu->console), a1);
	case SBI_EXT_LEGACY_SET_TIMER:
		arch_timer_set(vcpu, sbi_wide(a0, a1));
		return sbi_return(0, a1);
	case SBI_EXT_LEGACY_CLEAR_IPI: return sbi_return(arch_vcpu_clear_ipi(vcpu), a1);
	case SBI_EXT_LEGACY_SHUTDOWN:
		capsule_end(vcpu->capsule, CAPSULE_SHUTDOWN, "powered off");
		return sbi_return(0, a1);
	default: return sbi_return(SBI_ERR_NOT_SUPPORTED, 0);
	}
}
