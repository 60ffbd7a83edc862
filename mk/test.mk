# SPDX-License-Identifier: MIT
#
# All tests, and some of them. tests/run.py takes the stages one after the other, most of them
# targets of this Makefile, and adds up what they found. Building is under the lock that `make run`
# takes, testing under one of its own: tests run `make run` themselves.
#
# Both take QEMU= (mk/run.mk, which exports it): tests/system/machine.py replaces the width at the
# end of its name. The bench and whatever else counts with the plugin stay with the installed one.
#
#? K=expression    test-system: only the tests whose names match, as pytest's -k has it

.PHONY: test test-system test-files

# Python itself may be among what is missing, so set-up comes before it.
TEST_SETUP = tools/with-lock build/.lock $(MAKE) --no-print-directory setup-test || \
	{ mkdir -p build/test; echo '0 passed, 1 failed' | tee build/test/summary; exit 1; }

test: ## Set up, check, build and run all tests
	@$(TEST_SETUP)
	@tools/with-lock build/.test-lock /usr/bin/python3 tests/run.py

# What the system tests boot.
test-files:
	@$(MAKE) --no-print-directory XLEN=64 all guest-tests image-file build/host/manifest-check \
		build/host/bench/count.so
	@$(MAKE) --no-print-directory XLEN=32 all guest-tests image-file

test-system: ## Run the system tests alone, or some of them: K=name
	@$(TEST_SETUP)
	@tools/with-lock build/.test-lock /usr/bin/python3 tests/run.py $(if $(K),-k '$(K)') build system

#? MINUTES=30    soak: for how long

.PHONY: soak
soak: ## Two Linux with four vCPUs each on four harts, and one that restarts: MINUTES=
	@$(TEST_SETUP)
	@tools/with-lock build/.lock $(MAKE) --no-print-directory test-files
	@tools/with-lock build/.test-lock env SOAK_MINUTES=$(or $(MINUTES),30) \
		/usr/bin/python3 -m pytest -p no:cacheprovider -q -s --tb=short --no-header tests/soak
