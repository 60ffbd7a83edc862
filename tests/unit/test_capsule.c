/* SPDX-License-Identifier: MIT */
/*
 * src/core/capsule_make.c and capsule_load.c, from a manifest to a guest that could be
 * entered: on a piece of this program's memory that plays the host's RAM, full of old
 * bytes. Whatever is refused, at whichever step, leaves that RAM to whom it belonged.
 */
#include "unit.h"

#include <libfdt.h>

#include "core/options.h"
#include "ram_fixture.h"

/* Every allocation can be made to fail. */
static enum status try_alloc(struct ram_map *map, uint64_t size, uint64_t align, unsigned owner,
			     hpa_t *out, struct reason *why);
static enum status try_alloc_pages(struct ram_map *map, size_t size, unsigned owner, void **out,
				   struct reason *why);
static enum status try_claim(struct ram_map *map, struct hpa_range range, unsigned owner,
			     const char *what, struct reason *why);
static enum status try_alloc_high(struct ram_map *map, uint64_t size, uint64_t align,
				  uint64_t phase, unsigned owner, hpa_t *out, struct reason *why);
#define ram_alloc	try_alloc
#define ram_alloc_pages try_alloc_pages
#define ram_alloc_high	try_alloc_high
#define ram_claim	try_claim
#include "core/capsule_make.c"
#include "core/capsule_ram.c"
#undef ram_alloc
#undef ram_alloc_pages
#undef ram_alloc_high
#undef ram_claim

#include "fake/arch.h"
#include "fake/console.h"
#include "vdev/map.h"

#define HOST_SIZE MIB(32)
#define OLD	  0xa5

enum { KERNEL_SIZE = 5000, RAMDISK_SIZE = 70001, TIMEBASE = 10000000 };

static uint8_t *host; /* the host's RAM, at a multiple of its size */
static uint8_t *fit;  /* the manifest, outside of it */
static size_t fit_size;
static struct ram_map map, baseline;
static struct capsule *capsule;
static struct hart_set harts; /* where it may run: on the first two */
static struct manifest_capsule wish;
static struct reason why;

/* --- injected failures -------------------------------------------------------------- */

static int fail_at, steps; /* fail_at counts down to the step that fails; 0: none */

static bool step_fails(const char *at)
{
	(void)at;
	steps++;
	return fail_at && --fail_at == 0;
}

static enum status try_alloc(struct ram_map *in, uint64_t size, uint64_t align, unsigned of,
			     hpa_t *out, struct reason *reason)
{
	if (step_fails("ram_alloc"))
		return refuse(reason, ERR_NOMEM, "the test says no");
	return ram_alloc(in, size, align, of, out, reason);
}

static enum status try_alloc_pages(struct ram_map *in, size_t size, unsigned of, void **out,
				   struct reason *reason)
{
	if (step_fails("ram_alloc_pages"))
		return refuse(reason, ERR_NOMEM, "the test says no");
	return ram_alloc_pages(in, size, of, out, reason);
}

static enum status try_alloc_high(struct ram_map *in, uint64_t size, uint64_t align, uint64_t phase,
				  unsigned of, hpa_t *out, struct reason *reason)
{
	if (step_fails("ram_alloc_high"))
		return refuse(reason, ERR_NOMEM, "the test says no");
	return ram_alloc_high(in, size, align, phase, of, out, reason);
}

static enum status try_claim(struct ram_map *in, struct hpa_range range, unsigned of,
			     const char *what, struct reason *reason)
{
	if (step_fails("ram_claim"))
		return refuse(reason, ERR_OVERLAP, "the test says no");
	return ram_claim(in, range, of, what, reason);
}

/* --- a manifest ---------------------------------------------------------------------- */

static uint8_t kernel[KERNEL_SIZE], ramdisk[RAMDISK_SIZE];

static void put_image(const char *name, const char *type, const uint8_t *data, int size)
{
	fdt_begin_node(fit, name);
	fdt_property_string(fit, "description", name);
	fdt_property_string(fit, "type", type);
	fdt_property_string(fit, "arch", "riscv");
	fdt_property_string(fit, "os", "linux");
	fdt_property_string(fit, "compression", "none");
	fdt_property(fit, "data", data, size);
	fdt_end_node(fit);
}

static void make_manifest(void)
{
	enum { ROOM = 128 * 1024 };

	for (unsigned i = 0; i < KERNEL_SIZE; i++)
		kernel[i] = 1 + i % 255;
	for (unsigned i = 0; i < RAMDISK_SIZE; i++)
		ramdisk[i] = 1 + i % 251;
	fit = malloc(ROOM);
	fdt_create(fit, ROOM);
	fdt_finish_reservemap(fit);
	fdt_begin_node(fit, "");
	fdt_property_string(fit, "description", "one");
	fdt_property_u32(fit, "#address-cells", 1);
	fdt_begin_node(fit, "images");
	put_image("linux", "kernel", kernel, KERNEL_SIZE);
	put_image("initrd", "ramdisk", ramdisk, RAMDISK_SIZE);
	fdt_end_node(fit);
	fdt_begin_node(fit, "configurations");
	fdt_property_string(fit, "default", "web");
	fdt_begin_node(fit, "web");
	fdt_property_string(fit, "compatible", "diosix,capsule");
	fdt_property_string(fit, "description", "web server");
	fdt_property_string(fit, "kernel", "linux");
	fdt_property_string(fit, "ramdisk", "initrd");
	fdt_property_string(fit, "bootargs", "console=ttyS0 quiet");
	fdt_property_u32(fit, "memory-mib", 8);
	fdt_end_node(fit);
	fdt_end_node(fit);
	fdt_end_node(fit);
	assert_int_equal(fdt_finish(fit), 0);
	fit_size = fdt_totalsize(fit);
	fit = realloc(fit, fit_size);
}

/* --- the machine --------------------------------------------------------------------- */

/*
 * Of the host's 32 MiB the hypervisor has the first, the manifest the fifteenth; so what
 * is free at a multiple of 2 MiB are 12 MiB at 2 and 16 MiB at 16.
 */
static void fresh(void)
{
	struct manifest manifest;
	struct reason reason;

	fake_arch_reset();
	fake_log_clear();
	fake_console_reset();
	options.isolation = ISOLATION_AUTO;
	fail_at = steps = 0;
	memset(&map, 0, sizeof(map));
	capsule = NULL;
	harts = (struct hart_set){{3}};
	place_init(FAKE_HARTS);
	strcpy(why.text, "(no reason given)");
	assert_int_equal(ram_add(&map, (struct hpa_range){{(uintptr_t)host}, HOST_SIZE}, &reason),
			 OK);
	assert_int_equal(ram_claim(&map, (struct hpa_range){{(uintptr_t)host}, MIB(1)},
				   RAM_OWNER_HYPERVISOR, "the hypervisor", &reason),
			 OK);
	assert_int_equal(ram_claim(&map, (struct hpa_range){{(uintptr_t)host + MIB(14)}, MIB(1)},
				   RAM_OWNER_MANIFEST, "the manifest", &reason),
			 OK);
	baseline = map;
	assert_int_equal(manifest_open(&manifest, fit, fit_size, &reason), OK);
	if (manifest_capsule(&manifest, 0, &wish, &reason) != OK)
		fail_msg("%s", reason.text);
}

static int set_up(void **state)
{
	(void)state;
	fresh();
	return 0;
}

static int set_up_all(void **state)
{
	(void)state;
	host = aligned_alloc(HOST_SIZE, HOST_SIZE);
	make_manifest();
	return !host;
}

static int tear_down_all(void **state)
{
	(void)state;
	free(host);
	free(fit);
	return 0;
}

static bool create(void)
{
	capsule = capsule_create(1, &wish, TIMEBASE, &map, fake_arch.harts, &harts, &why);
	return capsule;
}

static void create_well(void)
{
	if (!create())
		fail_msg("refused: %s", why.text);
}

/* What a capsule takes besides its RAM: its own structure, its vCPU, and its device tree. */
static uint64_t own_size(void)
{
	return align_up(sizeof(struct capsule), PAGE_SIZE) +
	       align_up(sizeof(struct fake_vcpu), PAGE_SIZE) +
	       align_up(capsule->tree.size, PAGE_SIZE);
}

/* All that a capsule takes comes back; how much that was. */
static uint64_t give_back(void)
{
	return ram_free_owner(&map, RAM_OWNER_CAPSULE + 1) +
	       ram_free_owner(&map, RAM_OWNER_GUEST + 1) +
	       ram_free_owner(&map, RAM_OWNER_STAGED + 1);
}

/* Steps of a bounded size, until it runs. */
static void load(void)
{
	uint64_t last = 0, steps_max = (capsule->ram_size + MIB(1) - 1) / MIB(1);

	assert_int_equal(capsule->state, CAPSULE_LOADING);
	for (uint64_t done = 0; !capsule_load_step(capsule); done++) {
		assert_true(done < steps_max);
		assert_int_equal(capsule->state, CAPSULE_LOADING);
		assert_true(capsule->loaded > last && capsule->loaded - last <= MIB(1));
		last = capsule->loaded;
	}
	assert_true(last == capsule->ram_size);
	assert_true(capsule->loaded == 0);
	assert_int_equal(capsule->state, CAPSULE_RUNNING);
	assert_int_equal(fake_arch_count(FAKE_ENTER), 0);
}

static void check_baseline(void)
{
	assert_int_equal(map.count, baseline.count);
	for (unsigned i = 0; i < map.count; i++) {
		assert_true(map.first[i].base.raw == baseline.first[i].base.raw);
		assert_true(map.first[i].size == baseline.first[i].size);
		assert_int_equal(map.first[i].owner, baseline.first[i].owner);
	}
}

static void assert_says(const char *text)
{
	if (!strstr(why.text, text))
		fail_msg("\"%s\" is not in \"%s\"", text, why.text);
}

/* Refused, with these words, and nothing is left of it: a good one fits afterwards. */
static void refuse_it(const char *words)
{
	assert_false(create());
	assert_says(words);
	check_baseline();
}

/* --- what a good one is ---------------------------------------------------------------- */

static uint8_t *guest_memory(gpa_t at)
{
	hpa_t out = {0};

	assert_true(space_lookup(&capsule->space, at, 1, ALLOW_READ, &out));
	return (uint8_t *)(uintptr_t)out.raw;
}

static uint64_t tree_wide(const void *tree, const char *path, const char *name, int index)
{
	int length, node = fdt_path_offset(tree, path);
	const fdt64_t *value = node < 0 ? NULL : fdt_getprop(tree, node, name, &length);

	if (!value || length < 8 * (index + 1))
		fail_msg("%s %s is missing", path, name);
	return fdt64_ld(value + index);
}

static void check_tree(const void *tree)
{
	char path[64];
	int length;
	const char *bootargs;

	assert_int_equal(fdt_check_full(tree, GUEST_TREE_SIZE), 0);
	snprintf(path, sizeof(path), "/memory@%lx", (unsigned long)capsule->ram.raw);
	assert_true(tree_wide(tree, path, "reg", 0) == capsule->ram.raw);
	assert_true(tree_wide(tree, path, "reg", 1) == capsule->ram_size);
	bootargs = fdt_getprop(tree, fdt_path_offset(tree, "/chosen"), "bootargs", &length);
	assert_non_null(bootargs);
	assert_string_equal(bootargs, wish.bootargs);
	assert_true(fdt_path_offset(tree, "/soc/serial@10000000") >= 0);
	assert_true(fdt_path_offset(tree, "/cpus/cpu@0") >= 0);
	assert_true(fdt_path_offset(tree, "/cpus/cpu@1") < 0);
}

static bool inside(const uint8_t *at, const uint8_t *from, size_t size)
{
	return at >= from && (size_t)(at - from) < size;
}

/* RAM holds kernel, ramdisk and tree, and zeroes; around it is what was there before. */
static void check_memory(uint8_t *ram, uint8_t *at_kernel, uint8_t *at_ramdisk, uint8_t *tree)
{
	const uint8_t *page = (uint8_t *)fake_vcpu_of(capsule->vcpus[0]);
	const uint8_t *own = (const uint8_t *)capsule;

	assert_false(inside(page, ram, capsule->ram_size));
	assert_false(inside(own, ram, capsule->ram_size));
	assert_true(inside(own, host, HOST_SIZE));
	assert_memory_equal(at_kernel, kernel, KERNEL_SIZE);
	if (at_ramdisk)
		assert_memory_equal(at_ramdisk, ramdisk, RAMDISK_SIZE);
	for (uint8_t *at = host; at < host + HOST_SIZE; at++) {
		bool ours = inside(at, ram, capsule->ram_size);

		if (inside(at, at_kernel, KERNEL_SIZE) || inside(at, tree, fdt_totalsize(tree)) ||
		    (at_ramdisk && inside(at, at_ramdisk, RAMDISK_SIZE)) ||
		    inside(at, page, align_up(sizeof(struct fake_vcpu), PAGE_SIZE)) ||
		    inside(at, own, align_up(sizeof(*capsule), PAGE_SIZE)) ||
		    inside(at, capsule->tree.bytes, align_up(capsule->tree.size, PAGE_SIZE)))
			continue;
		if (*at != (ours ? 0 : OLD))
			fail_msg("%s RAM, byte 0x%lx is 0x%x", ours ? "in" : "outside of",
				 (unsigned long)(at - host), *at);
	}
}

static void check_virtual_devices(void)
{
	assert_ptr_equal(vdev_find(&capsule->bus, (gpa_t){VDEV_UART}, 1), &capsule->uart.dev);
	assert_ptr_equal(vdev_find(&capsule->bus, (gpa_t){VDEV_PLIC}, 4), &capsule->plic.dev);
	assert_null(vdev_find(&capsule->bus, capsule->ram, 4));
	assert_ptr_equal(capsule->uart.port, &capsule->console);
	assert_non_null(capsule->console.changed);

	/* What is typed reaches the vCPU as an interrupt, once the guest has enabled it. */
	const struct vdev_ops *plic = capsule->plic.dev.ops, *uart = capsule->uart.dev.ops;

	uart->write(&capsule->uart.dev, 1, 1, 1);
	plic->write(&capsule->plic.dev, 4 * VDEV_UART_IRQ, 4, 1);
	plic->write(&capsule->plic.dev, 0x2000, 4, 1 << VDEV_UART_IRQ);
	plic->write(&capsule->plic.dev, 0x200000, 4, 0);
	fake_console_type(&capsule->console, "x");
	capsule->console.changed(&capsule->console);
	assert_true(fake_vcpu_of(capsule->vcpus[0])->external);
	assert_int_equal(atomic_load(&capsule->devices_lock.held), 0);
	assert_int_equal(plic->read(&capsule->plic.dev, 0x200004, 4), VDEV_UART_IRQ);
	assert_int_equal(uart->read(&capsule->uart.dev, 0, 1), 'x');
	plic->write(&capsule->plic.dev, 0x200004, 4, VDEV_UART_IRQ);
	assert_false(fake_vcpu_of(capsule->vcpus[0])->external);
}

static void check_created(uint8_t *ram)
{
	const struct fake_vcpu *vcpu = fake_vcpu_of(capsule->vcpus[0]);
	uint8_t *tree, *at_ramdisk = NULL;

	assert_int_equal(capsule->state, CAPSULE_RUNNING);
	assert_int_equal(capsule->number, 1);
	assert_string_equal(capsule->name, "web");
	assert_true(capsule->ram_size == wish.memory_size);
	assert_ptr_equal(guest_memory(capsule->ram), ram);
	assert_int_equal(capsule->space.region_count, 1);
	assert_int_equal(capsule->space.regions[0].allow, ALLOW_ALL);
	assert_int_equal(ram_owner_of(&map, (hpa_t){(uintptr_t)ram}), RAM_OWNER_GUEST + 1);
	assert_true(ram_total(&map, RAM_OWNER_GUEST + 1) == wish.memory_size);
	assert_true(ram_total(&map, RAM_OWNER_CAPSULE + 1) == own_size());
	assert_memory_equal(&capsule->harts, &harts, sizeof(harts));
	assert_int_equal(capsule->restart, wish.restart);
	assert_true(capsule->started_at == fake_arch.time);
	assert_ptr_equal(capsule->vcpus[0]->console, &capsule->console);
	assert_int_equal(capsule->console.number, 1);
	assert_string_equal(capsule->console.name, "web");
	assert_ptr_equal(capsule->console.output, capsule->output);

	/* The state that the SBI starts a hart in. */
	assert_int_equal(capsule->vcpu_count, 1);
	assert_int_equal(vcpu->vcpu.state, VCPU_STARTED);
	assert_false(vcpu->vcpu.wait || vcpu->vcpu.resume);
	assert_false(vcpu->ipi || vcpu->external || vcpu->masked);
	assert_true(vcpu->timer == UINT64_MAX);
	assert_ptr_equal(vcpu->vcpu.capsule, capsule);
	/* Where least is to do: of equals the last. */
	assert_ptr_equal(vcpu->vcpu.hart, &fake_arch.harts[1]);
	assert_int_equal(capsule->console.cpu, 1);
	assert_true(vcpu->a0 == 0);
	assert_true(vcpu->pc == capsule->ram.raw + MIB(2 * 64 / XLEN));

	tree = guest_memory((gpa_t){vcpu->a1});
	check_tree(tree);
	if (wish.ramdisk.size) {
		uint64_t start = tree_wide(tree, "/chosen", "linux,initrd-start", 0);

		assert_true(tree_wide(tree, "/chosen", "linux,initrd-end", 0) - start ==
			    RAMDISK_SIZE);
		at_ramdisk = guest_memory((gpa_t){start});
	}
	check_memory(ram, guest_memory((gpa_t){vcpu->pc}), at_ramdisk, tree);
	check_virtual_devices();
	assert_true(fake_log_contains("Capsule 1: web: 8 MiB at 0x"));
}

static void poison(void)
{
	memset(host, OLD, HOST_SIZE);
}

static void test_created(void **state)
{
	(void)state;
	poison();
	fake_arch.time = 12345;
	create_well();
	load();
	check_created(host + MIB(2));
	assert_int_equal(capsule->starts, 1);
	assert_int_equal(fake_console()->begins, 1);
	assert_false(fake_log_contains("started again"));
	/* All of it comes back. */
	give_back();
	check_baseline();
}

static void test_without_ramdisk(void **state)
{
	(void)state;
	poison();
	memset(&wish.ramdisk, 0, sizeof(wish.ramdisk));
	create_well();
	load();
	check_created(host + MIB(2));
	const void *tree = guest_memory((gpa_t){fake_vcpu_of(capsule->vcpus[0])->a1});

	assert_null(
		fdt_getprop(tree, fdt_path_offset(tree, "/chosen"), "linux,initrd-start", NULL));
}

/* Where it asked to be; and where the guest sees its RAM elsewhere than it is. */
static void test_places(void **state)
{
	(void)state;
	poison();
	wish.memory_base_given = true;
	wish.memory_base.raw = (uintptr_t)host + MIB(18);
	create_well();
	load();
	check_created(host + MIB(18));

	fresh();
	poison();
	fake_arch.guest_offset = 0x80000000 - ((uintptr_t)host + MIB(2));
	create_well();
	assert_true(capsule->ram.raw == 0x80000000);
	load();
	check_created(host + MIB(2));
}

/* A capsule that used the RAM before leaves nothing in it. */
static void test_after_another(void **state)
{
	(void)state;
	poison();
	create_well();
	load();
	memset(host + MIB(2), 0xee, MIB(8));
	give_back();
	fake_arch_reset();
	place_init(FAKE_HARTS);
	fake_log_clear();
	create_well();
	load();
	/* The pages besides were taken from used RAM as well. */
	check_created(host + MIB(2));
}

/* All that a guest can leave behind: RAM, devices, its vCPU, bytes that were typed for it. */
static void leave_traces(void)
{
	struct fake_vcpu *vcpu = fake_vcpu_of(capsule->vcpus[0]);

	memset(host + MIB(2), 0xee, capsule->ram_size);
	for (unsigned i = 0; i < 8; i++)
		capsule->uart.dev.ops->write(&capsule->uart.dev, i, 1, 0x1b);
	for (unsigned source = 1; source < VPLIC_SOURCES; source++)
		capsule->plic.dev.ops->write(&capsule->plic.dev, 4 * source, 4, 7);
	capsule->plic.dev.ops->write(&capsule->plic.dev, 0x2000, 4, ~0u);
	capsule->plic.dev.ops->write(&capsule->plic.dev, 0x200000, 4, 3);
	fake_console_type(&capsule->console, "of the last life");
	capsule->console.changed(&capsule->console);
	vcpu->pc = vcpu->a0 = vcpu->a1 = 0xbad;
	vcpu->timer = 1;
	vcpu->ipi = vcpu->external = vcpu->masked = true;
	vcpu->vcpu.wait = vcpu->vcpu.resume = true;
	vcpu->vcpu.state = VCPU_SUSPENDED;
}

/* Its second life begins like its first: nothing of what the guest wrote is left. */
static void test_again(void **state)
{
	struct vplic plic;
	struct vuart uart;

	(void)state;
	poison();
	create_well();
	load();
	plic = capsule->plic;
	uart = capsule->uart;
	for (unsigned life = 2; life < 5; life++) {
		leave_traces();
		capsule->state = CAPSULE_LOADING;
		fake_arch.time += 1000;
		load();
		assert_memory_equal(&capsule->plic, &plic, sizeof(plic));
		assert_memory_equal(&capsule->uart, &uart, sizeof(uart));
		assert_false(console_readable(&capsule->console));
		check_created(host + MIB(2));
		assert_int_equal(capsule->starts, life);
		assert_int_equal(fake_console()->begins, life);
		assert_true(fake_log_contains("Capsule 1: web: started again"));
	}
}

/* --- what RAM contains, against a model ------------------------------------------------ */

static uint8_t *model, *source;

/* Segments of any size at any place, in the order in which they are copied. */
static void random_plan(uint64_t source_size)
{
	struct image_plan *plan = &capsule->image.plan;

	plan->segment_count = unit_random_below(IMAGE_SEGMENTS_MAX + 1);
	for (unsigned i = 0; i < plan->segment_count; i++) {
		uint64_t max = unit_random_below(2) ? source_size : 10000;
		uint64_t size = unit_random_below(max), at;

		at = unit_random_below(capsule->ram_size - size + 1);
		if (unit_random_below(2))
			at = align_down(at, MIB(1));
		plan->segments[i] = (struct image_segment){
			.at = {capsule->ram.raw + at},
			.offset = unit_random_below(source_size - size + 1),
			.file_size = size,
			.size = size,
		};
	}
	capsule->image.kernel = source;
	capsule->image.ramdisk = source;
	capsule->image.ramdisk_size = unit_random_below(2) ? unit_random_below(source_size) : 0;
	capsule->image.extras.initrd.raw =
		capsule->ram.raw +
		unit_random_below(capsule->ram_size - capsule->image.ramdisk_size + 1);
}

/* The same all at once: zeroes, then kernel, ramdisk and tree. */
static void fill_model(void)
{
	const struct capsule_image *image = &capsule->image;

	memset(model, 0, capsule->ram_size);
	for (unsigned i = 0; i < image->plan.segment_count; i++) {
		const struct image_segment *segment = &image->plan.segments[i];

		memcpy(model + (segment->at.raw - capsule->ram.raw), source + segment->offset,
		       segment->file_size);
	}
	memcpy(model + (image->extras.initrd.raw - capsule->ram.raw), source, image->ramdisk_size);
}

static void test_steps(void **state)
{
	enum { SOURCE_SIZE = 3500000, AT_LEAST_MIB = XLEN == 64 ? 4 : 5 };
	/* RAM for it is found behind the hypervisor, and ends before the manifest at 14 MiB. */
	uint8_t *ram = host + MIB(2);

	(void)state;
	source = malloc(SOURCE_SIZE);
	model = malloc(MIB(12));
	for (unsigned i = 0; i < SOURCE_SIZE; i++)
		source[i] = 1 + (i * 2654435761u >> 13) % 255;
	for (unsigned round = 0; round < 150; round++) {
		uint64_t tree;

		fresh();
		wish.memory_size = MIB(AT_LEAST_MIB) +
				   unit_random_below((XLEN == 64 ? 8 : 5) * 256) * PAGE_SIZE;
		memset(host + MIB(1), OLD, MIB(13));
		create_well();
		random_plan(SOURCE_SIZE);
		assert_ptr_equal(guest_memory(capsule->ram), ram);
		load();
		fill_model();
		tree = capsule->image.extras.tree.raw - capsule->ram.raw;
		/* The tree is checked as one; behind it there are zeroes. */
		check_tree(ram + tree);
		memcpy(model + tree, ram + tree, fdt_totalsize(ram + tree));
		memset(model + tree + fdt_totalsize(model + tree), 0,
		       GUEST_TREE_SIZE - fdt_totalsize(model + tree));
		if (memcmp(model, ram, capsule->ram_size) != 0)
			fail_msg("round %u: RAM isn't what the model says", round);
		for (unsigned i = 0; i < 4096; i++)
			assert_int_equal(ram[capsule->ram_size + i], OLD);
	}
	free(source);
	free(model);
}

/* --- refusals ------------------------------------------------------------------------- */

/* Both numbers: what was asked for, and the most that there is. */
static void test_too_much(void **state)
{
	(void)state;
	wish.memory_size = MIB(18);
	refuse_it("no 18432 KiB of free RAM");
	assert_says("16384 KiB");
	wish.memory_size = GIB(100);
	refuse_it("104857600 KiB");
	/* All of a piece fits, and then there is none left for the vCPU but elsewhere. */
	wish.memory_size = MIB(16);
	create_well();
	assert_true(capsule->ram_size == MIB(16));
}

/* The first is about to start, the others wait for it to start them; all over its harts. */
static void test_vcpus(void **state)
{
	static const uint32_t counts[] = {2, 3, CAPSULE_VCPUS_MAX};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LENGTH(counts); i++) {
		unsigned on[FAKE_HARTS] = {0};

		fresh();
		wish.vcpus = counts[i];
		wish.weight = 300;
		wish.cap_percent = 150;
		sched_init(TIMEBASE, FAKE_HARTS);
		create_well();
		load();
		assert_int_equal(capsule->vcpu_count, counts[i]);
		assert_int_equal(capsule->started, 1);
		for (unsigned id = 0; id < counts[i]; id++) {
			const struct vcpu *vcpu = capsule->vcpus[id];

			assert_int_equal(vcpu->id, id);
			assert_int_equal(vcpu->state, id ? VCPU_STOPPED : VCPU_STARTED);
			assert_int_equal(vcpu->place, VCPU_AWAY);
			assert_int_equal(vcpu->weight, 300);
			assert_int_equal(vcpu->inverse_weight, SHARE_SCALE / 300);
			assert_true(hart_set_has(&harts, vcpu->hart->index));
			on[vcpu->hart->index]++;
		}
		assert_in_range(on[0], counts[i] / 2, (counts[i] + 1) / 2);
		assert_int_equal(capsule->cap.rate, 98304); /* 1.5 in 2^16 */
		give_back();
		check_baseline();
	}
}

static void ask_base(uint64_t base, const char *words)
{
	fresh();
	wish.memory_base_given = true;
	wish.memory_base.raw = base;
	refuse_it(words);
}

/* Two ranges that overlap are both named, with their owners. */
static void test_base(void **state)
{
	uint64_t base = (uintptr_t)host;
	char text[64];

	(void)state;
	ask_base(base, "hypervisor");
	snprintf(text, sizeof(text), "0x%lx-0x%lx", (long)base, (long)(base + MIB(1) - 1));
	assert_says(text);
	snprintf(text, sizeof(text), "0x%lx-0x%lx", (long)base, (long)(base + MIB(8) - 1));
	assert_says(text);
	ask_base(base + MIB(8), "manifest");
	ask_base(base + MIB(14), "manifest");
	ask_base(base + MIB(26), "is not, or not all, RAM");
	ask_base(base + HOST_SIZE, "is not, or not all, RAM");
	ask_base(0, "is not, or not all, RAM");
	ask_base(0 - MIB(8), "wraps");
	ask_base(0 - MIB(2), "wraps");
	ask_base(base + MIB(16) + PAGE_SIZE, "isn't a multiple of 0x200000");
	ask_base(base + MIB(17), "isn't a multiple of 0x200000");
	ask_base(base + MIB(16) + 1, "isn't a multiple of 0x200000");
}

/* RAM that covers a virtual device, in the guest's eyes, at each of its ends. */
static void test_devices_overlap(void **state)
{
	static const struct {
		uint64_t ram;
		const char *words; /* NULL: a neighbour, no overlap */
	} cases[] = {
		{VDEV_UART - MIB(8), NULL},
		{VDEV_UART - MIB(6), "overlaps its virtual uart at 0x10000000"},
		{VDEV_UART, "overlaps its virtual uart at 0x10000000"},
		{VDEV_UART + MIB(2), NULL},
		{VDEV_PLIC - MIB(8), NULL},
		{VDEV_PLIC - MIB(6), "overlaps its virtual plic at 0xc000000"},
		{VDEV_PLIC + VPLIC_SIZE - MIB(2), "overlaps its virtual plic at 0xc000000"},
		{VDEV_PLIC + VPLIC_SIZE, NULL},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LENGTH(cases); i++) {
		fresh();
		fake_arch.guest_offset = cases[i].ram - ((uintptr_t)host + MIB(2));
		if (cases[i].words) {
			refuse_it(cases[i].words);
			continue;
		}
		create_well();
	}
}

static void test_harts(void **state)
{
	(void)state;
	fake_arch.harts[0].unfit = "it has no S-mode";
	refuse_it("CPU 0 can't run it: it has no S-mode");
	fake_arch.harts[0].unfit = NULL;
	wish.isolation = ISOLATION_HEXT;
	refuse_it("isolation");
	assert_int_equal(fake_arch.wanted, ISOLATION_HEXT);
	/* What the manifest leaves open is the command line's. */
	wish.isolation = ISOLATION_AUTO;
	options.isolation = ISOLATION_HEXT;
	refuse_it("isolation");
	wish.isolation = ISOLATION_PMP;
	create_well();
	assert_int_equal(fake_arch.wanted, ISOLATION_PMP);
	fresh();
	create_well();
	assert_int_equal(fake_arch.wanted, ISOLATION_AUTO);
}

/* Images that are refused, or don't fit into the RAM that was asked for. */
static void test_images(void **state)
{
	(void)state;
	wish.kernel.size = 3;
	refuse_it("kernel linux: ");
	fresh();
	wish.kernel.data = (const uint8_t *)"\x1f\x8b\x08\0\0\0\0\0\0\0";
	wish.kernel.size = 10;
	refuse_it("gzip");
	fresh();
	wish.memory_size = MIB(2);
	refuse_it("kernel linux: ");
	fresh();
	wish.ramdisk.size = MIB(6);
	refuse_it("memory-mib");
	fresh();
	wish.ramdisk.size = UINT64_MAX;
	refuse_it("memory-mib");
}

/* A command line that the tree has no room for. */
static void test_tree_too_large(void **state)
{
	char *bootargs = malloc(GUEST_TREE_SIZE + 1);

	(void)state;
	memset(bootargs, 'x', GUEST_TREE_SIZE);
	bootargs[GUEST_TREE_SIZE] = '\0';
	wish.bootargs = bootargs;
	refuse_it("device tree");
	free(bootargs);
}

static void test_long_name(void **state)
{
	(void)state;
	wish.name = "a-name-that-is-longer-than-the-room-for-it-is";
	create_well();
	assert_int_equal(strlen(capsule->name), MANIFEST_NAME_MAX - 1);
}

/* --- RAM in several pieces ------------------------------------------------------------ */

/* A byte of the guest's RAM as it should be when it starts. */
static uint8_t first_byte(uint64_t at, uint64_t initrd)
{
	uint64_t start = MIB(2 * 64 / XLEN);

	if (at >= start && at - start < KERNEL_SIZE)
		return kernel[at - start];
	if (at >= initrd && at - initrd < wish.ramdisk.size)
		return wish.ramdisk.data[at - initrd];
	return 0;
}

/* Every byte of it by the regions, but those of the tree; and what isn't its own is as before. */
static void check_pieces(void)
{
	uint64_t tree = capsule->image.extras.tree.raw - capsule->ram.raw;
	uint64_t initrd = capsule->image.extras.initrd.raw - capsule->ram.raw;
	uint8_t *seen = calloc(HOST_SIZE / PAGE_SIZE, 1);

	for (uint64_t at = 0; at < capsule->ram_size; at += PAGE_SIZE) {
		uint8_t *page = guest_memory((gpa_t){capsule->ram.raw + at});

		assert_true(inside(page, host, HOST_SIZE));
		assert_int_equal(ram_owner_of(&map, (hpa_t){(uintptr_t)page}),
				 RAM_OWNER_STAGED + 1);
		assert_int_equal(seen[(page - host) / PAGE_SIZE]++, 0);
		for (unsigned i = 0; i < PAGE_SIZE && at < tree; i++)
			if (page[i] != first_byte(at + i, initrd))
				fail_msg("byte 0x%lx is 0x%x", (unsigned long)(at + i), page[i]);
	}
	for (uint64_t at = 0; at < HOST_SIZE; at += PAGE_SIZE)
		if (ram_owner_of(&map, (hpa_t){(uintptr_t)host + at}) != RAM_OWNER_CAPSULE + 1 &&
		    !seen[at / PAGE_SIZE])
			assert_int_equal(host[at], OLD);
	free(seen);
	check_tree(guest_memory(capsule->image.extras.tree));
}

/* The largest first; a ramdisk lies in two of them, and the tree in one. */
static void test_pieces(void **state)
{
	static uint8_t large[MIB(3) / 2];

	(void)state;
	for (unsigned mib = 17; mib <= 28; mib++) {
		fresh();
		poison();
		for (unsigned i = 0; i < sizeof(large); i++)
			large[i] = 1 + i % 253;
		wish.ramdisk.data = large;
		wish.ramdisk.size = sizeof(large);
		wish.memory_size = MIB(mib);
		fake_arch.hext = 3;
		create_well();
		assert_int_equal(capsule->ram.raw, FAKE_STAGE_RAM);
		assert_int_equal(capsule->space.region_count, 2);
		assert_ptr_equal((uint8_t *)(uintptr_t)capsule->space.regions[0].to.raw,
				 host + MIB(16));
		assert_true(capsule->space.end.raw == FAKE_STAGE_RAM + MIB(mib));
		load();
		check_pieces();
		assert_true(fake_log_contains("and 1 places more"));
		assert_int_equal(give_back(), MIB(mib) + own_size());
		check_baseline();
	}
	/* What fits in one piece is in one, at the end; also with hext. */
	fresh();
	fake_arch.hext = 3;
	create_well();
	assert_int_equal(capsule->space.region_count, 1);
	assert_ptr_equal((uint8_t *)(uintptr_t)capsule->space.regions[0].to.raw, host + MIB(24));
}

/* A kind of page that is larger than the others is what counts first, while there are any. */
static void test_large_pieces(void **state)
{
	(void)state;
	fake_arch.hext = 3;
	fake_arch.large = MIB(8);
	wish.memory_size = MIB(20);
	create_well();
	/* 8 MiB units, at multiples of 8 MiB: 16-32, then what is left at 10-14. */
	assert_int_equal(capsule->space.region_count, 2);
	assert_ptr_equal((uint8_t *)(uintptr_t)capsule->space.regions[0].to.raw, host + MIB(16));
	assert_ptr_equal((uint8_t *)(uintptr_t)capsule->space.regions[1].to.raw, host + MIB(10));
	/* Guest and host addresses agree in what is below such a unit, wherever the guest begins.
	 */
	fresh();
	fake_arch.hext = 3;
	fake_arch.large = MIB(8);
	wish.memory_size = MIB(10);
	wish.memory_base_given = true;
	wish.memory_base.raw = 0x40000000 + MIB(2);
	create_well();
	assert_ptr_equal((uint8_t *)(uintptr_t)capsule->space.regions[0].to.raw, host + MIB(18));
	assert_int_equal(capsule->space.regions[0].from.raw, 0x40000000 + MIB(2));
	/* Not in whole ones, then in smaller ones. */
	fresh();
	fake_arch.hext = 3;
	fake_arch.large = MIB(8);
	wish.memory_size = MIB(15);
	wish.memory_base_given = true;
	wish.memory_base.raw = 0x40000000 + MIB(4);
	create_well();
	assert_int_equal(capsule->space.region_count, 1);
	assert_ptr_equal((uint8_t *)(uintptr_t)capsule->space.regions[0].to.raw, host + MIB(16));
}

/* With the numbers: too little in all, or in too many pieces; PMP needs one. */
static void test_no_pieces(void **state)
{
	struct reason reason;

	(void)state;
	wish.memory_size = MIB(17);
	refuse_it("memory-mib is 17, but there is no 17408 KiB of free RAM aligned to 2048 KiB in "
		  "one piece; the largest piece so aligned has 16384 KiB");
	fake_arch.hext = 3;
	wish.memory_size = MIB(29);
	refuse_it(
		"memory-mib is 29, but all free RAM, in pieces aligned to 2048 KiB, has 28672 KiB");
	fake_arch.alignment = MIB(1) / 4;
	for (unsigned i = 4; i < 56; i++)
		assert_int_equal(ram_claim(&map,
					   (struct hpa_range){
						   {(uintptr_t)host + i * MIB(1) / 2 + MIB(1) / 4},
						   PAGE_SIZE},
					   RAM_OWNER_RESERVED, "it", &reason),
				 i == 28 || i == 29 ? ERR_OVERLAP : OK);
	baseline = map;
	wish.memory_size = MIB(13);
	refuse_it("memory-mib is 13, but the 16 largest pieces of free RAM, aligned to 256 KiB, "
		  "have ");
}

/* --- failures at every step ------------------------------------------------------------ */

/* The k-th of all the steps that can fail does, for every k, at a free place and a given one. */
static void test_fail_at(void **state)
{
	(void)state;
	for (unsigned given = 0; given < 2; given++) {
		int failed = 0;

		for (int k = 1;; k++) {
			fresh();
			fake_arch.fails = step_fails;
			wish.memory_base_given = given;
			wish.memory_base.raw = (uintptr_t)host + MIB(20);
			fail_at = k;
			if (create())
				break;
			failed++;
			assert_string_not_equal(why.text, "(no reason given)");
			check_baseline();
			/* The same again, without the failure. */
			fail_at = 0;
			create_well();
			assert_int_equal(give_back(), wish.memory_size + own_size());
			check_baseline();
		}
		/* Its structure, isolation, its RAM, the fence, its vCPU, its device tree. */
		assert_int_equal(failed, 6);
	}
}

/* The same of RAM in pieces, where not every step that fails is the end. */
static void test_fail_at_pieces(void **state)
{
	unsigned failed = 0;

	(void)state;
	for (int k = 1; k < 20; k++) {
		fresh();
		fake_arch.fails = step_fails;
		fake_arch.hext = 3;
		wish.memory_size = MIB(20);
		fail_at = k;
		if (!create()) {
			failed++;
			check_baseline();
			fail_at = 0;
			create_well();
		}
		assert_int_equal(give_back(), MIB(20) + own_size());
		check_baseline();
	}
	/* Its structure, isolation, the fence of each piece, its vCPU. */
	assert_true(failed >= 5);
}

/* No room for what it takes in the table of extents, or in RAM: it is made, or nothing is. */
static void test_short_of(void **state)
{
	struct reason reason;
	unsigned made = 0, refused = 0;

	(void)state;
	for (unsigned room = 0; room < 8; room++) {
		fresh();
		for (uint64_t at = MIB(1); map.count + room < RAM_EXTENTS_FIRST; at += PAGE_SIZE)
			if (ram_owner_of(&map, (hpa_t){(uintptr_t)host + at}) == RAM_OWNER_NOBODY)
				assert_int_equal(
					ram_claim(&map,
						  (struct hpa_range){{(uintptr_t)host + at}, 1},
						  RAM_OWNER_RESERVED, "it", &reason),
					OK);
		baseline = map;
		if (create()) {
			made++;
			continue;
		}
		refused++;
		check_baseline();
	}
	assert_true(made && refused);
	/* RAM for the guest, and 0 or a few pages besides. */
	for (unsigned pages = 0; pages < 5; pages++) {
		uint64_t free_end = (uintptr_t)host + MIB(26) + pages * PAGE_SIZE;
		uint64_t start =
			(uintptr_t)host + MIB(16) - align_up(sizeof(struct capsule), PAGE_SIZE);

		fresh();
		wish.memory_size = MIB(10);
		memset(&map, 0, sizeof(map));
		assert_int_equal(
			ram_add(&map, (struct hpa_range){{start}, free_end - start}, &reason), OK);
		baseline = map;
		if (pages * PAGE_SIZE < align_up(sizeof(struct fake_vcpu), PAGE_SIZE))
			refuse_it("no memory is left for vCPU 0 of its 1");
		else if (pages * PAGE_SIZE == align_up(sizeof(struct fake_vcpu), PAGE_SIZE))
			refuse_it("no 4 KiB of free RAM aligned to 4 KiB in one piece; the "
				  "largest piece so aligned has 0 KiB");
		else
			create_well();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_created, set_up),
		cmocka_unit_test_setup(test_without_ramdisk, set_up),
		cmocka_unit_test_setup(test_places, set_up),
		cmocka_unit_test_setup(test_after_another, set_up),
		cmocka_unit_test_setup(test_again, set_up),
		cmocka_unit_test_setup(test_steps, set_up),
		cmocka_unit_test_setup(test_too_much, set_up),
		cmocka_unit_test_setup(test_vcpus, set_up),
		cmocka_unit_test_setup(test_base, set_up),
		cmocka_unit_test_setup(test_devices_overlap, set_up),
		cmocka_unit_test_setup(test_harts, set_up),
		cmocka_unit_test_setup(test_images, set_up),
		cmocka_unit_test_setup(test_tree_too_large, set_up),
		cmocka_unit_test_setup(test_long_name, set_up),
		cmocka_unit_test_setup(test_pieces, set_up),
		cmocka_unit_test_setup(test_large_pieces, set_up),
		cmocka_unit_test_setup(test_no_pieces, set_up),
		cmocka_unit_test_setup(test_fail_at, set_up),
		cmocka_unit_test_setup(test_fail_at_pieces, set_up),
		cmocka_unit_test_setup(test_short_of, set_up),
	};

	return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
