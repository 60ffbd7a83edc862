# SPDX-License-Identifier: MIT
"""Keeps what the host's tools say, for tools/check-refusals: build/test-logs/tools.log."""

import pathlib

LOG = pathlib.Path(__file__).resolve().parents[2] / "build/test-logs/tools.log"


def noted(result):
    """A finished process, whose messages are added to the log in one write: tests run at once."""
    LOG.parent.mkdir(parents=True, exist_ok=True)
    with open(LOG, "ab", buffering=0) as log:
        log.write(result.stderr.encode("utf-8", "surrogateescape"))
    return result
