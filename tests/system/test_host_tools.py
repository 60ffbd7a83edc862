# SPDX-License-Identifier: MIT
"""The host's side of `make run` and `make image`: what becomes of kernels, values and manifests
before anything is booted. No emulator runs here."""

import gzip
import lzma
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile

import pytest

from said import noted

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOLS = ROOT / "tools"

# A kernel that compresses, yet not to nothing.
KERNEL = b"".join(struct.pack("<I", n * 2654435761 & 0xffffffff) for n in range(50000)) * 2


def tool(name, *args, env=None, cwd=None):
    """Runs a tool; its messages are what the user would see."""
    return noted(subprocess.run([TOOLS / name, *args], capture_output=True, text=True, timeout=120,
                                check=False, cwd=cwd, env={**os.environ, **(env or {})}))


def refused(result, *words):
    """A refusal is one sentence that has the words, never Python's traceback."""
    assert result.returncode != 0
    assert "Traceback" not in result.stderr
    for word in words:
        assert word in result.stderr


def zstd(data):
    return subprocess.run(["zstd", "-qc"], input=data, capture_output=True, check=True).stdout


def zboot(payload, kind, offset=64, size=None):
    """An EFI zboot image as Linux's zboot-header.S lays it out."""
    size = len(payload) if size is None else size
    header = b"MZ\0\0zimg" + struct.pack("<II", offset, size) + bytes(8) + kind.ljust(32, b"\0")
    return header.ljust(64, b"\0") + payload


UNPACKED_SIZE = struct.pack("<I", len(KERNEL))


@pytest.mark.parametrize("packed", [
    KERNEL,
    gzip.compress(KERNEL),
    zboot(gzip.compress(KERNEL), b"gzip"),
    zboot(lzma.compress(KERNEL) + UNPACKED_SIZE, b"xzkern"),
    zboot(zstd(KERNEL) + UNPACKED_SIZE, b"zstd22"),
    zboot(zstd(KERNEL), b"zstd"),
    gzip.compress(zboot(zstd(KERNEL), b"zstd")),
], ids=["plain", "gzip", "zboot-gzip", "zboot-xz", "zboot-zstd-sized", "zboot-zstd", "gzip-zboot"])
def test_kernel_is_unpacked(tmp_path, packed):
    (tmp_path / "in").write_bytes(packed)
    result = tool("unpack-kernel", tmp_path / "in", tmp_path / "out")
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "out").read_bytes() == KERNEL


def damaged(data):
    return data[:-9] + bytes([data[-9] ^ 255]) + data[-8:]


@pytest.mark.parametrize("packed, word", [
    (b"", "empty"),
    (gzip.compress(b""), "empty"),
    (gzip.compress(KERNEL)[:-5000], "truncated"),
    (damaged(gzip.compress(KERNEL)), "damaged"),
    (b"MZ\0\0zimg", "truncated"),
    (zboot(gzip.compress(KERNEL), b"gzip")[:-1], "truncated"),
    (zboot(gzip.compress(KERNEL), b"gzip", offset=0xffffffff), "goes beyond"),
    (zboot(gzip.compress(KERNEL), b"gzip", size=0xffffffff), "goes beyond"),
    (zboot(gzip.compress(KERNEL), b"gzip", size=5000), "truncated"),
    (zboot(lzma.compress(KERNEL), b"xz", size=5000), "truncated"),
    (zboot(zstd(KERNEL), b"zstd", size=5000), "truncated"),
    (zboot(damaged(lzma.compress(KERNEL)), b"xz"), "xz says"),
    (zboot(KERNEL, b"lzo"), "'lzo'"),
    (gzip.compress(gzip.compress(gzip.compress(KERNEL))), "twice"),
], ids=["empty", "gzip of nothing", "cut gzip", "damaged gzip", "only a header", "cut zboot",
        "offset outside", "size outside", "zboot with half a gzip", "zboot with half an xz",
        "zboot with half a zstd", "damaged xz", "unknown compression", "three layers"])
def test_bad_kernel_is_refused(tmp_path, packed, word):
    (tmp_path / "in").write_bytes(packed)
    refused(tool("unpack-kernel", tmp_path / "in", tmp_path / "out"), str(tmp_path / "in"), word)
    assert not (tmp_path / "out").exists()


def test_bomb_is_refused(tmp_path):
    """A little more than a gibibyte of zeros."""
    with subprocess.Popen(["gzip", "-1c"], stdin=subprocess.PIPE,
                          stdout=open(tmp_path / "in", "wb")) as packer:
        for _ in range(1030):
            packer.stdin.write(bytes(1 << 20))
        packer.stdin.close()
    assert packer.returncode == 0
    refused(tool("unpack-kernel", tmp_path / "in", tmp_path / "out"), "1 GiB")
    assert os.listdir(tmp_path) == ["in"]


def test_no_file_is_no_kernel(tmp_path):
    """A folder, and what no memory should be filled with."""
    refused(tool("unpack-kernel", tmp_path, tmp_path / "out"), "is a folder")
    with open(tmp_path / "in", "wb") as file:
        file.truncate((1 << 30) + 1)
    refused(tool("unpack-kernel", tmp_path / "in", tmp_path / "out"), "larger than 1 GiB")
    assert os.listdir(tmp_path) == ["in"]


def test_zstd_is_asked_for(tmp_path):
    (tmp_path / "in").write_bytes(zboot(zstd(KERNEL), b"zstd"))
    result = tool("unpack-kernel", tmp_path / "in", tmp_path / "out", env={"PATH": str(tmp_path)})
    refused(result, "install the package zstd")


def stub(path, status):
    """A stand-in for the manifest checker, which has tests of its own."""
    path.write_text("#!/bin/sh\necho 'web: kernel: no such image' >&2\nexit %d\n" % status)
    path.chmod(0o755)
    return path


AWKWARD = 'console=ttyS0 a="b c" d=\\n $HOME `id` \'x\' é'


def own(tmp_path, **values):
    """Environment and result of own-image with these values."""
    env = {"BUILD": str(tmp_path / "build"), "CACHE": str(tmp_path), "KERNEL": "", "INITRD": "",
           "BOOTARGS": "", "RAM": "", "VCPUS": "", **values}
    result = tool("own-image", "make", "64", stub(tmp_path / "checker", 0), env=env)
    return result, tool("own-image", "where", env=env).stdout.strip()


def test_own_kernel_is_packed(tmp_path):
    folder = tmp_path / "it's a \"folder\""
    folder.mkdir()
    (folder / "kernel").write_bytes(gzip.compress(KERNEL))
    (folder / "initrd").write_bytes(b"disk")
    result, image = own(tmp_path, KERNEL=str(folder / "kernel"), INITRD=str(folder / "initrd"),
                        BOOTARGS=AWKWARD, RAM="1g", VCPUS="3")
    assert result.returncode == 0, result.stderr
    assert KERNEL in pathlib.Path(image).read_bytes()
    source = pathlib.Path(image).with_suffix(".its").read_text(encoding="utf-8")
    assert "memory-mib = <1024>" in source and "vcpus = <3>" in source
    bootargs = subprocess.run(["fdtget", "-t", "bx", image, "/configurations/guest", "bootargs"],
                              capture_output=True, text=True, check=True).stdout
    assert bytes(int(b, 16) for b in bootargs.split()) == AWKWARD.encode() + b"\0"


@pytest.mark.parametrize("values, words", [
    ({"RAM": "128"}, ["RAM=128", "128M"]),
    ({"RAM": "0M"}, ["RAM=0M"]),
    ({"RAM": "-1G"}, ["RAM=-1G"]),
    ({"RAM": "999999999G"}, ["RAM=999999999G"]),
    ({"VCPUS": "0"}, ["VCPUS=0", "1 or more"]),
    ({"VCPUS": "two"}, ["VCPUS=two"]),
    ({"BOOTARGS": "a\nb"}, ["BOOTARGS", "control character"]),
    ({"INITRD": "/nowhere"}, ["INITRD=/nowhere", "no such file"]),
    ({"KERNEL": "/nowhere"}, ["KERNEL=/nowhere", "no such file"]),
])
def test_bad_value_is_refused(tmp_path, values, words):
    (tmp_path / "kernel").write_bytes(KERNEL)
    result, image = own(tmp_path, **{"KERNEL": str(tmp_path / "kernel"), **values})
    refused(result, *words)
    assert not os.path.exists(image)


def test_empty_initrd_is_refused(tmp_path):
    (tmp_path / "kernel").write_bytes(KERNEL)
    (tmp_path / "initrd").write_bytes(b"")
    result, _ = own(tmp_path, KERNEL=str(tmp_path / "kernel"), INITRD=str(tmp_path / "initrd"))
    refused(result, "INITRD=", "empty")


def test_file_of_somebody_else_is_refused():
    """Root may read everything, so the tool runs as nobody; it comes by its standard input, since
    nobody may not come to the checkout either."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        kernel = pathlib.Path(folder) / "kernel"
        kernel.write_bytes(KERNEL)
        kernel.chmod(0)
        nobody = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
        with open(TOOLS / "make-manifest", "rb") as program:
            result = noted(subprocess.run(
                ["/usr/bin/python3", "-", "--kernel", kernel, folder + "/x.its"], stdin=program,
                capture_output=True, text=True, timeout=60, check=False, cwd="/", **nobody))
        refused(result, "KERNEL=", "cannot be read")


def test_stock_guest_is_missing(tmp_path):
    """Nobody has made it; its name tells where it was looked for."""
    env = {"BUILD": str(tmp_path / "build"), "CACHE": str(tmp_path), "KERNEL": ""}
    refused(tool("own-image", "make", "32", stub(tmp_path / "checker", 0), env=env),
            "%s/build/guests/Image: there is no such file" % tmp_path)


@pytest.mark.parametrize("name, arguments", [
    ("unpack-kernel", ["one"]), ("own-image", ["do"]), ("make-image", ["64"]),
    ("make-initramfs", [])])
def test_wrong_call(tmp_path, name, arguments):
    env = {"BUILD": str(tmp_path / "build"), "CACHE": str(tmp_path)}
    refused(tool(name, *arguments, env=env), "usage: " + name)


def test_different_values_have_different_images(tmp_path):
    places = {own(tmp_path, KERNEL="/nowhere", RAM=ram)[1] for ram in ("64M", "128M")}
    assert len(places) == 2


ITS = """/dts-v1/;
/ { description = "x"; #address-cells = <1>; capsules = "web";
	images { linux { description = "k"; data = /incbin/("kernel"); type = "kernel";
		arch = "riscv"; os = "linux"; compression = "none"; load = <0>; entry = <0>; }; };
	configurations { default = "web"; web { description = "w"; kernel = "linux"; }; };
};
"""


def pack(tmp_path, text, status=0):
    (tmp_path / "x.its").write_text(text)
    return tool("make-image", "64", stub(tmp_path / "checker", status), tmp_path / "x.its",
                tmp_path / "x.itb", tmp_path / "far")


def test_image_is_the_same_every_time(tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "kernel").write_bytes(KERNEL)
    images = []
    for _ in range(2):
        assert pack(tmp_path, ITS).returncode == 0
        images.append((tmp_path / "x.itb").read_bytes())
    assert images[0] == images[1]


@pytest.mark.parametrize("text, status, word", [
    (ITS, 1, "no such image"),
    (ITS.replace("/dts-v1/;", ""), 0, "cannot be packed"),
    (ITS.replace('"kernel")', '"nowhere")'), 0, "nowhere"),
], ids=["refused by the checker", "no device tree source", "missing file"])
def test_refused_manifest_leaves_no_image(tmp_path, text, status, word):
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "kernel").write_bytes(KERNEL)
    (tmp_path / "x.itb").write_bytes(b"an older image")
    result = pack(tmp_path, text, status)
    refused(result, word)
    assert "Usage" not in result.stderr
    assert sorted(os.listdir(tmp_path)) == ["checker", "far", "x.its"]


def test_image_needs_a_manifest_and_a_checker(tmp_path):
    checker = stub(tmp_path / "checker", 0)
    image = tmp_path / "x.itb"
    refused(tool("make-image", "64", checker, tmp_path / "x.its", image), "no manifest")
    (tmp_path / "x.its").write_text(ITS)
    refused(tool("make-image", "64", tmp_path / "none", tmp_path / "x.its", image),
            "has not been built")
    assert not image.exists()


def test_initramfs_without_busybox(tmp_path):
    refused(tool("make-initramfs", tmp_path, tmp_path / "busybox", tmp_path / "out"), "busybox",
            "No such file")
    assert os.listdir(tmp_path) == []


def test_initramfs(tmp_path):
    """Equal bytes whatever the folder's times and order, with what a kernel opens first."""
    first, second = tmp_path / "a", tmp_path / "b"
    shutil.copytree(ROOT / "guests/initramfs", first)
    second.mkdir()
    for path in sorted(first.rglob("*"), reverse=True):
        target = second / path.relative_to(first)
        if path.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
            target.chmod(path.stat().st_mode)
    (tmp_path / "busybox").write_bytes(b"\x7fELF")
    for folder in (first, second):
        result = tool("make-initramfs", folder, tmp_path / "busybox", "%s.gz" % folder)
        assert result.returncode == 0, result.stderr
    archive = (tmp_path / "a.gz").read_bytes()
    assert archive == (tmp_path / "b.gz").read_bytes()
    listing = subprocess.run(["cpio", "-tv", "--quiet"], input=gzip.decompress(archive),
                             capture_output=True, check=True).stdout.decode()
    lines = {line.split(" -> ")[0].split()[-1]: line for line in listing.splitlines()}
    assert lines["dev/console"].startswith("crw-------") and "5,   1" in lines["dev/console"]
    assert lines["init"].endswith("init -> bin/busybox")
    assert lines["etc/init.d/rcS"].startswith("-rwxr-xr-x")


@pytest.mark.parametrize("values, words", [
    ({"CPUS": "0"}, ["CPUS=0"]),
    ({"CPUS": "four"}, ["CPUS=four"]),
    ({"CPUS": "513"}, ["CPUS=513", "512"]),
    ({"MEM": "12X"}, ["MEM=12X", "512M"]),
    ({"MEM": "0"}, ["MEM=0"]),
    ({"ISOLATION": "vmx"}, ["ISOLATION=vmx", "pmp"]),
    ({"CONSOLE": "both"}, ["CONSOLE=both", "merged", "attached"]),
])
def test_run_refuses_nonsense_before_building(values, words):
    refused(tool("run.sh", env={"CPUS": "4", "MEM": "512M", "ISOLATION": "", **values}), *words)


def test_run_becomes_the_emulator(tmp_path):
    """Arguments arrive whole and the exit status is the emulator's."""
    emulator = tmp_path / "qemu"
    emulator.write_text('#!/bin/sh\nfor a; do echo "[$a]"; done\nexit 7\n')
    emulator.chmod(0o755)
    for name in ("hypervisor", "image"):
        (tmp_path / name).write_bytes(b"x")
    env = {"QEMU": str(emulator), "CPU": "rv64,h=false", "CPUS": "2", "MEM": "1G", "MACHINE": "",
           "ISOLATION": "pmp", "HOSTARGS": "log=debug x"}
    result = tool("run.sh", "hypervisor", "image", env=env, cwd=tmp_path)
    assert result.returncode == 7
    said, *arguments = result.stdout.splitlines()
    assert "Ctrl-a x" in said
    assert " ".join(arguments) == (
        "[-M] [virt] [-cpu] [rv64,h=false] [-smp] [2] [-m] [1G] [-bios] [none] [-nographic] "
        "[-kernel] [hypervisor] [-initrd] [image] [-append] [isolation=pmp log=debug x]")


@pytest.mark.parametrize("lacks", ["emulator", "hypervisor", "image"])
def test_run_names_what_is_missing(tmp_path, lacks):
    files = {name: tmp_path / name for name in ("emulator", "hypervisor", "image")}
    for name, file in files.items():
        if name != lacks:
            stub(file, 0)
    env = {"QEMU": str(files["emulator"]), "CPUS": "2", "MEM": "1G", "ISOLATION": ""}
    refused(tool("run.sh", files["hypervisor"], files["image"], env=env), "there is no " + lacks,
            str(files[lacks]))


def test_setup_off_names_what_is_missing(tmp_path):
    """With an empty PATH everything is missing; nothing may be installed."""
    (tmp_path / "bin").mkdir()
    env = {"SETUP": "no", "PATH": str(tmp_path / "bin"), "CACHE": str(tmp_path / "cache")}
    result = noted(subprocess.run(["/bin/bash", TOOLS / "setup.sh", "run"], capture_output=True,
                                  text=True, timeout=30, check=False, env=env))
    assert result.returncode == 1
    assert "qemu-system-riscv64 (package qemu-system-misc)" in result.stdout
    assert "cppcheck" not in result.stdout
    assert not (tmp_path / "cache").exists()


def test_lock_lets_a_nested_build_through(tmp_path):
    """A command that is locked may come back to the same lock; it would wait for ever else."""
    lock = tmp_path / "lock"
    result = tool("with-lock", lock, TOOLS / "with-lock", lock, "echo", "inside")
    assert result.stdout == "inside\n"
