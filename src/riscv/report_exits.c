/* SPDX-License-Identifier: MIT */
/*
 * An element of the ring is the extension's id for a call from S-mode, mcause for an
 * interrupt, and ~mcause for an exception. The id is the guest's choice: one that looks
 * like a cause is told as one, which deceives nobody but its own user.
 */
#include "riscv/report_exits.h"

#include "lib/print.h"
#include "riscv/csr.h"
#include "sbi/sbi.h"

enum { WORDS_MAX = 48 };

static const char *const causes[CAUSE_COUNT] = {
	[CAUSE_INSN_MISALIGNED] = "misaligned instruction address",
	[CAUSE_INSN_ACCESS] = "instruction access fault",
	[CAUSE_ILLEGAL] = "illegal instruction",
	[CAUSE_BREAKPOINT] = "breakpoint",
	[CAUSE_LOAD_MISALIGNED] = "misaligned load",
	[CAUSE_LOAD_ACCESS] = "load access fault",
	[CAUSE_STORE_MISALIGNED] = "misaligned store",
	[CAUSE_STORE_ACCESS] = "store access fault",
	[CAUSE_ECALL_U] = "call from U-mode",
	[CAUSE_ECALL_S] = "call from S-mode",
	[CAUSE_INSN_PAGE] = "instruction page fault",
	[CAUSE_LOAD_PAGE] = "load page fault",
	[CAUSE_STORE_PAGE] = "store page fault",
	[CAUSE_ECALL_VS] = "call from VS-mode",
	[CAUSE_INSN_GUEST_PAGE] = "instruction guest-page fault",
	[CAUSE_LOAD_GUEST_PAGE] = "load guest-page fault",
	[CAUSE_VIRTUAL_INSN] = "virtual instruction",
	[CAUSE_STORE_GUEST_PAGE] = "store guest-page fault",
};

const char *report_cause(xlen_t cause)
{
	return cause < CAUSE_COUNT && causes[cause] ? causes[cause] : "unknown cause";
}

static const struct {
	xlen_t id;
	const char *name;
} calls[] = {
	{SBI_EXT_LEGACY_SET_TIMER, "legacy set timer"},
	{SBI_EXT_LEGACY_PUTCHAR, "legacy putchar"},
	{SBI_EXT_LEGACY_GETCHAR, "legacy getchar"},
	{SBI_EXT_LEGACY_CLEAR_IPI, "legacy clear IPI"},
	{SBI_EXT_LEGACY_SHUTDOWN, "legacy shutdown"},
	{SBI_EXT_BASE, "base"},
	{SBI_EXT_HSM, "HSM"},
	{SBI_EXT_IPI, "IPI"},
	{SBI_EXT_DBCN, "DBCN"},
	{SBI_EXT_RFENCE, "RFENCE"},
	{SBI_EXT_SRST, "SRST"},
	{SBI_EXT_TIME, "TIME"},
	{SBI_EXT_PMU, "PMU"},
	{SBI_EXT_SUSP, "SUSP"},
	{SBI_EXT_STA, "STA"},
	{SBI_EXT_FWFT, "FWFT"},
};

const char *report_call(xlen_t eid)
{
	for (unsigned i = 0; i < ARRAY_LENGTH(calls); i++)
		if (calls[i].id == eid)
			return calls[i].name;
	return NULL;
}

static const char *interrupt_name(xlen_t number)
{
	switch (number) {
	case IRQ_M_SOFT: return "software interrupt";
	case IRQ_M_TIMER: return "timer interrupt";
	case IRQ_M_EXT: return "external interrupt";
	default: return NULL;
	}
}

static void exit_words(xlen_t exit, char *out, size_t size)
{
	const xlen_t interrupt = (xlen_t)1 << (XLEN - 1);
	const char *name;

	if (exit & interrupt) {
		name = interrupt_name(exit & ~interrupt);
		print_text(out, size, "%s", name ? name : report_cause(~exit));
		return;
	}
	name = report_call(exit);
	if (name)
		print_text(out, size, "call %s", name);
	else
		print_text(out, size, "call 0x%lx", exit);
}

static xlen_t peek(const struct report_exits *exits, unsigned ahead)
{
	unsigned index = exits->next + exits->told + ahead;

	return exits->ring[index < exits->count ? index : index - exits->count];
}

/* How many of the same come next; 0 when all have been told. */
static unsigned run_length(const struct report_exits *exits)
{
	unsigned left = exits->count - exits->told, length = 0;

	while (length < left && peek(exits, length) == peek(exits, 0))
		length++;
	return length;
}

bool report_exits_line(struct report_exits *exits, char *line, size_t size)
{
	size_t length = 0;
	unsigned run;

	line[0] = '\0';
	while ((run = run_length(exits)) != 0) {
		xlen_t exit = peek(exits, 0);
		char words[WORDS_MAX];
		const char *comma = length ? ", " : "";

		if (exit && length + WORDS_MAX + 8 > size)
			break;
		exits->told += run;
		if (!exit)
			continue;
		exit_words(exit, words, sizeof(words));
		if (run == 1)
			length += print_text(line + length, size - length, "%s%s", comma, words);
		else
			length += print_text(line + length, size - length, "%s%u x %s", comma, run,
					     words);
	}
	return length != 0;
}
