"""Reads of a completer are told from those of code."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

from synapse._internal.completion import is_completing


def call_from(module: str) -> bool:
    """Call from a function of a module with a name."""
    namespace: dict[str, Any] = {"__name__": module, "ask": lambda: is_completing()}
    exec("def read(): return ask()", namespace)
    result: bool = namespace["read"]()
    return result


@pytest.mark.parametrize(
    ("module", "expected"),
    [("jedi.inference.access", True), ("jedi", True), ("jedify", False), ("notebook", False)],
)
def test_jedi_is_recognized(monkeypatch: pytest.MonkeyPatch, module: str, expected: bool) -> None:
    monkeypatch.setitem(sys.modules, "jedi", ModuleType("jedi"))

    assert call_from(module) is expected


def test_without_jedi_nobody_completes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "jedi", raising=False)

    assert not call_from("jedi")
    assert not is_completing()
