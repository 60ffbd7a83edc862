/* SPDX-License-Identifier: MIT */
/*
 * A physical CPU, as far as it isn't RISC-V's business. The architecture embeds
 * this in its own structure (riscv/cpu.h).
 */
#ifndef CORE_HART_H
#define CORE_HART_H

#include "core/machine.h"
#include "core/vcpu.h"

struct hart {
	const struct machine_hart *description; /* of the device tree */
	unsigned id;				/* `CPU n` in messages: the hardware's hart id */
	xlen_t vendor, architecture, implementation; /* mvendorid, marchid, mimpid */
	const char *unfit; /* why it can run no capsule, or NULL: it can */
	bool ready;	   /* it has probed itself; written with release order */
	struct vcpu *vcpu; /* what it shall run; set before it is woken */
};

/*
 * What a hart does for ever once it is ready: run its vCPU when it has one,
 * else sleep. The hart's own stack is empty; never returns.
 */
_Noreturn void hart_run(struct hart *hart);

/*
 * The vCPU that this hart runs left the guest with something to be done first
 * (vcpu->wait, vcpu->resume, capsule ended). Returns when the guest may go on.
 */
void hart_work(struct hart *hart, struct vcpu *vcpu);

#endif
