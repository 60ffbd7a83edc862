# SPDX-License-Identifier: MIT
#
# Measuring: the table of what Diosix costs beside OpenSBI, and whether a row has grown against
# tests/bench/baseline.json (tools/bench, docs/bench.md). Both widths, unless XLEN is given.

BENCH_WIDTHS = $(if $(filter file,$(origin XLEN)),64 32,$(XLEN))
BENCH_PLUGIN := build/host/bench/count.so
BENCH_SOURCES := $(wildcard tools/bench/*.c)

.PHONY: bench bench-check bench-update bench-files bench-width

bench: opensbi bench-files ## Measure Diosix and OpenSBI, in instructions (XLEN: only that width)
	@/usr/bin/python3 tools/bench/bench.py table $(BENCH_WIDTHS)

bench-check: opensbi bench-files ## Compare what Diosix costs with the numbers that are kept
	@/usr/bin/python3 tools/bench/bench.py check $(BENCH_WIDTHS)

bench-update: opensbi bench-files ## Measure and keep the numbers (tests/bench/baseline.json)
	@/usr/bin/python3 tools/bench/bench.py update $(BENCH_WIDTHS)

# A recipe line for each width.
define bench_build
	$(LOCKED) $(MAKE) --no-print-directory XLEN=$(1) bench-width

endef

bench-files: $(BENCH_PLUGIN)
	@tools/setup.sh run
	$(foreach width,$(BENCH_WIDTHS),$(call bench_build,$(width)))

bench-width: all guest-tests $(MANIFEST_CHECK) $(STOCK)

# No header of QEMU's is needed: tools/bench/qemu_plugin.h says what of it is used.
$(BENCH_PLUGIN): $(BENCH_SOURCES) $(wildcard tools/bench/*.h)
	@mkdir -p $(@D)
	$(Q)$(HOST_CC) -std=gnu11 -O2 -g -Wall -Wextra -Werror -shared -fPIC -fvisibility=hidden \
		$(BENCH_SOURCES) -o $@
