# SPDX-License-Identifier: MIT
#
# Fuzzing: each tests/fuzz/fuzz_X.c is a libFuzzer harness, linked with the same
# sources as the unit tests but built by clang with coverage, ASan and UBSan.
#
#   make fuzz                        all harnesses, SECONDS each
#   make fuzz FUZZ=machine SECONDS=600
#
# What a harness learns stays in build/host/fuzz/corpus-X and is where the next run
# starts; an input that breaks something is left as build/host/fuzz/X-crash-*, and
# `build/host/fuzz/fuzz_X FILE` runs it again.
#
#? FUZZ=*            fuzz: the harnesses to run, tests/fuzz/fuzz_$(FUZZ).c
#? SECONDS=30        fuzz: how long each of them runs

FUZZ_CC ?= clang
SECONDS ?= 30

FUZZ_DIR := $(HOST_DIR)/fuzz
FUZZ_OBJ := $(FUZZ_DIR)/obj
FUZZ_HARNESSES := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_$(or $(FUZZ),*).c))
FUZZ_PROGRAMS := $(FUZZ_HARNESSES:%=$(FUZZ_DIR)/fuzz_%)
FUZZ_OBJECTS := $(HOST_SOURCES:src/%.c=$(FUZZ_OBJ)/%.o) $(FDT_SOURCES:%=$(FUZZ_OBJ)/libfdt/%.o) \
	$(BEARSSL_SOURCES:%.c=$(FUZZ_OBJ)/bearssl/%.o) $(FUZZ_OBJ)/fuzz/fake.o
FUZZ_CFLAGS := -std=gnu11 -g -O1 -Isrc -I$(LIBFDT_DIR) -isystem $(BEARSSL_DIR) -fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=all

# Where a harness may start from: files that are copied to its corpus. FUZZ_SEEDS_X for fuzz_X.
FUZZ_SEEDS_machine = $(UNIT_TREES)

.PHONY: fuzz fuzz-build
fuzz: $(FUZZ_HARNESSES:%=fuzz-run-%) ## Fuzz what parses and decodes, SECONDS for each harness
	$(if $(FUZZ_HARNESSES),,$(error tests/fuzz has no fuzz_$(FUZZ).c))
	@echo "fuzz: $(words $(FUZZ_HARNESSES)) harnesses, nothing found"

fuzz-build: $(FUZZ_PROGRAMS)

# One at a time, so that the seconds mean the same everywhere; leaks are errors, too.
.PHONY: $(FUZZ_HARNESSES:%=fuzz-run-%)
$(FUZZ_HARNESSES:%=fuzz-run-%): fuzz-run-%: $(FUZZ_DIR)/fuzz_% $(UNIT_TREES)
	@mkdir -p $(FUZZ_DIR)/corpus-$*
	@$(if $(FUZZ_SEEDS_$*),cp $(FUZZ_SEEDS_$*) $(FUZZ_DIR)/corpus-$*/)
	@echo "fuzz: $* for $(SECONDS) s, log in $(FUZZ_DIR)/$*.log"
	@$(FUZZ_DIR)/fuzz_$* -max_total_time=$(SECONDS) -timeout=10 -rss_limit_mb=1024 \
		-print_final_stats=1 -artifact_prefix=$(FUZZ_DIR)/$*- $(FUZZ_FLAGS_$*) \
		$(FUZZ_DIR)/corpus-$* >$(FUZZ_DIR)/$*.log 2>&1 || \
		{ tail -n 60 $(FUZZ_DIR)/$*.log; echo "fuzz: $* FAILED"; exit 1; }
	@sed -n 's/^stat::number_of_executed_units: */fuzz: $*: inputs tried: /p' $(FUZZ_DIR)/$*.log

$(FUZZ_OBJ)/%.o: src/%.c | $(LIBFDT_DIR)/libfdt.h
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(FUZZ_CFLAGS) -Wall -Wextra -Werror -MMD -MP -c $< -o $@

$(FUZZ_OBJ)/libfdt/%.o: $(LIBFDT_DIR)/libfdt.h
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(FUZZ_CFLAGS) -MMD -MP -c $(LIBFDT_DIR)/$*.c -o $@

$(FUZZ_OBJ)/bearssl/%.o: $(BEARSSL_DIR)/%.c
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(FUZZ_CFLAGS) -c $< -o $@

$(FUZZ_OBJ)/fuzz/%.o: tests/fuzz/%.c | $(LIBFDT_DIR)/libfdt.h
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(FUZZ_CFLAGS) -Wall -Wextra -Werror -MMD -MP -c $< -o $@

$(FUZZ_DIR)/libdiosix.a: $(FUZZ_OBJECTS)
	@rm -f $@
	$(Q)$(HOST_AR) rcs $@ $(FUZZ_OBJECTS)

$(FUZZ_DIR)/fuzz_%: $(FUZZ_OBJ)/fuzz/fuzz_%.o $(FUZZ_DIR)/libdiosix.a
	$(Q)$(FUZZ_CC) -fsanitize=fuzzer,address,undefined $< $(FUZZ_DIR)/libdiosix.a -o $@

.SECONDARY: $(FUZZ_HARNESSES:%=$(FUZZ_OBJ)/fuzz/fuzz_%.o)

-include $(FUZZ_OBJECTS:.o=.d) $(FUZZ_HARNESSES:%=$(FUZZ_OBJ)/fuzz/fuzz_%.d)
