/* SPDX-License-Identifier: MIT */
/*
 * Checks a manifest before it is booted, with the hypervisor's own code for
 * reading manifests, planning images and writing device trees. What depends on
 * the machine (its free RAM, its harts, how it fences capsules) it can't know.
 *
 * Usage: manifest-check [--xlen 64|32] [--tree CAPSULE OUT.dtb] FILE.itb
 *
 *   --xlen    width of the machine that it is for; 64 unless told
 *   --tree    write the device tree that the capsule's guest would get, with
 *             a usual ISA and the addresses below
 *
 * One line for each capsule: `FILE.itb: capsule NAME: ...`, on the standard output
 * when it is good, on the standard error when it is refused. Exit status 0, or
 * 1 when something is refused, or 2 when it was not called properly.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libfdt.h"

#include "core/assert.h"
#include "core/guest_tree.h"
#include "core/image.h"
#include "core/machine.h"
#include "core/manifest.h"
#include "lib/print.h"
#include "vdev/map.h"
#include "vdev/vplic.h"
#include "vdev/vuart.h"

enum { EXIT_REFUSED = 1, EXIT_USAGE = 2 };

/* Where guest RAM is thought to be, unless the capsule says so: its place under hext. */
static const gpa_t nominal_ram = {0x80000000};

/* QEMU's timer; a guest learns the real machine's. */
enum { NOMINAL_TIMEBASE = 10000000 };

struct options {
	unsigned xlen;
	const char *tree_capsule;
	const char *tree_file;
	const char *file;
};

/* A capsule with what was found out about it. */
struct checked {
	struct manifest_capsule capsule;
	gpa_t ram;
	struct image_plan plan;
	struct image_extras extras;
};

/* What the hypervisor's sources call when they are broken. */
void panic(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	abort();
}

static _Noreturn void usage(void)
{
	fputs("usage: manifest-check [--xlen 64|32] [--tree CAPSULE OUT.dtb] FILE.itb\n", stderr);
	exit(EXIT_USAGE);
}

static void parse_options(int argc, char **argv, struct options *options)
{
	*options = (struct options){.xlen = 64};
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--xlen") && i + 1 < argc) {
			options->xlen = (unsigned)strtoul(argv[++i], NULL, 10);
		} else if (!strcmp(argv[i], "--tree") && i + 2 < argc) {
			options->tree_capsule = argv[++i];
			options->tree_file = argv[++i];
		} else if (argv[i][0] == '-' || options->file) {
			usage();
		} else {
			options->file = argv[i];
		}
	}
	if (!options->file || (options->xlen != 64 && options->xlen != 32))
		usage();
}

static _Noreturn void fail(const char *file, const char *what)
{
	fprintf(stderr, "%s: %s: %s\n", file, what, strerror(errno));
	exit(EXIT_USAGE);
}

/* The whole file in memory of exactly its size; malloc aligns as libfdt needs. */
static void *read_file(const char *name, size_t *size)
{
	FILE *file = fopen(name, "rb");
	long length;
	void *data;

	if (!file || fseek(file, 0, SEEK_END))
		fail(name, "can't be opened");
	length = ftell(file);
	rewind(file);
	data = malloc(length > 0 ? (size_t)length : 1);
	if (length < 0 || !data || fread(data, 1, (size_t)length, file) != (size_t)length)
		fail(name, "can't be read");
	fclose(file);
	*size = (size_t)length;
	return data;
}

static void write_file(const char *name, const void *data, size_t size)
{
	FILE *file = fopen(name, "wb");

	if (!file || fwrite(data, 1, size, file) != size || fclose(file))
		fail(name, "can't be written");
}

/* A usual machine's, as src/riscv/isa.c would write it. */
static void nominal_isa(unsigned xlen, struct guest_tree *tree)
{
	static const char extensions[] = "i\0m\0a\0f\0d\0c\0zicntr\0zicsr\0zifencei";
	static const uint8_t no_blocks[MACHINE_BLOCKS];

	tree->isa_base = xlen == 64 ? "rv64i" : "rv32i";
	tree->isa = xlen == 64 ? "rv64imafdc_zicntr_zicsr_zifencei"
			       : "rv32imafdc_zicntr_zicsr_zifencei";
	tree->extensions = extensions;
	tree->extensions_length = sizeof(extensions);
	tree->block_shifts = no_blocks;
	tree->mmu_type = xlen == 64 ? "riscv,sv39" : "riscv,sv32";
}

static enum status build_tree(const struct checked *checked, unsigned xlen, void *out,
			      size_t *length, struct reason *why)
{
	const struct manifest_capsule *capsule = &checked->capsule;
	struct guest_tree tree = {
		.name = capsule->name,
		.bootargs = capsule->bootargs,
		.ram = checked->ram,
		.ram_size = capsule->memory_size,
		.initrd = checked->extras.initrd,
		.initrd_size = capsule->ramdisk.size,
		.vcpus = capsule->vcpus,
		.timebase = NOMINAL_TIMEBASE,
		.plic = {VDEV_PLIC},
		.plic_size = VPLIC_SIZE,
		.plic_sources = VPLIC_SOURCES - 1,
		.uart = {VDEV_UART},
		.uart_size = VUART_SIZE,
		.uart_irq = VDEV_UART_IRQ,
		.uart_clock = VUART_CLOCK,
	};
	enum status status;

	nominal_isa(xlen, &tree);
	memset(out, 0, GUEST_TREE_SIZE);
	status = guest_tree_build(&tree, out, GUEST_TREE_SIZE, length, why);
	/* In guest RAM zeros follow, for what boot loaders add. */
	if (status == OK)
		*length = fdt_totalsize(out);
	return status;
}

/* Everything about one capsule; its tree goes to `tree`, of GUEST_TREE_SIZE bytes. */
static enum status check_capsule(const struct manifest *manifest, unsigned index, unsigned xlen,
				 struct checked *out, void *tree, size_t *tree_length,
				 struct reason *why)
{
	const struct manifest_capsule *capsule = &out->capsule;
	enum status status = manifest_capsule(manifest, index, &out->capsule, why);

	if (status)
		return status;
	out->ram = capsule->memory_base_given ? capsule->memory_base : nominal_ram;
	status = image_plan(capsule->kernel.data, capsule->kernel.size, out->ram,
			    capsule->memory_size, xlen, &out->plan, why);
	if (status) {
		struct reason inner = *why;

		return refuse(why, status, "kernel %s: %s", capsule->kernel.name, inner.text);
	}
	status = image_place(&out->plan, out->ram, capsule->memory_size, xlen,
			     capsule->ramdisk.size, GUEST_TREE_SIZE, &out->extras, why);
	if (status)
		return status;
	return build_tree(out, xlen, tree, tree_length, why);
}

/* Capsules that name host RAM and are fenced by PMP can't share it. */
static enum status check_overlap(const struct checked *all, unsigned index, struct reason *why)
{
	const struct manifest_capsule *this = &all[index].capsule;

	for (unsigned i = 0; i < index; i++) {
		const struct manifest_capsule *other = &all[i].capsule;

		if (this->isolation == ISOLATION_PMP && other->isolation == ISOLATION_PMP &&
		    this->memory_base_given && other->memory_base_given &&
		    range_overlaps(this->memory_base.raw, this->memory_size, other->memory_base.raw,
				   other->memory_size))
			return refuse(why, ERR_OVERLAP,
				      "memory-base 0x%" PRIx64 " and memory-mib %" PRIu64
				      " overlap capsule %s, which has %" PRIu64
				      " MiB at 0x%" PRIx64,
				      this->memory_base.raw, this->memory_size >> 20, other->name,
				      other->memory_size >> 20, other->memory_base.raw);
	}
	return OK;
}

static void print_summary(const char *file, const struct checked *checked)
{
	const struct manifest_capsule *capsule = &checked->capsule;

	printf("%s: capsule %s: kernel %s (%s, %" PRIu64 " KiB)", file, capsule->name,
	       capsule->kernel.name, image_kind_name(checked->plan.kind),
	       (capsule->kernel.size + 1023) >> 10);
	if (capsule->ramdisk.name)
		printf(", ramdisk %s (%" PRIu64 " KiB)", capsule->ramdisk.name,
		       (capsule->ramdisk.size + 1023) >> 10);
	printf(", %" PRIu64 " MiB", capsule->memory_size >> 20);
	if (capsule->memory_base_given)
		printf(" at 0x%" PRIx64, capsule->memory_base.raw);
	printf(", %" PRIu32 " vCPU%s\n", capsule->vcpus, capsule->vcpus == 1 ? "" : "s");
}

/* True when all is well with every capsule. */
static bool check_all(const struct manifest *manifest, const struct options *options)
{
	static struct checked all[MANIFEST_CAPSULES_MAX];
	static uint64_t tree[GUEST_TREE_SIZE / sizeof(uint64_t)];
	bool good = true, written = !options->tree_capsule;

	for (unsigned i = 0; i < manifest->capsule_count; i++) {
		const char *name = manifest_capsule_name(manifest, i);
		struct reason why;
		size_t length;

		if (check_capsule(manifest, i, options->xlen, &all[i], tree, &length, &why) ||
		    check_overlap(all, i, &why)) {
			fprintf(stderr, "%s: capsule %s: %s\n", options->file, name, why.text);
			memset(&all[i], 0, sizeof(all[i]));
			good = false;
			continue;
		}
		print_summary(options->file, &all[i]);
		if (options->tree_capsule && !strcmp(options->tree_capsule, name)) {
			write_file(options->tree_file, tree, length);
			written = true;
		}
	}
	if (!written)
		fprintf(stderr, "%s: no device tree for %s: it is no capsule that starts\n",
			options->file, options->tree_capsule);
	return good && written;
}

int main(int argc, char **argv)
{
	static struct manifest manifest;
	struct options options;
	struct reason why;
	size_t size;
	void *fit;
	bool good;

	parse_options(argc, argv, &options);
	fit = read_file(options.file, &size);
	if (manifest_open(&manifest, fit, size, &why)) {
		fprintf(stderr, "%s: %s\n", options.file, why.text);
		free(fit);
		return EXIT_REFUSED;
	}
	good = check_all(&manifest, &options);
	free(fit);
	return good ? EXIT_SUCCESS : EXIT_REFUSED;
}
