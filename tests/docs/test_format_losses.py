"""Each format's page has the table of what the format loses."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from synapse.formats import FORMATS

PAGES = Path(__file__).parents[2] / "docs" / "howto" / "formats"
ROW = re.compile(r"\| `([a-z-]+)` \| (.+?) \|")


@pytest.mark.parametrize("name", FORMATS)
def test_the_page_has_the_losses(name: str) -> None:
    losses = importlib.import_module(f"synapse.formats.{name}").LOSSES
    page = (PAGES / f"{name}.md").read_text(encoding="utf-8")
    table = page.split("\n| code | ", 1)[1]
    assert {match[1]: match[2] for match in ROW.finditer(table)} == losses
    assert list(losses) == sorted(losses)


def test_formats_are_sorted() -> None:
    assert list(FORMATS) == sorted(FORMATS)
