"""Importing the package loads no more than needed."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"django", "rest_framework", "rich", "typer", "numpy", "PIL", "pandas", "torch", "ray"}
# A request needs these; `import synapse` doesn't.
LATER = {"requests", "urllib3", "attrs", "attr", "cattrs", "cachetools"}


@pytest.mark.parametrize(
    ("statement", "unwanted"),
    [
        ("import synapse", HEAVY | LATER),
        ("import synapse; synapse.Session; synapse.Project", HEAVY),
        ("import synapse.cli", HEAVY | LATER),
        ("import synapse.testing", HEAVY | LATER),
        ("import synapse.testing.plugin", HEAVY | LATER),
        ("from synapse.emulator import Emulator", HEAVY | LATER),
    ],
)
def test_import_loads_no_more_than_needed(statement: str, unwanted: set[str]) -> None:
    script = f"import sys; {statement}; print(*{{name.partition('.')[0] for name in sys.modules}})"

    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )

    assert "synapse" in result.stdout.split()
    assert not unwanted & set(result.stdout.split())


def test_a_session_that_sent_nothing_has_loaded_nothing_for_later() -> None:
    script = (
        "import sys, synapse; synapse.Session('http://127.0.0.1:9', 'token').tasks; "
        "print(*sys.modules)"
    )

    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )

    unwanted = {
        "synapse.orm.signatures",
        "synapse.orm.bulk_changes",
        "synapse.orm.bulk_creation",
        "synapse.orm.frames",
        "sqlite3",
        "synapse.transport.batches",
        "synapse.transport.in_flight",
        "synapse.transport.paging",
        "cattrs",
    }
    assert not unwanted & set(result.stdout.split())


@pytest.mark.parametrize("table", ["COMMANDS", "_GROUPS"], ids=["own", "resources"])
def test_no_command_loads_more_than_needed(table: str) -> None:
    # One process for all: what a command loads first is counted as its own.
    script = f"""
import sys
from synapse.cli.app import {table} as table
for name, command in table.items():
    before = set(sys.modules)
    command.load(name)
    print(name, *{{module.partition(".")[0] for module in set(sys.modules) - before}})
"""

    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )

    loaded = {name: set(modules) for name, *modules in map(str.split, result.stdout.splitlines())}
    assert len(loaded) > 10
    unwanted = HEAVY | LATER
    assert {name: found for name, modules in loaded.items() if (found := modules & unwanted)} == {}
