/* SPDX-License-Identifier: MIT */
/* The log's other end: what the console takes lines from. */
#ifndef CORE_LOG_RING_H
#define CORE_LOG_RING_H

#include <stdbool.h>
#include <stddef.h>

/* The next line that waits to be shown and that the level lets through, without newline; 0: none.
 */
size_t log_take_line(char *line, size_t size);

/* True when it has room for some dozen lines before it loses one that wasn't shown. */
bool log_has_room(void);

/* All lines that the ring still has wait again. */
void log_rewind(void);

#endif
