/* SPDX-License-Identifier: MIT */
/*
 * The crash report of a guest. Nothing here makes an access of the guest's: its tables and
 * its code are read where they lie in its RAM, so that no report can fault.
 */
#include "riscv/report.h"

#include "core/capsule.h"
#include "core/image_symbols.h"
#include "core/log.h"
#include "lib/print.h"
#include "riscv/csr.h"
#include "riscv/report_walk.h"
#include "riscv/virtual.h"

static const char *const register_names[32] = {
	"pc", "ra", "sp", "gp", "tp",  "t0",  "t1", "t2", "s0", "s1", "a0",
	"a1", "a2", "a3", "a4", "a5",  "a6",  "a7", "s2", "s3", "s4", "s5",
	"s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6",
};

enum {
	LINE_SIZE = 160,
	/* Code is shown in halfwords, the unit of instructions' lengths. */
	CODE_BEFORE = 6,
	CODE_FROM = 6,
};

/* What a report is about. */
struct subject {
	const struct context *context;
	xlen_t pc;
	bool user; /* pc is in the user's program */
	/* The address of the access that failed, where there was one. */
	bool has_address;
	xlen_t address;
	bool address_user; /* with the user's rights */
	enum walk_access access;
};

void report_registers(char *line, size_t size, const xlen_t *x, xlen_t pc, unsigned from)
{
	size_t length = 0;

	for (unsigned i = from; i < from + REPORT_PER_LINE && length < size; i++)
		length += print_text(line + length, size - length,
				     XLEN == 64 ? "%s%4s %016lx" : "%s%4s %08lx",
				     i == from ? "" : "  ", register_names[i], i ? x[i] : pc);
}

/* The address that an exception came with, if its cause has one. */
static void set_address(struct subject *subject, xlen_t cause, xlen_t value, bool user)
{
	switch (cause) {
	case CAUSE_INSN_MISALIGNED:
	case CAUSE_INSN_ACCESS:
	case CAUSE_INSN_PAGE: subject->access = WALK_EXECUTE; break;
	case CAUSE_LOAD_MISALIGNED:
	case CAUSE_LOAD_ACCESS:
	case CAUSE_LOAD_PAGE: subject->access = WALK_READ; break;
	case CAUSE_STORE_MISALIGNED:
	case CAUSE_STORE_ACCESS:
	case CAUSE_STORE_PAGE: subject->access = WALK_WRITE; break;
	default: return;
	}
	subject->has_address = true;
	subject->address = value;
	subject->address_user = user;
}

static void walk_for(const struct subject *subject, xlen_t va, enum walk_access access, bool user,
		     struct report_walk *walked)
{
	struct walk walk = subject->context->walk;

	walk.satp = guest_read(satp);
	walk.user = user;
	walk.sum = guest_read(sstatus) & MSTATUS_SUM;
	walk.mxr = guest_read(sstatus) & MSTATUS_MXR;
	report_walk(&walk, XLEN, va, access, walked);
}

static void show_registers(const struct subject *subject)
{
	char line[LINE_SIZE];

	for (unsigned i = 0; i < 32; i += REPORT_PER_LINE) {
		report_registers(line, sizeof(line), subject->context->x, subject->pc, i);
		log_alert("%s", line);
	}
	log_alert("sstatus %lx  stvec %lx  sepc %lx  scause %lx  stval %lx  satp %lx",
		  guest_read(sstatus), guest_read(stvec), guest_read(sepc), guest_read(scause),
		  guest_read(stval), guest_read(satp));
}

/* Names from the kernel's image, if it is an ELF and has them. */
static void show_symbols(const struct subject *subject)
{
	static const char *const labels[] = {"pc", "ra", "sepc", "stvec"};
	const struct capsule_image *image = &subject->context->vcpu.capsule->image;
	struct image_symbol symbols[] = {
		{.address = subject->pc},
		{.address = subject->context->x[1]},
		{.address = guest_read(sepc)},
		{.address = guest_read(stvec) & ~(xlen_t)3},
	};

	if (image->plan.kind != IMAGE_ELF)
		return;
	image_symbols_find(image->kernel, image->kernel_size, &image->plan, symbols,
			   ARRAY_LENGTH(symbols));
	for (unsigned i = 0; i < ARRAY_LENGTH(symbols); i++)
		if (symbols[i].name[0])
			log_alert("%s is in %s + 0x%lx", labels[i], symbols[i].name,
				  (xlen_t)symbols[i].offset);
}

/* The two bytes at `va`, wherever its page may be in guest RAM; whether it may be executed or not.
 */
static bool read_code(const struct subject *subject, xlen_t va, uint16_t *out)
{
	const struct space *space = &subject->context->vcpu.capsule->space;
	struct report_walk walked;
	hpa_t host;

	walk_for(subject, va, WALK_EXECUTE, subject->user, &walked);
	if (!report_walk_is_mapped(&walked) ||
	    !space_lookup(space, walked.physical, sizeof(*out), ALLOW_READ, &host))
		return false;
	*out = *(const uint16_t *)(uintptr_t)host.raw;
	return true;
}

static void show_code(const struct subject *subject, const char *label, xlen_t pc)
{
	xlen_t at = (pc & ~(xlen_t)1) - 2 * CODE_BEFORE;
	char line[LINE_SIZE];
	size_t length = 0;

	for (unsigned i = 0; i < CODE_BEFORE + CODE_FROM; i++, at += 2) {
		const char *mark = i == CODE_BEFORE ? " > " : " ";
		uint16_t code;

		if (read_code(subject, at, &code))
			length += print_text(line + length, sizeof(line) - length, "%s%04x", mark,
					     code);
		else
			length += print_text(line + length, sizeof(line) - length, "%s----", mark);
	}
	log_alert("Code around %s 0x%lx, halfwords:%s", label, pc, line);
}

static void show_walk(const struct subject *subject, const char *label, xlen_t va,
		      enum walk_access access, bool user)
{
	const struct capsule *capsule = subject->context->vcpu.capsule;
	const char *how = access == WALK_EXECUTE ? "execute"
			  : access == WALK_READ	 ? "load"
						 : "store";
	struct report_walk walked;
	char line[LINE_SIZE];
	bool misses;
	hpa_t unused;

	walk_for(subject, va, access, user, &walked);
	log_alert("Page tables for %s 0x%lx, to %s in %s-mode: %s", label, va, how,
		  user ? "U" : "S", walked.mode);
	for (unsigned i = 0; i < walked.level_count; i++) {
		report_walk_level(&walked, i, line, sizeof(line));
		log_alert("  level %u: %s",
			  (walked.levels[i].shift - PAGE_SHIFT) /
				  (XLEN == 32 ? SV32_INDEX_BITS : SV39_INDEX_BITS),
			  line);
	}
	misses = report_walk_is_mapped(&walked) &&
		 !space_lookup(&capsule->space, walked.physical, 1, 0, &unused);
	report_walk_verdict(&walked, line, sizeof(line));
	log_alert("  %s%s", line, misses ? "; the capsule has no memory there" : "");
}

static void show_exits(const struct context *context)
{
	struct report_exits exits = {
		.ring = context->exits,
		.count = CONTEXT_EXITS,
		.next = (unsigned)(context->exit_next - context->exits),
	};
	char line[LINE_SIZE];
	bool first = true;

	for (; report_exits_line(&exits, line, sizeof(line)); first = false)
		log_alert("%s%s", first ? "Last exits, oldest first: " : "  ", line);
}

static void show_walks(const struct subject *subject)
{
	show_walk(subject, "pc", subject->pc, WALK_EXECUTE, subject->user);
	if (subject->has_address &&
	    (subject->access != WALK_EXECUTE || subject->address != subject->pc))
		show_walk(subject, "address", subject->address, subject->access,
			  subject->address_user);
}

/* What the guest's own handler saw last, as far as its CSRs tell. */
static void show_last_trap(struct subject *subject)
{
	xlen_t cause = guest_read(scause), value = guest_read(stval), from = guest_read(sepc);
	bool user = !(guest_read(sstatus) & MSTATUS_SPP);

	if (!cause && !value && !from) {
		log_alert("It has had no trap of its own");
		return;
	}
	if (!subject->has_address)
		set_address(subject, cause, value, user);
	log_alert("Its last own trap: %s at sepc 0x%lx, stval 0x%lx, from %s-mode",
		  cause >> (XLEN - 1) ? "an interrupt" : report_cause(cause), from, value,
		  user ? "U" : "S");
	show_code(subject, "sepc", from);
}

/* What every report has under its headline. */
static void show_details(struct subject *subject)
{
	show_symbols(subject);
	show_registers(subject);
	show_code(subject, "pc", subject->pc);
	show_last_trap(subject);
	show_walks(subject);
	show_exits(subject->context);
}

void report_guest(const struct context *context, const struct trap *trap)
{
	const struct capsule *capsule = context->vcpu.capsule;
	bool user = !(trap->status & MSTATUS_MPP_S);
	struct subject subject = {
		.context = context,
		.pc = context->pc,
		.user = user,
	};

	set_address(&subject, trap->cause, trap->value, user);
	log_alert("Capsule %u: %s: %s at pc 0x%lx, %s 0x%lx, from %s-mode", capsule->number,
		  capsule->name, report_cause(trap->cause), context->pc,
		  subject.has_address ? "address" : "mtval", trap->value, user ? "U" : "S");
	show_details(&subject);
}

void report_failure(const struct context *context)
{
	enum { ECALL_SIZE = 4 };
	const struct capsule *capsule = context->vcpu.capsule;
	struct subject subject = {.context = context, .pc = context->pc - ECALL_SIZE};

	log_alert("Capsule %u: %s: it reported the failure at pc 0x%lx, from S-mode; "
		  "a0 and a1 are the call's results",
		  capsule->number, capsule->name, subject.pc);
	show_details(&subject);
}
