/* SPDX-License-Identifier: MIT */
#include "core/capsule.h"

#include "core/arch.h"
#include "core/guest_tree.h"
#include "core/image.h"
#include "core/log.h"
#include "core/options.h"
#include "lib/string.h"
#include "vdev/map.h"

/* What is known while a capsule is made, and nobody needs afterwards. */
struct making {
	struct capsule *capsule;
	const struct manifest_capsule *wish;
	struct ram_map *map;
	struct hart *hart;
	uint32_t timebase;
	hpa_t host_ram;
	struct image_plan plan;
	struct image_extras extras;
};

static unsigned owner(const struct capsule *capsule)
{
	return RAM_OWNER_CAPSULE + capsule->number;
}

/* Only used once the range is known to lie in the capsule's RAM. */
static void *host_pointer(const struct making *making, gpa_t at)
{
	return (void *)(uintptr_t)(making->host_ram.raw + (at.raw - making->capsule->ram.raw));
}

static enum status check_wish(const struct making *making, struct reason *why)
{
	if (making->wish->vcpus > CAPSULE_VCPUS_MAX)
		return refuse(why, ERR_LIMIT, "vcpus is %u; at most %u vCPU a capsule is supported",
			      (unsigned)making->wish->vcpus, CAPSULE_VCPUS_MAX);
	if (making->wish->restart != RESTART_NEVER)
		log_alert("Capsule %s: restart has no effect yet: an ended capsule stays ended",
			  making->wish->name);
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

	if (wish->memory_base_given) {
		struct hpa_range range = {{wish->memory_base.raw}, wish->memory_size};

		if (range.base.raw & (align - 1))
			return refuse(why, ERR_RANGE, "memory-base 0x%lx isn't a multiple of 0x%lx",
				      (unsigned long)range.base.raw, (unsigned long)align);
		making->host_ram = range.base;
		status = ram_claim(making->map, range, owner(capsule), "memory-base", why);
	} else {
		status = ram_alloc(making->map, wish->memory_size, align, owner(capsule),
				   &making->host_ram, &detail);
		if (status != OK)
			return refuse(why, status, "memory-mib is %lu, but there is %s",
				      (unsigned long)(wish->memory_size >> 20), detail.text);
	}
	if (status != OK)
		return status;

	capsule->ram = capsule->space.ops->guest_address(making->host_ram);
	capsule->ram_size = wish->memory_size;
	return capsule->space.ops->map(&capsule->space, capsule->ram, making->host_ram,
				       capsule->ram_size, ALLOW_ALL, why);
}

/* Kernel, device tree and ramdisk, by the plan that the manifest's checker makes as well. */
static enum status plan_layout(struct making *making, struct reason *why)
{
	const struct capsule *capsule = making->capsule;
	const struct manifest_capsule *wish = making->wish;
	struct reason detail;

	if (image_plan(wish->kernel.data, wish->kernel.size, capsule->ram, capsule->ram_size, XLEN,
		       &making->plan, &detail) != OK)
		return refuse(why, ERR_FORMAT, "kernel %s: %s", wish->kernel.name, detail.text);
	return image_place(&making->plan, capsule->ram, capsule->ram_size, XLEN, wish->ramdisk.size,
			   GUEST_TREE_SIZE, &making->extras, why);
}

/* All of the guest's RAM gets its first contents: zeroes, kernel and ramdisk. */
static void fill_ram(const struct making *making)
{
	const struct manifest_capsule *wish = making->wish;

	memset((void *)(uintptr_t)making->host_ram.raw, 0, making->capsule->ram_size);

	for (unsigned i = 0; i < making->plan.segment_count; i++) {
		const struct image_segment *segment = &making->plan.segments[i];

		memcpy(host_pointer(making, segment->at), wish->kernel.data + segment->offset,
		       segment->file_size);
	}
	if (wish->ramdisk.size)
		memcpy(host_pointer(making, making->extras.initrd), wish->ramdisk.data,
		       wish->ramdisk.size);
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

/* A vCPU's external interrupt follows the virtual PLIC. */
static void plic_output(struct vplic *plic, unsigned context, bool level)
{
	struct capsule *capsule =
		(struct capsule *)((uintptr_t)plic - offsetof(struct capsule, plic));

	arch_vcpu_set_external(capsule->vcpus[context], level);
}

/* The UART is first on the bus: it is what guests touch most. */
static enum status make_devices(struct capsule *capsule, struct reason *why)
{
	const struct vdev *devices[] = {&capsule->uart.dev, &capsule->plic.dev};

	capsule->console.changed = console_changed;
	vplic_init(&capsule->plic, (gpa_t){VDEV_PLIC}, capsule->vcpu_count, plic_output);
	vuart_init(&capsule->uart, (gpa_t){VDEV_UART}, &capsule->plic, VDEV_UART_IRQ,
		   &capsule->console);
	for (unsigned i = 0; i < ARRAY_LENGTH(devices); i++)
		if (range_overlaps(capsule->ram.raw, capsule->ram_size, devices[i]->base.raw,
				   devices[i]->size))
			return refuse(why, ERR_OVERLAP,
				      "its RAM at 0x%lx overlaps its virtual %s at 0x%lx",
				      (unsigned long)capsule->ram.raw, devices[i]->ops->name,
				      (unsigned long)devices[i]->base.raw);
	if (!vdev_attach(&capsule->bus, &capsule->uart.dev) ||
	    !vdev_attach(&capsule->bus, &capsule->plic.dev))
		return refuse(why, ERR_OVERLAP, "its virtual devices overlap");
	return OK;
}

/* The guest's device tree says what the fences and the devices were made from. */
static enum status write_tree(const struct making *making, struct reason *why)
{
	const struct capsule *capsule = making->capsule;
	const struct manifest_capsule *wish = making->wish;
	const struct space_region *ram = &capsule->space.regions[0];
	uint8_t *start = host_pointer(making, making->extras.tree);
	enum status status;
	size_t length;
	struct guest_tree tree = {
		.name = capsule->name,
		.bootargs = wish->bootargs,
		.ram = ram->from,
		.ram_size = ram->size,
		.initrd = making->extras.initrd,
		.initrd_size = wish->ramdisk.size,
		.vcpus = capsule->vcpu_count,
		.timebase = making->timebase,
		.plic = capsule->plic.dev.base,
		.plic_size = capsule->plic.dev.size,
		.plic_sources = VPLIC_SOURCES - 1,
		.uart = capsule->uart.dev.base,
		.uart_size = capsule->uart.dev.size,
		.uart_irq = VDEV_UART_IRQ,
		.uart_clock = VUART_CLOCK,
	};

	arch_describe(making->hart, &tree);
	status = guest_tree_build(&tree, start, GUEST_TREE_SIZE, &length, why);
	if (status == OK)
		memset(start + length, 0,
		       GUEST_TREE_SIZE - length); /* what libfdt moved away from */
	return status;
}

static enum status make_vcpu(struct making *making, struct reason *why)
{
	struct capsule *capsule = making->capsule;
	struct vcpu *vcpu = arch_vcpu_create(capsule, 0, making->hart, making->map);

	if (!vcpu)
		return refuse(why, ERR_NOMEM, "no memory is left for its vCPU");
	arch_vcpu_reset(vcpu, making->plan.entry.raw, making->extras.tree.raw);
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
		status = plan_layout(making, why);
	if (status == OK)
		status = make_vcpu(making, why);
	if (status == OK)
		status = make_devices(capsule, why);
	if (status == OK) {
		fill_ram(making);
		status = write_tree(making, why);
	}
	return status;
}

enum status capsule_create(struct capsule *capsule, unsigned number,
			   const struct manifest_capsule *wish, uint64_t timebase,
			   struct ram_map *map, struct hart *hart, struct reason *why)
{
	struct making making = {
		.capsule = capsule, .wish = wish, .map = map, .hart = hart, .timebase = timebase};
	enum status status;

	memset(capsule, 0, sizeof(*capsule));
	capsule->number = number;
	memcpy(capsule->name, wish->name, strnlen(wish->name, sizeof(capsule->name) - 1));

	status = make(&making, why);
	if (status != OK) {
		ram_free_owner(map, owner(capsule));
		return status;
	}
	capsule->state = CAPSULE_LOADED;
	log_debug("Capsule %u: %s: %lu MiB at 0x%lx, %u vCPU, %s, starting on CPU %u", number,
		  capsule->name, (unsigned long)(capsule->ram_size >> 20),
		  (unsigned long)making.host_ram.raw, capsule->vcpu_count, capsule->space.ops->name,
		  hart->id);
	return OK;
}

void capsule_end(struct capsule *capsule, enum capsule_end end, const char *how)
{
	capsule->end = end;
	__atomic_store_n(&capsule->state, CAPSULE_ENDED, __ATOMIC_RELEASE);
	if (end == CAPSULE_FAILED)
		log_alert("Capsule %u: %s: %s", capsule->number, capsule->name, how);
	else
		log_info("Capsule %u: %s: %s", capsule->number, capsule->name, how);
}
