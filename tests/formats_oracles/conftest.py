"""The formats against other libraries.

`make test-formats` runs these tests; `make test` doesn't, as they need large libraries.
"""

from __future__ import annotations

from pathlib import Path

import pytest

# Warnings of the other libraries, each with its reason.
_FOREIGN = [
    # pycocotools knows numpy 1 only.
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            for each in _FOREIGN:
                item.add_marker(pytest.mark.filterwarnings(each))


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """A folder for an export, beside other files of the test."""
    return tmp_path / "out"
