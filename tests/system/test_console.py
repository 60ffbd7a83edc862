# SPDX-License-Identifier: MIT
"""Whose line is it: what the hypervisor says never lands inside a line of a guest's."""

import re

import pytest

from machine import EXIT_DONE, EXIT_FAILED, broken_lines
from manifests import assemble, pack

PARTIAL = "a line without its end"


@pytest.mark.parametrize("reason, status", [("NO_REASON", EXIT_DONE), ("FAILURE", EXIT_FAILED)])
def test_guest_ends_inside_a_line(bench, tmp_path, reason, status):
    """The next message begins a line of its own."""
    guest = assemble(tmp_path, 'say "%s"\nreset SRST_SHUTDOWN, %s\n' % (PARTIAL, reason))
    ended = bench.run(pack(tmp_path, guest)).ends(status)
    lines = ended.text.rstrip("\n").split("\n")
    after = lines[lines.index(PARTIAL) + 1:]
    assert re.match(r"\[[+!]\] CPU \d: Capsule 1: web: ", after[0])
    assert all(re.match(r"\[[+!]\] CPU \d: ", line) for line in after)
    assert re.fullmatch(r"\[\+\] CPU \d: Powering off", after[-1])


def test_guest_writes_what_it_likes(bench, tmp_path):
    """Bytes of all values, line ends of all kinds, and a line that looks like a message."""
    text = r"\001\377\033[0m\r\r\n\n[+] CPU 0: not true\r\n\tdone\r\n"
    guest = assemble(tmp_path, 'say "%s"\nreset SRST_SHUTDOWN, NO_REASON\n' % text)
    ended = bench.run(pack(tmp_path, guest)).ends(EXIT_DONE)
    raw = ended.log.read_bytes()
    assert b"\x01\xff\x1b[0m\r\r\n\n[+] CPU 0: not true\r\n\tdone\r\n[+] CPU " in raw


def test_the_check_of_lines_can_fail():
    """broken_lines() finds what every system test asserts is not there."""
    assert broken_lines("abc[+] CPU 0: x\nfine\n[?] CPU 1: y\n") == ["abc[+] CPU 0: x"]
    assert not broken_lines("[+] CPU 0: x\nfine\n")
