# SPDX-License-Identifier: MIT
"""The host tool that checks manifests: what it prints, what it ends with. What the code behind it
refuses is tested in tests/unit (test_manifest.c, test_image.c). No emulator runs here."""

import gzip
import os
import pathlib
import struct
import subprocess

import pytest

from said import noted

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHECKER = ROOT / "build/host/manifest-check"

GOOD = """compatible = "diosix,capsule"; kernel = "linux"; ramdisk = "initrd"; memory-mib = <32>;"""

IMAGE = '{} {{ data = /incbin/("{}"); type = "{}"; arch = "riscv"; os = "linux"; ' \
    'compression = "none"; load = <0>; entry = <0>; }};'


def linux(text_offset=0x200000, image_size=0x100000):
    """What begins Linux's boot/Image."""
    return struct.pack("<8sQQQIIQ8s4sI", b"MZ", text_offset, image_size, 0, 2, 0, 0, b"RISCV",
                       b"RSC\x05", 0) + bytes(64)


@pytest.fixture(scope="module", autouse=True)
def checker():
    subprocess.run(["make", "-s", "build/host/manifest-check"], cwd=ROOT, check=True)


@pytest.fixture(name="pack")
def make_pack(tmp_path):
    """Gives a function that packs capsules (name: properties) and returns the manifest's path."""
    def pack(kernel=linux(), options=(), **capsules):
        (tmp_path / "kernel").write_bytes(kernel)
        (tmp_path / "ramdisk").write_bytes(bytes(5000))
        nodes = "".join(f"{name} {{ {text} }};" for name, text in capsules.items())
        (tmp_path / "x.its").write_text(
            '/dts-v1/; / { description = "test"; #address-cells = <1>; images { '
            + IMAGE.format("linux", "kernel", "kernel")
            + IMAGE.format("initrd", "ramdisk", "ramdisk")
            + " }; configurations { " + nodes + " }; };")
        subprocess.run(["mkimage", "-q", *options, "-f", "x.its", "x.itb"], cwd=tmp_path,
                       check=True, capture_output=True)
        return tmp_path / "x.itb"
    return pack


def check(*args):
    return noted(subprocess.run([CHECKER, *args], capture_output=True, text=True, timeout=60,
                                check=False))


@pytest.mark.parametrize("options", [(), ("-E",), ("-E", "-p", "0x2000")])
def test_good_manifest(pack, options):
    file = pack(web=GOOD, db=GOOD + "vcpus = <2>; memory-base = <0 0x90000000>;", options=options)
    result = check(file)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        f"{file}: capsule web: kernel linux (Linux Image, 1 KiB), ramdisk initrd (5 KiB), 32 MiB, "
        "1 vCPU",
        f"{file}: capsule db: kernel linux (Linux Image, 1 KiB), ramdisk initrd (5 KiB), 32 MiB "
        "at 0x90000000, 2 vCPUs"]


def test_only_the_bad_capsules_are_refused(pack):
    file = pack(web=GOOD, typo=GOOD + "vcpu = <2>;", small=GOOD.replace("<32>", "<3>"),
                missing=GOOD.replace('"linux"', '"linus"'))
    result = check(file)
    assert result.returncode == 1
    assert f"{file}: capsule web: kernel linux" in result.stdout
    lines = result.stderr.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith(f'{file}: capsule typo: property "vcpu" is not known; known are ')
    assert lines[1].startswith(f"{file}: capsule small: ")
    assert lines[1].endswith("do not fit in 3 MiB; memory-mib 4 would do")
    assert lines[2] == f'{file}: capsule missing: kernel is "linus", but /images has no such ' \
        "node; it has linux, initrd"


def test_width_and_compression(pack):
    file = pack(web=GOOD)
    assert check("--xlen", "64", file).returncode == 0
    result = check("--xlen", "32", file)
    assert result.returncode == 1
    assert "capsule web: kernel linux: Linux Image: text_offset is 0x200000" in result.stderr
    file = pack(kernel=linux(text_offset=0x400000), web=GOOD)
    assert check("--xlen", "32", file).returncode == 0
    assert check(file).returncode == 1
    result = check(pack(kernel=gzip.compress(linux()), web=GOOD))
    assert result.returncode == 1
    assert "compressed with gzip: unpack it on the host" in result.stderr


def test_overlapping_memory(pack):
    place = "memory-base = <0 {}>;"
    pmp = 'isolation = "pmp";'
    good = pack(a=GOOD + pmp + place.format("0x90000000"), b=GOOD + pmp + place.format("0x92000000"))
    assert check(good).returncode == 0
    bad = pack(a=GOOD + pmp + place.format("0x90000000"), b=GOOD + pmp + place.format("0x91e00000"))
    result = check(bad)
    assert result.returncode == 1
    assert "capsule b: memory-base 0x91e00000 and memory-mib 32 overlap capsule a, which has 32 " \
        "MiB at 0x90000000" in result.stderr


def test_tree(pack, tmp_path):
    file = pack(web=GOOD + 'bootargs = "console=ttyS0";', db=GOOD + "vcpus = <3>;")
    assert check("--tree", "db", tmp_path / "db.dtb", file).returncode == 0
    source = subprocess.run(["dtc", "-I", "dtb", "-O", "dts", tmp_path / "db.dtb"], text=True,
                            capture_output=True, check=True)
    assert source.stderr == ""
    assert 'model = "Diosix capsule db";' in source.stdout
    assert source.stdout.count("riscv,cpu-intc") == 3
    result = check("--tree", "other", tmp_path / "other.dtb", file)
    assert result.returncode == 1
    assert "no device tree for other" in result.stderr
    assert not (tmp_path / "other.dtb").exists()


def test_files_that_fail(pack, tmp_path):
    """One that has fewer bytes than it says, as those that a kernel makes up have, and a place
    where nothing can be written."""
    made_up = next(file for file in sorted(pathlib.Path("/sys/kernel").glob("*"))
                   if file.is_file() and os.access(file, os.R_OK) and file.stat().st_size == 4096)
    result = check(made_up)
    assert result.returncode == 2
    assert result.stderr.startswith(f"{made_up}: can't be read: ")
    result = check("--tree", "web", tmp_path / "nowhere/x.dtb", pack(web=GOOD))
    assert result.returncode == 2
    assert "nowhere/x.dtb: can't be written: No such file" in result.stderr


def test_no_manifest_at_all(pack, tmp_path):
    whole = pack(web=GOOD).read_bytes()
    broken = tmp_path / "broken.itb"
    for data, words in [(b"", "has 0 bytes"), (b"MZ" + bytes(100), "is no FIT"),
                        (whole[:-1], "truncated")]:
        broken.write_bytes(data)
        result = check(broken)
        assert result.returncode == 1
        assert result.stderr.startswith(f"{broken}: the manifest ")
        assert words in result.stderr and result.stderr.count("\n") == 1
    assert check(tmp_path / "absent.itb").returncode == 2
    for wrong in [(), ("--xlen", "16", broken), ("--what", broken), (broken, broken)]:
        result = check(*wrong)
        assert result.returncode == 2
        assert result.stderr.startswith("usage: ")
