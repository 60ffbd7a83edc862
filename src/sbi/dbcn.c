/* SPDX-License-Identifier: MIT */
/*
 * "Debug Console Extension (EID #0x4442434E "DBCN")". Calls don't block, so a
 * call takes at most CHUNK bytes: the guest repeats with the rest, and the time
 * that one exit takes stays bounded whatever count it names.
 */
#include "core/arch.h"
#include "sbi/sbi.h"

enum { CONSOLE_WRITE = 0, CONSOLE_READ = 1, CONSOLE_WRITE_BYTE = 2 };

enum { CHUNK = 256 };

/* Out of line, so that each call saves no more registers than it needs. */
static __attribute__((noinline)) struct sbi_ret console_write_memory(xlen_t size, xlen_t low,
								     xlen_t high)
{
	struct vcpu *vcpu = vcpu_this();
	uint8_t *from;

	if (!sbi_memory(vcpu->capsule, low, high, size, ALLOW_READ, &from))
		return sbi_return(SBI_ERR_INVALID_PARAM, 0);
	return sbi_return(SBI_SUCCESS,
			  console_write_bytes(vcpu->console, from, size < CHUNK ? size : CHUNK));
}

static __attribute__((noinline)) struct sbi_ret console_read_memory(xlen_t size, xlen_t low,
								    xlen_t high)
{
	struct vcpu *vcpu = vcpu_this();
	uint8_t *to;
	xlen_t count = 0;

	if (!sbi_memory(vcpu->capsule, low, high, size, ALLOW_WRITE, &to))
		return sbi_return(SBI_ERR_INVALID_PARAM, 0);
	while (count < size && count < CHUNK) {
		int byte = console_read(vcpu->console);

		if (byte < 0)
			break;
		to[count++] = byte;
	}
	if (count)
		vcpu->console->changed(vcpu->console); /* its UART shows the same input */
	return sbi_return(SBI_SUCCESS, count);
}

SBI_HANDLER(sbi_dbcn)
{
	switch (fid) {
	case CONSOLE_WRITE: return console_write_memory(a0, a1, a2);
	case CONSOLE_READ: return console_read_memory(a0, a1, a2);
	case CONSOLE_WRITE_BYTE:
		return sbi_return(console_write_blocking(vcpu_this()->console, a0) ? SBI_SUCCESS
										   : SBI_ERR_FAILED,
				  0);
	default: return sbi_return(SBI_ERR_NOT_SUPPORTED, 0);
	}
}
