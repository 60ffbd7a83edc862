/* SPDX-License-Identifier: MIT */
/*
 * Making a capsule from what the manifest asks for: every reason to refuse it is
 * found here, before anything of it runs.
 */
#include "core/arch.h"
#include "core/capsule_load.h"
#include "core/capsule_ram.h"
#include "core/guest_tree.h"
#include "core/log.h"
#include "core/place.h"
#include "core/sched.h"
#include "core/seed.h"
#include "lib/print.h"
#include "lib/string.h"

/* What is known while a capsule is made, and nobody needs afterwards. */
struct making {
	struct capsule *capsule;
	const struct manifest_capsule *wish;
	struct ram_map *map;
	struct hart *hart; /* one of those that it may run on, which are alike */
};

static unsigned owner(unsigned number)
{
	return RAM_OWNER_CAPSULE + number;
}

/* Kernel, device tree and ramdisk, by the plan that the manifest's checker makes as well. */
static enum status plan_image(struct making *making, struct reason *why)
{
	struct capsule *capsule = making->capsule;
	const struct manifest_capsule *wish = making->wish;
	struct capsule_image *image = &capsule->image;
	struct reason detail;

	image->kernel = wish->kernel.data;
	image->kernel_size = wish->kernel.size;
	image->ramdisk = wish->ramdisk.data;
	image->ramdisk_size = wish->ramdisk.size;
	image->bootargs = wish->bootargs;
	if (image_plan(wish->kernel.data, wish->kernel.size, capsule->ram, capsule->ram_size, XLEN,
		       &image->plan, &detail) != OK)
		return refuse(why, ERR_FORMAT, "kernel %s: %s", wish->kernel.name, detail.text);
	return image_place(&image->plan, capsule->ram, capsule->ram_size, XLEN, wish->ramdisk.size,
			   GUEST_TREE_SIZE, &image->extras, why);
}

/* Wherever guest RAM has come to lie, it must not be where the guest has its devices. */
static enum status check_devices(const struct capsule *capsule, struct reason *why)
{
	const struct vdev_bus *bus = &capsule->bus;

	for (unsigned i = 0; i < bus->count; i++)
		if (range_overlaps(capsule->ram.raw, capsule->ram_size, bus->devices[i]->base.raw,
				   bus->devices[i]->size))
			return refuse(why, ERR_OVERLAP,
				      "its RAM at 0x%lx overlaps its virtual %s at 0x%lx",
				      (unsigned long)capsule->ram.raw, bus->devices[i]->ops->name,
				      (unsigned long)bus->devices[i]->base.raw);
	return OK;
}

static enum status make_vcpus(struct making *making, struct reason *why)
{
	struct capsule *capsule = making->capsule;
	const struct manifest_capsule *wish = making->wish;

	for (unsigned i = 0; i < wish->vcpus; i++) {
		struct vcpu *vcpu = arch_vcpu_create(capsule, i, making->hart, making->map);

		if (!vcpu)
			return refuse(why, ERR_NOMEM, "no memory is left for vCPU %u of its %u", i,
				      (unsigned)wish->vcpus);
		vcpu->console = &capsule->console;
		vcpu->state = VCPU_STOPPED;
		vcpu->hart = making->hart;
		vcpu->weight = wish->weight;
		vcpu->capped = wish->cap_percent != 0;
		vcpu->has_peers = wish->vcpus > 1;
		vcpu->inverse_weight = SHARE_SCALE / wish->weight;
		vcpu->grace = (sched_turn() >> 6) * vcpu->inverse_weight;
		capsule->vcpus[capsule->vcpu_count++] = vcpu;
	}
	return OK;
}

/* Where the seed is in the tree: nobody else's bytes are the same. 0: there is none. */
static size_t find_seed(const uint8_t *tree, size_t size, const uint8_t *seed)
{
	for (size_t at = 0; seed && at + SEED_SIZE <= size; at += sizeof(uint32_t))
		if (!memcmp(tree + at, seed, SEED_SIZE))
			return at;
	return 0;
}

/* What was written into guest RAM is kept elsewhere: each start of the capsule begins with it. */
static enum status keep_tree(struct making *making, const uint8_t *start, size_t size,
			     const uint8_t *seed, struct reason *why)
{
	struct capsule *capsule = making->capsule;
	enum status status;
	void *memory;

	status = ram_alloc_pages(making->map, size, owner(capsule->number), &memory, why);
	if (status != OK)
		return status;
	capsule->tree = (struct capsule_tree){
		.bytes = memcpy(memory, start, size),
		.size = size,
		.seed = find_seed(start, size, seed),
	};
	return OK;
}

/* The guest's device tree says what the fences and the devices were made from. */
static enum status make_tree(struct making *making, struct reason *why)
{
	struct capsule *capsule = making->capsule;
	const struct capsule_image *image = &capsule->image;
	uint8_t seed[SEED_SIZE];
	enum status status;
	uint8_t *start;
	hpa_t host;
	size_t length;
	struct guest_tree tree = {
		.name = capsule->name,
		.bootargs = image->bootargs,
		.seed = seed_next(seed) ? seed : NULL,
		.ram = capsule->ram,
		.ram_size = capsule->ram_size,
		.initrd = image->extras.initrd,
		.initrd_size = image->ramdisk_size,
		.vcpus = capsule->vcpu_count,
		.timebase = capsule->timebase,
		.plic = capsule->plic.dev.base,
		.plic_size = capsule->plic.dev.size,
		.plic_sources = VPLIC_SOURCES - 1,
		.uart = capsule->uart.dev.base,
		.uart_size = capsule->uart.dev.size,
		.uart_irq = capsule->uart.irq,
		.uart_clock = VUART_CLOCK,
	};

	/* It ends RAM, and all pieces but the last have whole large pages: see capsule_ram.c. */
	if (!space_lookup(&capsule->space, image->extras.tree, GUEST_TREE_SIZE, ALLOW_WRITE, &host))
		return refuse(why, ERR_RANGE, "its device tree isn't in one piece of RAM");
	start = (uint8_t *)(uintptr_t)host.raw;
	arch_describe(making->hart, &tree);
	status = guest_tree_build(&tree, start, GUEST_TREE_SIZE, &length, why);
	return status == OK ? keep_tree(making, start, length, tree.seed, why) : status;
}

static enum status make(struct making *making, struct reason *why)
{
	struct capsule *capsule = making->capsule;
	enum status status;

	status = arch_isolation(making->hart, place_isolation(making->wish), &capsule->space.ops,
				why);
	if (status == OK)
		status = capsule_ram_take(capsule, making->wish, making->map, why);
	if (status == OK)
		status = plan_image(making, why);
	if (status == OK)
		status = make_vcpus(making, why);
	if (status != OK)
		return status;
	capsule_load_devices(capsule);
	status = check_devices(capsule, why);
	if (status == OK)
		status = make_tree(making, why);
	return status;
}

/* Called when the console has input for the guest, or room for its output again. */
static void console_changed(struct console_port *port)
{
	struct capsule *capsule =
		(struct capsule *)((uintptr_t)port - offsetof(struct capsule, console));

	lock_take(&capsule->devices_lock);
	vuart_poll(&capsule->uart);
	lock_drop(&capsule->devices_lock);
}

/* The structure lies in memory that goes when the capsule goes. */
static struct capsule *allocate(unsigned number, struct ram_map *map, struct reason *why)
{
	void *capsule;

	if (ram_alloc_pages(map, sizeof(struct capsule), owner(number), &capsule, why) != OK)
		return NULL;
	memset(capsule, 0, sizeof(struct capsule));
	return capsule;
}

static void introduce(const struct capsule *capsule)
{
	const struct space *space = &capsule->space;
	char harts[64], pieces[32] = "";

	place_say_harts(&capsule->harts, harts, sizeof(harts));
	if (space->region_count > 1)
		print_text(pieces, sizeof(pieces), " and %u places more", space->region_count - 1);
	log_debug("Capsule %u: %s: %lu MiB at 0x%lx%s, %u vCPU%s, %s, runs on %s", capsule->number,
		  capsule->name, (unsigned long)(capsule->ram_size >> 20),
		  (unsigned long)space->regions[0].to.raw, pieces, capsule->vcpu_count,
		  capsule->vcpu_count == 1 ? "" : "s", capsule->space.ops->name, harts);
}

/* Each vCPU begins where there is least to do; the first does the loading there. */
static void place_vcpus(struct capsule *capsule)
{
	for (unsigned i = 0; i < capsule->vcpu_count; i++)
		capsule->vcpus[i]->hart = place_choose(&capsule->harts, capsule->vcpus[i]->weight);
	capsule->console.cpu = capsule->vcpus[0]->hart->id;
}

struct capsule *capsule_create(unsigned number, const struct manifest_capsule *wish,
			       uint64_t timebase, struct ram_map *map, struct hart *hart,
			       const struct hart_set *harts, struct reason *why)
{
	struct capsule *capsule = allocate(number, map, why);
	struct making making = {.capsule = capsule, .wish = wish, .map = map, .hart = hart};

	if (!capsule)
		return NULL;
	capsule->number = number;
	capsule->timebase = timebase;
	capsule->restart = wish->restart;
	capsule->harts = *harts;
	if (wish->cap_percent)
		share_cap_init(&capsule->cap, wish->cap_percent, sched_turn(), arch_time());
	memcpy(capsule->name, wish->name, strnlen(wish->name, sizeof(capsule->name) - 1));
	capsule->console.changed = console_changed;
	if (make(&making, why) != OK) {
		capsule_ram_drop(capsule, map);
		ram_free_owner(map, owner(number));
		return NULL;
	}
	capsule->state = CAPSULE_LOADING;
	place_vcpus(capsule);
	introduce(capsule);
	console_add(&capsule->console, number, capsule->name, capsule->output);
	return capsule;
}
