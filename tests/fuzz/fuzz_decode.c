/* SPDX-License-Identifier: MIT */
/*
 * Decode arbitrary instructions and walk arbitrary page tables, for both widths.
 *
 * The input is an instruction, an address, satp and flags, and then the guest's
 * RAM. Nothing may be read outside of it (ASan sees to that), and a result has to
 * be one that the caller can rely on.
 */
#include <stdlib.h>
#include <string.h>

#include "riscv/emul/decode.h"
#include "riscv/emul/walk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void decode(uint32_t insn, unsigned xlen)
{
	struct access_insn out;
	bool compressed = (insn & 3) != 3;

	if (!decode_access(insn, xlen, &out))
		return;
	require(out.size == 1 || out.size == 2 || out.size == 4 || (out.size == 8 && xlen == 64));
	require(out.length == (compressed ? 2 : 4));
	require(out.reg < 32 && out.base < 32);
	require(out.offset >= -2048 && out.offset < 2048);
	require(!compressed || (out.offset >= 0 && out.offset % out.size == 0));
	require(!(out.store && out.sign_extend));
}

struct header {
	uint32_t insn;
	uint8_t flags;
	uint8_t mode; /* of satp */
	uint16_t root;
	uint64_t va;
};

static void walk(const struct header *header, const uint8_t *tables, size_t size)
{
	static const enum walk_access kinds[] = {WALK_READ, WALK_WRITE, WALK_EXECUTE};
	unsigned xlen = header->flags & 1 ? 32 : 64;
	uint64_t base = 0x80000000 + ((uint64_t)(header->flags >> 1 & 1) << 33);
	uint64_t root = (base >> 12) + header->root;
	size_t ram_size = align_up(size, PAGE_SIZE);
	uint8_t *ram = aligned_alloc(PAGE_SIZE, ram_size);
	struct walk walk = {
		.satp = (xlen_t)(xlen == 32 ? (uint64_t)1 << 31 | (root & 0x3fffff)
					    : (uint64_t)header->mode << 60 | root),
		.user = header->flags & 4,
		.sum = header->flags & 8,
		.mxr = header->flags & 16,
		.pbmt = header->flags & 32,
		.napot = header->flags & 64,
		.ram = {base},
		.ram_size = ram_size,
		.ram_host = ram,
	};

	memset(ram, 0, ram_size);
	memcpy(ram, tables, size);
	for (unsigned i = 0; i < 3; i++) {
		gpa_t out = {~(uint64_t)0};
		enum walk_result result =
			walk_translate(&walk, xlen, (xlen_t)header->va, kinds[i], &out);

		if (result != WALK_OK)
			continue;
		/* Translated: as wide as a PPN. Bare: the address as it is. */
		require(xlen == 32 ? out.raw >> 34 == 0
				   : out.raw >> 56 == 0 || walk.satp >> 60 == 0);
		require((out.raw & 0xfff) == (header->va & 0xfff));
	}
	free(ram);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct header header;

	if (size <= sizeof(header) || size > 64 * PAGE_SIZE)
		return 0;
	memcpy(&header, data, sizeof(header));
	decode(header.insn, 64);
	decode(header.insn, 32);
	walk(&header, data + sizeof(header), size - sizeof(header));
	return 0;
}
