# SPDX-License-Identifier: MIT
"""Debian's U-Boot, unmodified, on both sides: as a guest, and as what starts Diosix on a board, in
the place that its images have for OpenSBI (docs/boards.md)."""

import binascii
import struct
import subprocess
import uuid

import pytest

from machine import CACHE, EXIT_DONE, Machine, command, guest, hypervisor

U_BOOT = CACHE / "u-boot"
SMODE = U_BOOT / "qemu-riscv64_smode/u-boot.bin"
SPL = U_BOOT / "sifive_unleashed/u-boot-spl.bin"
SPL_LOADS = U_BOOT / "sifive_unleashed/u-boot.itb"


def packed(folder, vcpus):
    """A manifest with U-Boot as the kernel."""
    source, image = folder / "u-boot.its", folder / "u-boot.itb"
    subprocess.run(["tools/make-manifest", "--kernel=%s" % SMODE, "--name=u-boot", "--ram=64M",
                    "--vcpus=%d" % vcpus, source], check=True)
    subprocess.run(["tools/make-image", "64", "build/host/manifest-check", source, image],
                   check=True)
    return image


def to_prompt(machine):
    machine.expect(rb"U-Boot 20\d\d\.\d\d", 60)
    machine.expect(rb"Hit any key to stop autoboot", 60)
    machine.send("x")
    machine.expect(rb"\n=> ", 60)


def ask(machine, words):
    """What a command prints."""
    machine.send(words + "\r")
    machine.expect(rb"\n=> ", 60)
    return machine.child.before.decode("utf-8", "replace").replace("\r", "")


# It is linked for QEMU's virt, its stack below it: RAM has to begin where it does there.
@pytest.mark.parametrize("cpu, vcpus", [("", 1), ("", 2), ("sstc=false", 1)])
def test_guest(bench, tmp_path, cpu, vcpus):
    """To its prompt by the tree it is given, a timer, its console both ways, reset and the end."""
    machine = bench.start(command(packed(tmp_path, vcpus), cpu=cpu, cpus=2), Machine, limit=150)
    to_prompt(machine)
    about = ask(machine, "bdinfo")
    assert "size     = 0x0000000004000000" in about and "width      = 0x0000000000000001" in about
    assert "sifive,plic-1.0.0" in ask(machine, "fdt addr ${fdtcontroladdr}; fdt print /soc")
    said = ask(machine, "sbi")
    assert "SBI 3.0" in said and "Debug Console Extension" in said and "Hart State" in said
    assert ask(machine, "sleep 1; echo slept").endswith("\nslept")
    machine.send("reset\r")
    machine.expect(rb"Capsule 1: guest: started again", 30)
    to_prompt(machine)
    machine.send("poweroff\r")
    machine.ends(EXIT_DONE)


def partitioned(parts, file):
    """A disk with a GUID partition table (UEFI specification, chapter 5) of (type, first sector,
    content)."""
    sectors = max(first + len(content) // 512 for _, first, content in parts) + 2048
    sectors = 1 << sectors.bit_length()     # as SD cards are
    entries = b"".join(
        uuid.UUID(kind).bytes_le + uuid.UUID(int=first).bytes_le +
        struct.pack("<QQQ72x", first, first + len(content) // 512, 0)
        for kind, first, content in parts).ljust(128 * 128, b"\0")

    def header(here, other, table):
        fields = ["<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, 92, 0, 0, here, other, 34,
                  sectors - 34, bytes(16), table, 128, 128, binascii.crc32(entries)]
        fields[4] = binascii.crc32(struct.pack(*fields))
        return struct.pack(*fields)

    pieces = [(446, struct.pack("<4B4BII", 0, 0, 2, 0, 0xee, 255, 255, 255, 1, sectors - 1)),
              (510, b"\x55\xaa"), (512, header(1, sectors - 1, 2)), (1024, entries),
              ((sectors - 33) * 512, entries),
              ((sectors - 1) * 512, header(sectors - 1, 1, sectors - 33))]
    with open(file, "wb") as disk:
        disk.truncate(sectors * 512)
        for at, content in pieces + [(first * 512, content) for _, first, content in parts]:
            disk.seek(at)
            disk.write(content)
    return file


MANIFEST_AT = 0x88000000

# What SPL loads: firmware in the place of OpenSBI, something that is called U-Boot, which it looks
# for and nobody starts, the manifest, and the tree that says where that is. (A manifest whose `os` is
# linux would get a tree of its own from SPL, and be what it starts.)
LOADED = """/dts-v1/;
/ {
	description = "Diosix and its capsules";
	#address-cells = <1>;
	images {
		diosix {
			data = /incbin/("diosix.bin");
			type = "firmware"; os = "opensbi"; arch = "riscv"; compression = "none";
			load = <0x80000000>; entry = <0x80000000>;
		};
		uboot {
			data = "nothing";
			type = "standalone"; os = "U-Boot"; arch = "riscv"; compression = "none";
			load = <0x83000000>;
		};
		manifest {
			data = /incbin/("manifest.itb");
			type = "standalone"; arch = "riscv"; compression = "none";
			load = <0x%x>;
		};
		tree {
			data = /incbin/("tree.dtb");
			type = "flat_dt"; compression = "none";
		};
	};
	configurations {
		default = "board";
		board { description = "unleashed"; fdt = "tree";
			firmware = "diosix"; loadables = "uboot", "manifest"; };
	};
};
""" % MANIFEST_AT


def put_together(folder):
    """The card: SPL's own partition stays empty, as the emulator has loaded it."""
    content = guest("spin").read_bytes()
    (folder / "manifest.itb").write_bytes(content)
    tree = folder / "tree.dtb"
    for line in (["riscv64-unknown-elf-objcopy", "-O", "binary", hypervisor(), "diosix.bin"],
                 ["dumpimage", "-T", "flat_dt", "-p", "2", "-o", tree, SPL_LOADS],
                 ["fdtput", "-t", "x", tree, "/chosen", "linux,initrd-start", "0",
                  "%x" % MANIFEST_AT],
                 ["fdtput", "-t", "x", tree, "/chosen", "linux,initrd-end", "0",
                  "%x" % (MANIFEST_AT + len(content))]):
        subprocess.run(line, check=True, cwd=folder, stdout=subprocess.DEVNULL)
    (folder / "loaded.its").write_text(LOADED)
    subprocess.run(["mkimage", "-E", "-f", "loaded.its", "loaded.itb"], check=True, cwd=folder,
                   stdout=subprocess.DEVNULL)
    return partitioned([("5B193300-FC78-40CD-8002-E86C45580B47", 34, bytes(2048 * 512)),
                        ("2E54B353-1271-4842-806F-E436D6AF6985", 2082,
                         (folder / "loaded.itb").read_bytes())], folder / "card.img")


def test_started_by_spl(bench, tmp_path):
    """On an emulated FU540, with the board's tree of U-Boot's: a PLIC whose machine contexts are
    called unconnected, and whichever hart comes first."""
    card = put_together(tmp_path)
    line = command(machine="sifive_u,msel=11", cpu=None, cpus=5, mem="8G", bios=SPL,
                   extra=["-drive", "file=%s,if=sd,format=raw" % card])
    del line[line.index("-kernel"):][:2]
    machine = bench.start(line, Machine, limit=150)
    machine.expect(rb"U-Boot SPL 20\d\d\.\d\d", 60)
    machine.expect(rb"CPU [0-4]: Welcome to diosix", 60)
    machine.expect(rb"Capsule 1: .*runs on CPU 1 2 3 4\r", 60)
    # By an interrupt: nothing else is said to be the case.
    machine.send("\x1d")
    machine.expect(rb"send it ] ", 30)
    text = machine.text()
    assert text.count("ready to roll") == 4 and text.count("has no S-mode") == 1
    assert "polled" not in text and "8192 MiB RAM found" in text
