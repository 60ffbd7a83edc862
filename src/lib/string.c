/* SPDX-License-Identifier: MIT */
/*
 * The C library's memory and string functions, freestanding.
 *
 * memset and memcpy carry every capsule's start (its RAM is zeroed, its kernel
 * copied), so they go a register at a time, in blocks of sixteen registers;
 * the rest is as simple as it can be. Built with
 * -fno-tree-loop-distribute-patterns: gcc would otherwise recognise these loops
 * as memset and memcpy and make them call themselves. No function reads or
 * writes a byte outside of what it was given.
 */
#include "lib/string.h"

#include <stdint.h>

/* Registers that may overlay objects of any type. */
typedef unsigned long __attribute__((may_alias)) word_t;
typedef uint32_t __attribute__((may_alias)) half_t;

enum {
	WORD = sizeof(word_t),
	BLOCK = 16 * WORD,
};

/* memcpy is memmove's forward half; a block's loads may pass its stores only there. */
static unsigned char *copy_words(unsigned char *to, const unsigned char **from_at, size_t *size)
{
	const unsigned char *from = *from_at;
	word_t *w = (word_t *)to;
	const word_t *r = (const word_t *)from;
	const word_t *end = r + *size / BLOCK * 16;

	while (r != end) {
		word_t a = r[0], b = r[1], c = r[2], d = r[3];
		word_t e = r[4], f = r[5], g = r[6], h = r[7];

		w[0] = a, w[1] = b, w[2] = c, w[3] = d;
		w[4] = e, w[5] = f, w[6] = g, w[7] = h;
		a = r[8], b = r[9], c = r[10], d = r[11];
		e = r[12], f = r[13], g = r[14], h = r[15];
		w[8] = a, w[9] = b, w[10] = c, w[11] = d;
		w[12] = e, w[13] = f, w[14] = g, w[15] = h;
		r += 16;
		w += 16;
	}
	end = r + *size % BLOCK / WORD;
	while (r != end)
		*w++ = *r++;
	*from_at = (const unsigned char *)r;
	*size %= WORD;
	return (unsigned char *)w;
}

/* Where only 32-bit words line up: a FIT's images are aligned to four bytes on RV64 too. */
static unsigned char *copy_halves(unsigned char *to, const unsigned char **from_at, size_t *size)
{
	half_t *w = (half_t *)to;
	const half_t *r = (const half_t *)*from_at;
	const half_t *end = r + *size / 32 * 8;

	while (r != end) {
		half_t a = r[0], b = r[1], c = r[2], d = r[3];
		half_t e = r[4], f = r[5], g = r[6], h = r[7];

		w[0] = a, w[1] = b, w[2] = c, w[3] = d;
		w[4] = e, w[5] = f, w[6] = g, w[7] = h;
		r += 8;
		w += 8;
	}
	*from_at = (const unsigned char *)r;
	*size %= 32;
	return (unsigned char *)w;
}

/* Lowest address first, so right for `to` below `from` as well as for disjoint ranges. */
static void copy_forward(unsigned char *to, const unsigned char *from, size_t size)
{
	uintptr_t apart = (uintptr_t)to ^ (uintptr_t)from;

	if (size >= 32 && apart % sizeof(half_t) == 0) {
		for (; (uintptr_t)to % WORD; size--)
			*to++ = *from++;
		if (apart % WORD == 0) {
			to = copy_words(to, &from, &size);
		} else {
			to = copy_halves(to, &from, &size);
		}
	}
	for (; size; size--)
		*to++ = *from++;
}

static void copy_backward(unsigned char *to, const unsigned char *from, size_t size)
{
	to += size;
	from += size;
	if (((uintptr_t)to ^ (uintptr_t)from) % WORD == 0) {
		for (; size && (uintptr_t)to % WORD; size--)
			*--to = *--from;
		for (; size >= WORD; size -= WORD) {
			to -= WORD;
			from -= WORD;
			*(word_t *)to = *(const word_t *)from;
		}
	}
	for (; size; size--)
		*--to = *--from;
}

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
	copy_forward(to, from, size);
	return to;
}

void *memmove(void *to, const void *from, size_t size)
{
	/* Backward only where forward would overwrite what is still to be read. */
	if ((uintptr_t)to - (uintptr_t)from < size)
		copy_backward(to, from, size);
	else
		copy_forward(to, from, size);
	return to;
}

void *memset(void *to, int byte, size_t size)
{
	unsigned char *p = to;
	word_t value = (unsigned char)byte * (~(word_t)0 / 255);
	word_t *w, *end;

	for (; size && (uintptr_t)p % WORD; size--)
		*p++ = byte;
	w = (word_t *)p;
	end = w + size / BLOCK * 16;
	while (w != end) {
		w[0] = value, w[1] = value, w[2] = value, w[3] = value;
		w[4] = value, w[5] = value, w[6] = value, w[7] = value;
		w[8] = value, w[9] = value, w[10] = value, w[11] = value;
		w[12] = value, w[13] = value, w[14] = value, w[15] = value;
		w += 16;
	}
	end = w + size % BLOCK / WORD;
	while (w != end)
		*w++ = value;
	p = (unsigned char *)w;
	for (size %= WORD; size; size--)
		*p++ = byte;
	return to;
}

int memcmp(const void *a, const void *b, size_t size)
{
	const unsigned char *p = a, *q = b;

	for (; size; size--, p++, q++)
		if (*p != *q)
			return *p - *q;
	return 0;
}

void *memchr(const void *in, int byte, size_t size)
{
	const unsigned char *p = in;

	for (; size; size--, p++)
		if (*p == (unsigned char)byte)
			return (void *)p;
	return NULL;
}

size_t strlen(const char *s)
{
	const char *end = s;

	while (*end)
		end++;
	return end - s;
}

size_t strnlen(const char *s, size_t limit)
{
	size_t length = 0;

	while (length < limit && s[length])
		length++;
	return length;
}

int strcmp(const char *a, const char *b)
{
	return strncmp(a, b, SIZE_MAX);
}

int strncmp(const char *a, const char *b, size_t limit)
{
	for (; limit; limit--, a++, b++) {
		if (*a != *b)
			return (unsigned char)*a - (unsigned char)*b;
		if (!*a)
			break;
	}
	return 0;
}

char *strchr(const char *s, int c)
{
	for (;; s++) {
		if (*s == (char)c)
			return (char *)s;
		if (!*s)
			return NULL;
	}
}

char *strrchr(const char *s, int c)
{
	const char *found = NULL;

	for (;; s++) {
		if (*s == (char)c)
			found = s;
		if (!*s)
			return (char *)found;
	}
}
