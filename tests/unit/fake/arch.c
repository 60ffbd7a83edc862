/* SPDX-License-Identifier: MIT */
/* Stands for src/riscv: the machine of fake/arch.h. */
#include "unit.h"

#include "core/guest_tree.h"
#include "fake/arch.h"

struct fake_arch fake_arch;
_Thread_local struct hart *arch_this_hart = fake_arch.harts;

void fake_arch_reset(void)
{
	memset(&fake_arch, 0, sizeof(fake_arch));
	for (unsigned i = 0; i < FAKE_HARTS; i++) {
		struct hart *hart = &fake_arch.harts[i];

		hart->id = hart->index = i;
		hart->presence = HART_READY;
		hart->sched.runnable = (struct heap){fake_arch.nodes[i][0], 0, FAKE_QUEUE};
		hart->sched.timer_at = UINT64_MAX;
		hart->sched.timers = (struct heap){fake_arch.nodes[i][1], 0, FAKE_QUEUE};
		fake_arch.alarm[i] = UINT64_MAX;
	}
	fake_arch.asid_bits = 16;
	fake_arch.counters = 3;
	fake_arch.alignment = MIB(2);
	arch_this_hart = fake_arch.harts;
}

void fake_arch_note(enum fake_call_kind kind, struct vcpu *vcpu, uint64_t a, uint64_t b)
{
	if (fake_arch.silent)
		return;
	assert_true(fake_arch.call_count < FAKE_CALLS_MAX);
	fake_arch.calls[fake_arch.call_count++] =
		(struct fake_call){kind, arch_this_hart, vcpu, a, b};
}

static bool fails(const char *at)
{
	return fake_arch.fails && fake_arch.fails(at);
}

void fake_arch_forget(void)
{
	fake_arch.call_count = 0;
}

void fake_arch_change_memory(struct capsule *capsule)
{
	for (unsigned i = 0; i < capsule->vcpu_count; i++)
		fake_vcpu_of(capsule->vcpus[i])->stale_memory = true;
}

void fake_arch_change_code(struct capsule *capsule)
{
	for (unsigned i = 0; i < capsule->vcpu_count; i++)
		fake_vcpu_of(capsule->vcpus[i])->stale_code = true;
}

/* For what doesn't return. */
static _Noreturn void leave(enum fake_call_kind kind)
{
	if (!fake_arch.leave)
		fail_msg("call %d doesn't return, and the test doesn't expect it", kind);
	longjmp(*fake_arch.leave, (int)kind + 1);
}

unsigned fake_arch_count(enum fake_call_kind kind)
{
	unsigned count = 0;

	for (unsigned i = 0; i < fake_arch.call_count; i++)
		count += fake_arch.calls[i].kind == kind;
	return count;
}

const struct fake_call *fake_arch_last(enum fake_call_kind kind)
{
	for (unsigned i = fake_arch.call_count; i--;)
		if (fake_arch.calls[i].kind == kind)
			return &fake_arch.calls[i];
	return NULL;
}

/* What the capsule's UART would do with news of its input. */
static void fake_console_changed(struct console_port *port)
{
	(void)port;
}

void fake_arch_capsule(struct capsule *capsule, struct fake_vcpu vcpus[CAPSULE_VCPUS_MAX],
		       gpa_t ram, void *memory, uint64_t size)
{
	const struct isolation_ops *ops = NULL;
	struct reason why;

	memset(capsule, 0, sizeof(*capsule));
	memset(vcpus, 0, CAPSULE_VCPUS_MAX * sizeof(*vcpus));
	strcpy(capsule->name, "fake");
	capsule->number = 1;
	capsule->console.changed = fake_console_changed;
	capsule->ram = ram;
	capsule->ram_size = size;
	assert_int_equal(arch_isolation(arch_this_hart, ISOLATION_AUTO, &ops, &why), OK);
	capsule->space.ops = ops;
	assert_int_equal(
		ops->map(&capsule->space, ram, (hpa_t){(uintptr_t)memory}, size, ALLOW_ALL, &why),
		OK);
	capsule->vcpu_count = CAPSULE_VCPUS_MAX;
	for (unsigned i = 0; i < CAPSULE_VCPUS_MAX; i++) {
		struct hart *hart = &fake_arch.harts[i % FAKE_HARTS];

		vcpus[i].timer = vcpus[i].saved_timer = UINT64_MAX;
		vcpus[i].vcpu = (struct vcpu){.capsule = capsule,
					      .console = &capsule->console,
					      .id = i,
					      .hart = hart,
					      .state = VCPU_STOPPED,
					      .weight = SHARE_WEIGHT_DEFAULT,
					      .inverse_weight = SHARE_SCALE / SHARE_WEIGHT_DEFAULT};
		capsule->vcpus[i] = &vcpus[i].vcpu;
	}
	for (unsigned i = 0; i < FAKE_HARTS; i++)
		hart_set_add(&capsule->harts, i);
	capsule->state = CAPSULE_RUNNING;
	capsule->present = capsule->started = 1;
	capsule->vcpus[0]->state = VCPU_STARTED;
	capsule->vcpus[0]->place = VCPU_RUNNING;
	capsule->vcpus[0]->hart = arch_this_hart;
	arch_this_hart->vcpu = capsule->vcpus[0];
	fake_arch.loaded[arch_this_hart->id] = capsule->vcpus[0];
}

/* --- this hart -------------------------------------------------------------------- */

void arch_hart_sleep(bool for_guest)
{
	fake_arch_note(FAKE_SLEEP, NULL, for_guest, 0);
	if (!fake_arch.sleep)
		fail_msg("CPU %u sleeps, and nothing will wake it", arch_this_hart->id);
	fake_arch.sleep(arch_this_hart);
}

void arch_hart_poll(void)
{
	fake_arch_note(FAKE_POLL, NULL, 0, 0);
	if (fake_arch.poll)
		fake_arch.poll(arch_this_hart);
}

void arch_hart_wake(struct hart *hart)
{
	fake_arch_note(FAKE_WAKE, NULL, hart->id, 0);
	__atomic_store_n(&fake_arch.woken[hart->index], true, __ATOMIC_SEQ_CST);
}

_Noreturn void arch_hart_park(void)
{
	fake_arch_note(FAKE_PARK, NULL, 0, 0);
	leave(FAKE_PARK);
}

void arch_backtrace(void)
{
}

void arch_harts_stop(void)
{
	fake_arch_note(FAKE_STOP, NULL, 0, 0);
}

bool arch_harts_alike(const struct hart *a, const struct hart *b)
{
	return !fake_arch.different ||
	       (a->index < fake_arch.different) == (b->index < fake_arch.different);
}

bool arch_hart_has_work(void)
{
	return fake_arch.work[arch_this_hart->id];
}

void arch_hart_request_work(void)
{
	fake_arch_note(FAKE_WORK, NULL, 0, 0);
	fake_arch.work[arch_this_hart->id] = true;
}

/* --- the machine ------------------------------------------------------------------ */

void arch_zero(void *to, size_t size)
{
	memset(to, 0, size);
}

void arch_copy(void *to, const void *from, size_t size)
{
	memcpy(to, from, size);
}

struct hpa_range arch_image(void)
{
	return fake_arch.image;
}

struct hpa_range arch_linked_manifest(void)
{
	return fake_arch.manifest;
}

struct hpa_range arch_reachable(struct hpa_range range)
{
	return range;
}

bool arch_answers(hpa_t at, unsigned width)
{
	(void)width;
	return !fake_arch.nothing_at || at.raw != fake_arch.nothing_at;
}

enum status arch_harts_start(const struct machine *machine, struct ram_map *ram, struct reason *why)
{
	(void)ram;
	if (fails("arch_harts_start"))
		return refuse(why, ERR_NOMEM, "the test says no");
	for (unsigned i = 0; i < machine->hart_count && i < FAKE_HARTS; i++)
		fake_arch.harts[i].description = &machine->harts[i];
	return OK;
}

struct hart *arch_hart(unsigned index)
{
	return index < FAKE_HARTS && fake_arch.harts[index].presence == HART_READY
		       ? &fake_arch.harts[index]
		       : NULL;
}

/* --- isolation: one back end, which can also move guest RAM to another address ----- */

static uint64_t alignment(void)
{
	return fake_arch.alignment;
}

static uint64_t best_alignment(uint64_t size)
{
	return fake_arch.large && size >= fake_arch.large ? fake_arch.large : fake_arch.alignment;
}

static gpa_t guest_address(hpa_t ram)
{
	return (gpa_t){ram.raw + fake_arch.guest_offset};
}

static enum status map(struct space *space, gpa_t from, hpa_t to, uint64_t size, unsigned allow,
		       struct reason *why)
{
	if (fails("map") || space->region_count == SPACE_REGIONS_MAX)
		return refuse(why, ERR_LIMIT, "the fake has room for %u regions of memory",
			      SPACE_REGIONS_MAX);
	space->regions[space->region_count++] = (struct space_region){from, to, size, allow};
	return OK;
}

static void unmap(struct space *space)
{
	space->region_count = 0;
}

static void activate(const struct space *space)
{
	fake_arch_note(FAKE_ACTIVATE, NULL, (uintptr_t)space, 0);
}

static enum status verify(const struct space *space, struct reason *why)
{
	fake_arch_note(FAKE_VERIFY, NULL, (uintptr_t)space, 0);
	if (fake_arch.verify_fails)
		return refuse(why, ERR_LIMIT, "the fence reads back otherwise");
	return OK;
}

static const struct isolation_ops isolation = {
	.name = "fake",
	.alignment = alignment,
	.best_alignment = best_alignment,
	.guest_address = guest_address,
	.map = map,
	.unmap = unmap,
	.activate = activate,
	.verify = verify,
};

/* The other one, which may have RAM in pieces, at an address of its own. */
static gpa_t stage_address(hpa_t ram)
{
	(void)ram;
	return (gpa_t){FAKE_STAGE_RAM};
}

static const struct isolation_ops stage = {
	.name = "stage",
	.translates = true,
	.alignment = alignment,
	.best_alignment = best_alignment,
	.guest_address = stage_address,
	.map = map,
	.unmap = unmap,
	.activate = activate,
	.verify = verify,
};

enum status arch_isolation_seal(struct reason *why)
{
	return fake_arch.sealed == OK ? OK : refuse(why, fake_arch.sealed, "the test says no");
}

enum status arch_isolation(const struct hart *hart, enum manifest_isolation wanted,
			   const struct isolation_ops **out, struct reason *why)
{
	fake_arch.wanted = wanted;
	if (hart->unfit)
		return refuse(why, ERR_LIMIT, "CPU %u can't run it: %s", hart->id, hart->unfit);
	if (fails("isolation") ||
	    (wanted == ISOLATION_HEXT && !(fake_arch.hext >> hart->index & 1)))
		return refuse(why, ERR_LIMIT, "isolation is hext, but CPU %u has no such thing",
			      hart->id);
	*out = wanted != ISOLATION_PMP && fake_arch.hext >> hart->index & 1 ? &stage : &isolation;
	return OK;
}

/* --- vCPUs ------------------------------------------------------------------------ */

struct vcpu *arch_vcpu_create(struct capsule *capsule, unsigned id, const struct hart *hart,
			      struct ram_map *ram)
{
	struct fake_vcpu *fake;
	struct reason why;
	hpa_t memory;

	if (fails("vcpu") || ram_alloc(ram, align_up(sizeof(*fake), PAGE_SIZE), PAGE_SIZE,
				       RAM_OWNER_CAPSULE + capsule->number, &memory, &why) != OK)
		return NULL;
	fake = (struct fake_vcpu *)(uintptr_t)memory.raw;
	memset(fake, 0, sizeof(*fake));
	fake->vcpu = (struct vcpu){.capsule = capsule, .id = id};
	(void)hart;
	fake_arch_note(FAKE_CREATE, &fake->vcpu, id, 0);
	return &fake->vcpu;
}

static void start_at(struct vcpu *vcpu, xlen_t pc, xlen_t opaque)
{
	struct fake_vcpu *fake = fake_vcpu_of(vcpu);

	fake->pc = pc;
	fake->a0 = vcpu->id;
	fake->a1 = opaque;
}

void arch_vcpu_reset(struct vcpu *vcpu, xlen_t pc, xlen_t opaque)
{
	struct fake_vcpu *fake = fake_vcpu_of(vcpu);

	fake_arch_note(FAKE_RESET, vcpu, pc, opaque);
	start_at(vcpu, pc, opaque);
	fake->timer = fake->saved_timer = UINT64_MAX;
	fake->ipi = fake->external = fake->seip = fake->masked = false;
	fake->misaligned = fake->noted = false;
	memset(fake->stopped, 0, sizeof(fake->stopped));
	memset(&vcpu->sbi, 0, sizeof(vcpu->sbi));
	vcpu->state = VCPU_STARTED;
	vcpu->wait = vcpu->resume = false;
}

/* What another hart asks of a vCPU it mustn't look into fails the test. */
static unsigned own_hart(const struct vcpu *vcpu)
{
	assert_ptr_equal(vcpu->hart, arch_this_hart);
	return arch_this_hart->id;
}

/* Once, as in riscv/vcpu.c. */
static void verify_first(struct vcpu *vcpu)
{
	const struct space *space = &vcpu->capsule->space;
	struct reason why;

	if (fake_vcpu_of(vcpu)->verified)
		return;
	fake_vcpu_of(vcpu)->verified = true;
	if (space->ops->verify(space, &why) == OK)
		return;
	if (!fake_arch.unfenced)
		fail_msg("%s", why.text);
	fake_arch.unfenced(vcpu->capsule);
}

void arch_vcpu_switch(struct vcpu *from, struct vcpu *to)
{
	unsigned hart = own_hart(to);

	assert_ptr_equal(from, fake_arch.loaded[hart]);
	assert_ptr_not_equal(from, to);
	fake_arch_note(FAKE_SWITCH, to, (uintptr_t)from, 0);
	if (from)
		fake_vcpu_of(from)->saved_timer = fake_vcpu_of(from)->timer;
	to->capsule->space.ops->activate(&to->capsule->space);
	fake_arch.loaded[hart] = to;
	/* The hart's fence of all addresses; its code is fenced only where it is new. */
	fake_vcpu_of(to)->stale_memory = false;
	if (fake_vcpu_of(to)->last != arch_this_hart)
		fake_vcpu_of(to)->stale_code = false;
	fake_vcpu_of(to)->last = arch_this_hart;
	fake_vcpu_of(to)->seip = fake_vcpu_of(to)->external;
	verify_first(to);
}

void arch_vcpu_drop(struct vcpu *vcpu)
{
	unsigned hart = own_hart(vcpu);

	assert_ptr_equal(vcpu, fake_arch.loaded[hart]);
	fake_arch_note(FAKE_DROP, vcpu, 0, 0);
	fake_arch.loaded[hart] = NULL;
}

_Noreturn void arch_vcpu_enter(struct vcpu *vcpu)
{
	fake_arch_note(FAKE_ENTER, vcpu, 0, 0);
	leave(FAKE_ENTER);
}

bool arch_vcpu_interrupted(const struct vcpu *vcpu)
{
	const struct fake_vcpu *fake = fake_vcpu_of((struct vcpu *)vcpu);
	bool loaded = fake_arch.loaded[own_hart(vcpu)] == vcpu;
	uint64_t timer = loaded ? fake->timer : fake->saved_timer;

	bool ipi = fake->ipi, external = loaded ? fake->seip : fake->external;

	if (!loaded)
		ipi |= __atomic_load_n(&vcpu->wanted, __ATOMIC_ACQUIRE) & VCPU_WANT_IPI;
	return !fake->masked && (ipi || external || timer <= fake_arch.time);
}

/* Reasons "a" and "b", with what the test has set, and one that never is. */
const char *arch_vcpu_exits(const struct vcpu *vcpu, unsigned index, xlen_t *count)
{
	const struct fake_vcpu *fake = fake_vcpu_of((struct vcpu *)vcpu);
	static const char *const names[] = {"a", "never", "b"};

	if (index >= FAKE_EXITS)
		return NULL;
	*count = fake->exits[index];
	return names[index % 3];
}

uint64_t arch_vcpu_deadline(const struct vcpu *vcpu)
{
	const struct fake_vcpu *fake = fake_vcpu_of((struct vcpu *)vcpu);

	if (fake->masked)
		return UINT64_MAX;
	return fake_arch.loaded[own_hart(vcpu)] == vcpu ? fake->timer : fake->saved_timer;
}

bool arch_vcpu_is_in_place(struct vcpu *vcpu)
{
	struct fake_vcpu *fake = fake_vcpu_of(vcpu);
	bool stands = fake->progress && fake->progress == fake->progress_seen;

	assert_ptr_equal(fake_arch.loaded[own_hart(vcpu)], vcpu);
	fake->progress_seen = fake->progress;
	return fake->spins || stands;
}

void arch_vcpu_resume_at(struct vcpu *vcpu, xlen_t pc, xlen_t opaque)
{
	assert_ptr_equal(fake_arch.loaded[own_hart(vcpu)], vcpu);
	fake_arch_note(FAKE_RESUME_AT, vcpu, pc, opaque);
	start_at(vcpu, pc, opaque);
}

bool arch_has_clock(void)
{
	return true;
}

uint64_t arch_time(void)
{
	return fake_arch.time;
}

void arch_alarm_set(uint64_t when)
{
	fake_arch.alarm[arch_this_hart->id] = when;
	fake_arch.time += fake_arch.alarm_takes;
}

bool arch_timer_interrupt(uint64_t now)
{
	uint64_t *alarm = &fake_arch.alarm[arch_this_hart->id];
	bool rang = *alarm <= now;

	if (rang)
		*alarm = UINT64_MAX;
	return rang;
}

void arch_timer_quiet(void)
{
	fake_arch_note(FAKE_TIMER_QUIET, NULL, 0, 0);
}

void arch_timer_set(struct vcpu *vcpu, uint64_t when)
{
	fake_arch_note(FAKE_TIMER, vcpu, when, 0);
	fake_vcpu_of(vcpu)->timer = when;
}

void arch_vcpu_honour(struct vcpu *vcpu, xlen_t wanted)
{
	struct fake_vcpu *fake = fake_vcpu_of(vcpu);

	assert_ptr_equal(fake_arch.loaded[own_hart(vcpu)], vcpu);
	fake_arch_note(FAKE_HONOUR, vcpu, wanted, 0);
	if (wanted & VCPU_WANT_IPI)
		fake->ipi = true;
	if (wanted & VCPU_WANT_EXTERNAL)
		fake->seip = __atomic_load_n(&fake->external, __ATOMIC_ACQUIRE);
	if (wanted & VCPU_WANT_FENCE_CODE)
		fake->stale_code = false;
	if (wanted & VCPU_WANT_FENCE_MEMORY)
		fake->stale_memory = false;
}

void arch_vcpu_raise_ipi(void)
{
	arch_vcpu_honour(arch_this_hart->vcpu, VCPU_WANT_IPI);
}

void arch_vcpu_repeat_call(void)
{
	fake_arch_note(FAKE_REPEAT, arch_this_hart->vcpu, 0, 0);
}

bool arch_vcpu_clear_ipi(struct vcpu *vcpu)
{
	bool was = fake_vcpu_of(vcpu)->ipi;

	fake_arch_note(FAKE_CLEAR_IPI, vcpu, 0, 0);
	fake_vcpu_of(vcpu)->ipi = false;
	return was;
}

void arch_fence_instructions(void)
{
	fake_arch_note(FAKE_FENCE_CODE, NULL, 0, 0);
	if (arch_this_hart->vcpu)
		fake_vcpu_of(arch_this_hart->vcpu)->stale_code = false;
}

void arch_fence_addresses(xlen_t start, xlen_t size)
{
	fake_arch_note(FAKE_FENCE_ADDRESSES, NULL, start, size);
	if (arch_this_hart->vcpu)
		fake_vcpu_of(arch_this_hart->vcpu)->stale_memory = false;
}

bool arch_asid_valid(xlen_t asid)
{
	return asid >> fake_arch.asid_bits == 0;
}

/* What is set for a vCPU is set on the hart where it is loaded. */
static struct fake_vcpu *loaded(struct vcpu *vcpu)
{
	assert_ptr_equal(fake_arch.loaded[own_hart(vcpu)], vcpu);
	return fake_vcpu_of(vcpu);
}

bool arch_vcpu_delegate_misaligned(struct vcpu *vcpu, bool delegate)
{
	fake_arch_note(FAKE_DELEGATE, vcpu, delegate, 0);
	if (fake_arch.keeps_misaligned)
		return false;
	loaded(vcpu)->misaligned = delegate;
	return true;
}

void arch_vcpu_note_traps(struct vcpu *vcpu, bool noted)
{
	fake_arch_note(FAKE_NOTE_TRAPS, vcpu, noted, 0);
	loaded(vcpu)->noted = noted;
}

unsigned arch_counters(void)
{
	return fake_arch.counters;
}

void arch_counter_run(struct vcpu *vcpu, enum arch_counter counter, bool run)
{
	fake_arch_note(FAKE_COUNTER_RUN, vcpu, counter, run);
	assert_true(fake_arch.counters >> counter & 1);
	assert_true(loaded(vcpu)->stopped[counter] == run); /* never what it does already */
	loaded(vcpu)->stopped[counter] = !run;
}

void arch_counter_set(struct vcpu *vcpu, enum arch_counter counter, uint64_t value)
{
	fake_arch_note(FAKE_COUNTER_SET, vcpu, counter, value);
	assert_true(fake_arch.counters >> counter & 1);
	loaded(vcpu)->counters[counter] = value;
}

void arch_describe(const struct hart *hart, struct guest_tree *tree)
{
	static const char extensions[] = "i\0m\0a\0c";
	static const uint8_t blocks[MACHINE_BLOCKS];

	(void)hart;
	tree->isa_base = XLEN == 64 ? "rv64i" : "rv32i";
	tree->isa = XLEN == 64 ? "rv64imac" : "rv32imac";
	tree->extensions = extensions;
	tree->extensions_length = sizeof(extensions);
	tree->block_shifts = blocks;
	tree->mmu_type = XLEN == 64 ? "riscv,sv39" : "riscv,sv32";
}
