"""Where the built manual is."""

from __future__ import annotations

from pathlib import Path

HTML = Path(__file__).parents[2] / "docs" / "_build" / "html"
