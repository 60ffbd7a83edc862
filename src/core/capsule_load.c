/* SPDX-License-Identifier: MIT */
/*
 * Giving a capsule its first contents: RAM, device tree, devices, vCPU.
 *
 * The same for its first start and for every later one, so that nothing of an
 * earlier life can survive. Done in steps between the turns of the other vCPUs of
 * the hart, because a hundred megabytes take a while.
 */
#include "core/capsule_load.h"

#include "core/arch.h"
#include "core/assert.h"
#include "core/guest_tree.h"
#include "core/log.h"
#include "core/seed.h"
#include "lib/string.h"
#include "vdev/map.h"

/* What one step does at most: some hundred thousand instructions. */
enum { LOAD_STEP = 1024 * 1024 };

/* What a step fills: offsets in RAM, and where we see it. It is in one piece of the host's. */
struct load_step {
	uint64_t from, length;
	uint8_t *memory;
};

/* Copy what of [at, at + size) falls into the step. */
static void load_part(const struct capsule *capsule, gpa_t at, const uint8_t *bytes, uint64_t size,
		      const struct load_step *step)
{
	uint64_t start = at.raw - capsule->ram.raw, end = step->from + step->length;
	uint64_t first = start > step->from ? start : step->from;
	uint64_t last = start + size < end ? start + size : end;

	if (first < last)
		arch_copy(step->memory + (first - step->from), bytes + (first - start),
			  last - first);
}

/* True when one segment fills all of the step, which then needn't be zeroed first. */
static bool is_filled(const struct capsule *capsule, const struct load_step *step)
{
	for (unsigned i = 0; i < capsule->image.plan.segment_count; i++) {
		const struct image_segment *segment = &capsule->image.plan.segments[i];

		if (range_contains(segment->at.raw - capsule->ram.raw, segment->file_size,
				   step->from, step->length))
			return true;
	}
	return false;
}

static void fill_ram(struct capsule *capsule, const struct load_step *step)
{
	const struct capsule_image *image = &capsule->image;

	if (!is_filled(capsule, step))
		arch_zero(step->memory, step->length);
	for (unsigned i = 0; i < image->plan.segment_count; i++) {
		const struct image_segment *segment = &image->plan.segments[i];

		load_part(capsule, segment->at, image->kernel + segment->offset, segment->file_size,
			  step);
	}
	if (image->ramdisk_size)
		load_part(capsule, image->extras.initrd, image->ramdisk, image->ramdisk_size, step);
}

/* Of the RAM that has no first contents yet, the next part: no more than one step, in one piece. */
static struct load_step next_step(const struct capsule *capsule)
{
	uint64_t rest = capsule->ram_size - capsule->loaded;
	gpa_t at = {capsule->ram.raw + capsule->loaded};
	struct load_step step = {.from = capsule->loaded};
	hpa_t host = {0};

	if (!space_lookup_part(&capsule->space, at, rest < LOAD_STEP ? rest : LOAD_STEP,
			       ALLOW_WRITE, &host, &step.length))
		panic("capsule %u: its RAM isn't its own", capsule->number);
	step.memory = (uint8_t *)(uintptr_t)host.raw;
	return step;
}

/* A vCPU's external interrupt follows the virtual PLIC. */
static void plic_output(struct vplic *plic, unsigned context, bool level)
{
	struct capsule *capsule =
		(struct capsule *)((uintptr_t)plic - offsetof(struct capsule, plic));

	arch_vcpu_set_external(capsule->vcpus[context], level);
}

/* The UART is first on the bus: it is what guests touch most. */
void capsule_load_devices(struct capsule *capsule)
{
	capsule->bus = (struct vdev_bus){.count = 0};
	vplic_init(&capsule->plic, (gpa_t){VDEV_PLIC}, capsule->vcpu_count, plic_output);
	vuart_init(&capsule->uart, (gpa_t){VDEV_UART}, &capsule->plic, VDEV_UART_IRQ,
		   &capsule->console);
	if (!vdev_attach(&capsule->bus, &capsule->uart.dev) ||
	    !vdev_attach(&capsule->bus, &capsule->plic.dev))
		panic("the virtual devices of vdev/map.h overlap");
}

/*
 * The device tree, as it was written when the capsule was made: that takes libfdt a while with many
 * vCPUs. The seed in it is another one each time.
 */
static void put_tree(const struct capsule *capsule)
{
	const struct capsule_tree *tree = &capsule->tree;
	uint8_t *start;
	hpa_t host;

	if (!space_lookup(&capsule->space, capsule->image.extras.tree, GUEST_TREE_SIZE, ALLOW_WRITE,
			  &host))
		panic("capsule %u: its device tree has no place", capsule->number);
	start = (uint8_t *)(uintptr_t)host.raw;
	memcpy(start, tree->bytes, tree->size);
	memset(start + tree->size, 0, GUEST_TREE_SIZE - tree->size);
	if (tree->seed)
		seed_next(start + tree->seed);
}

/* The first is about to start, the others wait for it to start them (HSM). Nobody runs them now. */
static void reset_vcpus(struct capsule *capsule)
{
	for (unsigned i = 0; i < capsule->vcpu_count; i++) {
		struct vcpu *vcpu = capsule->vcpus[i];

		/* Wishes of the last life, a start among them that its end has overtaken. */
		__atomic_fetch_and(&vcpu->wanted, ~(xlen_t)(VCPU_WANT_OF_HART | VCPU_WANT_START),
				   __ATOMIC_SEQ_CST);
		arch_vcpu_reset(vcpu, capsule->image.plan.entry.raw,
				capsule->image.extras.tree.raw);
		if (i)
			__atomic_store_n(&vcpu->state, VCPU_STOPPED, __ATOMIC_RELEASE);
	}
	capsule->started = 1;
}

bool capsule_load_step(struct capsule *capsule)
{
	if (capsule->loaded < capsule->ram_size) {
		struct load_step step = next_step(capsule);

		fill_ram(capsule, &step);
		capsule->loaded += step.length;
		return false;
	}
	capsule->loaded = 0;
	enum capsule_state loading = CAPSULE_LOADING;

	console_begin(&capsule->console);
	lock_take(&capsule->devices_lock);
	capsule_load_devices(capsule);
	vuart_poll(&capsule->uart);
	lock_drop(&capsule->devices_lock);

	put_tree(capsule);
	if (capsule->space.ops->translates)
		capsule->space.time_zero = arch_time();
	reset_vcpus(capsule);
	capsule->started_at = arch_time();
	capsule->starts++;
	/* Unless it was given up meanwhile, because this hart took so long. */
	if (!__atomic_compare_exchange_n(&capsule->state, &loading, CAPSULE_RUNNING, false,
					 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		return false;
	if (capsule->starts > 1)
		log_info("Capsule %u: %s: started again", capsule->number, capsule->name);
	return true;
}
