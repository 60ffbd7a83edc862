/* SPDX-License-Identifier: MIT */
/*
 * String functions, short rather than fast. Built with -fno-builtin, lest the
 * compiler turn a loop of memset() into a call of memset().
 */
#include "kit/string.h"

void *memcpy(void *to, const void *from, size_t size)
{
	char *t = to;
	const char *f = from;

	while (size--)
		*t++ = *f++;
	return to;
}

void *memset(void *to, int byte, size_t size)
{
	char *t = to;

	while (size--)
		*t++ = (char)byte;
	return to;
}

int memcmp(const void *a, const void *b, size_t size)
{
	const unsigned char *x = a, *y = b;

	for (; size--; x++, y++) {
		if (*x != *y)
			return *x - *y;
	}
	return 0;
}

size_t strlen(const char *s)
{
	size_t length = 0;

	while (s[length])
		length++;
	return length;
}

int strncmp(const char *a, const char *b, size_t size)
{
	for (; size--; a++, b++) {
		if (*a != *b || !*a)
			return (unsigned char)*a - (unsigned char)*b;
	}
	return 0;
}

int strcmp(const char *a, const char *b)
{
	return strncmp(a, b, (size_t)-1);
}

char *strstr(const char *text, const char *part)
{
	size_t length = strlen(part);

	for (; *text; text++) {
		if (!strncmp(text, part, length))
			return (char *)text;
	}
	return length ? NULL : (char *)text;
}
