/* SPDX-License-Identifier: MIT */
/*
 * The guest whose page tables lie in the hypervisor: from the write of satp on
 * no instruction can be fetched, its handler's neither.
 */
#include "small.h"
	say	"# tableloop: turning on page tables in foreign memory\r\n"
	la	t0, _start
	csrw	stvec, t0
#if __riscv_xlen == 64
	li	t0, 8 << 60 | 0x80000
#else
	li	t0, 1 << 31 | 0x80000
#endif
	csrw	satp, t0
	sfence.vma
	j	_start
