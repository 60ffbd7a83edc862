/* SPDX-License-Identifier: MIT */
/* From the first instruction in C to all harts being known (riscv/entry.S comes before). */
#include "core/boot.h"

#include "core/arch.h"
#include "core/log.h"
#include "core/sched.h"
#include "drivers/drivers.h"
#include "lib/string.h"
#include "riscv/access.h"
#include "riscv/cpu.h"
#include "riscv/hext/hext.h"
#include "riscv/trap.h"

/* Entries from riscv/entry.S. */
_Noreturn void boot(xlen_t id, const void *tree);
_Noreturn void cpu_main(struct cpu *cpu);

/* riscv/entry.S */
void boot_hand_over(xlen_t msip);

/* A hart of the machine. */
struct boot_entry {
	xlen_t id;
	struct cpu *cpu;
};

/* What sleeping harts look themselves up in; ended by a NULL. In entry.S, and not in bss. */
extern const struct boot_entry *boot_table;

static struct boot_entry *table; /* all harts, in the order of the device tree */
static unsigned cpu_count;
static uint64_t timebase;
volatile uint32_t *cpu_mtime;

static uint8_t boot_block[CPU_BLOCK_SIZE] __attribute__((section(".boot_block"), aligned(16)));

_Noreturn void boot(xlen_t id, const void *tree)
{
	struct cpu *cpu = cpu_prepare(boot_block, NULL);

	cpu->hart.id = id;
	arch_this_hart = &cpu->hart;
	/* A vector that reports faults; the hart's own follows when it knows itself. */
	csr_write(mtvec, (uintptr_t)trap_entry_mtimecmp);
	boot_machine(tree);
}

void arch_boot_elsewhere(const struct machine *machine)
{
	xlen_t another = 0;

	for (unsigned i = 0; i < machine->hart_count; i++) {
		if (machine->harts[i].id == hart_this()->id)
			return;
		if (!another)
			another = machine->harts[i].msip;
	}
	if (!another)
		return;
	log_forget();
	boot_hand_over(another);
}

static enum hart_presence presence(const struct cpu *cpu)
{
	return __atomic_load_n(&cpu->hart.presence, __ATOMIC_ACQUIRE);
}

/* What a hart is from now on, unless it was decided before; gives what was decided. */
static enum hart_presence decide(struct cpu *cpu, enum hart_presence wanted)
{
	unsigned expected = HART_EXPECTED;

	/* Both orders, since gcc 12 goes by that of failure when it places the fence before it. */
	if (__atomic_compare_exchange_n(&cpu->hart.presence, &expected, wanted, false,
					__ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		return wanted;
	return expected;
}

struct cpu *cpu_at(unsigned index)
{
	return index < cpu_count ? table[index].cpu : NULL;
}

struct hart *arch_hart(unsigned index)
{
	struct cpu *cpu = cpu_at(index);

	return cpu && presence(cpu) == HART_READY ? &cpu->hart : NULL;
}

struct hpa_range arch_image(void)
{
	extern const char __image_start[], __image_end[];

	return (struct hpa_range){{(uintptr_t)__image_start},
				  (uintptr_t)__image_end - (uintptr_t)__image_start};
}

struct hpa_range arch_linked_manifest(void)
{
	extern const char __manifest_start[], __manifest_end[];

	return (struct hpa_range){{(uintptr_t)__manifest_start},
				  (uintptr_t)__manifest_end - (uintptr_t)__manifest_start};
}

struct hpa_range arch_reachable(struct hpa_range range)
{
	uint64_t limit = XLEN == 32 ? GIB(4) : (uint64_t)1 << 56;
	uint64_t size = range.base.raw >= limit		      ? 0
			: range.size > limit - range.base.raw ? limit - range.base.raw
							      : range.size;

	if (size != range.size)
		log_alert("%lu MiB of RAM above %s are left out: a %u-bit CPU can't reach them",
			  (unsigned long)((range.size - size) >> 20),
			  limit == GIB(4) ? "4 GiB" : "64 PiB", XLEN);
	return (struct hpa_range){range.base, size};
}

bool arch_has_clock(void)
{
	return cpu_mtime != NULL;
}

void arch_harts_stop(void)
{
	for (unsigned i = 0; i < cpu_count; i++) {
		struct cpu *cpu = table[i].cpu;

		if (cpu->msip && &cpu->hart != hart_this())
			arch_hart_wake(&cpu->hart);
	}
}

uint64_t arch_time(void)
{
	return inline_time(cpu_of(hart_this()));
}

/* The original's words, with what a reader wants to know: "RV64IMAFDC (QEMU/Unknown)". */
static void introduce(const struct cpu *cpu)
{
	char isa[40];

	isa_short(cpu->isa, XLEN, isa, sizeof(isa));
	if (!cpu->has_supervisor) {
		log_debug("Physical CPU core %s (%s) has no S-mode and will only idle", isa,
			  cpu_maker(cpu));
		return;
	}
	log_debug("Physical CPU core %s (%s) ready to roll", isa, cpu_maker(cpu));
	if (cpu->hart.unfit)
		log_alert("This CPU core can't run capsules: %s", cpu->hart.unfit);
}

/* A hart learns about itself, on its own stack. */
static void come_up(struct cpu *cpu)
{
	csr_write(mtvec, (uintptr_t)trap_entry_mtimecmp);
	cpu_probe(cpu);
	cpu_set_up(cpu);
	probe_interrupts(cpu);
	if (cpu->msip)
		*cpu->msip = 0;
	cpu->hart.reachable = drivers_start_hart(&cpu->hart);
	if (!cpu->hart.reachable && cpu->hart.description->msip_is_imsic && !cpu->hart.unfit)
		cpu->hart.unfit = "it doesn't have the IMSIC that the device tree names for it";
	csr_set(mie, cpu->msip ? MIP_MSIP | MIP_MEIP : MIP_MEIP);
	timer_set_up(cpu);
	introduce(cpu);
}

/*
 * Whoever comes after the boot hart has stopped waiting stays out: what can run where is settled
 * then, and its trying out of interrupts could reach a hart that has work.
 */
_Noreturn void cpu_main(struct cpu *cpu)
{
	if (presence(cpu) == HART_EXPECTED) {
		come_up(cpu);
		if (decide(cpu, HART_READY) == HART_READY)
			sched_run(&cpu->hart);
	}
	arch_hart_park();
}

/* The boot hart has a block already, which now gets its description. */
static struct cpu *boot_cpu(const struct machine_hart *description)
{
	struct cpu *cpu = cpu_of(hart_this());

	cpu->hart.description = description;
	cpu->msip = (volatile uint32_t *)description->msip;
	cpu->mtimecmp = description->mtimecmp;
	return cpu;
}

/* Every hart of the machine gets its block and its place in the table. */
static enum status prepare_all(const struct machine *machine, struct ram_map *ram,
			       struct reason *why)
{
	enum status status;
	void *memory;

	status = ram_alloc_pages(ram, (machine->hart_count + 1) * sizeof(*table),
				 RAM_OWNER_HYPERVISOR, &memory, why);
	table = memory;
	for (unsigned i = 0; i < machine->hart_count && status == OK; i++) {
		const struct machine_hart *description = &machine->harts[i];
		struct cpu *cpu;

		if (description->id == hart_this()->id) {
			cpu = boot_cpu(description);
		} else {
			status = ram_alloc_pages(ram, CPU_BLOCK_SIZE, RAM_OWNER_HYPERVISOR, &memory,
						 why);
			if (status != OK)
				break;
			cpu = cpu_prepare(memory, description);
		}
		cpu->hart.index = i;
		table[i] = (struct boot_entry){description->id, cpu};
		table[i + 1].cpu = NULL;
		cpu_count = i + 1;
	}
	return status;
}

/* Up to a second; the clock is the boot hart's own. */
static void wait_for_all(const struct machine *machine)
{
	uint64_t start = arch_time();

	for (unsigned i = 0; i < machine->hart_count; i++) {
		while (!arch_hart(i) && arch_time() - start < timebase)
			;
		if (decide(cpu_at(i), HART_LEFT_OUT) == HART_LEFT_OUT)
			log_alert("CPU %lu did not come up within a second: it is left out",
				  machine->harts[i].id);
	}
}

/* The second stage, where a hart has what it takes. */
static void init_hext(const struct machine *machine, struct ram_map *ram)
{
	unsigned slots = PMP_SLOTS_MAX + 1;

	for (unsigned i = 0; i < machine->hart_count; i++) {
		const struct cpu *cpu = cpu_at(i);

		if (arch_hart(i) && cpu->has_hypervisor && cpu->pmp_slots >= HEXT_PMP_SLOTS_MIN &&
		    cpu->pmp_slots < slots)
			slots = cpu->pmp_slots;
	}
	if (slots <= PMP_SLOTS_MAX)
		hext_init(ram, slots);
}

enum status arch_harts_start(const struct machine *machine, struct ram_map *ram, struct reason *why)
{
	enum status status = prepare_all(machine, ram, why);

	if (status != OK)
		return status;
	timebase = machine->timebase;
	cpu_mtime = (volatile uint32_t *)machine->mtime;

	if (!hart_this()->description)
		return refuse(why, ERR_MISSING,
			      "The device tree has no usable node for the CPU that booted, %u",
			      hart_this()->id);
	come_up(cpu_of(hart_this()));
	decide(cpu_of(hart_this()), HART_READY);
	if (!probe_clock())
		return refuse(
			why, ERR_MISSING,
			"The clock stands still: neither the time CSR goes on, nor mtime where "
			"the device tree has it, 0x%lx",
			machine->mtime);

	__atomic_store_n(&boot_table, table, __ATOMIC_RELEASE);
	for (const struct boot_entry *entry = table; entry->cpu; entry++)
		/* Which hasn't been tried out yet. */
		if (entry->cpu->msip && &entry->cpu->hart != hart_this())
			arch_write32((hpa_t){entry->cpu->hart.description->msip}, 1);
	wait_for_all(machine);
	init_hext(machine, ram);
	return OK;
}
