/* SPDX-License-Identifier: MIT */
/*
 * What gcc calls on RV32 for shifts of 64 bits by a variable where it compiles for size. libgcc has
 * them, too, but isn't linked: it would use registers that are the guest's (mk/build.mk). On RV64
 * nothing calls them, and the linker leaves them out.
 */
	.section .text.shift64, "ax"

/* a1:a0 << a2, a2 from 0 to 63. Uses a3 and a4. */
	.globl	__ashldi3
__ashldi3:
	addi	a3, a2, -32
	bgez	a3, 1f
	not	a3, a2
	srli	a4, a0, 1
	srl	a4, a4, a3
	sll	a1, a1, a2
	or	a1, a1, a4
	sll	a0, a0, a2
	ret
1:
	sll	a1, a0, a3
	li	a0, 0
	ret

/* a1:a0 >> a2, zeros coming in, a2 from 0 to 63. Uses a3 and a4. */
	.globl	__lshrdi3
__lshrdi3:
	addi	a3, a2, -32
	bgez	a3, 1f
	not	a3, a2
	slli	a4, a1, 1
	sll	a4, a4, a3
	srl	a0, a0, a2
	or	a0, a0, a4
	srl	a1, a1, a2
	ret
1:
	srl	a0, a1, a3
	li	a1, 0
	ret
