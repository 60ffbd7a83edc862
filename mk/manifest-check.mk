# SPDX-License-Identifier: MIT
#
# build/host/manifest-check: the host tool that checks a manifest before it is booted, made from
# the hypervisor's own sources (tools/manifest-check.c says how it is called).

HOST_CC ?= gcc

CHECK_DIR := build/host/check
CHECK_SOURCES := tools/manifest-check.c $(wildcard src/core/manifest*.c src/core/image*.c) \
	src/core/guest_tree.c src/core/refuse.c src/lib/print.c
CHECK_LIBFDT := fdt fdt_check fdt_ro fdt_strerror fdt_sw
CHECK_OBJECTS := $(CHECK_SOURCES:%.c=$(CHECK_DIR)/%.o) $(CHECK_LIBFDT:%=$(CHECK_DIR)/libfdt/%.o)
CHECK_CFLAGS := -std=gnu11 -O2 -g -Wall -Wextra -Werror -Isrc -isystem $(LIBFDT_DIR)

build/host/manifest-check: $(CHECK_OBJECTS)
	$(Q)$(HOST_CC) $(CHECK_OBJECTS) -o $@

$(CHECK_DIR)/%.o: %.c | $(LIBFDT_DIR)/libfdt.h
	@mkdir -p $(@D)
	$(Q)$(HOST_CC) $(CHECK_CFLAGS) -MMD -MP -c $< -o $@

$(CHECK_DIR)/libfdt/%.o: $(LIBFDT_DIR)/%.c
	@mkdir -p $(@D)
	$(Q)$(HOST_CC) -std=gnu11 -O2 -g -w -I$(LIBFDT_DIR) -c $< -o $@

-include $(CHECK_SOURCES:%.c=$(CHECK_DIR)/%.d)
