/* SPDX-License-Identifier: MIT */
/*
 * A plugin for QEMU 7.2's translator that counts what the harts of a RISC-V
 * machine execute, guests and hypervisor apart, between events that are the same
 * on whatever machine is measured. Idle time isn't counted: a hart in WFI
 * executes nothing. Counted are instructions begun, so one that faults and is
 * done again counts twice, and ecall counts though it never retires.
 *
 * How it is called: options.h.
 *
 * `slti x0, x0, n` in a guest starts row n (1 to 999) and `slti x0, x0, -n` ends it: a hint
 * without effect anywhere, so the guest runs the same without the plugin. n = 1000: traps are
 * counted from here on, what was counted before is forgotten; -1000: no more of them.
 */
#include "count.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "functions.h"
#include "options.h"
#include "qemu_plugin.h"
#include "traps.h"

enum { ROWS_MAX = 1000, TRAPS_MARK = 1000, ROUNDS_MAX = 256 };

PLUGIN_EXPORT int qemu_plugin_version = PLUGIN_VERSION;
PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc,
				      char **argv);

struct counters counters[HARTS_MAX];

struct row {
	uint64_t count;
	bool open;
	unsigned starter;
	struct counters start, start_own;
	struct counters total, least;
	/* Of each round, for the medians: all, by guests, beyond them by the starter and others. */
	uint64_t rounds[4][ROUNDS_MAX];
};

static struct row rows[ROWS_MAX];
static struct counters reset, at_from, at_until;
static bool have_from, have_until, many_harts;

/* Where the emulator keeps the machine's RAM, less RAM's address: known from the image's first
   block on. */
static uintptr_t ram_offset;

static int console_file = -1;
static unsigned matched;

uint64_t count_of(unsigned hart, enum counted what)
{
	return counters[hart].of[GUEST][what] + counters[hart].of[HYPERVISOR][what];
}

void count_sum(struct counters *out)
{
	memset(out, 0, sizeof(*out));
	for (unsigned hart = 0; hart < HARTS_MAX; hart++)
		for (unsigned i = 0; i < WHO * COUNTED; i++)
			out->of[i / COUNTED][i % COUNTED] +=
				counters[hart].of[i / COUNTED][i % COUNTED];
}

static void print_who(FILE *file, const char *name, const uint64_t *to, const uint64_t *from)
{
	fprintf(file,
		"\"%s\": {\"insns\": %" PRIu64 ", \"sfence\": %" PRIu64 ", \"hfence\": %" PRIu64
		", \"pmp\": %" PRIu64 "}",
		name, to[COUNT_INSNS] - from[COUNT_INSNS], to[COUNT_SFENCE] - from[COUNT_SFENCE],
		to[COUNT_HFENCE] - from[COUNT_HFENCE], to[COUNT_PMP] - from[COUNT_PMP]);
}

void count_print(FILE *file, const char *name, const struct counters *to,
		 const struct counters *from)
{
	fprintf(file, "\"%s\": {", name);
	print_who(file, "guest", to->of[GUEST], from->of[GUEST]);
	fprintf(file, ", ");
	print_who(file, "hypervisor", to->of[HYPERVISOR], from->of[HYPERVISOR]);
	fprintf(file, "}");
}

/* What each hart executed in all, by its number; harts that never ran are left out at the end. */
static void print_harts(FILE *file)
{
	unsigned count = HARTS_MAX;

	while (count && !count_of(count - 1, COUNT_INSNS))
		count--;
	fprintf(file, "\"harts\": [");
	for (unsigned hart = 0; hart < count; hart++)
		fprintf(file, "%s%" PRIu64, hart ? ", " : "", count_of(hart, COUNT_INSNS));
	fprintf(file, "],\n");
}

static int by_size(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* What a row's middle round took: rounds in which something else came up don't count then. */
static void print_medians(FILE *file, struct row *row)
{
	static const char *const names[] = {"all", "guest", "starter", "others"};
	uint64_t count = row->count < ROUNDS_MAX ? row->count : ROUNDS_MAX;

	fprintf(file, "\"median\": {");
	for (unsigned i = 0; i < 4; i++) {
		qsort(row->rounds[i], count, sizeof(uint64_t), by_size);
		fprintf(file, "%s\"%s\": %" PRIu64, i ? ", " : "", names[i],
			row->rounds[i][count / 2]);
	}
	fprintf(file, "}, ");
}

static void print_rows(FILE *file)
{
	bool first = true;

	fprintf(file, "\"rows\": {");
	for (unsigned i = 0; i < ROWS_MAX; i++) {
		if (!rows[i].count)
			continue;
		fprintf(file, "%s\"%u\": {\"count\": %" PRIu64 ", ", first ? "" : ",\n", i,
			rows[i].count);
		print_medians(file, &rows[i]);
		count_print(file, "total", &rows[i].total, &reset);
		fprintf(file, ", ");
		count_print(file, "least", &rows[i].least, &reset);
		fprintf(file, "}");
		first = false;
	}
	fprintf(file, "},\n");
}

/* QEMU's end; or the last event's, when QEMU is ended by it. */
static void finish(qemu_plugin_id_t id, void *with)
{
	FILE *file = fopen(options.out, "w");
	struct counters all;

	(void)id;
	(void)with;
	if (!file)
		return;
	count_sum(&all);
	fprintf(file, "{");
	count_print(file, "all", &all, &reset);
	fprintf(file, ",\n");
	if (have_from) {
		count_print(file, "before", &at_from, &reset);
		fprintf(file, ",\n");
	}
	if (have_until) {
		count_print(file, "until", &at_until, &at_from);
		fprintf(file, ",\n");
	}
	print_harts(file);
	print_rows(file);
	functions_print(file);
	traps_print(file);
	fprintf(file, "}\n");
	fclose(file);
}

void count_stop(void)
{
	finish(0, NULL);
	_exit(0);
}

static void event(struct counters *at, bool *have, bool last)
{
	count_sum(at);
	*have = true;
	if (last && options.stop)
		count_stop();
}

static void reach_from(unsigned hart, void *with)
{
	(void)hart;
	(void)with;
	if (have_from)
		return;
	functions_freeze();
	event(&at_from, &have_from, !options.until_length);
}

/*
 * A byte went to a device: the UART has written it to its file by now, when it was one for the
 * UART, and the file is read on from where it was. (Plugins can't see the value that is stored.)
 */
static void reach_device(unsigned hart, qemu_plugin_meminfo_t info, uint64_t at, void *with)
{
	struct qemu_plugin_hwaddr *where = qemu_plugin_get_hwaddr(info, at);
	unsigned char byte;

	(void)hart;
	(void)with;
	if (have_until || !where || !qemu_plugin_hwaddr_is_io(where))
		return;
	while (read(console_file, &byte, 1) == 1) {
		if (byte != options.until[matched])
			matched = 0;
		if (byte == options.until[matched])
			matched++;
		if (matched == options.until_length) {
			matched = 0;
			if (have_from && !have_until)
				event(&at_until, &have_until, true);
		}
	}
}

static void row_start(unsigned hart, void *with)
{
	struct row *row = with;

	count_sum(&row->start);
	row->starter = hart;
	row->start_own = counters[hart];
	row->open = true;
}

static uint64_t all_insns(const struct counters *c)
{
	return c->of[GUEST][COUNT_INSNS] + c->of[HYPERVISOR][COUNT_INSNS];
}

static void note_round(struct row *row, const struct counters *cost)
{
	uint64_t index = row->count % ROUNDS_MAX;
	uint64_t own = counters[row->starter].of[HYPERVISOR][COUNT_INSNS] -
		       row->start_own.of[HYPERVISOR][COUNT_INSNS];

	row->rounds[0][index] = all_insns(cost);
	row->rounds[1][index] = cost->of[GUEST][COUNT_INSNS];
	row->rounds[2][index] = own;
	row->rounds[3][index] = cost->of[HYPERVISOR][COUNT_INSNS] - own;
}

/* The sum over all harts, whichever hart started the row; the starting marker isn't in it. */
static void row_end(unsigned hart, void *with)
{
	struct row *row = with;
	struct counters cost;

	(void)hart;
	if (!row->open)
		return;
	row->open = false;
	count_sum(&cost);
	for (unsigned i = 0; i < WHO * COUNTED; i++) {
		cost.of[i / COUNTED][i % COUNTED] -= row->start.of[i / COUNTED][i % COUNTED];
		row->total.of[i / COUNTED][i % COUNTED] += cost.of[i / COUNTED][i % COUNTED];
	}
	cost.of[GUEST][COUNT_INSNS]--;
	note_round(row, &cost);
	if (!row->count++ || all_insns(&cost) < all_insns(&row->least))
		row->least = cost;
}

/* On machines with several harts each counts its own: generated code can't tell them apart. */
static void add_one(unsigned hart, void *with)
{
	counters[hart].of[(uintptr_t)with / COUNTED][(uintptr_t)with % COUNTED]++;
}

static void count_insn(struct qemu_plugin_insn *insn, enum who who, enum counted what)
{
	if (many_harts)
		qemu_plugin_register_vcpu_insn_exec_cb(insn, add_one, QEMU_PLUGIN_CB_NO_REGS,
						       (void *)(uintptr_t)(who * COUNTED + what));
	else
		qemu_plugin_register_vcpu_insn_exec_inline(insn, QEMU_PLUGIN_INLINE_ADD_U64,
							   &counters[0].of[who][what], 1);
}

static void call(struct qemu_plugin_insn *insn, plugin_insn_callback *callback, void *with)
{
	qemu_plugin_register_vcpu_insn_exec_cb(insn, callback, QEMU_PLUGIN_CB_R_REGS, with);
}

/* Fences, and writes of pmpcfg and pmpaddr (CSRs 0x3a0 to 0x3ef). */
static void count_fences(struct qemu_plugin_insn *insn, uint32_t raw, enum who who)
{
	uint32_t funct7 = raw >> 25, funct3 = raw >> 12 & 7, csr = raw >> 20;
	bool writes = (funct3 & 3) == 1 || (raw >> 15 & 31); /* csrrw, or an operand */

	if (!funct3 && (raw >> 7 & 31) == 0 && funct7 == 0x09)
		count_insn(insn, who, COUNT_SFENCE);
	else if (!funct3 && (raw >> 7 & 31) == 0 && (funct7 == 0x11 || funct7 == 0x31))
		count_insn(insn, who, COUNT_HFENCE);
	else if ((funct3 & 3) && writes && csr >= 0x3a0 && csr <= 0x3ef)
		count_insn(insn, who, COUNT_PMP);
}

/* `slti x0, x0, n`. */
static void watch_marker(struct qemu_plugin_insn *insn, uint32_t raw)
{
	int n = (int32_t)raw >> 20;

	if ((raw & 0xfffff) != 0x2013 || !n)
		return;
	if (n > -ROWS_MAX && n < ROWS_MAX)
		call(insn, n > 0 ? row_start : row_end, &rows[abs(n)]);
	else if (abs(n) == TRAPS_MARK)
		call(insn, n > 0 ? traps_begin : traps_end, NULL);
}

static void watch_insn(struct qemu_plugin_insn *insn, enum who who, uint64_t at)
{
	size_t size = qemu_plugin_insn_size(insn);
	uint32_t raw = 0;

	memcpy(&raw, qemu_plugin_insn_data(insn), size < sizeof(raw) ? size : sizeof(raw));
	for (unsigned i = 0; who == HYPERVISOR && i < options.entry_count; i++)
		if (at == options.entries[i])
			call(insn, traps_entry, NULL);
	if (who == HYPERVISOR && (raw == 0x10500073 || (options.look && at == options.look)))
		call(insn, traps_look, NULL);
	if (options.from_given && at == options.from)
		call(insn, reach_from, NULL);
	if (raw == 0x73 && who == GUEST)
		call(insn, traps_ecall, NULL);
	if (raw == 0x30200073)
		call(insn, traps_mret, NULL);
	if ((raw & 0x7f) == 0x73)
		count_fences(insn, raw, who);
	if (who == GUEST)
		watch_marker(insn, raw);
	if (options.until_length && (raw & 0x707f) == 0x23) /* sb: what writes a UART */
		qemu_plugin_register_vcpu_mem_cb(insn, reach_device, QEMU_PLUGIN_CB_NO_REGS,
						 QEMU_PLUGIN_MEM_W, NULL);
}

static bool in_image(uint64_t at)
{
	return at >= options.image_start && at < options.image_end;
}

/* What is executed before the image's first block is the reset code, and counted with it. */
static void translate(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t count = qemu_plugin_tb_n_insns(tb);

	(void)id;
	for (size_t i = 0; i < count; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		uintptr_t host = (uintptr_t)qemu_plugin_insn_haddr(insn);
		enum who who = HYPERVISOR;
		uint64_t at = 0, *function;

		if (!ram_offset && in_image(qemu_plugin_insn_vaddr(insn)))
			ram_offset = host - (uintptr_t)qemu_plugin_insn_vaddr(insn);
		if (ram_offset) {
			at = host - ram_offset;
			who = in_image(at) ? HYPERVISOR : GUEST;
		}
		watch_insn(insn, who, at);
		count_insn(insn, who, COUNT_INSNS);
		function = who == HYPERVISOR && ram_offset ? functions_counter(at) : NULL;
		if (function)
			qemu_plugin_register_vcpu_insn_exec_inline(insn, QEMU_PLUGIN_INLINE_ADD_U64,
								   function, 1);
	}
}

int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv)
{
	if (!options_read(argc, argv))
		return -1;
	if (info->system.max_vcpus > HARTS_MAX) {
		fprintf(stderr, "count: %d harts are the most\n", HARTS_MAX);
		return -1;
	}
	if (options.until_length) {
		console_file = open(options.console, O_RDONLY | O_CREAT, 0666);
		if (console_file < 0) {
			perror(options.console);
			return -1;
		}
	}
	many_harts = info->system.smp_vcpus > 1;
	traps_init(strstr(info->target_name, "32") ? 32 : 64);
	qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
	qemu_plugin_register_atexit_cb(id, finish, NULL);
	return 0;
}
