# SPDX-License-Identifier: MIT
#
# Format, static analysis, and the rules of the architecture over the sources and both built
# images. tools/check-rules lists them; `tools/check-rules RULE` runs one.

.PHONY: check
check: setup-check ## Check format, sources and built images
	@$(MAKE) --no-print-directory XLEN=64 all
	@$(MAKE) --no-print-directory XLEN=32 all
	@CROSS=$(CROSS) tools/check-rules --json build/test/check.json
