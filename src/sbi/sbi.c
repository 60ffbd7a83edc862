/* SPDX-License-Identifier: MIT */
/*
 * Finding the handler of a call, and the arguments that several extensions share.
 */
#include "sbi/sbi.h"

#include "core/arch.h"

/*
 * A call must be found in a dozen instructions, whichever it is, so the trap
 * path looks for it itself (riscv/trap.S), in the vCPU's copy of this table: extensions lie in a
 * table at a hash of their id (sbi/slot.h). Two that hash alike initialise the same element twice,
 * which the compiler refuses (-Woverride-init): then choose another hash. An empty slot has id 0,
 * which only the slot of legacy call 0 can be asked for.
 */
#define EXTENSION(id, handler) [SBI_SLOT_OF(id)] = {(id), (handler)}

const struct sbi_slot sbi_slots[SBI_SLOTS] = {
	EXTENSION(SBI_EXT_LEGACY_SET_TIMER, sbi_legacy),
	EXTENSION(SBI_EXT_LEGACY_PUTCHAR, sbi_legacy_putchar),
	EXTENSION(SBI_EXT_LEGACY_GETCHAR, sbi_legacy),
	EXTENSION(SBI_EXT_LEGACY_CLEAR_IPI, sbi_legacy),
	EXTENSION(SBI_EXT_LEGACY_SHUTDOWN, sbi_legacy),
	EXTENSION(SBI_EXT_BASE, sbi_base),
	EXTENSION(SBI_EXT_HSM, sbi_hsm),
	EXTENSION(SBI_EXT_IPI, sbi_ipi),
	EXTENSION(SBI_EXT_DBCN, sbi_dbcn),
	EXTENSION(SBI_EXT_RFENCE, sbi_rfence),
	EXTENSION(SBI_EXT_SRST, sbi_srst),
	EXTENSION(SBI_EXT_TIME, sbi_time),
	EXTENSION(SBI_EXT_PMU, sbi_pmu),
	EXTENSION(SBI_EXT_SUSP, sbi_susp),
	EXTENSION(SBI_EXT_STA, sbi_sta),
	EXTENSION(SBI_EXT_FWFT, sbi_fwft),
};

struct sbi_ret sbi_unknown(void)
{
	return sbi_return(SBI_ERR_NOT_SUPPORTED, 0);
}

bool sbi_memory(const struct capsule *capsule, xlen_t low, xlen_t high, xlen_t size, unsigned allow,
		uint8_t **out)
{
	hpa_t host;

	/* No capsule has memory where the high word matters ("Shared memory physical address range
	 * parameter"). */
	if (high != 0 || !space_lookup(&capsule->space, (gpa_t){low}, size, allow, &host))
		return false;
	*out = (uint8_t *)(uintptr_t)host.raw;
	return true;
}

bool sbi_memory_part(const struct capsule *capsule, xlen_t low, xlen_t high, xlen_t size,
		     unsigned allow, uint8_t **out, xlen_t *length)
{
	uint64_t here;
	hpa_t host;

	if (high != 0 ||
	    !space_lookup_part(&capsule->space, (gpa_t){low}, size, allow, &host, &here))
		return false;
	*out = (uint8_t *)(uintptr_t)host.raw;
	*length = (xlen_t)here;
	return true;
}

struct sbi_ret sbi_write_blocking(xlen_t a0, xlen_t a1, xlen_t value)
{
	struct vcpu *vcpu = vcpu_this();

	if (console_write(vcpu->console, a0))
		return sbi_return(SBI_SUCCESS, value);
	if (!console_is_patient(&vcpu->sbi.patience))
		return sbi_return(SBI_ERR_FAILED, value);
	arch_vcpu_repeat_call();
	return sbi_return((long)a0, a1);
}

bool sbi_can_start_at(const struct capsule *capsule, xlen_t address)
{
	uint8_t *unused;

	return (address & 1) == 0 && sbi_memory(capsule, address, 0, 2, ALLOW_EXECUTE, &unused);
}

void sbi_resume_at(struct vcpu *vcpu, xlen_t address, xlen_t opaque)
{
	vcpu->resume = true;
	vcpu->resume_at = address;
	vcpu->resume_opaque = opaque;
}

void sbi_suspend(struct vcpu *vcpu)
{
	__atomic_store_n(&vcpu->state, VCPU_SUSPENDED, __ATOMIC_RELEASE);
	vcpu->wait = true;
	arch_hart_request_work();
}
