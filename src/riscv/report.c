/* SPDX-License-Identifier: MIT */
#include "riscv/report.h"

#include "core/arch.h"
#include "core/assert.h"
#include "core/capsule.h"
#include "core/console.h"
#include "core/log.h"
#include "lib/print.h"
#include "riscv/cpu.h"
#include "riscv/csr.h"

static const char *const register_names[32] = {
	"pc", "ra", "sp", "gp", "tp",  "t0",  "t1", "t2", "s0", "s1", "a0",
	"a1", "a2", "a3", "a4", "a5",  "a6",  "a7", "s2", "s3", "s4", "s5",
	"s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6",
};

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
};

enum { PER_LINE = 4 };

const char *report_cause(xlen_t cause)
{
	return cause < CAUSE_COUNT && causes[cause] ? causes[cause] : "unknown cause";
}

/* Registers `from`.. of a line; x[0] is given as pc, since x0 has nothing to tell. */
static void registers_line(char *line, size_t size, const xlen_t *x, xlen_t pc, unsigned from)
{
	size_t length = 0;

	for (unsigned i = from; i < from + PER_LINE && length < size; i++)
		length += print_text(line + length, size - length,
				     XLEN == 64 ? "%s%4s %016lx" : "%s%4s %08lx",
				     i == from ? "" : "  ", register_names[i], i ? x[i] : pc);
}

void report_guest(const struct context *context, const struct trap *trap)
{
	const struct capsule *capsule = context->vcpu.capsule;
	char line[128];

	log_alert("Capsule %u: %s: %s at pc 0x%lx, address 0x%lx, from %s-mode", capsule->number,
		  capsule->name, report_cause(trap->cause), context->pc, trap->value,
		  trap->status & MSTATUS_MPP_S ? "S" : "U");
	for (unsigned i = 0; i < 32; i += PER_LINE) {
		registers_line(line, sizeof(line), context->x, context->pc, i);
		log_alert("%s", line);
	}
	log_alert("sstatus %lx  stvec %lx  sepc %lx  scause %lx  stval %lx  satp %lx",
		  csr_read(sstatus), csr_read(stvec), csr_read(sepc), csr_read(scause),
		  csr_read(stval), csr_read(satp));
}

/* A word that is the address after a call in our text: as far as one can see, a return address. */
static bool is_return_address(xlen_t word)
{
	extern const char __image_start[], __etext[];

	return word >= (uintptr_t)__image_start && word < (uintptr_t)__etext && !(word & 1);
}

/*
 * Without frame pointers, which would cost every exit some instructions: every word
 * between sp and the stack's top that could be a return address. Some are stale.
 */
static void backtrace(const struct cpu *cpu, xlen_t sp)
{
	enum { FRAMES_MAX = 16 };
	unsigned frames = 0;
	char line[32];

	console_emergency("Stack (addr2line -e diosix.elf):");
	for (xlen_t at = sp & ~(xlen_t)(sizeof(xlen_t) - 1);
	     at >= (uintptr_t)cpu->stack_limit && at < (uintptr_t)cpu && frames < FRAMES_MAX;
	     at += sizeof(xlen_t)) {
		xlen_t word = *(const xlen_t *)at;

		if (is_return_address(word)) {
			print_text(line, sizeof(line), " %lx", word);
			console_emergency(line);
			frames++;
		}
	}
	console_emergency("\n");
}

void arch_backtrace(void)
{
	xlen_t sp;

	__asm__ volatile("mv %0, sp" : "=r"(sp));
	backtrace(cpu_of(hart_this()), sp);
}

/* Entries from riscv/trap.S: a trap from M-mode that no fix-up knows; on the second stack. */
_Noreturn void machine_fault(void);
_Noreturn void machine_give_up(void);

_Noreturn void machine_fault(void)
{
	struct cpu *cpu = cpu_of(hart_this());
	xlen_t cause = csr_read(mcause);
	xlen_t pc = csr_read(mepc);
	xlen_t value = csr_read(mtval);
	char line[128];

	panic_begin();
	/* tp was saved as it is: guests' registers t2-t6 and gp are among what is shown. */
	print_text(line, sizeof(line), "[!] CPU %u: The hypervisor itself failed: %s (%lx)\n",
		   cpu->hart.id, report_cause(cause), cause);
	console_emergency(line);
	for (unsigned i = 0; i < 32; i += PER_LINE) {
		registers_line(line, sizeof(line), cpu->fault_x, pc, i);
		console_emergency(line);
		console_emergency("\n");
	}
	if (*cpu->stack_limit != CPU_STACK_CANARY)
		console_emergency("Its stack has overflowed\n");
	backtrace(cpu, cpu->fault_x[2]);
	panic("%s at pc 0x%lx, address 0x%lx", report_cause(cause), pc, value);
}

/* A fault while a fault was being reported: nothing can be trusted any more. */
_Noreturn void machine_give_up(void)
{
	arch_hart_park();
}
