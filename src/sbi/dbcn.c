/* SPDX-License-Identifier: MIT */
/*
 * "Debug Console Extension (EID #0x4442434E "DBCN")". Calls don't block (but for that of a byte),
 * so a call takes at most CHUNK bytes, and none beyond the end of a piece of the host's memory: the
 * guest repeats with the rest, and the time that one exit takes stays bounded whatever count it
 * names.
 */
#include "core/arch.h"
#include "sbi/sbi.h"

enum { CONSOLE_WRITE = 0, CONSOLE_READ = 1, CONSOLE_WRITE_BYTE = 2 };

enum { CHUNK = 256 };

static inline struct sbi_ret write_chunk(struct vcpu *vcpu, const uint8_t *from, xlen_t size)
{
	return sbi_return(SBI_SUCCESS,
			  console_write_bytes(vcpu->console, from, size < CHUNK ? size : CHUNK));
}

/* Memory that isn't in the capsule's first region, or nowhere; and nothing at all. */
static __attribute__((noinline)) struct sbi_ret write_elsewhere(xlen_t size, xlen_t low,
								xlen_t high)
{
	struct vcpu *vcpu = vcpu_this();
	uint8_t *from;
	xlen_t here;

	if (!size)
		return sbi_return(SBI_SUCCESS, 0);
	if (!sbi_memory_part(vcpu->capsule, low, high, size, ALLOW_READ, &from, &here))
		return sbi_return(SBI_ERR_INVALID_PARAM, 0);
	return write_chunk(vcpu, from, here);
}

static __attribute__((noinline)) struct sbi_ret console_read_memory(xlen_t size, xlen_t low,
								    xlen_t high)
{
	struct vcpu *vcpu = vcpu_this();
	uint8_t *to;
	xlen_t count = 0, here = 0;

	if (size && !sbi_memory_part(vcpu->capsule, low, high, size, ALLOW_WRITE, &to, &here))
		return sbi_return(SBI_ERR_INVALID_PARAM, 0);
	while (count < here && count < CHUNK) {
		int byte = console_read(vcpu->console);

		if (byte < 0)
			break;
		to[count++] = byte;
	}
	if (count)
		vcpu->console->changed(vcpu->console); /* its UART shows the same input */
	return sbi_return(SBI_SUCCESS, count);
}

/* Out of line, so that a write saves no more registers than it needs. */
static __attribute__((noinline)) struct sbi_ret rarely_called(xlen_t a0, xlen_t a1, xlen_t a2,
							      xlen_t fid)
{
	switch (fid) {
	case CONSOLE_WRITE: return write_elsewhere(a0, a1, a2);
	case CONSOLE_READ: return console_read_memory(a0, a1, a2);
	case CONSOLE_WRITE_BYTE: return sbi_write_blocking(a0, a1, 0);
	default: return sbi_return(SBI_ERR_NOT_SUPPORTED, 0);
	}
}

/*
 * Memory to be written from is found here as sbi_memory() would find it, when it is in the first
 * region, which is the guest's RAM. It may be read: no region can be had that may not.
 */
SBI_HANDLER(sbi_dbcn)
{
	struct vcpu *vcpu = vcpu_this();
	const struct space_region *ram = &vcpu->capsule->space.regions[0];
	uint64_t offset = a1 - ram->from.raw;

	if (fid != CONSOLE_WRITE || a2 != 0 || offset >= ram->size || a0 > ram->size - offset)
		return rarely_called(a0, a1, a2, fid);
	return write_chunk(vcpu, (const uint8_t *)(uintptr_t)(ram->to.raw + offset), a0);
}
