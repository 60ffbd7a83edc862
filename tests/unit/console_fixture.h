/* SPDX-License-Identifier: MIT */
/*
 * The console on a UART that the test makes slow, busy or small, with capsules that
 * write and read, a log whose lines the test says, and a clock that it turns.
 *
 * The quick road stores into the device's register directly. To see each of those
 * stores, the register lies on a page that can't be written: the fault opens it
 * for one instruction, and the trap after it takes the byte. (x86 only.)
 */
#ifndef CONSOLE_FIXTURE_H
#define CONSOLE_FIXTURE_H

#define _GNU_SOURCE /* REG_EFL */
#include "unit.h"

#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

/* With these three here, the fake console stays out of the program. */
#include "core/console.c"
#include "core/console_control.c"
#include "core/console_input.c"
#include "fake/arch.h"

/* --- the log's ring, as the console sees it ---------------------------------------- */

static unsigned lines_said, lines_taken, rewinds;
static bool log_is_full;
static unsigned log_lines; /* that it has room for; 0: any number */

/* The n-th line of the hypervisor. Guests never write '<' nor '>'. */
size_t log_take_line(char *line, size_t size)
{
	if (lines_taken == lines_said)
		return 0;
	return (size_t)snprintf(line, size, "<%u>", lines_taken++);
}

bool log_has_room(void)
{
	return !log_is_full && (!log_lines || lines_said - lines_taken < log_lines);
}

void log_rewind(void)
{
	rewinds++;
	lines_taken = 0;
}

static void say_line(void)
{
	lines_said++;
	console_show_log();
}

/* --- the UART ---------------------------------------------------------------------- */

enum { WIRE_SIZE = 1 << 20, TYPED_SIZE = 1 << 16 };

static struct {
	unsigned fifo;	    /* bytes in the transmitter */
	unsigned patience;  /* it gets done by itself after being asked so often; 0: never */
	unsigned polls;	    /* left until then */
	unsigned long asks; /* how often it was asked at all */
	bool on_input, on_output;
	size_t sent; /* bytes on the wire */
	size_t typed, taken;
	char wire[WIRE_SIZE];
	uint8_t keys[TYPED_SIZE];
} uart;

static struct console_device device;
static uint8_t *page; /* with the data register */

static void transmit(uint8_t byte)
{
	/* Looks at the status register aren't seen: there, it is always done in time. */
	if (device.status && uart.fifo == device.burst)
		uart.fifo = 0;
	assert_true(uart.fifo < device.burst);
	assert_true(uart.sent < WIRE_SIZE);
	uart.fifo++;
	uart.polls = uart.patience;
	uart.wire[uart.sent++] = (char)byte;
}

static bool uart_ready(void)
{
	uart.asks++;
	if (uart.fifo && uart.polls && --uart.polls == 0)
		uart.fifo = 0;
	return uart.fifo == 0;
}

static int uart_get(void)
{
	return uart.taken == uart.typed ? -1 : uart.keys[uart.taken++];
}

static void uart_interrupts(bool on_input, bool on_output)
{
	uart.on_input = on_input;
	uart.on_output = on_output;
}

/* The transmitter is done; true when that, or what was typed, raises the interrupt. */
static bool uart_works(void)
{
	uart.fifo = 0;
	return uart.on_output || (uart.on_input && uart.taken != uart.typed);
}

enum { EFLAGS_TRAP = 0x100 };

static void on_store(int signal, siginfo_t *info, void *context)
{
	ucontext_t *registers = context;

	if (signal == SIGSEGV) {
		if (info->si_addr != page)
			abort();
		mprotect(page, PAGE_SIZE, PROT_READ | PROT_WRITE);
		registers->uc_mcontext.gregs[REG_EFL] |= EFLAGS_TRAP;
	} else {
		registers->uc_mcontext.gregs[REG_EFL] &= ~EFLAGS_TRAP;
		transmit(*page);
		mprotect(page, PAGE_SIZE, PROT_READ);
	}
}

/* For each test anew: cmocka puts its own handlers there before. */
static void watch_stores(void)
{
	struct sigaction action = {.sa_sigaction = on_store, .sa_flags = SA_SIGINFO | SA_NODEFER};

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGTRAP, &action, NULL);
}

/* --- the capsules ------------------------------------------------------------------ */

enum { PORTS = 3, TIMEBASE = 10000000, SECOND = TIMEBASE };

static struct console_port ports[PORTS];
static uint8_t rings[PORTS][CONSOLE_OUTPUT_SIZE];
static unsigned changed[PORTS];	   /* calls of the port's `changed` */
static bool lock_held_at_callback; /* one of them, or a command, with the console's lock held */

static unsigned figures, restarts, stops, about, moves;
static bool command_says; /* it logs a line */
static unsigned pieces;	  /* of figures, that are still to be told */

static void note_lock(void)
{
	lock_held_at_callback |= atomic_load(&console_road.lock.held);
}

static void port_changed(struct console_port *which)
{
	note_lock();
	changed[which - ports]++;
}

static void do_figures(void)
{
	note_lock();
	figures++;
	console_tell();
}

/* In as many pieces as a test wants. */
static bool do_tell(void)
{
	note_lock();
	if (command_says)
		say_line();
	return pieces && --pieces;
}

static void do_restart(unsigned number)
{
	note_lock();
	restarts++;
	about = number;
}

static void do_stop(unsigned number)
{
	note_lock();
	stops++;
	about = number;
}

static void do_moved(void)
{
	note_lock();
	moves++;
}

static const struct console_commands commands = {do_figures, do_tell, do_restart, do_stop,
						 do_moved};

/* Ports 1 to `count`, nothing started; with a data register or with put() alone. */
static void prepare(unsigned count, unsigned burst, bool direct)
{
	static const char *const names[] = {"one", "two", "three"};

	watch_stores();
	fake_arch_reset();
	fake_log_clear();
	memset(&console, 0, sizeof(console));
	console.held = -1;
	console.deadline = NEVER;
	memset(&console_road, 0, sizeof(console_road));
	memset(&uart, 0, offsetof(typeof(uart), wire));
	memset(ports, 0, sizeof(ports));
	memset(rings, 0, sizeof(rings));
	memset(changed, 0, sizeof(changed));
	lines_said = lines_taken = rewinds = figures = restarts = stops = about = moves = 0;
	lock_held_at_callback = command_says = log_is_full = false;
	pieces = log_lines = 0;
	device = (struct console_device){.data = direct ? page : NULL,
					 .burst = burst,
					 .ready = uart_ready,
					 .put = transmit,
					 .get = uart_get,
					 .interrupts = uart_interrupts};
	console_init(TIMEBASE);
	console_set_commands(&commands);
	console_set_device(&device);
	for (unsigned i = 0; i < count; i++) {
		ports[i].changed = port_changed;
		ports[i].cpu = 10 + i;
		console_add(&ports[i], i + 1, names[i], rings[i]);
	}
}

/* --- what tests do ----------------------------------------------------------------- */

static void type(const char *text)
{
	while (*text)
		uart.keys[uart.typed++] = (uint8_t)*text++;
}

/* Show `port`, as a user who chooses it in the menu. */
static inline void attach(struct console_port *port)
{
	console_lock();
	console_show(port);
	console_finish();
}

/* The last pump has left something to the clock. */
static bool is_more_due(void)
{
	return console.started && !console.budget;
}

/*
 * Let the UART work, and serve its interrupt, until nothing happens any more; with as much time as
 * it takes when there is more than one pump does.
 */
static void settle(void)
{
	for (unsigned i = 0;; i++) {
		assert_true(i < 100000);
		if (uart_works()) {
			console_interrupt();
		} else if (is_more_due()) {
			if (fake_arch.time < console_deadline())
				fake_arch.time = console_deadline();
			console_tick();
		} else {
			break;
		}
	}
}

/* Time passes; the hart looks at the clock as it is told to. */
static void pass(uint64_t ticks)
{
	uint64_t end = fake_arch.time + ticks;

	for (unsigned i = 0; console_deadline() <= end; i++) {
		assert_true(i < 10000);
		if (fake_arch.time < console_deadline())
			fake_arch.time = console_deadline();
		console_tick();
		settle();
	}
	if (fake_arch.time < end)
		fake_arch.time = end;
}

static void write_to(struct console_port *port, const char *text)
{
	for (; *text; text++)
		assert_true(console_write(port, (uint8_t)*text));
}

static size_t bytes_to(struct console_port *port, const void *text, size_t size)
{
	return console_write_bytes(port, text, size);
}

static void assert_wire(const char *text)
{
	if (uart.sent != strlen(text) || memcmp(uart.wire, text, uart.sent))
		fail_msg("\"%.*s\" instead of \"%s\"", (int)uart.sent, uart.wire, text);
}

/* What has come since the last look. */
static inline void assert_new(const char *text)
{
	assert_wire(text);
	uart.sent = 0;
}

static int set_up(void **state)
{
	(void)state;
	page = mmap(NULL, PAGE_SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return page == MAP_FAILED;
}

static int tear_down(void **state)
{
	(void)state;
	return munmap(page, PAGE_SIZE);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

#endif
