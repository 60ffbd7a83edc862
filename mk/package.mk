# SPDX-License-Identifier: MIT
#
# One ELF with hypervisor and manifest, which boots with `-kernel` alone: the packed manifest is
# linked in (section .manifest of src/riscv/link.ld.S). The boot protocol's initrd, when there is
# one, is taken instead.

PACKAGE := $(BUILD)/package.elf

.PHONY: package package-file

package: ## Pack MANIFEST (or KERNEL=...) and hypervisor into one ELF
	$(LOCKED) $(MAKE) --no-print-directory package-file
	@echo "$(PACKAGE)"

package-file: $(HYPERVISOR) image-file
	@printf '.section .manifest, "a"\n.balign 8\n.incbin "%s"\n' "$(IMAGE)" > $(BUILD)/manifest.s
	$(Q)$(TARGET_CC) $(TARGET_LINK) -c $(BUILD)/manifest.s -o $(BUILD)/manifest.o
	$(Q)$(TARGET_CC) $(TARGET_LINK) -Wl,--gc-sections -Wl,--build-id=none \
		-Wl,-T,$(BUILD)/link.ld $(HYPERVISOR_OBJECTS) $(BUILD)/manifest.o -o $(PACKAGE).tmp
	$(Q)mv $(PACKAGE).tmp $(PACKAGE)
