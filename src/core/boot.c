/* SPDX-License-Identifier: MIT */
#include "core/boot.h"

#include "core/arch.h"
#include "core/console.h"
#include "core/log.h"
#include "core/options.h"
#include "core/ram.h"
#include "drivers/drivers.h"
#include "version.h"

static struct machine machine;
static struct ram_map ram;
static struct manifest manifest;
static struct capsule capsule;

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

	drivers_start_console(&machine);
	if (machine.bootargs)
		options_read(machine.bootargs);
	must(status, &why);
	drivers_start(&machine);
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

/* The first hart that can run capsules; without one, why the first that came up can't. */
static struct hart *choose_hart(void)
{
	const char *unfit = NULL;
	struct reason why;

	for (unsigned i = 0; i < machine.hart_count; i++) {
		struct hart *hart = arch_hart(i);

		if (hart && !hart->unfit)
			return hart;
		if (hart && !unfit)
			unfit = hart->unfit;
	}
	must(refuse(&why, ERR_MISSING, "No CPU core can run a capsule: %s",
		    unfit ? unfit : "none came up"),
	     &why);
	return NULL;
}

static enum status create_capsule(struct hart *hart, struct reason *why)
{
	struct manifest_capsule wish;
	enum status status = manifest_capsule(&manifest, 0, &wish, why);

	if (status == OK)
		status = capsule_create(&capsule, 1, &wish, machine.timebase, &ram, hart, why);
	return status;
}

/* The capsules of the manifest, of which there can be one. */
static void start_capsules(struct hart *hart)
{
	struct reason why;

	if (!machine.initrd.size)
		must(refuse(&why, ERR_MISSING,
			    "No manifest: the device tree's /chosen names no linux,initrd-start; "
			    "boot with -initrd x.itb (`make image` makes one)"),
		     &why);
	must(manifest_open(&manifest, (const void *)(uintptr_t)machine.initrd.base.raw,
			   machine.initrd.size, &why),
	     &why);

	for (unsigned i = 1; i < manifest.capsule_count; i++)
		log_alert("Capsule %s is left out: one capsule at a time is supported",
			  manifest_capsule_name(&manifest, i));

	if (create_capsule(hart, &why) != OK) {
		log_alert("Capsule %s is refused: %s", manifest_capsule_name(&manifest, 0),
			  why.text);
		boot_power_off(EXIT_NONE);
	}
	console_attach(&capsule.console);
	drivers_route_console(hart);
	__atomic_store_n(&hart->vcpu, capsule.vcpus[0], __ATOMIC_RELEASE);
	arch_hart_wake(hart);
}

_Noreturn void boot_machine(const void *tree)
{
	struct reason why;

	find_machine(tree);
	welcome();
	find_ram();
	must(arch_harts_start(&machine, &ram, &why), &why);
	start_capsules(choose_hart());
	hart_run(hart_this());
}

_Noreturn void boot_capsule_ended(struct capsule *ended)
{
	console_detach();
	boot_power_off(ended->end == CAPSULE_FAILED ? EXIT_FAILED : EXIT_DONE);
}

_Noreturn void boot_power_off(enum boot_exit status)
{
	log_info("Powering off");
	console_flush();
	drivers_power_off(status);
	log_alert("Nothing on this machine can power it off: it is safe to do so now");
	console_flush();
	arch_hart_park();
}
