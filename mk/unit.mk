# SPDX-License-Identifier: MIT
#
# Unit tests: everything that needs no hardware, built for this machine under
# ASan and UBSan and called directly.
#
# tests/unit/test_X.c becomes the program build/host/unit/test_X, linked with
# libfake.a (tests/unit/fake, stand-ins for the console and the hardware) and
# libdiosix.a (the hypervisor's own sources, libfdt and BearSSL). Both are archives, so a
# test that needs the real thing behind a fake includes that .c file itself, and
# the fake stays out.
#
#   make unit              all of them
#   make unit UNIT=ram     only tests/unit/test_ram.c
#   make unit V=1          every test's line, and the hypervisor's messages
#
# HOST_M=-m32 builds and runs them 32 bits wide, in a folder of its own, with a cmocka that is built
# for that from Debian's source: the installed one has the machine's own width.
#
#? UNIT=*            unit: the tests to run, tests/unit/test_$(UNIT).c
#? HOST_M=           unit: -m32 builds and runs them as 32-bit code
#? BOARD_TREES=...   boards: the folder of boards' device trees, one folder a maker

, := ,
HOST_CC ?= gcc
HOST_AR ?= ar
HOST_M ?=

HOST_DIR := build/host$(patsubst -m%,%,$(HOST_M))
HOST_OBJ := $(HOST_DIR)/obj
UNIT_DIR := $(HOST_DIR)/unit

# What touches the hardware, or is replaced by a fake, and so isn't built here.
HOST_EXCLUDE := src/lib/string.c src/core/log.c src/core/panic.c src/core/boot.c
HOST_SOURCES := $(filter-out $(HOST_EXCLUDE),$(wildcard src/lib/*.c src/core/*.c src/vdev/*.c) \
	$(wildcard src/sbi/*.c src/drivers/plic.c src/drivers/aplic.c) \
	$(wildcard src/riscv/isa.c src/riscv/emul/decode.c src/riscv/emul/walk.c) \
	$(wildcard src/riscv/pmp/encode.c src/riscv/hext/gstage.c src/riscv/hext/wall.c $(HOST_SOURCES_EXTRA)))
FAKE_SOURCES := $(wildcard tests/unit/fake/*.c)
UNIT_SOURCES := $(wildcard tests/unit/test_$(or $(UNIT),*).c)
# The fence by two stages is tested with the tables of 64 bits, boards with the addresses that they have.
UNIT_SOURCES := $(if $(HOST_M),$(filter-out tests/unit/test_hext.c tests/unit/test_gstage.c tests/unit/test_fences.c tests/unit/test_boards.c,$(UNIT_SOURCES)),$(UNIT_SOURCES))
FDT_SOURCES := fdt fdt_addresses fdt_check fdt_empty_tree fdt_ro fdt_rw fdt_strerror fdt_sw fdt_wip

HOST_SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
HOST_CFLAGS := $(HOST_M) -std=gnu11 -g -O1 -Wall -Wextra -Werror -Isrc -I$(LIBFDT_DIR) \
	-isystem $(BEARSSL_DIR) $(HOST_SANITIZE)
HOST_CMOCKA := $(if $(HOST_M),$(HOST_OBJ)/cmocka.o,-lcmocka)
FDT_CFLAGS := $(HOST_M) -std=gnu11 -g -O1 -I$(LIBFDT_DIR) $(HOST_SANITIZE)
UNIT_CFLAGS := $(HOST_CFLAGS) -Itests/unit -DUNIT_DATA='"$(UNIT_DIR)/data"' \
	-DBOARD_TREES='"$(CACHE)/linux/dtb"'
# With fewer registers gcc fears more for what lives across setjmp(), without reason.
UNIT_CFLAGS += $(if $(HOST_M),-Wno-clobbered)

HOST_OBJECTS := $(HOST_SOURCES:src/%.c=$(HOST_OBJ)/%.o) $(HOST_OBJ)/lib/string_renamed.o \
	$(FDT_SOURCES:%=$(HOST_OBJ)/libfdt/%.o) $(BEARSSL_SOURCES:%.c=$(HOST_OBJ)/bearssl/%.o)
FAKE_OBJECTS := $(FAKE_SOURCES:tests/unit/%.c=$(HOST_OBJ)/unit/%.o)
UNIT_PROGRAMS := $(UNIT_SOURCES:tests/unit/%.c=$(UNIT_DIR)/%)

# Device trees: our own, and those of the emulator's boards, taken from it.
DUMP_virt64 := 64 -M virt -smp 4
DUMP_virt32 := 32 -M virt -smp 2
DUMP_aclint := 64 -M virt,aclint=on -smp 3
DUMP_imsic := 64 -M virt,aclint=on,aia=aplic-imsic -smp 2
DUMP_aplic := 64 -M virt,aia=aplic -smp 3
DUMP_sockets := 64 -M virt -smp 8 -m 1G -object memory-backend-ram,id=a,size=512M \
	-object memory-backend-ram,id=b,size=512M \
	-numa node,memdev=a,cpus=0-3,nodeid=0 -numa node,memdev=b,cpus=4-7,nodeid=1
DUMP_imsics := 64 -M virt,aia=aplic-imsic -smp 4 -m 1G -object memory-backend-ram,id=a,size=512M \
	-object memory-backend-ram,id=b,size=512M \
	-numa node,memdev=a,cpus=0-1,nodeid=0 -numa node,memdev=b,cpus=2-3,nodeid=1
DUMP_sifive_u := 64 -M sifive_u -smp 5
DUMP_spike := 64 -M spike -smp 2
UNIT_DUMPS := virt64 virt32 aclint imsic aplic imsics sockets sifive_u spike
UNIT_TREES := $(patsubst tests/unit/data/%.dts,$(UNIT_DIR)/data/%.dtb,$(wildcard tests/unit/data/*.dts)) \
	$(UNIT_DUMPS:%=$(UNIT_DIR)/data/qemu-%.dtb)

# Where test_boards.c finds trees of real boards: a folder for each maker.
BOARD_TREES ?= $(CACHE)/linux/dtb

.PHONY: unit unit-build boards
unit: unit-build ## Run the unit tests, on this machine
	@/usr/bin/python3 tests/unit/run.py $(if $(V),-v) --json $(UNIT_DIR)/result.json $(UNIT_PROGRAMS)

boards: $(UNIT_DIR)/test_boards $(UNIT_TREES) ## Show what is understood of real boards' device trees
	@BOARD_TREES=$(BOARD_TREES) UNIT_VERBOSE=1 $< 2>&1 | sed -n '/test_debian/,$$p' | grep -v '^\[[=?]'

unit-build: $(UNIT_PROGRAMS) $(UNIT_TREES)

$(HOST_OBJ)/%.o: src/%.c | $(LIBFDT_DIR)/libfdt.h
	@mkdir -p $(@D)
	$(Q)$(HOST_CC) $(HOST_CFLAGS) -MMD -MP -c $< -o $@

# Our string functions under other names, to be compared with the C library's.
$(HOST_OBJ)/lib/string_renamed.o: src/lib/string.c tests/unit/rename_string.h
	@mkdir -p $(@D)
	$(Q)$(HOST_CC) $(HOST_CFLAGS) -ffreestanding -fno-builtin -fno-tree-loop-distribute-patterns \
		-include tests/unit/rename_string.h -MMD -MP -c $< -o $@

$(HOST_OBJ)/libfdt/%.o: $(LIBFDT_DIR)/libfdt.h
	@mkdir -p $(@D)
	$(Q)$(HOST_CC) $(FDT_CFLAGS) -MMD -MP -c $(LIBFDT_DIR)/$*.c -o $@

$(HOST_OBJ)/bearssl/%.o: $(BEARSSL_DIR)/%.c
	@mkdir -p $(@D)
	$(Q)$(HOST_CC) $(FDT_CFLAGS) -c $< -o $@

$(HOST_OBJ)/unit/%.o: tests/unit/%.c | $(LIBFDT_DIR)/libfdt.h
	@mkdir -p $(@D)
	$(Q)$(HOST_CC) $(UNIT_CFLAGS) -MMD -MP -c $< -o $@

# The lists of members are rewritten only when they change, so that a source
# file that goes away takes its object out of the archive.
$(HOST_DIR)/libdiosix.list: FORCE
	@mkdir -p $(@D)
	@echo '$(HOST_OBJECTS)' | cmp -s - $@ || echo '$(HOST_OBJECTS)' >$@
$(HOST_DIR)/libfake.list: FORCE
	@mkdir -p $(@D)
	@echo '$(FAKE_OBJECTS)' | cmp -s - $@ || echo '$(FAKE_OBJECTS)' >$@

$(HOST_DIR)/libdiosix.a: $(HOST_OBJECTS) $(HOST_DIR)/libdiosix.list
	@rm -f $@
	$(Q)$(HOST_AR) rcs $@ $(HOST_OBJECTS)

$(HOST_DIR)/libfake.a: $(FAKE_OBJECTS) $(HOST_DIR)/libfake.list
	@rm -f $@
	$(Q)$(HOST_AR) rcs $@ $(FAKE_OBJECTS)

$(CACHE)/cmocka/.complete: ; @tools/fetch.sh $(CACHE) cmocka

# What its own configure step would find out about any Linux with glibc.
$(HOST_OBJ)/cmocka.o: $(CACHE)/cmocka/.complete
	@mkdir -p $(@D)
	$(Q)$(HOST_CC) $(HOST_M) -g -O1 -w -I$(CACHE)/cmocka/include \
		$(patsubst %,-DHAVE_%=1,INTTYPES_H SIGNAL_H STRINGS_H MALLOC_H STRSIGNAL SIGLONGJMP \
		STRUCT_TIMESPEC CLOCK_REALTIME GCC_THREAD_LOCAL_STORAGE UINTPTR_T) \
		-c $(CACHE)/cmocka/src/cmocka.c -o $@

$(UNIT_DIR)/%: $(HOST_OBJ)/unit/%.o $(HOST_DIR)/libfake.a $(HOST_DIR)/libdiosix.a \
		$(filter %.o,$(HOST_CMOCKA))
	@mkdir -p $(@D)
	$(Q)$(HOST_CC) $(HOST_M) $(HOST_SANITIZE) $< -Wl,--wrap=print_text_v \
		-Wl,--start-group $(HOST_DIR)/libfake.a $(HOST_DIR)/libdiosix.a -Wl,--end-group \
		$(HOST_CMOCKA) -o $@

$(UNIT_DIR)/data/%.dtb: tests/unit/data/%.dts
	@mkdir -p $(@D)
	$(Q)dtc -q -I dts -O dtb -o $@ $<

# "64 -M virt ..." becomes qemu-system-riscv64 -M virt ... with dumpdtb added to the machine. The
# dump is padded to a megabyte; dtc leaves the padding out.
$(UNIT_DIR)/data/qemu-%.dtb: mk/unit.mk
	@mkdir -p $(@D)
	$(Q)timeout 60 qemu-system-riscv$(firstword $(DUMP_$*)) -display none -bios none \
		$(subst -M $(word 3,$(DUMP_$*)),-M $(word 3,$(DUMP_$*))$(,)dumpdtb=$@.raw, \
		$(wordlist 2,99,$(DUMP_$*))) >/dev/null 2>&1 </dev/null || true
	$(Q)dtc -q -I dtb -O dtb -o $@ $@.raw
	@rm $@.raw

.PHONY: FORCE
FORCE:
.SECONDARY: $(UNIT_SOURCES:tests/unit/%.c=$(HOST_OBJ)/unit/%.o)

-include $(HOST_OBJECTS:.o=.d) $(FAKE_OBJECTS:.o=.d) $(UNIT_SOURCES:tests/unit/%.c=$(HOST_OBJ)/unit/%.d)
