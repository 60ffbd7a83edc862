/* SPDX-License-Identifier: MIT */
/*
 * The guest for the loader's other kinds of image: a flat binary, which is
 * placed 2 MiB (RV64) or 4 MiB (RV32) above the start of guest RAM, and an ELF
 * without a fixed address (ET_DYN). It says what it was and where it runs.
 */
#include "small.h"
	mv	s3, a1
	/* A device tree starts with d00dfeed, big-endian. */
	lw	t0, 0(s3)
	li	t1, 0xedfe0dd0
	sub	t0, t0, t1
	slli	t0, t0, 32 * (__riscv_xlen / 64)
	bnez	t0, 2f
	/* Two MiB or four: the address of _start in its low 22 bits. */
	la	t0, _start
	li	t1, 0x1fffff
	and	t0, t0, t1
	bnez	t0, 3f
	say	"PASS: flat: runs at a 2 MiB boundary with a device tree at a1\r\nDONE: 1 passed, 0 failed, 0 skipped\r\n"
	reset	SRST_SHUTDOWN, NO_REASON
2:	say	"FAIL: flat: no device tree at a1\r\n"
	reset	SRST_SHUTDOWN, FAILURE
3:	say	"FAIL: flat: not at a 2 MiB boundary\r\n"
	reset	SRST_SHUTDOWN, FAILURE
