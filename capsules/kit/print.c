/* SPDX-License-Identifier: MIT */
/*
 * Formatted output through whatever console there is. Lines are collected, so
 * that a DBCN write costs one trap a line and lines stay whole.
 */
#include "kit/print.h"

#include "kit/csr.h"
#include "kit/sbi.h"
#include "kit/string.h"

/* 16550: the transmit register, the line status register and its bit "may send". */
#define UART_THR      0
#define UART_LSR      5
#define UART_LSR_THRE 0x20

static enum { SINK_NONE, SINK_DBCN, SINK_LEGACY, SINK_UART } sink;
static volatile unsigned char *uart_base;
static char waiting[4096];
static unsigned int waiting_length;
static bool held;

void print_init(unsigned long uart)
{
	uart_base = (volatile unsigned char *)uart;
	if (sbi_probe(SBI_DBCN))
		sink = SINK_DBCN;
	else if (sbi_probe(SBI_LEGACY_PUTCHAR))
		sink = SINK_LEGACY;
	else
		sink = uart ? SINK_UART : SINK_NONE;
}

/* DBCN may take a part only; an error drops the rest rather than looping on it. */
static void send_dbcn(const char *text, unsigned long length)
{
	while (length) {
		struct sbiret r =
			sbi_call(SBI_DBCN, SBI_DBCN_WRITE, length, (unsigned long)text, 0, 0, 0, 0);

		if (r.error || r.value > length)
			return;
		text += r.value;
		length -= r.value;
	}
}

static void send_char(char c)
{
	if (sink == SINK_LEGACY) {
		sbi_call(SBI_LEGACY_PUTCHAR, 0, (unsigned char)c, 0, 0, 0, 0, 0);
		return;
	}
	while (!(uart_base[UART_LSR] & UART_LSR_THRE))
		;
	uart_base[UART_THR] = (unsigned char)c;
}

void print_flush(void)
{
	unsigned int length = waiting_length;

	waiting_length = 0;
	if (sink == SINK_DBCN)
		send_dbcn(waiting, length);
	else if (sink != SINK_NONE) {
		for (unsigned int i = 0; i < length; i++)
			send_char(waiting[i]);
	}
}

void print_hold(bool hold)
{
	held = hold;
	if (!hold)
		print_flush();
}

static void put_char(char c)
{
	if (c == '\n')
		put_char('\r');
	waiting[waiting_length++] = c;
	if ((c == '\n' && !held) || waiting_length == sizeof(waiting))
		print_flush();
}

/* Decimal is for numbers of one register: dividing uint64_t takes a library on RV32. */
static void put_number(uint64_t value, unsigned int base, unsigned int width, char pad)
{
	char digits[24];
	unsigned int length = 0;

	do {
		unsigned int digit;

		if (base == 16) {
			digit = value & 15;
			value >>= 4;
		} else {
			digit = (unsigned long)value % 10;
			value = (unsigned long)value / 10;
		}
		digits[length++] = "0123456789abcdef"[digit];
	} while (value);

	for (; width > length; width--)
		put_char(pad);
	while (length)
		put_char(digits[--length]);
}

static void put_signed(long value)
{
	if (value < 0)
		put_char('-');
	put_number(value < 0 ? 0UL - (unsigned long)value : (unsigned long)value, 10, 0, ' ');
}

static void put_string(const char *s)
{
	while (*s)
		put_char(*s++);
}

/* One conversion, after the '%' and the width. `size` counts its l's: int, long, long long. */
static void put_conversion(char kind, unsigned int size, unsigned int width, char pad,
			   va_list *args)
{
	switch (kind) {
	case 's': put_string(va_arg(*args, const char *)); break;
	case 'c': put_char((char)va_arg(*args, int)); break;
	case 'd': put_signed(size ? va_arg(*args, long) : va_arg(*args, int)); break;
	case 'u':
	case 'x':
		put_number(size > 1 ? va_arg(*args, uint64_t)
			   : size   ? va_arg(*args, unsigned long)
				    : va_arg(*args, unsigned int),
			   kind == 'x' ? 16 : 10, width, pad);
		break;
	default: put_char(kind);
	}
}

void print_va(const char *format, va_list args)
{
	va_list copy;

	va_copy(copy, args);
	for (; *format; format++) {
		unsigned int width = 0, size = 0;
		char pad = ' ';

		if (*format != '%') {
			put_char(*format);
			continue;
		}
		if (*++format == '0')
			pad = '0';
		for (; *format >= '0' && *format <= '9'; format++)
			width = width * 10 + (unsigned int)(*format - '0');
		for (; *format == 'l'; format++)
			size++;
		put_conversion(*format, size, width, pad, &copy);
	}
	va_end(copy);
}

void print(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_va(format, args);
	va_end(args);
}
