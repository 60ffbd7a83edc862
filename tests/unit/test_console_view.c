/* SPDX-License-Identifier: MIT */
/*
 * The console with several capsules: the merged view's lines, what is filtered from
 * them, the menu, and replays.
 */
#include "console_fixture.h"

enum { RING = CONSOLE_OUTPUT_SIZE, WAITING = RING - 1 };

#define ONE	   "CPU 10: Capsule 1: "
#define TWO	   "CPU 11: Capsule 2: "
#define THREE	   "CPU 12: Capsule 3: "
#define MENU_BEGIN "[ 1: one  2: two  "
#define MENU_REST  "m: merged  l: log  s: figures  r: restart  k: stop  Ctrl-]: send it ] "
#define MENU	   MENU_BEGIN MENU_REST

static struct console_port *const one = &ports[0];
static struct console_port *const two = &ports[1];

/* A UART that is always ready soon. */
static void start(unsigned count)
{
	prepare(count, 16, false);
	uart.patience = 1;
	console_start();
}

static void press(const char *keys)
{
	type(keys);
	settle();
}

/* --- the view that it starts with ----------------------------------------------------- */

static void test_start(void **state)
{
	(void)state;
	start(1);
	assert_ptr_equal(console.attached, one);
	start(2);
	assert_null(console.attached);
	start(0);
	assert_null(console.attached);

	prepare(1, 16, false);
	console_set_start(CONSOLE_VIEW_MERGED);
	console_start();
	assert_null(console.attached);
	prepare(2, 16, false);
	console_set_start(CONSOLE_VIEW_ATTACHED);
	console_start();
	assert_ptr_equal(console.attached, one);

	/* What was written before is part of the history. */
	prepare(1, 16, false);
	uart.patience = 1;
	write_to(one, "early\n");
	assert_wire("");
	console_start();
	settle();
	assert_wire("early\n");
}

/* --- merged lines --------------------------------------------------------------------- */

static void test_merged(void **state)
{
	(void)state;
	start(2);
	write_to(one, "hel");
	write_to(two, "wor");
	assert_wire("");
	write_to(one, "lo\r\n");
	assert_new(ONE "hello\r\n");
	say_line();
	assert_new("<0>\r\n");
	write_to(two, "ld\n\nx\n");
	settle();
	assert_new(TWO "world\r\n" TWO "\r\n" TWO "x\r\n");
	one->cpu = 3;
	assert_int_equal(bytes_to(one, "a\nb\n", 4), 4);
	settle();
	assert_new("CPU 3: Capsule 1: a\r\nCPU 3: Capsule 1: b\r\n");
}

/* Guests take turns, whoever writes more. */
static void test_turns(void **state)
{
	(void)state;
	start(2);
	uart.patience = uart.polls = 0;
	write_to(one, "0\n1\n2\n3\n");
	write_to(two, "4\n5\n");
	settle();
	assert_new(ONE "0\r\n" TWO "4\r\n" ONE "1\r\n" TWO "5\r\n" ONE "2\r\n" ONE "3\r\n");
}

/* After 100 ms of silence an unfinished line is shown; what follows gets a prefix of its own. */
static void test_partial(void **state)
{
	(void)state;
	start(2);
	assert_true(console_deadline() == NEVER);
	write_to(one, "login: ");
	assert_int_equal(moves, 1);
	pass(SECOND / 20);
	assert_wire("");
	write_to(one, "a"); /* no silence */
	pass(SECOND / 16);
	assert_wire("");
	pass(SECOND / 20);
	assert_new(ONE "login: a\r\n");
	assert_true(console_deadline() == NEVER);
	pass(SECOND);
	assert_wire("");
	/* The end of the line that was shown isn't an empty line, the next one is. */
	write_to(one, "\r\n\r\n");
	assert_new(ONE "\r\n");
	write_to(one, "x");
	pass(SECOND);
	write_to(one, "y\nz\n");
	settle();
	assert_new(ONE "x\r\n" ONE "y\r\n" ONE "z\r\n");
	/* Each guest has its own silence. */
	write_to(one, "a");
	pass(SECOND / 20);
	write_to(two, "b");
	pass(SECOND / 16);
	assert_new(ONE "a\r\n");
	pass(SECOND / 16);
	assert_new(TWO "b\r\n");
	assert_false(lock_held_at_callback);
}

static void test_long_line(void **state)
{
	char text[1000], all[1000];
	size_t length = 0, lines = 0;

	(void)state;
	start(2);
	for (unsigned i = 0; i < sizeof(text); i++)
		text[i] = 'a' + i % 26;
	assert_int_equal(bytes_to(one, text, sizeof(text)), sizeof(text));
	write_to(one, "\n");
	settle();
	for (size_t i = 0; i < uart.sent; lines++) {
		assert_memory_equal(uart.wire + i, ONE, strlen(ONE));
		for (i += strlen(ONE); uart.wire[i] != '\r'; i++)
			all[length++] = uart.wire[i];
		i += 2;
	}
	assert_int_equal(length, sizeof(text));
	assert_memory_equal(all, text, length);
	assert_in_range(lines, 1000 / CONSOLE_LINE_SIZE, 1000 / CONSOLE_LINE_SIZE + 2);
}

/* A capsule's end shows what there is, then the hypervisor's line. */
static void test_merged_end(void **state)
{
	(void)state;
	start(2);
	uart.patience = uart.polls = 0;
	write_to(one, "first\nsecond\nlast");
	console_end(one, true);
	say_line();
	settle();
	assert_new(ONE "first\r\n" ONE "second\r\n" ONE "last\r\n<0>\r\n");
}

/* --- the filter ------------------------------------------------------------------------ */

static void assert_filtered(const char *from, const char *to)
{
	char expected[400];

	start(2);
	write_to(one, from);
	write_to(one, "\n");
	settle();
	snprintf(expected, sizeof(expected), ONE "%s\r\n", to);
	assert_wire(expected);
	/* And it ends with the line. */
	uart.sent = 0;
	write_to(one, "next\n");
	settle();
	assert_wire(ONE "next\r\n");
}

static void test_filter(void **state)
{
	(void)state;
	assert_filtered("a\033[31;1mb\033[0mc", "abc");
	assert_filtered("a\033[2Jb\033[10;10Hc", "abc");
	assert_filtered("\033]0;title\007x", "x");
	assert_filtered("\033]52;c;aGVsbG8=\033\\x", "x");
	assert_filtered("\033Pq#0;2\033\\x\033_apc\033\\y\033^pm\033\\z\033Xsos\033\\!", "xyz!");
	assert_filtered("\033(Bx\0337y\0338z\033cw", "xyzw");
	assert_filtered("\033\033[31mx", "x");
	assert_filtered("a\033[3\033[1mb", "ab");
	assert_filtered("\033[31\030x\033]t\032y", "xy");
	assert_filtered("a\tb", "a\tb");
	assert_filtered("a\a\b\v\f\016\017\177b\rc", "abc");
	assert_filtered("\033]never ends", "");
	assert_filtered("\033[1;2;3", "");
	assert_filtered("\033", "");
}

static void test_utf8(void **state)
{
	(void)state;
	assert_filtered("gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f");
	assert_filtered("\xe2\x82\xac \xf0\x9f\x98\x80", "\xe2\x82\xac \xf0\x9f\x98\x80");
	assert_filtered("\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf");
	assert_filtered("a\x9b"
			"31mb",
			"a?31mb"); /* C1 CSI as a byte */
	assert_filtered("a\xc2\x9b"
			"31mb",
			"a??31mb");	   /* C1 CSI as a character */
	assert_filtered("\xc0\xaf", "??"); /* too long for what it says */
	assert_filtered("\xe0\x80\xaf", "???");
	assert_filtered("\xed\xa0\x80", "???"); /* surrogate */
	assert_filtered("\xf4\x90\x80\x80", "????");
	assert_filtered("\xf5\xff\xfe", "???");
	assert_filtered("\xe2\x82", "?"); /* cut off by the end of the line */
	assert_filtered("\xe2\x82x", "?x");
	assert_filtered("\xf0\xf0\xf0\xf0x", "????x");
	assert_filtered("\xe2\033[1mx", "?x");
}

/* A character isn't cut in two by silence, nor by the length of a line. */
static void test_utf8_cut(void **state)
{
	(void)state;
	start(2);
	write_to(one, "a\xe2\x82");
	pass(SECOND);
	assert_new(ONE "a\r\n");
	pass(SECOND);
	assert_wire("");
	write_to(one, "\xac\n");
	settle();
	assert_new(ONE "\xe2\x82\xac\r\n");
	for (unsigned shift = 0; shift < 8; shift++) {
		start(2);
		for (unsigned i = 0; i < shift; i++)
			write_to(one, "x");
		for (unsigned i = 0; i < 100; i++)
			write_to(one, "\xf0\x9f\x98\x80");
		write_to(one, "\n");
		settle();
		for (unsigned i = 0; i < uart.sent; i++)
			assert_int_not_equal(uart.wire[i], '?');
	}
}

/* Nothing but whole prefixed lines of printable text, whatever guests write. */
static void test_filter_random(void **state)
{
	static const char likely[] = "\033\033[]P\\;m\007\n\r\xc2\x9b\xe2\x82\xac\xf0\x9f\x98\x80";

	(void)state;
	for (unsigned round = 0; round < 40; round++) {
		start(2);
		for (unsigned i = 0; i < 3000; i++) {
			uint8_t byte = unit_random_below(2)
					       ? (uint8_t)unit_random()
					       : (uint8_t)likely[unit_random_below(sizeof(likely))];

			if (round % 2)
				byte |= 0xc0; /* nothing but beginnings of characters */
			assert_true(console_write(&ports[unit_random_below(2)], byte));
			assert_in_range(one->line.length, 0, CONSOLE_LINE_SIZE);
			assert_in_range(two->line.length, 0, CONSOLE_LINE_SIZE);
			if (unit_random_below(100) == 0)
				pass(SECOND);
		}
		settle();
		for (size_t i = 0; i < uart.sent;) {
			assert_true(memcmp(uart.wire + i, ONE, strlen(ONE)) == 0 ||
				    memcmp(uart.wire + i, TWO, strlen(TWO)) == 0);
			while (uart.wire[i] != '\r') {
				assert_true((uint8_t)uart.wire[i] >= ' ' || uart.wire[i] == '\t');
				assert_int_not_equal(uart.wire[i++], 0x7f);
				assert_true(i < uart.sent);
			}
			assert_int_equal(uart.wire[i + 1], '\n');
			i += 2;
		}
	}
}

/* --- who waits for whom ----------------------------------------------------------------- */

/* Merged, all are shown, so all may be told to wait, and are called back. */
static void test_merged_full(void **state)
{
	unsigned taken[2] = {0};

	(void)state;
	start(2);
	uart.patience = uart.polls = 0;
	for (unsigned i = 0; i < 2; i++)
		while (console_write(&ports[i], taken[i] % 50 == 49 ? '\n' : 'a' + i))
			assert_true(++taken[i] < 2 * RING);
	assert_in_range(taken[0], WAITING, WAITING + 200);
	assert_in_range(taken[1], WAITING, WAITING + 200);
	assert_int_equal(changed[0] + changed[1], 0);
	settle();
	assert_int_equal(changed[0], 1);
	assert_int_equal(changed[1], 1);
	assert_false(lock_held_at_callback);
}

/* One that isn't shown never waits; one that isn't shown any more waits no longer. */
static void test_hidden(void **state)
{
	static uint8_t text[3 * RING];

	(void)state;
	start(2);
	attach(one);
	memset(text, 'x', sizeof(text));
	uart.patience = uart.polls = 0;
	uart.fifo = 0;
	assert_int_equal(bytes_to(two, text, sizeof(text)), sizeof(text));
	assert_true(console_write(two, 'x'));
	assert_wire("");
	assert_true(bytes_to(one, text, sizeof(text)) < sizeof(text));
	assert_int_equal(changed[0], 0);
	attach(two);
	assert_int_equal(changed[0], 1);
	assert_true(console_write(one, 'y'));
}

/*
 * A call that blocks gives its byte up when the terminal takes nothing (console_is_patient). A
 * terminal that takes its time, for what neighbours write too, is none of that.
 */
static void test_merged_blocking(void **state)
{
	struct console_patience patience = {0};
	char line[101];

	(void)state;
	memset(line, 'x', 99);
	memcpy(line + 99, "\n", 2);
	start(3);
	uart.patience = uart.polls = 0;
	while (bytes_to(one, line, 100) == 100)
		;
	while (bytes_to(one, line, 1) == 1)
		;
	/* 16 bytes a millisecond and a half: 115200 baud. */
	for (unsigned i = 0; i < 300; i++) {
		if (console_write(one, 'y'))
			patience.until = 0;
		else
			assert_true(console_is_patient(&patience));
		bytes_to(two, line, 100);
		bytes_to(&ports[2], line, 100);
		fake_arch.time += SECOND / 1000 * 3 / 2;
		if (uart_works())
			console_interrupt();
		if (fake_arch.time >= console_deadline())
			console_tick();
	}
	assert_true(uart.sent > 4000);
}

/* --- the menu ------------------------------------------------------------------------ */

static void test_menu_attach(void **state)
{
	(void)state;
	start(2);
	write_to(two, "before\n");
	settle();
	uart.sent = 0;
	press("\x1d");
	assert_new(MENU);
	/* It is in nobody's way but the guests'. */
	write_to(two, "after\nprompt# ");
	assert_wire("");
	press("2");
	assert_new("2: two\r\nbefore\nafter\nprompt# ");
	assert_ptr_equal(console.attached, two);
	press("ls");
	assert_int_equal(console_read(two), 'l');
	assert_int_equal(console_read(two), 's');
	assert_int_equal(console_read(two), -1);
	assert_int_equal(console_read(one), -1);
	write_to(one, "unseen\n");
	settle();
	assert_wire("");
	press("\x1d"
	      "1");
	assert_new("\r\n" MENU "1: one\r\nunseen\n");
	press("\x1dm");
	pass(SECOND);
	assert_new(MENU "merged\r\n" TWO "prompt# \r\n");
}

/* An unfinished line of the guest appears again below the menu. */
static void test_menu_close(void **state)
{
	(void)state;
	start(1);
	write_to(one, "old\nlogin: ");
	settle();
	uart.sent = 0;
	press("\x1d");
	assert_new("\r\n[ 1: one  m: merged  l: log  s: figures  r: restart  k: stop  Ctrl-]: send "
		   "it ] ");
	say_line(); /* it has time */
	assert_wire("");
	press("x");
	assert_new("\r\nlogin: ");
	write_to(one, "root\n");
	settle();
	assert_new("root\n<0>\r\n");
	/* By itself, after some seconds. */
	press("\x1d");
	uart.sent = 0;
	pass(4 * SECOND);
	assert_wire("");
	pass(2 * SECOND);
	assert_new("\r\n");
	assert_int_equal(console.menu, MENU_CLOSED);
	assert_true(console_deadline() == NEVER);
	assert_false(console_readable(one));
}

static void test_menu_key_itself(void **state)
{
	(void)state;
	start(1);
	press("\x1d\x1d");
	assert_int_equal(console_read(one), 0x1d);
	assert_int_equal(console_read(one), -1);
	start(2);
	press("\x1d\x1d");
	assert_int_equal(console_read(one), -1);
	assert_int_equal(console.menu, MENU_CLOSED);
}

static void test_menu_log(void **state)
{
	(void)state;
	start(1);
	say_line();
	say_line();
	write_to(one, "# ");
	settle();
	press("\x1dl");
	assert_int_equal(rewinds, 1);
	assert_wire(
		"<0>\r\n<1>\r\n# \r\n[ 1: one  m: merged  l: log  s: figures  r: restart  k: stop  "
		"Ctrl-]: send it ] log\r\n<0>\r\n<1>\r\n# ");
}

/* What a command logs comes before the guest's unfinished line, also what waited already. */
static void test_menu_figures(void **state)
{
	(void)state;
	start(1);
	write_to(one, "# ");
	say_line();
	settle();
	assert_wire("# ");
	uart.sent = 0;
	command_says = true;
	press("\x1ds");
	assert_int_equal(figures, 1);
	pass(1);
	assert_new("\r\n[ 1: one  m: merged  l: log  s: figures  r: restart  k: stop  Ctrl-]: send "
		   "it ] "
		   "figures\r\n<0>\r\n<1>\r\n# ");
	assert_false(lock_held_at_callback);
	/* Several in one go, in order. */
	press("\x1ds\x1ds\x1dra");
	assert_int_equal(figures, 3);
	assert_int_equal(restarts, 1);
	assert_int_equal(console_read(one), 'a');
}

/* A piece at each tick, as long as the log has room; the guest's output waits, its input doesn't.
 */
static void test_menu_pieces(void **state)
{
	(void)state;
	start(1);
	write_to(one, "# ");
	settle();
	command_says = true;
	pieces = 4;
	press("\x1ds");
	pass(SECOND / 1000);
	assert_int_equal(lines_said, 1);
	write_to(one, "ls\r\n");
	press("k");
	assert_int_equal(console_read(one), 'k');
	log_is_full = true;
	pass(SECOND);
	assert_int_equal(lines_said, 1);
	log_is_full = false;
	uart.sent = 0;
	pass(SECOND);
	assert_int_equal(pieces, 0);
	assert_new("<1>\r\n<2>\r\n<3>\r\n# ls\r\n");
	assert_int_equal(console_deadline(), NEVER);
	/* Asked for by the end of a capsule they come between lines, without the menu. */
	pieces = 2;
	console_tell();
	write_to(one, "half");
	pass(SECOND);
	write_to(one, " of a line\r\n");
	pass(SECOND);
	assert_new("half of a line\r\n<4>\r\n<5>\r\n");
}

/*
 * The guest's output waits for the menu, which waits for the figures, which wait for room in the
 * log: whatever the terminal hadn't taken yet when they were asked for, they are shown first.
 */
static void test_menu_pieces_before_output(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 4; round++) {
		bool merged = round & 1, ended = round & 2;

		start(2);
		if (!merged)
			attach(two);
		uart.patience = uart.polls = 0;
		write_to(two, "so much that the terminal is busy\n");
		write_to(two, "and more\n");
		if (ended)
			console_end(two, false);
		say_line();
		log_lines = 2;
		command_says = true;
		pieces = 20;
		press("\x1ds");
		uart.sent = 0;
		pass(SECOND);
		settle();
		assert_int_equal(pieces, 0);
		assert_int_equal(console.menu, MENU_CLOSED);
		assert_non_null(strstr(uart.wire, "and more"));
		assert_int_equal(lines_taken, lines_said);
	}
}

/* Keys that come all at once: what belongs to the menu reaches no guest, however slow the UART is.
 */
static void test_menu_keys_at_once(void **state)
{
	(void)state;
	start(2);
	attach(one);
	uart.patience = uart.polls = 0;
	press("\x1dm\x1dk2\x1dl\x1d\x1d\x1d"
	      "1\x1dr");
	assert_int_equal(stops, 1);
	assert_int_equal(about, 1);
	assert_int_equal(restarts, 1);
	assert_int_equal(rewinds, 1);
	assert_int_equal(console_read(one), -1);
	assert_int_equal(console_read(two), -1);
	assert_int_equal(console.menu, MENU_CLOSED);
}

static void test_menu_commands(void **state)
{
	(void)state;
	start(2);
	press("\x1dr");
	assert_int_equal(restarts, 0);
	press("2");
	assert_int_equal(restarts, 1);
	assert_int_equal(about, 2);
	press("\x1dk1");
	assert_int_equal(stops, 1);
	assert_int_equal(about, 1);
	/* No such capsule, no digit, no answer. */
	press("\x1dk9");
	press("\x1dkm");
	press("\x1dk");
	pass(10 * SECOND);
	press("1");
	press("\x1d"
	      "7");
	assert_int_equal(stops, 1);
	assert_null(console.attached);
	assert_int_equal(console.menu, MENU_CLOSED);
	/* Of the one that is attached. */
	press("\x1d"
	      "2\x1dk");
	assert_int_equal(stops, 2);
	assert_int_equal(about, 2);
	press("\x1dr");
	assert_int_equal(restarts, 2);
	assert_int_equal(about, 2);
	assert_false(lock_held_at_callback);
	/* Without commands nothing happens. */
	console_set_commands(NULL);
	press("\x1dk\x1dr\x1ds");
	assert_int_equal(stops, 2);
}

/* Beyond 9 a 0 begins a number of two digits; the menu says so where there are so many. */
static void test_menu_long_numbers(void **state)
{
	static struct console_port tenth, last;
	static uint8_t tenth_ring[CONSOLE_OUTPUT_SIZE], last_ring[CONSOLE_OUTPUT_SIZE];

	(void)state;
	start(2);
	memset(&tenth, 0, sizeof(tenth));
	memset(&last, 0, sizeof(last));
	tenth.changed = last.changed = port_changed;
	console_add(&last, 64, "last", last_ring);
	console_add(&tenth, 10, "tenth", tenth_ring);
	settle();
	uart.sent = 0;
	press("\x1d"
	      "0");
	assert_new(MENU_BEGIN "0 and two digits: others  " MENU_REST "0");
	press("1");
	assert_null(console.attached);
	press("0");
	assert_new("10 10: tenth\r\n");
	assert_ptr_equal(console.attached, &tenth);
	press("\x1d"
	      "001");
	assert_ptr_equal(console.attached, one);
	press("\x1dm");
	press("\x1dr064");
	assert_int_equal(restarts, 1);
	assert_int_equal(about, 64);
	press("\x1dk010");
	assert_int_equal(stops, 1);
	assert_int_equal(about, 10);
	/* No such capsule, a number that isn't finished, one too late, one of another menu. */
	press("\x1d"
	      "099");
	press("\x1dk06\r");
	press("\x1dk0k");
	press("\x1d"
	      "0m");
	press("\x1d"
	      "06");
	pass(10 * SECOND);
	press("4\x1d"
	      "0");
	pass(10 * SECOND);
	press("\x1dk1");
	assert_int_equal(restarts, 1);
	assert_int_equal(stops, 2);
	assert_int_equal(about, 1);
	assert_null(console.attached);
	assert_int_equal(console.menu, MENU_CLOSED);
}

/* A key attaches when there is no choice, else the user is told of the menu, once. */
static void test_first_key(void **state)
{
	(void)state;
	start(2);
	press("ab");
	assert_true(fake_log_contains("Ctrl-]"));
	assert_int_equal(fake_log_count(), 1);
	press("c");
	assert_int_equal(fake_log_count(), 1);
	assert_null(console.attached);
	console_end(one, true);
	press("x");
	assert_ptr_equal(console.attached, two);
	assert_int_equal(console_read(two), 'x');
	assert_int_equal(console_read(two), -1);

	prepare(1, 16, false);
	uart.patience = 1;
	console_set_start(CONSOLE_VIEW_MERGED);
	console_start();
	write_to(one, "login: ");
	pass(SECOND);
	press("r");
	assert_int_equal(console_read(one), 'r');
	assert_wire(ONE "login: \r\nlogin: ");
}

/* When the attached capsule is gone for good, the others come into view. */
static void test_leave(void **state)
{
	(void)state;
	start(2);
	press("\x1d"
	      "1");
	uart.patience = uart.polls = 0;
	uart.sent = 0;
	write_to(one, "some more, and bye");
	console_end(one, true);
	say_line();
	write_to(two, "here\n");
	settle();
	write_to(two, "I am\n");
	settle();
	assert_wire("some more, and bye\r\n<0>\r\n" TWO "I am\r\n");
	assert_null(console.attached);
	/* Its history can still be looked at. */
	uart.sent = 0;
	press("\x1d"
	      "1");
	assert_new("[ 1: one (ended)  2: two  m: merged  l: log  s: figures  r: restart  k: stop  "
		   "Ctrl-]: send it ] 1: one\r\nsome more, and bye");
	/* One that comes back is waited for. */
	start(2);
	press("\x1d"
	      "1");
	console_end(one, false);
	settle();
	assert_ptr_equal(console.attached, one);
}

/* --- replays --------------------------------------------------------------------------- */

/* What comes is the end of what was written, from the start of a line, and then what follows. */
static void test_replay(void **state)
{
	static char text[3 * RING + 10];

	(void)state;
	for (unsigned round = 0; round < 200; round++) {
		size_t size = unit_random_below(round % 2 ? sizeof(text) : 400);
		size_t from = 0, done = 0;

		start(2);
		attach(two);
		for (size_t i = 0; i < size; i++)
			text[i] = unit_random_below(60) ? 'a' + i % 26 : '\n';
		while (done < size) {
			size_t count = 1 + unit_random_below(size - done);

			assert_int_equal(bytes_to(one, text + done, count), count);
			done += count;
		}
		settle();
		uart.sent = 0;
		uart.patience = uart.polls = 0;
		uart.fifo = 0;
		attach(one);
		if (size < 2 * RING)
			while (!console_write(one, '!'))
				settle();
		settle();
		if (size >= 2 * RING)
			write_to(one, "!");
		settle();
		if (size > WAITING) {
			from = size - WAITING;
			while (text[from++] != '\n')
				;
		}
		assert_int_equal(uart.sent, size - from + 1);
		assert_memory_equal(uart.wire, text + from, size - from);
		assert_int_equal(uart.wire[uart.sent - 1], '!');
	}
}

/* --- everything at once ------------------------------------------------------------------ */

enum { MODEL_SIZE = 1 << 16 };

static struct {
	size_t written, shown;
	char bytes[MODEL_SIZE];
} model[PORTS];

static void random_write(unsigned i)
{
	uint8_t bytes[200];
	size_t size = unit_random_below(sizeof(bytes));
	size_t taken;

	for (size_t j = 0; j < size; j++)
		bytes[j] = unit_random_below(30) ? 'a' + unit_random_below(26) : '\n';
	taken = bytes_to(&ports[i], bytes, size);
	memcpy(model[i].bytes + model[i].written, bytes, taken);
	model[i].written += taken;
}

/* A line of the wire without its end: the hypervisor's next, or the next text of a guest's. */
static void check_line(const char *line, size_t length, unsigned *said)
{
	unsigned cpu, number, n;
	int used = 0;
	char copy[400];

	assert_true(length < sizeof(copy));
	memcpy(copy, line, length);
	copy[length] = '\0';
	if (sscanf(copy, "<%u>", &n) == 1) {
		assert_int_equal(n, (*said)++);
		return;
	}
	assert_int_equal(sscanf(copy, "CPU %u: Capsule %u:%n", &cpu, &number, &used), 2);
	assert_in_range(number, 1, PORTS);
	assert_int_equal(cpu, 9 + number);
	assert_int_equal(copy[used++], ' ');
	for (; copy[used]; used++) {
		while (model[number - 1].bytes[model[number - 1].shown] == '\n')
			model[number - 1].shown++;
		assert_int_equal(copy[used], model[number - 1].bytes[model[number - 1].shown++]);
	}
}

static void test_random(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 20; round++) {
		unsigned said = 0;

		prepare(PORTS, 1 + unit_random_below(20), round % 10 == 0);
		console_start();
		memset(model, 0, sizeof(model));
		for (unsigned i = 0; i < 1500; i++) {
			unsigned who = unit_random_below(PORTS);

			if (unit_random_below(3) == 0 && model[who].written < MODEL_SIZE - 300)
				random_write(who);
			else if (unit_random_below(10) == 0)
				say_line();
			else if (unit_random_below(20) == 0)
				pass(unit_random_below(SECOND / 4));
			else
				for (unsigned j = unit_random_below(40); j; j--)
					if (uart_works())
						console_interrupt();
		}
		settle();
		pass(SECOND);
		for (size_t i = 0, from = 0; i < uart.sent; i++) {
			if (uart.wire[i] != '\r')
				continue;
			assert_int_equal(uart.wire[i + 1], '\n');
			check_line(uart.wire + from, i - from, &said);
			from = i + 2;
		}
		assert_int_equal(said, lines_said);
		for (unsigned i = 0; i < PORTS; i++) {
			while (model[i].shown < model[i].written &&
			       model[i].bytes[model[i].shown] == '\n')
				model[i].shown++;
			assert_int_equal(model[i].shown, model[i].written);
		}
		assert_false(uart.on_output);
		assert_false(lock_held_at_callback);
	}
}

/* The menu, the views and the end of capsules, in any order: nobody waits for ever. */
static void test_random_keys(void **state)
{
	static const char keys[] = "\x1d\x1d\x1d\x1d\x1d"
				   "0123mlsrkx";

	(void)state;
	for (unsigned round = 0; round < 20; round++) {
		prepare(PORTS, 1 + unit_random_below(20), round % 10 == 0);
		console_start();
		memset(model, 0, sizeof(model));
		for (unsigned i = 0; i < 3000; i++) {
			unsigned who = unit_random_below(PORTS);

			switch (unit_random_below(8)) {
			case 0:
			case 1:
				if (model[who].written < MODEL_SIZE - 300)
					random_write(who);
				break;
			case 2: {
				char key[2] = {keys[unit_random_below(sizeof(keys) - 1)], 0};

				type(key);
				console_interrupt();
				break;
			}
			case 3: console_read(&ports[who]); break;
			case 4:
				if (unit_random_below(20) == 0)
					console_end(&ports[who], unit_random_below(2));
				else if (unit_random_below(4) == 0)
					console_begin(&ports[who]);
				break;
			case 5: pass(unit_random_below(SECOND / 2)); break;
			default:
				for (unsigned j = unit_random_below(100); j; j--)
					if (uart_works())
						console_interrupt();
			}
			for (unsigned p = 0; p < PORTS; p++)
				assert_in_range(ports[p].head - ports[p].sent, 0, WAITING);
		}
		pass(10 * SECOND);
		settle();
		assert_int_equal(console.menu, MENU_CLOSED);
		assert_false(uart.on_output);
		for (unsigned p = 0; p < PORTS; p++) {
			assert_false(ports[p].starved);
			assert_true(console_write(&ports[p], 'x'));
		}
		assert_false(lock_held_at_callback);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_start),
		TEST(test_merged),
		TEST(test_turns),
		TEST(test_partial),
		TEST(test_long_line),
		TEST(test_merged_end),
		TEST(test_filter),
		TEST(test_utf8),
		TEST(test_utf8_cut),
		TEST(test_filter_random),
		TEST(test_merged_full),
		TEST(test_merged_blocking),
		TEST(test_hidden),
		TEST(test_menu_attach),
		TEST(test_menu_close),
		TEST(test_menu_key_itself),
		TEST(test_menu_log),
		TEST(test_menu_figures),
		TEST(test_menu_pieces),
		TEST(test_menu_pieces_before_output),
		TEST(test_menu_keys_at_once),
		TEST(test_menu_commands),
		TEST(test_menu_long_numbers),
		TEST(test_first_key),
		TEST(test_leave),
		TEST(test_replay),
		TEST(test_random),
		TEST(test_random_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
