/* SPDX-License-Identifier: MIT */
/*
 * Every fence that a hart needs, on harts whose caches forget nothing by themselves: emulators
 * forgive one that is missing. What switches vCPUs, fences PMP and second stages, and serves remote
 * fences is the real thing (src/riscv); what is made of variables are the harts: their CSRs and, of
 * each hart, what it has cached of translations, by ASID and VMID, of rights, and of code.
 *
 * The harts are as bad as the specification lets them be. Both stages are cached apart, and after
 * every write of a CSR all is cached that could be under what the CSRs hold at that moment, also
 * while the hypervisor is between two writes ("Address Translation and Protection", speculation).
 */
#include "unit.h"

#include "core/capsule.h"
#include "fake/arch.h"
#include "riscv/cpu.h"
#include "riscv/csr.h"
#include "riscv/fence.h"
#include "riscv/pmp/encode.h"

/* --- harts ------------------------------------------------------------------------------------ */

enum {
	HARTS = 2,
	GUESTS = 3,
	VCPUS = 2,
	PAGES = 40,
	CACHED = 8192,
	CSRS = 96,
	BARE = -1,
	SLOTS = 16
};

/* Guests' addresses that are looked at. */
#define VA 0x10000000u

/* What a hart has cached: of one address in one of its address spaces. */
struct cached {
	enum { NONE, STAGE_1, STAGE_2, NO_STAGE } which; /* NO_STAGE: with V=0, as a whole */
	bool valid;
	unsigned vmid;
	int asid;
	uint64_t from; /* a page's address */
	uint64_t to;   /* 0: nothing is there, or it isn't allowed */
};

static struct fake_hart {
	struct cpu cpu;
	struct {
		const char *name;
		xlen_t value;
	} csrs[CSRS];
	struct pmp_entry pmp[SLOTS];
	unsigned vmid_bits; /* that hgatp has, in its only mode but Bare: Sv39x4 */
	struct cached cached[CACHED];
	unsigned code[GUESTS]; /* which edition of a guest's code it would execute; 0: none yet */
} harts[HARTS];

static struct fake_hart *here(void)
{
	return (struct fake_hart *)(void *)hart_this();
}

static xlen_t *csr_at(const char *name)
{
	struct fake_hart *hart = here();

	for (unsigned i = 0; i < CSRS; i++) {
		if (!hart->csrs[i].name)
			hart->csrs[i].name = name;
		if (!strcmp(hart->csrs[i].name, name))
			return &hart->csrs[i].value;
	}
	fail_msg("no room for CSR %s", name);
	return NULL;
}

static void speculate(void);

static void csr_put(const char *name, xlen_t value)
{
	unsigned number;

	if (sscanf(name, "pmpaddr%u", &number) == 1)
		here()->pmp[number].address = value;
	else if (sscanf(name, "pmpcfg%u", &number) == 1)
		for (unsigned i = 0; i < XLEN / 8; i++)
			here()->pmp[number * 4 + i].config = value >> (8 * i);
	else
		*csr_at(name) = value;
	if (!strcmp(name, "hgatp")) {
		xlen_t vmids = ((xlen_t)1 << here()->vmid_bits) - 1;

		*csr_at(name) &= ~((xlen_t)(HGATP_VMIDS & ~vmids) << HGATP_VMID_SHIFT);
		if (value >> HGATP_MODE_SHIFT != 8)
			*csr_at(name) &= ((xlen_t)1 << HGATP_MODE_SHIFT) - 1;
	}
	speculate();
}

bool pmp_write_address(unsigned slot, xlen_t value)
{
	here()->pmp[slot].address = value;
	speculate();
	return true;
}

bool pmp_write_config(unsigned csr, xlen_t value)
{
	for (unsigned i = 0; i < XLEN / 8; i++)
		here()->pmp[csr * 4 + i].config = value >> (8 * i);
	speculate();
	return true;
}

bool pmp_read_address(unsigned slot, xlen_t *value)
{
	*value = here()->pmp[slot].address;
	return true;
}

bool pmp_read_config(unsigned csr, xlen_t *value)
{
	*value = 0;
	for (unsigned i = 0; i < XLEN / 8; i++)
		*value |= (xlen_t)here()->pmp[csr * 4 + i].config << (8 * i);
	return true;
}

#undef csr_read
#undef csr_write
#undef csr_set
#undef csr_clear
#undef csr_read64
#undef csr_write64
#undef csr_write64_parked
#define csr_read(csr)			     (*csr_at(#csr))
#define csr_write(csr, value)		     csr_put(#csr, (xlen_t)(value))
#define csr_set(csr, bits)		     csr_put(#csr, *csr_at(#csr) | (xlen_t)(bits))
#define csr_clear(csr, bits)		     csr_put(#csr, *csr_at(#csr) & ~(xlen_t)(bits))
#define csr_read64(csr, csrh)		     ((uint64_t)*csr_at(#csr))
#define csr_write64(csr, csrh, value)	     csr_put(#csr, value)
#define csr_write64_parked(csr, csrh, value) csr_put(#csr, value)

/* The hypervisor, as far as it has to do with fences. */
#include "core/assert.h"
#include "core/guest_tree.h"
#include "core/log.h"
#include "core/sched.h"
#include "riscv/access.h"
#include "riscv/features.h"
#include "riscv/trap.h"
#include "riscv/virtual.h"
#pragma GCC diagnostic ignored "-Wunused-variable"
#define __asm__
#define volatile(...)
#include "riscv/arch.c"
#include "riscv/hext/hext.c"
#include "riscv/pmp/pmp.c"
#include "riscv/vcpu.c"
#include "riscv/virtual.c"
#undef volatile
#undef __asm__

/* --- guests ----------------------------------------------------------------------------------- */

/* Where they have their RAM, which nobody looks into. */
#define RAM ((uint64_t)1 << 50)

enum { RAM_SIZE = 2 * 1024 * 1024, FOREIGN = PAGES - 1 };

static struct guest {
	struct capsule capsule;
	struct vcpu *vcpus[VCPUS];
	uint64_t pages[PAGES]; /* its page table: guest-physical addresses */
	unsigned code;	       /* the edition of its code */
} guests[GUESTS];

static struct ram_map ram;
static uint8_t *memory;
static struct reason why;

_Thread_local struct hart *arch_this_hart;

/* --- what hardware does ------------------------------------------------------------------------
 */

static xlen_t ppn_of(xlen_t atp)
{
	return atp & (((xlen_t)1 << 44) - 1);
}

/* The page table at the root that satp or vsatp names: a guest's number, plus one. */
static uint64_t first_stage(xlen_t atp, uint64_t va)
{
	if (!(atp >> 60))
		return va;
	return guests[ppn_of(atp) - 1].pages[(va - VA) / PAGE_SIZE];
}

static int asid_of(xlen_t atp)
{
	return atp >> 60 ? (int)(atp >> 44 & 0xffff) : BARE;
}

/* The second stage, by the real tables, and the PMP. */
static uint64_t second_stage(xlen_t hgatp, uint64_t gpa)
{
	struct gstage stage = {.shape = &gstage_sv39x4, .pool = &pool};
	uint64_t leaf;
	unsigned allow;
	hpa_t to = {gpa};

	if (hgatp >> HGATP_MODE_SHIFT) {
		if (ppn_of(hgatp) - (pool.base.raw >> 12) >= GSTAGE_POOL_PAGES)
			return 0;
		stage.root = (unsigned)(ppn_of(hgatp) - (pool.base.raw >> 12));
		if (!gstage_lookup(&stage, (gpa_t){gpa}, &to, &allow, &leaf))
			return 0;
		if (!pmp_lookup(here()->pmp, SLOTS, pool.base.raw, 8))
			return 0; /* the walk itself is denied */
	}
	return pmp_lookup(here()->pmp, SLOTS, to.raw, 8) == ALLOW_ALL ? to.raw : 0;
}

static bool is_same(const struct cached *a, const struct cached *b)
{
	return a->vmid == b->vmid && a->asid == b->asid && a->from == b->from &&
	       a->which == b->which;
}

/* What is cached counts; what isn't is looked up, and stays. Each has its place for ever. */
static uint64_t cache(struct cached wanted, uint64_t now)
{
	unsigned at = (unsigned)(wanted.from / PAGE_SIZE * 131 + wanted.vmid * 1009 +
				 (unsigned)wanted.asid * 4099 + wanted.which * 17) %
		      CACHED;

	for (unsigned i = 0; i < CACHED; i++, at = (at + 1) % CACHED) {
		struct cached *c = &here()->cached[at];

		if (c->which && !is_same(c, &wanted))
			continue;
		if (!c->valid) {
			*c = wanted;
			c->valid = true;
			c->to = now;
		}
		return c->to;
	}
	fail_msg("the cache is full");
	return 0;
}

/* Where an access by the guest whose state is in the hart goes; 0: nowhere. */
static uint64_t reach(uint64_t va)
{
	xlen_t hgatp = *csr_at("hgatp"),
	       atp = *csr_at(here()->cpu.has_hypervisor ? "vsatp" : "satp");
	unsigned vmid = hgatp >> HGATP_VMID_SHIFT & HGATP_VMIDS;
	int asid = asid_of(atp);
	uint64_t gpa;

	if (!here()->cpu.has_hypervisor)
		return cache((struct cached){NO_STAGE, false, 0, asid, va, 0},
			     second_stage(0, first_stage(atp, va)));
	gpa = asid == BARE ? va
			   : cache((struct cached){STAGE_1, false, vmid, asid, va, 0},
				   first_stage(atp, va));
	return cache((struct cached){STAGE_2, false, vmid, 0, gpa, 0}, second_stage(hgatp, gpa));
}

static void speculate(void)
{
	for (unsigned i = 0; i < PAGES; i++)
		reach(VA + i * PAGE_SIZE);
}

static void drop(int which, unsigned vmid, uint64_t from)
{
	for (struct cached *c = here()->cached; c < here()->cached + CACHED; c++)
		if ((int)c->which == which && (which != STAGE_1 || c->vmid == vmid) &&
		    (!from || c->from == from))
			c->valid = false;
}

void fence_pages(void)
{
	drop(NO_STAGE, 0, 0);
}

void fence_page(xlen_t page)
{
	drop(NO_STAGE, 0, page);
}

void fence_guest_pages(void)
{
	drop(STAGE_1, *csr_at("hgatp") >> HGATP_VMID_SHIFT & HGATP_VMIDS, 0);
}

void fence_guest_page(xlen_t page)
{
	drop(STAGE_1, *csr_at("hgatp") >> HGATP_VMID_SHIFT & HGATP_VMIDS, page);
}

void fence_second_stage(void)
{
	drop(STAGE_2, 0, 0);
}

void fence_code(void)
{
	memset(here()->code, 0, sizeof(here()->code));
}

/* --- what is of no interest here ---------------------------------------------------------------
 */

void fp_save_d(struct fp *fp)
{
	(void)fp;
}

void fp_load_d(const struct fp *fp)
{
	(void)fp;
}

void fp_save_f(struct fp *fp)
{
	(void)fp;
}

void fp_load_f(const struct fp *fp)
{
	(void)fp;
}

void vector_reset(struct context *context)
{
	(void)context;
}

void vector_switch(const struct cpu *cpu, struct context *from, struct context *to)
{
	(void)cpu, (void)from, (void)to;
	fail_msg("no hart here has vectors");
}

void context_enter(struct context *context)
{
	(void)context;
	abort();
}

void features_exchange(struct cpu *cpu, struct context *from, struct context *to)
{
	(void)cpu, (void)from, (void)to;
}

void arch_timer_set(struct vcpu *vcpu, uint64_t when)
{
	(void)vcpu, (void)when;
}

void arch_timer_reset(void)
{
}

void arch_timer_quiet(void)
{
}

uint64_t arch_time(void)
{
	return 0;
}

void trap_set_external(bool level)
{
	(void)level;
}

void trap_entry_virtual_sstc(void)
{
}

/* Nothing is ever exchanged the quick way here: that is assembly. */
void features_settle(struct context *context)
{
	context->exchange_on = NULL;
}

void arch_vcpu_raise_ipi(void)
{
	if (virtual_guests())
		csr_set(hvip, MIP_VSSIP);
	else
		csr_set(mip, MIP_SSIP);
}

/* No hart here has anything that isn't switched, and no guest makes calls. */
void leftovers_forget(const struct cpu *cpu)
{
	fail_msg("hart %u has no leftovers", cpu->hart.index);
}

const struct sbi_slot sbi_slots[SBI_SLOTS];

void sched_post(struct vcpu *vcpu, xlen_t what)
{
	(void)vcpu, (void)what;
}

void capsule_end(struct capsule *capsule, enum capsule_end end, const char *how)
{
	fail_msg("capsule %u ends (%d): %s", capsule->number, end, how);
}

/* --- machines -----------------------------------------------------------------------------------
 */

static const struct isolation_ops *const fences[] = {&pmp_isolation, &hext_isolation};

static void on(unsigned hart)
{
	arch_this_hart = &harts[hart].cpu.hart;
}

/* Harts with H or without, with so many VMIDs; no guest yet. */
static void machine(bool has_h, unsigned vmids)
{
	memset(harts, 0, sizeof(harts));
	memset(guests, 0, sizeof(guests));
	memset(&ram, 0, sizeof(ram));
	memset(&pool, 0, sizeof(pool));
	assert_int_equal(ram_add(&ram, (struct hpa_range){{(uintptr_t)memory}, MIB(8)}, &why), OK);
	assert_int_equal(ram_add(&ram, (struct hpa_range){{RAM}, GIB(1)}, &why), OK);
	for (unsigned i = 0; i < HARTS; i++) {
		harts[i].cpu.has_hypervisor = has_h;
		harts[i].cpu.has_sstc = harts[i].cpu.has_menvcfg = true;
		harts[i].cpu.hart.index = i;
		harts[i].cpu.is_usual = true;
		harts[i].cpu.isa = ISA_BIT(ISA_D);
		harts[i].cpu.pmp_slots = SLOTS;
		harts[i].cpu.gstage_modes = 1u << 8;
		harts[i].cpu.vmids = vmids;
		harts[i].vmid_bits = 14;
		on(i);
		speculate();
	}
	on(0);
	vmids_of_all = vmids;
	edition = 0;
	wall.entry_count = 0;
	hext_init(&ram, SLOTS);
}

/* A guest of one piece of RAM, at the same address as all that have a second stage. */
static void make_guest(unsigned number, const struct isolation_ops *ops)
{
	struct guest *guest = &guests[number];
	struct capsule *capsule = &guest->capsule;
	hpa_t at = {RAM + (number + 1) * MIB(16)};
	gpa_t from = ops->translates ? (gpa_t){0x80000000} : (gpa_t){at.raw};

	capsule->number = number + 1;
	capsule->space.ops = ops;
	capsule->space.end.raw = from.raw + RAM_SIZE;
	assert_int_equal(ram_claim(&ram, (struct hpa_range){at, RAM_SIZE},
				   (ops->translates ? RAM_OWNER_STAGED : RAM_OWNER_GUEST) + number,
				   "it", &why),
			 OK);
	if (ops->map(&capsule->space, from, at, RAM_SIZE, ALLOW_ALL, &why) != OK)
		fail_msg("%s", why.text);
	for (unsigned i = 0; i < FOREIGN; i++)
		guest->pages[i] = from.raw + i * PAGE_SIZE;
	guest->pages[FOREIGN] = RAM + ((number + 1) % GUESTS + 1) * MIB(16);
	for (unsigned i = 0; i < VCPUS; i++) {
		guest->vcpus[i] = arch_vcpu_create(capsule, i, hart_this(), &ram);
		assert_non_null(guest->vcpus[i]);
	}
}

/* A life begins: vCPUs are as new, with tables of their own, and there is other code in RAM. */
static void begin(unsigned number)
{
	guests[number].code++;
	for (unsigned i = 0; i < VCPUS; i++) {
		struct context *context = context_of(guests[number].vcpus[i]);

		arch_vcpu_reset(guests[number].vcpus[i], 0, 0);
		/* Each guest uses the same ASIDs. */
		context->supervisor.satp = (xlen_t)8 << 60 | (xlen_t)(i + 1) << 44 | (number + 1);
	}
}

static void make_guests(const struct isolation_ops *const *ops)
{
	for (unsigned i = 0; i < GUESTS; i++)
		make_guest(i, ops[i]);
	if (hext_seal(&why) != OK)
		fail_msg("%s", why.text);
	for (unsigned i = 0; i < GUESTS; i++)
		begin(i);
}

static struct guest *guest_of(const struct vcpu *vcpu)
{
	return (struct guest *)(void *)vcpu->capsule;
}

/* What a vCPU of `guest` should find at a page of its own: its capsule's memory and nothing else.
 */
static uint64_t expected(const struct guest *guest, unsigned page)
{
	hpa_t host;

	return space_lookup(&guest->capsule.space, (gpa_t){guest->pages[page]}, 8, ALLOW_ALL, &host)
		       ? host.raw
		       : 0;
}

/* The guest that is loaded uses all of its addresses, and its code. */
static void use(void)
{
	struct vcpu *vcpu = vcpu_this();
	struct guest *guest = guest_of(vcpu);
	unsigned *code = &here()->code[guest - guests];

	for (unsigned i = 0; i < PAGES; i++) {
		uint64_t is = reach(VA + i * PAGE_SIZE), should = expected(guest, i);

		if (is != should)
			fail_msg("capsule %u, vCPU %u, on hart %u: page %u is 0x%lx instead of "
				 "0x%lx",
				 vcpu->capsule->number, vcpu->id, hart_this()->index, i,
				 (unsigned long)is, (unsigned long)should);
	}
	if (*code && *code != guest->code)
		fail_msg("capsule %u executes what isn't there any more", vcpu->capsule->number);
	*code = guest->code;
}

static void load_on(unsigned hart, struct vcpu *vcpu)
{
	on(hart);
	if (hart_this()->vcpu != vcpu)
		arch_vcpu_switch(hart_this()->vcpu, vcpu);
	hart_this()->vcpu = vcpu;
	assert_false(here()->cpu.pmp_dirty);
}

/* Some of the loaded guest's pages change places: what was cached of these isn't true any more. */
static void change(struct guest *guest, unsigned from, unsigned count)
{
	for (unsigned i = from; i < from + count; i += 2) {
		uint64_t other = guest->pages[i + 1];

		guest->pages[i + 1] = guest->pages[i];
		guest->pages[i] = other;
	}
}

static int set_up(void **state)
{
	(void)state;
	memory = aligned_alloc(MIB(2), MIB(8));
	return !memory;
}

static int tear_down(void **state)
{
	(void)state;
	free(memory);
	return 0;
}

/* --- tests --------------------------------------------------------------------------------------
 */

/* The kinds of machine, and what fences the guests there. */
static const struct cell {
	const char *name;
	bool has_h;
	unsigned vmids;
	unsigned hext; /* bit n: guest n has a second stage */
} cells[] = {
	{"pmp", false, 0, 0},		{"H pmp", true, 0x3fff, 0},	 {"hext", true, 0x3fff, 7},
	{"hext, no VMIDs", true, 0, 7}, {"hext, few VMIDs", true, 3, 7}, {"both", true, 0x3fff, 2},
	{"both, no VMIDs", true, 0, 5},
};

static void in_cell(const struct cell *cell)
{
	const struct isolation_ops *ops[GUESTS];

	machine(cell->has_h, cell->vmids);
	for (unsigned i = 0; i < GUESTS; i++)
		ops[i] = fences[cell->hext >> i & 1];
	make_guests(ops);
}

/* Guests with the same addresses and ASIDs come to a hart one after the other, in every order. */
static void test_switches(void **state)
{
	(void)state;
	for (unsigned c = 0; c < ARRAY_LENGTH(cells); c++) {
		in_cell(&cells[c]);
		for (unsigned round = 0; round < 200; round++) {
			unsigned guest = unit_random_below(GUESTS);

			load_on(0, guests[guest].vcpus[unit_random_below(VCPUS)]);
			use();
		}
	}
}

/* One vCPU goes from hart to hart; its guest's fences reach it where it is. */
static void test_migration(void **state)
{
	(void)state;
	for (unsigned c = 0; c < ARRAY_LENGTH(cells); c++) {
		in_cell(&cells[c]);
		for (unsigned round = 0; round < 20; round++) {
			struct vcpu *vcpu = guests[0].vcpus[0];

			load_on(round & 1, vcpu);
			use();
			change(&guests[0], 0, 8);
			arch_fence_addresses(0, 0);
			use();
			/* Gone: another one has the hart, or one of its own guest. */
			load_on(round & 1, round & 2 ? guests[1].vcpus[0] : guests[0].vcpus[1]);
			if (!(round & 2))
				arch_vcpu_honour(vcpu_this(), VCPU_WANT_FENCE_MEMORY);
			use();
		}
	}
}

/* Remote fences, by address and of everything: what they name is looked up anew. */
static void test_remote(void **state)
{
	static const struct {
		xlen_t start, size;
		unsigned first, count; /* of the pages that change */
	} calls[] = {
		{0, 0, 0, 38},
		{VA, PAGE_SIZE * 2, 0, 2},
		{VA + 4 * PAGE_SIZE - 1, 2 * PAGE_SIZE + 1, 4, 2},
		{VA + 4 * PAGE_SIZE + 1, PAGE_SIZE, 4, 2},
		{VA + 2 * PAGE_SIZE, 16 * PAGE_SIZE, 2, 16},
		{VA + 2 * PAGE_SIZE, 16 * PAGE_SIZE + 1, 2, 16},
		{VA + 2 * PAGE_SIZE + 8, 16 * PAGE_SIZE, 2, 16},
		{VA, 38 * PAGE_SIZE, 0, 38},
		{VA, (xlen_t)-1, 0, 38},
	};

	(void)state;
	for (unsigned c = 0; c < ARRAY_LENGTH(cells); c++) {
		in_cell(&cells[c]);
		for (unsigned i = 0; i < ARRAY_LENGTH(calls); i++) {
			load_on(0, guests[i % GUESTS].vcpus[0]);
			use();
			change(guest_of(vcpu_this()), calls[i].first, calls[i].count);
			arch_fence_addresses(calls[i].start, calls[i].size);
			use();
			/* The other vCPU, which looked at the same tables, is told when it comes.
			 */
			load_on(0, guest_of(vcpu_this())->vcpus[1]);
			arch_vcpu_honour(vcpu_this(), VCPU_WANT_FENCE_MEMORY);
			use();
		}
	}
}

/* The same vCPUs in their next life, with other tables at the same places. */
static void test_lives(void **state)
{
	(void)state;
	for (unsigned c = 0; c < ARRAY_LENGTH(cells); c++) {
		in_cell(&cells[c]);
		for (unsigned life = 0; life < 10; life++) {
			load_on(0, guests[0].vcpus[0]);
			use();
			load_on(0, guests[0].vcpus[1]);
			arch_vcpu_honour(vcpu_this(), VCPU_WANT_FENCE_MEMORY);
			use();
			arch_vcpu_drop(vcpu_this());
			hart_this()->vcpu = NULL;
			if (life & 1)
				load_on(0, guests[1].vcpus[0]);
			begin(0);
			change(&guests[0], 2, 30);
		}
	}
}

/* What a guest has written is executed once it has asked for that, wherever it goes. */
static void test_code(void **state)
{
	(void)state;
	for (unsigned c = 0; c < ARRAY_LENGTH(cells); c++) {
		in_cell(&cells[c]);
		for (unsigned round = 0; round < 8; round++) {
			load_on(round & 1, guests[0].vcpus[0]);
			use();
			guests[0].code++;
			if (round & 2)
				arch_vcpu_honour(vcpu_this(), VCPU_WANT_FENCE_CODE);
			else
				arch_fence_instructions();
			use();
			load_on(round & 1, guests[1].vcpus[0]);
			use();
		}
	}
}

/* What the PMP opens is built anew with less: nothing that is cached opens it any longer. */
static void test_wall_anew(void **state)
{
	(void)state;
	in_cell(&cells[2]);
	load_on(0, guests[0].vcpus[0]);
	use();
	load_on(0, guests[1].vcpus[0]);
	use();
	ram_free_owner(&ram, RAM_OWNER_STAGED + 0);
	assert_int_equal(hext_seal(&why), OK);
	load_on(0, guests[0].vcpus[0]);
	for (unsigned i = 0; i < PAGES; i++)
		assert_int_equal(reach(VA + i * PAGE_SIZE), 0);
	load_on(0, guests[1].vcpus[0]);
	use();
}

/* VMIDs: of its own for each vCPU as long as there are any, then 0; never beyond what all have. */
static void test_vmids(void **state)
{
	unsigned seen = 0, shared = 0;

	(void)state;
	machine(true, 5);
	make_guests((const struct isolation_ops *const[]){&hext_isolation, &hext_isolation,
							  &hext_isolation});
	for (unsigned i = 0; i < GUESTS * VCPUS; i++) {
		const struct context *context = context_of(guests[i / VCPUS].vcpus[i % VCPUS]);
		unsigned vmid = context->hgatp >> HGATP_VMID_SHIFT & HGATP_VMIDS;

		assert_true(vmid <= 5);
		assert_true(!vmid || !(seen >> vmid & 1));
		assert_int_equal(context->has_vmid, vmid != 0);
		seen |= 1u << vmid;
		shared += !vmid;
	}
	assert_true(shared >= 1);
}

/* All harts have the VMIDs that are given away, wherever a vCPU may go. */
static void test_vmids_of_all(void **state)
{
	(void)state;
	machine(true, 0);
	vmids_of_all = (unsigned)-1;
	for (unsigned i = 0; i < HARTS; i++) {
		on(i);
		harts[i].vmid_bits = i ? 2 : 5;
		harts[i].cpu.gstage_modes = 0;
		virtual_probe(&harts[i].cpu);
		assert_int_equal(harts[i].cpu.vmids, i ? 3 : 31);
		assert_int_equal(harts[i].cpu.gstage_modes, 1u << 8);
		assert_int_equal(*csr_at("hgatp") >> HGATP_MODE_SHIFT, 0);
	}
	assert_int_equal(vmids_of_all, 3);
	on(0);
	virtual_probe(&harts[0].cpu);
	assert_int_equal(vmids_of_all, 3);
}

bool csr_probe_mstateen0(xlen_t *value)
{
	*value = 0;
	return false;
}

/* What a guest begins with: user programs' registers are as wide as its own, with V=1 too. */
static void test_width(void **state)
{
	(void)state;
	for (unsigned c = 0; c < ARRAY_LENGTH(cells); c++) {
		in_cell(&cells[c]);
		load_on(0, guests[0].vcpus[0]);
		assert_true((*csr_at(virtual_guests() ? "vsstatus" : "sstatus") & MSTATUS_UXL) ==
			    MSTATUS_UXL_64);
	}
}

/* Harts between which a guest can't move: they differ in what it sees, or in what fences it. */
static void test_alike(void **state)
{
	static const struct machine_hart sv39 = {.mmu_type = "riscv,sv39"},
					 sv48 = {.mmu_type = "riscv,sv48"},
					 blocks = {.mmu_type = "riscv,sv39",
						   .block_shifts = {0, 6}};
	struct cpu *one = &harts[0].cpu, *other = &harts[1].cpu;

	(void)state;
	machine(true, 7);
	one->hart.description = other->hart.description = &sv39;
	strcpy(one->guest_isa.isa, "rv64imac");
	strcpy(other->guest_isa.isa, "rv64imac");
	assert_true(arch_harts_alike(&one->hart, &other->hart));
#define DIFFERS(field, value)                                                                      \
	do {                                                                                       \
		struct cpu before = *other;                                                        \
                                                                                                   \
		other->field = (value);                                                            \
		assert_false(arch_harts_alike(&one->hart, &other->hart));                          \
		*other = before;                                                                   \
	} while (0)
	DIFFERS(pmp_slots, 8);
	DIFFERS(vmids, 15);
	DIFFERS(gstage_modes, 1u << 8 | 1u << 9);
	DIFFERS(vlenb, 32);
	DIFFERS(inhibitable, 1);
	DIFFERS(has_hypervisor, false);
	DIFFERS(has_sstc, false);
	DIFFERS(has_time, true);
	DIFFERS(has_menvcfg, false);
	DIFFERS(guest_isa.isa[4], 'x');
	DIFFERS(hart.description, &sv48);
	DIFFERS(hart.description, &blocks);
#undef DIFFERS
	assert_true(arch_harts_alike(&one->hart, &other->hart));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_switches), cmocka_unit_test(test_migration),
		cmocka_unit_test(test_remote),	 cmocka_unit_test(test_lives),
		cmocka_unit_test(test_code),	 cmocka_unit_test(test_wall_anew),
		cmocka_unit_test(test_vmids),	 cmocka_unit_test(test_vmids_of_all),
		cmocka_unit_test(test_alike),	 cmocka_unit_test(test_width),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
