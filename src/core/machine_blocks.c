/* SPDX-License-Identifier: MIT */
/* What the host's device tree and a guest's have in common about blocks of caches. */
#include "core/machine.h"

const char *const machine_block_names[MACHINE_BLOCKS] = {
	"riscv,cbom-block-size",
	"riscv,cboz-block-size",
	"riscv,cbop-block-size",
};
