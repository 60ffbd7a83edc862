/* SPDX-License-Identifier: MIT */
/*
 * Formatted text without a C library. One pass over the format; digits are made
 * backwards in a small buffer, so nothing here depends on the length of the
 * output.
 */
#include "lib/print.h"

#include <stdbool.h>
#include <stdint.h>

#include "lib/div64.h"
#include "lib/string.h"

enum { DIGITS_MAX = 20 }; /* of 2^64 - 1 in decimal */

/* Where the text goes; `length` counts on past the end of `out`. */
struct sink {
	char *out;
	size_t size;
	size_t length;
};

/* One conversion of the format: %[-0][width][.precision][l|ll|z]letter. */
struct conversion {
	bool left;
	bool zero;
	size_t width;
	size_t precision; /* of %s; SIZE_MAX: none */
	size_t bytes;	  /* of the argument of an integer conversion */
};

static void put(struct sink *sink, char c)
{
	if (sink->length < sink->size)
		sink->out[sink->length] = c;
	sink->length++;
}

static void put_repeated(struct sink *sink, char c, size_t count)
{
	while (count--)
		put(sink, c);
}

/* Write `prefix` and then `text` in a field of the conversion's width. */
static void put_field(struct sink *sink, const struct conversion *conversion, const char *prefix,
		      const char *text, size_t length)
{
	size_t used = length + strlen(prefix);
	size_t fill = conversion->width > used ? conversion->width - used : 0;
	bool zero = conversion->zero && !conversion->left;

	if (!conversion->left && !zero)
		put_repeated(sink, ' ', fill);
	while (*prefix)
		put(sink, *prefix++);
	if (zero)
		put_repeated(sink, '0', fill);
	while (length--)
		put(sink, *text++);
	if (conversion->left)
		put_repeated(sink, ' ', fill);
}

static void put_number(struct sink *sink, const struct conversion *conversion, const char *prefix,
		       uint64_t value, unsigned base)
{
	char digits[DIGITS_MAX];
	size_t at = DIGITS_MAX;

	do {
		uint32_t digit;

		if (base == 16) {
			digit = value & 15;
			value >>= 4;
		} else {
			value = div64_u32(value, base, &digit);
		}
		digits[--at] = "0123456789abcdef"[digit];
	} while (value);
	put_field(sink, conversion, prefix, digits + at, DIGITS_MAX - at);
}

static size_t read_digits(const char **format)
{
	size_t value = 0;

	while (**format >= '0' && **format <= '9')
		value = value * 10 + (*(*format)++ - '0');
	return value;
}

/* Read what stands between % and the conversion's letter, flags and length in C's order. */
static struct conversion read_conversion(const char **format, va_list *args)
{
	struct conversion conversion = {.precision = SIZE_MAX, .bytes = sizeof(int)};

	for (; **format == '-' || **format == '0'; (*format)++) {
		if (**format == '-')
			conversion.left = true;
		else
			conversion.zero = true;
	}
	conversion.width = read_digits(format);
	if (**format == '.') {
		(*format)++;
		if (**format == '*') {
			int precision = va_arg(*args, int);

			(*format)++;
			if (precision >= 0) /* a negative one counts as none */
				conversion.precision = precision;
		} else {
			conversion.precision = read_digits(format);
		}
	}
	if (**format == 'z') {
		(*format)++;
		conversion.bytes = sizeof(size_t);
	}
	if (**format == 'l') {
		(*format)++;
		conversion.bytes = sizeof(long);
	}
	if (**format == 'l') {
		(*format)++;
		conversion.bytes = sizeof(uint64_t);
	}
	return conversion;
}

/* The next integer argument, sign-extended to 64 bits. */
static int64_t take_integer(const struct conversion *conversion, va_list *args)
{
	if (conversion->bytes == sizeof(uint64_t))
		return va_arg(*args, int64_t);
	if (conversion->bytes == sizeof(long))
		return va_arg(*args, long);
	return va_arg(*args, int);
}

static uint64_t take_unsigned(const struct conversion *conversion, va_list *args)
{
	uint64_t value = take_integer(conversion, args);

	return conversion->bytes == sizeof(uint64_t) ? value : value & UINT32_MAX;
}

static void put_string(struct sink *sink, struct conversion *conversion, const char *text)
{
	if (!text)
		text = "(null)";
	conversion->zero = false;
	put_field(sink, conversion, "", text, strnlen(text, conversion->precision));
}

/* Do the conversion that `letter` names. What we don't know is shown as it stands. */
static void convert(struct sink *sink, char letter, struct conversion *conversion, va_list *args)
{
	int64_t value;
	char c;

	switch (letter) {
	case 's': put_string(sink, conversion, va_arg(*args, const char *)); break;
	case 'c':
		c = va_arg(*args, int);
		conversion->zero = false;
		put_field(sink, conversion, "", &c, 1);
		break;
	case 'd':
		value = take_integer(conversion, args);
		put_number(sink, conversion, value < 0 ? "-" : "",
			   value < 0 ? -(uint64_t)value : (uint64_t)value, 10);
		break;
	case 'u': put_number(sink, conversion, "", take_unsigned(conversion, args), 10); break;
	case 'x': put_number(sink, conversion, "", take_unsigned(conversion, args), 16); break;
	case 'p': put_number(sink, conversion, "0x", (uintptr_t)va_arg(*args, void *), 16); break;
	case '%': put(sink, '%'); break;
	default: put(sink, '%'); put(sink, letter);
	}
}

size_t print_text_v(char *out, size_t size, const char *format, va_list args)
{
	struct sink sink = {.out = out, .size = size};
	va_list rest;

	va_copy(rest, args);
	while (*format) {
		struct conversion conversion;

		if (*format != '%') {
			put(&sink, *format++);
			continue;
		}
		format++;
		conversion = read_conversion(&format, &rest);
		if (!*format)
			break;
		convert(&sink, *format++, &conversion, &rest);
	}
	va_end(rest);
	if (size)
		out[sink.length < size ? sink.length : size - 1] = '\0';
	return sink.length;
}

size_t print_text(char *out, size_t size, const char *format, ...)
{
	va_list args;
	size_t length;

	va_start(args, format);
	length = print_text_v(out, size, format, args);
	va_end(args);
	return length;
}
