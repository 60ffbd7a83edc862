/* SPDX-License-Identifier: MIT */
/*
 * src/riscv/vector.c on a hart of which mstatus.VS and the vector registers are variables: which
 * harts have any for guests, and that whatever guests do with theirs, each finds its own, and
 * nothing of another's can be reached.
 */
#include "unit.h"

#include "core/arch.h"
#include "riscv/cpu.h"
#include "riscv/csr.h"

enum { VCPUS = 3, LONGEST = 64, BYTES = VECTOR_REGISTERS * LONGEST };

/* What there is of a hart. */
static struct {
	xlen_t mstatus, vsstatus;
	xlen_t vstart, vcsr, vl, vtype;
	uint8_t v[BYTES];
	bool has_vs, has_vlenb;
	xlen_t vlenb;
} hart;

static xlen_t *csr_named(const char *name)
{
	if (!strcmp(name, "mstatus"))
		return &hart.mstatus;
	assert_string_equal(name, "vsstatus");
	return &hart.vsstatus;
}

static void csr_put(const char *name, xlen_t value)
{
	*csr_named(name) = hart.has_vs ? value : value & ~(xlen_t)MSTATUS_VS;
}

#undef csr_read
#undef csr_set
#undef csr_clear
#define csr_read(csr)	     (*csr_named(#csr))
#define csr_set(csr, bits)   csr_put(#csr, csr_read(csr) | (xlen_t)(bits))
#define csr_clear(csr, bits) csr_put(#csr, csr_read(csr) & ~(xlen_t)(bits))

#include "riscv/vector.c"

_Thread_local struct hart *arch_this_hart;

bool csr_probe_vlenb(xlen_t *value)
{
	*value = hart.vlenb;
	return hart.has_vlenb && (hart.mstatus & MSTATUS_VS);
}

static unsigned saves, loads, settled;

/* riscv/vector.S */
void vector_save(struct context *from, struct context *to)
{
	(void)to;
	csr_set(mstatus, MSTATUS_VS);
	from->vector.vstart = hart.vstart;
	from->vector.vcsr = hart.vcsr;
	from->vector.vl = hart.vl;
	from->vector.vtype = hart.vtype;
	hart.vstart = 0;
	memcpy(from->vector.registers, hart.v, VECTOR_REGISTERS * hart.vlenb);
	saves++;
}

void vector_load(struct context *from, struct context *to)
{
	(void)from;
	csr_set(mstatus, MSTATUS_VS);
	memcpy(hart.v, to->vector.registers, VECTOR_REGISTERS * hart.vlenb);
	hart.vstart = to->vector.vstart;
	hart.vcsr = to->vector.vcsr;
	hart.vl = to->vector.vl;
	hart.vtype = to->vector.vtype;
	loads++;
}

void features_settle(struct context *context)
{
	assert_non_null(context);
	settled++;
}

/* --- which harts ------------------------------------------------------------------------------ */

static struct cpu cpu;

static int set_up(void **state)
{
	(void)state;
	memset(&hart, 0, sizeof(hart));
	memset(hart.v, 0x5a, sizeof(hart.v)); /* "arbitrary values at reset" */
	memset(&cpu, 0, sizeof(cpu));
	hart.has_vs = hart.has_vlenb = true;
	hart.vlenb = 16;
	cpu.isa = ISA_BIT(ISA_V);
	saves = loads = settled = 0;
	return 0;
}

static xlen_t found(void)
{
	cpu.vlenb = 0;
	hart.mstatus = 0;
	vector_probe(&cpu);
	return cpu.vlenb;
}

static void test_probe(void **state)
{
	(void)state;
	assert_int_equal(found(), 16);
	cpu.has_hypervisor = true;
	assert_int_equal(found(), 16);
	/* A part of V is offered as well, of whatever length. */
	cpu.isa = ISA_BIT(ISA_ZVE32X);
	hart.vlenb = 4;
	assert_int_equal(found(), 4);
	/* What the tree doesn't name: with V=1 it stays off, else it has to be switched. */
	cpu.isa = ISA_BIT(ISA_D);
	assert_int_equal(found(), 0);
	cpu.has_hypervisor = false;
	assert_int_equal(found(), 4);
	/* Not as the specification has it, or not at all. */
	cpu.isa = ISA_BIT(ISA_V);
	hart.has_vlenb = false;
	assert_int_equal(found(), 0);
	hart.has_vlenb = true;
	hart.has_vs = false;
	assert_int_equal(found(), 0);
}

/* --- guests ----------------------------------------------------------------------------------- */

/* What each vCPU's guest believes to have, beside what the hypervisor keeps for it. */
static struct guest {
	struct context context;
	uint8_t kept[BYTES];
	uint8_t v[BYTES];
	xlen_t vstart, vcsr, vl, vtype;
	xlen_t vs; /* of its sstatus */
} guests[VCPUS];

static struct guest *loaded;

/* A life begins. RAM is whatever it was before. */
static void begin(struct guest *guest)
{
	memset(guest->kept, 0xee, sizeof(guest->kept));
	memset(guest->v, 0, sizeof(guest->v));
	vector_create(&guest->context, &cpu, guest->kept);
	vector_reset(&guest->context);
	guest->context.cpu = &cpu;
	guest->vstart = guest->vcsr = guest->vl = 0;
	guest->vtype = (xlen_t)1 << (XLEN - 1);
	guest->vs = 0;
	/* Nothing beyond its own is written. */
	for (size_t i = vector_size(&cpu); i < BYTES; i++)
		assert_int_equal(guest->kept[i], 0xee);
}

/* As vcpu.c does it, `from` may be NULL; the guest's sstatus is the last that is written. */
static void load(struct guest *to)
{
	vector_switch(&cpu, loaded ? &loaded->context : NULL, &to->context);
	loaded = to;
	if (cpu.has_hypervisor) {
		assert_int_equal(hart.mstatus & MSTATUS_VS, 0);
		hart.vsstatus = to->vs;
	} else {
		hart.mstatus = to->vs;
	}
}

/* Its guest executes a vector instruction: true when that works. */
static bool can_use(void)
{
	if (!cpu.has_hypervisor)
		return hart.mstatus & MSTATUS_VS;
	if (!(hart.mstatus & MSTATUS_VS) && !vector_turn_on(&loaded->context))
		return false;
	assert_true(hart.mstatus & MSTATUS_VS);
	assert_false(vector_turn_on(&loaded->context)); /* no trap twice */
	return hart.vsstatus & MSTATUS_VS;
}

static void use(void)
{
	size_t size = VECTOR_REGISTERS * hart.vlenb;

	if (!can_use()) {
		assert_int_equal(loaded->vs, 0);
		return;
	}
	assert_memory_equal(hart.v, loaded->v, size);
	assert_int_equal(hart.vstart, loaded->vstart);
	assert_int_equal(hart.vcsr, loaded->vcsr);
	assert_int_equal(hart.vl, loaded->vl);
	assert_int_equal(hart.vtype, loaded->vtype);
	for (size_t i = 0; i < size; i++)
		hart.v[i] = loaded->v[i] = unit_random();
	hart.vstart = loaded->vstart = unit_random_below(8);
	hart.vcsr = loaded->vcsr = unit_random_below(8);
	hart.vl = loaded->vl = unit_random_below(16);
	hart.vtype = loaded->vtype = unit_random_below(256);
}

/* It writes VS as it pleases: that changes nothing of what is in the registers. */
static void pretend(void)
{
	loaded->vs = unit_random_below(4) << 9;
	if (cpu.has_hypervisor)
		hart.vsstatus = loaded->vs;
	else
		hart.mstatus = loaded->vs;
}

static void test_each_its_own(void **state)
{
	for (unsigned round = 0; round < 6; round++) {
		set_up(state);
		cpu.has_hypervisor = round & 1;
		hart.vlenb = LONGEST >> round / 2;
		assert_int_equal(found(), hart.vlenb);
		hart.mstatus = 0;
		loaded = NULL;
		for (unsigned i = 0; i < VCPUS; i++)
			begin(&guests[i]);
		load(&guests[0]);
		for (unsigned step = 0; step < 4000; step++) {
			struct guest *other = &guests[unit_random_below(VCPUS)];

			switch (unit_random_below(8)) {
			case 0:
			case 1: pretend(); break;
			case 2: /* its life ends, and another begins */
				begin(loaded);
				loaded = NULL;
				load(other);
				break;
			case 3:
			case 4:
				if (other != loaded)
					load(other);
				break;
			default: use(); break;
			}
		}
	}
}

/* With V=1 nobody pays for what it doesn't use. */
static void test_on_demand(void **state)
{
	(void)state;
	cpu.has_hypervisor = true;
	found();
	hart.mstatus = 0;
	loaded = NULL;
	for (unsigned i = 0; i < VCPUS; i++)
		begin(&guests[i]);
	load(&guests[0]);
	/* Illegal for another reason: its own VS is off. */
	assert_false(can_use());
	guests[0].vs = hart.vsstatus = MSTATUS_VS;
	load(&guests[1]);
	load(&guests[0]);
	assert_int_equal(saves + loads + settled, 0);
	assert_true(can_use());
	assert_int_equal(settled, 1);
	load(&guests[1]);
	load(&guests[2]);
	load(&guests[0]);
	assert_int_equal(saves, 1);
	assert_int_equal(loads, 1);
	/* Not offered: it stays off. */
	cpu.vlenb = 0;
	assert_false(can_use());
	/* With V=0 an illegal instruction is no reason. */
	found();
	hart.mstatus = 0;
	cpu.has_hypervisor = false;
	assert_false(vector_turn_on(&guests[0].context));
	assert_int_equal(loads, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_probe, set_up),
		cmocka_unit_test_setup(test_each_its_own, set_up),
		cmocka_unit_test_setup(test_on_demand, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
