# SPDX-License-Identifier: MIT
"""Manifests, images and device trees that can't be booted: each is refused in a sentence that
names what was found and what would be accepted, and nothing hangs silently."""

import re
import struct
import subprocess

import pytest

from machine import EXIT_DONE, EXIT_NONE, command, guest, linux
from manifests import HELLO, assemble, pack, trampoline

FIT_MAGIC = b"\xd0\x0d\xfe\xed"


@pytest.fixture(scope="session")
def hello(tmp_path_factory):
    return assemble(tmp_path_factory.mktemp("hello"), HELLO)


def refused(ended, *words):
    """One alert that has the words, then the machine powers off with the status that says that
    no capsule could start."""
    ended.ends(EXIT_NONE)
    alerts = [line for line in ended.text.split("\n") if line.startswith("[!]")]
    assert any(all(word in line for word in words) for line in alerts), \
        "no line has all of %s" % (words,)
    assert "# hello" not in ended.text
    assert ended.text.rstrip().endswith("Powering off")


def test_the_good_one_boots(bench, hello, tmp_path):
    """What the others are made from is accepted."""
    bench.run(pack(tmp_path, hello)).ends(EXIT_DONE).says("# hello")


PROPERTIES = {
    "missing image": ({"kernel": '"linux"'}, ["web", "kernel", '"linux"', "hello"]),
    "missing ramdisk": ({"ramdisk": '"disk"'}, ["web", "ramdisk", '"disk"', "hello"]),
    "no kernel": ({"kernel": None}, ["web", "kernel is missing"]),
    "no memory": ({"memory_mib": None}, ["web", "memory-mib is missing"]),
    "memory 0": ({"memory_mib": "<0>"}, ["web", "memory-mib", "0", "1"]),
    "more memory than there is": ({"memory_mib": "<4096>"}, ["web", "memory-mib", "4096"]),
    "memory of 4 PiB": ({"memory_mib": "<0xffffffff>"}, ["web", "memory-mib", "4294967295"]),
    "64 vcpus": ({"vcpus": "<64>"}, ["web", "vcpus", "64"]),
    "vcpus 0": ({"vcpus": "<0>"}, ["web", "vcpus", "0", "1"]),
    "vcpus is a string": ({"vcpus": '"three"'}, ["web", "vcpus", "6 bytes"]),
    "unknown property": ({"cores": "<4>"}, ["web", '"cores"', "vcpus"]),
    "unknown isolation": ({"isolation": '"trust"'}, ["web", "isolation", '"trust"', "pmp"]),
    "hext without H": ({"isolation": '"hext"'}, ["web", "hext"]),
    "RAM in the hypervisor": ({"memory_base": "<0 0x80000000>"},
                              ["web", "0x80000000", "overlaps", "hypervisor"]),
    "RAM in the UART": ({"memory_base": "<0 0x10000000>"}, ["web", "0x10000000"]),
    "RAM beyond the end": ({"memory_base": "<0 0xc0000000>"}, ["web", "0xc0000000"]),
    "RAM at an odd place": ({"memory_base": "<0 0x90001000>"}, ["web", "0x90001000", "multiple"]),
    "unknown right": ({"rights": '"all"'}, ["web", "rights", '"all"']),
    "RAM too small for the image": ({"memory_mib": "<1>"}, ["web", "MiB"]),
}


@pytest.mark.parametrize("name", PROPERTIES)
def test_bad_capsule(bench, hello, tmp_path, name):
    changes, words = PROPERTIES[name]
    refused(bench.run(pack(tmp_path, hello, **changes)), *words)


@pytest.mark.parametrize("algo", ["crc32", "sha256"])
def test_image_with_a_hash(bench, hello, tmp_path, algo):
    """It boots as it was packed, and is refused with one bit of it changed."""
    file = pack(tmp_path, hello, algo=algo)
    bench.run(file).ends(EXIT_DONE).says("# hello")
    packed = bytearray(file.read_bytes())
    packed[packed.index(hello) + len(hello) // 2] ^= 0x10
    file.write_bytes(packed)
    refused(bench.run(file), "web", "image hello", "node hash-1", "the data's %s is " % algo)


def elf_for_arm():
    """A 64-bit ELF whose machine is AArch64 (183)."""
    return b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHI", 2, 183, 1) + bytes(100)


def linux_image(image_size):
    """The header of a Linux Image for RV64 that says how much memory it takes."""
    return struct.pack("<IIQQQIIQQII", 0x6f, 0x6f, 0x200000, image_size, 0, 2, 0, 0,
                       0x5643534952, 0x05435352, 0) + bytes(4096)


IMAGES = {
    "an ELF for another machine": (elf_for_arm(), ["ELF", "183"]),
    "a truncated ELF": (b"\x7fELF\x02\x01\x01", ["ELF", "truncated"]),
    "an Image larger than RAM": (linux_image(1 << 30), ["Linux Image", "32 MiB"]),
    "a flat binary larger than RAM": (b"\x13\0\0\0" * (8 << 20), ["0x2000000", "32 MiB"]),
    "gzip": (b"\x1f\x8b\x08" + bytes(100), ["gzip"]),
    "three bytes": (b"\x13\0\0", ["3 bytes"]),
}


@pytest.mark.parametrize("name", IMAGES)
def test_bad_image(bench, tmp_path, name):
    data, words = IMAGES[name]
    refused(bench.run(pack(tmp_path, data)), "web", *words)


def test_truncated_manifest(bench, hello, tmp_path):
    image = pack(tmp_path, hello)
    data = image.read_bytes()
    image.write_bytes(data[:len(data) // 2])
    refused(bench.run(image), "truncated", hex(len(data)), hex(len(data) // 2))


@pytest.mark.parametrize("data, words", [
    (b"#!/bin/sh\necho no manifest\n" * 10, ["no FIT", "0x23212f62", "0xd00dfeed"]),
    (FIT_MAGIC, ["fewer than a FIT's header"]),
    (FIT_MAGIC + bytes([255]) * 200, ["FIT", "expected"]),
    (b"\0" * 4096, ["no FIT", "0xd00dfeed"]),
], ids=["a script", "four bytes", "magic and ones", "zeros"])
def test_no_manifest(bench, tmp_path, data, words):
    (tmp_path / "x.itb").write_bytes(data)
    refused(bench.run(tmp_path / "x.itb"), *words)


def test_no_initrd(bench):
    refused(bench.run(), "No manifest", "linux,initrd-start", "-initrd")


def test_two_capsules_run(bench, hello, tmp_path):
    """Side by side, each with its own lines and its own end; the machine ends with the last."""
    ended = bench.run(pack(tmp_path, hello, capsules='"web", "mail"')).ends(EXIT_DONE)
    for number, name in ((1, "web"), (2, "mail")):
        assert re.search(r"^CPU \d: Capsule %d: # hello$" % number, ended.text, re.MULTILINE)
        assert re.search(r"^\[\+\] CPU \d: Capsule %d: %s: powered off$" % (number, name),
                         ended.text, re.MULTILINE)
    assert ended.text.count("Powering off") == 1


def test_unknown_words_on_the_command_line(bench, hello, tmp_path):
    """They are named, with what would be accepted, and do no harm."""
    ended = bench.run(pack(tmp_path, hello), append="log=loud quiet isolation=pmp")
    ended.ends(EXIT_DONE).says("# hello", "log=loud is ignored: alert, info or debug",
                               "quiet is ignored")


def test_isolation_that_the_cpu_lacks(bench, hello, tmp_path):
    refused(bench.run(pack(tmp_path, hello), append="isolation=hext"), "web", "hext")


def dump_tree(folder, cpus):
    """The device tree that QEMU gives to so many harts and 512 MiB."""
    file = folder / "virt.dtb"
    line = command(cpus=cpus)
    line[line.index("virt")] = "virt,dumpdtb=%s" % file
    subprocess.run(line, capture_output=True, timeout=60, check=False, stdin=subprocess.DEVNULL)
    return file


@pytest.fixture(scope="session")
def tree(tmp_path_factory):
    """To 4 harts."""
    return dump_tree(tmp_path_factory.mktemp("tree"), 4).read_bytes()


def without(file, *what):
    """Takes nodes (/a/b) and properties (/a:b) out of a device tree."""
    for path in what:
        node, _, name = path.partition(":")
        change = ["-d", file, node, name] if name else ["-r", file, node]
        subprocess.run(["fdtput", *change], check=True)


CPUS = ["/cpus/cpu@%d" % n for n in range(4)]
TREES = {
    "no cpus": (["/cpus/cpu-map", *CPUS], ["no CPU", "/cpus", "found 0 nodes"]),
    "no memory": (["/memory@80000000"], ["no RAM", "device_type", "memory", "found none"]),
    "no timebase": (["/cpus:timebase-frequency"],
                    ["no clock", "timebase-frequency", "found none"]),
    "no clint": (["/soc/clint@2000000"], ["no timer", "clint", "4 CPUs"]),
    "no mmu": ([cpu + ":mmu-type" for cpu in CPUS], ["mmu-type"]),
}


@pytest.mark.parametrize("name", TREES)
def test_tree_lacks(bench, hello, tree, tmp_path, name):
    lacks, words = TREES[name]
    (tmp_path / "x.dtb").write_bytes(tree)
    without(tmp_path / "x.dtb", *lacks)
    refused(bench.run(pack(tmp_path, hello), extra=["-dtb", tmp_path / "x.dtb"]), *words)


def test_tree_without_uart(bench, hello, tree, tmp_path):
    """The board's own is used, which the build knows, and that is said."""
    (tmp_path / "x.dtb").write_bytes(tree)
    without(tmp_path / "x.dtb", "/soc/serial@10000000")
    ended = bench.run(pack(tmp_path, hello), extra=["-dtb", tmp_path / "x.dtb"])
    ended.ends(EXIT_DONE).says("names no", "0x10000000", "# hello")


def test_tree_without_finisher(bench, hello, tree, tmp_path):
    """Nothing can end the emulator then; the last line says so."""
    (tmp_path / "x.dtb").write_bytes(tree)
    without(tmp_path / "x.dtb", "/soc/test@100000", "/poweroff", "/reboot")
    last = "it is safe to do so now"
    ended = bench.run(pack(tmp_path, hello), extra=["-dtb", tmp_path / "x.dtb"], until=last)
    ended.says("# hello", "Nothing on this machine can power it off", last)


def test_tree_without_plic(bench, hello, tree, tmp_path):
    """A capsule runs, and what is typed arrives all the same, at an idle hart and a busy one."""
    file = tmp_path / "x.dtb"
    file.write_bytes(tree)
    without(file, "/soc/plic@c000000")
    bench.run(pack(tmp_path, hello), extra=["-dtb", file]).ends(EXIT_DONE).says("No PLIC",
                                                                                "# hello")
    busy = bench.start(command(pack(tmp_path, assemble(tmp_path, UNTIL_Q)), cpus=1,
                               extra=["-dtb", file]))
    busy.expect(b"# hello")
    busy.send("xq")
    busy.ends(EXIT_DONE, 30)
    idle = bench.shell(linux(64), extra=["-dtb", file])
    assert idle.run("seq 3000").count("\n") >= 3000
    idle.power_off()


def changed(tree, folder, node, name, *cells):
    """The tree with other cells in a property."""
    file = folder / "x.dtb"
    file.write_bytes(tree)
    subprocess.run(["fdtput", "-t", "x", file, node, name, *["%x" % cell for cell in cells]],
                   check=True)
    return ["-dtb", file]


MEMORY, SERIAL, PLIC = "/memory@80000000", "/soc/serial@10000000", "/soc/plic@c000000"
CLINT = "/soc/clint@2000000"

# A tree that is wrong about one thing, which the capsule can do without.
HARMLESS = {
    "UART where nothing is": (SERIAL, "reg", [0x100, 0, 0, 0x100],
                              "Nothing answers at 0x10000000000"),
    "UART that is something else": (SERIAL, "reg", [0, 0xc000000, 0, 0x100],
                                    "Nothing answers at 0xc000000"),
    "UART with wide registers": (SERIAL, "reg-shift", [3], "Nothing answers at 0x10000000"),
    "UART in RAM": (SERIAL, "reg", [0, 0x9ff00000, 0, 0x100], "is at 0x9ff00000, which is memory"),
    "PLIC in the hypervisor": (PLIC, "reg", [0, 0x80000000, 0, 0x600000],
                               "is at 0x80000000, which is memory"),
    "PLIC where nothing is": (PLIC, "reg", [0x100, 0, 0, 0x600000],
                              "isn't where the device tree says: the UART is polled"),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_tree_is_wrong(bench, hello, tree, tmp_path, name):
    node, what, cells, words = HARMLESS[name]
    ended = bench.run(pack(tmp_path, hello), extra=changed(tree, tmp_path, node, what, *cells))
    ended.ends(EXIT_DONE).says("# hello", words)


# The same about something that nothing can run without.
FATAL = {
    "CLINT in the hypervisor": (CLINT, [0, 0x80000000, 0, 0x10000], "which is memory"),
    "CLINT in the PLIC": (CLINT, [0, 0xc000000, 0, 0x10000], "its timer isn't where"),
    "CLINT that is nothing": (CLINT, [0, 0x50000000, 0, 0x10000], "or doesn't ring"),
    "CLINT one hart further": (CLINT, [0, 0x2000004, 0, 0x10000], "no timer"),
    "CLINT beyond all": (CLINT, [0x100, 0, 0, 0x10000], "No CPU core can run a capsule"),
    "memory where devices are": (MEMORY, [0, 0x2000000, 0, 0x9e000000],
                                 "no timer"),
    "more memory than there is": (MEMORY, [0, 0x80000000, 2, 0],
                                  "but nothing answers there"),
}


@pytest.mark.parametrize("name", FATAL)
def test_tree_is_fatally_wrong(bench, hello, tree, tmp_path, name):
    node, cells, words = FATAL[name]
    refused(bench.run(pack(tmp_path, hello), limit=15,
                      extra=changed(tree, tmp_path, node, "reg", *cells)), words)


def test_interrupts_of_others(bench, hello, tree, tmp_path):
    """Each hart's registers are the next one's: nothing would ever arrive where it should."""
    file = tmp_path / "x.dtb"
    file.write_bytes(tree)
    words = subprocess.run(["fdtget", "-t", "x", file, CLINT, "interrupts-extended"], text=True,
                           capture_output=True, check=True).stdout.split()
    cells = [int(word, 16) for word in words[4:] + words[:4]]
    refused(bench.run(pack(tmp_path, hello), limit=15,
                      extra=changed(tree, tmp_path, CLINT, "interrupts-extended", *cells)),
            "isn't where the device tree says")


# A guest that asks for a q over and over.
UNTIL_Q = """say "# hello\\r\\n"
1: li a7, 2
ecall
li t0, 'q'
bne a0, t0, 1b
reset SRST_SHUTDOWN, NO_REASON
"""


def test_cpus_that_are_not_there(bench, hello, tree, tmp_path):
    """More in the tree than on the board: they are waited for, a second for all, and named."""
    (tmp_path / "x.dtb").write_bytes(tree)
    ended = bench.run(pack(tmp_path, hello), cpus=2, extra=["-dtb", tmp_path / "x.dtb"])
    ended.ends(EXIT_DONE).says("# hello", *["CPU %d did not come up within a second: it is left out"
                                            % cpu for cpu in (2, 3)])


def test_more_cpus_than_supported(bench, hello, tmp_path):
    ended = bench.run(pack(tmp_path, hello), cpus=1, extra=["-dtb", dump_tree(tmp_path, 130)])
    ended.ends(EXIT_DONE).says("# hello", "2 more CPU cores are left out: 128 is the most")


def test_tree_without_the_cpu_that_boots(bench, hello, tree, tmp_path):
    (tmp_path / "x.dtb").write_bytes(tree)
    without(tmp_path / "x.dtb", "/cpus/cpu-map", "/cpus/cpu@0")
    refused(bench.run(pack(tmp_path, hello), cpus=1, extra=["-dtb", tmp_path / "x.dtb"]),
            "no usable node for the CPU that booted, 0")


def test_clint_of_another_cpu(bench, hello, tree, tmp_path):
    """The only CPU that there is isn't among those that the CLINT's node names."""
    file = tmp_path / "x.dtb"
    file.write_bytes(tree)
    node = "/soc/clint@2000000"
    words = subprocess.run(["fdtget", "-t", "x", file, node, "interrupts-extended"], text=True,
                           capture_output=True, check=True).stdout.split()
    subprocess.run(["fdtput", "-t", "x", file, node, "interrupts-extended", *words[4:]], check=True)
    refused(bench.run(pack(tmp_path, hello), cpus=1, extra=["-dtb", file]),
            "No CPU core can run a capsule", "no CLINT or ACLINT")


def test_clint_of_halves(bench, tree, tmp_path):
    """T-Head's takes 32 bits at a time, and timers go all the same, though not by Sstc."""
    file = tmp_path / "x.dtb"
    file.write_bytes(tree)
    subprocess.run(["fdtput", "-t", "s", file, "/soc/clint@2000000", "compatible",
                    "thead,c900-clint"], check=True)
    ended = bench.run(guest("guest-tests"), cpu="h=false,sstc=false", extra=["-dtb", file])
    ended.ends(EXIT_DONE)
    assert re.search(r"^DONE: \d{3,} passed, 0 failed", ended.text, re.MULTILINE)


@pytest.mark.parametrize("cpu, words", [("h=false,s=false", "it has no S-mode"),
                                        ("h=false,pmp=false", "it has no PMP")])
def test_cpu_lacks(bench, hello, tmp_path, cpu, words):
    refused(bench.run(pack(tmp_path, hello), cpu=cpu), "No CPU core can run a capsule", words)


def test_pmp_that_is_locked(bench, hello, tree, tmp_path):
    """An earlier stage keeps its own memory from everybody, by an entry that stays."""
    lock = "li t0, 0x3fffffff\ncsrw pmpaddr3, t0\nli t0, 0x9f000000\ncsrw pmpcfg0, t0"
    flash = trampoline(tmp_path, 0x80000000, TREE_AT, before=lock)
    (tmp_path / "tree").write_bytes(tree)
    refused(bench.run(pack(tmp_path, hello), extra=[
        "-drive", "if=pflash,unit=0,format=raw,readonly=on,file=%s" % flash,
        "-device", "loader,file=%s,addr=0x%x,force-raw=on" % (tmp_path / "tree", TREE_AT)]),
            "No CPU core can run a capsule", "has locked PMP entries")


def test_memory_beyond_32_bits(bench, tmp_path):
    """3 GiB from the second one on: what lies above the fourth isn't used, and that is said."""
    image = assemble(tmp_path, HELLO, 32)
    ended = bench.run(pack(tmp_path, image), width=32, mem="3G")
    ended.ends(EXIT_DONE).says("# hello", "1024 MiB of RAM above 4 GiB are left out")


TREE_AT = 0x88000000


def damage(name, tree):
    """What lies where the tree should: bytes, or None for nothing."""
    end = struct.unpack_from(">I", tree, 4)[0]
    blocks = struct.unpack_from(">II", tree, 8)
    return {
        "none": None,
        "not a tree": b"no device tree " * 100,
        "truncated": tree[:300] + bytes(len(tree) - 300),
        "half": tree[:end // 2] + bytes([0xff]) * (end - end // 2),
        "size of 4 GiB": tree[:4] + b"\xff\xff\xff\xff" + tree[8:],
        "structure outside": tree[:8] + struct.pack(">II", 0x7fffffff, blocks[1]) + tree[16:],
        "all properties cut": tree[:blocks[0]] + b"\0\0\0\1" * 2000,
    }[name]


@pytest.mark.parametrize("name, address, words", [
    ("none", 0, ["none was given"]),
    ("not a tree", TREE_AT, ["0x88000000", "0x6e6f2064", "0xd00dfeed"]),
    ("truncated", TREE_AT, ["device tree", "0x88000000"]),
    ("half", TREE_AT, ["device tree", "0x88000000"]),
    ("size of 4 GiB", TREE_AT, ["device tree"]),
    ("structure outside", TREE_AT, ["device tree", "0x88000000"]),
    ("all properties cut", TREE_AT, ["device tree"]),
    # Unaligned, and where nothing answers.
    ("not a tree", TREE_AT + 3, ["device tree"]),
    ("none", 0x400000000, ["0x400000000"]),
], ids=["address 0", "not a tree", "truncated", "half", "size of 4 GiB", "structure outside",
        "nodes only", "unaligned", "no memory there"])
def test_corrupt_tree(bench, hello, tree, tmp_path, name, address, words):
    """A loader hands over rubbish. What the board has then comes from the build: its UART says
    why, its finisher ends it."""
    data = damage(name, tree)
    extra = ["-drive", "if=pflash,unit=0,format=raw,readonly=on,file=%s"
             % trampoline(tmp_path, 0x80000000, address)]
    if data:
        (tmp_path / "tree").write_bytes(data)
        extra += ["-device", "loader,file=%s,addr=0x%x,force-raw=on" % (tmp_path / "tree",
                                                                       address & ~15)]
    refused(bench.run(pack(tmp_path, hello), extra=extra, limit=15), *words)


@pytest.mark.parametrize("memory, capsule", [("64M", "128"), ("256M", "250")])
def test_memory_that_is_not_there(bench, hello, tmp_path, memory, capsule):
    """Both numbers are shown: what is asked for, and the most that there is."""
    ended = bench.run(pack(tmp_path, hello, memory_mib="<%s>" % capsule), mem=memory)
    refused(ended, "web", "memory-mib is " + capsule)
    most, unit = re.search(r"memory-mib.* (\d+) ([KM])iB", ended.text).groups()
    assert int(most) < int(memory[:-1]) * {"K": 1024, "M": 1}[unit]


@pytest.mark.parametrize("width, other", [(64, 32), (32, 64)])
def test_manifest_of_the_other_width(bench, width, other):
    """An ELF and a Linux Image for RV32 on a hypervisor for RV64, and the other way round."""
    refused(bench.run(guest("failure", other), width=width), "failure: ", "ELF", "RV%d" % other,
            "RV%d" % width)
    refused(bench.run(linux(other), width=width), "Capsule linux", "Linux Image", "RV%d" % other,
            "RV%d" % width)
