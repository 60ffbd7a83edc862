# SPDX-License-Identifier: MIT
#
# The hostile guest for as long as one likes: the tests of tests/system/test_hostile.py, which are
# part of `make test` as well, with another time and seed. Included by the Makefile.

#? SECONDS=60    hostile: for how long each machine is attacked
#? SEED=1        hostile: which attacks; faults, kills: which bits, where. The same seed makes the same ones

HOSTILE_SECONDS := $(if $(filter command line environment,$(origin SECONDS)),$(SECONDS),60)
HOSTILE_SEED := $(or $(SEED),1)

.PHONY: hostile

hostile: ## Attack the hypervisor and its guests at random: SECONDS=, SEED=
	@$(TEST_SETUP)
	@tools/with-lock build/.test-lock env HOSTILE_SECONDS=$(HOSTILE_SECONDS) \
		HOSTILE_SEED=$(HOSTILE_SEED) /usr/bin/python3 tests/run.py -k test_hostile build system
