/* SPDX-License-Identifier: MIT */
/*
 * Where the image lies. LINK_BASE is the board's (mk/build.mk): the start of RAM,
 * where loaders and emulators put it.
 */
OUTPUT_ARCH(riscv)
ENTRY(_start)

PHDRS
{
	text PT_LOAD FLAGS(5); /* R-X */
	data PT_LOAD FLAGS(6); /* RW- */
}

SECTIONS
{
	. = LINK_BASE;
	__image_start = .;

	.text : {
		*(.text.entry)
		*(.text .text.*)
		__etext = .;
	} :text

	.rodata : ALIGN(16) {
		*(.rodata .rodata.*)
		*(.srodata .srodata.*)
		. = ALIGN(8);
		fixup_table = .;
		KEEP(*(.fixup))
		fixup_table_end = .;
	} :text

	.data : ALIGN(16) {
		*(.data .data.*)
		*(.sdata .sdata.*)
		. = ALIGN(16);
	} :data

	/* Empty unless the manifest is linked in (mk/package.mk). */
	.manifest : ALIGN(8) {
		__manifest_start = .;
		KEEP(*(.manifest))
		__manifest_end = .;
	} :data

	.bss : ALIGN(16) {
		__bss_start = .;
		*(.bss .bss.*)
		*(.sbss .sbss.*)
		*(COMMON)
		. = ALIGN(16);
		__bss_end = .;
	} :data

	/* The boot hart's block isn't part of .bss: it is per-hart memory like the others'. */
	.boot_block (NOLOAD) : ALIGN(16) {
		*(.boot_block)
		boot_block_end = .;
	} :data

	/* Nothing else in its page: an emulator may put a device there (drivers/htif.c). */
	.htif (NOLOAD) : ALIGN(4096) {
		KEEP(*(.htif))
	} :data

	__image_end = ALIGN(4096);

	/DISCARD/ : { *(.eh_frame) *(.eh_frame_hdr) *(.comment) *(.note*) *(.riscv.attributes) }
}

ASSERT(((trap_entry_sstc | trap_entry_mtimecmp | trap_entry_halves | trap_entry_virtual_sstc |
	 trap_entry_virtual_mtimecmp | trap_entry_virtual_halves | trap_noted_sstc |
	 trap_noted_mtimecmp | trap_noted_halves | trap_noted_virtual_sstc |
	 trap_noted_virtual_mtimecmp | trap_noted_virtual_halves | park) & 3) == 0,
       "mtvec needs 4-byte alignment")
ASSERT(!DEFINED(__global_pointer$), "gp is the guest's: nothing may be relaxed against it")
