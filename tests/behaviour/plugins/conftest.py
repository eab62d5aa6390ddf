"""A plugin's folder, to be released and run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from synapse import Plugin, Session

CONFIG: dict[str, Any] = {
    "code": "echo",
    "name": "Echo",
    "version": "1.0.0",
    "category": "export",
    "description": "Says what it is told.",
    "actions": {
        "say": {
            "entrypoint": "echo.say:run",
            "parameters": {
                "type": "object",
                "properties": {"text": {"type": "string"}, "times": {"type": "integer"}},
                "required": ["text"],
                "additionalProperties": False,
            },
        },
        "fail": {"entrypoint": "echo.say:fail"},
    },
}

CODE = """
def run(context):
    for number in range(context.params.get("times", 1)):
        print(context.params["text"])
        context.progress(number + 1, context.params.get("times", 1))
    context.metrics(letters=len(context.params["text"]))
    return {"said": context.params["text"]}


def fail():
    raise RuntimeError("boom")
"""


class Folder:
    """A plugin's folder.

    Attributes:
        path: Where it is.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "echo").mkdir(parents=True)
        (path / "echo" / "say.py").write_text(CODE)
        (path / "README.md").write_text("# Echo")
        self.configure()

    def configure(self, **changes: Any) -> None:
        """Write the configuration, with changes."""
        (self.path / "config.yaml").write_text(
            yaml.safe_dump({**CONFIG, **changes}, sort_keys=False)
        )


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """The folder of the plugin `echo`, version 1.0.0."""
    return Folder(tmp_path / "echo-plugin")


@pytest.fixture
def plugin(session: Session, folder: Folder) -> Plugin:
    """That plugin, without a release."""
    return session.plugins.create(folder=folder.path)
