/* SPDX-License-Identifier: MIT */
/*
 * Subject pmu: counters of hardware and of the hypervisor's events (SBI 3.0, chapter
 * "Performance Monitoring Unit Extension"). Where the specification leaves something
 * open, and for events of emulated devices, only Diosix's answer is checked.
 */
#include "kit/csr.h"
#include "kit/kit.h"
#include "kit/mmio.h"
#include "kit/sbi.h"
#include "kit/string.h"
#include "kit/test.h"
#include "kit/trap.h"
#include "subjects.h"

enum { SKIP = 1, CLEAR = 2, AUTO = 4 };	    /* config_matching */
enum { INIT = 1, SNAPSHOT = 2, RESET = 1 }; /* start, stop */
enum { CYCLES = 1, INSTRUCTIONS = 2, FW = 0xf0000 };
enum {
	MISALIGNED_LOAD,
	MISALIGNED_STORE,
	ACCESS_LOAD,
	ACCESS_STORE,
	ILLEGAL,
	SET_TIMER,
	IPI_SENT,
	IPI_RECEIVED,
	FENCE_I_SENT,
	FENCE_I_RECEIVED,
	HFENCE = 14,
	PLATFORM = 0xffff,
};

/* Of Diosix. */
enum { CYCLE = 0, INSTRET = 2, FIRMWARE = 3, COUNTERS = 19 };
#define ALL_FIRMWARE ((1UL << (COUNTERS - FIRMWARE)) - 1)
#define FOREIGN	     0x80000000UL
#define LITTLE	     (1UL << 30) /* without -icount QEMU's cycles are the host's */

static struct sbiret pmu(unsigned long fid, unsigned long a0, unsigned long a1, unsigned long a2,
			 unsigned long a3)
{
	return sbi_call(SBI_PMU, fid, a0, a1, a2, a3, 0, 0);
}

static struct sbiret config(unsigned long base, unsigned long mask, unsigned long flags,
			    unsigned long event)
{
	return pmu(SBI_PMU_CONFIG, base, mask, flags, event);
}

static struct sbiret start(unsigned long counter, unsigned long flags, uint64_t value)
{
	return sbi_call(SBI_PMU, SBI_PMU_START, counter, 1, flags, (unsigned long)value,
			XLEN == 32 ? (unsigned long)(value >> 32) : 0, 0);
}

static struct sbiret stop(unsigned long counter, unsigned long flags)
{
	return pmu(SBI_PMU_STOP, counter, 1, flags, 0);
}

static unsigned long read(unsigned long counter)
{
	return pmu(SBI_PMU_READ, counter, 0, 0, 0).value;
}

/* --- what there is ---------------------------------------------------------------- */

static void check_info(void)
{
	unsigned long type = 1UL << (XLEN - 1), reserved = ~type & ~0x3ffffUL;
	struct sbiret count = pmu(SBI_PMU_COUNT, 0, 0, 0, 0);
	struct test_tally t = {0};

	test_error(SBI_SUCCESS, count, "the number of counters");
	test_true(count.value >= 3 && count.value < 1000, "is a number of counters");
	for (unsigned long i = 0; i < count.value; i++) {
		struct sbiret r = pmu(SBI_PMU_INFO, i, 0, 0, 0);

		if (r.error == SBI_ERR_INVALID_PARAM)
			continue; /* a hole: numbers needn't be contiguous */
		test_tally(&t, i, SBI_SUCCESS, (unsigned long)r.error);
		if (!(r.value & type)) {
			test_tally(&t, i, 0xc00 >> 5, (r.value & 0xfff) >> 5);
			test_tally(&t, i, 0, r.value & reserved);
		}
	}
	test_tally_end(&t, "each counter is a firmware's, or one of the CSRs 0xc00 to 0xc1f");
	test_error(SBI_ERR_INVALID_PARAM, pmu(SBI_PMU_INFO, count.value, 0, 0, 0),
		   "one beyond the last");
	test_error(SBI_ERR_INVALID_PARAM, pmu(SBI_PMU_INFO, -1UL, 0, 0, 0), "counter -1");
	test_error(SBI_ERR_INVALID_PARAM, pmu(SBI_PMU_INFO, 1, 0, 0, 0), "`time` is no counter");
	if (!kit.diosix)
		return;
	test_equal(COUNTERS, count.value, "there are 16 of the firmware's");
	test_equal(63UL << 12 | 0xc00, pmu(SBI_PMU_INFO, CYCLE, 0, 0, 0).value, "cycle's 64 bits");
	test_equal(63UL << 12 | 0xc02, pmu(SBI_PMU_INFO, INSTRET, 0, 0, 0).value,
		   "instret's 64 bits");
	test_equal(type, pmu(SBI_PMU_INFO, FIRMWARE, 0, 0, 0).value & type, "one of the firmware");
}

static void check_bad_sets(void)
{
	static const unsigned long fids[] = {SBI_PMU_CONFIG, SBI_PMU_START, SBI_PMU_STOP};
	struct test_tally t = {0}, f = {0};

	for (unsigned int i = 0; i < 3; i++) {
		unsigned long event = fids[i] == SBI_PMU_CONFIG ? CYCLES : 0;
		unsigned long bad = (unsigned long)SBI_ERR_INVALID_PARAM;
		unsigned long fid = fids[i];

		test_tally(&t, fid, bad, (unsigned long)pmu(fid, COUNTERS, 1, 0, event).error);
		test_tally(&t, fid, bad, (unsigned long)pmu(fid, 0, -1UL, 0, event).error);
		test_tally(&t, fid, bad, (unsigned long)pmu(fid, 0, 2, 0, event).error);
		test_tally(&t, fid, bad,
			   (unsigned long)pmu(fid, 0, 1UL << (XLEN - 1) | 1, 0, event).error);
		test_tally(&t, fid, bad, (unsigned long)pmu(fid, -1UL, 2, 0, event).error);
		test_tally(&t, fid, bad, (unsigned long)pmu(fid, -1UL, 1, 0, event).error);
		test_tally(&t, fid, bad, (unsigned long)pmu(fid, -3UL, 8, 0, event).error);
		test_tally(&t, fid, bad, (unsigned long)pmu(fid, 2, 1UL << 30, 0, event).error);
		for (unsigned int bit = i ? 2 : 8; bit < XLEN; bit++)
			test_tally(&f, fid, bad,
				   (unsigned long)pmu(fid, 0, 1, 1UL << bit, event).error);
	}
	test_tally_end(&t, "sets with a counter that isn't there: INVALID_PARAM");
	test_tally_end(&f, "reserved flags: INVALID_PARAM");
	test_error(SBI_SUCCESS, pmu(SBI_PMU_START, 0, 0, 0, 0), "start of none");
	test_error(SBI_SUCCESS, pmu(SBI_PMU_STOP, 0, 0, 0, 0), "stop of none");
	test_error(SBI_ERR_NOT_SUPPORTED, config(0, 0, 0, CYCLES), "one of none counts cycles");
}

static void check_bad_events(void)
{
	static const unsigned long events[] = {
		0,
		3,
		10,
		11,
		0xffff,
		0x10000,
		0x10008,
		0x20000,
		0x30000,
		0x40001,
		0xe0000,
		FW | HFENCE,
		FW | 21,
		FW | 22,
		FW | 256,
		FW | 0xfffe,
		FW | PLATFORM,
		0x100001,
		0x1f0005,
		-1UL,
		1UL << (XLEN - 1),
	};
	struct test_tally t = {0}, d = {0};

	for (unsigned int i = 0; i < sizeof(events) / sizeof(*events); i++)
		test_tally(&t, events[i], (unsigned long)SBI_ERR_NOT_SUPPORTED,
			   (unsigned long)config(FIRMWARE, ALL_FIRMWARE, 0, events[i]).error);
	test_tally_end(&t, "events that nobody counts: NOT_SUPPORTED");
	test_tally(&d, FW, (unsigned long)SBI_ERR_NOT_SUPPORTED,
		   (unsigned long)sbi_call(SBI_PMU, SBI_PMU_CONFIG, FIRMWARE, ALL_FIRMWARE, 0,
					   FW | SET_TIMER, 1, 0)
			   .error);
	if (XLEN == 32)
		test_tally(&d, FW, (unsigned long)SBI_ERR_NOT_SUPPORTED,
			   (unsigned long)sbi_call(SBI_PMU, SBI_PMU_CONFIG, FIRMWARE, ALL_FIRMWARE,
						   0, FW | SET_TIMER, 0, 1)
				   .error);
	test_tally_end(&d, "event data that is reserved: NOT_SUPPORTED");
	test_error(SBI_ERR_NOT_SUPPORTED, config(FIRMWARE, ALL_FIRMWARE, 0, CYCLES),
		   "firmware's don't count cycles");
	test_error(SBI_ERR_NOT_SUPPORTED, config(CYCLE, 1, SKIP, FW | SET_TIMER),
		   "cycle counts nothing else");
}

/* --- hardware --------------------------------------------------------------------- */

static uint64_t read_csr(unsigned long counter)
{
	unsigned long low = counter == CYCLE ? CSR_READ(cycle) : CSR_READ(instret);

#if __riscv_xlen == 32
	return (uint64_t)(counter == CYCLE ? CSR_READ(cycleh) : CSR_READ(instreth)) << 32 | low;
#else
	return low;
#endif
}

static void check_hardware(unsigned long counter, unsigned long event, const char *name)
{
	static const uint64_t high = (uint64_t)0x12345 << 32;
	uint64_t before, after;
	struct sbiret r;

	test_error(SBI_SUCCESS, stop(counter, 0), "%s runs at first, and stops", name);
	test_error(SBI_ERR_ALREADY_STOPPED, stop(counter, 0), "%s has stopped already", name);
	before = read_csr(counter);
	after = read_csr(counter);
	test_true(before == after, "%s stands still", name);

	r = config(0, 5, CLEAR, event);
	test_error(SBI_SUCCESS, r, "%s is found by its event", name);
	test_equal(counter, r.value, "%s has its number", name);
	test_true(read_csr(counter) == 0, "%s is cleared", name);
	test_error(SBI_SUCCESS, start(counter, 0, 99), "%s starts where it is", name);
	before = read_csr(counter);
	test_true(before > 0 && before < LITTLE, "%s counts from 0", name);
	test_true(read_csr(counter) > before, "%s counts on", name);
	test_error(SBI_ERR_ALREADY_STARTED, start(counter, INIT, 99), "%s has started", name);
	test_true(read_csr(counter) > before, "a start that is refused sets nothing");
	test_error(SBI_ERR_NOT_SUPPORTED, config(counter, 1, 0, event),
		   "%s can't be configured while it runs", name);
	test_error(SBI_SUCCESS, stop(counter, RESET), "%s stops", name);
	test_error(SBI_SUCCESS, start(counter, INIT, high), "%s starts from a value", name);
	before = read_csr(counter);
	test_true(before >= high && before - high < LITTLE, "%s counts from there, all bits", name);
	test_error(SBI_SUCCESS, stop(counter, 0), "%s stops again", name);
	test_error(SBI_SUCCESS, config(counter, 1, SKIP | AUTO, event), "%s starts by itself",
		   name);
	test_true(read_csr(counter) >= before, "and goes on");
	test_error(SBI_ERR_INVALID_PARAM, pmu(SBI_PMU_READ, counter, 0, 0, 0),
		   "%s isn't read by a call", name);
	test_error(SBI_ERR_INVALID_PARAM, pmu(SBI_PMU_READ_HI, counter, 0, 0, 0),
		   "nor is its high half");
}

/* --- the hypervisor's events ------------------------------------------------------- */

/* Watches `event` by a counter of its own. */
static unsigned long watch(unsigned long event)
{
	return config(FIRMWARE, ALL_FIRMWARE, CLEAR | AUTO, FW | event).value;
}

static unsigned long unwatch(unsigned long counter)
{
	unsigned long count = read(counter);

	stop(counter, RESET);
	return count;
}

static void check_firmware(void)
{
	unsigned long c;
	struct sbiret r = config(FIRMWARE, ALL_FIRMWARE, CLEAR, FW | SET_TIMER);

	test_error(SBI_SUCCESS, r, "a counter of set timer");
	c = r.value;
	sbi_set_timer(-1);
	test_equal(0, read(c), "doesn't count before it is started");
	test_error(SBI_SUCCESS, start(c, 0, 0), "is started");
	for (int i = 0; i < 3; i++)
		sbi_set_timer(-1);
	test_equal(3, read(c), "counts three");
	test_error(SBI_ERR_ALREADY_STARTED, start(c, 0, 0), "has started");
	test_error(SBI_SUCCESS, stop(c, 0), "is stopped");
	test_error(SBI_ERR_ALREADY_STOPPED, stop(c, 0), "has stopped");
	sbi_set_timer(-1);
	test_equal(3, read(c), "keeps its value");
	start(c, 0, 77);
	sbi_set_timer(-1);
	test_equal(4, read(c), "counts on from it");
	stop(c, 0);
	start(c, INIT, 0xffffffff);
	test_equal(0xffffffff, read(c), "starts from a value");
	sbi_set_timer(-1);
	test_equal(XLEN == 32 ? 0 : 1UL << (32 % XLEN), read(c), "counts across 32 bits");
	r = pmu(SBI_PMU_READ_HI, c, 0, 0, 0);
	test_error(SBI_SUCCESS, r, "its high half can be read");
	test_equal(XLEN == 32 ? 1 : 0, r.value, "which is 0 on RV64");
	test_error(SBI_SUCCESS, stop(c, RESET), "is stopped and forgets its event");
	test_error(SBI_ERR_INVALID_PARAM, start(c, 0, 0), "can't be started without one");
	test_error(SBI_ERR_INVALID_PARAM, pmu(SBI_PMU_READ, COUNTERS, 0, 0, 0),
		   "read of what isn't there");
	test_error(SBI_ERR_INVALID_PARAM, pmu(SBI_PMU_READ, -1UL, 0, 0, 0), "read of -1");
	test_error(SBI_ERR_INVALID_PARAM, pmu(SBI_PMU_READ_HI, COUNTERS, 0, 0, 0),
		   "read of the high half of what isn't there");
}

static unsigned long misaligned_lr(unsigned long at)
{
	unsigned long old;

	__asm__ volatile("lr.w %0, (%1)" : "=r"(old) : "r"(at) : "memory");
	return old;
}

static unsigned long illegal(void)
{
	__asm__ volatile("csrw cycle, zero");
	return 0;
}

static void check_events(void)
{
	struct mmio_device uart = mmio_uart();
	unsigned long load = watch(ACCESS_LOAD), store = watch(ACCESS_STORE);
	unsigned long ill = watch(ILLEGAL), odd = watch(MISALIGNED_STORE);
	unsigned long odd_load = watch(MISALIGNED_LOAD), timer = watch(SET_TIMER);
	unsigned int words[2] = {0, 0};
	struct trap t;

	for (int i = 0; i < 4; i++)
		mmio_write8(uart.base + UART_SCR, (uint8_t)(0x40 + i));
	test_equal(0x43, mmio_read8(uart.base + UART_SCR), "a device works while it is watched");
	for (int i = 0; i < 4; i++)
		mmio_read8(uart.base + UART_SCR);
	trap_call(&t, probe_load, FOREIGN, 0, 0);
	test_trap(&t, CAUSE_LOAD_ACCESS, FOREIGN, "and so does an access fault");
	trap_call(&t, illegal, 0, 0, 0);
	test_true(t.taken && t.frame.cause == CAUSE_ILLEGAL, "and an illegal instruction");
	CSR_SET(sie, SIP_SSIP);
	CSR_SET(sip, SIP_SSIP);
	__asm__ volatile("wfi");
	CSR_CLEAR(sip, SIP_SSIP);
	CSR_CLEAR(sie, SIP_SSIP);
	trap_call(&t, misaligned_lr, (unsigned long)words + 2, 0, 0);
	test_trap(&t, CAUSE_LOAD_MISALIGNED, (unsigned long)words + 2, "and a misaligned LR");
	sbi_call(SBI_LEGACY_SET_TIMER, 0, -1UL, -1UL, 0, 0, 0, 0);
	test_equal(6, unwatch(load), "six load access faults");
	test_equal(4, unwatch(store), "four store access faults");
	test_equal(1, unwatch(ill), "one illegal instruction: a WFI isn't one");
	test_equal(0, unwatch(odd), "no misaligned store");
	test_equal(1, unwatch(odd_load), "one misaligned load");
	test_equal(1, unwatch(timer), "one timer set, the old way");
}

/* What a hart asks of itself goes to no other hart. */
static void check_own_requests(void)
{
	unsigned long first = watch(IPI_SENT), all[4];
	struct test_tally t = {0};

	all[0] = first;
	for (unsigned long i = 1; i < 4; i++)
		all[i] = watch(IPI_SENT + i);
	sbi_send_ipi(1, kit.hart);
	CSR_CLEAR(sip, SIP_SSIP);
	sbi_call(SBI_RFENCE, SBI_RFENCE_I, 1, kit.hart, 0, 0, 0, 0);
	for (unsigned long i = 0; i < 4; i++)
		test_tally(&t, i, 0, unwatch(all[i]));
	test_tally_end(&t, "what it sends itself isn't sent to other harts");
}

/* While it is watched, the call that is shortest keeps all registers, too. */
static void check_registers(void)
{
	static const uint16_t code[] __attribute__((aligned(4))) = {0x0073, 0x0000, 0x9002};
	unsigned long c = watch(SET_TIMER), x[32];
	struct test_tally t = {0};
	struct trap trap;

	for (unsigned long n = 0; n < 32; n++)
		x[n] = (0x5a5a1234UL + n * 0x01010101UL) ^ (n << (XLEN - 8));
	x[10] = x[11] = -1UL;
	x[16] = SBI_TIME_SET;
	x[17] = SBI_TIME;
	trap_call_registers(&trap, x, code);
	test_tally(&t, 0, CAUSE_BREAKPOINT, trap.frame.cause);
	for (unsigned int n = 1; n < 32; n++)
		test_tally(&t, n, n == 10 || n == 11 ? 0 : x[n], trap.frame.x[n]);
	test_tally_end(&t, "set timer keeps all registers but a0 and a1 while it is watched");
	test_equal(1, unwatch(c), "and is counted");
}

static void check_all(void)
{
	struct test_tally t = {0}, counts = {0};
	unsigned long used = 0;

	for (unsigned long i = FIRMWARE; i < COUNTERS; i++) {
		struct sbiret r = config(FIRMWARE, ALL_FIRMWARE, CLEAR, FW | SET_TIMER);

		test_tally(&t, i, SBI_SUCCESS, (unsigned long)r.error);
		used |= 1UL << r.value;
	}
	test_tally(&t, 0, ALL_FIRMWARE << FIRMWARE, used);
	test_tally_end(&t, "each configuration gets a counter of its own");
	test_error(SBI_SUCCESS, pmu(SBI_PMU_START, FIRMWARE, ALL_FIRMWARE, 0, 0),
		   "all are started at once");
	test_error(SBI_ERR_NOT_SUPPORTED, config(FIRMWARE, ALL_FIRMWARE, 0, FW | SET_TIMER),
		   "none is left");
	sbi_set_timer(-1);
	for (unsigned long i = FIRMWARE; i < COUNTERS; i++)
		test_tally(&counts, i, 1, read(i));
	test_tally_end(&counts, "all count");
	stop(FIRMWARE, 0);
	test_error(SBI_ERR_ALREADY_STOPPED, pmu(SBI_PMU_STOP, FIRMWARE, ALL_FIRMWARE, RESET, 0),
		   "one was stopped already");
	sbi_set_timer(-1);
	test_equal(1, read(COUNTERS - 1), "the others are now");
}

static void check_snapshot(void)
{
	static unsigned char page[4096] __attribute__((aligned(4096)));

	test_error(SBI_ERR_NOT_SUPPORTED, pmu(SBI_PMU_SNAPSHOT, (unsigned long)page, 0, 0, 0),
		   "there is no snapshot");
	test_error(SBI_ERR_NO_SHMEM, start(CYCLE, SNAPSHOT, 0), "start from it");
	test_error(SBI_ERR_NO_SHMEM, stop(CYCLE, SNAPSHOT), "stop with it");
}

/* --- asking for many events ---------------------------------------------------------- */

struct entry {
	uint32_t event, output;
	uint64_t data;
};

static struct sbiret ask(const void *at, unsigned long high, unsigned long count,
			 unsigned long flags)
{
	return pmu(SBI_PMU_EVENTS, (unsigned long)at, high, count, flags);
}

static void check_event_info(void)
{
	static struct entry e[257] __attribute__((aligned(16)));
	static const struct entry asked[] = {
		{CYCLES, 9, 0},
		{INSTRUCTIONS, 9, 5},
		{3, 9, 0},
		{0, 9, 0},
		{FW | ILLEGAL, 9, 0},
		{FW | ILLEGAL, 9, 1},
		{FW | HFENCE, 9, 0},
		{0x20000, 9, 7},
		{FW | 13, 9, 0},
		{FW | ILLEGAL, 9, (uint64_t)1 << 32},
	};
	/* Event data of hardware's general events isn't looked at. */
	static const unsigned int expected[] = {1, 1, 0, 0, 1, 0, 0, 0, 1, 0};
	unsigned long end = (unsigned long)(kit.ram_base + kit.ram_size);
	struct test_tally t = {0}, kept = {0}, bad = {0};

	memcpy(e, asked, sizeof(asked));
	e[10].output = 9;
	test_error(SBI_SUCCESS, ask(e, 0, 10, 0), "ten events");
	for (int i = 0; i < 10; i++) {
		test_tally(&t, e[i].event, expected[i], e[i].output);
		test_tally(&kept, e[i].event, asked[i].event, e[i].event);
		test_tally(&kept, e[i].event, 1, asked[i].data == e[i].data);
	}
	test_tally_end(&t, "each is told to be counted, or not");
	test_tally_end(&kept, "nothing else is written");
	test_equal(9, e[10].output, "and nothing after them");
	test_error(SBI_SUCCESS, ask(e, 0, 0, 0), "no event");
	e[1].event = 0x100000;
	test_error(SBI_ERR_INVALID_PARAM, ask(e, 0, 2, 0), "an event with reserved bits");
	e[1].event = 1;
	test_error(SBI_ERR_INVALID_PARAM, ask(e, 0, 1, 1), "a reserved flag");
	test_error(SBI_ERR_INVALID_PARAM, ask((char *)e + 8, 0, 1, 0), "an odd address");
	test_error(SBI_SUCCESS, ask(e, 0, 256, 0), "256 events");
	test_error(SBI_ERR_INVALID_PARAM, ask(e, 0, 257, 0), "more than 256");
	test_error(SBI_ERR_INVALID_PARAM, ask(e, 0, 0x10000001, 0), "0x10000001 events");
	test_error(SBI_ERR_INVALID_PARAM, ask(e, 0, 1UL << (XLEN - 4), 0),
		   "as many as need no memory at all, it seems");
	test_tally(&bad, 1, (unsigned long)SBI_ERR_INVALID_ADDRESS,
		   (unsigned long)ask((void *)FOREIGN, 0, 1, 0).error);
	test_tally(&bad, 2, (unsigned long)SBI_ERR_INVALID_ADDRESS,
		   (unsigned long)ask((void *)(end - 16), 0, 2, 0).error);
	test_tally(&bad, 3, (unsigned long)SBI_ERR_INVALID_ADDRESS,
		   (unsigned long)ask((void *)-16UL, 0, 2, 0).error);
	test_tally(&bad, 4, (unsigned long)SBI_ERR_INVALID_ADDRESS,
		   (unsigned long)ask(e, 1, 1, 0).error);
	test_tally(&bad, 5, (unsigned long)SBI_ERR_INVALID_ADDRESS,
		   (unsigned long)ask((void *)0x10000000, 0, 1, 0).error);
	test_tally_end(&bad, "memory that isn't its own: INVALID_ADDRESS");
}

void pmu_test(void)
{
	if (!sbi_probe(SBI_PMU)) {
		test_skip("firmware may lack it", "PMU");
		return;
	}
	check_info();
	if (!kit.diosix)
		return;
	check_bad_sets();
	check_bad_events();
	check_hardware(CYCLE, CYCLES, "cycle");
	check_hardware(INSTRET, INSTRUCTIONS, "instret");
	check_firmware();
	check_events();
	check_own_requests();
	check_registers();
	check_all();
	check_snapshot();
	check_event_info();
}
