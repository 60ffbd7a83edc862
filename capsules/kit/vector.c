/* SPDX-License-Identifier: MIT */
#include "kit/vector.h"

#include "kit/kit.h"

/* vsew and vlmul of e8, m1 and of e16, m2, ta; these, and vill, are what vector_fill() chooses. */
static const unsigned long vtypes[] = {0x00, 0x49, 0x80, VECTOR_VILL};

bool vector_offered(void)
{
	static const char *const names[] = {"v", "zve32x", "zve32f", "zve64x", "zve64f", "zve64d"};

	for (unsigned int i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (fdt_next_with(&kit.fdt, -1, "riscv,isa-extensions", names[i]) >= 0)
			return true;
	return false;
}

unsigned long vector_bytes(void)
{
	return VECTOR_COUNT * vector_length();
}

void vector_fill(struct vector_state *s, unsigned long whose, unsigned long which)
{
	unsigned long length = vector_length();
	uint32_t x = (uint32_t)(whose << 20 ^ which << 1) | 1;

	s->vtype = vtypes[which % 4];
	s->vl = s->vtype == VECTOR_VILL ? 0 : which % (length + 1);
	s->vcsr = (which ^ whose) % 8;
	s->vstart = which % length;
	for (unsigned long i = 0; i < vector_bytes(); i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		s->v[i] = (uint8_t)x;
	}
}

unsigned long vector_differ(const struct vector_state *a, const struct vector_state *b,
			    unsigned long *where)
{
	const unsigned long *x = &a->vstart, *y = &b->vstart;
	unsigned long count = 0, bytes = vector_bytes();

	for (unsigned long i = bytes + 4; i-- > 0;) {
		if (i < bytes ? a->v[i] == b->v[i] : x[i - bytes] == y[i - bytes])
			continue;
		*where = i;
		count++;
	}
	return count;
}
