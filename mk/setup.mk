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

# The guests that were built from source go with it, so that they are built anew.
SMALL_SOURCES := $(if $(wildcard $(CACHE)/linux-source/.complete),linux-source musl busybox-source)

.PHONY: setup setup-build setup-check setup-test update

# One's own kernel needs nothing of the stock guest.
setup: ## Install what `make run` needs and fetch its guest
	@tools/setup.sh $(if $(KERNEL),run,$(STOCK_LEVEL))
	@tools/fetch.sh $(CACHE) $(SOURCE_ITEMS) $(if $(KERNEL),,$(STOCK_ITEMS))

setup-check:
	@tools/setup.sh test
	@tools/fetch.sh $(CACHE) $(SOURCE_ITEMS)

setup-test: ## Install, fetch and build what `make test` needs besides
	@tools/setup.sh test
	@tools/fetch.sh $(CACHE) $(SOURCE_ITEMS) linux busybox opensbi u-boot cmocka $(SMALL_ITEMS)
	@$(MAKE) --no-print-directory XLEN=32 guests

setup-build:
	@tools/setup.sh build
	@tools/fetch.sh $(CACHE) $(SOURCE_ITEMS)

update: ## Fetch libfdt, BearSSL and the guests again, at the archive's current version
	@REFRESH=yes tools/fetch.sh $(CACHE) $(SOURCE_ITEMS) linux busybox opensbi u-boot cmocka $(SMALL_SOURCES)
	@$(if $(SMALL_SOURCES),rm -rf $(CACHE)/small-rv*)

# For rules that name their files as prerequisites.
$(LIBFDT_DIR)/% $(BEARSSL_DIR)/%: | setup-build ;
