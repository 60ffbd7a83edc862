/* SPDX-License-Identifier: MIT */
/*
 * The plugin's options:
 *
 * -plugin count.so,out=FILE,image=START:END[,entry=ADDRESS]...[,look=ADDRESS][,from=ADDRESS]
 *         [,functions=FILE][,console=FILE,until=HEX][,stop=on][,traps=N]
 *
 *   out        the results, as JSON, written when QEMU ends
 *   image      physical addresses of the hypervisor or firmware; other RAM is guests'
 *   entry      a trap vector of the hypervisor; each trap through it is sorted (traps.h)
 *   look       where the hypervisor looks at pending interrupts, besides WFI (traps.h)
 *   from       physical address whose first execution is the event "from"
 *   functions  what the hypervisor executes before "from" is told by function (functions.h)
 *   console    the file that the serial line goes to (-serial file:FILE)
 *   until      bytes, in hexadecimal: once they have been written to the console after
 *              "from", that is the event "until"
 *   stop       on: the last event that was asked for ends QEMU
 *   traps      so many after the mark from which they count (count.c) end QEMU
 */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

enum { ENTRIES_MAX = 8, UNTIL_MAX = 64 };

struct options {
	const char *out, *console;
	uint64_t image_start, image_end, look, from, traps;
	uint64_t entries[ENTRIES_MAX];
	unsigned entry_count, until_length;
	bool from_given, stop;
	unsigned char until[UNTIL_MAX];
};
extern struct options options;

/* Fills `options`; false, and a word on the standard error, when something is wrong. */
bool options_read(int argc, char **argv);

#endif
