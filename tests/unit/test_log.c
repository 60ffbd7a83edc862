/* SPDX-License-Identifier: MIT */
/*
 * src/core/log.c itself: what a line looks like, which ones the level lets through,
 * and what is left of them when nobody has shown them in time.
 */
#include "unit.h"

#include "core/log.c"
#include "fake/arch.h"

static unsigned shows; /* how often the console was asked to show lines */

void console_show_log(void)
{
	assert_int_equal(atomic_load(&ring.lock.held), 0);
	shows++;
}

static int set_up(void **state)
{
	(void)state;
	fake_arch_reset();
	memset(&ring, 0, sizeof(ring));
	ring.size = sizeof(first_bytes);
	ring.bytes = first_bytes;
	log_set_level(LOG_DEBUG);
	shows = 0;
	return 0;
}

/* The next line, which must be this one. */
static void expect(const char *text)
{
	char line[LINE_MAX];
	size_t length = log_take_line(line, sizeof(line));

	if (strcmp(line, text) || length != strlen(text))
		fail_msg("\"%s\" instead of \"%s\"", length ? line : "", text);
}

static void expect_nothing(void)
{
	char line[LINE_MAX];

	assert_int_equal(log_take_line(line, sizeof(line)), 0);
}

static void test_lines(void **state)
{
	(void)state;
	expect_nothing();
	log_info("Welcome to %s %u", "diosix", 2);
	assert_int_equal(shows, 1);
	arch_this_hart = &fake_arch.harts[3];
	log_alert("alert");
	log_debug("%s", "");
	assert_int_equal(shows, 3);
	expect("[+] CPU 0: Welcome to diosix 2");
	expect("[!] CPU 3: alert");
	expect("[?] CPU 3: ");
	expect_nothing();
	log_info("later");
	expect("[+] CPU 3: later");
	expect_nothing();
}

/* Lines above the level stay in the ring, and aren't shown: nor does one of them end the search. */
static void test_levels(void **state)
{
	static const char *const lines[] = {"[!] CPU 0: a", "[+] CPU 0: i", "[?] CPU 0: d"};

	(void)state;
	for (unsigned level = LOG_ALERT; level <= LOG_DEBUG; level++) {
		log_set_level(level);
		for (unsigned times = 0; times < 2; times++) {
			log_debug("d");
			log_info("i");
			log_alert("a");
		}
		for (unsigned times = 0; times < 2; times++)
			for (int of = LOG_DEBUG; of >= LOG_ALERT; of--)
				if (of <= (int)level)
					expect(lines[of]);
		expect_nothing();
	}
	/* The level counts when a line is shown, not when it is said. */
	log_set_level(LOG_ALERT);
	log_debug("d");
	log_set_level(LOG_DEBUG);
	expect(lines[LOG_DEBUG]);
}

/* A line of any length: cut at the end of the buffer, never beyond; the next one is whole. */
static void test_long(void **state)
{
	static char text[600];

	(void)state;
	for (size_t length = 0; length < sizeof(text); length++) {
		char line[LINE_MAX], wanted[sizeof(text) + 16];
		size_t taken;

		memset(text, 'a' + length % 26, length);
		text[length] = '\0';
		log_info("%s", text);
		log_info("next");
		taken = log_take_line(line, sizeof(line));
		snprintf(wanted, sizeof(wanted), "[+] CPU 0: %s", text);
		assert_int_equal(taken, strlen(line));
		assert_int_equal(strncmp(line, wanted, taken), 0);
		assert_true(taken == strlen(wanted) || taken >= 240);
		expect("[+] CPU 0: next");
	}
}

/* A caller with a small buffer gets the beginning, and then the next line. */
static void test_small_buffer(void **state)
{
	(void)state;
	for (size_t size = 4; size < 20; size++) {
		char *line = malloc(size); /* ASan sees its end */

		log_info("0123456789");
		log_info("x");
		assert_int_equal(log_take_line(line, size), size - 1);
		assert_int_equal(strncmp(line, "[+] CPU 0: 0123456789", size - 1), 0);
		assert_int_equal(line[size - 1], '\0');
		free(line);
		expect("[+] CPU 0: x");
	}
}

/* What a terminal would act on, and a newline that would forge a line of ours. */
static void test_unprintable(void **state)
{
	char text[2] = "";

	(void)state;
	for (unsigned byte = 1; byte < 256; byte++) {
		char wanted[32];

		text[0] = (char)byte;
		log_info("a%sb", text);
		snprintf(wanted, sizeof(wanted), "[+] CPU 0: a%cb",
			 byte >= ' ' && byte <= '~' ? (int)byte : '?');
		expect(wanted);
	}
	log_alert("name\n[+] CPU 0: all is well\x1b[2J\r");
	expect("[!] CPU 0: name?[+] CPU 0: all is well?[2J?");
	expect_nothing();
}

/* The number in "[!] n bytes of messages were lost". */
static unsigned expect_lost(void)
{
	char line[LINE_MAX];
	unsigned lost;

	assert_true(log_take_line(line, sizeof(line)) > 0);
	assert_int_equal(sscanf(line, "[!] %u bytes of messages were lost", &lost), 1);
	return lost;
}

/*
 * The oldest lines make room for new ones. Those that are left are whole, the newest
 * among them, and the number of bytes that went is told, once.
 */
static void overflow(unsigned lines)
{
	char line[LINE_MAX];
	unsigned next = 0, lost, gone = 0;
	bool first = true;

	set_up(NULL);
	for (unsigned i = 0; i < lines; i++)
		log_info("line %u of these", i);
	if (ring.head <= ring.size) {
		for (; next < lines; next++) {
			snprintf(line, sizeof(line), "[+] CPU 0: line %u of these", next);
			expect(line);
		}
		expect_nothing();
		return;
	}
	lost = expect_lost();
	while (log_take_line(line, sizeof(line))) {
		unsigned number, end = 0;

		assert_int_equal(sscanf(line, "[+] CPU 0: line %u of these%n", &number, &end), 1);
		assert_int_equal(end, strlen(line));
		if (first)
			next = number;
		assert_int_equal(number, next);
		first = false;
		next++;
	}
	assert_int_equal(next, lines);
	/* At most one whole line more went than there was no room for. */
	for (unsigned i = 0; gone < lost; i++) {
		assert_true(i < lines);
		gone += (unsigned)snprintf(line, sizeof(line), "[+] CPU 0: line %u of these\n", i);
	}
	assert_true(ring.head - gone <= ring.size);
	expect_nothing();
}

static void test_overflow(void **state)
{
	(void)state;
	for (unsigned lines = 100; lines < 350; lines++)
		overflow(lines);
	overflow(100000);
	/* It starts anew afterwards. */
	log_info("after");
	expect("[+] CPU 0: after");
	expect_nothing();
}

/*
 * More memory: what waited still waits, what was shown can be shown again, and what the smaller
 * ring had lost is neither.
 */
static void extend(unsigned before, unsigned shown)
{
	static char memory[4 * sizeof(first_bytes)];
	char line[LINE_MAX], wanted[LINE_MAX];
	unsigned kept;

	set_up(NULL);
	memset(memory, 0x5a, sizeof(memory));
	for (unsigned i = 0; i < before; i++) {
		log_info("number %04u", i);
		if (i < shown)
			assert_true(log_take_line(line, sizeof(line)) > 0);
	}
	log_extend(memory, sizeof(memory));
	for (unsigned i = before; i < before + 100; i++)
		log_info("number %04u", i);
	kept = sizeof(first_bytes) / strlen("[+] CPU 0: number 0000 ");
	if (before - shown > kept) {
		expect_lost();
		shown = before - kept;
	}
	for (unsigned times = 0; times < 2; times++) {
		for (unsigned i = shown; i < before + 100; i++) {
			snprintf(wanted, sizeof(wanted), "[+] CPU 0: number %04u", i);
			expect(wanted);
		}
		expect_nothing();
		log_rewind();
		shown = before > kept ? before - kept : 0;
	}
}

static void test_extend(void **state)
{
	(void)state;
	for (unsigned before = 0; before < 500; before += 7) {
		extend(before, 0);
		extend(before, before / 2);
		extend(before, before);
	}
	/* Then it holds so much more. */
	for (unsigned i = 0; i < 3000; i++)
		log_info("line %04u", i);
	expect_lost();
	for (unsigned i = 3000 - 4 * sizeof(first_bytes) / strlen("[+] CPU 0: line 0000 ");
	     i < 3000; i++) {
		char wanted[LINE_MAX];

		snprintf(wanted, sizeof(wanted), "[+] CPU 0: line %04u", i);
		expect(wanted);
	}
	expect_assert_failure(log_extend(first_bytes, 3 * sizeof(first_bytes)));
}

/* Lines of all lengths and levels, shown now and then: only whole ones come, in order. */
static void test_random(void **state)
{
	unsigned said = 0, next = 0;

	(void)state;
	/* Where the free-running counters wrap. */
	ring.head = ring.tail = 0u - 100000;
	for (unsigned step = 0; step < 40000; step++) {
		char line[LINE_MAX], text[300];

		if (unit_random_below(3)) {
			size_t length = unit_random_below(220);

			memset(text, '.', length);
			text[length] = '\0';
			log_info("%u%s", said++, text);
			continue;
		}
		for (unsigned i = unit_random_below(8); i; i--) {
			unsigned number;

			if (!log_take_line(line, sizeof(line)))
				break;
			if (strstr(line, "were lost"))
				continue;
			assert_int_equal(sscanf(line, "[+] CPU 0: %u", &number), 1);
			assert_true(number >= next && number < said);
			next = number + 1;
		}
	}
}

/* Whoever held the lock when a panic began never lets go of it: the last words are shown. */
static void test_panic_meanwhile(void **state)
{
	(void)state;
	log_info("before the panic");
	ring.lock.held = 1;
	panic_hart = 2;
	expect("[+] CPU 0: before the panic");
	panic_hart = 0;
	atomic_store(&ring.lock.held, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_lines, set_up),
		cmocka_unit_test_setup(test_levels, set_up),
		cmocka_unit_test_setup(test_long, set_up),
		cmocka_unit_test_setup(test_small_buffer, set_up),
		cmocka_unit_test_setup(test_unprintable, set_up),
		cmocka_unit_test_setup(test_overflow, set_up),
		cmocka_unit_test_setup(test_extend, set_up),
		cmocka_unit_test_setup(test_random, set_up),
		cmocka_unit_test_setup(test_panic_meanwhile, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
