"""Check that the test beside each guarantee of the manual exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ["docs/explanation/reliability.md", "docs/explanation/security.md"]
ROW = re.compile(r"\| (?P<promise>.+?) \| (?P<tests>`tests/.+`) \|")


def find_promises() -> list[tuple[str, str]]:
    """Return page and test of each promise."""
    pairs = []
    for page in PAGES:
        for line in (ROOT / page).read_text(encoding="utf-8").splitlines():
            if row := ROW.fullmatch(line):
                pairs += [(page, test) for test in re.findall(r"`(tests/[^`]+)`", row["tests"])]
    return pairs


@pytest.mark.parametrize(("page", "test"), find_promises())
def test_its_test_exists(page: str, test: str) -> None:
    path, *names = test.split("::")
    body = ast.parse((ROOT / path).read_text(encoding="utf-8")).body
    for name in names:
        matches = [
            node
            for node in body
            if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and node.name == name
        ]
        assert matches, f"{path} has no {name}"
        body = matches[0].body
    assert isinstance(matches[0], ast.FunctionDef)
    assert matches[0].name.startswith("test_")


@pytest.mark.parametrize("page", PAGES)
def test_every_promise_names_one(page: str) -> None:
    lines = (ROOT / page).read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if line.startswith("| ") and line != "| promise | test |"]
    assert rows
    for row in rows:
        assert ROW.fullmatch(row), row
