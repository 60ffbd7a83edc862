# SPDX-License-Identifier: MIT
"""What set-up says when it can't go on. apt, dpkg and sudo are stand-ins here: nothing is installed,
and no network is asked."""

import hashlib
import os
import pathlib
import shutil
import subprocess
import tarfile
import tempfile

import pytest

from said import noted

TOOLS = pathlib.Path(__file__).resolve().parents[2] / "tools"

# What the scripts run besides what they look for.
BASICS = ("awk", "basename", "cat", "chmod", "echo", "env", "flock", "grep", "head", "ln", "mkdir",
          "mktemp", "mv", "rm", "sed", "sleep", "stat", "tail", "tar", "touch")


class Bench:
    """A folder with all programs that a script finds, and a cache."""

    def __init__(self, folder):
        self.folder, self.bin, self.cache = folder, folder / "bin", folder / "cache"
        self.bin.mkdir()
        for name in BASICS:
            (self.bin / name).symlink_to(shutil.which(name))

    def stub(self, name, text="exit 0"):
        """A program of one's own: `text` is what a shell does."""
        (self.bin / name).unlink(missing_ok=True)
        (self.bin / name).write_text("#!/bin/sh\n%s\n" % text)
        (self.bin / name).chmod(0o755)
        return self

    def run(self, script, *args, env=None, **words):
        """The script comes by its standard input, since not everybody may read the checkout."""
        with open(TOOLS / script, "rb") as program:
            return noted(subprocess.run(
                ["/bin/bash", "-s", *args], stdin=program, capture_output=True, text=True,
                timeout=60, check=False, cwd="/",
                env={"PATH": str(self.bin), "CACHE": str(self.cache), **(env or {})}, **words))


@pytest.fixture(name="bench")
def make_bench(tmp_path):
    return Bench(tmp_path)


def refused(result, *words):
    assert result.returncode == 1
    for word in words:
        assert word in result.stderr


# --- setup.sh: tools, by the machine's own apt ----------------------------------------------


def test_setup_needs_a_level(bench):
    refused(bench.run("setup.sh", "all"), "usage: setup.sh build|run|guest|test")


def test_setup_elsewhere_names_packages(bench):
    """Without apt."""
    refused(bench.run("setup.sh", "build"), "this is not Debian", "gcc-riscv64-unknown-elf")
    assert not bench.cache.exists()


def test_setup_without_root_says_what_to_run():
    nobody = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        bench = Bench(pathlib.Path(folder)).stub("apt-get", "exit 9")
        result = bench.run("setup.sh", "build", **nobody)
    refused(result, "run as root: apt-get update && apt-get install", "gcc-riscv64-unknown-elf")


def test_setup_may_be_told_not_to(bench):
    result = bench.stub("apt-get", "exit 9").run("setup.sh", "build", env={"SETUP": "no"})
    refused(result, "SETUP=no, so nothing is installed", "apt-get install gcc-riscv64-unknown-elf")
    assert not bench.cache.exists()


def root(bench):
    """sudo does as root what it is given; root itself doesn't ask it."""
    return bench.stub("sudo", 'exec "$@"').stub("dpkg")


def test_setup_waits_for_a_lock_only_so_long(bench):
    bench = root(bench).stub("apt-get", "exit 9").stub("stat", "echo 8 1 5").stub("awk", "echo 1")
    refused(bench.run("setup.sh", "build", env={"LOCK_WAIT": "0"}), "process 1 (",
            "still holds the package manager after 0 s")


def test_setup_without_network(bench):
    result = root(bench).stub("apt-get", 'case " $* " in *" install "*) exit 100 ;; esac').run(
        "setup.sh", "build")
    refused(result, "apt could not install: ", "gcc-riscv64-unknown-elf", "is there a network?")
    assert not (bench.cache / "setup-unfinished").exists()


def test_setup_that_stays_half_done(bench):
    """dpkg has something to settle, and neither it nor apt can."""
    result = root(bench).stub("dpkg", "[ $1 = --audit ] && echo half || exit 1").stub(
        "apt-get", "exit 100").run("setup.sh", "build")
    refused(result, "apt could not install: ", "gcc-riscv64-unknown-elf")
    assert "network" not in result.stderr
    assert "trying once more with --fix-broken" in result.stdout
    assert (bench.cache / "setup-unfinished").exists()


def test_setup_that_installs_nothing(bench):
    refused(root(bench).stub("apt-get").run("setup.sh", "build"), "apt is done, yet",
            "riscv64-unknown-elf-gcc (package gcc-riscv64-unknown-elf)")


def test_setup_is_interrupted(bench):
    refused(root(bench).stub("apt-get", "kill -TERM $PPID").run("setup.sh", "build"),
            "interrupted; the next run goes on from here")
    assert (bench.cache / "setup-unfinished").exists()


# --- fetch.sh: third-party source and guests, by an apt of its own ----------------------------

MIRROR = {"MIRROR": "http://mirror.invalid/debian"}


def archive(bench, *names):
    """A tar with empty files of these names."""
    file = bench.folder / "archive"
    (bench.folder / "empty").write_bytes(b"")
    with tarfile.open(file, "w") as tar:
        for name in names:
            tar.add(bench.folder / "empty", name)
    return file


def fetch(bench, *items, apt="", cache="", names=("./nothing",), digest=None, deb=True, env=None,
          kinds=("orig",)):
    """With an archive whose index names one file for everything, a source as upstream's tarball
    (and Debian's: `kinds`). `apt` and `cache`: what apt-get and apt-cache do first."""
    file = archive(bench, *names)
    digest = digest or "SHA256:" + hashlib.sha256(file.read_bytes()).hexdigest()
    lines = "\n".join("'copy:%s.%s.tar.xz' x_1.%s.tar.xz %d %s" % (
        file, kind, kind, file.stat().st_size, digest) for kind in kinds)
    for kind in kinds:
        shutil.copy(file, "%s.%s.tar.xz" % (file, kind))
    bench.stub("apt-get", '%s\ncase " $* " in *" --print-uris "*) echo "%s" ;; esac' % (apt, lines))
    bench.stub("apt-cache", '%s\ncase " $* " in *" depends linux-s"*) echo "  Depends: linux-source-6" ;; '
               '*" depends "*) echo "  Depends: linux-image-6-x" ;; '
               '*) echo "Version: 1" ;; esac' % cache)
    bench.stub("dpkg-deb", "exec cat %s" % file if deb else "exit 2")
    return bench.run("fetch.sh", str(bench.cache), *items, env={**MIRROR, **(env or {})})


def test_fetch_needs_items(bench):
    refused(bench.run("fetch.sh", str(bench.cache)), "usage: fetch.sh CACHE ITEM...")
    refused(bench.run("fetch.sh", str(bench.cache), "freebsd"), "no item is called 'freebsd'")
    refused(bench.run("fetch.sh", "/dev/null/x", "linux"), "cannot make the cache folder")


def test_fetch_elsewhere(bench):
    refused(bench.run("fetch.sh", str(bench.cache), "linux", "libfdt"),
            "apt and dpkg are needed to take linux libfdt", "copy a filled cache")


def test_fetch_knows_no_mirror(bench):
    refused(fetch(bench, "linux", env={"MIRROR": ""}), "knows no Debian mirror", "MIRROR=URI")


SILENT = 'case " $* " in *" %s "*) exit %d ;; esac'
FAILURES = {
    "no index": ("linux", "index of Debian trixie could not be read",
                 {"apt": SILENT % ("update", 100)}),
    "no digest": ("linux", "gives no hash for x_1.orig.tar.xz", {"digest": "MD5Sum:00"}),
    "wrong digest": ("linux", "x_1.orig.tar.xz could not be downloaded",
                     {"digest": "SHA256:" + "0" * 64}),
    "no kernel package": ("linux", "names no kernel package", {"cache": "exit 0"}),
    "no package": ("linux", "cannot be unpacked", {"deb": False}),
    "no kernel": ("linux", "has no /boot/vmlinux-6-x", {}),
    "no bearssl": ("bearssl", "the source index has no bearssl", {"apt": SILENT % ("source", 0)}),
    "other bearssl": ("bearssl", "has no SHA-256 of BearSSL's in it",
                      {"names": ("b/inc/bearssl.h", "b/src/inner.h")}),
    "empty kernel": ("linux", "an empty /boot/vmlinux-6-x", {"names": ("./boot/vmlinux-6-x",)}),
    "no source": ("libfdt", "no device-tree-compiler", {"apt": SILENT % ("source", 0)}),
    "no libfdt": ("libfdt", "has no libfdt in it", {}),
    "other source": ("libfdt", "has no libfdt in it", {"names": ("dtc-1/libfdt/README",)}),
    "no busybox": ("busybox", "busybox-static has no /bin/busybox", {}),
    "empty busybox": ("busybox", "busybox-static has an empty /bin/busybox",
                      {"names": ("./usr/bin/busybox",)}),
    "no source to build": ("musl", "the source index has no musl with an .debian.tar", {}),
    "no kernel source": ("linux-source", "linux-source of trixie names no package",
                         {"cache": "exit 0"}),
    "broken kernel source": ("linux-source", "cannot be unpacked", {"deb": False}),
    "empty kernel source": ("linux-source", "has no /usr/src/linux-source-6.tar",
                            {"names": ("./usr/src/linux-source-6.tar.xz",)}),
    "broken source": ("musl", "x_1.orig.tar.xz cannot be unpacked",
                      {"cache": "", "kinds": ("orig", "debian"), "tar": "exit 2"}),
    "patch that is none": ("musl", "musl: Debian's a.patch cannot be applied",
                           {"kinds": ("orig", "debian"), "patch": "exit 1"}),
    "no cmocka": ("cmocka", "the source index has no cmocka", {"apt": SILENT % ("source", 0)}),
    "other cmocka": ("cmocka", "has no cmocka.c in it", {"names": ("cmocka-1/README",)}),
    "no firmware": ("opensbi", "opensbi has no generic fw_dynamic.bin for rv32",
                    {"names": ("./opensbi/riscv64-virt/generic/fw_dynamic.bin",)}),
    "no u-boot": ("u-boot", "u-boot-qemu has no build qemu-riscv64_smode", {}),
    "empty u-boot": ("u-boot", "have an empty qemu-riscv64_smode/u-boot.bin",
                     {"names": ("./usr/lib/u-boot/qemu-riscv64_smode/u-boot.bin",
                                "./usr/lib/u-boot/sifive_unleashed/u-boot-spl.bin")}),
}


@pytest.mark.parametrize("name", FAILURES)
def test_fetch_is_refused(bench, name):
    """What the archive gives isn't what is expected of it; nothing is left half-made."""
    item, words, changes = FAILURES[name]
    changes = dict(changes)
    if "tar" in changes:
        bench.stub("tar", changes.pop("tar"))
    if "patch" in changes:
        # What was unpacked has a series of one patch.
        bench.stub("tar", 'while [ "$1" != -C ]; do shift; done; mkdir -p "$2/debian/patches"; '
                   'echo a.patch >"$2/debian/patches/series"; touch "$2/debian/patches/a.patch"')
        bench.stub("patch", changes.pop("patch"))
    refused(fetch(bench, item, **changes), words)
    assert not [path for path in bench.cache.iterdir() if path.name not in (".lock", "apt")]
