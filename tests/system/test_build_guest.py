# SPDX-License-Identifier: MIT
"""The recipe of the small guest (guests/small/build.sh): what it says when it can't go on, and that
it goes on where it was interrupted. Compilers and make are stand-ins here: nothing is built."""

import pathlib
import shutil
import subprocess

import pytest

from said import noted

RECIPE = pathlib.Path(__file__).resolve().parents[2] / "guests/small"

# What the recipe runs besides what a build needs.
BASICS = ("awk", "cat", "chmod", "cp", "dirname", "flock", "grep", "ln", "mkdir", "mv", "rm", "sed",
          "tail", "tee", "touch", "tr")

# A make that leaves behind what the real ones would, and keeps a list of what it was asked for.
MAKE = """
for word; do
	case $word in O=*) out=${word#O=} ;; esac
	goal=$word
done
echo "$goal" >>"$MADE"
echo "  CC      something.o"
[ "$goal" != "$BREAK" ] || { eval kill $KILL; exit 2; }
case $goal in
tinyconfig | defconfig) : >"$out/.config" ;;
olddefconfig) sed -i "/=n$/d; /^$LOSE=/d" "$out/.config" ;;
Image) mkdir -p "$out/arch/riscv/boot"; echo kernel >"$out/arch/riscv/boot/Image" ;;
busybox) echo busybox >"$out/busybox" ;;
install) mkdir -p "$out/lib" ;;
esac
"""


class Bench:
    """A cache with the sources, and a folder with all programs that the recipe finds."""

    def __init__(self, folder):
        self.bin, self.cache, self.made = folder / "bin", folder / "cache", folder / "made"
        self.bin.mkdir()
        for name in BASICS:
            (self.bin / name).symlink_to(shutil.which(name))
        for item in ("linux-source", "musl", "busybox-source"):
            (self.cache / item).mkdir(parents=True)
            (self.cache / item / ".complete").touch()
        for name, text in {"make": MAKE, "tar": "exit 0", "nproc": "echo 2",
                           "riscv64-unknown-elf-gcc": "echo libgcc.a",
                           "df": "echo Avail; echo 9999M"}.items():
            self.stub(self.bin / name, text)
        for name in ("ar", "ranlib", "strip", "nm", "objcopy", "objdump", "ld", "as"):
            self.stub(self.bin / ("riscv64-linux-gnu-" + name), "exit 0")
        self.stub(self.cache / "musl/configure",
                  'for word; do case $word in --prefix=*) mkdir -p "${word#*=}/lib" ;; esac; done')

    def stub(self, path, text):
        path.write_text("#!/bin/sh\n%s\n" % text)
        path.chmod(0o755)

    def run(self, *args, **env):
        env = {"PATH": str(self.bin), "MADE": str(self.made), "BREAK": "nothing", "KILL": "-0 $$",
               "LOSE": "nothing", **env}
        return noted(subprocess.run(["/bin/bash", RECIPE / "build.sh", *map(str, args)], env=env,
                                    capture_output=True, text=True, timeout=60, check=False))

    def build(self, width=32, **env):
        return self.run(width, self.cache, "key", **env)


@pytest.fixture(name="bench")
def make_bench(tmp_path):
    return Bench(tmp_path)


def refused(result, *words):
    assert result.returncode == 1
    for word in words:
        assert word in result.stderr


def test_wrong_call(bench, tmp_path):
    refused(bench.run("48", bench.cache, "key"), "usage: build.sh 32|64 CACHE KEY")
    refused(bench.run("32", tmp_path / "nowhere", "key"), "there is no cache folder")


@pytest.mark.parametrize("width, kept", [(32, ["Image", "busybox", "config"]),
                                         (64, ["Image", "config"])])
def test_builds_once(bench, width, kept):
    """What is there is whole, nothing else is left, and a second run does nothing."""
    result = bench.build(width)
    assert result.returncode == 0, result.stderr
    assert "about 5 minutes on two CPUs, this once" in result.stdout
    place = bench.cache / ("small-rv%d-key" % width)
    assert sorted(path.name for path in place.iterdir()) == [".complete", *kept]
    assert not list(bench.cache.glob(".build-rv*"))
    bench.made.unlink()
    again = bench.build(width)
    assert again.returncode == 0 and not again.stdout and not bench.made.exists()


@pytest.mark.parametrize("goal, name", [("Image", "kernel"), ("busybox", "busybox"),
                                        ("headers", "headers"), ("install", "musl")])
def test_goes_on_where_it_broke(bench, goal, name):
    refused(bench.build(BREAK=goal), "%s could not be built; its log is" % name, "something.o")
    assert not (bench.cache / "small-rv32-key").exists()
    begun = bench.made.read_text().split()
    bench.made.unlink()
    assert bench.build().returncode == 0
    assert "tinyconfig" in begun and "tinyconfig" not in bench.made.read_text().split()


def test_is_interrupted(bench):
    refused(bench.build(BREAK="Image", KILL="-TERM $PPID"), "interrupted; the next run goes on")
    assert not (bench.cache / "small-rv32-key").exists()
    assert bench.build().returncode == 0


def test_source_is_missing(bench):
    (bench.cache / "musl/.complete").unlink()
    refused(bench.build(), "musl is not in %s; tools/fetch.sh gets it" % bench.cache)


def test_source_is_broken(bench):
    bench.stub(bench.bin / "tar", "exit 2")
    refused(bench.build(), "linux-source.tar cannot be unpacked; remove its folder and run this")


def test_no_room(bench):
    bench.stub(bench.bin / "df", "echo Avail; echo 100M")
    refused(bench.build(), "building needs 2000 MiB", "and 100 are free")


def test_kernel_does_not_take_a_wish(bench):
    """What the fragments ask for has another name in this kernel, or depends on something new."""
    refused(bench.build(LOSE="CONFIG_SIFIVE_PLIC"),
            "this kernel's configuration does not take: CONFIG_SIFIVE_PLIC=y")


def test_musl_does_not_configure(bench):
    bench.stub(bench.cache / "musl/configure", "exit 1")
    refused(bench.build(), "musl cannot be configured; its log is")
