# SPDX-License-Identifier: MIT
# Diosix, a bare-metal hypervisor for RISC-V. `make help` lists the verbs and variables.

.DEFAULT_GOAL := all
MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:

#? V=  1: show every command
Q := $(if $(V),,@)

XLEN  ?= 64
BUILD := build/rv$(XLEN)
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/diosix

HYPERVISOR := $(BUILD)/diosix.elf

include mk/setup.mk mk/build.mk mk/guests.mk mk/run.mk mk/package.mk mk/unit.mk
-include mk/bench.mk mk/manifest-check.mk mk/guest-tests.mk mk/hostile.mk mk/check.mk mk/test.mk mk/fuzz.mk mk/faults.mk

.PHONY: all help clean format FORCE

all: $(HYPERVISOR) ## Build the hypervisor (the default)

help: ## List verbs and variables
	@echo 'Verbs:'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' Makefile mk/*.mk | expand -t 18
	@echo 'Variables (make VERB NAME=value):'
	@sed -n 's/^\#? \([A-Z_]*=[^ ]*\)  *\(.*\)/  \1\t\2/p' Makefile mk/*.mk | expand -t 34

clean: ## Remove what was built (the cache outside stays)
	rm -rf build

format: ## Lay out all C sources as .clang-format says
	clang-format -i $$(git ls-files '*.c' '*.h')
