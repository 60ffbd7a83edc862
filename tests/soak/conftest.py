# SPDX-License-Identifier: MIT
"""The system tests' machines, for a test that takes as long as one likes."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))

# pylint: disable=wrong-import-position,unused-import
import importlib.util   # noqa: E402

SPEC = importlib.util.spec_from_file_location(
    "system_conftest", pathlib.Path(__file__).resolve().parents[1] / "system/conftest.py")
SYSTEM = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(SYSTEM)
bench = SYSTEM.bench
pytest_runtest_makereport = SYSTEM.pytest_runtest_makereport
