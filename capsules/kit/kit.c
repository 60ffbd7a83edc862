/* SPDX-License-Identifier: MIT */
/*
 * From the first C function to main(), and the ways to end.
 */
#include "kit/kit.h"

#include "kit/csr.h"
#include "kit/print.h"
#include "kit/sbi.h"
#include "kit/string.h"

struct kit kit;

void kit_main(unsigned long hart, const void *tree);

/* Finds the memory node whose range holds this image. */
static void find_ram(void)
{
	uint64_t here = (unsigned long)image_start, base, size;
	int node = -1;

	while ((node = fdt_next_with(&kit.fdt, node, "device_type", "memory")) >= 0) {
		for (unsigned int i = 0; fdt_reg(&kit.fdt, node, i, &base, &size); i++) {
			if (here >= base && here - base < size) {
				kit.ram_base = base;
				kit.ram_size = size;
			}
		}
	}
}

/* Called from _start with what SBI gave, on the stack, bss cleared, interrupts off. */
void kit_main(unsigned long hart, const void *tree)
{
	uint64_t uart = 0, size;
	int node;

	kit.hart = hart;
	kit.bootargs = "";
	if (fdt_open(&kit.fdt, tree)) {
		find_ram();
		node = fdt_next_with(&kit.fdt, -1, "compatible", "ns16550a");
		if (node >= 0)
			fdt_reg(&kit.fdt, node, 0, &uart, &size);
		kit.bootargs = fdt_string(&kit.fdt, fdt_path(&kit.fdt, "/chosen"), "bootargs", "");
	}
	print_init((unsigned long)uart);
	kit.diosix = sbi_base(SBI_BASE_IMPL) == SBI_IMPL_DIOSIX;
	main();
	kit_shutdown();
}

static void end(unsigned long reason)
{
	print_flush();
	sbi_reset(SRST_SHUTDOWN, reason);
	sbi_call(SBI_LEGACY_SHUTDOWN, 0, 0, 0, 0, 0, 0, 0);
	for (;;)
		__asm__ volatile("wfi");
}

void kit_shutdown(void)
{
	end(SRST_NO_REASON);
	__builtin_unreachable();
}

void kit_fail(void)
{
	end(SRST_FAILURE);
	__builtin_unreachable();
}

bool kit_argument(const char *name, char *out, size_t size)
{
	size_t length = strlen(name), used = 0;
	const char *p = kit.bootargs;

	for (; *p; p++) {
		bool starts_word = p == kit.bootargs || p[-1] == ' ';

		if (starts_word && !strncmp(p, name, length) && p[length] == '=')
			break;
	}
	if (!*p)
		return false;
	for (p += length + 1; *p && *p != ' ' && used + 1 < size; p++)
		out[used++] = *p;
	out[used] = 0;
	return true;
}

unsigned long kit_argument_number(const char *name, unsigned long otherwise)
{
	unsigned long value = 0;
	char text[24];

	if (!kit_argument(name, text, sizeof(text)))
		return otherwise;
	for (const char *p = text; *p >= '0' && *p <= '9'; p++)
		value = value * 10 + (unsigned long)(*p - '0');
	return value;
}

void kit_delay(uint64_t ticks)
{
	uint64_t start = csr_time();

	while (csr_time() - start < ticks)
		;
}
