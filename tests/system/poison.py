# SPDX-License-Identifier: MIT
"""RAM as a board has it at power-on: bytes of chance wherever the loader put nothing."""

import pathlib
import random
import re
import struct
import subprocess

RAM_BASE = 0x80000000
CHUNK = 16 << 20
PAGE = 4096


def rom_ranges(line):
    """What the emulator itself loads into RAM, by its monitor."""
    answer = subprocess.run([*line, "-S"], input=b"\x01cinfo roms\nquit\n", capture_output=True,
                            timeout=60, check=True).stdout.decode()
    found = re.findall(r"addr=([0-9a-f]+) size=0x([0-9a-f]+) mem=ram", answer)
    assert found, answer
    return sorted((int(addr, 16), int(size, 16)) for addr, size in found)


def without_bss(elf, folder):
    """A copy of an ELF whose segments end with the file's bytes: QEMU would clear what follows,
    and a board's loader needn't."""
    data = bytearray(pathlib.Path(elf).read_bytes())
    wide = data[4] == 2
    offset, = struct.unpack_from("<Q" if wide else "<I", data, 32 if wide else 28)
    size, count = struct.unpack_from("<HH", data, 54 if wide else 42)
    for at in range(offset, offset + size * count, size):
        file_size, memory_size = (at + 32, at + 40) if wide else (at + 16, at + 20)
        data[memory_size:memory_size + (8 if wide else 4)] = \
            data[file_size:file_size + (8 if wide else 4)]
    copy = folder / "without-bss.elf"
    copy.write_bytes(data)
    return copy


def mebibytes(line):
    size = line[line.index("-m") + 1]
    return int(size[:-1]) * {"M": 1, "G": 1024}[size[-1]]


def poisoned(line, folder):
    """The emulator's command line with all RAM filled that it doesn't load something into."""
    line = list(line)
    at = line.index("-kernel") + 1
    line[at] = str(without_bss(line[at], folder))
    end = RAM_BASE + (mebibytes(line) << 20)
    chunk = folder / "random"
    noise = random.Random(1).randbytes(CHUNK)
    chunk.write_bytes(noise)
    where = RAM_BASE
    for base, size in rom_ranges(line) + [(end, 0)]:
        while where < base:
            part, file = min(CHUNK, base - where), chunk
            if part < CHUNK:
                file = folder / ("random-%x" % part)
                file.write_bytes(noise[:part])
            line += ["-device", "loader,file=%s,addr=0x%x,force-raw=on" % (file, where)]
            where += part
        where = max(where, base + size)
    return line
