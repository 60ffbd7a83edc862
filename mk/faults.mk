# SPDX-License-Identifier: MIT
#
# Fault injection for as long as one likes; what is injected within seconds is part of the tests
# (tests/system/test_lost.py). Included by the Makefile.
#
#? TRIALS=200    faults: how many bits are flipped

.PHONY: faults
faults: ## Flip bits of the hypervisor's data and count what comes of it: TRIALS=, SEED=, XLEN=
	@$(TEST_SETUP)
	@tools/with-lock build/.lock $(MAKE) --no-print-directory XLEN=$(XLEN) all guest-tests
	@tools/with-lock build/.test-lock tests/faults/flips.py --width $(XLEN) \
		--trials $(or $(TRIALS),200) --seed $(or $(SEED),1)
