/* SPDX-License-Identifier: MIT */
#include "traps.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "count.h"
#include "options.h"
#include "qemu_plugin.h"

enum {
	CLASSES_BITS = 16,
	CLASSES_MAX = 1 << CLASSES_BITS,
	DUMP_SIZE = 16384,
	REGISTER_A6 = 16,
	REGISTER_A7 = 17,
	CAUSE_ECALL = 9, /* from S; VS's is 10 and is counted with it */
};

/* For what is done outside of any trap: before a hart's first guest. */
#define CAUSE_NO_TRAP (UINT64_MAX - 1)

/* One kind of trap. Times are in instructions, the vector's first and mret included. */
struct trap_class {
	uint64_t cause, extension, function;
	uint64_t count, total, least, worst;
	uint64_t longest;	  /* without a look at pending interrupts: traps_look() */
	uint64_t fences[COUNTED]; /* the most of one trap */
};

struct hart {
	unsigned depth; /* 2: the hypervisor's own fault, while it serves a guest's */
	uint64_t ecall_at;
	struct trap_class key;
	uint64_t start[COUNTED];
	bool looked;
	uint64_t look, longest; /* the last look; the longest time between two in this trap */
};

/* A hash table: an entry whose count is zero is free. */
static struct trap_class classes[CLASSES_MAX];
static unsigned register_bytes;
static uint64_t unsorted;
static struct hart harts[HARTS_MAX];
static bool begun, ended;
static uint64_t since_begin;
static struct byte_array *scratch;

void traps_init(unsigned xlen)
{
	register_bytes = xlen / 8;
	if (g_byte_array_new)
		scratch = g_byte_array_new();
	for (unsigned i = 0; i < HARTS_MAX; i++)
		harts[i].ecall_at = UINT64_MAX;
}

/* A general register. Exact at a block's start, which a trap's first instruction is. */
static uint64_t read_register(unsigned hart, int number)
{
	uint64_t value = 0;

	if (!scratch || !qemu_get_cpu || !riscv_cpu_gdb_read_register)
		return 0;
	g_byte_array_set_size(scratch, 0);
	riscv_cpu_gdb_read_register(qemu_get_cpu((int)hart), scratch, number);
	memcpy(&value, scratch->data, register_bytes);
	return value;
}

/* mcause, out of what the monitor's "info registers" prints. */
static uint64_t read_cause(unsigned hart)
{
	static char text[DUMP_SIZE];
	const char *at;
	FILE *file;

	if (!qemu_get_cpu || !cpu_dump_state)
		return UINT64_MAX;
	file = fmemopen(text, sizeof(text), "w");
	if (!file)
		return UINT64_MAX;
	cpu_dump_state(qemu_get_cpu((int)hart), file, 0);
	fclose(file);
	at = strstr(text, " mcause ");
	return at ? strtoull(at + strlen(" mcause "), NULL, 16) : UINT64_MAX;
}

void traps_begin(unsigned hart, void *with)
{
	(void)hart;
	(void)with;
	memset(classes, 0, sizeof(classes));
	begun = true;
}

void traps_end(unsigned hart, void *with)
{
	(void)hart;
	(void)with;
	ended = true;
}

void traps_ecall(unsigned hart, void *with)
{
	(void)with;
	harts[hart].ecall_at = count_of(hart, COUNT_INSNS);
}

/*
 * A guest's ecall that is followed directly by the vector came here; one from
 * U-mode went to the guest's own handler.
 */
void traps_entry(unsigned hart, void *with)
{
	struct hart *h = &harts[hart];
	bool ecall = count_of(hart, COUNT_INSNS) == h->ecall_at + 1;

	(void)with;
	if (h->depth++)
		return;
	for (unsigned i = 0; i < COUNTED; i++)
		h->start[i] = count_of(hart, i);
	h->look = h->start[COUNT_INSNS];
	h->longest = 0;
	h->key = (struct trap_class){.cause = ecall ? CAUSE_ECALL : read_cause(hart)};
	if (ecall) {
		h->key.extension = read_register(hart, REGISTER_A7);
		h->key.function = read_register(hart, REGISTER_A6);
	}
}

/* Legacy calls (extensions 0 to 15) have no function number: a6 may hold anything. */
static struct trap_class *class_of(const struct trap_class *key)
{
	uint64_t function = key->extension < 16 ? 0 : key->function;
	uint64_t mixed = (key->cause * 31 + key->extension) * 31 + function;
	unsigned start = (unsigned)(mixed * 0x9e3779b97f4a7c15 >> (64 - CLASSES_BITS));

	for (unsigned i = 0; i < CLASSES_MAX; i++) {
		struct trap_class *c = &classes[(start + i) % CLASSES_MAX];

		if (!c->count) {
			*c = *key;
			c->function = function;
			c->least = UINT64_MAX;
			return c;
		}
		if (c->cause == key->cause && c->extension == key->extension &&
		    c->function == function)
			return c;
	}
	return NULL;
}

static void larger(uint64_t *most, uint64_t value)
{
	if (value > *most)
		*most = value;
}

/* The longest so far, what has passed since the last look included. */
static uint64_t longest_of(const struct hart *h, uint64_t now)
{
	return now - h->look > h->longest ? now - h->look : h->longest;
}

void traps_look(unsigned hart, void *with)
{
	const struct trap_class none = {.cause = CAUSE_NO_TRAP};
	struct hart *h = &harts[hart];
	uint64_t now = count_of(hart, COUNT_INSNS);
	struct trap_class *class;

	(void)with;
	h->longest = longest_of(h, now);
	h->look = now;
	if (h->depth)
		return;
	class = h->looked && !ended ? class_of(&none) : NULL;
	if (class) {
		class->count++;
		class->total += h->longest;
		larger(&class->worst, h->longest);
		larger(&class->longest, h->longest);
	}
	h->looked = true;
	h->longest = 0;
}

void traps_mret(unsigned hart, void *with)
{
	struct hart *h = &harts[hart];
	struct trap_class *class;
	uint64_t cost;

	(void)with;
	if (!h->depth || --h->depth || ended)
		return;
	class = class_of(&h->key);
	if (!class) {
		unsorted++;
		return;
	}
	/* The counter doesn't have mret itself yet. */
	cost = count_of(hart, COUNT_INSNS) - h->start[COUNT_INSNS] + 1;
	class->count++;
	class->total += cost;
	larger(&class->worst, cost);
	larger(&class->longest, longest_of(h, count_of(hart, COUNT_INSNS) + 1));
	if (cost < class->least)
		class->least = cost;
	for (unsigned i = COUNT_SFENCE; i < COUNTED; i++)
		larger(&class->fences[i], count_of(hart, i) - h->start[i]);
	if (begun && ++since_begin == options.traps)
		count_stop();
}

void traps_print(FILE *file)
{
	bool first = true;

	fprintf(file, "\"unsorted\": %" PRIu64 ", \"traps\": [", unsorted);
	for (unsigned i = 0; i < CLASSES_MAX; i++) {
		const struct trap_class *c = &classes[i];

		if (!c->count)
			continue;
		fprintf(file,
			"%s{\"cause\": %" PRIu64 ", \"extension\": %" PRIu64
			", \"function\": %" PRIu64 ", \"count\": %" PRIu64 ", \"total\": %" PRIu64
			", \"least\": %" PRIu64 ", \"worst\": %" PRIu64 ", \"longest\": %" PRIu64
			", \"sfence\": %" PRIu64 ", \"hfence\": %" PRIu64 ", \"pmp\": %" PRIu64 "}",
			first ? "" : ",\n", c->cause, c->extension, c->function, c->count, c->total,
			c->least, c->worst, c->longest, c->fences[COUNT_SFENCE],
			c->fences[COUNT_HFENCE], c->fences[COUNT_PMP]);
		first = false;
	}
	fprintf(file, "]");
}
