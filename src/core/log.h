/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor's messages to its user.
 *
 * A line looks like `[+] CPU 0: text`. Lines go into a ring that keeps the
 * last ones for later, and to the console as soon as that doesn't break a
 * line of a guest (core/console.h). Callable on any hart, in M-mode, at any
 * time after boot has cleared bss; never from the SBI fast paths on success.
 */
#ifndef CORE_LOG_H
#define CORE_LOG_H

#include "core/status.h"

enum log_level {
	LOG_ALERT, /* [!] something is wrong or left out */
	LOG_INFO,  /* [+] what a user wants to know */
	LOG_DEBUG, /* [?] how the machine was found, what starts and stops */
};

/* One line, without newline; the prefix is added. Longer than 240 characters is cut. */
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_alert(...) log_line(LOG_ALERT, __VA_ARGS__)
#define log_info(...)  log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)

/* Lines above `level` are kept in the ring but not shown. From `log=` on the host's command line.
 */
void log_set_level(enum log_level level);

/*
 * Keep lines in the `size` bytes at `bytes` from now on, a power of two, at least as many as the
 * ring in .bss has, and the log's for ever. Boot hart, once there is RAM.
 */
void log_extend(char *bytes, unsigned size);

#endif
