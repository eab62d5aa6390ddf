"""`synapse demo`: run the quickstart example."""

from __future__ import annotations

import importlib

import typer

from synapse.errors import MissingExtra

__all__ = ["demo"]


def demo() -> None:
    """Upload, annotate and train on a local backend, and check the results."""
    try:
        quickstart = importlib.import_module("synapse.examples.quickstart")
    except ModuleNotFoundError as error:
        raise MissingExtra("The demo", "demo") from error
    if not quickstart.main():
        raise typer.Exit(1)
