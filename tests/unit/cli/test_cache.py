import json
import os
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from synapse.cli.app import app
from synapse.transfer.cache_folder import cache_folder, make_entry, store_file


@pytest.fixture(autouse=True)
def own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


@pytest.fixture
def files() -> None:
    """Two files: one of today, one of the last week."""
    for number, days in ((1, 0), (2, 7)):
        path = make_entry(f"{number:032x}") / "a.bin"
        store_file(path, bytes(100_000))
        used = time.time() - days * 86_400
        os.utime(path.parent, (used, used))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["cache", *arguments])


def test_show_of_nothing() -> None:
    result = run("show")

    assert result.stdout == f"{cache_folder()}\n0 files, 0 B (at most 20 GiB)\n"
    assert not cache_folder().exists()


def test_show(files: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNAPSE_CACHE_SIZE", "unlimited")

    lines = run("show").stdout.splitlines()
    assert lines[:2] == [str(cache_folder()), "2 files, 200 KiB (no bound)"]
    assert lines[2].startswith("oldest use: 20")


def test_show_as_json(files: None) -> None:
    values = json.loads(run("show", "--json").stdout)

    assert values.pop("oldest_use").endswith("+00:00")
    assert values == {
        "folder": str(cache_folder()),
        "files": 2,
        "bytes": 204_800,
        "limit": 20 * 1024**3,
    }


def test_clear(files: None) -> None:
    options = ["clear", "--older-than", "2"]

    assert run(*options, "--dry-run").stdout == "Would remove 1 files, 100 KiB.\n"
    assert run(*options).stdout == "Removed 1 files, 100 KiB.\n"
    assert run("clear").stdout == "Removed 1 files, 100 KiB.\n"
    assert run("clear").stdout == "Removed 0 files, 0 B.\n"


def test_wrong_setting_is_one_line(files: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNAPSE_CACHE_SIZE", "much")

    result = run("show")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "SYNAPSE_CACHE_SIZE is 'much'" in result.stderr
    assert run("clear", "--older-than", "-1").exit_code == 2
