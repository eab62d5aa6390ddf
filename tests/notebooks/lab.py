"""Where JupyterLab runs, and how it looks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs

__all__ = ["PICTURES", "Lab"]

PICTURES = Path(__file__).parents[2] / "build" / "notebooks"
"""Folder of the screenshots."""

_THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}


@attrs.frozen
class Lab:
    """A running JupyterLab.

    Attributes:
        url: Address of the server.
        settings: Folder of the user's settings.
        trusted: Name of the notebook that the user trusts.
        untrusted: Name of the notebook by somebody else.
    """

    url: str
    settings: Path
    trusted: str = "trusted.ipynb"
    untrusted: str = "untrusted.ipynb"

    def choose_theme(self, name: str) -> None:
        """Choose the theme of the next page."""
        self.write("apputils-extension/themes", {"theme": _THEMES[name]})

    def write(self, name: str, settings: dict[str, Any]) -> None:
        """Write the settings of a plugin."""
        path = self.settings / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(settings))
