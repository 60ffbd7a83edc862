/* SPDX-License-Identifier: MIT */
/* Vector instructions of vector.c. */
	.text
	.option	norvc
	.option	arch, +v

	/* void vector_set(unsigned long bytes): vl, by bytes; v31 is an index of nothing but zeros */
	.globl	vector_set
vector_set:
	vsetvli	zero, a0, e8, m1, ta, ma
	vmv.v.i	v31, 0
	ret

	/* void vector_load8(unsigned long address), vector_read8(uint8_t *to): vl bytes, into v8 */
	.globl	vector_load8, vector_read8
vector_load8:
	vle8.v	v8, (a0)
	ret
vector_read8:
	vse8.v	v8, (a0)
	ret

	/* One instruction and a return each: every width and every kind, at the address in a0. */
	.globl	vector_loads, vector_loads_end, vector_stores, vector_stores_end
vector_loads:
	.irp	insn, vle8.v, vle16.v, vle32.v, vle8ff.v, vl1re8.v, vl2re16.v, vl4re32.v, vlseg2e8.v
	\insn	v8, (a0)
	ret
	.endr
	vlse8.v	v8, (a0), zero
	ret
	vluxei8.v v8, (a0), v31
	ret
	vlm.v	v8, (a0)
	ret
vector_loads_end:
vector_stores:
	.irp	insn, vse8.v, vse16.v, vse32.v, vs1r.v, vs8r.v, vsseg2e8.v
	\insn	v8, (a0)
	ret
	.endr
	vsse8.v	v8, (a0), zero
	ret
	vsuxei8.v v8, (a0), v31
	ret
	vsm.v	v8, (a0)
	ret
vector_stores_end:
