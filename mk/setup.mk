# SPDX-License-Identifier: MIT
#
# Set-up: the tools (by the system's packages) and third-party source and guests (into CACHE).
# There is no stamp: both scripts look for the things themselves, which takes some milliseconds,
# and so are right as well after a package was removed or the cache deleted.
#
# Depend on `| setup-build` before anything that runs a compiler or reads libfdt or
# BearSSL.

#? SETUP=yes  no: never install packages, only say what is missing
#? MIRROR=  the Debian archive to fetch from, where apt on this machine has none

LIBFDT_DIR := $(CACHE)/libfdt
BEARSSL_DIR := $(CACHE)/bearssl
SOURCE_ITEMS := libfdt bearssl

export SETUP MIRROR CACHE

# What the stock guest is made of. One's own kernel does without, and it is for XLEN=64 only.
STOCK_ITEMS = $(if $(KERNEL)$(filter-out 64,$(XLEN)),,linux busybox)

.PHONY: setup setup-build setup-test update

setup: ## Install what `make run` needs and fetch its guest
	@tools/setup.sh run
	@tools/fetch.sh $(CACHE) $(SOURCE_ITEMS) $(STOCK_ITEMS)

setup-test: ## Install and fetch what `make test` needs besides
	@tools/setup.sh test
	@tools/fetch.sh $(CACHE) $(SOURCE_ITEMS) linux busybox opensbi

setup-build:
	@tools/setup.sh build
	@tools/fetch.sh $(CACHE) $(SOURCE_ITEMS)

update: ## Fetch libfdt, BearSSL and the guests again, at the archive's current version
	@REFRESH=yes tools/fetch.sh $(CACHE) $(SOURCE_ITEMS) linux busybox opensbi

# For rules that name their files as prerequisites.
$(LIBFDT_DIR)/% $(BEARSSL_DIR)/%: | setup-build ;
