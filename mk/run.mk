# SPDX-License-Identifier: MIT
#
# Packing images of capsules and booting them in QEMU. Building happens under a lock, so that two
# `make run` at once in one checkout take turns; the emulators then run side by side.

#? MANIFEST=manifests/linux.its  the capsules to boot
#? KERNEL=  a kernel of your own to boot instead (ELF, Image, gzip or EFI zboot)
#? INITRD=  its initial RAM disk
#? BOOTARGS=console=ttyS0  its command line
#? RAM=128M  its memory
#? VCPUS=1  its virtual CPUs
#? QEMU=qemu-system-riscv$(XLEN)  the emulator; test, test-system: that of the other width is beside it
#? MACHINE=virt  the machine it emulates
#? CPU=rv$(XLEN)  its CPU
#? CPUS=4  how many of them
#? MEM=512M  the machine's memory
#? ISOLATION=auto  how capsules are fenced: auto, pmp or hext
#? CONSOLE=auto  the view to begin with: auto, merged or attached
#? HOSTARGS=  more words for the hypervisor's own command line

DEFAULT_MANIFEST := manifests/linux.its
MANIFEST ?= $(DEFAULT_MANIFEST)
QEMU ?= qemu-system-riscv$(XLEN)
MACHINE ?= virt
CPU ?= rv$(XLEN)
CPUS ?= 4
MEM ?= 512M

# Handed over by the environment, because no quoting survives make and a shell.
export KERNEL INITRD BOOTARGS RAM VCPUS
export STOCK_GUEST = $(GUEST)
export QEMU MACHINE CPU CPUS MEM ISOLATION CONSOLE HOSTARGS BUILD

MANIFEST_CHECK := build/host/manifest-check
OWN := $(strip $(KERNEL)$(INITRD)$(BOOTARGS)$(RAM)$(VCPUS))
LOCKED = @tools/with-lock build/.lock

ifneq ($(OWN),)
IMAGE = $$(tools/own-image where)
else
IMAGE = $(BUILD)/$(basename $(notdir $(MANIFEST)))$(if $(filter 64-small,$(XLEN)-$(GUEST)),-small).itb
endif

.PHONY: run image run-files image-file refuse-image

run: ## Boot the hypervisor and its capsules in QEMU
	@tools/run.sh
	$(LOCKED) $(MAKE) --no-print-directory setup
	$(LOCKED) $(MAKE) --no-print-directory run-files
	@exec tools/run.sh $(HYPERVISOR) "$(IMAGE)"

image: ## Pack and check MANIFEST (or KERNEL=...), to boot it by hand
	$(LOCKED) $(MAKE) --no-print-directory setup
	$(LOCKED) $(MAKE) --no-print-directory image-file
	@echo "$(IMAGE)"

run-files: $(HYPERVISOR) image-file

# Only one's own kernel can do without the stock guest.
image-file: refuse-image $(MANIFEST_CHECK) $(if $(KERNEL),,$(STOCK)) | setup-image
	@mkdir -p $(BUILD)
ifneq ($(OWN),)
	@tools/own-image make $(XLEN) $(MANIFEST_CHECK)
else
	@tools/make-image $(XLEN) $(MANIFEST_CHECK) $(MANIFEST) $(IMAGE) $(CACHE) $(BUILD)
endif

refuse-image:
ifneq ($(OWN),)
ifneq ($(MANIFEST),$(DEFAULT_MANIFEST))
	@echo "MANIFEST= describes capsules itself: leave out KERNEL, INITRD, BOOTARGS, RAM and VCPUS" >&2
	@exit 1
endif
endif

.PHONY: setup-image
setup-image:
	@tools/setup.sh run
