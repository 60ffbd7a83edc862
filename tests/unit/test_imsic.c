/* SPDX-License-Identifier: MIT */
/*
 * src/drivers/imsic.c on an interrupt file that the test plays, with the CSRs by which a hart
 * reaches it, and an APLIC that does as it is told.
 */
#include "unit.h"

#include "core/types.h"
#include "riscv/csr.h"

static xlen_t swap_topei(void);

#undef csr_swap
#define csr_swap(csr, value) swap_topei()

#include "drivers/imsic.c"

enum { IDS = 127, WORDS = 2048 / XLEN, STEP = XLEN / 32 };

static struct {
	bool exists;
	unsigned ids;
	xlen_t delivery, threshold, pending[WORDS], enabled[WORDS];
	unsigned deliveries; /* writes to eidelivery */
} file;

static struct {
	unsigned starts, routes;
	int index;
	uint32_t identity, asserted;
} aplic;

static struct machine machine;
static struct hart hart;
static struct reason why;

static xlen_t *chosen(xlen_t select)
{
	if (select == 0x70)
		return &file.delivery;
	if (select == 0x72)
		return &file.threshold;
	/* A file has registers for its identities only, and on RV64 every other one. */
	assert_true(select >= 0x80 && select <= 0xff && select % STEP == 0);
	if (select % 64 * 32 > file.ids)
		return NULL;
	return &(select < 0xc0 ? file.pending : file.enabled)[select % 64 / STEP];
}

bool csr_probe_mtopei(xlen_t *value)
{
	*value = 0;
	return file.exists;
}

bool csr_write_mireg(xlen_t select, xlen_t value)
{
	xlen_t *it = file.exists ? chosen(select) : NULL;

	if (!it)
		return false;
	file.deliveries += select == 0x70;
	/* While it is being set up it delivers nothing. */
	assert_true(select == 0x70 || !file.delivery);
	*it = value;
	return true;
}

bool csr_set_mireg(xlen_t select, xlen_t bits)
{
	xlen_t *it = file.exists ? chosen(select) : NULL;

	if (it)
		*it |= bits;
	return it != NULL;
}

static bool bit(const xlen_t *array, unsigned identity)
{
	return array[identity / XLEN] >> identity % XLEN & 1;
}

static void arrive(unsigned identity)
{
	file.pending[identity / XLEN] |= (xlen_t)1 << identity % XLEN;
}

static xlen_t swap_topei(void)
{
	for (unsigned i = 1; i <= file.ids; i++) {
		if (!bit(file.pending, i) || !bit(file.enabled, i))
			continue;
		file.pending[i / XLEN] &= ~((xlen_t)1 << i % XLEN);
		return i << 16 | i;
	}
	return 0;
}

enum status aplic_start(const struct machine *of, struct reason *reason)
{
	(void)reason;
	assert_ptr_equal(of, &machine);
	aplic.starts++;
	return OK;
}

enum status aplic_route(int index, uint32_t number, struct reason *reason)
{
	(void)reason;
	aplic.routes++;
	aplic.index = index;
	aplic.identity = number;
	return OK;
}

bool aplic_is_asserted(uint32_t irq)
{
	return irq == aplic.asserted;
}

/* A file that has been used before. */
static int set_up(void **state)
{
	(void)state;
	memset(&file, 0xff, sizeof(file));
	file.exists = true;
	file.ids = IDS;
	file.deliveries = 0;
	memset(&aplic, 0, sizeof(aplic));
	memset(&machine, 0, sizeof(machine));
	machine.aplic.sends_msi = true;
	machine.imsic_ids = IDS;
	machine.uart.irq = 10;
	machine.harts[0].aplic_index = 5;
	hart.description = &machine.harts[0];
	return 0;
}

static void start_all(void)
{
	assert_int_equal(imsic_controller.start(&machine, &why), OK);
	assert_true(imsic_controller.start_hart(&hart));
	assert_int_equal(imsic_controller.route(&hart, &why), OK);
}

/* Nothing of before is enabled or pending; the call and the UART are enabled. */
static void test_start(void **state)
{
	static const uint32_t irqs[] = {10, 1, 30, 31, 32, 62, 63, 64, 126};

	for (unsigned i = 0; i < ARRAY_LENGTH(irqs); i++) {
		set_up(state);
		machine.uart.irq = irqs[i];
		start_all();
		assert_int_equal(file.delivery, 1);
		assert_int_equal(file.deliveries, 2); /* off, on */
		assert_int_equal(file.threshold, 0);
		for (unsigned id = 1; id <= IDS; id++) {
			assert_false(bit(file.pending, id));
			assert_int_equal(bit(file.enabled, id), id == 1 || id == irqs[i] + 1);
		}
		assert_int_equal(aplic.index, 5);
		assert_int_equal(aplic.identity, irqs[i] + 1);
	}
}

/* The UART's interrupt, the call, and nothing else. */
static void test_claim(void **state)
{
	(void)state;
	start_all();
	assert_int_equal(imsic_controller.claim(&hart), 0);
	arrive(11);
	arrive(1);
	arrive(12);
	assert_int_equal(imsic_controller.claim(&hart), INTERRUPT_CALL);
	assert_int_equal(imsic_controller.claim(&hart), 10);
	assert_int_equal(imsic_controller.claim(&hart), 0);
}

/* The wire still asks when the service ends: the interrupt comes again. */
static void test_level(void **state)
{
	(void)state;
	start_all();
	arrive(11);
	aplic.asserted = 10;
	assert_int_equal(imsic_controller.claim(&hart), 10);
	imsic_controller.complete(&hart, 10);
	assert_int_equal(imsic_controller.claim(&hart), 10);
	aplic.asserted = 0;
	imsic_controller.complete(&hart, 10);
	assert_int_equal(imsic_controller.claim(&hart), 0);
}

/* No APLIC that sends anything: the harts' calls work nevertheless. */
static void test_calls_alone(void **state)
{
	(void)state;
	machine.aplic.sends_msi = false;
	assert_int_equal(imsic_controller.start(&machine, &why), ERR_MISSING);
	assert_int_equal(aplic.starts, 0);
	assert_true(imsic_controller.start_hart(&hart));
	arrive(1);
	arrive(11);
	assert_int_equal(imsic_controller.claim(&hart), INTERRUPT_CALL);
	assert_int_equal(imsic_controller.claim(&hart), 0);
}

static void test_refused(void **state)
{
	(void)state;
	machine.uart.irq = IDS;
	assert_int_equal(imsic_controller.start(&machine, &why), ERR_LIMIT);
	assert_non_null(strstr(why.text, "interrupt 127 is beyond the 127 identities"));
	machine.uart.irq = 10;
	machine.harts[0].aplic_index = MACHINE_NO_CONTEXT;
	assert_int_equal(imsic_controller.start(&machine, &why), OK);
	assert_int_equal(imsic_controller.route(&hart, &why), ERR_LIMIT);
	assert_int_equal(aplic.routes, 0);
}

/* A tree that promises what the hart doesn't have. */
static void test_no_file(void **state)
{
	(void)state;
	assert_int_equal(imsic_controller.start(&machine, &why), OK);
	file.exists = false;
	assert_false(imsic_controller.start_hart(&hart));
	file.exists = true;
	file.ids = 63;
	machine.uart.irq = 126;
	assert_int_equal(imsic_controller.start(&machine, &why), OK);
	assert_false(imsic_controller.start_hart(&hart));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_start, set_up),
		cmocka_unit_test_setup(test_claim, set_up),
		cmocka_unit_test_setup(test_level, set_up),
		cmocka_unit_test_setup(test_calls_alone, set_up),
		cmocka_unit_test_setup(test_refused, set_up),
		cmocka_unit_test_setup(test_no_file, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
