"""Reads of `unittest.mock` are told from those of code."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from synapse._internal.doubles import is_specifying


@pytest.mark.parametrize(
    ("module", "function", "expected"),
    [
        ("unittest.mock", "create_autospec", True),
        ("unittest.mock", "_execute_mock_call", False),
        ("project.tests", "create_autospec", False),
    ],
)
def test_mock_that_makes_a_double_is_recognized(module: str, function: str, expected: bool) -> None:
    importlib.import_module("unittest.mock")  # without it, nothing can make a double
    namespace: dict[str, Any] = {"__name__": module, "ask": is_specifying}
    exec(f"def {function}(): return ask()", namespace)

    assert namespace[function]() is expected
