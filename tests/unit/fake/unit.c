/* SPDX-License-Identifier: MIT */
/* Small helpers of unit.h. */
#include "unit.h"

uint64_t unit_seed = 0x9e3779b97f4a7c15;

uint64_t unit_random(void)
{
	unit_seed ^= unit_seed << 13;
	unit_seed ^= unit_seed >> 7;
	unit_seed ^= unit_seed << 17;
	return unit_seed * 0x2545f4914f6cdd1d;
}

void *unit_read_file(const char *path, size_t *size)
{
	FILE *file = fopen(path, "rb");
	void *data = NULL;

	if (!file)
		return NULL;
	fseek(file, 0, SEEK_END);
	*size = ftell(file);
	rewind(file);
	data = malloc(*size);
	if (data && fread(data, 1, *size, file) != *size) {
		free(data);
		data = NULL;
	}
	fclose(file);
	return data;
}
