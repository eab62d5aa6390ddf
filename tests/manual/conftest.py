"""Tests of the built manual: `make docs` builds it, and runs them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from manual import HTML


def pytest_sessionstart() -> None:
    if not (HTML / "searchindex.js").exists():
        pytest.exit("The manual isn't built. Run make docs.", 1)
