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

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]

# Notes the codes of all reports by the format that noted each: the nearest one on the stack.
RECORDER = """
import json, os, sys
from collections import defaultdict

from hypothesis import settings
from synapse.formats import FORMATS, FormatReport

codes = defaultdict(set)
note = FormatReport._note
shared = {f"synapse.formats.{name}" for name in ("contained", "lazy_samples", "short_names")}
prefixes = {f"synapse.formats.{name}": name for name in FORMATS}


def record(report, counts, loss):
    frame = sys._getframe(1)
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module in shared:  # these check the pictures of every format
            break
        name = next((prefixes[each] for each in prefixes if module.startswith(each)), None)
        if name is not None:
            codes[name].add(loss.code)
            break
        frame = frame.f_back
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
    """Return the codes that each format notes in the formats' tests."""
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
    assert codes[name] == set(losses)
