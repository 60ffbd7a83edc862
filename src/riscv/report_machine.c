/* SPDX-License-Identifier: MIT */
/*
 * A fault of the hypervisor's own: what can be said without the log, whose lock may be
 * taken, on a stack of its own.
 */
#include "core/arch.h"
#include "core/assert.h"
#include "core/boot.h"
#include "core/console.h"
#include "core/lock.h"
#include "drivers/drivers.h"
#include "lib/print.h"
#include "riscv/cpu.h"
#include "riscv/csr.h"
#include "riscv/report.h"

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

/* Whoever waits for a lock for ever stops by a breakpoint, with its holder in a0. */
static void show_holder(const struct cpu *cpu)
{
	char line[80];

	for (unsigned i = 0; i < MACHINE_HARTS_MAX; i++) {
		const struct cpu *holder = cpu_at(i);

		if (!holder || lock_holder(&holder->hart) != cpu->fault_x[10])
			continue;
		print_text(line, sizeof(line), "CPU %u never lets go of the lock it waits for\n",
			   holder->hart.id);
		console_emergency(line);
	}
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
	for (unsigned i = 0; i < 32; i += REPORT_PER_LINE) {
		report_registers(line, sizeof(line), cpu->fault_x, pc, i);
		console_emergency(line);
		console_emergency("\n");
	}
	if (cause == CAUSE_BREAKPOINT)
		show_holder(cpu);
	if (*cpu->stack_limit != CPU_STACK_CANARY)
		console_emergency("Its stack has overflowed\n");
	backtrace(cpu, cpu->fault_x[2]);
	panic("%s at pc 0x%lx, address 0x%lx", report_cause(cause), pc, value);
}

/*
 * A fault while a fault was being reported: nothing can be trusted any more, and of whatever may
 * still work only the power is worth a try. That may fault in its turn.
 */
_Noreturn void machine_give_up(void)
{
	if (cpu_of(hart_this())->fault_depth == 2)
		drivers_power_off(EXIT_NONE);
	arch_hart_park();
}
