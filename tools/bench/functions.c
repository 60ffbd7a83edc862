/* SPDX-License-Identifier: MIT */
#include "functions.h"

#include <inttypes.h>
#include <string.h>

enum { FUNCTIONS_MAX = 4096, NAME_SIZE = 64 };

struct function {
	uint64_t at;
	char name[NAME_SIZE];
};

static struct function functions[FUNCTIONS_MAX];
static uint64_t running[FUNCTIONS_MAX], frozen[FUNCTIONS_MAX];
static unsigned function_count;

bool functions_read(const char *name)
{
	FILE *file = fopen(name, "r");

	if (!file)
		return false;
	while (function_count < FUNCTIONS_MAX) {
		struct function *f = &functions[function_count];

		if (fscanf(file, "%" SCNx64 " %63s", &f->at, f->name) != 2)
			break;
		function_count++;
	}
	fclose(file);
	return function_count > 0;
}

uint64_t *functions_counter(uint64_t at)
{
	unsigned low = 0, high = function_count;

	/* Below `low`: starts at or before `at`; from `high` on: after it. */
	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (functions[middle].at <= at)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? &running[low - 1] : NULL;
}

void functions_freeze(void)
{
	memcpy(frozen, running, sizeof(frozen));
}

void functions_print(FILE *file)
{
	bool first = true;

	fprintf(file, "\"functions\": {");
	for (unsigned i = 0; i < function_count; i++) {
		if (!frozen[i])
			continue;
		fprintf(file, "%s\"%s@%" PRIx64 "\": %" PRIu64, first ? "" : ",\n",
			functions[i].name, functions[i].at, frozen[i]);
		first = false;
	}
	fprintf(file, "},\n");
}
