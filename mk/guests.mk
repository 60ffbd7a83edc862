# SPDX-License-Identifier: MIT
#
# The guests: Debian's stock riscv64 kernel in the cache, and the initramfs that goes with it.
# There is no stock guest for XLEN=32.

INITRAMFS := $(BUILD)/guests/initramfs.gz
STOCK := $(if $(filter 64,$(XLEN)),$(CACHE)/linux/.complete $(INITRAMFS))

.PHONY: guests opensbi

guests: setup-guests $(STOCK) ## Fetch the stock kernel and make its initramfs

# Fetched together, so that the archive's index is read once.
.PHONY: setup-guests
setup-guests: | setup-build
	@tools/setup.sh run
	@tools/fetch.sh $(CACHE) linux busybox

opensbi: | setup-build ## Fetch OpenSBI, which tests compare with
	@tools/fetch.sh $(CACHE) opensbi

$(CACHE)/linux/.complete $(CACHE)/busybox/.complete: | setup-guests ;

$(INITRAMFS): tools/make-initramfs $(CACHE)/busybox/.complete \
		$(shell find guests/initramfs -type f -o -type d)
	@mkdir -p $(@D)
	tools/make-initramfs guests/initramfs $(CACHE)/busybox/busybox $@
