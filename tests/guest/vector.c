/* SPDX-License-Identifier: MIT */
/*
 * Subject vector: the vector extension, where the device tree has it: off at the start, then all
 * zero, then as the guest left it over every kind of exit, vstart included. Devices can't be
 * reached by vector loads and stores. Where the tree hasn't got it, it can't be switched on.
 */
#include "kit/vector.h"

#include "kit/csr.h"
#include "kit/kit.h"
#include "kit/mmio.h"
#include "kit/mmu.h"
#include "kit/sbi.h"
#include "kit/test.h"
#include "kit/trap.h"
#include "subjects.h"

/* tests/guest/vector_probe.S */
extern char vector_loads[], vector_loads_end[], vector_stores[], vector_stores_end[];
void vector_set(unsigned long bytes);
void vector_load8(unsigned long address);
void vector_read8(uint8_t *to);

enum { PROBE_BYTES = 8 };

static struct vector_state set, now;
static unsigned long sequence;

static void set_vs(unsigned long vs)
{
	CSR_CLEAR(sstatus, SSTATUS_VS);
	CSR_SET(sstatus, vs << 9);
}

/* With VS off, or without V. */
static void check_illegal(const char *when)
{
	struct trap t;

	trap_call(&t, vector_length, 0, 0, 0);
	test_true(t.taken && t.frame.cause == CAUSE_ILLEGAL, "%s: vlenb is illegal", when);
	trap_call(&t, vector_set, 8, 0, 0);
	test_true(t.taken && t.frame.cause == CAUSE_ILLEGAL, "%s: vsetvli is illegal", when);
	trap_call(&t, vector_loads, (unsigned long)&set, 0, 0);
	test_true(t.taken && t.frame.cause == CAUSE_ILLEGAL &&
			  t.frame.pc == (unsigned long)vector_loads,
		  "%s: a vector load is illegal", when);
}

static void check_zero(void)
{
	unsigned long bytes = vector_bytes();
	struct test_tally tally = {0};

	vector_store(&now);
	for (unsigned long i = 0; i < bytes; i++)
		test_tally(&tally, i, 0, now.v[i]);
	test_tally_end(&tally, "all registers are zero at first");
	test_equal(0, now.vstart | now.vcsr | now.vl, "vstart, vcsr and vl are zero");
	test_equal(VECTOR_VILL, now.vtype, "vtype is vill");
}

/* --- exits ------------------------------------------------------------------------------------ */

static unsigned long uart;

static void call(void)
{
	sbi_call(SBI_BASE, 0, 0, 0, 0, 0, 0, 0);
}

static void set_timer(void)
{
	sbi_set_timer(~0ULL);
}

static void read_device(void)
{
	mmio_read8(uart + UART_LSR);
}

static void illegal(void)
{
	struct trap t;

	trap_call(&t, (const void *)&(const uint32_t){0}, 0, 0, 0);
}

static void sleep(void)
{
	CSR_SET(sie, SIP_STIP);
	sbi_set_timer(csr_time() + 5000);
	while (!trap_is_pending(IRQ_TIMER))
		__asm__ volatile("wfi");
	CSR_CLEAR(sie, SIP_STIP);
	sbi_set_timer(~0ULL);
}

/* Longer than a turn. */
static void spin(void)
{
	kit_delay(200000);
}

static void suspend(void)
{
	CSR_SET(sie, SIP_STIP);
	sbi_set_timer(csr_time() + 5000);
	sbi_call(SBI_HSM, SBI_HSM_SUSPEND, 0, 0, 0, 0, 0, 0);
	CSR_CLEAR(sie, SIP_STIP);
	sbi_set_timer(~0ULL);
}

static void be_interrupted(struct trap_frame *frame)
{
	(void)frame;
	CSR_CLEAR(sip, SIP_SSIP);
}

static void ipi(void)
{
	trap_on_interrupt(IRQ_SOFT, be_interrupted);
	CSR_SET(sie, SIP_SSIP);
	CSR_SET(sstatus, SSTATUS_SIE);
	sbi_send_ipi(1, kit.hart);
	CSR_CLEAR(sstatus, SSTATUS_SIE);
	CSR_CLEAR(sie, SIP_SSIP);
	trap_on_interrupt(IRQ_SOFT, NULL);
}

static void fence(void)
{
	sbi_call(SBI_RFENCE, 0, 1, kit.hart, 0, 0, 0, 0);
}

static void off_and_on(void)
{
	set_vs(0);
	call();
	set_vs(1);
}

static void say_clean(void)
{
	set_vs(2);
	sleep();
}

static void check_kept(void)
{
	static const struct {
		const char *what;
		void (*leave)(void);
	} exits[] = {
		{"a call", call},
		{"set timer", set_timer},
		{"a device's register", read_device},
		{"an illegal instruction", illegal},
		{"sleep", sleep},
		{"turns that end", spin},
		{"suspend", suspend},
		{"an IPI", ipi},
		{"a fence", fence},
		{"VS off and on again", off_and_on},
		{"VS clean, and sleep", say_clean},
	};

	for (unsigned int i = 0; i < sizeof(exits) / sizeof(*exits); i++) {
		struct test_tally tally = {0};

		for (unsigned int round = 0; round < 8; round++) {
			unsigned long where = 0;

			vector_fill(&set, 0, ++sequence);
			vector_load(&set);
			exits[i].leave();
			vector_store(&now);
			test_tally(&tally, where, 0, vector_differ(&set, &now, &where));
		}
		test_tally_end(&tally, "registers and CSRs are kept over %s", exits[i].what);
	}
}

/* --- faults ----------------------------------------------------------------------------------- */

/* Each probe is an instruction and a return, eight bytes. */
static void check_refused(const char *from, const char *to, unsigned long address,
			  unsigned long cause, const char *what)
{
	struct test_tally causes = {0}, values = {0};

	for (const char *at = from; at < to; at += PROBE_BYTES) {
		struct trap t;

		vector_set(1);
		trap_call(&t, at, address, 0, 0);
		test_tally(&causes, (unsigned long)(at - from), cause,
			   t.taken ? t.frame.cause : ~0UL);
		test_tally(&values, (unsigned long)(at - from), address, t.frame.tval);
	}
	test_tally_end(&causes, "%s: access faults", what);
	test_tally_end(&values, "%s: stval is the address", what);
}

static void check_devices(void)
{
	mmio_write8(uart + UART_MCR, 3);
	check_refused(vector_loads, vector_loads_end, uart, CAUSE_LOAD_ACCESS,
		      "vector loads of a device");
	check_refused(vector_stores, vector_stores_end, uart + UART_MCR, CAUSE_STORE_ACCESS,
		      "vector stores to a device");
	test_equal(3, mmio_read8(uart + UART_MCR), "and it has noticed nothing");
	mmio_write8(uart + UART_MCR, 0);
}

/*
 * A load that is interrupted by a fault in its midst, goes on after it: elements before vstart are
 * the first attempt's. An exit between the two, and a sleep, change nothing.
 */
static void check_midway(void)
{
	enum { BEFORE = 3, ALL = 8 };
	static const uint8_t again[ALL] = {1, 2, 3, 4, 5, 6, 7, 8};
	unsigned long end = (unsigned long)(kit.ram_base + kit.ram_size);
	struct test_tally tally = {0};
	uint8_t got[ALL], first[BEFORE];
	struct trap t;

	for (unsigned int i = 0; i < BEFORE; i++)
		first[i] = *(volatile uint8_t *)(end - BEFORE + i);
	vector_set(ALL);
	trap_call(&t, vector_load8, end - BEFORE, 0, 0);
	test_true(t.taken && t.frame.cause == CAUSE_LOAD_ACCESS && t.frame.tval == end,
		  "a load across the end of RAM: an access fault there");
	call();
	sleep();
	vector_store(&now);
	test_equal(BEFORE, now.vstart, "vstart is where it was interrupted");
	vector_load8((unsigned long)again);
	vector_store(&now);
	test_equal(0, now.vstart, "it goes on there, and vstart is zero after it");
	vector_read8(got);
	for (unsigned int i = 0; i < ALL; i++)
		test_tally(&tally, i, i < BEFORE ? first[i] : again[i], got[i]);
	test_tally_end(&tally, "elements are the first attempt's up to there, then the second's");
}

void vector_test(void)
{
	uart = mmio_uart().base;
	test_equal(0, start_registers[33] & SSTATUS_VS, "sstatus.VS is off at the start");
	set_vs(0);
	check_illegal("off");
	if (!vector_offered()) {
		/* Without H, a guest can switch on what the machine's tree doesn't tell. */
		set_vs(3);
		if (kit.diosix)
			check_illegal("not offered");
		set_vs(0);
		return;
	}
	set_vs(1);
	check_zero();
	check_kept();
	if (uart)
		check_devices();
	check_midway();
	set_vs(0);
	check_illegal("off again");
}
