/* SPDX-License-Identifier: MIT */
/*
 * Subject dbcn: the debug console, and the address ranges that it must refuse
 * (SBI 3.0, chapters "Debug Console Extension" and "Binary Encoding", shared
 * memory parameter; the table of errors says INVALID_PARAM for them).
 */
#include "kit/csr.h"
#include "kit/kit.h"
#include "kit/print.h"
#include "kit/sbi.h"
#include "kit/string.h"
#include "kit/test.h"
#include "subjects.h"

#define HYPERVISOR 0x80000000UL
#define BIG	   (1UL << 20)

/* Text that no terminal shows, so that it is no matter how much of it gets through. */
static char blank[BIG];
static char last[] = "# dbcn at the very end of RAM\r\n";

static struct sbiret dbcn(unsigned long fid, unsigned long size, unsigned long low,
			  unsigned long high)
{
	return sbi_call(SBI_DBCN, fid, size, low, high, 0, 0, 0);
}

static void check_write(void)
{
	static const char text[] = "# dbcn write\r\n";
	struct sbiret r = dbcn(SBI_DBCN_WRITE, sizeof(text) - 1, (unsigned long)text, 0);

	test_error(SBI_SUCCESS, r, "write of a line");
	test_equal(sizeof(text) - 1, r.value, "all of it is written");
	r = dbcn(SBI_DBCN_WRITE, 0, (unsigned long)text, 0);
	test_error(SBI_SUCCESS, r, "write of nothing");
	test_equal(0, r.value, "nothing is written");
	if (kit.diosix) {
		r = dbcn(SBI_DBCN_WRITE, 0, HYPERVISOR, 1);
		test_error(SBI_SUCCESS, r, "write of nothing, from nowhere");
		test_equal(0, r.value, "nothing is written then");
		test_error(SBI_SUCCESS, dbcn(SBI_DBCN_READ, 0, HYPERVISOR, 0),
			   "read of nothing, to nowhere");
	}

	r = dbcn(SBI_DBCN_BYTE, '\n', 0, 0);
	test_error(SBI_SUCCESS, r, "write of a byte");
	test_equal(0, r.value, "its value is 0");
	r = dbcn(SBI_DBCN_BYTE, 0xffffff00 | '\n', -1UL, -1UL);
	test_error(SBI_SUCCESS, r, "write of a byte looks at 8 bits only");
}

static void check_read(void)
{
	static char buffer[64];
	struct test_tally t = {0};
	struct sbiret r;

	memset(buffer, 0x5a, sizeof(buffer));
	r = dbcn(SBI_DBCN_READ, sizeof(buffer), (unsigned long)buffer, 0);
	test_error(SBI_SUCCESS, r, "read");
	test_equal(0, r.value, "read finds nothing when nothing waits");
	for (unsigned long i = r.value; i < sizeof(buffer); i++)
		test_tally(&t, i, 0x5a, ((volatile char *)buffer)[i]);
	test_tally_end(&t, "read leaves alone what it does not fill");
	r = dbcn(SBI_DBCN_READ, 0, (unsigned long)buffer, 0);
	test_error(SBI_SUCCESS, r, "read of nothing");
}

/* The last bytes of RAM may be used, the byte after them may not. Restores what was there. */
static void check_end_of_ram(void)
{
	unsigned long end = (unsigned long)(kit.ram_base + kit.ram_size);
	char *place = (char *)end - sizeof(last) + 1;
	char saved[sizeof(last)];
	struct sbiret r;

	memcpy(saved, place, sizeof(last) - 1);
	memcpy(place, last, sizeof(last) - 1);
	r = dbcn(SBI_DBCN_WRITE, sizeof(last) - 1, (unsigned long)place, 0);
	test_error(SBI_SUCCESS, r, "write from the last bytes of RAM");
	test_equal(sizeof(last) - 1, r.value, "all of it is written");
	test_error(SBI_SUCCESS, dbcn(SBI_DBCN_READ, 1, end - 1, 0), "read to the last byte");
	memcpy(place, saved, sizeof(last) - 1);

	test_error(SBI_ERR_INVALID_PARAM, dbcn(SBI_DBCN_WRITE, 2, end - 1, 0),
		   "write of one byte more than RAM has");
	test_error(SBI_ERR_INVALID_PARAM, dbcn(SBI_DBCN_READ, 2, end - 1, 0),
		   "read of one byte more than RAM has");
	test_error(SBI_ERR_INVALID_PARAM, dbcn(SBI_DBCN_WRITE, 1, end, 0),
		   "write from the first byte after RAM");
	test_error(SBI_ERR_INVALID_PARAM,
		   dbcn(SBI_DBCN_WRITE, 1, (unsigned long)kit.ram_base - 1, 0),
		   "write from the last byte before RAM");
	test_error(SBI_ERR_INVALID_PARAM,
		   dbcn(SBI_DBCN_WRITE, 2, (unsigned long)kit.ram_base - 1, 0),
		   "write that starts before RAM");
}

/* Ranges that every SBI must refuse, for both directions. */
static void check_refused(void)
{
	unsigned long text = (unsigned long)last;
	const struct {
		const char *what;
		unsigned long size, low, high;
		bool diosix_only; /* others own no border there */
	} cases[] = {
		{"the hypervisor's memory", 4, HYPERVISOR, 0, false},
		{"the hypervisor's memory, 1 MiB in", 4, HYPERVISOR + 0x100000, 0, true},
		{"address 0", 4, 0, 0, true},
		{"the UART", 1, 0x10000000, 0, true},
		{"the CLINT", 4, 0x02000000, 0, true},
		{"the finisher", 4, 0x00100000, 0, true},
		{"high word 1", 4, text, 1, true},
		{"high word -1", 4, text, -1UL, true},
		{"size all ones", -1UL, text, 0, true},
		{"a size that wraps to the start", 0UL - text, text, 0, true},
		{"a size that wraps past it", 0UL - text + 16, text, 0, true},
		{"half of all memory", -1UL >> 1, text, 0, true},
		{"the top of memory", 16, -16UL, 0, true},
		{"1 GiB", 1UL << 30, text, 0, true},
	};

	for (unsigned long i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		if (cases[i].diosix_only && !kit.diosix) {
			test_skip("allowed to firmware", "%s: INVALID_PARAM", cases[i].what);
			continue;
		}
		test_error(SBI_ERR_INVALID_PARAM,
			   dbcn(SBI_DBCN_WRITE, cases[i].size, cases[i].low, cases[i].high),
			   "write from %s: INVALID_PARAM", cases[i].what);
		test_error(SBI_ERR_INVALID_PARAM,
			   dbcn(SBI_DBCN_READ, cases[i].size, cases[i].low, cases[i].high),
			   "read to %s: INVALID_PARAM", cases[i].what);
	}
}

/* One call takes a part only, so that a guest can't hold the hypervisor for long. */
static void check_big(void)
{
	struct sbiret r;

	if (!kit.diosix) {
		test_skip("others write all", "a write of 1 MiB is cut short");
		return;
	}
	memset(blank, '\r', sizeof(blank));
	r = dbcn(SBI_DBCN_WRITE, sizeof(blank), (unsigned long)blank, 0);
	print("\n"); /* results start at the left margin */
	test_error(SBI_SUCCESS, r, "a write of 1 MiB succeeds");
	test_true(r.value < sizeof(blank), "a write of 1 MiB is cut short");
}

void dbcn_test(void)
{
	if (!sbi_probe(SBI_DBCN)) {
		test_skip("not there", "debug console");
		return;
	}
	print_flush();
	check_write();
	check_read();
	if (kit.diosix)
		check_end_of_ram();
	check_refused();
	check_big();
}
