# SPDX-License-Identifier: MIT
#
# Fault injection for as long as one likes; what is injected within seconds is part of the tests
# (tests/system/test_lost.py). Included by the Makefile.
#
#? TRIALS=200    faults, kills: how many bits are flipped, capsules are stopped
#? LIVES=10000   lives: how often a capsule starts again

.PHONY: faults kills lives
faults: ## Flip bits of the hypervisor's data and count what comes of it: TRIALS=, SEED=, XLEN=
	@$(TEST_SETUP)
	@tools/with-lock build/.lock $(MAKE) --no-print-directory XLEN=$(XLEN) all guest-tests
	@tools/with-lock build/.test-lock tests/faults/flips.py --width $(XLEN) \
		--trials $(or $(TRIALS),200) --seed $(or $(SEED),1)

# Both are tests that are part of the others, for some seconds.
LONGER = /usr/bin/python3 -m pytest -p no:cacheprovider -q -s --tb=short --no-header tests/system

kills: ## Stop and restart a capsule at any instruction of the hypervisor's: TRIALS=, SEED=
	@$(TEST_SETUP)
	@tools/with-lock build/.lock $(MAKE) --no-print-directory test-files
	@tools/with-lock build/.test-lock env TRIALS=$(or $(TRIALS),200) SEED=$(SEED) $(LONGER)/test_kills.py

lives: ## Start a capsule again and again, at the same cost: LIVES=
	@$(TEST_SETUP)
	@tools/with-lock build/.lock $(MAKE) --no-print-directory test-files
	@tools/with-lock build/.test-lock env LIVES=$(or $(LIVES),10000) $(LONGER)/test_lives.py
