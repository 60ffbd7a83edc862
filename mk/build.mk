# SPDX-License-Identifier: MIT
# Builds the hypervisor: build/rv64/diosix.elf or build/rv32/diosix.elf.
#
#? XLEN=64           width of the machine: 64 or 32
#? CROSS=riscv64-unknown-elf-  prefix of the cross compiler, one for both widths
#? LINK_BASE=0x80000000  where the image is linked: the start of the board's RAM
#? EARLY_UART=0x10000000  16550 that says so when the device tree can't be read
#? EARLY_FINISHER=0x100000  SiFive test device that then ends the machine

CROSS      ?= riscv64-unknown-elf-
LINK_BASE  ?= 0x80000000
EARLY_UART ?= 0x10000000
EARLY_FINISHER ?= 0x100000

ifeq ($(filter $(XLEN),32 64),)
$(error XLEN is "$(XLEN)"; it can be 64 or 32)
endif

ABI_64 = lp64
ABI_32 = ilp32

TARGET_CC = $(CROSS)gcc

# The hypervisor leaves gp and t2-t6 to the guest, so that the trap path need not save
# them (src/riscv/trap.S); libgcc isn't linked, since it would not.
TARGET_ARCH = -march=rv$(XLEN)imac_zicsr_zifencei -mabi=$(ABI_$(XLEN)) -mcmodel=medany \
	-ffixed-t2 -ffixed-t3 -ffixed-t4 -ffixed-t5 -ffixed-t6
TARGET_LINK = -march=rv$(XLEN)imac -mabi=$(ABI_$(XLEN)) -nostdlib -static
WARNINGS = -Wall -Wextra -Werror -Wshadow -Wundef -Wstrict-prototypes -Wmissing-prototypes \
	-Wpointer-arith -Wwrite-strings -Wvla -Wswitch-enum
TARGET_OPTIMIZE = -O2
OPTIMIZE_RARE = -Os
OPTIMIZE_LESS = $(if $(filter 64,$(XLEN)),-Os,-O1)
TARGET_CFLAGS = -std=gnu11 $(TARGET_OPTIMIZE) -g -ffreestanding -fno-common -fno-jump-tables -fno-pic -fno-stack-protector \
	-malign-data=natural \
	-ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables \
	-fstack-usage '-ffile-prefix-map=$(CURDIR)/=' \
	$(TARGET_ARCH) $(WARNINGS) -DEARLY_UART=$(EARLY_UART) -DEARLY_FINISHER=$(EARLY_FINISHER)
TARGET_CPPFLAGS = -Isrc -Isrc/lib/libfdt -I$(LIBFDT_DIR) -isystem src/lib/bearssl \
	-isystem $(BEARSSL_DIR) -I$(BUILD) -MMD -MP

LIBFDT_SOURCES = fdt.c fdt_ro.c fdt_check.c fdt_sw.c fdt_strerror.c fdt_addresses.c
BEARSSL_SOURCES = sha2small.c dec32be.c enc32be.c
HYPERVISOR_SOURCES = $(wildcard src/core/*.c src/lib/*.c src/sbi/*.c src/drivers/*.c src/vdev/*.c) \
	$(filter-out src/riscv/asm_offsets.c,$(wildcard src/riscv/*.c src/riscv/*/*.c))
HYPERVISOR_ASM = $(filter-out %.ld.S,$(wildcard src/riscv/*.S))
HYPERVISOR_OBJECTS = $(patsubst src/%.c,$(BUILD)/%.o,$(HYPERVISOR_SOURCES)) \
	$(patsubst src/%.S,$(BUILD)/%.S.o,$(HYPERVISOR_ASM)) \
	$(patsubst %.c,$(BUILD)/libfdt/%.o,$(LIBFDT_SOURCES)) \
	$(patsubst %.c,$(BUILD)/bearssl/%.o,$(BEARSSL_SOURCES))

# Written anew only when it changes, so that an unchanged version rebuilds nothing.
VERSION := 2.0.0-$(shell git describe --always --dirty --abbrev=8 --exclude='*' 2>/dev/null || echo unknown)
$(BUILD)/version.h: FORCE
	@mkdir -p $(@D)
	@printf '#define DIOSIX_VERSION "%s"\n' '$(VERSION)' | cmp -s - $@ || \
		printf '#define DIOSIX_VERSION "%s"\n' '$(VERSION)' > $@

# Objects also depend on the flags they were built with, and on which of them are built small.
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' $(FLAGS_IN_USE) | cmp -s - $@ || printf '%s\n' $(FLAGS_IN_USE) > $@

$(BUILD)/asm_offsets.h: src/riscv/asm_offsets.c $(BUILD)/flags | $(LIBFDT_DIR)/libfdt.h
	$(Q)$(TARGET_CC) $(TARGET_CFLAGS) $(TARGET_CPPFLAGS) -MT $@ -MF $(BUILD)/asm_offsets.d -S $< -o $(BUILD)/asm_offsets.s
	$(Q)sed -n 's/^@@ \([A-Z0-9_]*\) \([0-9]*\)$$/#define \1 \2/p' $(BUILD)/asm_offsets.s > $@

$(BUILD)/%.o: src/%.c $(BUILD)/flags $(BUILD)/version.h | $(LIBFDT_DIR)/libfdt.h
	@mkdir -p $(@D)
	$(Q)$(TARGET_CC) $(TARGET_CFLAGS) $(TARGET_CPPFLAGS) -c $< -o $@

# What runs at boot, at a capsule's start or end, in the face of a failure, or for guests that set something of their hart,
# is compiled to be small.
RARELY_RUN := $(patsubst src/%.c,$(BUILD)/%.o,$(wildcard $(addprefix src/core/,boot.c capsule.c capsule_make.c capsule_ram.c figures.c \
	guest_tree.c image*.c log.c machine*.c manifest*.c options.c panic.c place.c ram.c sched_boot.c seed.c \
	space.c tree.c watch.c sched_lost.c console_control.c console_menu.c capsule_load.c) \
	$(addprefix src/drivers/,drivers.c plic.c aplic.c imsic.c finisher.c htif.c ns16550.c sifive_uart.c) \
	$(addprefix src/riscv/,aia.c boot.c cpu.c isa.c leftovers.c probe.c report*.c exits.c features.c vector.c hext/hext.c hext/gstage.c hext/wall.c pmp/encode.c) \
	$(addprefix src/sbi/,pmu.c fwft.c susp.c srst.c sta.c) src/lib/print.c)) \
	$(patsubst %.c,$(BUILD)/libfdt/%.o,$(LIBFDT_SOURCES))
# Of those, what reads 64 bits at once, which -Os on RV32 leaves to a library, and what loops over all of an image or
# over each word of a tree.
LESS_SMALL := $(addprefix $(BUILD)/,core/manifest_hash.o libfdt/fdt.o riscv/report_walk.o)
FLAGS_IN_USE = "$(TARGET_CC) $(TARGET_CFLAGS) $(LINK_BASE)" "$(OPTIMIZE_RARE): $(RARELY_RUN)" \
	"$(OPTIMIZE_LESS): $(LESS_SMALL)"
$(filter-out $(LESS_SMALL),$(RARELY_RUN)): TARGET_OPTIMIZE = $(OPTIMIZE_RARE)
$(LESS_SMALL): TARGET_OPTIMIZE = $(OPTIMIZE_LESS)

# gcc would turn the loops of memcpy and memset into calls of themselves.
$(BUILD)/lib/string.o: TARGET_CFLAGS += -fno-tree-loop-distribute-patterns

$(BUILD)/%.S.o: src/%.S $(BUILD)/asm_offsets.h $(BUILD)/flags
	@mkdir -p $(@D)
	$(Q)$(TARGET_CC) $(TARGET_CFLAGS) $(TARGET_CPPFLAGS) -c $< -o $@

# libfdt includes "libfdt_env.h" with quotes, which would find its own beside it: its
# sources are compiled from copies in the build folder, where ours comes first.
$(BUILD)/libfdt/%.c: $(LIBFDT_DIR)/libfdt.h
	@mkdir -p $(@D)
	@cp $(LIBFDT_DIR)/$*.c $@
	@cp $(LIBFDT_DIR)/fdt.h $(LIBFDT_DIR)/libfdt.h $(LIBFDT_DIR)/libfdt_internal.h $(@D)/

$(BUILD)/libfdt/%.o: $(BUILD)/libfdt/%.c $(BUILD)/flags
	$(Q)$(TARGET_CC) $(TARGET_CFLAGS) -w $(TARGET_CPPFLAGS) -c $< -o $@

# Its headers want a <string.h>, which no freestanding compiler has: src/lib/bearssl/string.h.
$(BUILD)/bearssl/%.o: $(BEARSSL_DIR)/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(Q)$(TARGET_CC) $(TARGET_CFLAGS) -w $(TARGET_CPPFLAGS) -c $< -o $@

$(BUILD)/link.ld: src/riscv/link.ld.S $(BUILD)/flags | setup-build
	@mkdir -p $(@D)
	$(Q)$(TARGET_CC) -E -P -x assembler-with-cpp -DLINK_BASE=$(LINK_BASE) $< -o $@

$(BUILD)/diosix.elf: $(HYPERVISOR_OBJECTS) $(BUILD)/link.ld
	$(Q)$(TARGET_CC) $(TARGET_LINK) -Wl,--gc-sections -Wl,--build-id=none -Wl,-T,$(BUILD)/link.ld \
		$(HYPERVISOR_OBJECTS) -o $@.tmp
	$(Q)mv $@.tmp $@
	@echo "built $@ ($(VERSION))"

.SECONDARY: $(LIBFDT_SOURCES:%=$(BUILD)/libfdt/%)
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
