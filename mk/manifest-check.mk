# SPDX-License-Identifier: MIT
#
# build/host/manifest-check: the host tool that checks a manifest before it is booted, made from
# the hypervisor's own sources (tools/manifest-check.c says how it is called).

HOST_CC ?= gcc

CHECK_DIR := build/host/check
CHECK_SOURCES := tools/manifest-check.c $(wildcard src/core/manifest*.c src/core/image*.c) \
	src/core/guest_tree.c src/core/machine_blocks.c src/core/refuse.c src/lib/print.c
CHECK_LIBFDT := fdt fdt_check fdt_ro fdt_strerror fdt_sw
CHECK_OBJECTS := $(CHECK_SOURCES:%.c=$(CHECK_DIR)/%.o) $(CHECK_LIBFDT:%=$(CHECK_DIR)/libfdt/%.o) \
	$(BEARSSL_SOURCES:%.c=$(CHECK_DIR)/bearssl/%.o)
CHECK_CFLAGS := -std=gnu11 -O2 -g -Wall -Wextra -Werror -Isrc -isystem $(LIBFDT_DIR) \
	-isystem $(BEARSSL_DIR)

build/host/manifest-check: $(CHECK_OBJECTS)
	$(Q)$(HOST_CC) $(CHECK_OBJECTS) -o $@

$(CHECK_DIR)/%.o: %.c | $(LIBFDT_DIR)/libfdt.h
	@mkdir -p $(@D)
	$(Q)$(HOST_CC) $(CHECK_CFLAGS) -MMD -MP -c $< -o $@

$(CHECK_DIR)/libfdt/%.o: $(LIBFDT_DIR)/%.c
	@mkdir -p $(@D)
	$(Q)$(HOST_CC) -std=gnu11 -O2 -g -w -I$(LIBFDT_DIR) -c $< -o $@

$(CHECK_DIR)/bearssl/%.o: $(BEARSSL_DIR)/%.c
	@mkdir -p $(@D)
	$(Q)$(HOST_CC) -std=gnu11 -O2 -g -w -c $< -o $@

-include $(CHECK_SOURCES:%.c=$(CHECK_DIR)/%.d)

# Good manifests and images that fuzzing the same code (mk/fuzz.mk) starts from.
SEED_DIR := build/host/seeds
FUZZ_SEEDS_manifest = $(SEED_DIR)/inside.itb $(SEED_DIR)/external.itb
FUZZ_SEEDS_image = $(addprefix $(SEED_DIR)/,linux32 linux64 fixed32 fixed64 anywhere32 anywhere64)
fuzz-run-manifest: $(FUZZ_SEEDS_manifest)
fuzz-run-image: $(FUZZ_SEEDS_image)

$(SEED_DIR)/inside.itb: tests/unit/data/small.its
	@mkdir -p $(@D)
	$(Q)mkimage -q -f $< $@ >/dev/null
$(SEED_DIR)/external.itb: tests/unit/data/small.its
	@mkdir -p $(@D)
	$(Q)mkimage -q -E -f $< $@ >/dev/null
$(FUZZ_SEEDS_image) &: tests/fuzz/make_seeds.py
	$(Q)/usr/bin/python3 $< $(SEED_DIR)
