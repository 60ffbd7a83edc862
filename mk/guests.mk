# SPDX-License-Identifier: MIT
#
# The stock guest, what a manifest's /incbin/ finds as guests/Image and guests/initramfs.gz. For
# XLEN=64 it is Debian's riscv64 kernel and busybox. Debian has nothing for 32 bits: for XLEN=32
# both are built from Debian's sources by the recipe in guests/small, once; the result is in the
# cache, under the recipe's hash. GUEST=small takes a kernel from that recipe for XLEN=64 as well.

#? GUEST=debian     the stock guest: debian, or small, built from source (for XLEN=32 always)

GUEST ?= $(if $(filter 32,$(XLEN)),small,debian)
ifeq ($(filter $(GUEST),debian small),)
$(error GUEST is "$(GUEST)"; it can be debian or small)
endif
ifeq ($(GUEST)-$(XLEN),debian-32)
$(error Debian has no packages for 32 bits; for XLEN=32 the stock guest is GUEST=small)
endif

SMALL_KEY := $(shell cat guests/small/* | sha256sum | cut -c 1-12)
# What the guest of 32 bits is built from, unless it is built already.
SMALL_ITEMS := $(if $(wildcard $(CACHE)/small-rv32-$(SMALL_KEY)/.complete),,\
	linux-source musl busybox-source)

ifeq ($(GUEST),small)
SMALL := $(CACHE)/small-rv$(XLEN)-$(SMALL_KEY)
SMALL_MISSING := $(if $(wildcard $(SMALL)/.complete),,yes)
STOCK_KERNEL := $(SMALL)/Image
else
STOCK_KERNEL := $(CACHE)/linux/Image
endif
STOCK_BUSYBOX := $(if $(filter 32,$(XLEN)),$(SMALL),$(CACHE)/busybox)/busybox

# What must be fetched, and set-up's level. What is built already needs neither source nor compiler.
STOCK_ITEMS := $(if $(filter 64,$(XLEN)),busybox) $(if $(filter debian,$(GUEST)),linux) \
	$(if $(SMALL_MISSING),$(if $(filter 32,$(XLEN)),$(SMALL_ITEMS),linux-source))
STOCK_LEVEL := $(if $(SMALL_MISSING),guest,run)

INITRAMFS := $(BUILD)/guests/initramfs.gz
STOCK := $(BUILD)/guests/Image $(INITRAMFS)

.PHONY: guests opensbi

guests: $(STOCK) ## Fetch or build the stock kernel and make its initramfs

# Fetched together, so that the archive's index is read once.
.PHONY: setup-guests
setup-guests: | setup-build
	@tools/setup.sh $(STOCK_LEVEL)
	@$(if $(strip $(STOCK_ITEMS)),tools/fetch.sh $(CACHE) $(STOCK_ITEMS))

opensbi: | setup-build ## Fetch OpenSBI, which tests compare with
	@tools/fetch.sh $(CACHE) opensbi

$(CACHE)/linux/.complete $(CACHE)/busybox/.complete: | setup-guests ;

ifeq ($(GUEST),small)
$(SMALL)/.complete: | setup-guests
	@guests/small/build.sh $(XLEN) $(CACHE) $(SMALL_KEY)
endif

$(BUILD)/guests/Image: $(dir $(STOCK_KERNEL)).complete FORCE
	@mkdir -p $(@D)
	@[ "$$(readlink $@)" = $(STOCK_KERNEL) ] || ln -sfn $(STOCK_KERNEL) $@

# Which busybox the initramfs has: written anew when it is another.
$(BUILD)/guests/busybox: FORCE
	@mkdir -p $(@D)
	@echo $(STOCK_BUSYBOX) | cmp -s - $@ || echo $(STOCK_BUSYBOX) > $@

$(INITRAMFS): tools/make-initramfs $(dir $(STOCK_BUSYBOX)).complete $(BUILD)/guests/busybox \
		$(shell find guests/initramfs -type f -o -type d)
	@mkdir -p $(@D)
	tools/make-initramfs guests/initramfs $(STOCK_BUSYBOX) $@
