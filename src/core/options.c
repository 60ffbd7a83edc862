/* SPDX-License-Identifier: MIT */
#include "core/options.h"

#include "core/console.h"
#include "core/log.h"
#include "lib/string.h"

struct options options;

struct choice {
	const char *word;
	int value;
};

/* An option takes one of a few words; `apply` gets the number behind it. */
struct option {
	const char *name;
	const char *accepted;
	struct choice choices[3];
	void (*apply)(int value);
};

static void apply_log(int level)
{
	log_set_level(level);
}

static void apply_isolation(int isolation)
{
	options.isolation = isolation;
}

static void apply_console(int view)
{
	console_set_start(view);
}

static const struct option known[] = {
	{"log",
	 "alert, info or debug",
	 {{"alert", LOG_ALERT}, {"info", LOG_INFO}, {"debug", LOG_DEBUG}},
	 apply_log},
	{"isolation",
	 "auto, pmp or hext",
	 {{"auto", ISOLATION_AUTO}, {"pmp", ISOLATION_PMP}, {"hext", ISOLATION_HEXT}},
	 apply_isolation},
	{"console",
	 "auto, merged or attached",
	 {{"auto", CONSOLE_VIEW_AUTO},
	  {"merged", CONSOLE_VIEW_MERGED},
	  {"attached", CONSOLE_VIEW_ATTACHED}},
	 apply_console},
};

static bool is_word(const char *text, size_t length, const char *word)
{
	return strlen(word) == length && memcmp(text, word, length) == 0;
}

static void set(const struct option *option, const char *value, size_t length)
{
	for (unsigned i = 0; i < ARRAY_LENGTH(option->choices); i++) {
		if (is_word(value, length, option->choices[i].word)) {
			option->apply(option->choices[i].value);
			return;
		}
	}
	log_alert("Command line: %s=%.*s is ignored: %s would be accepted", option->name,
		  (int)length, value, option->accepted);
}

static void read_word(const char *word, size_t length)
{
	const char *equals = memchr(word, '=', length);
	size_t name = equals ? (size_t)(equals - word) : length;

	for (unsigned i = 0; i < ARRAY_LENGTH(known); i++) {
		if (is_word(word, name, known[i].name)) {
			set(&known[i], equals ? equals + 1 : "", equals ? length - name - 1 : 0);
			return;
		}
	}
	log_alert("Command line: %.*s is ignored: log=, isolation= and console= would be accepted",
		  (int)length, word);
}

void options_read(const char *bootargs)
{
	while (*bootargs) {
		size_t length = 0;

		while (bootargs[length] && bootargs[length] != ' ')
			length++;
		if (length)
			read_word(bootargs, length);
		bootargs += length;
		while (*bootargs == ' ')
			bootargs++;
	}
}
