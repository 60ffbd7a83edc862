/* SPDX-License-Identifier: MIT */
/* The figures of exits: what the trap path has counted in a vCPU's context, by name. */
#include "core/arch.h"
#include "riscv/context.h"
#include "riscv/report_exits.h"

static const char *const names[EXIT_KINDS] = {
	[EXIT_SET_TIMER] = "set timer",		[EXIT_UNKNOWN_CALL] = "unknown call",
	[EXIT_ACCESS] = "device access",	[EXIT_WFI] = "WFI",
	[EXIT_ILLEGAL] = "illegal instruction", [EXIT_EXCEPTION] = "other exception",
	[EXIT_TIMER] = "timer interrupt",	[EXIT_HOST_IPI] = "host IPI",
	[EXIT_EXTERNAL] = "external interrupt",
};

/* First the calls, in the order of their slots, then the rest. */
const char *arch_vcpu_exits(const struct vcpu *vcpu, unsigned index, xlen_t *count)
{
	const struct context *context = context_of(vcpu);

	if (index >= SBI_SLOTS + EXIT_KINDS)
		return NULL;
	if (index >= SBI_SLOTS) {
		*count = context->counts[index - SBI_SLOTS];
		return names[index - SBI_SLOTS];
	}
	*count = context->slots[index].count;
	return context->slots[index].call ? report_call(context->slots[index].eid) : "";
}
