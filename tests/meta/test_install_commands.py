"""No text installs this SDK by the bare name, which is another package's on an index."""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("synapse", "docs", "examples", "tools", "tests")
SUFFIXES = {".cfg", ".md", ".py", ".toml", ".txt", ".ipynb", ".yaml", ".yml"}
# A direct reference, `name @ URL`, names the place.
BARE_NAME = re.compile(
    r"(?:(?<!un)install|\badd|--with)\b[^\n]*?[\s'\"]synapse[-_]sdk"
    r"(?![\w.-]|[^\n]*? @ )(?=[\['\"\s<>=~!]|$)"
    r"|synapse-sdk\[(?=[\w{])(?![^\n]*\] @ )",
    re.IGNORECASE | re.MULTILINE,
)


def find_bare_names(text: str) -> list[str]:
    """Return the commands that install the bare name, or name an extra of that."""
    return [match[0] for match in BARE_NAME.finditer(text)]


def list_texts() -> Iterator[Path]:
    """Yield the files with messages, examples and documentation, this one excepted."""
    yield from (path for path in ROOT.glob("*") if path.suffix in SUFFIXES)
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*"):
            is_text = path.suffix in SUFFIXES and "_build" not in path.parts
            if is_text and path != Path(__file__):
                yield path


def test_the_manual_lists_each_extra() -> None:
    setup = configparser.RawConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    # Those of people who work on the SDK itself.
    own = {"bench", "dev", "docs", "test", "unit"}
    extras = {
        name
        for name in setup["options.extras_require"]
        if name not in own and not name.endswith("-test")
    }
    page = (ROOT / "docs/howto/installing.md").read_text("utf-8")
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    assert {name for row in rows for name in re.findall(r"`([^`]+)`", row)} == extras


def test_no_text_installs_the_bare_name() -> None:
    found = {
        str(path.relative_to(ROOT)): names
        for path in list_texts()
        if (names := find_bare_names(path.read_text(encoding="utf-8")))
    }

    assert found == {}


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("pip install 'synapse-sdk[cli]'", True),
        ("$ pip install --upgrade synapse-sdk", True),
        ('pip install "synapse-sdk>=1"', True),
        ("uv add synapse-sdk", True),
        ("Install synapse-sdk[cli].", True),
        ("pip install 'synapse_sdk[cli]'", True),
        ("pip install '.[cli]'", False),
        ("pip install './synapse_sdk-1!0.1.0-py3-none-any.whl[cli]'", False),
        ("pip install 'synapse-sdk @ git+https://example.com/synapse-sdk'", False),
        ("pip install 'synapse-sdk[cli] @ git+https://example.com/synapse-sdk'", False),
        ("pip uninstall synapse-sdk", False),
        ("name = synapse-sdk", False),
    ],
)
def test_bare_name_is_found(text: str, is_found: bool) -> None:
    assert bool(find_bare_names(text)) == is_found
