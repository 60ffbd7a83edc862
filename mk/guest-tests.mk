# SPDX-License-Identifier: MIT
#
# The capsule kit's programs: guest tests, the cost guest, and small guests that
# do one thing. `make guest-tests XLEN=32` builds all of them with their
# manifests into build/rv32/guest. Included by the Makefile; works alone with -f.

XLEN ?= 64
CROSS ?= riscv64-unknown-elf-
GUEST_CC ?= $(CROSS)gcc
GUEST_OBJCOPY ?= $(CROSS)objcopy
MKIMAGE ?= mkimage

GUEST_OUT := build/rv$(XLEN)/guest
GUEST_ABI := $(if $(filter 32,$(XLEN)),ilp32,lp64)
# Where the manifests put the capsule's RAM, plus 2 MiB; also where QEMU loads the ELF.
GUEST_BASE := 0x84200000

# The suffixes fall out of GCC's multilib table, so the link goes without them.
GUEST_MARCH := rv$(XLEN)imac_zicsr_zifencei
GUEST_LINK_MARCH := rv$(XLEN)imac
GUEST_CPPFLAGS := -Icapsules -Itests/guest
GUEST_CFLAGS := -std=gnu11 -O2 -g -Wall -Wextra -Werror -ffreestanding -fno-builtin \
	-fno-common -fno-jump-tables -mcmodel=medany -mabi=$(GUEST_ABI)
GUEST_LDFLAGS := -nostdlib -static -march=$(GUEST_LINK_MARCH) -mabi=$(GUEST_ABI) \
	-Wl,--build-id=none -Wl,--no-warn-rwx-segments

GUEST_KIT := $(patsubst capsules/%,$(GUEST_OUT)/%.o,$(wildcard capsules/kit/*.[cS]))
GUEST_SUBJECTS := $(patsubst tests/guest/%,$(GUEST_OUT)/test/%.o,\
	$(filter-out $(patsubst %,tests/guest/%.c,cost% hostile% victim twin% traces% load smp% ends exits lives steal storm worst),\
	$(wildcard tests/guest/*.c tests/guest/vector*.S)))
GUEST_COST := $(GUEST_OUT)/test/cost.c.o
GUEST_COST_SMP := $(GUEST_OUT)/test/cost_smp.c.o
GUEST_LOAD := $(GUEST_OUT)/test/load.c.o
GUEST_ENDS := $(GUEST_OUT)/test/ends.c.o
GUEST_EXITS := $(GUEST_OUT)/test/exits.c.o
GUEST_LIVES := $(GUEST_OUT)/test/lives.c.o
GUEST_WORST := $(GUEST_OUT)/test/worst.c.o
GUEST_SMP := $(patsubst tests/guest/%,$(GUEST_OUT)/test/%.o,$(wildcard tests/guest/smp*.[cS]))
GUEST_HOSTILE := $(patsubst tests/guest/%,$(GUEST_OUT)/test/%.o,$(wildcard tests/guest/hostile*.[cS]))
GUEST_STORM := $(GUEST_OUT)/test/storm.c.o
GUEST_VICTIM := $(patsubst tests/guest/%,$(GUEST_OUT)/test/%.o,$(wildcard tests/guest/victim*.[cS]))
GUEST_TWIN := $(patsubst tests/guest/%,$(GUEST_OUT)/test/%.o,$(wildcard tests/guest/twin*.[cS]))
GUEST_STEAL := $(GUEST_OUT)/test/steal.c.o
GUEST_TRACES := $(patsubst tests/guest/%,$(GUEST_OUT)/test/%.o,$(wildcard tests/guest/traces*.[cS]))
GUEST_SMALL := $(patsubst tests/guest/small/%.S,%,$(wildcard tests/guest/small/*.S))
GUEST_KERNELS := guest-tests smp-tests cost cost-smp load ends exits lives worst hostile storm victim twin-a twin-b twin-c traces \
	steal-a steal-b $(GUEST_SMALL)
# hostile-linux.its needs the stock guest as well: tests/system/test_hostile.py packs it.
GUEST_ITS := $(filter-out hostile-linux,$(patsubst tests/guest/%.its,%,$(wildcard tests/guest/*.its)))

comma := ,

.PHONY: guest-tests
guest-tests: ## Build the programs that run in capsules for tests, and their manifests
guest-tests: $(GUEST_KERNELS:%=$(GUEST_OUT)/%.elf) $(GUEST_OUT)/flat.bin $(GUEST_OUT)/load.bin \
	$(GUEST_OUT)/pic.elf $(GUEST_ITS:%=$(GUEST_OUT)/%.itb)

$(GUEST_OUT)/kit/%.o: capsules/kit/% mk/guest-tests.mk
	@mkdir -p $(@D)
	$(Q)$(GUEST_CC) $(GUEST_CPPFLAGS) $(GUEST_CFLAGS) -march=$(GUEST_MARCH) -MMD -MP -c $< -o $@

$(GUEST_OUT)/test/%.o: tests/guest/% mk/guest-tests.mk
	@mkdir -p $(@D)
	$(Q)$(GUEST_CC) $(GUEST_CPPFLAGS) $(GUEST_CFLAGS) -march=$(GUEST_MARCH) -MMD -MP -c $< -o $@

# libgcc is there for what C can ask of RV32, such as shifts of 64 bits.
define guest_link
	$(Q)$(GUEST_CC) $(GUEST_LDFLAGS) -Wl,--defsym=BASE=$(1) -T capsules/kit/kit.ld \
		$(filter %.o,$^) -lgcc -o $@
endef

$(GUEST_OUT)/guest-tests.elf: $(GUEST_KIT) $(GUEST_SUBJECTS) capsules/kit/kit.ld
	$(call guest_link,$(GUEST_BASE))

$(GUEST_OUT)/cost.elf: $(GUEST_KIT) $(GUEST_COST) capsules/kit/kit.ld
	$(call guest_link,$(GUEST_BASE))

$(GUEST_OUT)/cost-smp.elf: $(GUEST_KIT) $(GUEST_COST_SMP) capsules/kit/kit.ld
	$(call guest_link,$(GUEST_BASE))

$(GUEST_OUT)/ends.elf: $(GUEST_KIT) $(GUEST_ENDS) capsules/kit/kit.ld
	$(call guest_link,$(GUEST_BASE))

$(GUEST_OUT)/exits.elf: $(GUEST_KIT) $(GUEST_EXITS) capsules/kit/kit.ld
	$(call guest_link,$(GUEST_BASE))

$(GUEST_OUT)/lives.elf: $(GUEST_KIT) $(GUEST_LIVES) capsules/kit/kit.ld
	$(call guest_link,$(GUEST_BASE))

$(GUEST_OUT)/worst.elf: $(GUEST_KIT) $(GUEST_WORST) capsules/kit/kit.ld
	$(call guest_link,$(GUEST_BASE))

$(GUEST_OUT)/smp-tests.elf: $(GUEST_KIT) $(GUEST_SMP) capsules/kit/kit.ld
	$(call guest_link,$(GUEST_BASE))

# Linked nowhere in particular: it is used as a flat binary (tests/system, tools/bench).
$(GUEST_OUT)/load.elf: $(GUEST_KIT) $(GUEST_LOAD) capsules/kit/kit.ld
	$(call guest_link,$(GUEST_BASE))

# What runs beside others has an address of its own: a capsule's RAM lies where its host's does.
$(GUEST_OUT)/hostile.elf: $(GUEST_KIT) $(GUEST_HOSTILE) capsules/kit/kit.ld
	$(call guest_link,$(GUEST_BASE))

$(GUEST_OUT)/storm.elf: $(GUEST_KIT) $(GUEST_STORM) capsules/kit/kit.ld
	$(call guest_link,$(GUEST_BASE))

$(GUEST_OUT)/victim.elf: $(GUEST_KIT) $(GUEST_VICTIM) capsules/kit/kit.ld
	$(call guest_link,0x86200000)

$(GUEST_OUT)/twin-a.elf: $(GUEST_KIT) $(GUEST_TWIN) capsules/kit/kit.ld
	$(call guest_link,$(GUEST_BASE))

$(GUEST_OUT)/twin-b.elf: $(GUEST_KIT) $(GUEST_TWIN) capsules/kit/kit.ld
	$(call guest_link,0x86200000)

$(GUEST_OUT)/twin-c.elf: $(GUEST_KIT) $(GUEST_TWIN) capsules/kit/kit.ld
	$(call guest_link,0x8a200000)

$(GUEST_OUT)/steal-a.elf: $(GUEST_KIT) $(GUEST_STEAL) capsules/kit/kit.ld
	$(call guest_link,$(GUEST_BASE))

$(GUEST_OUT)/steal-b.elf: $(GUEST_KIT) $(GUEST_STEAL) capsules/kit/kit.ld
	$(call guest_link,0x86200000)

# It starts at code of its own, which looks at registers that the kit's start needs.
$(GUEST_OUT)/traces.elf: $(GUEST_KIT) $(GUEST_TRACES) capsules/kit/kit.ld
	$(call guest_link,$(GUEST_BASE) -Wl$(comma)-e$(comma)traces_start)

# The small ones have no C, so no kit: one object, one section. -N keeps it writable, and
# the ELF header out of the segment, whose start QEMU takes for the entry.
$(GUEST_SMALL:%=$(GUEST_OUT)/%.elf): $(GUEST_OUT)/%.elf: $(GUEST_OUT)/test/small/%.S.o
	$(Q)$(GUEST_CC) $(GUEST_LDFLAGS) -Wl,-N,-Ttext=$(GUEST_BASE),-e,_start $< -o $@

$(GUEST_OUT)/flat.bin $(GUEST_OUT)/load.bin: $(GUEST_OUT)/%.bin: $(GUEST_OUT)/%.elf
	$(Q)$(GUEST_OBJCOPY) -O binary $< $@

# A position-independent ELF. This linker makes none, so flat.S, which needs no
# relocation, is linked at 0 and byte 16 of its header, e_type, becomes ET_DYN.
$(GUEST_OUT)/pic.elf: $(GUEST_OUT)/test/small/flat.S.o
	$(Q)$(GUEST_CC) $(GUEST_LDFLAGS) -Wl,-N,-Ttext=0,-e,_start $< -o $@.tmp
	$(Q)printf '\003' | dd of=$@.tmp bs=1 seek=16 conv=notrunc status=none
	$(Q)mv $@.tmp $@

# -D gives mkimage's dtc the folder of this width, where /incbin/ finds the kernel.
$(GUEST_OUT)/%.itb: tests/guest/%.its $(GUEST_KERNELS:%=$(GUEST_OUT)/%.elf) \
		$(GUEST_OUT)/flat.bin $(GUEST_OUT)/pic.elf
	$(Q)$(MKIMAGE) -D "-I dts -O dtb -p 500 -i $(GUEST_OUT)" -f $< $@.tmp >$@.log || \
		{ cat $@.log; rm -f $@.tmp; exit 1; }
	$(Q)mv $@.tmp $@

-include $(patsubst %.o,%.d,$(GUEST_KIT) $(GUEST_SUBJECTS) $(GUEST_COST) \
	$(GUEST_COST_SMP) $(GUEST_LOAD) $(GUEST_ENDS) $(GUEST_SMP) $(GUEST_HOSTILE) $(GUEST_VICTIM) \
	$(GUEST_TWIN) $(GUEST_TRACES) $(GUEST_STEAL) $(GUEST_EXITS) $(GUEST_LIVES) $(GUEST_WORST))
