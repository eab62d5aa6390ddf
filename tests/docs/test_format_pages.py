"""The manual's page of each format lists the format's losses."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

from synapse.formats import FORMATS

PAGES = Path(__file__).parents[2] / "docs" / "howto" / "formats"
ROW = re.compile(r"^\| `([a-z-]+)` \| (.+) \|$", re.MULTILINE)


def test_each_format_has_a_page() -> None:
    assert sorted(path.stem for path in PAGES.glob("*.md")) == sorted(["index", *FORMATS])
    assert list(FORMATS) == sorted(FORMATS)


@pytest.mark.parametrize("name", FORMATS)
def test_table_lists_the_losses(name: str) -> None:
    page = (PAGES / f"{name}.md").read_text(encoding="utf-8")
    losses: dict[str, str] = import_module(f"synapse.formats.{name}").LOSSES
    table = page.partition("\n## Losses\n")[2]
    assert dict(ROW.findall(table)) == losses
    assert list(losses) == sorted(losses)
