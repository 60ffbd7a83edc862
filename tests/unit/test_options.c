/* SPDX-License-Identifier: MIT */
/*
 * src/core/options.c: what each word of the host's command line does, and that
 * whatever isn't known is named and changes nothing.
 */
#include "unit.h"

#include "core/console.h"
#include "core/log.h"
#include "core/options.h"

/* In place of core/console.c: the view that was set. */
static int view;

void console_set_start(enum console_view to)
{
	view = (int)to;
}

/* In place of core/log.c: the level that was set, and what was said. */
static int level;
static unsigned lines;
static char said[4096];

void log_set_level(enum log_level to)
{
	level = (int)to;
}

void log_line(enum log_level of, const char *format, ...)
{
	va_list args;

	assert_int_equal(of, LOG_ALERT);
	va_start(args, format);
	vsnprintf(said, sizeof(said), format, args);
	va_end(args);
	lines++;
}

static void read_options(const char *bootargs)
{
	/* Of exactly its size, so that ASan sees a read behind its end. */
	char *copy = malloc(strlen(bootargs) + 1);

	strcpy(copy, bootargs);
	level = -1;
	view = -1;
	lines = 0;
	said[0] = '\0';
	options.isolation = ISOLATION_AUTO;
	options_read(copy);
	free(copy);
}

static void check(const char *bootargs, int expected_level, enum manifest_isolation isolation)
{
	read_options(bootargs);
	if (lines)
		fail_msg("\"%s\": %s", bootargs, said);
	assert_int_equal(level, expected_level);
	assert_int_equal(options.isolation, isolation);
}

/* Views are set, each by its word, and nothing else is. */
static void check_view(const char *bootargs, int expected_view, int expected_level)
{
	check(bootargs, expected_level, ISOLATION_AUTO);
	assert_int_equal(view, expected_view);
}

static void test_known(void **state)
{
	(void)state;
	check("", -1, ISOLATION_AUTO);
	check("     ", -1, ISOLATION_AUTO);
	check("log=alert", LOG_ALERT, ISOLATION_AUTO);
	check("log=info", LOG_INFO, ISOLATION_AUTO);
	check("log=debug", LOG_DEBUG, ISOLATION_AUTO);
	check("isolation=auto", -1, ISOLATION_AUTO);
	check("isolation=pmp", -1, ISOLATION_PMP);
	check("isolation=hext", -1, ISOLATION_HEXT);
	check("log=info isolation=pmp", LOG_INFO, ISOLATION_PMP);
	check("  isolation=hext   log=alert ", LOG_ALERT, ISOLATION_HEXT);
	assert_int_equal(view, -1);
	check_view("console=auto", CONSOLE_VIEW_AUTO, -1);
	check_view("console=merged", CONSOLE_VIEW_MERGED, -1);
	check_view("console=attached log=alert", CONSOLE_VIEW_ATTACHED, LOG_ALERT);
	/* The last one counts. */
	check("log=debug log=alert log=info", LOG_INFO, ISOLATION_AUTO);
	check_view("console=merged console=attached", CONSOLE_VIEW_ATTACHED, -1);
}

/* One line says the word and what would be accepted; the rest still counts. */
static void refuse_one(const char *bootargs, const char *word, const char *accepted)
{
	read_options(bootargs);
	assert_int_equal(lines, 1);
	if (!strstr(said, word) || !strstr(said, accepted))
		fail_msg("\"%s\": \"%s\" has no \"%s\" or \"%s\"", bootargs, said, word, accepted);
}

static void test_refused(void **state)
{
	static const char *const values[] = {"",      "loud",	 "info,",  "inf", "infoo", "INFO",
					     "info=", "alert\t", "=alert", "0",	  "pmp",   "\n"};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LENGTH(values); i++) {
		char bootargs[64], word[32];

		snprintf(word, sizeof(word), "log=%s", values[i]);
		snprintf(bootargs, sizeof(bootargs), "isolation=pmp %s", word);
		refuse_one(bootargs, word, "alert, info or debug");
		assert_int_equal(level, -1);
		assert_int_equal(options.isolation, ISOLATION_PMP);
	}
	refuse_one("isolation=PMP", "isolation=PMP", "auto, pmp or hext");
	assert_int_equal(options.isolation, ISOLATION_AUTO);
	refuse_one("console=both", "console=both", "auto, merged or attached");
	refuse_one("console=merge", "console=merge", "auto, merged or attached");
	/* What Linux's means. */
	refuse_one("console=ttyS0", "console=ttyS0", "auto, merged or attached");
	assert_int_equal(view, -1);
	/* A name without a value. */
	refuse_one("console", "console=", "auto, merged or attached");
	refuse_one("log", "log=", "alert, info or debug");
	refuse_one("isolation log=info", "isolation=", "auto, pmp or hext");
	assert_int_equal(level, LOG_INFO);
	/* Names that aren't known, also those that begin like one that is. */
	refuse_one("quiet", "quiet", "log=, isolation= and console=");
	refuse_one("logs=info", "logs=info", "log=, isolation= and console=");
	refuse_one("lo=info", "lo=info", "log=, isolation= and console=");
	refuse_one("=info", "=info", "log=, isolation= and console=");
	refuse_one("=", "=", "log=, isolation= and console=");
	refuse_one("Log=info", "Log=info", "log=, isolation= and console=");
	assert_int_equal(level, -1);
	/* Each gets its own line, and only the word itself is shown. */
	read_options("a b=1 c log=x");
	assert_int_equal(lines, 4);
	read_options("one log=info");
	assert_int_equal(lines, 1);
	assert_null(strstr(said, "log=info"));
	assert_int_equal(level, LOG_INFO);
}

/* Bytes of any kind and lengths of any size: nothing is set but what a known word sets. */
static void test_junk(void **state)
{
	static const char some[] =
		"log= isolation=console=pmphextautoalertinfodebugmerged\t\n\x80\xff\x1b";

	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		char text[200];
		size_t length = unit_random_below(sizeof(text));

		for (size_t i = 0; i < length; i++)
			text[i] = some[unit_random_below(sizeof(some) - 1)];
		text[length] = '\0';
		read_options(text);
		if (!strstr(text, "log="))
			assert_int_equal(level, -1);
		if (!strstr(text, "isolation="))
			assert_int_equal(options.isolation, ISOLATION_AUTO);
		if (!strstr(text, "console="))
			assert_int_equal(view, -1);
	}
	char *long_word = malloc(100001);

	memset(long_word, 'x', 100000);
	long_word[100000] = '\0';
	refuse_one(long_word, "xxx", "Command line");
	memcpy(long_word, "log=", 4);
	refuse_one(long_word, "log=xxx", "Command line");
	free(long_word);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_junk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
