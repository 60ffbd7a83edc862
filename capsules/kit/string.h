/* SPDX-License-Identifier: MIT */
/*
 * The few functions of the C library that the compiler may call, and the few
 * more that a device-tree reader needs. They do what ISO C says.
 */
#ifndef KIT_STRING_H
#define KIT_STRING_H

#include <stddef.h>

void *memcpy(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);
int memcmp(const void *a, const void *b, size_t size);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t size);
char *strstr(const char *text, const char *part);

#endif
