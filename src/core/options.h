/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor's own command line: words of the form name=value in the
 * host's /chosen bootargs. docs/architecture.md lists them.
 */
#ifndef CORE_OPTIONS_H
#define CORE_OPTIONS_H

#include "core/manifest.h"

struct options {
	enum manifest_isolation isolation; /* for capsules that leave it to us */
};

extern struct options options;

/*
 * Read `bootargs` and act on it: log= takes effect at once. A word that isn't
 * known, or a value that isn't, is reported with what would be accepted, and
 * ignored. Boot hart, once.
 */
void options_read(const char *bootargs);

#endif
