# SPDX-License-Identifier: MIT
"""Linux from its first instruction to its shell's prompt, in a capsule and on OpenSBI.

The kernel tests its ciphers when it starts, with keys from its random numbers: that is 40 % of the
way, and differs by up to 3 % between boots whatever is below it. So the row that counts boots with
`cryptomgr.notests=1`; of boots with those tests the mean of some is told besides.

Both boots have the same Image, ramdisk, bootargs and RAM at the same addresses, and the device tree
that Diosix gave the capsule, taken out of the guest's memory. For OpenSBI it is changed where the
bare machine differs (bare_tree). docs/bench.md has the whole list."""

import re
import struct

from emulator import (CROSS, FIRMWARE, Failure, ROOT, escaped, guest_memory, host_ram,
                      on_diosix, on_opensbi, tool)
from rows import CPUS, FENCES, manifest

RAM_MIB = 128
PROMPT = "capsule:/# "      # guests/initramfs/etc: hostname and profile
TREE_ROOM = 64 * 1024       # the capsule's tree lies at the end of its RAM
STUB = 0x88000000           # RAM that neither firmware nor guest has
CIPHER_BOOTS = 4
MAGIC = struct.pack(">I", 0xd00dfeed)


def image(width, bootargs="console=ttyS0 cryptomgr.notests=1"):
    """The stock kernel and its ramdisk, at an address that can be had on the bare machine too."""
    (width.folder / "linux.Image").unlink(missing_ok=True)
    (width.folder / "linux.Image").symlink_to(width.build / "guests/Image")
    (width.folder / "initramfs.gz").unlink(missing_ok=True)
    (width.folder / "initramfs.gz").symlink_to(width.build / "guests/initramfs.gz")
    ramdisk = """
		initrd {
			description = "busybox";
			data = /incbin/("initramfs.gz");
			type = "ramdisk"; arch = "riscv"; os = "linux"; compression = "none";
		};"""
    return width.pack("linux", manifest(
        width, "linux.Image", RAM_MIB, images=ramdisk,
        more="\n\t\t\tramdisk = \"initrd\";\n\t\t\tbootargs = \"%s\";" % bootargs))


def capsule_tree(width, itb):
    """The tree that the capsule's Linux was given, and its address."""
    start = width.ram + (RAM_MIB << 20) - TREE_ROOM
    data = guest_memory(width, itb, CPUS["sstc"], "Linux version", start, TREE_ROOM)
    at = data.find(MAGIC)
    if at < 0:
        raise Failure("there is no device tree at the end of the capsule's RAM")
    size = struct.unpack(">I", data[at + 4:at + 8])[0]
    return data[at:at + size], start + at


def bare_tree(width, tree):
    """What the tree must say besides on the bare machine: the timer and IPI device that firmware
    drives, and that the PLIC's first context is M-mode's and the second S-mode's."""
    blob, source = width.folder / "linux.dtb", width.folder / "linux.dts"
    blob.write_bytes(tree)
    text = tool("dtc", "-q", "-I", "dtb", "-O", "dts", blob)
    text, plics = re.subn(r"interrupts-extended = <0x01 0x09>",
                          "interrupts-extended = <0x01 0x0b 0x01 0x09>", text)
    text, buses = re.subn(r"\n\t\tranges;\n", """\n\t\tranges;\n
		clint@2000000 {
			compatible = "sifive,clint0", "riscv,clint0";
			reg = <0 0x2000000 0 0x10000>;
			interrupts-extended = <1 3 1 7>;
		};
""", text)
    # Linux has taken it out after reading it. Another one, but the same in each run.
    text = re.sub(r"\n\s*rng-seed = .*;", "", text)
    text, chosen = re.subn(r"\n\tchosen {\n", "\n\tchosen {\n\t\trng-seed = [%s];\n" % ("5a" * 32), text)
    if plics != 1 or buses != 1 or chosen != 1:
        raise Failure("the capsule's device tree is not as linux.py expects it")
    source.write_text(text)
    tool("dtc", "-q", "-I", "dts", "-O", "dtb", "-p", 0, "-o", blob, source)
    found = dict(re.findall(r"linux,initrd-(start|end) = <(.*?)>", text))
    start, end = (int("".join("%08x" % int(cell, 16) for cell in found[name].split()), 16)
                  for name in ("start", "end"))
    return blob, start, end


def stub(width, tree_at, entry):
    """The code that enters the firmware, assembled for these addresses."""
    elf, flat = width.folder / "stub.elf", width.folder / "stub.bin"
    abi = {64: "lp64", 32: "ilp32"}[width.xlen]
    tool(CROSS + "gcc", "-march=rv%dimac_zicsr" % width.xlen, "-mabi=" + abi, "-nostdlib",
         "-static", "-Wl,-Ttext=0x%x,--build-id=none,-N" % STUB, "-DTREE=0x%x" % tree_at,
         "-DFIRMWARE=0x%x" % FIRMWARE, "-DNEXT=0x%x" % entry, ROOT / "tools/bench/stub.S",
         "-o", elf)
    tool(CROSS + "objcopy", "-O", "binary", elf, flat)
    return flat


def load(file, at, more=""):
    return ["-device", "loader,file=%s,addr=0x%x,force-raw=on%s" % (escaped(file), at, more)]


def measured(run):
    until = run.insns("until")
    return {"linux": until, "linux-guest": run.counts["until"]["guest"]["insns"]}


def diosix(width, itb):
    """The rows, and the run."""
    run = on_diosix(width, "linux", CPUS["sstc"], itb, origin=width.ram + width.image_offset,
                    until=PROMPT, stop=True)
    return measured(run), run


def fenced(width, itb, fence):
    """The rows under another fence, where the capsule's RAM may be anywhere; and the run."""
    cpu, options = FENCES[fence]
    name = "linux-" + fence
    origin = host_ram(width, name, cpu, itb, options) + width.image_offset
    run = on_diosix(width, name, cpu, itb, options, origin=origin, until=PROMPT, stop=True)
    return measured(run), run


def opensbi(width, itb):
    """The rows of the same system on the bare machine."""
    tree, tree_at = capsule_tree(width, itb)
    blob, initrd, initrd_end = bare_tree(width, tree)
    ramdisk = (width.folder / "initramfs.gz").resolve()
    if ramdisk.stat().st_size != initrd_end - initrd:
        raise Failure("the capsule's ramdisk is not the file that was packed")
    entry = width.ram + width.image_offset
    words = ["-bios", "none", *load(width.firmware, FIRMWARE),
             *load((width.folder / "linux.Image").resolve(), entry), *load(ramdisk, initrd),
             *load(blob, tree_at), *load(stub(width, tree_at, entry), STUB, ",cpu-num=0")]
    return measured(on_opensbi(width, "linux-opensbi", CPUS["sstc"], words, origin=entry,
                               until=PROMPT, stop=True))


def with_ciphers(width):
    """Means over boots that test the ciphers, on Diosix and on OpenSBI. A word that means nothing
    to the kernel makes each boot's timing, and so its random numbers, another."""
    found = []
    for number in range(CIPHER_BOOTS):
        itb = image(width, "console=ttyS0 bench.try=%s" % ("9" * (13 * number + 1)))
        found.append((diosix(width, itb)[0]["linux"], opensbi(width, itb)["linux"]))
    return tuple(round(sum(column) / CIPHER_BOOTS) for column in zip(*found))
