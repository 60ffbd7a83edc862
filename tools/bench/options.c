/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "functions.h"

struct options options;

static void read_until(const char *hex)
{
	unsigned byte;

	while (options.until_length < UNTIL_MAX && sscanf(hex, "%2x", &byte) == 1) {
		options.until[options.until_length++] = (unsigned char)byte;
		hex += 2;
	}
}

static bool read_option(const char *option)
{
	const char *equals = strchr(option, '=');
	const char *value = equals ? equals + 1 : "";
	size_t length = equals ? (size_t)(equals - option) : 0;

	if (!strncmp(option, "out=", length + 1)) {
		options.out = strdup(value);
	} else if (!strncmp(option, "image=", length + 1)) {
		return sscanf(value, "%" SCNi64 ":%" SCNi64, (int64_t *)&options.image_start,
			      (int64_t *)&options.image_end) == 2;
	} else if (!strncmp(option, "entry=", length + 1) && options.entry_count < ENTRIES_MAX) {
		options.entries[options.entry_count++] = strtoull(value, NULL, 0);
	} else if (!strncmp(option, "look=", length + 1)) {
		options.look = strtoull(value, NULL, 0);
	} else if (!strncmp(option, "from=", length + 1)) {
		options.from = strtoull(value, NULL, 0);
		options.from_given = true;
	} else if (!strncmp(option, "functions=", length + 1)) {
		return functions_read(value);
	} else if (!strncmp(option, "console=", length + 1)) {
		options.console = strdup(value);
	} else if (!strncmp(option, "until=", length + 1)) {
		read_until(value);
	} else if (!strncmp(option, "traps=", length + 1)) {
		options.traps = strtoull(value, NULL, 0);
	} else if (!strncmp(option, "stop=", length + 1)) {
		options.stop = !strcmp(value, "on");
	} else {
		return false;
	}
	return true;
}

bool options_read(int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		if (!read_option(argv[i])) {
			fprintf(stderr, "count: %s is no option, or has a bad value\n", argv[i]);
			return false;
		}
	}
	if (!options.out || !options.image_end) {
		fprintf(stderr, "count: out= and image= are needed\n");
		return false;
	}
	if (options.until_length && !options.console) {
		fprintf(stderr, "count: until= needs console=\n");
		return false;
	}
	return true;
}
