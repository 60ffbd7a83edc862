/* SPDX-License-Identifier: MIT */
#include "core/boot.h"

#include "core/arch.h"
#include "core/console.h"
#include "core/figures.h"
#include "core/log.h"
#include "core/options.h"
#include "core/place.h"
#include "core/ram.h"
#include "core/sched.h"
#include "core/seed.h"
#include "core/steal.h"
#include "core/watch.h"
#include "drivers/drivers.h"
#include "version.h"

static struct machine machine;

enum {
	RAM_EXTENTS = 2560,  /* of the memory map: more than 64 capsules with 32 vCPUs each need */
	LOG_SIZE = 8 * 1024, /* bytes of messages that are kept */
};

static struct ram_map ram;
static struct manifest manifest;
static struct manifest_capsule *wishes; /* of each capsule; name NULL: refused */
static struct capsule **capsules;	/* those that were created */
static unsigned capsule_count;
static unsigned alive;	/* capsules that haven't ended; atomic */
static bool any_failed; /* atomic */

/* When the boot can't go on: say why, and stop the machine. */
static void must(enum status status, const struct reason *why)
{
	if (status == OK)
		return;
	log_alert("%s", why->text);
	boot_power_off(EXIT_NONE);
}

/* What the tree says, and a terminal to say it on. */
static void find_machine(const void *tree)
{
	struct reason why;
	enum status status = machine_read(tree, MIB(4), &machine, &why);

	if (status == OK)
		arch_boot_elsewhere(&machine);
	drivers_start_console(&machine);
	if (machine.bootargs)
		options_read(machine.bootargs);
	must(status, &why);
	drivers_start(&machine);
}

/* What is about to be used is there, as far as the ends of a range tell. */
static void check_ram(void)
{
	const struct ram_extent *extents = ram_extents_of(&ram);
	struct reason why;

	for (unsigned i = 0; i < ram.count; i++) {
		hpa_t base = extents[i].base;
		hpa_t last = {base.raw + extents[i].size - sizeof(uint32_t)};

		if (extents[i].owner == RAM_OWNER_NOBODY &&
		    !(arch_answers(base, sizeof(uint32_t)) && arch_answers(last, sizeof(uint32_t))))
			must(refuse(&why, ERR_MISSING,
				    "The device tree has memory at 0x%lx-0x%lx, but nothing "
				    "answers there",
				    (unsigned long)base.raw, (unsigned long)last.raw + 3),
			     &why);
	}
}

/* All RAM, minus what is in use already. An overlap among these is a broken machine. */
static void find_ram(void)
{
	struct reason why;

	for (unsigned i = 0; i < machine.ram_count; i++) {
		struct hpa_range range = arch_reachable(machine.ram[i]);

		if (range.size)
			must(ram_add(&ram, range, &why), &why);
	}
	must(ram_claim(&ram, arch_image(), RAM_OWNER_HYPERVISOR, "the hypervisor", &why), &why);
	must(ram_claim(&ram, machine.fdt, RAM_OWNER_TREE, "the host's device tree", &why), &why);
	if (machine.initrd.size)
		must(ram_claim(&ram, machine.initrd, RAM_OWNER_MANIFEST, "the manifest", &why),
		     &why);
	for (unsigned i = 0; i < machine.reserved_count; i++)
		must(ram_reserve(&ram, machine.reserved[i].range, RAM_OWNER_RESERVED,
				 machine.reserved[i].name, &why),
		     &why);
	check_ram();
}

/* Tables that were small as long as there was no RAM. Without more they do what they can. */
static void extend_tables(void)
{
	struct reason unused;
	void *memory;

	/* Then there is less room for capsules, whose creation says so. */
	if (ram_extend(&ram, RAM_EXTENTS, &unused) != OK)
		return;
	if (ram_alloc_pages(&ram, LOG_SIZE, RAM_OWNER_HYPERVISOR, &memory, &unused) == OK)
		log_extend(memory, LOG_SIZE);
}

/* Memory for the hypervisor's own use, without which there is no going on. */
static void *must_have(size_t size)
{
	struct reason why;
	void *memory;

	must(ram_alloc_pages(&ram, size, RAM_OWNER_HYPERVISOR, &memory, &why), &why);
	return memory;
}

static void welcome(void)
{
	uint64_t ram_size = 0;

	for (unsigned i = 0; i < machine.ram_count; i++)
		ram_size += machine.ram[i].size;
	log_info("Welcome to diosix %s", DIOSIX_VERSION);
	log_debug("Debugging enabled, %u CPU core%s, %lu MiB RAM found", machine.hart_count,
		  machine.hart_count == 1 ? "" : "s", (unsigned long)(ram_size >> 20));
	if (machine.harts_left_out)
		log_alert("%u more CPU cores are left out: %u is the most that is supported",
			  machine.harts_left_out, MACHINE_HARTS_MAX);
}

static void refused(unsigned index, const struct reason *why)
{
	log_alert("Capsule %s is refused: %s", manifest_capsule_name(&manifest, index), why->text);
}

/* What all of them want is known before the first is made: harts are given away by it. */
static void read_wishes(void)
{
	wishes = must_have(manifest.capsule_count * sizeof(*wishes));
	capsules = must_have(manifest.capsule_count * sizeof(*capsules));
	place_init(machine.hart_count);
	for (unsigned i = 0; i < manifest.capsule_count; i++) {
		struct reason why;

		if (manifest_capsule(&manifest, i, &wishes[i], &why) == OK) {
			place_note(&wishes[i]);
		} else {
			refused(i, &why);
			wishes[i].name = NULL;
		}
	}
}

static struct hart *first_of(const struct hart_set *harts)
{
	unsigned index = 0;

	while (!hart_set_has(harts, index))
		index++;
	return arch_hart(index);
}

/* A capsule that is refused doesn't keep the others from starting. */
static void create_capsule(unsigned index)
{
	const struct manifest_capsule *wish = &wishes[index];
	struct capsule *capsule = NULL;
	struct hart_set harts;
	struct reason why;

	if (!wish->name)
		return;
	if (place_harts(wish, &harts, &why) == OK)
		capsule = capsule_create(index + 1, wish, machine.timebase, &ram, first_of(&harts),
					 &harts, &why);
	if (capsule)
		capsules[capsule_count++] = capsule;
	else
		refused(index, &why);
}

/* The boot protocol's, or else the one that is linked in. */
static void find_manifest(void)
{
	struct hpa_range where = machine.initrd.size ? machine.initrd : arch_linked_manifest();
	struct reason why;

	if (!where.size)
		must(refuse(&why, ERR_MISSING,
			    "No manifest: the device tree's /chosen names no linux,initrd-start, "
			    "and "
			    "none is linked in; boot with -initrd x.itb (`make image` makes one)"),
		     &why);
	must(manifest_open(&manifest, (const void *)(uintptr_t)where.base.raw, where.size, &why),
	     &why);
}

/* There must be a hart that can run capsules, or it is the machine that is refused. */
static void check_harts(void)
{
	const char *unfit = "none came up";
	struct reason why;

	for (unsigned i = 0; i < machine.hart_count; i++) {
		const struct hart *hart = arch_hart(i);

		if (hart && !hart->unfit)
			return;
		if (hart)
			unfit = hart->unfit;
	}
	must(refuse(&why, ERR_MISSING, "No CPU core can run a capsule: %s", unfit), &why);
}

/* The first capsule's, unless that is one that nothing else shall disturb. */
static struct hart *choose_console_hart(void)
{
	struct hart *first = capsules[0]->vcpus[0]->hart;

	for (unsigned i = 0; place_is_dedicated(first) && i < machine.hart_count; i++) {
		struct hart *hart = arch_hart(i);

		if (hart && !hart->unfit && !place_is_dedicated(hart))
			return hart;
	}
	return first;
}

/* Harts begin as soon as they are told. */
static void start_capsules(void)
{
	unsigned vcpus = 0;
	struct hart *console;
	struct reason why;

	if (!capsule_count)
		boot_power_off(EXIT_NONE);
	for (unsigned i = 0; i < capsule_count; i++)
		vcpus += capsules[i]->vcpu_count;
	must(sched_prepare(vcpus, &ram, &why), &why);
	must(arch_isolation_seal(&why), &why);
	console = choose_console_hart();
	alive = capsule_count;
	drivers_route_console(console);
	console_start();
	watch_start(console);
	for (unsigned i = 0; i < capsule_count; i++)
		sched_begin(capsules[i], capsules[i]->vcpus[0]->hart);
}

static void show_figures(void)
{
	for (unsigned i = 0; i < capsule_count; i++)
		figures_ask(capsules[i]);
}

struct capsule *boot_capsule_to_tell(void)
{
	for (unsigned i = 0; i < capsule_count; i++)
		if (__atomic_load_n(&capsules[i]->figures, __ATOMIC_RELAXED))
			return capsules[i];
	return NULL;
}

static void ask(unsigned number, enum capsule_request request)
{
	struct capsule *capsule = boot_capsule(number);

	if (capsule)
		capsule_ask(capsule, request);
}

static void restart_capsule(unsigned number)
{
	ask(number, CAPSULE_RESTART);
}

static void stop_capsule(unsigned number)
{
	ask(number, CAPSULE_STOP);
}

/* What the console's menu can do (core/console_menu.c). */
static const struct console_commands boot_commands = {
	.figures = show_figures,
	.tell = figures_tell,
	.restart = restart_capsule,
	.stop = stop_capsule,
	.deadline_moved = sched_wake_console_hart,
};

_Noreturn void boot_machine(const void *tree)
{
	struct reason why;

	find_machine(tree);
	welcome();
	find_ram();
	extend_tables();
	sched_init(machine.timebase, machine.hart_count);
	console_init(machine.timebase);
	steal_init(machine.timebase);
	seed_begin(machine.seed, machine.seed_size);
	console_set_commands(&boot_commands);
	must(arch_harts_start(&machine, &ram, &why), &why);
	check_harts();
	find_manifest();
	read_wishes();
	for (unsigned i = 0; i < manifest.capsule_count; i++)
		create_capsule(i);
	start_capsules();
	sched_run(hart_this());
}

struct capsule *boot_capsule(unsigned number)
{
	for (unsigned i = 0; i < capsule_count; i++)
		if (capsules[i]->number == number)
			return capsules[i];
	return NULL;
}

struct capsule *boot_capsule_at(unsigned index)
{
	return index < capsule_count ? capsules[index] : NULL;
}

void boot_capsule_ended(struct capsule *capsule)
{
	if (capsule->end == CAPSULE_FAILED || capsule->state == CAPSULE_LOST)
		__atomic_store_n(&any_failed, true, __ATOMIC_RELAXED);
	if (__atomic_sub_fetch(&alive, 1, __ATOMIC_ACQ_REL) == 0) {
		boot_power_off(any_failed ? EXIT_FAILED : EXIT_DONE);
	}
}

void boot_capsule_revived(struct capsule *capsule)
{
	(void)capsule;
	__atomic_add_fetch(&alive, 1, __ATOMIC_ACQ_REL);
}

/*
 * The power may go some time after it has been told to: QEMU 10 lets harts run on meanwhile. So
 * early that there may be no clock, so it is counted: a second or two on a hart of 100 MHz.
 */
static void wait_for_the_end(void)
{
	enum { STEPS = 20 * 1000 * 1000 };

	for (volatile unsigned i = 0; i < STEPS; i++)
		;
}

_Noreturn void boot_power_off(enum boot_exit status)
{
	while (figures_tell() && console_flush())
		;
	log_info("Powering off");
	console_flush();
	if (drivers_power_off(status))
		wait_for_the_end();
	log_alert("Nothing on this machine can power it off: it is safe to do so now");
	console_flush();
	arch_hart_park();
}
