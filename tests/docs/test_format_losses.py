"""The tests of each format cause all losses of the manual's table, and no others."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from synapse.formats import FORMATS

ROOT = Path(__file__).parents[2]

# Notes the codes of all reports, by test file.
RECORDER = """
import json, os
from collections import defaultdict

from hypothesis import settings
from synapse.formats import FormatReport

codes = defaultdict(set)
note = FormatReport._note


def record(report, counts, loss):
    test = os.environ.get("PYTEST_CURRENT_TEST", "").partition("::")[0]
    codes[os.path.basename(test)].add(loss.code)
    note(report, counts, loss)


FormatReport._note = record


def pytest_collection_finish():
    settings.register_profile("short", settings.get_profile("tests"), max_examples=3)
    settings.load_profile("short")


def pytest_sessionfinish():
    with open(os.environ["CODES"], "w") as file:
        json.dump({name: sorted(found) for name, found in codes.items()}, file)
"""


@pytest.fixture(scope="module")
def codes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Return the codes that the tests of each format cause."""
    folder = tmp_path_factory.mktemp("losses")
    (folder / "recorder.py").write_text(RECORDER, encoding="utf-8")
    files = [f"tests/unit/formats/test_{name}.py" for name in FORMATS]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "recorder", "-p", "no:cacheprovider"]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(folder), *sys.path]),
        "CODES": str(folder / "codes.json"),
    }
    result = subprocess.run(
        [*command, "-p", "no:xdist", "-p", "no:cov", *files],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    found: dict[str, list[str]] = json.loads((folder / "codes.json").read_text())
    return {name: set(each) for name, each in found.items()}


@pytest.mark.parametrize("name", FORMATS)
def test_losses_of_the_table_happen_and_no_others(name: str, codes: dict[str, set[str]]) -> None:
    losses = import_module(f"synapse.formats.{name}").LOSSES
    assert codes[f"test_{name}.py"] == set(losses)
