/* SPDX-License-Identifier: MIT */
/*
 * Making a capsule from what the manifest asks for: every reason to refuse it is
 * found here, before anything of it runs.
 */
#include "core/arch.h"
#include "core/capsule_load.h"
#include "core/guest_tree.h"
#include "core/log.h"
#include "core/options.h"
#include "core/sched.h"
#include "lib/string.h"

/* What is known while a capsule is made, and nobody needs afterwards. */
struct making {
	struct capsule *capsule;
	const struct manifest_capsule *wish;
	struct ram_map *map;
	struct hart *hart;
};

static unsigned owner(unsigned number)
{
	return RAM_OWNER_CAPSULE + number;
}

static enum status check_wish(const struct making *making, struct reason *why)
{
	if (making->wish->vcpus > CAPSULE_VCPUS_MAX)
		return refuse(why, ERR_LIMIT, "vcpus is %u; at most %u vCPU a capsule is supported",
			      (unsigned)making->wish->vcpus, CAPSULE_VCPUS_MAX);
	return OK;
}

/* Where it asked to be, or wherever there is room. */
static enum status take_ram(struct making *making, struct reason *why)
{
	struct capsule *capsule = making->capsule;
	const struct manifest_capsule *wish = making->wish;
	uint64_t align = capsule->space.ops->alignment(wish->memory_size);
	struct reason detail;
	enum status status;

	if (wish->memory_base_given && wish->memory_base.raw & (align - 1))
		return refuse(why, ERR_RANGE, "memory-base 0x%lx isn't a multiple of 0x%lx",
			      (unsigned long)wish->memory_base.raw, (unsigned long)align);
	if (wish->memory_base_given && !capsule->space.ops->translates) {
		struct hpa_range range = {{wish->memory_base.raw}, wish->memory_size};

		making->capsule->host_ram = range.base;
		status = ram_claim(making->map, range, owner(capsule->number), "memory-base", why);
	} else {
		status = ram_alloc(making->map, wish->memory_size, align, owner(capsule->number),
				   &making->capsule->host_ram, &detail);
		if (status != OK)
			return refuse(why, status, "memory-mib is %lu, but there is %s",
				      (unsigned long)(wish->memory_size >> 20), detail.text);
	}
	if (status != OK)
		return status;

	capsule->ram = wish->memory_base_given
			       ? wish->memory_base
			       : capsule->space.ops->guest_address(making->capsule->host_ram);
	capsule->ram_size = wish->memory_size;
	return capsule->space.ops->map(&capsule->space, capsule->ram, making->capsule->host_ram,
				       capsule->ram_size, ALLOW_ALL, why);
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

/* Guest RAM lies where the host's is: it must not be where the guest has its devices. */
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

static enum status make_vcpu(struct making *making, struct reason *why)
{
	struct capsule *capsule = making->capsule;
	struct vcpu *vcpu = arch_vcpu_create(capsule, 0, making->hart, making->map);

	if (!vcpu)
		return refuse(why, ERR_NOMEM, "no memory is left for its vCPU");
	vcpu->console = &capsule->console;
	capsule->vcpus[0] = vcpu;
	capsule->vcpu_count = 1;
	return OK;
}

static enum status make(struct making *making, struct reason *why)
{
	struct capsule *capsule = making->capsule;
	enum manifest_isolation isolation = making->wish->isolation;
	enum status status = check_wish(making, why);

	if (isolation == ISOLATION_AUTO)
		isolation = options.isolation;
	if (status == OK)
		status = arch_isolation(making->hart, isolation, &capsule->space.ops, why);
	if (status == OK)
		status = take_ram(making, why);
	if (status == OK)
		status = plan_image(making, why);
	if (status == OK)
		status = make_vcpu(making, why);
	if (status != OK)
		return status;
	capsule_load_devices(capsule);
	status = check_devices(capsule, why);
	if (status == OK)
		status = capsule_load_tree(capsule, why);
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
	struct capsule *capsule;
	hpa_t memory;

	if (ram_alloc(map, align_up(sizeof(*capsule), PAGE_SIZE), PAGE_SIZE, owner(number), &memory,
		      why) != OK)
		return NULL;
	capsule = (struct capsule *)(uintptr_t)memory.raw;
	memset(capsule, 0, sizeof(*capsule));
	return capsule;
}

struct capsule *capsule_create(unsigned number, const struct manifest_capsule *wish,
			       uint64_t timebase, struct ram_map *map, struct hart *hart,
			       struct reason *why)
{
	struct capsule *capsule = allocate(number, map, why);
	struct making making = {.capsule = capsule, .wish = wish, .map = map, .hart = hart};

	if (!capsule)
		return NULL;
	capsule->number = number;
	capsule->timebase = timebase;
	capsule->restart = wish->restart;
	memcpy(capsule->name, wish->name, strnlen(wish->name, sizeof(capsule->name) - 1));
	capsule->console.changed = console_changed;
	if (make(&making, why) != OK) {
		if (capsule->space.ops)
			capsule->space.ops->unmap(&capsule->space);
		ram_free_owner(map, owner(number));
		return NULL;
	}
	capsule->state = CAPSULE_LOADING;
	log_debug("Capsule %u: %s: %lu MiB at 0x%lx, %u vCPU, %s, starting on CPU %u", number,
		  capsule->name, (unsigned long)(capsule->ram_size >> 20),
		  (unsigned long)capsule->host_ram.raw, capsule->vcpu_count,
		  capsule->space.ops->name, hart->id);
	capsule->console.cpu = hart->id;
	console_add(&capsule->console, number, capsule->name, capsule->output);
	sched_place(capsule->vcpus[0], hart);
	return capsule;
}
