/* SPDX-License-Identifier: MIT */
/*
 * Subject memory: the guest's RAM is all there, zero at start, each page a page
 * of its own; and the registers that it started with told it nothing.
 */
#include "kit/csr.h"
#include "kit/kit.h"
#include "kit/test.h"
#include "subjects.h"

#define PAGE	     0x1000UL
#define WINDOW	     0x2000000UL
#define PAGE_WORDS   (PAGE / XLEN_BYTES)
#define START_SATP   32
#define START_STATUS 33
#define START_SIE    34

/* What may not be written: our image, the device tree, the initrd. */
static struct {
	unsigned long start, end;
} kept[3];

static unsigned long ram_start, ram_end;

static void keep(unsigned int i, unsigned long start, unsigned long end)
{
	kept[i].start = start & ~(PAGE - 1);
	kept[i].end = (end + PAGE - 1) & ~(PAGE - 1);
}

/*
 * On Diosix all RAM of the memory node is the guest's. Firmware hides in
 * places, so elsewhere only the 32 MiB around the image are used.
 */
static void find_ram(void)
{
	int chosen = fdt_path(&kit.fdt, "/chosen");
	unsigned long tree = (unsigned long)kit.fdt.blob;

	ram_start = (unsigned long)image_start & ~(WINDOW - 1);
	ram_end = ram_start + WINDOW;
	if (kit.diosix) {
		ram_start = (unsigned long)kit.ram_base;
		ram_end = (unsigned long)(kit.ram_base + kit.ram_size);
	}
	keep(0, (unsigned long)image_start, (unsigned long)image_end);
	keep(1, tree, tree + kit.fdt.size);
	/* The addresses have one cell or two; below 4 GiB the last one is the value. */
	keep(2, fdt_cell(&kit.fdt, chosen, "linux,initrd-start", XLEN / 32 - 1, 0),
	     fdt_cell(&kit.fdt, chosen, "linux,initrd-end", XLEN / 32 - 1, 0));
}

static bool is_kept(unsigned long page)
{
	for (unsigned int i = 0; i < 3; i++) {
		if (page >= kept[i].start && page < kept[i].end)
			return true;
	}
	return false;
}

static void check_zero(void)
{
	struct test_tally t = {0};

	/* Others owe the guest no zeros. */
	if (!kit.diosix) {
		test_skip("not promised elsewhere", "RAM is zero at start");
		return;
	}
	for (unsigned long page = ram_start; page < ram_end; page += PAGE) {
		volatile unsigned long *word = (unsigned long *)page;
		unsigned long sum = 0;

		if (is_kept(page))
			continue;
		for (unsigned long i = 0; i < PAGE_WORDS; i++)
			sum |= word[i];
		test_tally(&t, page, 0, sum);
	}
	test_tally_end(&t, "RAM is zero at start, outside the image and the device tree");
}

/* A value that differs for each word of memory, inverted in the second round. */
static unsigned long pattern(unsigned long address, unsigned long round)
{
	return (address * 0x9e3779b1UL) ^ (0UL - round);
}

static void check_patterns(unsigned long round)
{
	struct test_tally t = {0};
	const unsigned long stride = PAGE / 8;

	for (unsigned long at = ram_start; at < ram_end; at += stride) {
		if (!is_kept(at & ~(PAGE - 1)))
			*(volatile unsigned long *)at = pattern(at, round);
	}
	for (unsigned long at = ram_start; at < ram_end; at += stride) {
		if (!is_kept(at & ~(PAGE - 1)))
			test_tally(&t, at, pattern(at, round), *(volatile unsigned long *)at);
	}
	test_tally_end(&t, "every page keeps its own pattern, round %lu", round);
}

static void check_borders(void)
{
	volatile unsigned char *last = (unsigned char *)ram_end - 1;
	volatile unsigned char *first = (unsigned char *)ram_start;

	unsigned char saved[2] = {*first, *last}; /* the device tree may lie there */

	*first = 0x81;
	*last = 0x18;
	test_equal(0x81, *first, "the first byte of RAM is there");
	test_equal(0x18, *last, "the last byte of RAM is there");
	*first = saved[0];
	*last = saved[1];
}

static void check_start(void)
{
	struct test_tally t = {0};

	test_equal(0, start_registers[START_SATP], "satp is 0 at start");
	test_equal(0, start_registers[START_STATUS] & SSTATUS_SIE, "sstatus.SIE is 0 at start");
	test_equal((unsigned long)kit.fdt.blob, start_registers[11], "a1 is the device tree");
	test_equal(0, start_registers[11] & 7, "the device tree is aligned to 8 bytes");
	/* Others leave values of their own in the other registers. */
	if (!kit.diosix) {
		test_skip("not promised elsewhere", "registers are zero at start");
		return;
	}
	for (unsigned int n = 1; n < 32; n++) {
		if (n != 10 && n != 11)
			test_tally(&t, n, 0, start_registers[n]);
	}
	test_tally(&t, START_SIE, 0, start_registers[START_SIE]);
	test_tally_end(&t, "x1 to x31 but a0 and a1, and sie, are zero at start");
	test_equal(0, start_registers[START_STATUS] & (SSTATUS_SUM | SSTATUS_MXR),
		   "sstatus.SUM and MXR are 0 at start");
}

void memory_test(void)
{
	find_ram();
	check_start();
	check_zero();
	check_patterns(0);
	check_patterns(1);
	check_borders();
}
